//! The server's side of the TLS 1.3 handshake (RFC 9846 section 2; the figure is in `client13`).
use super::{
    Established, Leaves, Secrets, authenticate, certificate,
    certificate_types::{self, Offered},
    check_extensions::check_extensions,
    established::{Believed, FinishedVerified, Info},
    negotiate::{self, Chosen, Share},
    peer::{EarlyData, Message, Peer},
    psk13::{self, AcceptedPsk},
    record_keys::{opener13, sealer13},
    record_size, server,
    sessions::{self, Made},
};
use crate::{
    Error,
    config::ServerConfig,
    crypto::{hash::HashAlgorithm, sign::SchemeUse},
    error::{Failure, Misbehaved},
    exchange::Group,
    identity::{Credential, Verifier},
    observe::{Choice, Epoch, Event, Resumed},
    resume::Scope,
    schedule::{
        Kdf,
        tls13::{EarlySecret, HandshakeSecret, TrafficSecret},
    },
    suite::Suite,
    wire::{
        CertificateType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, PskKeyExchangeMode, Side,
        SignatureScheme,
        extension::{self, Extensions, KeyShareEntry, Place, ProtocolName, push},
        message::{
            ClientHello, EncryptedExtensions, EndOfEarlyData, Finished, HELLO_RETRY_REQUEST_RANDOM,
            ServerHello,
        },
    },
};
use pki_types::UnixTime;
use smallvec::SmallVec;
use std::sync::Arc;

pub(super) async fn handshake(
    peer: Peer,
    config: Arc<ServerConfig>,
    message: Message,
) -> Result<Established, Error> {
    // ClientHello; a second one if the first has to be answered with a HelloRetryRequest.
    let now = config.clock.now().ok_or(Failure::Clock)?;
    let mut second = None;
    let Agreed { hello, suite, mut info, types, scope, shown, credential, share, psk, early_data } =
        agree(&peer, &config, now, &message, &mut second).await?;
    let authenticated = psk.as_ref().map_or(now, |psk| psk.authenticated(now));

    // ServerHello, after which both sides share the secrets of the handshake.
    let exchanged = exchange(&peer, &config, &hello, Exchange { suite, share, psk, early_data })?;
    let Exchanged { handshake, early_traffic } = exchanged;
    info.forward_secret &= share.is_some();
    let handshake_traffic = handshake.traffic(&peer.transcript_hash());
    if !hello.session_id.is_empty() && !info.hello_retry {
        peer.send_change_cipher_spec()?;
    }
    peer.install_write(sealer13(suite, &handshake_traffic.server)?, Epoch::Handshake)?;
    let record_size = record_size::Answer::to(&peer, info.version, &config, &hello)?;
    match (&early_traffic, early_data) {
        (Some(early_traffic), Some(most)) => {
            info.resumed = Resumed::EarlyData;
            peer.install_read(opener13(suite, early_traffic)?, Epoch::EarlyData);
            peer.set_early_data(EarlyData::Accepted(most));
        }
        _ => {
            peer.install_read(opener13(suite, &handshake_traffic.client)?, Epoch::Handshake);
            if !info.hello_retry {
                skip_early_data(&peer, &config, &hello);
            }
        }
    }
    let main = handshake.into_main();

    // EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished.
    // RFC 9846 section 4.3.2: a server that authenticates with a pre-shared key must not ask in the handshake.
    let asked = if credential.is_some() { types.to_ask(&config)? } else { None };
    let answers = Answers { credential: shown.as_deref(), asked, record_size };
    send_encrypted_extensions(&peer, &config, &info, &hello, &answers)?;
    let verifier = config.client_authentication.verifier().zip(asked);
    if let Some((verifier, _)) = verifier {
        authenticate::request_certificate13(&peer, &config, verifier);
    }
    if let Some((credential, scheme)) = &credential {
        info.own_scheme = Some(*scheme);
        authenticate_server(&peer, &config, &hello, credential, *scheme).await?;
    }
    let verify_data = handshake_traffic.server.verify_data(&peer.transcript_hash());
    peer.send(&Finished { verify_data: verify_data.as_ref() });
    let transcript = peer.transcript_hash();
    let application_traffic = main.application_traffic(&transcript);
    let exporter = main.exporter(&transcript);
    peer.install_write(sealer13(suite, &application_traffic.server)?, Epoch::Application(0))?;
    if verifier.is_none() {
        // A client that has to show a certificate gets no data before it has.
        peer.allow_sending();
    }

    // EndOfEarlyData, the client's Certificate and CertificateVerify, its Finished.
    if early_traffic.is_some() {
        end_of_early_data(&peer, suite, &handshake_traffic.client).await?;
    }
    let mut believed = if credential.is_some() { Believed::NotAsked } else { Believed::KnowsKey };
    if let Some((verifier, asked)) = verifier
        && let Some(by_certificate) = authenticate_client(&peer, &config, verifier, asked, &mut info).await?
    {
        believed = by_certificate;
    }
    let finished = FinishedVerified::expect13(&peer, &handshake_traffic.client).await?;
    peer.install_read(opener13(suite, &application_traffic.client)?, Epoch::Application(0));

    // NewSessionTicket.
    let secret = main.into_resumption(&peer.transcript_hash());
    let made = Made { info: &info, scope: &scope, now, authenticated };
    let names = sessions::send_tickets(&peer, &config, &hello, &secret, made).await?;
    if !names.is_empty() {
        peer.leave(Leaves::Server { config, names });
    }
    let secrets = Secrets::Tls13 { traffic: application_traffic, exporter, resumption: None };
    Ok(Established::new(info, secrets, None, believed, finished))
}

/// What both sides have agreed on when the server's hello is due.
struct Agreed<'a> {
    /// The ClientHello that counts: the second, if there was one.
    hello: ClientHello<'a>,
    suite: &'static Suite,
    info: Info,
    types: Offered,
    scope: Scope,
    /// The credential that is about to be shown, or would be but for a resumption.
    shown: Option<Arc<Credential>>,
    /// The certificate to show and the scheme to sign with, unless a pre-shared key does instead.
    credential: Option<(Arc<Credential>, SignatureScheme)>,
    /// The share to meet; none if the pre-shared key does without.
    share: Option<(&'static Group, &'a [u8])>,
    psk: Option<AcceptedPsk>,
    /// How much early data is accepted, if it is.
    early_data: Option<usize>,
}

/// Decides what is answered: a name, a protocol, a certificate, or a key that both sides have already; and a group,
/// for which it may take a second ClientHello.
async fn agree<'a>(
    peer: &Peer,
    config: &ServerConfig,
    now: UnixTime,
    message: &'a Message,
    second: &'a mut Option<Message>,
) -> Result<Agreed<'a>, Error> {
    let first = ClientHello::decode(message.body())?;
    check_hello(&first)?;
    let name = server::server_name(&first)?;
    let alpn = negotiate::alpn(&config.alpn, config.ignore_unknown_alpn, &first)?;
    let types = Offered::read(&first)?;
    let candidate = choose_credential(peer, config, &first, name.as_deref(), &types).await;
    let shown = candidate.as_ref().ok().map(|(credential, _)| Arc::clone(credential));
    let scope = sessions::server_scope(config, name.as_deref(), shown.as_deref());
    let resumable = psk13::Resumable { config, scope: &scope, now };
    let mut psk = psk13::accept(peer, &resumable, &first, &common_hashes(config, &first), None).await?;
    let suite = suite(peer, config, &first, psk.as_ref().map(|psk| psk.hash))?;
    peer.start_hash(suite.hash);
    let mut info = Info { server_name: name, alpn, extended_master_secret: true, ..Info::new(suite) };

    let mut hello = first;
    let mut share = choose_share(config, &first, psk.as_ref())?;
    if let Some(Chosen { value: Share::Retry(group), because }) = share {
        info.hello_retry = true;
        peer.tap().emit(|| Event::Chose { what: Choice::HelloRetryRequest, because });
        skip_early_data(peer, config, &first);
        let second = second.insert(retry(peer, suite, group, message, &first).await?);
        hello = second_hello(&first, second, group)?;
        // What is stored was taken from the store: the second hello offers it to us who have it already.
        let earlier = psk.and_then(|psk| psk.into_earlier(&first));
        psk = psk13::accept(peer, &resumable, &hello, &[suite.hash], earlier).await?;
        share = choose_share(config, &hello, psk.as_ref())?;
    }
    let share = share.map(|share| use_share(peer, share)).transpose()?;
    info.group = share.map(|(group, _)| group.code);
    let (credential, early_data) = match &psk {
        Some(psk) => {
            psk.restore(&mut info);
            (None, psk13::early_data(peer, &resumable, &hello, psk, &info).await)
        }
        None => (Some(candidate?), None),
    };
    let shown = shown.filter(|_| info.external_psk.is_none());
    Ok(Agreed { hello, suite, info, types, scope, shown, credential, share, psk, early_data })
}

/// What goes into the exchange.
struct Exchange<'a> {
    suite: &'static Suite,
    share: Option<(&'static Group, &'a [u8])>,
    psk: Option<AcceptedPsk>,
    early_data: Option<usize>,
}

/// What comes out of it.
struct Exchanged {
    handshake: HandshakeSecret,
    /// What early data is protected with, if it is accepted.
    early_traffic: Option<TrafficSecret>,
}

/// Sends the ServerHello: a key made for this handshake meets the client's share, and is gone.
fn exchange(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    Exchange { suite, share, psk, early_data }: Exchange<'_>,
) -> Result<Exchanged, Error> {
    let selected_identity = psk.as_ref().map(|psk| psk.selected_identity);
    let early = match psk {
        Some(psk) => psk.early,
        None => EarlySecret::without_psk(Kdf::new(suite.hash, peer.tap())),
    };
    let early_traffic = early_data.map(|_| {
        let hello = peer.transcript_hash();
        peer.set_early_exporter(early.early_exporter(&hello));
        early.early_traffic(&hello)
    });
    peer.forget_messages();
    let Some((group, share)) = share else {
        send_hello(peer, config, suite, hello, None, selected_identity)?;
        return Ok(Exchanged { handshake: early.into_handshake_psk_only(), early_traffic });
    };
    let (reply, shared) = config.keys().encapsulate(group, share)?;
    authenticate::made_and_spent(peer, Some(group.code), &reply);
    send_hello(peer, config, suite, hello, Some((group.code, reply)), selected_identity)?;
    Ok(Exchanged { handshake: early.into_handshake(shared), early_traffic })
}

fn check_hello(hello: &ClientHello<'_>) -> Result<(), Error> {
    // RFC 9846 section 4.1.2: one byte, zero.
    if hello.compression_methods != [0] {
        return Err(Misbehaved::BadCompression.into());
    }
    let last = hello.extensions.last() == Some(ExtensionType::PRE_SHARED_KEY);
    match hello.extensions.contains(ExtensionType::PRE_SHARED_KEY) && !last {
        true => Err(Misbehaved::PreSharedKeyNotLast.into()),
        false => Ok(()),
    }
}

/// The hashes of the suites that both sides have: a pre-shared key must belong to one of them.
fn common_hashes(config: &ServerConfig, hello: &ClientHello<'_>) -> SmallVec<[HashAlgorithm; 8]> {
    let common = |suite: &&Suite| hello.cipher_suites.contains(suite.code);
    config.policy.suites(ProtocolVersion::TLS_1_3).filter(common).map(|suite| suite.hash).collect()
}

fn suite(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    hash: Option<HashAlgorithm>,
) -> Result<&'static Suite, Error> {
    let suite = negotiate::suite13(&config.policy, hello.cipher_suites, hash)?;
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.value.code), because: suite.because });
    Ok(suite.value)
}

/// The certificate, and the scheme to sign with. With a pre-shared key neither will be needed.
async fn choose_credential(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    name: Option<&str>,
    types: &Offered,
) -> Result<(Arc<Credential>, SignatureScheme), Error> {
    let schemes = hello.extensions.get::<extension::SignatureAlgorithms<'_>>()?;
    let schemes = schemes.ok_or(Misbehaved::NoSignatureAlgorithms)?.supported_signature_algorithms;
    let wanted = server::Wanted { name, certificate_types: &types.server, schemes };
    let credential = server::credential(peer, config, hello, &wanted, None).await?;
    let scheme = negotiate::scheme(credential.schemes(), credential.key_kind(), SchemeUse::Tls13, schemes)?;
    Ok((credential, scheme.value))
}

/// The server's Certificate and CertificateVerify.
async fn authenticate_server(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    credential: &Credential,
    scheme: SignatureScheme,
) -> Result<(), Error> {
    let because = "the key's first that the client accepts";
    peer.tap().emit(|| Event::Chose { what: Choice::SignatureScheme(scheme), because });
    certificate::send13(peer, credential, &config.certificate_compression, &hello.extensions)?;
    authenticate::sign13(peer, Side::Server, credential, scheme).await
}

/// The client's Certificate and CertificateVerify; none if it has no certificate and need not.
async fn authenticate_client(
    peer: &Peer,
    config: &ServerConfig,
    verifier: &Verifier,
    asked: CertificateType,
    info: &mut Info,
) -> Result<Option<Believed>, Error> {
    let Some(client) = certificate::client13(peer, config, verifier, asked).await? else {
        return Ok(None);
    };
    let signed = peer.transcript_hash();
    let message = peer.expect(HandshakeType::CERTIFICATE_VERIFY).await?;
    let schemes = &config.policy.signature_schemes;
    let (scheme, proof) = authenticate::verify13(peer, Side::Client, schemes, &client, &signed, &message)?;
    info.peer_scheme = Some(scheme);
    let (identity, believed) = Believed::signed(client, proof);
    info.peer = Some(identity);
    Ok(Some(believed))
}

/// The share that is met, after a HelloRetryRequest if there was one.
fn use_share<'a>(peer: &Peer, chosen: Chosen<Share<'a>>) -> Result<(&'static Group, &'a [u8]), Error> {
    let Chosen { value: Share::Use(group, share), because } = chosen else {
        return Err(Misbehaved::SecondHelloDiffers.into());
    };
    peer.tap().emit(|| Event::Chose { what: Choice::Group(group.code), because });
    Ok((group, share))
}

/// The share to meet; none if a pre-shared key does without (psk_ke).
fn choose_share<'a>(
    config: &ServerConfig,
    hello: &ClientHello<'a>,
    psk: Option<&AcceptedPsk>,
) -> Result<Option<Chosen<Share<'a>>>, Error> {
    if psk.is_some_and(|psk| psk.mode == PskKeyExchangeMode::psk_ke) {
        return Ok(None);
    }
    let supported = hello.extensions.get::<extension::SupportedGroups<'_>>()?;
    let supported = supported.ok_or(Misbehaved::MissingExtension)?.named_group_list;
    let shares = hello.extensions.get::<extension::KeyShareClientHello<'a>>()?;
    let shares = shares.ok_or(Misbehaved::MissingExtension)?.client_shares;
    // Counted before anything is compared with anything.
    if shares.iter().nth(config.limits.key_shares).is_some() {
        return Err(Misbehaved::TooManyKeyShares.into());
    }
    for (index, share) in shares.iter().enumerate() {
        // RFC 9846 section 4.2.8: each group once, and only groups that are supported.
        if shares.iter().take(index).any(|other| other.group == share.group) {
            return Err(Misbehaved::DuplicateKeyShare.into());
        }
        if !supported.contains(share.group) {
            return Err(Misbehaved::ShareOfUnsupportedGroup.into());
        }
    }
    negotiate::share(&config.policy, supported, shares).map(Some)
}

/// Early data that is not accepted is skipped (RFC 9846 section 4.2.10).
fn skip_early_data(peer: &Peer, config: &ServerConfig, hello: &ClientHello<'_>) {
    if hello.extensions.contains(ExtensionType::EARLY_DATA) {
        peer.set_early_data(EarlyData::Skipped(config.limits.skipped_early_data));
    }
}

/// RFC 9846 section 4.5: the client says where its early data ends, and changes keys.
async fn end_of_early_data(peer: &Peer, suite: &Suite, handshake: &TrafficSecret) -> Result<(), Error> {
    let message = peer.expect(HandshakeType::END_OF_EARLY_DATA).await?;
    EndOfEarlyData::decode(message.body())?;
    peer.set_early_data(EarlyData::Refused);
    peer.install_read(opener13(suite, handshake)?, Epoch::Handshake);
    Ok(())
}

/// Asks for a second ClientHello (RFC 9846 section 4.1.4).
async fn retry(
    peer: &Peer,
    suite: &'static Suite,
    group: &'static Group,
    first: &Message,
    hello: &ClientHello<'_>,
) -> Result<Message, Error> {
    let mut extensions = Vec::new();
    push(
        &mut extensions,
        &extension::SupportedVersionsServerHello { selected_version: ProtocolVersion::TLS_1_3 },
    );
    push(&mut extensions, &extension::KeyShareHelloRetryRequest { selected_group: group.code });
    peer.restart_transcript(suite.hash, first.bytes(), None);
    peer.send(&ServerHello {
        legacy_version: ProtocolVersion::TLS_1_2,
        random: &HELLO_RETRY_REQUEST_RANDOM,
        session_id: hello.session_id,
        cipher_suite: suite.code,
        compression_method: 0,
        extensions: Extensions::from_encoded(&extensions),
    });
    if !hello.session_id.is_empty() {
        peer.send_change_cipher_spec()?;
    }
    peer.mailbox().flush()?;
    peer.expect(HandshakeType::CLIENT_HELLO).await
}

/// A second ClientHello, and what it may change (RFC 9846 section 4.1.2): the key shares, to the one that was asked
/// for; early_data, cookie, pre_shared_key and padding. Nothing else.
fn second_hello<'a>(
    first: &ClientHello<'_>,
    message: &'a Message,
    group: &'static Group,
) -> Result<ClientHello<'a>, Error> {
    let second = ClientHello::decode(message.body())?;
    check_extensions(Place::ClientHello, &second.extensions)?;
    check_hello(&second)?;
    let shares =
        second.extensions.get::<extension::KeyShareClientHello<'_>>()?.ok_or(Misbehaved::MissingExtension)?;
    let mut shares = shares.client_shares.iter();
    let asked_for =
        matches!((shares.next(), shares.next()), (Some(share), None) if share.group == group.code);
    const MAY_CHANGE: [ExtensionType; 5] = [
        ExtensionType::KEY_SHARE,
        ExtensionType::EARLY_DATA,
        ExtensionType::COOKIE,
        ExtensionType::PRE_SHARED_KEY,
        ExtensionType::PADDING,
    ];
    fn fixed<'a>(hello: &ClientHello<'a>) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        hello.extensions.iter().filter(|(extension, _)| !MAY_CHANGE.contains(extension))
    }
    let same = first.legacy_version == second.legacy_version
        && first.random == second.random
        && first.session_id == second.session_id
        && first.cipher_suites == second.cipher_suites
        && first.compression_methods == second.compression_methods
        && fixed(first).eq(fixed(&second));
    match same && asked_for {
        true => Ok(second),
        false => Err(Misbehaved::SecondHelloDiffers.into()),
    }
}

fn send_hello(
    peer: &Peer,
    config: &ServerConfig,
    suite: &'static Suite,
    hello: &ClientHello<'_>,
    reply: Option<(NamedGroup, Vec<u8>)>,
    selected_identity: Option<u16>,
) -> Result<(), Error> {
    let random = server::random(config)?;
    let mut extensions = Vec::with_capacity(64 + reply.as_ref().map_or(0, |(_, reply)| reply.len()));
    if let Some((group, key_exchange)) = &reply {
        let server_share = KeyShareEntry { group: *group, key_exchange };
        push(&mut extensions, &extension::KeyShareServerHello { server_share });
    }
    push(
        &mut extensions,
        &extension::SupportedVersionsServerHello { selected_version: ProtocolVersion::TLS_1_3 },
    );
    if let Some(selected_identity) = selected_identity {
        push(&mut extensions, &extension::PreSharedKeyServerHello { selected_identity });
    }
    peer.send(&ServerHello {
        legacy_version: ProtocolVersion::TLS_1_2,
        random: &random,
        session_id: hello.session_id,
        cipher_suite: suite.code,
        compression_method: 0,
        extensions: Extensions::from_encoded(&extensions),
    });
    Ok(())
}

/// What EncryptedExtensions say besides what `Info` knows.
struct Answers<'a> {
    /// What [`Agreed`] has to show.
    credential: Option<&'a Credential>,
    /// The type of certificate that the client will be asked for, if it will.
    asked: Option<CertificateType>,
    record_size: record_size::Answer,
}

fn send_encrypted_extensions(
    peer: &Peer,
    config: &ServerConfig,
    info: &Info,
    hello: &ClientHello<'_>,
    answers: &Answers<'_>,
) -> Result<(), Error> {
    let mut extensions = Vec::new();
    // RFC 6066 section 3: a server that resumes MUST NOT acknowledge the name.
    let resumed = info.resumed.is_resumed();
    if info.server_name.is_some() && !resumed && hello.extensions.find(ExtensionType::SERVER_NAME).is_some() {
        push(&mut extensions, &extension::ServerNameAcknowledged);
    }
    if let Some(protocol) = &info.alpn {
        push(&mut extensions, &extension::SelectedProtocolName { protocol_name: ProtocolName(protocol) });
    }
    certificate_types::push_selected(&mut extensions, hello, answers.credential, answers.asked);
    answers.record_size.push(&mut extensions);
    if info.resumed == Resumed::EarlyData {
        push(&mut extensions, &extension::EarlyData);
    }
    if let Some(answer) = sessions::ticket_answer(config, hello, info)? {
        push(&mut extensions, &answer);
    }
    peer.send(&EncryptedExtensions { extensions: Extensions::from_encoded(&extensions) });
    Ok(())
}
