//! Integers modulo a prime, for finite-field Diffie-Hellman.
use crate::Refused;
use aws_lc_sys::{
    BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_MONT_CTX, BN_MONT_CTX_free, BN_MONT_CTX_new_for_modulus,
    BN_bin2bn, BN_bn2bin_padded, BN_bn2le_padded, BN_clear_free, BN_le2bn, BN_mod_exp_mont_consttime,
    BN_mod_mul_montgomery, BN_new, BN_primality_test, BN_rshift1, BN_to_montgomery,
};
use std::ptr::{NonNull, null_mut};

/// Bytes of the longest modulus that is worked with: 8192 bits.
pub const MAX_LEN: usize = 1024;

/// A number; wiped when it is freed.
pub(crate) struct Number(NonNull<BIGNUM>);

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { BN_clear_free(self.0.as_ptr()) }
    }
}

impl Number {
    /// For AWS-LC to read.
    pub(crate) const fn as_ptr(&self) -> *const BIGNUM {
        self.0.as_ptr()
    }

    fn zero() -> Result<Self, Refused> {
        // SAFETY: nothing is passed.
        NonNull::new(unsafe { BN_new() }).map(Self).ok_or(Refused)
    }

    /// From bytes, big endian. The width of the number is the slice's, whatever its leading zeros, so that it
    /// does not tell the value.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        // SAFETY: `bytes` can be read for the length that is passed; null asks for a new number.
        NonNull::new(unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), null_mut()) }).map(Self).ok_or(Refused)
    }
}

/// Where AWS-LC keeps intermediate values; it wipes all that it frees.
struct Scratch(NonNull<BN_CTX>);

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { BN_CTX_free(self.0.as_ptr()) }
    }
}

impl Scratch {
    fn new() -> Result<Self, Refused> {
        // SAFETY: nothing is passed.
        NonNull::new(unsafe { BN_CTX_new() }).map(Self).ok_or(Refused)
    }
}

/// What Montgomery's multiplication needs to know of a modulus.
struct Montgomery(NonNull<BN_MONT_CTX>);

impl Drop for Montgomery {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { BN_MONT_CTX_free(self.0.as_ptr()) }
    }
}

/// An odd modulus, public, ready for exponentiation.
pub struct Modulus {
    number: Number,
    montgomery: Montgomery,
    len: usize,
}

// SAFETY: none of the objects has ties to the thread that made it.
unsafe impl Send for Modulus {}
// SAFETY: through `&Modulus` both objects are only read.
unsafe impl Sync for Modulus {}

impl Modulus {
    /// From bytes, big endian, without leading zeros.
    ///
    /// # Errors
    /// If it is even, 1, begins with a zero, or is longer than [`MAX_LEN`].
    pub fn new(bytes: &[u8]) -> Result<Self, Refused> {
        let odd = bytes.last().is_some_and(|last| last & 1 == 1);
        let padded = bytes.first() == Some(&0);
        if !odd || padded || bytes == [1] || bytes.len() > MAX_LEN {
            return Err(Refused);
        }
        let number = Number::from_bytes(bytes)?;
        let scratch = Scratch::new()?;
        // SAFETY: both pointers are valid. AWS-LC copies the modulus, and refuses those it cannot work with.
        let montgomery = unsafe { BN_MONT_CTX_new_for_modulus(number.0.as_ptr(), scratch.0.as_ptr()) };
        let montgomery = NonNull::new(montgomery).map(Montgomery).ok_or(Refused)?;
        Ok(Self { number, montgomery, len: bytes.len() })
    }

    /// How many bytes it has.
    #[allow(clippy::len_without_is_empty, reason = "no modulus is empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Writes `base` to the power of `exponent`, left padded, in time that depends on the lengths only; `out`
    /// must have [`len`](Self::len) bytes.
    ///
    /// # Errors
    /// If `base` is not less than the modulus.
    pub fn mod_exp_consttime(&self, base: &[u8], exponent: &[u8], out: &mut [u8]) -> Result<(), Refused> {
        if base.len() > self.len || exponent.len() > MAX_LEN || out.len() != self.len {
            return Err(Refused);
        }
        let base = Number::from_bytes(base)?;
        let exponent = Number::from_bytes(exponent)?;
        let power = Number::zero()?;
        let scratch = Scratch::new()?;
        // SAFETY: all pointers are valid, and none is passed twice. The Montgomery context belongs to the
        // modulus. A base that is too large, or an even modulus, is refused.
        let done = unsafe {
            BN_mod_exp_mont_consttime(
                power.0.as_ptr(),
                base.0.as_ptr(),
                exponent.0.as_ptr(),
                self.number.0.as_ptr(),
                scratch.0.as_ptr(),
                self.montgomery.0.as_ptr(),
            )
        };
        if done != 1 {
            return Err(Refused);
        }
        // SAFETY: `out` can be written for the length that is passed, and the number is valid.
        let done = unsafe { BN_bn2bin_padded(out.as_mut_ptr(), out.len(), power.0.as_ptr()) };
        (done == 1).then_some(()).ok_or(Refused)
    }
}

/// Bytes of a word of AWS-LC's numbers, on the widest machines.
const WORD: usize = 8;

/// A product modulo a [`Modulus`] while it grows; wiped when dropped.
///
/// It is kept in Montgomery's form. What the form of a number is, a *residue*, can be taken out and multiplied by later:
/// as many bytes as the modulus has, little endian. Nothing here takes time that depends on a value.
pub struct Product<'a> {
    modulus: &'a Modulus,
    value: Number,
    factor: Number,
    scratch: Scratch,
}

impl<'a> Product<'a> {
    fn empty(modulus: &'a Modulus) -> Result<Self, Refused> {
        // AWS-LC multiplies in constant time what has as many words as the modulus.
        if !modulus.len.is_multiple_of(WORD) {
            return Err(Refused);
        }
        Ok(Self { modulus, value: Number::zero()?, factor: Number::zero()?, scratch: Scratch::new()? })
    }

    /// Begins with `number`, big endian.
    ///
    /// # Errors
    /// If `number` is longer than the modulus, or the modulus has not a whole number of words of 64 bits.
    pub fn of(modulus: &'a Modulus, number: &[u8]) -> Result<Self, Refused> {
        if number.len() > modulus.len {
            return Err(Refused);
        }
        let product = Self { factor: Number::from_bytes(number)?, ..Self::empty(modulus)? };
        // SAFETY: all pointers are valid, and none is passed twice.
        let done = unsafe {
            BN_to_montgomery(
                product.value.0.as_ptr(),
                product.factor.0.as_ptr(),
                modulus.montgomery.0.as_ptr(),
                product.scratch.0.as_ptr(),
            )
        };
        (done == 1).then_some(product).ok_or(Refused)
    }

    /// Begins with a residue.
    ///
    /// # Errors
    /// As [`of`](Self::of), and if the residue has another length than the modulus.
    pub fn of_residue(modulus: &'a Modulus, residue: &[u8]) -> Result<Self, Refused> {
        let mut product = Self::empty(modulus)?;
        product.read(residue)?;
        std::mem::swap(&mut product.value, &mut product.factor);
        Ok(product)
    }

    /// Reads a residue into the factor.
    fn read(&mut self, residue: &[u8]) -> Result<(), Refused> {
        if residue.len() != self.modulus.len {
            return Err(Refused);
        }
        // SAFETY: `residue` can be read for the length that is passed, and the number is valid. Its width becomes the
        // slice's, whatever its leading zeros.
        let read = unsafe { BN_le2bn(residue.as_ptr(), residue.len(), self.factor.0.as_ptr()) };
        NonNull::new(read).map(drop).ok_or(Refused)
    }

    /// Multiplies by itself.
    pub fn square(&mut self) -> Result<(), Refused> {
        self.multiply_by(self.value.0.as_ptr())
    }

    /// Multiplies by the number with this residue.
    ///
    /// # Errors
    /// If the residue has another length than the modulus.
    pub fn multiply(&mut self, residue: &[u8]) -> Result<(), Refused> {
        self.read(residue)?;
        self.multiply_by(self.factor.0.as_ptr())
    }

    /// `by` is one of the two numbers here.
    fn multiply_by(&mut self, by: *const BIGNUM) -> Result<(), Refused> {
        let value = self.value.0.as_ptr();
        // SAFETY: all pointers are valid. AWS-LC lets the result be one of the factors, and both factors be the same.
        let done = unsafe {
            BN_mod_mul_montgomery(
                value,
                value,
                by,
                self.modulus.montgomery.0.as_ptr(),
                self.scratch.0.as_ptr(),
            )
        };
        (done == 1).then_some(()).ok_or(Refused)
    }

    /// Writes the residue; `out` must be as long as the modulus.
    pub fn residue(&self, out: &mut [u8]) -> Result<(), Refused> {
        if out.len() != self.modulus.len {
            return Err(Refused);
        }
        // SAFETY: `out` can be written for the length that is passed, and the number is valid.
        let done = unsafe { BN_bn2le_padded(out.as_mut_ptr(), out.len(), self.value.0.as_ptr()) };
        (done == 1).then_some(()).ok_or(Refused)
    }

    /// Writes the product, big endian and left padded; `out` must be as long as the modulus.
    pub fn write(mut self, out: &mut [u8]) -> Result<(), Refused> {
        if out.len() != self.modulus.len {
            return Err(Refused);
        }
        // To multiply by the residue 1 takes the factor of Montgomery's form out. `BN_from_montgomery` would do the same
        // with a branch, if one that is never taken, on the number.
        let mut one = vec![0; self.modulus.len];
        one[0] = 1;
        self.multiply(&one)?;
        // SAFETY: `out` can be written for the length that is passed, and the number is valid.
        let done = unsafe { BN_bn2bin_padded(out.as_mut_ptr(), out.len(), self.value.0.as_ptr()) };
        (done == 1).then_some(()).ok_or(Refused)
    }
}

/// Rounds of Miller-Rabin with random bases: a composite chosen to deceive passes with at most 4^-20.
const ROUNDS: i32 = 20;

/// Whether `p`, big endian without leading zeros, is a safe prime: prime, with `(p - 1) / 2` prime as well.
///
/// The time it takes grows with the third power of the length: bound that first. Beyond [`MAX_LEN`] nothing
/// is tried.
///
/// # Errors
/// If there is no memory, or no modulus can be made of `p` (see [`Modulus::new`]).
pub fn is_safe_prime(p: &[u8]) -> Result<bool, Refused> {
    let modulus = Modulus::new(p)?;
    // A safe prime above 7 is 3 modulo 4, and not 0 modulo 3; 256 is 1 modulo 3.
    let modulo_3 = p.iter().map(|&byte| u32::from(byte)).sum::<u32>() % 3;
    if p.len() < 2 || p.last().is_none_or(|last| last & 3 != 3) || modulo_3 == 0 {
        return Ok(false);
    }
    // If q is prime, 2^(p-1) = 1 modulo p, and 2^2 - 1 = 3 has no factor in common with p, then p = 2q + 1 is
    // prime: Pocklington's theorem. Only q needs the long test, and one exponentiation refuses most.
    let mut minus_one = p.to_vec();
    if let Some(last) = minus_one.last_mut() {
        *last ^= 1;
    }
    let mut power = vec![0; p.len()];
    modulus.mod_exp_consttime(&[2], &minus_one, &mut power)?;
    if !matches!(power.split_last(), Some((1, rest)) if rest.iter().all(|&byte| byte == 0)) {
        return Ok(false);
    }
    let q = Number::zero()?;
    let scratch = Scratch::new()?;
    let mut prime = 0;
    // SAFETY: all pointers are valid; no callback is a valid callback.
    let done = unsafe {
        BN_rshift1(q.0.as_ptr(), modulus.number.0.as_ptr()) == 1
            && BN_primality_test(&mut prime, q.0.as_ptr(), ROUNDS, scratch.0.as_ptr(), 1, null_mut()) == 1
    };
    done.then_some(prime == 1).ok_or(Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_small_numbers() {
        let modulus = Modulus::new(&[0x03, 0xfb]).unwrap();
        let power = |base: &[u8], exponent: &[u8]| {
            let mut out = [0; 2];
            modulus.mod_exp_consttime(base, exponent, &mut out).map(|()| u16::from_be_bytes(out))
        };
        for (base, exponent) in [(2_u64, 10_u64), (3, 1018), (1018, 3), (7, 0), (0, 5), (5, 300)] {
            let expected = (0..exponent).fold(1, |power, _| power * base % 1019) as u16;
            let (base, exponent) = ((base as u16).to_be_bytes(), exponent.to_be_bytes());
            assert_eq!(power(&base, &exponent), Ok(expected));
            assert_eq!(power(&base, exponent[6..].as_ref()), Ok(expected));
        }
        assert_eq!(power(&[0x03, 0xfb], &[1]), Err(Refused));
        assert_eq!(power(&[0, 0, 2], &[1]), Err(Refused));
        assert_eq!(modulus.mod_exp_consttime(&[2], &[1], &mut [0; 3]), Err(Refused));
    }

    #[test]
    fn moduli_that_cannot_be_worked_with() {
        for bytes in [&[][..], &[0], &[1], &[2], &[0, 7], &[1, 0], &[0xff; MAX_LEN + 1]] {
            assert!(Modulus::new(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn products_are_what_powers_are() {
        let mut modulus = [0xd7; 24];
        modulus[23] = 0x35;
        let modulus = Modulus::new(&modulus).unwrap();
        let power = |exponent: u8| {
            let mut out = [0; 24];
            modulus.mod_exp_consttime(&[9, 8, 7], &[exponent], &mut out).unwrap();
            out
        };
        let mut product = Product::of(&modulus, &[9, 8, 7]).unwrap();
        let mut base = [0; 24];
        product.residue(&mut base).unwrap();
        // 3 = 1 + 1 + 1, 6 = 3 + 3, 7 = 6 + 1.
        product.multiply(&base).unwrap();
        product.multiply(&base).unwrap();
        product.square().unwrap();
        product.multiply(&base).unwrap();
        let mut out = [0; 24];
        product.write(&mut out).unwrap();
        assert_eq!(out, power(7));
        Product::of_residue(&modulus, &base).unwrap().write(&mut out).unwrap();
        assert_eq!(out, power(1));
    }

    #[test]
    fn products_have_the_length_of_their_modulus() {
        let modulus = Modulus::new(&[0xff; 16]).unwrap();
        let mut product = Product::of(&modulus, &[2]).unwrap();
        assert!(Product::of(&modulus, &[1; 17]).is_err());
        for len in [0, 8, 15, 17] {
            assert!(Product::of_residue(&modulus, &vec![1; len]).is_err());
            assert_eq!(product.multiply(&vec![1; len]), Err(Refused));
            assert_eq!(product.residue(&mut vec![0; len]), Err(Refused));
        }
        assert!(product.write(&mut [0; 17]).is_err());
        // Of a modulus that does not fill its words AWS-LC might multiply in other ways.
        assert!(Product::of(&Modulus::new(&[0xff; 15]).unwrap(), &[2]).is_err());
    }

    #[test]
    fn safe_primes_of_sixteen_bits() {
        let prime = |n: u32| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
        for n in (0x101..0x4001_u16).step_by(2) {
            let safe = prime(n.into()) && prime(u32::from(n) / 2);
            assert_eq!(is_safe_prime(&n.to_be_bytes()), Ok(safe), "{n}");
        }
    }
}
