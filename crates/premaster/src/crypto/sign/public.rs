//! A peer's long-term key: read from its certificate, used to verify what it signed.
use super::{
    Hash, KeyError, KeyKind, MAX_RSA_BITS, MIN_RSA_BITS, Method, SchemeUse, algorithm, der, ecdsa::Ecdsa,
};
use crate::{error::Misbehaved, wire::SignatureScheme as Scheme};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use std::fmt;

/// A public key from a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    bits: u32,
    /// The only hash that it may sign with (RFC 4055 section 1.2).
    only_hash: Option<Hash>,
    raw: Box<[u8]>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1), its outer SEQUENCE included.
    ///
    /// RSA keys must have 1024 to 8192 bits. That a point lies on its curve is checked when it is used.
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        let read = Read::spki(spki)?;
        Ok(Self { kind: read.kind, bits: read.bits, only_hash: read.only_hash, raw: read.raw.into() })
    }

    /// What [`from_spki`](Self::from_spki) says of the key, and its size, where nothing is to be verified with it.
    pub(crate) fn kind_and_bits(spki: &[u8]) -> Result<(KeyKind, u32), KeyError> {
        Read::spki(spki).map(|read| (read.kind, read.bits))
    }

    /// What it is.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The size of the RSA modulus or of the curve, in bits; for Ed25519 and ML-DSA the size of the key.
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// What the subjectPublicKey holds: `RSAPublicKey` in DER, a point as SEC 1 writes it, or the bytes.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether it can verify `scheme` under these rules.
    pub fn fits(&self, scheme: Scheme, usage: SchemeUse) -> bool {
        self.kind.fits(scheme, usage) && self.verification(scheme).is_some()
    }

    /// Verifies a signature over a message, which is hashed first where the scheme says so.
    ///
    /// Whether the scheme was offered is the caller's to check; SHA-1 verifies in TLS 1.2 if it was.
    /// [`Misbehaved::SchemeForOtherKey`] if the scheme is not for this key, [`Misbehaved::BadSignature`] if the
    /// signature is wrong (RFC 9846 section 4.4.3).
    pub fn verify(
        &self,
        scheme: Scheme,
        usage: SchemeUse,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Misbehaved> {
        if !self.kind.fits(scheme, usage) {
            return Err(Misbehaved::SchemeForOtherKey);
        }
        match self.verification(scheme).ok_or(Misbehaved::SchemeForOtherKey)? {
            Verification::Ecdsa(ecdsa) => ecdsa.verify(&self.raw, message, signature).map_err(|_| ()),
            Verification::Aws(algorithm) => {
                let key = UnparsedPublicKey::new(algorithm, &self.raw);
                key.verify(message, signature).map_err(|_| ())
            }
        }
        .map_err(|()| Misbehaved::BadSignature)
    }

    fn verification(&self, scheme: Scheme) -> Option<Verification> {
        let method = Method::of(scheme)?;
        if let (Some(only), Method::RsaPssPss(hash)) = (self.only_hash, method)
            && only != hash
        {
            return None;
        }
        Some(Verification::Aws(match method {
            Method::RsaPkcs1(hash) => pkcs1(hash, self.bits)?,
            Method::RsaPssRsae(hash) | Method::RsaPssPss(hash) => pss(hash, self.bits)?,
            Method::Ecdsa(hash, _) => return Ecdsa::of(self.kind, hash).map(Verification::Ecdsa),
            Method::Ed25519 => &signature::ED25519,
            Method::MlDsa(KeyKind::MlDsa44) => &signature::ML_DSA_44,
            Method::MlDsa(KeyKind::MlDsa65) => &signature::ML_DSA_65,
            Method::MlDsa(_) => &signature::ML_DSA_87,
        }))
    }
}

/// A key as it stands in a certificate.
struct Read<'a> {
    kind: KeyKind,
    bits: u32,
    only_hash: Option<Hash>,
    raw: &'a [u8],
}

impl<'a> Read<'a> {
    fn spki(spki: &'a [u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed;
        let mut contents = der::Der::new(der::only(spki, der::SEQUENCE).ok_or(malformed)?);
        let (kind, only_hash) = algorithm(contents.expect(der::SEQUENCE).ok_or(malformed)?)?;
        let raw = contents.bits().ok_or(malformed)?;
        contents.finish().ok_or(malformed)?;
        let bits = match kind {
            KeyKind::Rsa | KeyKind::RsaPss => rsa_bits(raw)?,
            KeyKind::EcdsaP256 => point_bits(raw, 256)?,
            KeyKind::EcdsaP384 => point_bits(raw, 384)?,
            KeyKind::EcdsaP521 => point_bits(raw, 521)?,
            KeyKind::Ed25519 => exactly(raw, 32)?,
            KeyKind::Dh => u32::try_from(raw.len()).unwrap_or(u32::MAX).saturating_mul(8),
            KeyKind::MlDsa44 => exactly(raw, 1312)?,
            KeyKind::MlDsa65 => exactly(raw, 1952)?,
            KeyKind::MlDsa87 => exactly(raw, 2592)?,
        };
        Ok(Self { kind, bits, only_hash, raw })
    }
}

/// Who verifies.
enum Verification {
    Ecdsa(Ecdsa),
    Aws(&'static dyn VerificationAlgorithm),
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {} bits)", self.kind, self.bits)
    }
}

/// AWS-LC verifies with keys below 2048 bits only where some old peer might need it.
fn pkcs1(hash: Hash, bits: u32) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (hash, bits) {
        (Hash::Sha1, _) => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (Hash::Sha256, ..2048) => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (Hash::Sha256, _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (Hash::Sha384, ..2048) => return None,
        (Hash::Sha384, _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (Hash::Sha512, ..2048) => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (Hash::Sha512, _) => &signature::RSA_PKCS1_2048_8192_SHA512,
    })
}

/// The salt is as long as the hash (RFC 9846 section 4.2.3), which is what these check.
fn pss(hash: Hash, bits: u32) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (hash, bits) {
        (Hash::Sha1, _) | (_, ..2048) => return None,
        (Hash::Sha256, _) => &signature::RSA_PSS_2048_8192_SHA256,
        (Hash::Sha384, _) => &signature::RSA_PSS_2048_8192_SHA384,
        (Hash::Sha512, _) => &signature::RSA_PSS_2048_8192_SHA512,
    })
}

/// The size of a number without leading zeros, in bits.
pub(super) fn bits_of(number: &[u8]) -> u32 {
    let whole = u32::try_from(number.len()).unwrap_or(u32::MAX).saturating_mul(8);
    whole - number.first().map_or(0, |first| first.leading_zeros())
}

/// RSAPublicKey (RFC 8017 appendix A.1.1). The size bounds the work that a peer can ask for.
fn rsa_bits(raw: &[u8]) -> Result<u32, KeyError> {
    let mut key = der::Der::new(der::only(raw, der::SEQUENCE).ok_or(KeyError::Malformed)?);
    let modulus = key.unsigned().ok_or(KeyError::Malformed)?;
    key.unsigned().filter(|exponent| !exponent.is_empty()).ok_or(KeyError::Malformed)?;
    key.finish().ok_or(KeyError::Malformed)?;
    match bits_of(modulus) {
        bits @ ..MIN_RSA_BITS => Err(KeyError::TooSmall { bits, least: MIN_RSA_BITS }),
        bits @ MIN_RSA_BITS..=MAX_RSA_BITS => Ok(bits),
        bits => Err(KeyError::TooLarge { bits }),
    }
}

/// A point, uncompressed or compressed and in no other form (RFC 5480 section 2.2).
fn point_bits(raw: &[u8], bits: u32) -> Result<u32, KeyError> {
    let field = bits.div_ceil(8) as usize;
    match raw {
        [4, rest @ ..] if rest.len() == 2 * field => Ok(bits),
        [2 | 3, rest @ ..] if rest.len() == field => Ok(bits),
        _ => Err(KeyError::Malformed),
    }
}

fn exactly(raw: &[u8], len: u32) -> Result<u32, KeyError> {
    (raw.len() == len as usize).then_some(len * 8).ok_or(KeyError::Malformed)
}
