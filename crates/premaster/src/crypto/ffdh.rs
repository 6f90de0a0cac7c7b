//! Diffie-Hellman modulo a prime (SP 800-56A section 5.7.1.1).
use super::random::{Random, RandomFailed};
use crate::Secret;
pub(crate) use premaster_ffi::bn::{MAX_LEN, Modulus, is_safe_prime};

/// The modulus, or a number, cannot be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

/// A private exponent modulo a prime; wiped when dropped.
pub(crate) struct FieldKey {
    modulus: Modulus,
    exponent: Secret,
}

impl FieldKey {
    /// A fresh one, of `len` bytes whose first bit is set, so that it is never 0 and never shorter.
    pub(crate) fn generate(modulus: Modulus, len: usize, random: &dyn Random) -> Result<Self, RandomFailed> {
        let exponent = Secret::try_fill(len, |exponent| {
            random.fill(exponent)?;
            exponent.first_mut().map(|first| *first |= 0x80).ok_or(RandomFailed)
        })?;
        Ok(Self { modulus, exponent })
    }

    /// A given one.
    pub(crate) fn new(modulus: Modulus, exponent: &[u8]) -> Self {
        Self { modulus, exponent: exponent.into() }
    }

    /// Bytes of the prime, of public values and of shared secrets.
    pub(crate) const fn len(&self) -> usize {
        self.modulus.len()
    }

    /// Writes `base` to the power of the exponent, left padded, in time that depends on lengths only. The
    /// caller has checked the range of `base`; `out` must have `len` bytes.
    pub(crate) fn power(&self, base: &[u8], out: &mut [u8]) -> Result<(), OutOfRange> {
        self.modulus.mod_exp_consttime(base, self.exponent.expose(), out).map_err(|_| OutOfRange)
    }
}
