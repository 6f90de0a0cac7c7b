//! A key made for one handshake.
use super::{
    Group, SharedSecret,
    finite_field::{is_public_value, stripped},
    group::{Algorithm, Hybrid},
    safe_primes::{self, SafePrime},
};
use crate::{
    Secret,
    crypto::{Random, agreement::CurveKey, ffdh::FieldKey, mlkem::DecapsulationKey},
    error::{Failure, Misbehaved},
};
use std::fmt;

/// A key made for one handshake. It opens one reply and is gone.
///
/// To open spends the key, so that it cannot be used for a second handshake:
/// ```compile_fail,E0382
/// # use premaster::exchange::EphemeralKey;
/// fn twice(key: EphemeralKey, reply: &[u8]) {
///     let _ = key.open(reply);
///     let _ = key.open(reply);
/// }
/// ```
/// Nor can a copy be kept:
/// ```compile_fail,E0599
/// # use premaster::exchange::EphemeralKey;
/// fn keep(key: EphemeralKey) -> EphemeralKey {
///     key.clone()
/// }
/// ```
/// The private half is wiped when the key is dropped, opened or not.
pub struct EphemeralKey {
    group: &'static Group,
    public: Vec<u8>,
    private: Private,
}

enum Private {
    Curve(CurveKey),
    FiniteField(FieldKey, &'static SafePrime),
    Kem(DecapsulationKey),
    Hybrid { curve: CurveKey, kem: DecapsulationKey, hybrid: &'static Hybrid },
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EphemeralKey({})", self.group.code)
    }
}

impl EphemeralKey {
    /// A fresh key pair.
    ///
    /// # Errors
    /// [`Failure::Random`] if no randomness can be had.
    pub fn generate(group: &'static Group, random: &dyn Random) -> Result<Self, Failure> {
        let mut public = vec![0; group.published_len];
        let private = match &group.algorithm {
            Algorithm::Curve(curve) => {
                let key = CurveKey::generate(*curve, random)?;
                key.public(&mut public).map_err(|_| Failure::Crypto)?;
                Private::Curve(key)
            }
            Algorithm::FiniteField(prime) => {
                let field = prime.field().map_err(|_| Failure::Crypto)?;
                let key = FieldKey::generate(field, safe_primes::exponent_len(prime.p.len()), random)?;
                key.public(&mut public).map_err(|_| Failure::Crypto)?;
                Private::FiniteField(key, prime)
            }
            Algorithm::Kem(set) => {
                let key = DecapsulationKey::generate(*set, random)?;
                key.encapsulation_key(&mut public).map_err(|_| Failure::Crypto)?;
                Private::Kem(key)
            }
            Algorithm::Hybrid(hybrid) => {
                let kem = DecapsulationKey::generate(hybrid.kem, random)?;
                let curve = CurveKey::generate(hybrid.curve, random)?;
                let (point, key) =
                    hybrid.split_mut(&mut public, hybrid.curve.public_len()).ok_or(Failure::Crypto)?;
                curve.public(point).map_err(|_| Failure::Crypto)?;
                kem.encapsulation_key(key).map_err(|_| Failure::Crypto)?;
                Private::Hybrid { curve, kem, hybrid }
            }
        };
        Ok(Self { group, public, private })
    }

    /// The half to publish.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The group that it belongs to.
    pub const fn group(&self) -> &'static Group {
        self.group
    }

    /// Opens the one reply, and wipes the private half.
    ///
    /// # Errors
    /// If the reply is not a valid one of this group, of exactly its length.
    pub fn open(self, reply: &[u8]) -> Result<SharedSecret, Misbehaved> {
        let len = self.group.secret_len;
        match &self.private {
            Private::Curve(key) => {
                Secret::try_fill(len, |secret| key.agree(reply, secret).map_err(|_| Misbehaved::BadPoint))
                    .map(SharedSecret::whole)
            }
            Private::FiniteField(key, prime) => {
                // RFC 9846 section 4.2.8.1: left padded with zeros to the size of p.
                if reply.len() != self.group.reply_len || !is_public_value(reply, prime.p) {
                    return Err(Misbehaved::BadDhPublic);
                }
                Secret::try_fill(len, |secret| {
                    key.agree(stripped(reply), secret).map_err(|_| Misbehaved::BadDhPublic)
                })
                .map(SharedSecret::finite_field)
            }
            Private::Kem(key) => Secret::try_fill(len, |secret| {
                key.decapsulate(reply, secret).map_err(|_| Misbehaved::BadShare)
            })
            .map(SharedSecret::whole),
            Private::Hybrid { curve, kem, hybrid } => {
                if reply.len() != self.group.reply_len {
                    return Err(Misbehaved::BadShare);
                }
                let lens = curve.curve();
                let (point, ciphertext) =
                    hybrid.split(reply, lens.public_len()).ok_or(Misbehaved::BadShare)?;
                Secret::try_fill(len, |secret| {
                    let (on_curve, in_kem) =
                        hybrid.split_mut(secret, lens.secret_len()).ok_or(Misbehaved::BadShare)?;
                    kem.decapsulate(ciphertext, in_kem).map_err(|_| Misbehaved::BadShare)?;
                    curve.agree(point, on_curve).map_err(|_| Misbehaved::BadPoint)
                })
                .map(SharedSecret::whole)
            }
        }
    }

    /// Opens the one reply of a TLS 1.2 client, who may have left out the leading zeros of a finite-field
    /// value (RFC 5246 section 7.4.7.2 does not ask for them).
    pub(super) fn open_unpadded(self, reply: &[u8]) -> Result<SharedSecret, Misbehaved> {
        let missing = self.group.reply_len.saturating_sub(reply.len());
        match self.private {
            Private::FiniteField(..) if missing > 0 => self.open(&[&vec![0; missing], reply].concat()),
            _ => self.open(reply),
        }
    }
}
