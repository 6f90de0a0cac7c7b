//! Comparisons whose answer is a mask, all ones or all zeros, for code that must not branch on a secret.
//!
//! `subtle` answers with a `Choice`, which puts a barrier around every bit; these are for loops over hundreds
//! of bytes. Let a secret pass through [`hide`] before such a loop: the compiler then knows nothing of it that
//! would make a branch worth its while.

use subtle::Choice;

/// All ones if `a` is less than `b`. Both are below 2^31, as every length of TLS is.
pub(crate) const fn less(a: usize, b: usize) -> usize {
    debug_assert!(a < 1 << 31 && b < 1 << 31);
    (a.wrapping_sub(b).cast_signed() >> (usize::BITS - 1)).cast_unsigned()
}

/// All ones if `a` equals `b`. Both are below 2^31.
pub(crate) const fn equal(a: usize, b: usize) -> usize {
    less(a ^ b, 1)
}

/// One if `a` is zero, else zero.
pub(crate) const fn is_zero(a: u64) -> u64 {
    !(a | a.wrapping_neg()) >> 63
}

/// One if all `bytes` are the same, else zero.
pub(crate) fn all_same(bytes: &[u8]) -> u64 {
    let differs = bytes.iter().fold(0, |differs, byte| differs | byte ^ bytes[0]);
    is_zero(differs.into())
}

/// `value`, of which the compiler knows nothing any more.
pub(crate) fn hide<T>(value: T) -> T {
    std::hint::black_box(value)
}

/// `value`, which depends on secrets and may be told: a verdict, or a length. Every caller is worth a second look.
///
/// Whoever judges constant time has to know where a secret ends; for everybody else this does nothing.
#[cfg(not(feature = "memcheck"))]
pub(crate) const fn declassify(value: usize) -> usize {
    value
}

/// `value`, which depends on secrets and may be told: from here on Valgrind takes it for public.
#[cfg(feature = "memcheck")]
pub(crate) fn declassify(value: usize) -> usize {
    let mut bytes = value.to_ne_bytes();
    premaster_ffi::memcheck::public(&bytes);
    usize::from_ne_bytes(*std::hint::black_box(&mut bytes))
}

/// Whether `choice` is true, which depends on secrets and may be told.
pub(crate) fn verdict(choice: Choice) -> bool {
    declassify(choice.unwrap_u8().into()) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_told_from_everything_else() {
        assert_eq!(is_zero(0), 1);
        for bit in 0..64 {
            assert_eq!((is_zero(1 << bit), is_zero(u64::MAX << bit)), (0, 0));
        }
    }

    #[test]
    fn one_byte_that_differs_is_enough() {
        assert_eq!((all_same(&[]), all_same(&[7]), all_same(&[7; 33])), (1, 1, 1));
        for at in 0..33 {
            let mut bytes = [7; 33];
            bytes[at] ^= 0x80;
            assert_eq!(all_same(&bytes), 0, "{at}");
        }
    }

    #[test]
    fn masks() {
        let edges = [0, 1, 2, 255, 256, 16_384, (1 << 31) - 1];
        for a in edges {
            for b in edges {
                assert_eq!(less(a, b), if a < b { usize::MAX } else { 0 }, "{a} < {b}");
                assert_eq!(equal(a, b), if a == b { usize::MAX } else { 0 }, "{a} = {b}");
            }
        }
    }
}
