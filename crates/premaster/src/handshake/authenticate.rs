//! Certificates and the signatures over the handshake, for both sides and both versions.
use super::{
    client::{Offer, check_place},
    peer::{Message, Peer},
};
use crate::{
    Error,
    config::{ClientConfig, Clock, Limits, ServerConfig},
    crypto::sign::{KeyKind, SchemeUse},
    error::{Failure, Incompatible, Misbehaved},
    identity::{
        Ask, CertificateVerifyContent, Credential, PeerCertificates, SignatureVerified, Signed,
        VerifiedChain, Verifier,
    },
    observe::{Choice, Event, KeyLife, Tap},
    suite::{Authentication, KeyExchange, Suite},
    wire::{
        ClientCertificateType, ExtensionType, List, NamedGroup, Side, SignatureScheme,
        extension::{self, DistinguishedName, Extensions, Place, push},
        message::{
            Asn1Cert, Certificate12, Certificate13, CertificateEntry, CertificateRequest12,
            CertificateRequest13, CertificateStatus, CertificateVerify, ServerHello,
        },
    },
};
use pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;

/// The server's chain in TLS 1.3, with what came stapled to the leaf (RFC 9846 section 4.4.2).
pub(super) async fn server_certificate13(
    peer: &Peer,
    offer: &Offer,
    message: &Message,
) -> Result<VerifiedChain, Error> {
    let certificate = Certificate13::decode(message.body())?;
    if !certificate.certificate_request_context.is_empty() {
        return Err(Misbehaved::ContextNotEchoed.into());
    }
    let config = &offer.config;
    let asked = |extension| offer.sent(extension);
    let (chain, ocsp, scts) = chain13(&certificate, &config.limits, asked)?;
    let now = now(&*config.clock)?;
    let presented =
        PeerCertificates { chain: &chain, name: Some(&offer.name), side: Side::Server, ocsp, scts, now };
    config.verifier.verify(&presented, &peer.tap()).await
}

/// The client's chain in TLS 1.3; none if it has none and need not.
pub(super) async fn client_certificate13(
    peer: &Peer,
    config: &ServerConfig,
    verifier: &Verifier,
    required: bool,
    message: &Message,
) -> Result<Option<VerifiedChain>, Error> {
    let certificate = Certificate13::decode(message.body())?;
    if !certificate.certificate_request_context.is_empty() {
        return Err(Misbehaved::ContextNotEchoed.into());
    }
    // This server asks for no extensions, so there must be none (RFC 9846 section 4.4.2).
    let (chain, ocsp, scts) = chain13(&certificate, &config.limits, |_| false)?;
    if chain.is_empty() {
        return match required {
            true => Err(Misbehaved::CertificateRequired.into()),
            false => Ok(None),
        };
    }
    let now = now(&*config.clock)?;
    let presented = PeerCertificates { chain: &chain, name: None, side: Side::Client, ocsp, scts, now };
    verifier.verify(&presented, &peer.tap()).await.map(Some)
}

type Chain = Arc<[CertificateDer<'static>]>;

fn chain13<'a>(
    certificate: &Certificate13<'a>,
    limits: &Limits,
    asked: impl Fn(ExtensionType) -> bool,
) -> Result<(Chain, &'a [u8], &'a [u8]), Error> {
    let (mut ocsp, mut scts): (&[u8], &[u8]) = (&[], &[]);
    for (index, entry) in certificate.certificate_list.iter().enumerate() {
        if index >= limits.chain_length {
            return Err(Misbehaved::MessageTooLong.into());
        }
        if entry.extensions.iter().any(|(extension, _)| !asked(extension)) {
            return Err(Misbehaved::UnaskedCertificateExtension.into());
        }
        check_place(Place::Certificate, &entry.extensions)?;
        let staple = entry.extensions.get::<CertificateStatus<'a>>()?;
        let timestamps = entry.extensions.get::<extension::SignedCertificateTimestampList<'a>>()?;
        if index == 0 {
            ocsp = staple.map(|staple| staple.ocsp_response).unwrap_or_default();
            if timestamps.is_some() {
                scts = entry.extensions.find(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP).unwrap_or_default();
            }
        }
    }
    Ok((chain(certificate.certificate_list.iter().map(|entry| entry.data)), ocsp, scts))
}

fn chain<'a>(certificates: impl Iterator<Item = &'a [u8]>) -> Chain {
    certificates.map(|der| CertificateDer::from(der.to_vec())).collect()
}

fn now(clock: &dyn Clock) -> Result<UnixTime, Error> {
    clock.now().ok_or(Failure::Clock.into())
}

/// The peer's CertificateVerify in TLS 1.3 (RFC 9846 section 4.4.3): a signature over everything so far.
pub(super) fn verify13(
    peer: &Peer,
    side: Side,
    offered: &[SignatureScheme],
    chain: &VerifiedChain,
    transcript: &crate::crypto::hash::Digest,
    message: &Message,
) -> Result<(SignatureScheme, SignatureVerified), Error> {
    let verify = CertificateVerify::decode(message.body())?;
    let content = CertificateVerifyContent::new(side, transcript.as_ref()).ok_or(Failure::Crypto)?;
    let signed = Signed {
        scheme: verify.scheme,
        usage: SchemeUse::Tls13,
        content: &content,
        signature: verify.signature,
    };
    let proof = chain.verify_signature(&signed, offered, &peer.tap())?;
    Ok((verify.scheme, proof))
}

/// This side's CertificateVerify in TLS 1.3.
pub(super) async fn sign13(
    peer: &Peer,
    side: Side,
    credential: &Credential,
    scheme: SignatureScheme,
) -> Result<(), Error> {
    let content =
        CertificateVerifyContent::new(side, peer.transcript_hash().as_ref()).ok_or(Failure::Crypto)?;
    let signature = sign(&peer.tap(), credential, scheme, SchemeUse::Tls13, &content).await?;
    peer.send(&CertificateVerify { scheme, signature: &signature });
    Ok(())
}

/// Signs with the long-term key.
pub(super) async fn sign(
    tap: &Tap,
    credential: &Credential,
    scheme: SignatureScheme,
    usage: SchemeUse,
    content: &[u8],
) -> Result<Vec<u8>, Error> {
    let signature = credential.sign(scheme, usage, content).await?;
    tap.emit(|| Event::Signed { scheme, content, signature: &signature });
    Ok(signature)
}

/// This side's Certificate in TLS 1.3, with what the peer wants stapled to it.
pub(super) fn send_certificate13(
    peer: &Peer,
    credential: &Credential,
    asked: &Extensions<'_>,
    context: &[u8],
) {
    let mut stapled = Vec::new();
    if let Some(ocsp_response) = credential.ocsp().filter(|_| asked.contains(ExtensionType::STATUS_REQUEST)) {
        push(&mut stapled, &CertificateStatus { ocsp_response });
    }
    if let Some(list) =
        credential.scts().filter(|_| asked.contains(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP))
    {
        extension::push_encoded(&mut stapled, ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, list);
    }
    // The staples belong to the leaf.
    let extensions = |index| Extensions::from_encoded(if index == 0 { &stapled } else { &[] });
    let chain = credential.chain().iter().enumerate();
    let entries: Vec<CertificateEntry<'_>> =
        chain.map(|(index, data)| CertificateEntry { data, extensions: extensions(index) }).collect();
    peer.send(&Certificate13 {
        certificate_request_context: context,
        certificate_list: List::from(&entries),
    });
}

/// Asks the client for a certificate in TLS 1.3 (RFC 9846 section 4.3.2).
pub(super) fn request_certificate13(peer: &Peer, config: &ServerConfig, verifier: &Verifier) {
    let mut extensions = Vec::new();
    let schemes = List::from(&*config.policy.signature_schemes);
    push(&mut extensions, &extension::SignatureAlgorithms { supported_signature_algorithms: schemes });
    let names: Vec<DistinguishedName<'_>> =
        verifier.authorities().iter().map(|name| DistinguishedName(name.as_der())).collect();
    if !names.is_empty() {
        push(&mut extensions, &extension::CertificateAuthorities { authorities: List::from(&names) });
    }
    let extensions = Extensions::from_encoded(&extensions);
    peer.send(&CertificateRequest13 { certificate_request_context: &[], extensions });
}

/// What a CertificateRequest must say (RFC 9846 section 4.3.2).
pub(super) fn check_request13(request: &CertificateRequest13<'_>) -> Result<(), Error> {
    if !request.certificate_request_context.is_empty() {
        return Err(Misbehaved::ContextNotEchoed.into());
    }
    check_place(Place::CertificateRequest, &request.extensions)?;
    match request.extensions.contains(ExtensionType::SIGNATURE_ALGORITHMS) {
        true => Ok(()),
        false => Err(Misbehaved::NoSignatureAlgorithms.into()),
    }
}

/// The client's Certificate and CertificateVerify in TLS 1.3; an empty Certificate if it has none that fits.
pub(super) async fn answer_request13(
    peer: &Peer,
    offer: &Offer,
    request: &CertificateRequest13<'_>,
) -> Result<Option<SignatureScheme>, Error> {
    let schemes = request.extensions.get::<extension::SignatureAlgorithms<'_>>()?;
    let schemes = schemes.ok_or(Misbehaved::NoSignatureAlgorithms)?.supported_signature_algorithms;
    let authorities = request.extensions.get::<extension::CertificateAuthorities<'_>>()?;
    let authorities: Vec<&[u8]> =
        authorities.iter().flat_map(|list| list.authorities).map(|name| name.0).collect();
    let chosen = choose_client(peer, &offer.config, schemes, SchemeUse::Tls13, &authorities, None).await?;
    let Some((credential, scheme)) = chosen else {
        peer.send(&Certificate13 { certificate_request_context: &[], certificate_list: List::default() });
        return Ok(None);
    };
    send_certificate13(peer, &credential, &request.extensions, &[]);
    sign13(peer, Side::Client, &credential, scheme).await?;
    Ok(Some(scheme))
}

async fn choose_client(
    peer: &Peer,
    config: &ClientConfig,
    schemes: List<'_, SignatureScheme>,
    usage: SchemeUse,
    authorities: &[&[u8]],
    key_kinds: Option<&[KeyKind]>,
) -> Result<Option<(Arc<Credential>, SignatureScheme)>, Error> {
    let schemes = schemes.to_vec();
    let ask = Ask {
        server_name: None,
        schemes: &schemes,
        usage,
        key_kinds,
        static_kinds: &[],
        authorities,
        alpn: &[],
    };
    let chosen = config.credentials.choose(&ask).await;
    let chosen = chosen.and_then(|own| own.choose_scheme(&schemes, usage).map(|scheme| (own, scheme)));
    let Some((credential, scheme)) = chosen else {
        // RFC 9846 section 4.4.2, RFC 5246 section 7.4.6: a client without one says so, unless it insists.
        return match config.insist_on_certificate {
            true => Err(Incompatible::Certificate { name: None }.into()),
            false => Ok(None),
        };
    };
    let because = "the first that the server can verify";
    peer.tap().emit(|| Event::Chose { what: Choice::Certificate(credential.leaf()), because });
    Ok(Some((credential, scheme)))
}

/// The server's chain in TLS 1.2 (RFC 5246 section 7.4.2).
pub(super) async fn server_certificate12(
    peer: &Peer,
    offer: &Offer,
    hello: &ServerHello<'_>,
    message: &Message,
    ocsp: &[u8],
) -> Result<VerifiedChain, Error> {
    let certificate = Certificate12::decode(message.body())?;
    let config = &offer.config;
    let chain = chain12(&certificate, &config.limits)?;
    hello.extensions.get::<extension::SignedCertificateTimestampList<'_>>()?;
    let scts = hello.extensions.find(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP).unwrap_or_default();
    let now = now(&*config.clock)?;
    let presented =
        PeerCertificates { chain: &chain, name: Some(&offer.name), side: Side::Server, ocsp, scts, now };
    config.verifier.verify(&presented, &peer.tap()).await
}

/// The client's chain in TLS 1.2; none if it has none and need not.
pub(super) async fn client_certificate12(
    peer: &Peer,
    config: &ServerConfig,
    verifier: &Verifier,
    required: bool,
    message: &Message,
) -> Result<Option<VerifiedChain>, Error> {
    let certificate = Certificate12::decode(message.body())?;
    let chain = chain12(&certificate, &config.limits)?;
    if chain.is_empty() {
        return match required {
            true => Err(Misbehaved::CertificateRequired12.into()),
            false => Ok(None),
        };
    }
    let now = now(&*config.clock)?;
    let presented =
        PeerCertificates { chain: &chain, name: None, side: Side::Client, ocsp: &[], scts: &[], now };
    verifier.verify(&presented, &peer.tap()).await.map(Some)
}

fn chain12(certificate: &Certificate12<'_>, limits: &Limits) -> Result<Chain, Error> {
    if certificate.certificate_list.len() > limits.chain_length {
        return Err(Misbehaved::MessageTooLong.into());
    }
    Ok(chain(certificate.certificate_list.iter().map(|certificate| certificate.0)))
}

/// Whether the certificate's key fits what the suite uses it for (RFC 5246 section 7.4.2).
pub(super) fn check_use12(suite: &Suite, groups: &[NamedGroup], chain: &VerifiedChain) -> Result<(), Error> {
    let (kind, usage) = (chain.key().kind(), chain.key_usage());
    // RFC 8422 section 5.3: its curve MUST be among those that the client supports.
    if kind.curve().is_some_and(|curve| !groups.contains(&curve)) {
        return Err(Misbehaved::CertificateOnOtherCurve.into());
    }
    let (fits, allowed) = match (suite.key_exchange, suite.authentication) {
        (KeyExchange::Rsa | KeyExchange::RsaPsk, _) => (kind == KeyKind::Rsa, usage.key_encipherment),
        (KeyExchange::Ecdh, _) => (kind.is_ecdsa(), usage.key_agreement),
        (KeyExchange::Dh, _) => (kind == KeyKind::Dh, usage.key_agreement),
        (_, Authentication::Rsa) => (matches!(kind, KeyKind::Rsa | KeyKind::RsaPss), usage.digital_signature),
        (_, Authentication::Ecdsa) => (kind.is_ecdsa() || kind == KeyKind::Ed25519, usage.digital_signature),
        _ => (true, true),
    };
    if !fits {
        return Err(Misbehaved::WrongCertificateForSuite.into());
    }
    match allowed {
        true => Ok(()),
        false => Err(Misbehaved::KeyUsageForbids.into()),
    }
}

/// This side's Certificate in TLS 1.2; an empty one says that a client has none.
pub(super) fn send_certificate12(peer: &Peer, credential: Option<&Credential>) {
    let chain = credential.map(Credential::chain).unwrap_or_default();
    let list: Vec<Asn1Cert<'_>> = chain.iter().map(|certificate| Asn1Cert(certificate)).collect();
    peer.send(&Certificate12 { certificate_list: List::from(&list) });
}

/// Asks the client for a certificate in TLS 1.2 (RFC 5246 section 7.4.4). Never for one with a fixed
/// Diffie-Hellman key: whoever stole such a key could pose as any server to its owner.
pub(super) fn request_certificate12(peer: &Peer, config: &ServerConfig, verifier: &Verifier) {
    let names: Vec<DistinguishedName<'_>> =
        verifier.authorities().iter().map(|name| DistinguishedName(name.as_der())).collect();
    peer.send(&CertificateRequest12 {
        certificate_types: List::from(&[ClientCertificateType::ecdsa_sign, ClientCertificateType::rsa_sign]),
        supported_signature_algorithms: List::from(&*config.policy.signature_schemes),
        certificate_authorities: List::from(&names),
    });
}

/// The client's credential for a TLS 1.2 CertificateRequest.
pub(super) async fn choose_answer12(
    peer: &Peer,
    offer: &Offer,
    request: &CertificateRequest12<'_>,
) -> Result<Option<(Arc<Credential>, SignatureScheme)>, Error> {
    let mut key_kinds = Vec::new();
    for certificate_type in request.certificate_types {
        match certificate_type {
            ClientCertificateType::rsa_sign => key_kinds.extend([KeyKind::Rsa, KeyKind::RsaPss]),
            ClientCertificateType::ecdsa_sign => {
                key_kinds.extend([
                    KeyKind::EcdsaP256,
                    KeyKind::EcdsaP384,
                    KeyKind::EcdsaP521,
                    KeyKind::Ed25519,
                ]);
            }
            _ => {}
        }
    }
    let authorities: Vec<&[u8]> = request.certificate_authorities.iter().map(|name| name.0).collect();
    let schemes = request.supported_signature_algorithms;
    choose_client(peer, &offer.config, schemes, SchemeUse::Tls12, &authorities, Some(&key_kinds)).await
}

/// The client's CertificateVerify in TLS 1.2 (RFC 5246 section 7.4.8): a signature over the messages themselves.
pub(super) async fn sign12(
    peer: &Peer,
    credential: &Credential,
    scheme: SignatureScheme,
) -> Result<(), Error> {
    let signature = sign(&peer.tap(), credential, scheme, SchemeUse::Tls12, &peer.messages()).await?;
    peer.send(&CertificateVerify { scheme, signature: &signature });
    Ok(())
}

/// The client's CertificateVerify in TLS 1.2.
pub(super) fn verify12(
    peer: &Peer,
    offered: &[SignatureScheme],
    chain: &VerifiedChain,
    messages: &[u8],
    message: &Message,
) -> Result<(SignatureScheme, SignatureVerified), Error> {
    let verify = CertificateVerify::decode(message.body())?;
    let signed = Signed {
        scheme: verify.scheme,
        usage: SchemeUse::Tls12,
        content: messages,
        signature: verify.signature,
    };
    let proof = chain.verify_signature(&signed, offered, &peer.tap())?;
    Ok((verify.scheme, proof))
}

/// Tells an observer of a key that was made and used in one go: the reply to a published key.
pub(super) fn made_and_spent(peer: &Peer, group: Option<NamedGroup>, public: &[u8]) {
    for life in [KeyLife::Made, KeyLife::SpentAndErased] {
        peer.tap().emit(|| Event::EphemeralKey { group, public, life });
    }
}
