//! Certificate messages (RFC 9846 section 4.4.2, RFC 5246 section 7.4.2), for both sides and both versions: what
//! they hold is sent, or read and judged.
use super::{
    check_extensions::check_extensions,
    client::Offer,
    peer::{Message, Peer},
};
use crate::{
    Error,
    config::{ClientConfig, Clock, Limits, ServerConfig},
    error::{Failure, Misbehaved},
    identity::{CertificateCompression, Credential, PeerCertificates, PeerIdentity, VerifiedChain, Verifier},
    wire::{
        CertificateType, ExtensionType, HandshakeType, List, Side,
        extension::{self, CompressCertificate, Extensions, Place, push},
        message::{
            Asn1Cert, Certificate12, Certificate13, CertificateEntry, CertificateStatus,
            CompressedCertificate, RawPublicKey12, ServerHello, handshake::Body,
        },
    },
};
use pki_types::{CertificateDer, ServerName, UnixTime};
use smallvec::SmallVec;
use std::sync::Arc;

/// The server's chain in TLS 1.3, with what came stapled to the leaf.
pub(super) async fn server13(
    peer: &Peer,
    offer: &Offer,
    certificate_type: CertificateType,
) -> Result<VerifiedChain, Error> {
    let config = &offer.config;
    let body = receive13(peer, &config.certificate_compression, &config.limits).await?;
    let certificate = Certificate13::decode(&body)?;
    let asked = |extension| offer.sent(extension);
    let shown = shown13(&certificate, certificate_type, &config.limits, asked)?;
    let now = now(&*config.clock)?;
    let presented = PeerCertificates {
        certificate_type,
        chain: &shown.chain,
        name: Some(&offer.name),
        side: Side::Server,
        ocsp: shown.ocsp,
        scts: shown.scts,
        now,
    };
    config.verifier.verify(&presented, &peer.tap()).await
}

/// Judges once more the certificates that a session was made with.
pub(super) async fn verify_again(
    peer: &Peer,
    config: &ClientConfig,
    name: &ServerName<'_>,
    server: &PeerIdentity,
) -> Result<(), Error> {
    let presented = PeerCertificates {
        certificate_type: server.certificate_type(),
        chain: server.chain(),
        name: Some(name),
        side: Side::Server,
        // What was stapled then is out of date.
        ocsp: &[],
        scts: &[],
        now: now(&*config.clock)?,
    };
    config.verifier.verify(&presented, &peer.tap()).await.map(|_| ())
}

/// The client's chain in TLS 1.3; none if it has none and need not.
pub(super) async fn client13(
    peer: &Peer,
    config: &ServerConfig,
    verifier: &Verifier,
    certificate_type: CertificateType,
) -> Result<Option<VerifiedChain>, Error> {
    let body = receive13(peer, &config.certificate_compression, &config.limits).await?;
    let certificate = Certificate13::decode(&body)?;
    // This server asks for no extensions, so there must be none (RFC 9846 section 4.4.2).
    let shown = shown13(&certificate, certificate_type, &config.limits, |_| false)?;
    if shown.chain.is_empty() {
        return match config.client_authentication.is_required() {
            true => Err(Misbehaved::CertificateRequired.into()),
            false => Ok(None),
        };
    }
    let presented = from_client(certificate_type, &shown.chain, now(&*config.clock)?);
    verifier.verify(&presented, &peer.tap()).await.map(Some)
}

/// The body of the peer's Certificate, which may come compressed in one of the ways that this side named
/// (RFC 8879 section 4).
async fn receive13(
    peer: &Peer,
    compression: &CertificateCompression,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    if !compression.is_none()
        && let Some(message) = peer.accept(HandshakeType::COMPRESSED_CERTIFICATE).await?
    {
        let message = CompressedCertificate::decode(message.body())?;
        let way = compression.find(|own| own == message.algorithm);
        let way = way.ok_or(Misbehaved::UnofferedCertificateCompression)?;
        // RFC 8879 section 5: before anything is allocated for it.
        let length = usize::try_from(message.uncompressed_length).unwrap_or(usize::MAX);
        if length > limits.decompressed_certificate {
            return Err(Misbehaved::DecompressedTooLong.into());
        }
        let body = way.decompress(message.compressed_certificate_message, length);
        let body = body.filter(|body| body.len() == length);
        return body.ok_or_else(|| Misbehaved::BadCompressedCertificate.into());
    }
    peer.expect(HandshakeType::CERTIFICATE).await.map(Message::into_body)
}

/// What a peer can decompress (RFC 8879 section 3).
pub(super) fn push_algorithms(out: &mut Vec<u8>, compression: &CertificateCompression) {
    if !compression.is_none() {
        push(out, &CompressCertificate { algorithms: List::from(&compression.algorithms()) });
    }
}

type Chain = Arc<[CertificateDer<'static>]>;

const fn from_client(
    certificate_type: CertificateType,
    chain: &Chain,
    now: UnixTime,
) -> PeerCertificates<'_> {
    PeerCertificates { certificate_type, chain, name: None, side: Side::Client, ocsp: &[], scts: &[], now }
}

/// What a Certificate of TLS 1.3 holds.
struct Shown<'a> {
    chain: Chain,
    ocsp: &'a [u8],
    scts: &'a [u8],
}

fn shown13<'a>(
    certificate: &Certificate13<'a>,
    certificate_type: CertificateType,
    limits: &Limits,
    asked: impl Fn(ExtensionType) -> bool,
) -> Result<Shown<'a>, Error> {
    if !certificate.certificate_request_context.is_empty() {
        return Err(Misbehaved::ContextNotEchoed.into());
    }
    let (mut ocsp, mut scts): (&[u8], &[u8]) = (&[], &[]);
    for (index, entry) in certificate.certificate_list.iter().enumerate() {
        if index >= limits.chain_length {
            return Err(Misbehaved::MessageTooLong.into());
        }
        // RFC 9846 section 4.4.2: a raw public key is the only entry.
        if index > 0 && certificate_type == CertificateType::RawPublicKey {
            return Err(Misbehaved::SeveralRawPublicKeys.into());
        }
        if entry.extensions.iter().any(|(extension, _)| !asked(extension)) {
            return Err(Misbehaved::UnaskedCertificateExtension.into());
        }
        check_extensions(Place::Certificate, &entry.extensions)?;
        let staple = entry.extensions.get::<CertificateStatus<'a>>()?;
        let timestamps = entry.extensions.get::<extension::SignedCertificateTimestampList<'a>>()?;
        if index == 0 {
            ocsp = staple.map(|staple| staple.ocsp_response).unwrap_or_default();
            if timestamps.is_some() {
                scts = entry.extensions.find(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP).unwrap_or_default();
            }
        }
    }
    Ok(Shown { chain: chain(certificate.certificate_list.iter().map(|entry| entry.data)), ocsp, scts })
}

fn chain<'a>(certificates: impl Iterator<Item = &'a [u8]>) -> Chain {
    let certificates: SmallVec<[&[u8]; 8]> = certificates.collect();
    certificates.iter().map(|der| CertificateDer::from(der.to_vec())).collect()
}

fn now(clock: &dyn Clock) -> Result<UnixTime, Error> {
    clock.now().ok_or(Failure::Clock.into())
}

/// This side's Certificate in TLS 1.3, with what the peer wants stapled to it, and compressed if it can decompress.
pub(super) fn send13(
    peer: &Peer,
    credential: &Credential,
    compression: &CertificateCompression,
    asked: &Extensions<'_>,
) -> Result<(), Error> {
    let ocsp = credential.ocsp().filter(|_| asked.contains(ExtensionType::STATUS_REQUEST));
    let scts = credential.scts().filter(|_| asked.contains(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP));
    let mut stapled = Vec::new();
    if let Some(ocsp_response) = ocsp {
        push(&mut stapled, &CertificateStatus { ocsp_response });
    }
    if let Some(list) = scts {
        extension::push_encoded(&mut stapled, ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, list);
    }
    // The staples belong to the leaf.
    let extensions = |index| Extensions::from_encoded(if index == 0 { &stapled } else { &[] });
    let chain = credential.chain().iter().enumerate();
    let entries: SmallVec<[CertificateEntry<'_>; 4]> =
        chain.map(|(index, data)| CertificateEntry { data, extensions: extensions(index) }).collect();
    let certificate =
        Certificate13 { certificate_request_context: &[], certificate_list: List::from(&*entries) };

    let theirs = asked.get::<CompressCertificate<'_>>()?;
    let way = theirs.and_then(|theirs| compression.find(|own| theirs.algorithms.contains(own)));
    let body = || {
        let mut body = Vec::new();
        certificate.encode(&mut body);
        body
    };
    let stapled = [ocsp.is_some(), scts.is_some()];
    let compressed = way.and_then(|way| Some((way.algorithm(), credential.compressed(way, stapled, body)?)));
    match compressed {
        Some((algorithm, (bytes, uncompressed_length))) => peer.send(&CompressedCertificate {
            algorithm,
            uncompressed_length,
            compressed_certificate_message: &bytes,
        }),
        None => peer.send(&certificate),
    }
    Ok(())
}

/// A client's empty Certificate in TLS 1.3: it has none.
pub(super) fn send_none13(peer: &Peer) {
    peer.send(&Certificate13 { certificate_request_context: &[], certificate_list: List::default() });
}

/// The server's chain in TLS 1.2.
pub(super) async fn server12(
    peer: &Peer,
    offer: &Offer,
    hello: &ServerHello<'_>,
    message: &Message,
    ocsp: &[u8],
    certificate_type: CertificateType,
) -> Result<VerifiedChain, Error> {
    let config = &offer.config;
    let chain = chain12(message, certificate_type, &config.limits)?;
    hello.extensions.get::<extension::SignedCertificateTimestampList<'_>>()?;
    let scts = hello.extensions.find(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP).unwrap_or_default();
    let (name, side, now) = (Some(&offer.name), Side::Server, now(&*config.clock)?);
    let presented = PeerCertificates { certificate_type, chain: &chain, name, side, ocsp, scts, now };
    config.verifier.verify(&presented, &peer.tap()).await
}

/// The client's chain in TLS 1.2; none if it has none and need not.
pub(super) async fn client12(
    peer: &Peer,
    config: &ServerConfig,
    verifier: &Verifier,
    certificate_type: CertificateType,
    message: &Message,
) -> Result<Option<VerifiedChain>, Error> {
    let chain = chain12(message, certificate_type, &config.limits)?;
    if chain.is_empty() {
        return match config.client_authentication.is_required() {
            true => Err(Misbehaved::CertificateRequired12.into()),
            false => Ok(None),
        };
    }
    let presented = from_client(certificate_type, &chain, now(&*config.clock)?);
    verifier.verify(&presented, &peer.tap()).await.map(Some)
}

fn chain12(message: &Message, certificate_type: CertificateType, limits: &Limits) -> Result<Chain, Error> {
    // Whoever has nothing to show sends no bytes, of either type.
    let nothing = message.body() == [0, 0, 0];
    if certificate_type == CertificateType::RawPublicKey && !nothing {
        let key = RawPublicKey12::decode(message.body())?.subject_public_key_info;
        return Ok(chain([key].into_iter()));
    }
    let certificate = Certificate12::decode(message.body())?;
    if certificate.certificate_list.len() > limits.chain_length {
        return Err(Misbehaved::MessageTooLong.into());
    }
    Ok(chain(certificate.certificate_list.iter().map(|certificate| certificate.0)))
}

/// This side's Certificate in TLS 1.2; an empty one says that a client has none.
pub(super) fn send12(peer: &Peer, credential: Option<&Credential>) {
    if let Some(credential) = credential
        && credential.certificate_type() == CertificateType::RawPublicKey
    {
        return peer.send(&RawPublicKey12 { subject_public_key_info: credential.leaf() });
    }
    let chain = credential.map(Credential::chain).unwrap_or_default();
    let list: SmallVec<[Asn1Cert<'_>; 4]> = chain.iter().map(|certificate| Asn1Cert(certificate)).collect();
    peer.send(&Certificate12 { certificate_list: List::from(&*list) });
}
