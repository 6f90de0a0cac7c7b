//! What rustls-webpki says, in our words and with the details that make it useful.
use super::{Certificate, PeerCertificates, Roots, distinguished_name::dotted};
use crate::{
    crypto::sign::der::{self, Der},
    error::Untrusted,
};
use webpki::Error;

/// Names shown of a certificate: it may have thousands.
const MOST_NAMES: usize = 64;

pub(super) fn untrusted(
    error: &Error,
    peer: &PeerCertificates<'_>,
    leaf: &Certificate<'_>,
    roots: &Roots,
) -> Untrusted {
    match error {
        Error::CertExpired { time, not_after } => {
            Untrusted::Expired { not_after: not_after.as_secs(), now: time.as_secs() }
        }
        Error::CertNotValidYet { time, not_before } => {
            Untrusted::NotYetValid { not_before: not_before.as_secs(), now: time.as_secs() }
        }
        Error::CertNotValidForName(_) => wrong_name(peer, leaf),
        Error::UnknownIssuer => unknown_issuer(peer, leaf),
        // What `openssl req -x509` makes is an authority of its own. That it is one is the lesser problem.
        Error::CaUsedAsEndEntity if leaf.is_self_issued() && !roots.holds(leaf) => unknown_issuer(peer, leaf),
        Error::CaUsedAsEndEntity => Untrusted::CaUsedAsEndEntity,
        Error::EndEntityUsedAsCa | Error::PathLenConstraintViolated => Untrusted::EndEntityUsedAsCa,
        Error::CertRevoked => Untrusted::Revoked,
        Error::UnknownRevocationStatus
        | Error::CrlExpired { .. }
        | Error::InvalidCrlSignatureForPublicKey
        | Error::IssuerNotCrlSigner
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Untrusted::RevocationUnknown,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Untrusted::WrongPurpose,
        Error::InvalidSignatureForPublicKey => Untrusted::BadSignature,
        Error::UnsupportedSignatureAlgorithmContext(context) => {
            Untrusted::UnsupportedSignature { algorithm: algorithm(&context.signature_algorithm_id) }
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
            Untrusted::UnsupportedSignature { algorithm: algorithm(&context.signature_algorithm_id) }
        }
        Error::NameConstraintViolation
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint => Untrusted::NameConstraint,
        Error::MaximumNameConstraintComparisonsExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded => Untrusted::TooMuchWork,
        Error::BadDer
        | Error::BadDerTime
        | Error::ExtensionValueInvalid
        | Error::InvalidCertValidity
        | Error::InvalidSerialNumber
        | Error::MalformedDnsIdentifier
        | Error::MalformedExtensions
        | Error::SignatureAlgorithmMismatch
        | Error::TrailingData(_)
        | Error::UnsupportedCertVersion => Untrusted::BadEncoding,
        Error::UnsupportedCriticalExtension => {
            Untrusted::Other("it has a critical extension that is not understood".into())
        }
        other => Untrusted::Other(format!("{other:?}")),
    }
}

/// The certificate is for other names; without a name, none was given to compare with.
pub(super) fn wrong_name(peer: &PeerCertificates<'_>, leaf: &Certificate<'_>) -> Untrusted {
    Untrusted::WrongName {
        expected: peer.name.map_or_else(|| "an unnamed server".into(), |name| name.to_str().into_owned()),
        presented: leaf.names().take(MOST_NAMES).collect(),
    }
}

/// Names the issuer that the server could not show: that of the last certificate it sent.
fn unknown_issuer(peer: &PeerCertificates<'_>, leaf: &Certificate<'_>) -> Untrusted {
    let last = peer.chain.last().and_then(|last| Certificate::parse(last));
    let issuer = last.as_ref().unwrap_or(leaf).issuer();
    Untrusted::UnknownIssuer { issuer, self_signed: leaf.is_self_issued() }
}

/// The name of a signature algorithm that is not accepted, from its AlgorithmIdentifier.
fn algorithm(identifier: &[u8]) -> String {
    let Some(oid) = Der::new(identifier).expect(der::OID) else {
        return "an unknown algorithm".into();
    };
    match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4] => "RSA with MD5".into(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5] => "RSA with SHA-1".into(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10] => "RSA-PSS with unusual parameters".into(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 14] => "RSA with SHA-224".into(),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => "ECDSA with SHA-1".into(),
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3] => "DSA with SHA-1".into(),
        [0x2b, 0x65, 0x71] => "Ed448".into(),
        oid => dotted(oid),
    }
}
