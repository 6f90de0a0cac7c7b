//! ECDSA (FIPS 186-5 section 6) on the bare curves: neither a key object nor a hash object is made for a signature.
use super::{Hash, KeyKind};
use crate::crypto::hash::{Digest, HashAlgorithm, digest};
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use premaster_ffi::{
    Refused,
    curve::{Curve, ecdsa_verify},
};

/// The curve of a key, and a hash that may go with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ecdsa {
    curve: Curve,
    hash: HashAlgorithm,
}

/// What a certificate may be signed with: no SHA-1 (RFC 9155).
pub(crate) const CERTIFICATES: [&dyn SignatureVerificationAlgorithm; 9] = [
    &Ecdsa { curve: Curve::P256, hash: HashAlgorithm::Sha256 },
    &Ecdsa { curve: Curve::P256, hash: HashAlgorithm::Sha384 },
    &Ecdsa { curve: Curve::P256, hash: HashAlgorithm::Sha512 },
    &Ecdsa { curve: Curve::P384, hash: HashAlgorithm::Sha256 },
    &Ecdsa { curve: Curve::P384, hash: HashAlgorithm::Sha384 },
    &Ecdsa { curve: Curve::P384, hash: HashAlgorithm::Sha512 },
    &Ecdsa { curve: Curve::P521, hash: HashAlgorithm::Sha256 },
    &Ecdsa { curve: Curve::P521, hash: HashAlgorithm::Sha384 },
    &Ecdsa { curve: Curve::P521, hash: HashAlgorithm::Sha512 },
];

impl Ecdsa {
    /// For a key of this kind, if it goes with this hash. SHA-1 is for TLS 1.2, and not for P-384.
    pub(super) const fn of(kind: KeyKind, hash: Hash) -> Option<Self> {
        let curve = match kind {
            KeyKind::EcdsaP256 => Curve::P256,
            KeyKind::EcdsaP384 => Curve::P384,
            KeyKind::EcdsaP521 => Curve::P521,
            _ => return None,
        };
        let hash = match (hash, kind) {
            (Hash::Sha1, KeyKind::EcdsaP384) => return None,
            (Hash::Sha1, _) => HashAlgorithm::Sha1,
            (Hash::Sha256, _) => HashAlgorithm::Sha256,
            (Hash::Sha384, _) => HashAlgorithm::Sha384,
            (Hash::Sha512, _) => HashAlgorithm::Sha512,
        };
        Some(Self { curve, hash })
    }

    /// What is signed of a message.
    pub(super) fn digest(self, message: &[u8]) -> Digest {
        digest(self.hash, &[message])
    }

    /// Verifies the signature of a message by the owner of `point`.
    pub(super) fn verify(self, point: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        ecdsa_verify(self.curve, point, self.digest(message).as_ref(), signature)
    }
}

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verify(key, message, signature).map_err(|Refused| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.curve {
            Curve::P256 => alg_id::ECDSA_P256,
            Curve::P384 => alg_id::ECDSA_P384,
            Curve::P521 => alg_id::ECDSA_P521,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.hash {
            HashAlgorithm::Sha384 => alg_id::ECDSA_SHA384,
            HashAlgorithm::Sha512 => alg_id::ECDSA_SHA512,
            _ => alg_id::ECDSA_SHA256,
        }
    }
}
