//! The client's side of the TLS 1.2 handshake (RFC 5246 section 7.3).
//!
//! ```text
//!       Client                                               Server
//!
//!       ClientHello                  -------->
//!                                                       ServerHello
//!                                                      Certificate*
//!                                                CertificateStatus*
//!                                                ServerKeyExchange*
//!                                               CertificateRequest*
//!                                    <--------      ServerHelloDone
//!       Certificate*
//!       ClientKeyExchange
//!       CertificateVerify*
//!       [ChangeCipherSpec]
//!       Finished                     -------->
//!                                                [ChangeCipherSpec]
//!                                    <--------             Finished
//!       Application Data             <------->     Application Data
//! ```
use super::{
    Established, Secrets, authenticate, certificate,
    certificate_types::Selected,
    check_extensions::check_extensions,
    client::Offer,
    established::{Believed, FinishedVerified, Info},
    exchange12,
    peer::{Message, Peer},
    record_keys::{opener12, sealer12},
    record_size,
    sessions::{self, Keeper},
};
use crate::{
    Error, Secret,
    error::Misbehaved,
    observe::{Choice, Epoch, Event, Resumed, Warning},
    record::CbcOrder,
    resume::{ClientSession, SessionName},
    schedule::{
        Kdf,
        tls12::{MasterSecret, PremasterSecret},
    },
    suite::Suite,
    wire::{
        EcPointFormat, HandshakeType, PerSide, ProtocolVersion, Side,
        extension::{self, Place},
        message::{
            CertificateRequest12, CertificateStatus, Finished, NewSessionTicket12, ServerHello,
            ServerHelloDone,
        },
    },
};
use std::sync::Arc;

pub(super) async fn handshake(peer: Peer, offer: Offer, answer: Message) -> Result<Established, Error> {
    let hello = ServerHello::decode(answer.body())?;
    let suite = check_hello(&offer, &hello)?;
    let because = "the server chose it from those offered";
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.code), because });
    exchange12::warn_of(&peer.tap(), suite);
    peer.start_hash(suite.hash);
    let mut info = Info::new(suite);
    let order = read_extensions(&peer, &offer, &hello, &mut info)?;
    record_size::answered(&peer, info.version, &offer.config, &hello.extensions)?;
    let randoms = PerSide { client: offer.random, server: *hello.random };

    if let Some(session) = resumed(&offer, &hello, &info)? {
        return abbreviated(peer, offer, &hello, &session, info, order, randoms).await;
    }
    // Who the server is, and the key that it agrees with: one in the certificate, or one made for this
    // handshake and signed with the certificate's. Nothing is computed from a key before its signature holds.
    let types = Selected::read(&offer.config, &hello.extensions)?;
    let mut server = None;
    if suite.key_exchange.has_certificate() {
        let message = peer.expect(HandshakeType::CERTIFICATE).await?;
        let stapled = match hello.extensions.get::<extension::StatusRequestEmpty>()?.is_some() {
            true => peer.accept(HandshakeType::CERTIFICATE_STATUS).await?,
            false => None,
        };
        let status = stapled.as_ref().map(|status| CertificateStatus::decode(status.body())).transpose()?;
        let ocsp = status.map(|status| status.ocsp_response).unwrap_or_default();
        let chain = certificate::server12(&peer, &offer, &hello, &message, ocsp, types.server).await?;
        authenticate::check_use12(suite, &offer.policy.groups, &chain)?;
        server = Some(chain);
    }
    let (server_key, signed) =
        exchange12::server_key(&peer, &offer, suite, &randoms, server.as_ref(), &mut info).await?;

    // RFC 5246 section 7.4.4: only a server that has shown who it is may ask who the client is.
    let request = match suite.key_exchange.has_certificate() {
        true => peer.accept(HandshakeType::CERTIFICATE_REQUEST).await?,
        false => None,
    };
    let request = request.as_ref().map(|message| CertificateRequest12::decode(message.body())).transpose()?;
    let done = peer.expect(HandshakeType::SERVER_HELLO_DONE).await?;
    ServerHelloDone::decode(done.body())?;
    let believed = match (server, signed) {
        (Some(chain), Some(signed)) => {
            let (identity, believed) = Believed::signed(chain, signed);
            info.peer = Some(identity);
            believed
        }
        _ if suite.key_exchange.has_psk() => Believed::KnowsKey,
        _ => Believed::Anonymous,
    };

    // The client's flight: the certificate it was asked for, its half of the exchange, and its signature.
    let mut own = None;
    if let Some(request) = &request {
        own = authenticate::choose_answer12(&peer, &offer, request, types.client).await?;
        certificate::send12(&peer, own.as_ref().map(|(credential, _)| &**credential));
    }
    if own.is_none() {
        peer.forget_messages();
    }
    let premaster = exchange12::encapsulate(&peer, &offer, suite, server_key)?;
    let master = master_secret(&peer, &info, suite, premaster, &randoms);
    if let Some((credential, scheme)) = own {
        authenticate::sign12(&peer, &credential, scheme).await?;
        info.own_scheme = Some(scheme);
        peer.forget_messages();
    }
    let block = master.key_block(suite.key_block_layout(), &randoms.client, &randoms.server);
    peer.send_change_cipher_spec()?;
    peer.install_write(sealer12(suite, &block, Side::Client, order)?, Epoch::Application(0))?;
    let verify_data = master.verify_data(Side::Client, &peer.transcript_hash());
    peer.send(&Finished { verify_data: &verify_data });

    // The server's last flight.
    let ticket = expect_ticket(&peer, &hello).await?;
    peer.expect_change_cipher_spec().await?;
    peer.install_read(opener12(suite, &block, Side::Server, order)?, Epoch::Application(0));
    drop(block);
    let finished = FinishedVerified::expect12(&peer, &master, Side::Server).await?;
    let id = hello.session_id.to_vec();
    let name = ticket
        .filter(|ticket| !ticket.ticket.is_empty())
        .map(|ticket| (SessionName::Ticket(ticket.ticket), ticket.lifetime_hint));
    let name = name.or_else(|| (!id.is_empty()).then_some((SessionName::Id(id), 0)));
    keep(&peer, &offer, &info, &master, name);
    let secrets = Secrets::Tls12 { master, randoms: Box::new(randoms) };
    Ok(Established::new(info, secrets, None, believed, finished))
}

/// A NewSessionTicket, taken out of its message.
struct Ticket {
    lifetime_hint: u32,
    ticket: Vec<u8>,
}

/// RFC 5077 section 3.3: it comes if the server said so, and then it must.
async fn expect_ticket(peer: &Peer, hello: &ServerHello<'_>) -> Result<Option<Ticket>, Error> {
    if hello.extensions.get::<extension::SessionTicketServerHello>()?.is_none() {
        return Ok(None);
    }
    let message = peer.expect(HandshakeType::NEW_SESSION_TICKET).await?;
    let ticket = NewSessionTicket12::decode(message.body())?;
    Ok(Some(Ticket { lifetime_hint: ticket.lifetime_hint, ticket: ticket.ticket.to_vec() }))
}

/// The session that the server resumes, if it does: it echoes the ID that it was offered.
fn resumed(offer: &Offer, hello: &ServerHello<'_>, info: &Info) -> Result<Option<Arc<ClientSession>>, Error> {
    let echoed = !offer.session_id.is_empty() && hello.session_id == offer.session_id;
    let Some(session) = offer.session12.as_ref().filter(|_| echoed) else {
        // With nothing to resume, the ID was made up (RFC 9846 appendix E.4), and no server can know it.
        return match echoed {
            true => Err(Misbehaved::UnofferedSession.into()),
            false => Ok(None),
        };
    };
    if session.suite != info.suite {
        return Err(Misbehaved::SessionSuiteChanged.into());
    }
    // RFC 7627 section 5.3: never across a change, in either direction.
    if session.extended_master_secret != info.extended_master_secret {
        return Err(Misbehaved::ExtendedMasterSecretChanged.into());
    }
    Ok(Some(Arc::clone(session)))
}

/// The abbreviated handshake (RFC 5246 section 7.3, figure 2): the server finishes first.
async fn abbreviated(
    peer: Peer,
    offer: Offer,
    hello: &ServerHello<'_>,
    session: &ClientSession,
    mut info: Info,
    order: CbcOrder,
    randoms: PerSide<[u8; 32]>,
) -> Result<Established, Error> {
    peer.forget_messages();
    let suite = info.suite;
    info.peer = session.server.clone();
    info.resumed = match session.name {
        SessionName::Id(_) => Resumed::Id,
        SessionName::Ticket(_) => Resumed::Ticket,
    };
    sessions::tell_cached(session, &peer.tap());
    let kdf = Kdf::new(suite.hash, peer.tap());
    let master = MasterSecret::resumed(kdf, Secret::from(session.secret.expose()));
    let block = master.key_block(suite.key_block_layout(), &randoms.client, &randoms.server);
    let ticket = expect_ticket(&peer, hello).await?;
    peer.expect_change_cipher_spec().await?;
    peer.install_read(opener12(suite, &block, Side::Server, order)?, Epoch::Application(0));
    let finished = FinishedVerified::expect12(&peer, &master, Side::Server).await?;

    peer.send_change_cipher_spec()?;
    peer.install_write(sealer12(suite, &block, Side::Client, order)?, Epoch::Application(0))?;
    drop(block);
    let verify_data = master.verify_data(Side::Client, &peer.transcript_hash());
    peer.send(&Finished { verify_data: &verify_data });
    if let Some(ticket) = ticket.filter(|ticket| !ticket.ticket.is_empty()) {
        keep(&peer, &offer, &info, &master, Some((SessionName::Ticket(ticket.ticket), ticket.lifetime_hint)));
    }
    let secrets = Secrets::Tls12 { master, randoms: Box::new(randoms) };
    Ok(Established::new(info, secrets, None, Believed::KnowsKey, finished))
}

/// Keeps the session, under the name that the server gave it.
fn keep(peer: &Peer, offer: &Offer, info: &Info, master: &MasterSecret, name: Option<(SessionName, u32)>) {
    const A_DAY: u32 = 24 * 3600;
    let (Some((name, lifetime)), Some(received)) = (name, offer.config.clock.now()) else { return };
    let Some(keeper) = Keeper::new(&offer.config, &offer.name) else { return };
    offer.leave(peer, keeper.key.clone(), name.clone());
    let session = ClientSession {
        key: keeper.key.clone(),
        suite: info.suite,
        secret: Secret::from(master.secret().expose()),
        extended_master_secret: info.extended_master_secret,
        received,
        // RFC 5077 section 3.3: 0 leaves it to the client.
        lifetime: if lifetime == 0 { A_DAY } else { lifetime.min(crate::resume::MAX_LIFETIME) },
        age_add: 0,
        max_early_data: 0,
        alpn: info.alpn.clone(),
        name,
        server: info.peer.clone(),
    };
    keeper.keep(session, &peer.tap());
}

/// What a ServerHello must say (RFC 5246 section 7.4.1.3).
fn check_hello(offer: &Offer, hello: &ServerHello<'_>) -> Result<&'static Suite, Error> {
    if hello.compression_method != 0 {
        return Err(Misbehaved::BadCompression.into());
    }
    offer.check_answers(HandshakeType::SERVER_HELLO, &hello.extensions)?;
    check_extensions(Place::ServerHello12, &hello.extensions)?;
    let offered = offer.policy.cipher_suites.contains(&hello.cipher_suite);
    let suite =
        offered.then(|| Suite::find(hello.cipher_suite)).flatten().ok_or(Misbehaved::UnofferedSuite)?;
    match suite.version() {
        ProtocolVersion::TLS_1_2 => Ok(suite),
        _ => Err(Misbehaved::SuiteOfOtherVersion.into()),
    }
}

fn read_extensions(
    peer: &Peer,
    offer: &Offer,
    hello: &ServerHello<'_>,
    info: &mut Info,
) -> Result<CbcOrder, Error> {
    let extensions = &hello.extensions;
    let policy = &offer.policy;
    match extensions.get::<extension::RenegotiationInfo<'_>>()? {
        Some(renegotiation) if !renegotiation.renegotiated_connection.is_empty() => {
            return Err(Misbehaved::BadRenegotiationInfo.into());
        }
        Some(_) => info.secure_renegotiation = true,
        None if policy.require_renegotiation_info => return Err(Misbehaved::RenegotiationInfoMissing.into()),
        None => {}
    }
    info.extended_master_secret = extensions.get::<extension::ExtendedMasterSecret>()?.is_some();
    check_extended_master_secret(peer, policy.require_extended_master_secret, info)?;
    if let Some(points) = extensions.get::<extension::EcPointFormats<'_>>()?
        && !points.ec_point_format_list.contains(EcPointFormat::uncompressed)
    {
        return Err(Misbehaved::UncompressedPointsMissing.into());
    }
    info.alpn = offer.alpn(extensions)?;
    info.encrypt_then_mac = extensions.get::<extension::EncryptThenMac>()?.is_some();
    exchange12::cbc_order(info.suite, info.encrypt_then_mac)
}

pub(super) fn check_extended_master_secret(peer: &Peer, required: bool, info: &Info) -> Result<(), Error> {
    if info.extended_master_secret {
        return Ok(());
    }
    if required {
        return Err(Misbehaved::ExtendedMasterSecretMissing.into());
    }
    peer.tap().emit(|| Event::Warning(Warning::NoExtendedMasterSecret));
    Ok(())
}

/// pre-master secret -> master secret, after ClientKeyExchange (RFC 5246 section 8.1, RFC 7627 section 4).
pub(super) fn master_secret(
    peer: &Peer,
    info: &Info,
    suite: &Suite,
    premaster: PremasterSecret,
    randoms: &PerSide<[u8; 32]>,
) -> MasterSecret {
    let kdf = Kdf::new(suite.hash, peer.tap());
    match info.extended_master_secret {
        true => premaster.into_extended_master(kdf, &peer.transcript_hash()),
        false => premaster.into_master(kdf, &randoms.client, &randoms.server),
    }
}
