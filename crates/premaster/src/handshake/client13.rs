//! The client's side of the TLS 1.3 handshake (RFC 9846 section 2).
//!
//! ```text
//!        Client                                               Server
//! Key  ^ ClientHello
//! Exch | + key_share*
//!      v + pre_shared_key*       -------->
//!                                                       ServerHello  ^ Key
//!                                                      + key_share*  | Exch
//!                                                 + pre_shared_key*  v
//!                                             {EncryptedExtensions}  ^  Server
//!                                             {CertificateRequest*}  v  Params
//!                                                    {Certificate*}  ^
//!                                              {CertificateVerify*}  | Auth
//!                                                        {Finished}  v
//!      ^ {Certificate*}
//! Auth | {CertificateVerify*}
//!      v {Finished}              -------->
//!        [Application Data]      <------->      [Application Data]
//! ```
use super::{
    Established, Secrets, authenticate, certificate,
    certificate_types::Selected,
    check_extensions::check_extensions,
    client::Offer,
    established::{Believed, FinishedVerified, Info},
    peer::{Message, Peer},
    psk13::OfferedPsk,
    record_keys::{opener13, sealer13},
    record_size,
    sessions::Keeper,
};
use crate::{
    Error,
    error::Misbehaved,
    exchange::Group,
    observe::{Choice, Epoch, Event, KeyLife, Resumed},
    record::Sealer,
    schedule::{
        Kdf,
        tls13::{EarlySecret, HandshakeSecret},
    },
    suite::Suite,
    wire::{
        HandshakeType, ProtocolVersion, Side,
        extension::{self, Extensions, Place},
        message::{CertificateRequest13, EncryptedExtensions, EndOfEarlyData, Finished, ServerHello},
    },
};

pub(super) async fn handshake(
    peer: Peer,
    mut offer: Offer,
    mut answer: Message,
) -> Result<Established, Error> {
    let retried = ServerHello::decode(answer.body())?.is_hello_retry_request();
    let retry_suite = if retried {
        let suite = retry(&peer, &mut offer, &answer)?;
        answer = peer.expect(HandshakeType::SERVER_HELLO).await?;
        Some(suite)
    } else {
        None
    };
    let hello = ServerHello::decode(answer.body())?;
    let suite = check_hello(&offer, &hello, retry_suite)?;
    if !retried {
        peer.start_hash(suite.hash);
    }
    peer.forget_messages();
    let mut info = Info { hello_retry: retried, extended_master_secret: true, ..Info::new(suite) };
    let because = "the server chose it from those offered";
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.code), because });

    // A pre-shared key, if the server chose one, and the share that was made for this handshake: it opens the
    // server's, once.
    let psk = chosen_psk(&mut offer, &hello, suite)?;
    let early = match &psk {
        Some(psk) => psk.early_secret(&peer),
        None => EarlySecret::without_psk(Kdf::new(suite.hash, peer.tap())),
    };
    let handshake = exchange_keys(&peer, &mut offer, &hello, psk.is_some(), early, &mut info)?;
    let handshake_traffic = handshake.traffic(&peer.transcript_hash());
    peer.install_read(opener13(suite, &handshake_traffic.server)?, Epoch::Handshake);
    let early_data_offered = offer.early_data > 0;
    if !early_data_offered {
        if offer.config.middlebox_compatibility && !retried {
            peer.send_change_cipher_spec()?;
        }
        peer.install_write(sealer13(suite, &handshake_traffic.client)?, Epoch::Handshake)?;
    }
    let main = handshake.into_main();

    // Server parameters.
    let message = peer.expect(HandshakeType::ENCRYPTED_EXTENSIONS).await?;
    let extensions = EncryptedExtensions::decode(message.body())?.extensions;
    offer.check_answers(HandshakeType::ENCRYPTED_EXTENSIONS, &extensions)?;
    check_extensions(Place::EncryptedExtensions, &extensions)?;
    info.alpn = offer.alpn(&extensions)?;
    if let Some(psk) = &psk {
        info.external_psk = psk.external_identity();
        info.resumed = if psk.resumes().is_some() { Resumed::Psk } else { Resumed::Full };
        info.peer = psk.resumes().and_then(|session| session.server.clone());
    }
    if early_data_answered(&offer, &extensions, psk.as_ref(), &info)? {
        info.resumed = Resumed::EarlyData;
    } else if early_data_offered {
        // Rejected: what the application sent is lost, and it is told so.
        peer.reject_early_data();
        peer.install_write(sealer13(suite, &handshake_traffic.client)?, Epoch::Handshake)?;
    }

    // Authentication of the server: its certificate, and its signature over everything so far; or the
    // pre-shared key, which nobody else has.
    let mut requested = None;
    let mut believed = Believed::KnowsKey;
    let types = Selected::read(&offer.config, &extensions)?;
    record_size::answered(&peer, info.version, &offer.config, &extensions)?;
    if psk.is_none() {
        requested = peer.accept(HandshakeType::CERTIFICATE_REQUEST).await?;
        if let Some(message) = &requested {
            let request = CertificateRequest13::decode(message.body())?;
            offer.config.limits.check_extensions(&request.extensions)?;
            authenticate::check_request13(&request)?;
        }
        believed = authenticate_server(&peer, &offer, types, &mut info).await?;
    }
    let request =
        requested.as_ref().map(|message| CertificateRequest13::decode(message.body())).transpose()?;

    let finished = FinishedVerified::expect13(&peer, &handshake_traffic.server).await?;
    let transcript = peer.transcript_hash();
    let application_traffic = main.application_traffic(&transcript);
    let exporter = main.exporter(&transcript);

    if info.resumed == Resumed::EarlyData {
        peer.allow_early_data(0);
        peer.send(&EndOfEarlyData);
        peer.install_write(sealer13(suite, &handshake_traffic.client)?, Epoch::Handshake)?;
    }
    // Authentication of the client, if the server asked for it.
    if let Some(request) = request {
        info.own_scheme = authenticate::answer_request13(&peer, &offer, &request, types.client).await?;
    }
    let verify_data = handshake_traffic.client.verify_data(&peer.transcript_hash());
    peer.send(&Finished { verify_data: verify_data.as_ref() });

    peer.install_write(sealer13(suite, &application_traffic.client)?, Epoch::Application(0))?;
    peer.install_read(opener13(suite, &application_traffic.server)?, Epoch::Application(0));
    let keeper = Keeper::new(&offer.config, &offer.name);
    let resumption = keeper.is_some().then(|| main.into_resumption(&peer.transcript_hash()));
    let secrets = Secrets::Tls13 { traffic: application_traffic, exporter, resumption };
    Ok(Established::new(info, secrets, keeper, believed, finished))
}

/// Opens the server's share with the key that was made for it; or goes on with a pre-shared key alone.
fn exchange_keys(
    peer: &Peer,
    offer: &mut Offer,
    hello: &ServerHello<'_>,
    has_psk: bool,
    early: EarlySecret,
    info: &mut Info,
) -> Result<HandshakeSecret, Error> {
    let share = hello.extensions.get::<extension::KeyShareServerHello<'_>>()?.map(|share| share.server_share);
    let Some(share) = share else {
        // RFC 9846 section 4.2.9: only if this side offered psk_ke may the exchange be left out.
        return match has_psk {
            true if offer.config.allow_psk_ke => {
                offer.discard_shares(peer);
                info.forward_secret = false;
                Ok(early.into_handshake_psk_only())
            }
            true => Err(Misbehaved::UnofferedPskMode.into()),
            false => Err(Misbehaved::MissingKeyShare.into()),
        };
    };
    let key = offer.take_share(peer, share.group)?;
    info.group = Some(share.group);
    let because = "the server chose it from those offered";
    peer.tap().emit(|| Event::Chose { what: Choice::Group(share.group), because });
    let public = if peer.tap().is_on() { key.public().to_vec() } else { Vec::new() };
    let shared = key.open(share.key_exchange)?;
    let life = KeyLife::SpentAndErased;
    peer.tap().emit(|| Event::EphemeralKey { group: info.group, public: &public, life });
    Ok(early.into_handshake(shared))
}

/// The server's Certificate and CertificateVerify: who it is, and that it has the key.
async fn authenticate_server(
    peer: &Peer,
    offer: &Offer,
    types: Selected,
    info: &mut Info,
) -> Result<Believed, Error> {
    let server = certificate::server13(peer, offer, types.server).await?;
    let signed = peer.transcript_hash();
    let message = peer.expect(HandshakeType::CERTIFICATE_VERIFY).await?;
    let schemes = &offer.policy.signature_schemes;
    let (scheme, proof) = authenticate::verify13(peer, Side::Server, schemes, &server, &signed, &message)?;
    info.peer_scheme = Some(scheme);
    let (identity, believed) = Believed::signed(server, proof);
    info.peer = Some(identity);
    Ok(believed)
}

/// Whether the server accepts early data. It may only with the first key, and with what the key is for.
fn early_data_answered(
    offer: &Offer,
    extensions: &Extensions<'_>,
    psk: Option<&OfferedPsk>,
    info: &Info,
) -> Result<bool, Error> {
    if extensions.get::<extension::EarlyData>()?.is_none() {
        return Ok(false);
    }
    let session = psk.filter(|psk| psk.is_first).and_then(OfferedPsk::resumes);
    match session {
        Some(session) if offer.early_data > 0 && session.suite == info.suite && session.alpn == info.alpn => {
            Ok(true)
        }
        Some(session) if session.alpn != info.alpn => Err(Misbehaved::UnofferedAlpn.into()),
        _ if offer.early_data > 0 => Err(Misbehaved::EarlyDataOfOtherSession.into()),
        _ => Err(Misbehaved::UnofferedEarlyData.into()),
    }
}

/// The pre-shared key that the server chose, if it chose one.
fn chosen_psk(
    offer: &mut Offer,
    hello: &ServerHello<'_>,
    suite: &Suite,
) -> Result<Option<OfferedPsk>, Error> {
    let Some(chosen) = hello.extensions.get::<extension::PreSharedKeyServerHello>()? else { return Ok(None) };
    let mut psks = std::mem::take(&mut offer.psks).into_iter();
    let mut psk = psks.nth(usize::from(chosen.selected_identity)).ok_or(Misbehaved::UnofferedPsk)?;
    psk.is_first = chosen.selected_identity == 0;
    match psk.hash == suite.hash {
        true => Ok(Some(psk)),
        false => Err(Misbehaved::PskOfOtherHash.into()),
    }
}

/// What a ServerHello must say (RFC 9846 section 4.1.3).
fn check_hello(
    offer: &Offer,
    hello: &ServerHello<'_>,
    retry_suite: Option<&'static Suite>,
) -> Result<&'static Suite, Error> {
    if hello.is_hello_retry_request() && retry_suite.is_some() {
        return Err(Misbehaved::SecondRetry.into());
    }
    let version = hello
        .extensions
        .get::<extension::SupportedVersionsServerHello>()?
        .map(|chosen| chosen.selected_version);
    if version != Some(ProtocolVersion::TLS_1_3) || hello.legacy_version != ProtocolVersion::TLS_1_2 {
        return Err(Misbehaved::ChangedAfterRetry.into());
    }
    if hello.session_id != offer.session_id {
        return Err(Misbehaved::SessionIdNotEchoed.into());
    }
    if hello.compression_method != 0 {
        return Err(Misbehaved::BadCompression.into());
    }
    offer.check_answers(HandshakeType::SERVER_HELLO, &hello.extensions)?;
    let place = match hello.is_hello_retry_request() {
        true => Place::HelloRetryRequest,
        false => Place::ServerHello13,
    };
    check_extensions(place, &hello.extensions)?;
    let suite = offer
        .policy
        .cipher_suites
        .contains(&hello.cipher_suite)
        .then(|| Suite::find(hello.cipher_suite))
        .flatten()
        .ok_or(Misbehaved::UnofferedSuite)?;
    if suite.version() != ProtocolVersion::TLS_1_3 {
        return Err(Misbehaved::SuiteOfOtherVersion.into());
    }
    if retry_suite.is_some_and(|before| before != suite) {
        return Err(Misbehaved::ChangedAfterRetry.into());
    }
    Ok(suite)
}

/// Answers a HelloRetryRequest with a second ClientHello (RFC 9846 section 4.1.4).
fn retry(peer: &Peer, offer: &mut Offer, answer: &Message) -> Result<&'static Suite, Error> {
    let request = ServerHello::decode(answer.body())?;
    let suite = check_hello(offer, &request, None)?;
    let because = "the server asks for a second ClientHello";
    peer.tap().emit(|| Event::Chose { what: Choice::HelloRetryRequest, because });
    let cookie = request.extensions.get::<extension::Cookie<'_>>()?;
    let group = request.extensions.get::<extension::KeyShareHelloRetryRequest>()?;
    if cookie.is_none() && group.is_none() {
        return Err(Misbehaved::PointlessRetry.into());
    }
    peer.restart_transcript(suite.hash, &offer.hello, Some(answer.bytes()));
    if let Some(group) = group {
        let code = group.selected_group;
        if !offer.policy.groups.contains(&code) {
            return Err(Misbehaved::UnofferedGroup.into());
        }
        if offer.shares.iter().any(|share| share.group().code == code) {
            return Err(Misbehaved::RetryForSharedGroup.into());
        }
        offer.retry_with(peer, Group::find(code).ok_or(Misbehaved::UnofferedGroup)?)?;
    }
    let offered_early_data = std::mem::take(&mut offer.early_data) > 0;
    if offered_early_data {
        // RFC 9846 section 4.2.10: the second ClientHello goes in the clear, without early_data.
        peer.reject_early_data();
        peer.install_write(Sealer::plaintext(), Epoch::Plaintext)?;
    }
    // RFC 9846 section 4.1.4: keys of another hash than the suite's are of no use any more.
    offer.psks.retain(|psk| psk.hash == suite.hash);
    offer.cookie = cookie.map(|cookie| cookie.cookie.to_vec());
    // RFC 9846 appendix E.4: once, which with early data was right after the first ClientHello.
    if offer.config.middlebox_compatibility && !offered_early_data {
        peer.send_change_cipher_spec()?;
    }
    offer.send(peer)?;
    Ok(suite)
}
