//! Who is asked for a certificate and chooses one, and the signatures over the handshake, for both sides and
//! both versions. The certificates themselves are in `certificate`.
use super::{
    certificate,
    check_extensions::check_extensions,
    client::Offer,
    peer::{Message, Peer},
};
use crate::{
    Error,
    config::{ClientConfig, ServerConfig},
    crypto::sign::{KeyKind, SchemeUse},
    error::{Failure, Incompatible, Misbehaved},
    identity::{
        Ask, CertificateVerifyContent, Credential, SignatureVerified, Signed, VerifiedChain, Verifier,
    },
    observe::{Choice, Event, KeyLife, Tap},
    suite::{Authentication, KeyExchange, Suite},
    wire::{
        CertificateType, ClientCertificateType, ExtensionType, List, NamedGroup, Side, SignatureScheme,
        extension::{self, DistinguishedName, Extensions, Place, push},
        message::{CertificateRequest12, CertificateRequest13, CertificateVerify},
    },
};
use std::sync::Arc;

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
    certificate::push_algorithms(&mut extensions, &config.certificate_compression);
    let extensions = Extensions::from_encoded(&extensions);
    peer.send(&CertificateRequest13 { certificate_request_context: &[], extensions });
}

/// What a CertificateRequest must say (RFC 9846 section 4.3.2).
pub(super) fn check_request13(request: &CertificateRequest13<'_>) -> Result<(), Error> {
    if !request.certificate_request_context.is_empty() {
        return Err(Misbehaved::ContextNotEchoed.into());
    }
    check_extensions(Place::CertificateRequest, &request.extensions)?;
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
    certificate_type: CertificateType,
) -> Result<Option<SignatureScheme>, Error> {
    let schemes = request.extensions.get::<extension::SignatureAlgorithms<'_>>()?;
    let schemes = schemes.ok_or(Misbehaved::NoSignatureAlgorithms)?.supported_signature_algorithms;
    let authorities = request.extensions.get::<extension::CertificateAuthorities<'_>>()?;
    let authorities: Vec<&[u8]> =
        authorities.iter().flat_map(|list| list.authorities).map(|name| name.0).collect();
    let schemes = schemes.to_vec();
    let ask = Ask {
        server_name: None,
        certificate_types: &[certificate_type],
        schemes: &schemes,
        usage: SchemeUse::Tls13,
        key_kinds: None,
        static_kinds: &[],
        authorities: &authorities,
        alpn: &[],
    };
    let Some((credential, scheme)) = choose_client(peer, &offer.config, &ask).await? else {
        certificate::send_none13(peer);
        return Ok(None);
    };
    certificate::send13(peer, &credential, &offer.config.certificate_compression, &request.extensions)?;
    sign13(peer, Side::Client, &credential, scheme).await?;
    Ok(Some(scheme))
}

async fn choose_client(
    peer: &Peer,
    config: &ClientConfig,
    ask: &Ask<'_>,
) -> Result<Option<(Arc<Credential>, SignatureScheme)>, Error> {
    let chosen = config.credentials.choose(ask).await;
    let chosen = chosen.and_then(|own| own.choose_scheme(ask.schemes, ask.usage).map(|scheme| (own, scheme)));
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
    certificate_type: CertificateType,
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
    let schemes = request.supported_signature_algorithms.to_vec();
    let ask = Ask {
        server_name: None,
        certificate_types: &[certificate_type],
        schemes: &schemes,
        usage: SchemeUse::Tls12,
        key_kinds: Some(&key_kinds),
        static_kinds: &[],
        authorities: &authorities,
        alpn: &[],
    };
    choose_client(peer, &offer.config, &ask).await
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
