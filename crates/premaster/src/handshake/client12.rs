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
    Established, Secrets, authenticate,
    client::{Offer, check_place},
    established::Info,
    exchange12,
    peer::{Message, Peer},
    record_keys::{opener12, sealer12},
};
use crate::{
    Error,
    error::Misbehaved,
    observe::{Choice, Epoch, Event, Warning},
    record::CbcOrder,
    schedule::{
        Kdf,
        tls12::{MasterSecret, PremasterSecret},
    },
    suite::Suite,
    wire::{
        EcPointFormat, ExtensionType, HandshakeType, PerSide, ProtocolVersion, Side,
        extension::{self, Place},
        message::{CertificateRequest12, CertificateStatus, Finished, ServerHello, ServerHelloDone},
    },
};
use std::sync::Arc;
use subtle::ConstantTimeEq;

pub(super) async fn handshake(peer: Peer, offer: Offer, answer: Message) -> Result<Established, Error> {
    let hello = ServerHello::decode(answer.body())?;
    let suite = check_hello(&offer, &hello)?;
    let because = "the server chose it from those offered";
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.code), because });
    if suite.is_deprecated() {
        peer.tap().emit(|| Event::Warning(Warning::DeprecatedKeyExchange(suite.code)));
    }
    peer.start_hash(suite.hash);
    let mut info = Info::new(suite);
    let order = read_extensions(&peer, &offer, &hello, &mut info)?;
    let randoms = PerSide { client: offer.random, server: *hello.random };

    // Who the server is, and the key that it agrees with: one in the certificate, or one made for this
    // handshake and signed with the certificate's. Nothing is computed from a key before its signature holds.
    let mut certificate = None;
    if suite.key_exchange.has_certificate() {
        let message = peer.expect(HandshakeType::CERTIFICATE).await?;
        let stapled = match hello.extensions.find(ExtensionType::STATUS_REQUEST).is_some() {
            true => peer.accept(HandshakeType::CERTIFICATE_STATUS).await?,
            false => None,
        };
        let status = stapled.as_ref().map(|status| CertificateStatus::decode(status.body())).transpose()?;
        let ocsp = status.map(|status| status.ocsp_response).unwrap_or_default();
        let server = authenticate::server_certificate12(&peer, &offer, &hello, &message, ocsp).await?;
        authenticate::check_use12(suite, &server)?;
        certificate = Some(server);
    }
    let server_key =
        exchange12::server_key(&peer, &offer, suite, &randoms, certificate.as_ref(), &mut info).await?;

    let request = peer.accept(HandshakeType::CERTIFICATE_REQUEST).await?;
    let request = request.as_ref().map(|message| CertificateRequest12::decode(message.body())).transpose()?;
    if request.is_some() && !suite.key_exchange.has_certificate() {
        // RFC 5246 section 7.4.4: an anonymous server may not ask who the client is.
        return Err(Error::Unexpected { expected: "ServerHelloDone", got: "CertificateRequest" });
    }
    let done = peer.expect(HandshakeType::SERVER_HELLO_DONE).await?;
    ServerHelloDone::decode(done.body())?;
    info.peer = certificate.map(|chain| Arc::new(chain.into_parts().0));

    // The client's flight: the certificate it was asked for, its half of the exchange, and its signature.
    let mut own = None;
    if let Some(request) = &request {
        own = authenticate::choose_answer12(&peer, &offer, request).await?;
        authenticate::send_certificate12(&peer, own.as_ref().map(|(credential, _)| &**credential));
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
    peer.expect_change_cipher_spec().await?;
    peer.install_read(opener12(suite, &block, Side::Server, order)?, Epoch::Application(0));
    drop(block);
    expect_finished(&peer, &master, Side::Server).await?;
    let secrets = Secrets::Tls12 { master, randoms: Box::new(randoms) };
    Ok(Established { info: Box::new(info), secrets })
}

/// What a ServerHello must say (RFC 5246 section 7.4.1.3).
fn check_hello(offer: &Offer, hello: &ServerHello<'_>) -> Result<&'static Suite, Error> {
    if hello.compression_method != 0 {
        return Err(Misbehaved::BadCompression.into());
    }
    offer.check_answers(HandshakeType::SERVER_HELLO, &hello.extensions)?;
    check_place(Place::ServerHello12, &hello.extensions)?;
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
    exchange12::cbc_order(info.suite, extensions.get::<extension::EncryptThenMac>()?.is_some())
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

/// The peer's Finished (RFC 5246 section 7.4.9).
pub(super) async fn expect_finished(peer: &Peer, master: &MasterSecret, side: Side) -> Result<(), Error> {
    let expected = master.verify_data(side, &peer.transcript_hash());
    let message = peer.expect(HandshakeType::FINISHED).await?;
    let finished = Finished::decode(message.body())?;
    match bool::from(expected.as_slice().ct_eq(finished.verify_data)) {
        true => Ok(()),
        false => Err(Misbehaved::WrongFinished.into()),
    }
}
