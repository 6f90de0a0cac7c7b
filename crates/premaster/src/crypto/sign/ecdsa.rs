//! ECDSA (FIPS 186-5 section 6) on the bare curves: neither a key object nor a hash object is made for a signature.
use super::{Hash, KeyKind, der};
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

    /// Verifies the signature of a message by the owner of `point`: an `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) in
    /// DER, and nothing after it.
    pub(super) fn verify(self, point: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let numbers = numbers(signature).ok_or(Refused)?;
        ecdsa_verify(self.curve, point, self.digest(message).as_ref(), numbers)
    }
}

/// `r` and `s`.
fn numbers(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut contents = der::Der::new(der::only(signature, der::SEQUENCE)?);
    let numbers = (contents.unsigned()?, contents.unsigned()?);
    contents.finish().map(|()| numbers)
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

#[cfg(test)]
mod tests {
    use super::*;
    use premaster_ffi::curve::{EcdsaSigner, Scalar};

    #[test]
    fn signatures_are_taken_in_der_alone() {
        for (curve, field) in [(Curve::P256, 32), (Curve::P384, 48), (Curve::P521, 66)] {
            let mut scalar = vec![0; field];
            scalar[field - 1] = 9;
            let mut point = vec![0; 1 + 2 * field];
            Scalar::new(curve, &scalar).unwrap().public(&mut point).unwrap();
            let signer = EcdsaSigner::new(curve, &scalar).unwrap();
            let ecdsa = Ecdsa { curve, hash: HashAlgorithm::Sha256 };
            let verify = |signature: &[u8]| ecdsa.verify(&point, b"message", signature);
            for _ in 0..50 {
                let good = signer.sign(ecdsa.digest(b"message").as_ref()).unwrap();
                assert_eq!(verify(&good), Ok(()));
                let body = der::only(&good, der::SEQUENCE).unwrap();
                let integer = |number: &[u8]| der::wrap(der::INTEGER, number);
                let (r, s) = numbers(&good).unwrap();
                let sequence = |parts: &[&[u8]]| der::wrap(der::SEQUENCE, &parts.concat());
                let [r, s] = [r, s].map(|number| [&[0], number].concat());
                for wrong in [
                    // Something after it, inside and outside; something missing.
                    [&good[..], &[0]].concat(),
                    sequence(&[body, &[5, 0]]),
                    sequence(&[&integer(&r)]),
                    good[..good.len() - 1].to_vec(),
                    vec![],
                    // A length that is longer than it need be, a number with two zeros, a negative one, none at all.
                    [&[0x30, 0x82, 0, body.len() as u8], body].concat(),
                    sequence(&[&integer(&[&[0], &r[..]].concat()), &integer(&s)]),
                    sequence(&[&integer(&[&[0x80], &r[..]].concat()), &integer(&s)]),
                    sequence(&[&integer(&[]), &integer(&s)]),
                    // Zero, and what is longer than any number of the curve.
                    sequence(&[&integer(&[0]), &integer(&s)]),
                    sequence(&[&integer(&[&[1], &r[..]].concat()), &integer(&s)]),
                    sequence(&[&integer(&[1; 300]), &integer(&[1; 300])]),
                ] {
                    assert_eq!(verify(&wrong), Err(Refused), "{wrong:02x?}");
                }
            }
        }
    }
}
