//! The server's side of the TLS 1.2 handshake (RFC 5246 section 7.3; the figure is in `client12`).
//!
//! The server has two key pairs: the long-term one of its certificate signs, the ephemeral one agrees and is
//! erased. With static exchanges the long-term one does both, and forward secrecy is gone.
use super::{
    Established, Leaves, Secrets, authenticate, certificate,
    certificate_types::{self, Offered},
    client12::{check_extended_master_secret, master_secret},
    established::{Believed, FinishedVerified, Info},
    exchange12,
    negotiate::{self, Means},
    peer::{Message, Peer},
    record_keys::{opener12, sealer12},
    record_size, server,
    sessions::{self, Made},
};
use crate::{
    Error, Secret,
    config::ServerConfig,
    crypto::sign::SchemeUse,
    error::{Failure, Incompatible, Misbehaved},
    identity::{Credential, KeyUsage},
    observe::{Choice, Epoch, Event, Miss, Resumed},
    record::CbcOrder,
    resume::{Asked, Scope, ServerSession},
    schedule::{Kdf, tls12::MasterSecret},
    suite::Suite,
    wire::{
        CertificateType, CipherSuite, EcPointFormat, ExtensionType, HandshakeType, List, NamedGroup, PerSide,
        ProtocolVersion, Side, SignatureScheme,
        extension::{self, Extensions, ProtocolName, push},
        message::{
            CertificateStatus, ClientHello, DOWNGRADE_TLS12, Finished, NewSessionTicket12, ServerHello,
            ServerHelloDone,
        },
    },
};
use pki_types::UnixTime;
use std::sync::Arc;

pub(super) async fn handshake(
    peer: Peer,
    config: Arc<ServerConfig>,
    message: Message,
) -> Result<Established, Error> {
    let hello = ClientHello::decode(message.body())?;
    if !hello.compression_methods.contains(&0) {
        return Err(Misbehaved::BadCompression.into());
    }
    let now = config.clock.now().ok_or(Failure::Clock)?;
    let name = server::server_name(&hello)?;
    let types = Offered::read(&hello)?;
    let candidate = choose_credential(&peer, &config, &hello, name.as_deref(), &types).await;
    let scope = sessions::server_scope(&config, name.as_deref(), candidate.credential.as_deref());
    if let Some((session, resumed)) = find_session(&peer, &config, &hello, &scope, now).await? {
        let info = Info { server_name: name, resumed, ..Info::new(session.suite) };
        let credential = candidate.credential.as_deref();
        return abbreviated(peer, config, &hello, session, info, Resuming { scope: &scope, now, credential })
            .await;
    }
    let Choice12 { suite, credential, means_group } = choose(&peer, &config, &hello, candidate)?;
    peer.start_hash(suite.hash);
    let mut info = Info { server_name: name, group: means_group.map(|group| group.code), ..Info::new(suite) };
    let order = read_extensions(&peer, &config, &hello, &mut info)?;

    let ticket = offers_ticket(&config, &hello)?;
    let session_id = new_session_id(&config, ticket)?;
    // The server's flight: hello, certificate, and the key that it agrees with.
    let randoms = PerSide { client: *hello.random, server: random(&config)? };
    let staple = credential
        .as_ref()
        .and_then(|credential| credential.ocsp())
        .filter(|_| hello.extensions.find(ExtensionType::STATUS_REQUEST).is_some());
    let verifier = config.client_authentication.verifier().filter(|_| suite.key_exchange.has_certificate());
    let asked = if verifier.is_some() { types.to_ask(&config)? } else { None };
    let answer = Answer {
        randoms: &randoms,
        order,
        credential: credential.as_deref(),
        asked,
        record_size: record_size::Answer::to(&peer, info.version, &config, &hello)?,
        staple: staple.is_some(),
        session_id: &session_id,
        ticket,
    };
    send_hello(&peer, &info, &hello, &answer);
    if let Some(credential) = credential.as_ref().filter(|_| suite.key_exchange.has_certificate()) {
        certificate::send12(&peer, Some(credential));
        if let Some(response) = staple {
            peer.send(&CertificateStatus { ocsp_response: response });
        }
    }
    let server_key =
        exchange12::publish(&peer, &config, means_group, &hello, &randoms, credential.as_ref(), &mut info)
            .await?;
    if let Some(verifier) = verifier {
        authenticate::request_certificate12(&peer, &config, verifier);
    } else {
        peer.forget_messages();
    }
    peer.send(&ServerHelloDone);
    peer.mailbox().flush()?;

    // The client's flight.
    let mut client = None;
    if let (Some(verifier), Some(asked)) = (verifier, asked) {
        let message = peer.expect(HandshakeType::CERTIFICATE).await?;
        client = certificate::client12(&peer, &config, verifier, asked, &message).await?;
    }
    let message = peer.expect(HandshakeType::CLIENT_KEY_EXCHANGE).await?;
    let premaster = exchange12::open(&peer, &config, suite, &hello, server_key, &message).await?;
    let master = master_secret(&peer, &info, suite, premaster, &randoms);
    let mut believed = if suite.key_exchange.has_psk() { Believed::KnowsKey } else { Believed::NotAsked };
    if let Some(client) = client {
        let signed = peer.messages();
        let message = peer.expect(HandshakeType::CERTIFICATE_VERIFY).await?;
        let schemes = &config.policy.signature_schemes;
        let (scheme, proof) = authenticate::verify12(&peer, schemes, &client, &signed, &message)?;
        info.peer_scheme = Some(scheme);
        let (identity, by_certificate) = Believed::signed(client, proof);
        info.peer = Some(identity);
        believed = by_certificate;
    }
    peer.forget_messages();
    let block = master.key_block(suite.key_block_layout(), &randoms.client, &randoms.server);
    peer.expect_change_cipher_spec().await?;
    peer.install_read(opener12(suite, &block, Side::Client, order)?, Epoch::Application(0));
    let finished = FinishedVerified::expect12(&peer, &master, Side::Client).await?;

    let made = Made { info: &info, scope: &scope, now, authenticated: now };
    if ticket {
        send_ticket(&peer, &config, &master, made).await;
    }
    peer.send_change_cipher_spec()?;
    peer.install_write(sealer12(suite, &block, Side::Server, order)?, Epoch::Application(0))?;
    drop(block);
    let verify_data = master.verify_data(Side::Server, &peer.transcript_hash());
    peer.send(&Finished { verify_data: &verify_data });
    store_session(&peer, &config, &session_id, &master, made).await;
    if !session_id.is_empty() {
        peer.leave(Leaves::Server { config, names: vec![session_id] });
    }
    let secrets = Secrets::Tls12 { master, randoms: Box::new(randoms) };
    Ok(Established::new(info, secrets, None, believed, finished))
}

/// Whether the client can keep a ticket, and this server has keys to seal one (RFC 5077 section 3.1).
fn offers_ticket(config: &ServerConfig, hello: &ClientHello<'_>) -> Result<bool, Error> {
    let asked = hello.extensions.get::<extension::SessionTicket<'_>>()?.is_some();
    Ok(asked && config.sessions.has_tickets())
}

/// A name for the session, if it will be stored.
fn new_session_id(config: &ServerConfig, ticket: bool) -> Result<Vec<u8>, Error> {
    if ticket || !config.sessions.vault.has_store() {
        return Ok(Vec::new());
    }
    let mut id = vec![0; 32];
    config.random.fill(&mut id).map_err(|_| Failure::Random)?;
    Ok(id)
}

/// NewSessionTicket (RFC 5077 section 3.3); an empty one if no key may seal now.
async fn send_ticket(peer: &Peer, config: &ServerConfig, master: &MasterSecret, made: Made<'_>) {
    let session = made.session(config, Secret::from(master.secret().expose()), 0);
    let sealed = match session.lifetime {
        0 => None,
        _ => config.sessions.vault.seal_ticket(made.now, &*config.random, &session).await,
    };
    let ticket = sealed.unwrap_or_default();
    sessions::tell_ticket_key(peer, config, &ticket);
    peer.send(&NewSessionTicket12 { lifetime_hint: session.lifetime, ticket: &ticket });
}

/// Stores the session under its ID. A store that fails costs the next connection a full handshake.
async fn store_session(peer: &Peer, config: &ServerConfig, id: &[u8], master: &MasterSecret, made: Made<'_>) {
    if !id.is_empty() {
        let session = made.session(config, Secret::from(master.secret().expose()), 0);
        if config.sessions.vault.put(made.now, &*config.random, id, &session).await.is_ok() {
            sessions::tell_stored(peer, &session);
        }
    }
}

/// The session that the client offers, in its ticket or by its ID, if it may be resumed here and now.
async fn find_session(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    scope: &Scope,
    now: UnixTime,
) -> Result<Option<(ServerSession, Resumed)>, Error> {
    let sessions = &config.sessions;
    let ticket =
        hello.extensions.get::<extension::SessionTicket<'_>>()?.map(|sent| sent.ticket).unwrap_or_default();
    let (vault, random) = (&sessions.vault, &*config.random);
    // RFC 5077 section 3.4: the ID that goes along with a ticket names nothing.
    let (found, resumed) = if !ticket.is_empty() && sessions.has_tickets() {
        (vault.open_ticket(now, random, ticket).await, Resumed::Ticket)
    } else if ticket.is_empty() && !hello.session_id.is_empty() && vault.has_store() {
        (vault.get(now, random, hello.session_id).await, Resumed::Id)
    } else {
        if !ticket.is_empty() {
            sessions::missed(peer, Miss::Declined);
        }
        return Ok(None);
    };
    let extended_master_secret = hello.extensions.get::<extension::ExtendedMasterSecret>()?.is_some();
    let asked = Asked {
        now,
        version: ProtocolVersion::TLS_1_2,
        accepts: &|suite| {
            hello.cipher_suites.contains(suite.code) && config.policy.cipher_suites.contains(&suite.code)
        },
        extended_master_secret,
        scope,
        policy: sessions.scope,
        max_authentication_age: sessions.max_authentication_age,
    };
    let (session, checked) = match found {
        Ok(session) => {
            let checked = session.check(&asked);
            (Some(session), checked)
        }
        Err(miss) => (None, Err(miss)),
    };
    match (session, checked) {
        (Some(session), Ok(())) => {
            match resumed {
                Resumed::Id => sessions::tell_stored(peer, &session),
                _ => sessions::tell_ticket_key(peer, config, ticket),
            }
            Ok(Some((session, resumed)))
        }
        // RFC 7627 section 5.3: a client that bound the first and would not bind the next is to be refused.
        (Some(session), Err(Miss::ExtendedMasterSecret)) if session.extended_master_secret => {
            Err(Misbehaved::ExtendedMasterSecretChanged.into())
        }
        (_, Err(miss)) => {
            sessions::missed(peer, miss);
            Ok(None)
        }
        (None, Ok(())) => Ok(None),
    }
}

/// The circumstances of a resumption.
struct Resuming<'a> {
    scope: &'a Scope,
    now: UnixTime,
    /// The credential that a full handshake would have shown.
    credential: Option<&'a Credential>,
}

/// The abbreviated handshake (RFC 5246 section 7.3, figure 2): the server finishes first.
async fn abbreviated(
    peer: Peer,
    config: Arc<ServerConfig>,
    hello: &ClientHello<'_>,
    session: ServerSession,
    mut info: Info,
    Resuming { scope, now, credential }: Resuming<'_>,
) -> Result<Established, Error> {
    let suite = session.suite;
    peer.start_hash(suite.hash);
    peer.forget_messages();
    let because = "the suite of the session that is resumed";
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.code), because });
    let order = read_extensions(&peer, &config, hello, &mut info)?;
    info.peer = session.client.clone();
    let randoms = PerSide { client: *hello.random, server: random(&config)? };
    // A ticket that has used up half its life is replaced, so that a busy client never has to start over.
    let is_old = now.as_secs().saturating_sub(session.created.as_secs()) * 2 > u64::from(session.lifetime);
    let ticket = is_old && offers_ticket(&config, hello)?;
    let session_id = hello.session_id;
    let record_size = record_size::Answer::to(&peer, info.version, &config, hello)?;
    let (asked, staple) = (None, false);
    let answer =
        Answer { randoms: &randoms, order, credential, asked, record_size, staple, session_id, ticket };
    send_hello(&peer, &info, hello, &answer);

    let authenticated = session.authenticated;
    let master = MasterSecret::resumed(Kdf::new(suite.hash, peer.tap()), session.secret);
    let block = master.key_block(suite.key_block_layout(), &randoms.client, &randoms.server);
    if ticket {
        send_ticket(&peer, &config, &master, Made { info: &info, scope, now, authenticated }).await;
    }
    peer.send_change_cipher_spec()?;
    peer.install_write(sealer12(suite, &block, Side::Server, order)?, Epoch::Application(0))?;
    let verify_data = master.verify_data(Side::Server, &peer.transcript_hash());
    peer.send(&Finished { verify_data: &verify_data });
    peer.mailbox().flush()?;

    peer.expect_change_cipher_spec().await?;
    peer.install_read(opener12(suite, &block, Side::Client, order)?, Epoch::Application(0));
    drop(block);
    let finished = FinishedVerified::expect12(&peer, &master, Side::Client).await?;
    if info.resumed == Resumed::Id {
        peer.leave(Leaves::Server { config, names: vec![session_id.to_vec()] });
    }
    let secrets = Secrets::Tls12 { master, randoms: Box::new(randoms) };
    Ok(Established::new(info, secrets, None, Believed::KnowsKey, finished))
}

struct Choice12 {
    suite: &'static Suite,
    credential: Option<Arc<Credential>>,
    means_group: Option<&'static crate::exchange::Group>,
}

/// A certificate for the suites that both sides have, or why there is none.
struct Candidate {
    credential: Option<Arc<Credential>>,
    missing: Option<Error>,
}

/// Which keys the client can use shows in the suites that it offers.
async fn choose_credential(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    name: Option<&str>,
    types: &Offered,
) -> Candidate {
    let chosen = match lists(hello) {
        Ok((schemes, supported)) => {
            let keys = negotiate::keys12(&config.policy, hello.cipher_suites, supported);
            if keys.is_empty() {
                return Candidate { credential: None, missing: None };
            }
            let wanted = server::Wanted { name, certificate_types: &types.server, schemes };
            server::credential(peer, config, hello, &wanted, Some(&keys)).await
        }
        Err(error) => Err(error),
    };
    match chosen {
        Ok(credential) => Candidate { credential: Some(credential), missing: None },
        Err(error) => Candidate { credential: None, missing: Some(error) },
    }
}

/// What the client lists besides suites: the schemes and the groups.
type Lists<'a> = (List<'a, SignatureScheme>, Option<List<'a, NamedGroup>>);

/// RFC 5246 section 7.4.1.4.1: without signature_algorithms the client accepts SHA-1, which this side never makes.
fn lists<'a>(hello: &ClientHello<'a>) -> Result<Lists<'a>, Error> {
    let schemes = hello.extensions.get::<extension::SignatureAlgorithms<'a>>()?;
    let groups = hello.extensions.get::<extension::SupportedGroups<'a>>()?;
    let schemes = schemes.map(|sent| sent.supported_signature_algorithms).unwrap_or_default();
    Ok((schemes, groups.map(|sent| sent.named_group_list)))
}

/// The suite and the certificate, which depend on each other: the suite needs a key of its kind.
fn choose(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    candidate: Candidate,
) -> Result<Choice12, Error> {
    let policy = &config.policy;
    let (schemes, supported) = lists(hello)?;
    // No certificate may be just what a pre-shared key is for; if nothing else fits either, say why.
    let Candidate { credential, missing } = candidate;
    let usage = credential.as_ref().map(|credential| credential.key_usage());
    let allows = |use_of: fn(KeyUsage) -> bool| usage.is_some_and(use_of);
    let signs = credential.as_ref().is_some_and(|credential| {
        negotiate::scheme(credential.schemes(), credential.key_kind(), SchemeUse::Tls12, schemes).is_ok()
    });
    let means = Means {
        key: credential.as_ref().map(|credential| credential.key_kind()),
        may_sign: signs && allows(|usage| usage.digital_signature),
        may_encipher: credential.as_ref().is_some_and(|credential| credential.may_be_static()),
        may_agree: credential.as_ref().is_some_and(|credential| credential.may_be_static()),
        curve: negotiate::curve12(policy, supported),
        finite_field: negotiate::finite_field12(policy, supported),
        psk: !config.external_psks.is_none(),
    };
    let chosen = negotiate::suite12(policy, hello.cipher_suites, &means);
    let suite = match (chosen, missing) {
        (Ok(suite), _) => suite,
        (Err(Error::Incompatible(incompatible)), None) => {
            return Err(why_none(&incompatible, credential.as_deref(), &means, supported, policy, schemes));
        }
        (Err(_), Some(missing)) => return Err(missing),
        (Err(error), None) => return Err(error),
    };
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.value.code), because: suite.because });
    exchange12::warn_of(&peer.tap(), suite.value);
    let means_group = match suite.value.key_exchange {
        exchange if exchange.is_elliptic() && exchange.is_ephemeral() => means.curve,
        exchange if exchange.is_finite_field() && exchange.is_ephemeral() => means.finite_field,
        _ => None,
    };
    if let Some(group) = means_group {
        let because = "the first of this server's list that the client supports";
        peer.tap().emit(|| Event::Chose { what: Choice::Group(group.code), because });
    }
    Ok(Choice12 { suite: suite.value, credential, means_group })
}

/// No suite was possible: names the one thing that was missing, if it was one thing.
fn why_none(
    incompatible: &Incompatible,
    credential: Option<&Credential>,
    means: &Means,
    supported: Option<List<'_, NamedGroup>>,
    policy: &crate::Policy,
    schemes: List<'_, SignatureScheme>,
) -> Error {
    let common = |code: &CipherSuite| matches!(incompatible, Incompatible::CipherSuite { theirs, .. } if theirs.contains(code));
    let any_common = policy.cipher_suites.iter().any(common);
    if any_common
        && means.curve.is_none()
        && means.finite_field.is_none()
        && let Some(supported) = supported
    {
        return negotiate::no_group(policy, supported);
    }
    if any_common
        && !means.may_sign
        && let Some(credential) = credential
    {
        let ours = credential.schemes().to_vec();
        return Incompatible::SignatureScheme { ours, theirs: schemes.iter().collect() }.into();
    }
    incompatible.clone().into()
}

fn read_extensions(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    info: &mut Info,
) -> Result<CbcOrder, Error> {
    let extensions = &hello.extensions;
    let scsv = hello.cipher_suites.iter().any(|code| code == CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
    match extensions.get::<extension::RenegotiationInfo<'_>>()? {
        Some(renegotiation) if !renegotiation.renegotiated_connection.is_empty() => {
            return Err(Misbehaved::BadRenegotiationInfo.into());
        }
        Some(_) => info.secure_renegotiation = true,
        None => info.secure_renegotiation = scsv,
    }
    if !info.secure_renegotiation && config.policy.require_renegotiation_info {
        return Err(Misbehaved::RenegotiationInfoMissing.into());
    }
    info.extended_master_secret = extensions.get::<extension::ExtendedMasterSecret>()?.is_some();
    check_extended_master_secret(peer, config.policy.require_extended_master_secret, info)?;
    if let Some(points) = extensions.get::<extension::EcPointFormats<'_>>()?
        && !points.ec_point_format_list.contains(EcPointFormat::uncompressed)
    {
        return Err(Misbehaved::UncompressedPointsMissing.into());
    }
    info.alpn = negotiate::alpn(&config.alpn, config.ignore_unknown_alpn, hello)?;
    let offered = extensions.get::<extension::EncryptThenMac>()?.is_some();
    // RFC 7366 section 3: only with CBC; a client may well offer it beside AEAD suites.
    info.encrypt_then_mac = offered && config.policy.encrypt_then_mac && exchange12::is_cbc(info.suite);
    exchange12::cbc_order(info.suite, info.encrypt_then_mac)
}

/// RFC 9846 section 4.1.3: a server that could have spoken TLS 1.3 says so.
fn random(config: &ServerConfig) -> Result<[u8; 32], Error> {
    let mut random = server::random(config)?;
    if config.policy.allows(ProtocolVersion::TLS_1_3) {
        random[24..].copy_from_slice(&DOWNGRADE_TLS12);
    }
    Ok(random)
}

/// What a ServerHello says besides what `Info` knows.
struct Answer<'a> {
    randoms: &'a PerSide<[u8; 32]>,
    order: CbcOrder,
    /// The credential that is about to be shown, or would be but for a resumption.
    credential: Option<&'a Credential>,
    /// The type of certificate that the client will be asked for, if it will.
    asked: Option<CertificateType>,
    record_size: record_size::Answer,
    /// Whether CertificateStatus will come.
    staple: bool,
    session_id: &'a [u8],
    /// Whether NewSessionTicket will come.
    ticket: bool,
}

fn send_hello(peer: &Peer, info: &Info, hello: &ClientHello<'_>, answer: &Answer<'_>) {
    let &Answer { randoms, order, credential, asked, record_size, staple, session_id, ticket } = answer;
    let mut extensions = Vec::with_capacity(64);
    if info.secure_renegotiation {
        push(&mut extensions, &extension::RenegotiationInfo { renegotiated_connection: &[] });
    }
    if info.extended_master_secret {
        push(&mut extensions, &extension::ExtendedMasterSecret);
    }
    if ticket {
        push(&mut extensions, &extension::SessionTicketServerHello);
    }
    if info.server_name.is_some() && !info.resumed.is_resumed() {
        push(&mut extensions, &extension::ServerNameAcknowledged);
    }
    if info.suite.key_exchange.is_elliptic()
        && hello.extensions.find(ExtensionType::EC_POINT_FORMATS).is_some()
    {
        let uncompressed = List::from(&[EcPointFormat::uncompressed]);
        push(&mut extensions, &extension::EcPointFormats { ec_point_format_list: uncompressed });
    }
    if staple {
        push(&mut extensions, &extension::StatusRequestEmpty);
    }
    certificate_types::push_selected(&mut extensions, hello, credential, asked);
    record_size.push(&mut extensions);
    if let Some(list) = credential.and_then(Credential::scts)
        && !info.resumed.is_resumed()
        && hello.extensions.find(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP).is_some()
    {
        extension::push_encoded(&mut extensions, ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, list);
    }
    if let Some(protocol) = &info.alpn {
        push(&mut extensions, &extension::SelectedProtocolName { protocol_name: ProtocolName(protocol) });
    }
    if order == CbcOrder::EncryptThenMac && exchange12::is_cbc(info.suite) {
        push(&mut extensions, &extension::EncryptThenMac);
    }
    peer.send(&ServerHello {
        legacy_version: ProtocolVersion::TLS_1_2,
        random: &randoms.server,
        session_id,
        cipher_suite: info.suite.code,
        compression_method: 0,
        // RFC 5246 section 7.4.1.3: a client that sent no extensions may not know what a block of them is.
        extensions: match extensions.is_empty() {
            true => Extensions::ABSENT,
            false => Extensions::from_encoded(&extensions),
        },
    });
}
