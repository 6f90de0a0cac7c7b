//! Signatures: the keys that make them, the keys that verify them, and which scheme fits which key (RFC 9846
//! section 4.2.3, RFC 5246 section 7.4.1.4.1, RFC 8422 section 5.1.1).
pub(crate) mod der;
mod ecdsa;
mod local;
mod public;
#[cfg(test)]
mod tests;

pub(crate) use ecdsa::CERTIFICATES as ECDSA_CERTIFICATES;
pub use local::LocalKey;
pub(crate) use local::schemes;
pub use public::PublicKey;

use crate::wire::{NamedGroup, SignatureScheme as Scheme};
use std::fmt;

/// What a long-term key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA, as `rsaEncryption`: for PKCS #1 and PSS signatures, and for the RSA key exchange.
    Rsa,
    /// RSA, as `id-RSASSA-PSS`: for PSS signatures alone.
    RsaPss,
    /// An elliptic curve key on secp256r1.
    EcdsaP256,
    /// An elliptic curve key on secp384r1.
    EcdsaP384,
    /// An elliptic curve key on secp521r1.
    EcdsaP521,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// Finite-field Diffie-Hellman (RFC 3279 section 2.3.3): for the static DH exchange alone. It signs nothing.
    Dh,
    /// ML-DSA-44 (FIPS 204). TLS 1.3 only.
    MlDsa44,
    /// ML-DSA-65 (FIPS 204). TLS 1.3 only.
    MlDsa65,
    /// ML-DSA-87 (FIPS 204). TLS 1.3 only.
    MlDsa87,
}

impl KeyKind {
    /// The name that people know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::RsaPss => "RSA-PSS",
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
            Self::EcdsaP521 => "ECDSA P-521",
            Self::Ed25519 => "Ed25519",
            Self::Dh => "DH",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// Whether it is an elliptic curve key, which TLS 1.2 lets sign with any hash.
    pub const fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521)
    }

    /// The curve of an ECDSA key.
    pub(crate) const fn curve(self) -> Option<NamedGroup> {
        match self {
            Self::EcdsaP256 => Some(NamedGroup::secp256r1),
            Self::EcdsaP384 => Some(NamedGroup::secp384r1),
            Self::EcdsaP521 => Some(NamedGroup::secp521r1),
            _ => None,
        }
    }

    /// Whether a key of this kind may sign the handshake with `scheme`.
    ///
    /// TLS 1.3 binds the curve into the ECDSA schemes and forbids PKCS #1 and SHA-1 signatures over the
    /// handshake (RFC 9846 section 4.2.3 and 4.4.3). TLS 1.2 reads an ECDSA scheme as a hash alone (RFC 5246
    /// section 7.4.1.4.1), and has no code points for ML-DSA.
    pub fn fits(self, scheme: Scheme, usage: SchemeUse) -> bool {
        use SchemeUse::*;
        match Method::of(scheme) {
            Some(Method::RsaPkcs1(_)) => self == Self::Rsa && usage == Tls12,
            Some(Method::RsaPssRsae(_)) => self == Self::Rsa,
            Some(Method::RsaPssPss(_)) => self == Self::RsaPss,
            Some(Method::Ecdsa(_, curve)) => match usage {
                Tls12 => self.is_ecdsa(),
                Tls13 => Some(self) == curve,
            },
            Some(Method::Ed25519) => self == Self::Ed25519,
            Some(Method::MlDsa(kind)) => self == kind && usage == Tls13,
            None => false,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which version's rules a signature scheme is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemeUse {
    /// RFC 5246 and 8422: an ECDSA scheme names a hash.
    Tls12,
    /// RFC 9846: an ECDSA scheme names a hash and a curve.
    Tls13,
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not the DER that it should be, or its parts do not belong together.
    Malformed,
    /// It is of a kind that this library has no use for.
    Unsupported,
    /// It is an RSA key of fewer bits than may be used here.
    TooSmall {
        /// Its size.
        bits: u32,
        /// The smallest size.
        least: u32,
    },
    /// It is an RSA key of more bits than this library will compute with.
    TooLarge {
        /// Its size.
        bits: u32,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(f, "the key is malformed"),
            Self::Unsupported => write!(
                f,
                "the key is of an unsupported kind: use RSA, ECDSA on P-256, P-384 or P-521, Ed25519 or ML-DSA"
            ),
            Self::TooSmall { bits, least } => {
                write!(f, "the RSA key has {bits} bits, and needs at least {least}")
            }
            Self::TooLarge { bits } => write!(f, "the RSA key has {bits} bits, and may have {MAX_RSA_BITS}"),
        }
    }
}

impl std::error::Error for KeyError {}

/// The largest RSA modulus that is computed with: what a peer can make this side work is bounded.
pub const MAX_RSA_BITS: u32 = 8192;
/// The smallest RSA modulus that a signature is verified with at all. Path validation asks for more.
pub const MIN_RSA_BITS: u32 = 1024;
/// The smallest RSA key that signs (RFC 9325 section 4.5).
pub const MIN_SIGNING_RSA_BITS: u32 = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// What a scheme does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    RsaPkcs1(Hash),
    RsaPssRsae(Hash),
    RsaPssPss(Hash),
    /// The hash, and the curve that TLS 1.3 binds to it; SHA-1 has none there.
    Ecdsa(Hash, Option<KeyKind>),
    Ed25519,
    MlDsa(KeyKind),
}

impl Method {
    const fn of(scheme: Scheme) -> Option<Self> {
        use Hash::*;
        Some(match scheme {
            Scheme::rsa_pkcs1_sha1 => Self::RsaPkcs1(Sha1),
            Scheme::rsa_pkcs1_sha256 => Self::RsaPkcs1(Sha256),
            Scheme::rsa_pkcs1_sha384 => Self::RsaPkcs1(Sha384),
            Scheme::rsa_pkcs1_sha512 => Self::RsaPkcs1(Sha512),
            Scheme::rsa_pss_rsae_sha256 => Self::RsaPssRsae(Sha256),
            Scheme::rsa_pss_rsae_sha384 => Self::RsaPssRsae(Sha384),
            Scheme::rsa_pss_rsae_sha512 => Self::RsaPssRsae(Sha512),
            Scheme::rsa_pss_pss_sha256 => Self::RsaPssPss(Sha256),
            Scheme::rsa_pss_pss_sha384 => Self::RsaPssPss(Sha384),
            Scheme::rsa_pss_pss_sha512 => Self::RsaPssPss(Sha512),
            Scheme::ecdsa_sha1 => Self::Ecdsa(Sha1, None),
            Scheme::ecdsa_secp256r1_sha256 => Self::Ecdsa(Sha256, Some(KeyKind::EcdsaP256)),
            Scheme::ecdsa_secp384r1_sha384 => Self::Ecdsa(Sha384, Some(KeyKind::EcdsaP384)),
            Scheme::ecdsa_secp521r1_sha512 => Self::Ecdsa(Sha512, Some(KeyKind::EcdsaP521)),
            Scheme::ed25519 => Self::Ed25519,
            Scheme::mldsa44 => Self::MlDsa(KeyKind::MlDsa44),
            Scheme::mldsa65 => Self::MlDsa(KeyKind::MlDsa65),
            Scheme::mldsa87 => Self::MlDsa(KeyKind::MlDsa87),
            _ => return None,
        })
    }
}

/// Object identifiers of keys and their parameters.
mod oid {
    use super::{Hash, KeyKind};

    pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    pub(super) const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    pub(super) const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
    pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    /// X9.42 (RFC 3279 section 2.3.3) and PKCS #3.
    pub(super) const DH: [&[u8]; 2] =
        [&[0x2a, 0x86, 0x48, 0xce, 0x3e, 2, 1], &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1]];

    const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

    pub(super) fn curve(oid: &[u8]) -> Option<KeyKind> {
        match oid {
            P256 => Some(KeyKind::EcdsaP256),
            P384 => Some(KeyKind::EcdsaP384),
            P521 => Some(KeyKind::EcdsaP521),
            _ => None,
        }
    }

    pub(super) fn ml_dsa(oid: &[u8]) -> Option<KeyKind> {
        match oid {
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 17] => Some(KeyKind::MlDsa44),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18] => Some(KeyKind::MlDsa65),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 19] => Some(KeyKind::MlDsa87),
            _ => None,
        }
    }

    pub(super) fn hash(oid: &[u8]) -> Option<Hash> {
        match oid {
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] => Some(Hash::Sha256),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] => Some(Hash::Sha384),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] => Some(Hash::Sha512),
            _ => None,
        }
    }
}

/// SHA-256 of a certificate or key, for pins.
pub(crate) fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    fingerprint
}

/// What `AlgorithmIdentifier` says a key is, and the only hash that it may sign with, if it says so.
fn algorithm(contents: &[u8]) -> Result<(KeyKind, Option<Hash>), KeyError> {
    let mut der = der::Der::new(contents);
    let oid = der.expect(der::OID).ok_or(KeyError::Malformed)?;
    match oid {
        // RFC 3279 section 2.3.1 wants NULL here; some issuers leave it out.
        oid::RSA => match der.optional(der::NULL) {
            Some(None | Some([])) if der.is_empty() => Ok((KeyKind::Rsa, None)),
            _ => Err(KeyError::Malformed),
        },
        oid::RSA_PSS if der.is_empty() => Ok((KeyKind::RsaPss, None)),
        oid::RSA_PSS => {
            let parameters = der::only(der.rest(), der::SEQUENCE).ok_or(KeyError::Malformed)?;
            pss_hash(parameters).map(|hash| (KeyKind::RsaPss, Some(hash))).ok_or(KeyError::Unsupported)
        }
        oid::EC => {
            let curve = der.expect(der::OID).ok_or(KeyError::Unsupported)?;
            oid::curve(curve).filter(|_| der.is_empty()).map(|kind| (kind, None)).ok_or(KeyError::Unsupported)
        }
        // RFC 8410 section 3, RFC 9881 section 2: parameters MUST be absent.
        oid::ED25519 if der.is_empty() => Ok((KeyKind::Ed25519, None)),
        oid::ED25519 => Err(KeyError::Malformed),
        // Its parameters are the exchange's to judge.
        oid if oid::DH.contains(&oid) => Ok((KeyKind::Dh, None)),
        _ => match oid::ml_dsa(oid) {
            Some(kind) if der.is_empty() => Ok((kind, None)),
            Some(_) => Err(KeyError::Malformed),
            None => Err(KeyError::Unsupported),
        },
    }
}

/// The hash of RSASSA-PSS-params (RFC 4055 section 3.1), if they are what TLS can use: one of its hashes, the
/// same one in MGF1, and a salt of its length (RFC 9846 section 4.2.3).
fn pss_hash(parameters: &[u8]) -> Option<Hash> {
    let mut der = der::Der::new(parameters);
    let digest = |contents| {
        let mut algorithm = der::Der::new(der::only(contents, der::SEQUENCE)?);
        let hash = oid::hash(algorithm.expect(der::OID)?)?;
        algorithm.optional(der::NULL)?;
        algorithm.finish().map(|()| hash)
    };
    let hash = digest(der.optional(der::context(0))??)?;
    let mut mask = der::Der::new(der::only(der.optional(der::context(1))??, der::SEQUENCE)?);
    if mask.expect(der::OID)? != oid::MGF1 {
        return None;
    }
    let salt = der::Der::new(der.optional(der::context(2))??).unsigned()?;
    let output = match hash {
        Hash::Sha1 => return None,
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
    };
    if let Some(trailer) = der.optional(der::context(3))? {
        (der::Der::new(trailer).unsigned()? == [1]).then_some(())?;
    }
    der.finish()?;
    (digest(mask.rest())? == hash && salt == [output]).then_some(hash)
}
