//! Our own long-term key, when it is here.
use super::{
    Hash, KeyError, KeyKind, MAX_RSA_BITS, MIN_SIGNING_RSA_BITS, Method, PublicKey, SchemeUse, algorithm,
    der, ecdsa::Ecdsa,
};
use crate::{error::Failure, wire::SignatureScheme as Scheme};
use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer},
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair, RsaKeyPair},
};
use pki_types::PrivateKeyDer;
use premaster_ffi::{
    Refused,
    curve::{Curve, EcdsaSigner},
};
use std::fmt;

/// A private key that signs. Its bytes are AWS-LC's, which wipes them when it is dropped.
///
/// AWS-LC computes every RSA signature back with the public exponent before it hands it out
/// (`rsa_default_private_transform`), so that a fault in the CRT cannot leak a prime (Boneh, DeMillo and
/// Lipton 1997); its ECDSA works in constant time, with a nonce that also depends on the key and message.
pub struct LocalKey {
    kind: KeyKind,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

struct EcdsaPair {
    signer: EcdsaSigner,
    /// Its public half, uncompressed.
    point: Vec<u8>,
    spki: Vec<u8>,
}

impl LocalKey {
    /// Reads a key from PKCS #8, PKCS #1 (RSA) or SEC 1 (elliptic curves).
    pub fn from_der(key: &PrivateKeyDer<'_>) -> Result<Self, KeyError> {
        match key {
            PrivateKeyDer::Pkcs1(key) => rsa(KeyKind::Rsa, key.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(key) => {
                let key = key.secret_sec1_der();
                // The curve is optional in SEC 1, and a wrong one is refused.
                [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521]
                    .into_iter()
                    .find_map(|kind| ecdsa(kind, key).ok())
                    .ok_or(KeyError::Malformed)
            }
            PrivateKeyDer::Pkcs8(key) => pkcs8(key.secret_pkcs8_der()),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// What it is.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The size of the RSA modulus or of the curve, in bits; for ML-DSA the size of the public key.
    pub fn bits(&self) -> u32 {
        PublicKey::from_spki(&self.public_key_spki()).map_or(0, |key| key.bits())
    }

    /// Its public half as a SubjectPublicKeyInfo (RFC 5280 section 4.1). An RSA-PSS key is shown as
    /// `id-RSASSA-PSS` without parameters.
    pub fn public_key_spki(&self) -> Vec<u8> {
        if self.kind == KeyKind::RsaPss
            && let Pair::Rsa(pair) = &self.pair
        {
            let algorithm = der::wrap(der::SEQUENCE, &der::wrap(der::OID, super::oid::RSA_PSS));
            let bits = [&[0], pair.public_key().as_ref()].concat();
            let key = der::wrap(der::BIT_STRING, &bits);
            return der::wrap(der::SEQUENCE, &[algorithm, key].concat());
        }
        let spki = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ecdsa(pair) => return pair.spki.clone(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::MlDsa(pair) => pair.public_key().as_der(),
        };
        spki.map_or_else(|_| Vec::new(), |spki| spki.as_ref().to_vec())
    }

    /// Whether `public` is its public half.
    ///
    /// An `rsaEncryption` key may serve an `id-RSASSA-PSS` certificate (it is the same key), never the reverse.
    pub fn fits(&self, public: &PublicKey) -> bool {
        let own = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ecdsa(pair) => &pair.point,
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
            Pair::MlDsa(pair) => pair.public_key().as_ref(),
        };
        let kind_fits = match self.kind {
            KeyKind::Rsa => matches!(public.kind(), KeyKind::Rsa | KeyKind::RsaPss),
            kind => kind == public.kind(),
        };
        // A certificate may hold a compressed point; only the one who verifies has to understand it.
        kind_fits && (own == public.raw() || (self.kind.is_ecdsa() && is_compressed(own, public.raw())))
    }

    /// The schemes that it can sign with, the best first. Which of them a version allows, [`KeyKind::fits`]
    /// tells.
    pub fn schemes(&self) -> &'static [Scheme] {
        schemes(self.kind)
    }

    /// Signs a message, which is hashed first where the scheme says so.
    ///
    /// Fails with [`Failure::Signing`] if the scheme is not for this key.
    pub fn sign(&self, scheme: Scheme, usage: SchemeUse, message: &[u8]) -> Result<Vec<u8>, Failure> {
        // A certificate's id-RSASSA-PSS may come with an rsaEncryption key.
        let fits = self.kind.fits(scheme, usage)
            || (self.kind == KeyKind::Rsa && KeyKind::RsaPss.fits(scheme, usage));
        match (&self.pair, Method::of(scheme).filter(|_| fits).ok_or(Failure::Signing)?) {
            (Pair::Rsa(pair), method) => {
                let padding: &'static dyn signature::RsaEncoding = match method {
                    Method::RsaPkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
                    Method::RsaPkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
                    Method::RsaPkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
                    Method::RsaPssRsae(Hash::Sha256) | Method::RsaPssPss(Hash::Sha256) => {
                        &signature::RSA_PSS_SHA256
                    }
                    Method::RsaPssRsae(Hash::Sha384) | Method::RsaPssPss(Hash::Sha384) => {
                        &signature::RSA_PSS_SHA384
                    }
                    Method::RsaPssRsae(Hash::Sha512) | Method::RsaPssPss(Hash::Sha512) => {
                        &signature::RSA_PSS_SHA512
                    }
                    _ => return Err(Failure::Signing),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| Failure::Signing)?;
                Ok(signature)
            }
            (Pair::Ecdsa(pair), Method::Ecdsa(hash, _)) if self.schemes().contains(&scheme) => {
                let hash = Ecdsa::of(self.kind, hash).ok_or(Failure::Signing)?.digest(message);
                pair.signer.sign(hash.as_ref()).map_err(|Refused| Failure::Signing)
            }
            (Pair::Ed25519(pair), Method::Ed25519) => {
                let signature = pair.try_sign(message).map_err(|_| Failure::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
            (Pair::MlDsa(pair), Method::MlDsa(_)) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signature).map_err(|_| Failure::Signing)?;
                Ok(signature)
            }
            _ => Err(Failure::Signing),
        }
    }
}

/// Says what it is and nothing of what it holds.
impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey({})", self.kind)
    }
}

/// The schemes that a local key of this kind can sign with, the best first.
pub(crate) const fn schemes(kind: KeyKind) -> &'static [Scheme] {
    match kind {
        KeyKind::Rsa => &[
            Scheme::rsa_pss_rsae_sha256,
            Scheme::rsa_pss_rsae_sha384,
            Scheme::rsa_pss_rsae_sha512,
            Scheme::rsa_pkcs1_sha256,
            Scheme::rsa_pkcs1_sha384,
            Scheme::rsa_pkcs1_sha512,
        ],
        KeyKind::RsaPss => {
            &[Scheme::rsa_pss_pss_sha256, Scheme::rsa_pss_pss_sha384, Scheme::rsa_pss_pss_sha512]
        }
        // With another hash than the curve's own in TLS 1.2 alone, which does not bind the one to the other.
        KeyKind::EcdsaP256 => {
            &[Scheme::ecdsa_secp256r1_sha256, Scheme::ecdsa_secp384r1_sha384, Scheme::ecdsa_secp521r1_sha512]
        }
        KeyKind::EcdsaP384 => {
            &[Scheme::ecdsa_secp384r1_sha384, Scheme::ecdsa_secp521r1_sha512, Scheme::ecdsa_secp256r1_sha256]
        }
        KeyKind::EcdsaP521 => {
            &[Scheme::ecdsa_secp521r1_sha512, Scheme::ecdsa_secp384r1_sha384, Scheme::ecdsa_secp256r1_sha256]
        }
        KeyKind::Ed25519 => &[Scheme::ed25519],
        KeyKind::Dh => &[],
        KeyKind::MlDsa44 => &[Scheme::mldsa44],
        KeyKind::MlDsa65 => &[Scheme::mldsa65],
        KeyKind::MlDsa87 => &[Scheme::mldsa87],
    }
}

fn is_compressed(point: &[u8], compressed: &[u8]) -> bool {
    let Some((sign, x)) = compressed.split_first() else { return false };
    let odd = point.last().is_some_and(|last| last & 1 == 1);
    *sign == 2 + u8::from(odd) && x.len() * 2 + 1 == point.len() && point.get(1..=x.len()) == Some(x)
}

/// OneAsymmetricKey (RFC 5958), of which PKCS #8's PrivateKeyInfo is the first version.
fn pkcs8(key: &[u8]) -> Result<LocalKey, KeyError> {
    let mut contents = der::Der::new(der::only(key, der::SEQUENCE).ok_or(KeyError::Malformed)?);
    contents.expect(der::INTEGER).ok_or(KeyError::Malformed)?;
    let (kind, only_hash) = algorithm(contents.expect(der::SEQUENCE).ok_or(KeyError::Malformed)?)?;
    if only_hash.is_some() {
        return Err(KeyError::Unsupported);
    }
    let inner = contents.expect(der::OCTET_STRING).ok_or(KeyError::Malformed)?;
    let malformed = |_| KeyError::Malformed;
    match kind {
        // aws-lc-rs reads RSAPrivateKey, but not under id-RSASSA-PSS.
        KeyKind::Rsa | KeyKind::RsaPss => rsa(kind, inner),
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => ecdsa(kind, key),
        KeyKind::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8(key).map_err(malformed)?;
            Ok(LocalKey { kind, pair: Pair::Ed25519(pair) })
        }
        KeyKind::Dh => Err(KeyError::Unsupported),
        KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => {
            let algorithm = match kind {
                KeyKind::MlDsa44 => &signature::ML_DSA_44_SIGNING,
                KeyKind::MlDsa65 => &signature::ML_DSA_65_SIGNING,
                _ => &signature::ML_DSA_87_SIGNING,
            };
            let pair = PqdsaKeyPair::from_pkcs8(algorithm, key).map_err(malformed)?;
            Ok(LocalKey { kind, pair: Pair::MlDsa(pair) })
        }
    }
}

/// RSAPrivateKey (RFC 8017 appendix A.1.2).
fn rsa(kind: KeyKind, key: &[u8]) -> Result<LocalKey, KeyError> {
    let mut contents = der::Der::new(der::only(key, der::SEQUENCE).ok_or(KeyError::Malformed)?);
    contents.expect(der::INTEGER).ok_or(KeyError::Malformed)?;
    let modulus = contents.unsigned().ok_or(KeyError::Malformed)?;
    match super::public::bits_of(modulus) {
        bits @ ..MIN_SIGNING_RSA_BITS => {
            return Err(KeyError::TooSmall { bits, least: MIN_SIGNING_RSA_BITS });
        }
        MIN_SIGNING_RSA_BITS..=MAX_RSA_BITS => (),
        bits => return Err(KeyError::TooLarge { bits }),
    }
    let pair = RsaKeyPair::from_der(key).map_err(|_| KeyError::Malformed)?;
    Ok(LocalKey { kind, pair: Pair::Rsa(pair) })
}

/// A PKCS #8 or SEC 1 key.
fn ecdsa(kind: KeyKind, key: &[u8]) -> Result<LocalKey, KeyError> {
    let (curve, algorithm): (_, &'static signature::EcdsaSigningAlgorithm) = match kind {
        KeyKind::EcdsaP256 => (Curve::P256, &signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyKind::EcdsaP384 => (Curve::P384, &signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        _ => (Curve::P521, &signature::ECDSA_P521_SHA512_ASN1_SIGNING),
    };
    // aws-lc-rs reads it, and sees to it that its halves belong together.
    let pair = EcdsaKeyPair::from_private_key_der(algorithm, key).map_err(|_| KeyError::Malformed)?;
    let scalar = pair.private_key().as_be_bytes().map_err(|_| KeyError::Malformed)?;
    let signer = EcdsaSigner::new(curve, scalar.as_ref()).map_err(|Refused| KeyError::Malformed)?;
    let spki = pair.public_key().as_der().map_err(|_| KeyError::Malformed)?.as_ref().to_vec();
    let point = pair.public_key().as_ref().to_vec();
    Ok(LocalKey { kind, pair: Pair::Ecdsa(EcdsaPair { signer, point, spki }) })
}
