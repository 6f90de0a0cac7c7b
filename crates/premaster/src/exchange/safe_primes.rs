//! The primes that need no proof: those of RFC 7919 and RFC 3526.
//!
//! All are `2^b - 2^(b-64) + ([2^(b-130) c] + x) 2^64 - 1`, where `c` is e in RFC 7919 and pi in RFC 3526,
//! and `x` is the least that makes the number a safe prime. They are computed from that formula, so that
//! nobody has to compare ten primes digit by digit; the tests compute e and pi as well.

use crate::crypto::ffdh::{Field, OutOfRange};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// A prime `p` for which `(p - 1) / 2` is prime as well.
pub(super) struct SafePrime {
    /// Its name in the RFC.
    pub(super) name: &'static str,
    /// Big endian, without leading zeros.
    pub(super) p: &'static [u8],
    /// Of the powers of [`GENERATOR`], once somebody needs them.
    field: OnceLock<Arc<Field>>,
}

impl fmt::Debug for SafePrime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl SafePrime {
    /// The field, whose base is [`GENERATOR`]. The first call for a prime takes the time of an exponentiation, and
    /// what it has computed, 32 KiB for 2048 bits, stays.
    pub(super) fn field(&self) -> Result<Arc<Field>, OutOfRange> {
        if let Some(field) = self.field.get() {
            return Ok(field.clone());
        }
        let field = Field::for_ever(self.p, GENERATOR, exponent_len(self.p.len()))?;
        Ok(self.field.get_or_init(|| Arc::new(field)).clone())
    }
}

/// Of RFC 7919 appendix A and RFC 3526 sections 3 to 7 alike.
pub(super) const GENERATOR: &[u8] = &[2];

/// Bytes of `[2^8062 c]`.
const DIGITS: usize = 1008;

/// `[2^(b-130) c]` is a prefix of `[2^8062 c]`, in whole bytes, because every `b` here is a multiple of 8.
const fn safe_prime<const N: usize>(digits: &[u8; DIGITS], x: u32) -> [u8; N] {
    let mut p = [0xff; N];
    let mut at = 8;
    while at < N - 8 {
        p[at] = digits[at - 8];
        at += 1;
    }
    // The final -1 borrows from the middle, and leaves 64 one bits at the end.
    let mut carry = x - 1;
    while carry > 0 {
        at -= 1;
        let sum = p[at] as u32 + (carry & 0xff);
        p[at] = sum as u8;
        carry = (carry >> 8) + (sum >> 8);
    }
    p
}

const fn from_hex(text: &str) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    let (text, mut at, mut digit) = (text.as_bytes(), 0, 0);
    while at < text.len() {
        let value = match text[at] {
            byte @ b'0'..=b'9' => byte - b'0',
            byte @ b'a'..=b'f' => byte - b'a' + 10,
            _ => {
                at += 1;
                continue;
            }
        };
        digits[digit / 2] |= value << (4 * (1 - digit % 2));
        digit += 1;
        at += 1;
    }
    assert!(digit == 2 * DIGITS);
    digits
}

/// The prime with these bytes, big endian without leading zeros, if it is known.
pub(super) fn find(p: &[u8]) -> Option<&'static SafePrime> {
    KNOWN.iter().copied().find(|known| known.p == p)
}

/// Bytes of a private exponent for a prime of `len` bytes.
///
/// Because (p - 1) / 2 is prime, an exponent of twice the strength is as good as a long one, and much faster
/// (RFC 7919 section 5.2). Its appendix A asks for 225, 275, 325, 375 and 400 bits; rounded up here to whole
/// words of 64 bits, which cost the same.
pub(super) const fn exponent_len(len: usize) -> usize {
    match len {
        0..=256 => 32,
        257..=384 => 40,
        385..=768 => 48,
        _ => 56,
    }
}

macro_rules! known {
    ($($name:ident: $rfc_name:literal, $bits:literal, $digits:ident + $x:literal;)*) => {
        $(pub(super) static $name: SafePrime = SafePrime {
            name: $rfc_name,
            p: {
                static P: [u8; $bits / 8] = safe_prime(&$digits, $x);
                &P
            },
            field: OnceLock::new(),
        };)*
        static KNOWN: &[&SafePrime] = &[$(&$name),*];
    };
}

known! {
    FFDHE2048: "ffdhe2048", 2048, E + 560_316;
    FFDHE3072: "ffdhe3072", 3072, E + 2_625_351;
    FFDHE4096: "ffdhe4096", 4096, E + 5_736_041;
    FFDHE6144: "ffdhe6144", 6144, E + 15_705_020;
    FFDHE8192: "ffdhe8192", 8192, E + 10_965_728;
    MODP2048: "the 2048-bit MODP group of RFC 3526", 2048, PI + 124_476;
    MODP3072: "the 3072-bit MODP group of RFC 3526", 3072, PI + 1_690_314;
    MODP4096: "the 4096-bit MODP group of RFC 3526", 4096, PI + 240_904;
    MODP6144: "the 6144-bit MODP group of RFC 3526", 6144, PI + 929_484;
    MODP8192: "the 8192-bit MODP group of RFC 3526", 8192, PI + 4_743_158;
}

/// `[2^8062 e]`.
const E: [u8; DIGITS] = from_hex(
    "
    adf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695a9e13641146433fbcc939dce249b3ef97d2fe363630c75d8
    f681b202aec4617ad3df1ed5d5fd65612433f51f5f066ed0856365553ded1af3b557135e7f57c935984f0c70e0e68b77
    e2a689daf3efe8721df158a136ade73530acca4f483a797abc0ab182b324fb61d108a94bb2c8e3fbb96adab760d7f468
    1d4f42a3de394df4ae56ede76372bb190b07a7c8ee0a6d709e02fce1cdf7e2ecc03404cd28342f619172fe9ce98583ff
    8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc2ec22005c58ef1837d1683b2c6f34a26c1b2effa886b4238611fcfdc
    de355b3b6519035bbc34f4def99c023861b46fc9d6e6c9077ad91d2691f7f7ee598cb0fac186d91caefe130985139270
    b4130c93bc437944f4fd4452e2d74dd364f2e21e71f54bff5cae82ab9c9df69ee86d2bc522363a0dabc521979b0deada
    1dbf9a42d5c4484e0abcd06bfa53ddef3c1b20ee3fd59d7c25e41d2b669e1ef16e6f52c3164df4fb7930e9e4e58857b6
    ac7d5f42d69f6d187763cf1d5503400487f55ba57e31cc7a7135c886efb4318aed6a1e012d9e6832a907600a918130c4
    6dc778f971ad0038092999a333cb8b7a1a1db93d7140003c2a4ecea9f98d0acc0a8291cdcec97dcf8ec9b55a7f88a46b
    4db5a851f44182e1c68a007e5e0dd9020bfd64b645036c7a4e677d2c38532a3a23ba4442caf53ea63bb454329b7624c8
    917bdd64b1c0fd4cb38e8c334c701c3acdad0657fccfec719b1f5c3e4e46041f388147fb4cfdb477a52471f7a9a96910
    b855322edb6340d8a00ef092350511e30abec1fff9e3a26e7fb29f8c183023c3587e38da0077d9b4763e4e4b94b2bbc1
    94c6651e77caf992eeaac0232a281bf6b3a739c1226116820ae8db5847a67cbef9c9091b462d538cd72b03746ae77f5e
    62292c311562a846505dc82db854338ae49f5235c95b91178ccf2dd5cacef403ec9d1810c6272b045b3b71f9dc6b80d6
    3fdd4a8e9adb1e6962a69526d43161c1a41d570d7938dad4a40e329ccff46aaa36ad004cf600c8381e425a31d951ae64
    fdb23fcec9509d43687feb69edd1cc5e0b8cc3bdf64b10ef86b63142a3ab8829555b2f747c932665cb2c0f1cc01bd702
    29388839d2af05e454504ac78b7582822846c0ba35c35f5c59160cc046fd8251541fc68c9c86b022bb7099876a460e74
    51a8a93109703fee1c217e6c3826e52c51aa691e0e423cfc99e9e31650c1217b624816cdad9a95f9d5b8019488d9c0a0
    a1fe3075a577e23183f81d4a3f2fa4571efc8ce0ba8a4fe8b6855dfe72b0a66eded2fbabfbe58a30fafabe1c5d71a87e
    2f741ef8c1fe86fea6bbfde530677f0d97d11d49f7a8443d0822e506a9f4614e011e2a94838ff88cd68c8bb7c51eef6d
    ",
);

/// `[2^8062 pi]`.
const PI: [u8; DIGITS] = from_hex(
    "
    c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b
    302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5
    ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad96
    1c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603
    9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aaac42d
    ad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7abf5ae8cdb0933d7
    1e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200cbbe117577a615d6c
    770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120a92108011a723c12a787e6d788719a10bdba5b26
    99c327186af4e23c1a946834b6150bda2583e9ca2ad44ce8dbbbc2db04de8ef92e8efc141fbecaa6287c59474e6bc05d
    99b2964fa090c3a2233ba186515be7ed1f612970cee2d7afb81bdd762170481cd0069127d5b05aa993b4ea988d8fddc1
    86ffb7dc90a6c08f4df435c93402849236c3fab4d27c7026c1d4dcb2602646dec9751e763dba37bdf8ff9406ad9e530e
    e5db382f413001aeb06a53ed9027d831179727b0865a8918da3edbebcf9b14ed44ce6cbaced4bb1bdb7f1447e6cc254b
    332051512bd7af426fb8f401378cd2bf5983ca01c64b92ecf032ea15d1721d03f482d7ce6e74fef6d55e702f46980c82
    b5a84031900b1c9e59e7c97fbec7e8f323a97a7e36cc88be0f1d45b7ff585ac54bd407b22b4154aacc8f6d7ebf48e1d8
    14cc5ed20f8037e0a79715eef29be32806a1d58bb7c5da76f550aa3d8a1fbff0eb19ccb1a313d55cda56c9ec2ef29632
    387fe8d76e3c0468043e8f663f4860ee12bf2d5b0b7474d6e694f91e6dbe115974a3926f12fee5e438777cb6a932df8c
    d8bec4d073b931ba3bc832b68d9dd300741fa7bf8afc47ed2576f6936ba424663aab639c5ae4f5683423b4742bf1c978
    238f16cbe39d652de3fdb8befc848ad922222e04a4037c0713eb57a81a23f0c73473fc646cea306b4bcbc8862f8385dd
    fa9d4b7fa2c087e879683303ed5bdd3a062b3cf5b3a278a66d2a13f83f44f82ddf310ee074ab6a364597e899a0255dc1
    64f31cc50846851df9ab48195ded7ea1b1d510bd7ee74d73faf36bc31ecfa268359046f4eb879f924009438b481c6cd7
    889a002ed5ee382bc9190da6fc026e479558e4475677e9aa9e3050e2765694dfc81f56e880b96e7160c980dd98a573ea
    ",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{ffdh::is_safe_prime, random::test::hex};

    /// A number in [0, 2^32): one word before the point, the others after it; most significant first.
    #[derive(Clone)]
    struct Fixed(Vec<u32>);

    impl Fixed {
        fn integer(value: u32) -> Self {
            let mut words = vec![0; 8192 / 32 + 4];
            words[0] = value;
            Self(words)
        }

        fn divided(mut self, by: u32) -> Self {
            let mut remainder = 0;
            for word in &mut self.0 {
                let dividend = remainder << 32 | u64::from(*word);
                *word = (dividend / u64::from(by)) as u32;
                remainder = dividend % u64::from(by);
            }
            self
        }

        fn times(mut self, by: u32) -> Self {
            let mut carry = 0;
            for word in self.0.iter_mut().rev() {
                let product = u64::from(*word) * u64::from(by) + carry;
                *word = product as u32;
                carry = product >> 32;
            }
            self
        }

        fn plus(mut self, other: &Self) -> Self {
            let mut carry = 0;
            for (word, other) in self.0.iter_mut().zip(&other.0).rev() {
                let sum = u64::from(*word) + u64::from(*other) + carry;
                *word = sum as u32;
                carry = sum >> 32;
            }
            self
        }

        fn minus(mut self, other: &Self) -> Self {
            let mut borrow = 0;
            for (word, other) in self.0.iter_mut().zip(&other.0).rev() {
                let difference = i64::from(*word) - i64::from(*other) + borrow;
                *word = difference as u32;
                borrow = difference >> 32;
            }
            self
        }

        fn is_zero(&self) -> bool {
            self.0.iter().all(|&word| word == 0)
        }

        /// `[2^8062 self]` of a number in [2, 4): two bits before the point, 8062 after it.
        fn digits(&self) -> Vec<u8> {
            let shifted = self.clone().times(1 << 30);
            shifted.0.iter().flat_map(|word| word.to_be_bytes()).take(DIGITS).collect()
        }
    }

    /// The arc whose tangent is 1/n, by its series.
    fn arctan(n: u32) -> Fixed {
        let mut power = Fixed::integer(1).divided(n);
        let mut sum = power.clone();
        for k in 1.. {
            power = power.divided(n * n);
            if power.is_zero() {
                break;
            }
            let term = power.clone().divided(2 * k + 1);
            sum = if k % 2 == 1 { sum.minus(&term) } else { sum.plus(&term) };
        }
        sum
    }

    #[test]
    fn e_is_e() {
        let mut term = Fixed::integer(1);
        let mut sum = term.clone();
        for k in 1.. {
            term = term.divided(k);
            if term.is_zero() {
                break;
            }
            sum = sum.plus(&term);
        }
        assert_eq!(sum.digits(), E);
    }

    /// Machin's formula.
    #[test]
    fn pi_is_pi() {
        let pi = arctan(5).times(16).minus(&arctan(239).times(4));
        assert_eq!(pi.digits(), PI);
    }

    #[test]
    fn the_primes_look_like_those_of_the_rfcs() {
        // RFC 7919 appendix A.1 and RFC 3526 section 3: the first and last bytes.
        for (known, first, last) in [
            (
                &FFDHE2048,
                "FFFFFFFFFFFFFFFF ADF85458A2BB4A9A AFDC5620273D3CF1",
                "C1B2EFFA 886B4238 61285C97 FFFFFFFFFFFFFFFF",
            ),
            (
                &MODP2048,
                "FFFFFFFFFFFFFFFF C90FDAA22168C234 C4C6628B80DC1CD1",
                "15728E5A 8AACAA68 FFFFFFFFFFFFFFFF",
            ),
        ] {
            assert_eq!(known.p.len(), 256);
            assert!(known.p.starts_with(&hex(first)) && known.p.ends_with(&hex(last)), "{}", known.name);
        }
        assert!(find(FFDHE8192.p).is_some_and(|known| known.name == "ffdhe8192"));
        assert!(find(&FFDHE8192.p[1..]).is_none());
    }

    #[test]
    fn all_of_them_are_safe_primes() {
        for known in KNOWN {
            assert_eq!(is_safe_prime(known.p), Ok(true), "{}", known.name);
        }
    }
}
