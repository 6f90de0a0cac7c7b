//! Diffie-Hellman modulo a prime (SP 800-56A section 5.7.1.1).
mod comb;

use super::random::{Random, RandomFailed};
use crate::Secret;
use comb::Comb;
pub(crate) use premaster_ffi::bn::{MAX_LEN, is_safe_prime};
use premaster_ffi::{Refused, bn::Modulus};
use std::sync::Arc;

/// The modulus, or a number, cannot be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

impl From<Refused> for OutOfRange {
    fn from(_: Refused) -> Self {
        Self
    }
}

/// A prime, public, and a base whose powers are published.
pub(crate) struct Field {
    modulus: Modulus,
    base: Vec<u8>,
    /// For exponents of one length, if this base is used often.
    comb: Option<Comb>,
}

impl Field {
    /// With a prime that is odd and without leading zeros. The caller has checked both.
    pub(crate) fn new(p: &[u8], base: &[u8]) -> Result<Self, OutOfRange> {
        Ok(Self { modulus: Modulus::new(p)?, base: base.into(), comb: None })
    }

    /// The same for a field that is used again and again, with secret exponents of `exponent_len` bytes: takes the
    /// time of one exponentiation now, so that each later one of the base takes a quarter. The prime must have a whole
    /// number of words of 64 bits.
    pub(crate) fn for_ever(p: &[u8], base: &[u8], exponent_len: usize) -> Result<Self, OutOfRange> {
        let field = Self::new(p, base)?;
        let comb = Comb::new(&field.modulus, base, exponent_len)?;
        Ok(Self { comb: Some(comb), ..field })
    }
}

/// A private exponent in a field; wiped when dropped.
pub(crate) struct FieldKey {
    field: Arc<Field>,
    exponent: Secret,
}

impl FieldKey {
    /// A fresh one, of `len` bytes whose first bit is set, so that it is never 0 and never shorter.
    pub(crate) fn generate(field: Arc<Field>, len: usize, random: &dyn Random) -> Result<Self, RandomFailed> {
        let exponent = Secret::try_fill(len, |exponent| {
            random.fill(exponent)?;
            exponent.first_mut().map(|first| *first |= 0x80).ok_or(RandomFailed)
        })?;
        Ok(Self { field, exponent })
    }

    /// A given one.
    pub(crate) fn new(field: Arc<Field>, exponent: &[u8]) -> Self {
        Self { field, exponent: exponent.into() }
    }

    /// Bytes of the prime, of public values and of shared secrets.
    pub(crate) fn len(&self) -> usize {
        self.field.modulus.len()
    }

    /// Writes the public value, left padded, in time that depends on lengths only; `out` must have `len` bytes.
    pub(crate) fn public(&self, out: &mut [u8]) -> Result<(), OutOfRange> {
        match &self.field.comb {
            Some(comb) if comb.exponent_len() == self.exponent.len() => {
                Ok(comb.power(&self.field.modulus, self.exponent.expose(), out)?)
            }
            _ => self.agree(&self.field.base, out),
        }
    }

    /// Writes `peer` to the power of the exponent, left padded, in time that depends on lengths only. The
    /// caller has checked the range of `peer`; `out` must have `len` bytes.
    pub(crate) fn agree(&self, peer: &[u8], out: &mut [u8]) -> Result<(), OutOfRange> {
        Ok(self.field.modulus.mod_exp_consttime(peer, self.exponent.expose(), out)?)
    }
}
