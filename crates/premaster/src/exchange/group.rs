//! The groups that both versions negotiate by a code point (RFC 9846 section 4.2.7, RFC 7919, RFC 8422,
//! draft-ietf-tls-ecdhe-mlkem, draft-ietf-tls-mlkem), one row each.
use super::{
    SharedSecret,
    finite_field::reply_in_field,
    safe_primes::{self, GENERATOR, SafePrime},
};
use crate::{
    Error, Secret,
    crypto::{
        Random,
        agreement::{Curve, CurveKey},
        mlkem::{self, NotEncapsulated, ParameterSet, SHARED_SECRET_LEN},
    },
    error::{Failure, Misbehaved},
    wire::NamedGroup,
};

/// What a group is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// An elliptic curve.
    Curve,
    /// The integers modulo a safe prime.
    FiniteField,
    /// ML-KEM by itself. In no policy of this library's: a hybrid holds even if ML-KEM should not.
    Kem,
    /// An elliptic curve and ML-KEM, side by side: it holds as long as one of the two does.
    Hybrid,
}

/// A group for key exchange.
#[derive(Debug)]
pub struct Group {
    /// Its code point.
    pub code: NamedGroup,
    /// What it is built on.
    pub kind: GroupKind,
    /// Its strength against today's computers, as the bits of a symmetric key (NIST SP 800-57 part 1 table 2;
    /// for finite fields RFC 7919 appendix A; for hybrids the stronger half's).
    pub security_bits: u16,
    /// Whether it withstands a quantum computer, and with it whoever records today to decrypt then.
    pub quantum_safe: bool,
    /// Bytes of the key that is published.
    pub published_len: usize,
    /// Bytes of the reply.
    pub reply_len: usize,
    /// Bytes of the shared secret, before TLS 1.2 strips any.
    pub secret_len: usize,
    pub(super) algorithm: Algorithm,
}

#[derive(Debug)]
pub(super) enum Algorithm {
    Curve(Curve),
    FiniteField(&'static SafePrime),
    Kem(ParameterSet),
    Hybrid(Hybrid),
}

/// A curve and ML-KEM, whose shares and secrets are concatenated.
#[derive(Debug)]
pub(super) struct Hybrid {
    pub(super) curve: Curve,
    pub(super) kem: ParameterSet,
    /// Which half comes first, in both shares and in the secret. FIPS-approved schemes come first, so that
    /// the secret may pass for a FIPS-approved one (draft-ietf-tls-ecdhe-mlkem section 3): the NIST curves
    /// do, but X25519 comes after ML-KEM.
    pub(super) kem_first: bool,
}

impl Hybrid {
    /// A share or secret as (the curve's part, ML-KEM's part), where the curve's is `curve_len` long.
    pub(super) fn split<'a>(&self, whole: &'a [u8], curve_len: usize) -> Option<(&'a [u8], &'a [u8])> {
        match self.kem_first {
            true => {
                let (kem, curve) = whole.split_at_checked(whole.len().checked_sub(curve_len)?)?;
                Some((curve, kem))
            }
            false => whole.split_at_checked(curve_len),
        }
    }

    /// The same, to be written to.
    pub(super) fn split_mut<'a>(
        &self,
        whole: &'a mut [u8],
        curve_len: usize,
    ) -> Option<(&'a mut [u8], &'a mut [u8])> {
        match self.kem_first {
            true => {
                let (kem, curve) = whole.split_at_mut_checked(whole.len().checked_sub(curve_len)?)?;
                Some((curve, kem))
            }
            false => whole.split_at_mut_checked(curve_len),
        }
    }
}

const fn curve(code: NamedGroup, security_bits: u16, curve: Curve) -> Group {
    Group {
        code,
        kind: GroupKind::Curve,
        security_bits,
        quantum_safe: false,
        published_len: curve.public_len(),
        reply_len: curve.public_len(),
        secret_len: curve.secret_len(),
        algorithm: Algorithm::Curve(curve),
    }
}

const fn finite_field(code: NamedGroup, security_bits: u16, prime: &'static SafePrime) -> Group {
    Group {
        code,
        kind: GroupKind::FiniteField,
        security_bits,
        quantum_safe: false,
        published_len: prime.p.len(),
        reply_len: prime.p.len(),
        secret_len: prime.p.len(),
        algorithm: Algorithm::FiniteField(prime),
    }
}

const fn kem(code: NamedGroup, security_bits: u16, set: ParameterSet) -> Group {
    Group {
        code,
        kind: GroupKind::Kem,
        security_bits,
        quantum_safe: true,
        published_len: set.encapsulation_key_len(),
        reply_len: set.ciphertext_len(),
        secret_len: SHARED_SECRET_LEN,
        algorithm: Algorithm::Kem(set),
    }
}

const fn hybrid(code: NamedGroup, security_bits: u16, hybrid: Hybrid) -> Group {
    let Hybrid { curve, kem, .. } = hybrid;
    Group {
        code,
        kind: GroupKind::Hybrid,
        security_bits,
        quantum_safe: true,
        published_len: curve.public_len() + kem.encapsulation_key_len(),
        reply_len: curve.public_len() + kem.ciphertext_len(),
        secret_len: curve.secret_len() + SHARED_SECRET_LEN,
        algorithm: Algorithm::Hybrid(hybrid),
    }
}

use ParameterSet::{MlKem768, MlKem1024};

static ALL: [Group; 14] = [
    hybrid(NamedGroup::X25519MLKEM768, 192, Hybrid { curve: Curve::X25519, kem: MlKem768, kem_first: true }),
    hybrid(
        NamedGroup::SecP256r1MLKEM768,
        192,
        Hybrid { curve: Curve::P256, kem: MlKem768, kem_first: false },
    ),
    hybrid(
        NamedGroup::SecP384r1MLKEM1024,
        256,
        Hybrid { curve: Curve::P384, kem: MlKem1024, kem_first: false },
    ),
    curve(NamedGroup::x25519, 128, Curve::X25519),
    curve(NamedGroup::secp256r1, 128, Curve::P256),
    curve(NamedGroup::secp384r1, 192, Curve::P384),
    curve(NamedGroup::secp521r1, 256, Curve::P521),
    kem(NamedGroup::MLKEM768, 192, MlKem768),
    kem(NamedGroup::MLKEM1024, 256, MlKem1024),
    finite_field(NamedGroup::ffdhe2048, 103, &safe_primes::FFDHE2048),
    finite_field(NamedGroup::ffdhe3072, 125, &safe_primes::FFDHE3072),
    finite_field(NamedGroup::ffdhe4096, 150, &safe_primes::FFDHE4096),
    finite_field(NamedGroup::ffdhe6144, 175, &safe_primes::FFDHE6144),
    finite_field(NamedGroup::ffdhe8192, 192, &safe_primes::FFDHE8192),
];

/// A row of the table is itself and no other.
impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Group {}

impl Group {
    /// Every group that this library can exchange keys in.
    pub const ALL: &'static [Self] = &ALL;

    /// The group with this code point, if this library can exchange keys in it.
    pub fn find(code: NamedGroup) -> Option<&'static Self> {
        Self::ALL.iter().find(|group| group.code == code)
    }

    /// The prime and the generator of a finite-field group, big endian, as ServerKeyExchange spells them out
    /// in TLS 1.2 (RFC 5246 section 7.4.3, RFC 7919 section 4).
    pub fn dh_parameters(&self) -> Option<(&'static [u8], &'static [u8])> {
        match self.algorithm {
            Algorithm::FiniteField(prime) => Some((prime.p, GENERATOR)),
            Algorithm::Curve(_) | Algorithm::Kem(_) | Algorithm::Hybrid(_) => None,
        }
    }

    /// Replies to a published key: the reply, and the secret that it carries.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the published key is not a valid key of this group, of exactly its length:
    /// the checks of RFC 9846 sections 4.2.8.1 and 4.2.8.2, RFC 7919 section 3 and draft-ietf-tls-ecdhe-mlkem
    /// section 4.2. [`Error::Failed`] if no randomness can be had.
    pub fn encapsulate(
        &'static self,
        published: &[u8],
        random: &dyn Random,
    ) -> Result<(Vec<u8>, SharedSecret), Error> {
        match &self.algorithm {
            Algorithm::FiniteField(prime) => {
                // RFC 9846 section 4.2.8.1: left padded with zeros to the size of p.
                if published.len() != self.published_len {
                    return Err(Misbehaved::BadDhPublic.into());
                }
                let mut reply = vec![0; self.reply_len];
                let secret = Secret::try_fill(self.secret_len, |secret| {
                    reply_in_field((prime.p, GENERATOR), published, random, &mut reply, secret)
                })?;
                Ok((reply, SharedSecret::finite_field(secret)))
            }
            Algorithm::Curve(curve) => {
                let mut reply = vec![0; self.reply_len];
                let secret = Secret::try_fill(self.secret_len, |secret| {
                    reply_on_curve(*curve, published, random, &mut reply, secret)
                })?;
                Ok((reply, SharedSecret::whole(secret)))
            }
            Algorithm::Kem(set) => {
                let mut reply = vec![0; self.reply_len];
                let secret = Secret::try_fill(self.secret_len, |secret| {
                    mlkem::encapsulate(*set, published, random, &mut reply, secret).map_err(not_encapsulated)
                })?;
                Ok((reply, SharedSecret::whole(secret)))
            }
            Algorithm::Hybrid(hybrid) => self.encapsulate_hybrid(hybrid, published, random),
        }
    }

    fn encapsulate_hybrid(
        &self,
        hybrid: &Hybrid,
        published: &[u8],
        random: &dyn Random,
    ) -> Result<(Vec<u8>, SharedSecret), Error> {
        if published.len() != self.published_len {
            return Err(Misbehaved::BadEncapsulationKey.into());
        }
        let curve = hybrid.curve;
        let (point, key) =
            hybrid.split(published, curve.public_len()).ok_or(Misbehaved::BadEncapsulationKey)?;
        let mut reply = vec![0; self.reply_len];
        let (own_point, ciphertext) =
            hybrid.split_mut(&mut reply, curve.public_len()).ok_or(Failure::Crypto)?;
        let secret = Secret::try_fill(self.secret_len, |secret| {
            let (on_curve, in_kem) = hybrid.split_mut(secret, curve.secret_len()).ok_or(Failure::Crypto)?;
            mlkem::encapsulate(hybrid.kem, key, random, ciphertext, in_kem).map_err(not_encapsulated)?;
            reply_on_curve(curve, point, random, own_point, on_curve)
        })?;
        Ok((reply, SharedSecret::whole(secret)))
    }
}

fn not_encapsulated(error: NotEncapsulated) -> Error {
    match error {
        NotEncapsulated::Random => Failure::Random.into(),
        NotEncapsulated::Key => Misbehaved::BadEncapsulationKey.into(),
    }
}

/// Makes a key pair for this one reply, and agrees with `peer`.
fn reply_on_curve(
    curve: Curve,
    peer: &[u8],
    random: &dyn Random,
    reply: &mut [u8],
    secret: &mut [u8],
) -> Result<(), Error> {
    let key = CurveKey::generate(curve, random)?;
    key.agree(peer, secret).map_err(|_| Misbehaved::BadPoint)?;
    key.public(reply).map_err(|_| Failure::Crypto)?;
    Ok(())
}
