//! Where random bytes come from.
use aws_lc_rs::rand;
use std::fmt;

/// A source of random bytes.
///
/// Everything random in a handshake is drawn from here and from nowhere else, so that a handshake is a
/// function of its inputs and can be repeated byte for byte. [`SystemRandom`] is the one to use.
pub trait Random: Send + Sync {
    /// Overwrites all of `out`.
    ///
    /// # Errors
    /// If it cannot. The handshake then fails: no key is ever made of what `out` held before.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed>;
}

/// No randomness could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomFailed;

impl fmt::Display for RandomFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no randomness could be had")
    }
}

impl std::error::Error for RandomFailed {}

/// AWS-LC's generator, seeded by the operating system and reseeded after a fork.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        rand::fill(out).map_err(|_| RandomFailed)
    }
}

#[cfg(test)]
pub(crate) mod test {
    use super::*;
    use std::sync::Mutex;

    /// Deals out the given bytes, then fails.
    pub(crate) struct Dealt(Mutex<Vec<u8>>);

    impl Dealt {
        pub(crate) fn new(bytes: impl AsRef<[u8]>) -> Self {
            Self(Mutex::new(bytes.as_ref().to_vec()))
        }
    }

    impl Random for Dealt {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
            let mut bytes = self.0.lock().unwrap();
            if bytes.len() < out.len() {
                return Err(RandomFailed);
            }
            let rest = bytes.split_off(out.len());
            out.copy_from_slice(&std::mem::replace(&mut *bytes, rest));
            Ok(())
        }
    }

    /// The same byte for ever.
    pub(crate) struct Always(pub(crate) u8);

    impl Random for Always {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
            out.fill(self.0);
            Ok(())
        }
    }

    /// Bytes from hexadecimal digits; blanks do not count.
    pub(crate) fn hex(digits: &str) -> Vec<u8> {
        let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
        digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    #[test]
    fn the_system_does_not_repeat_itself() {
        let draw = || {
            let mut bytes = [0; 32];
            SystemRandom.fill(&mut bytes).unwrap();
            bytes
        };
        assert_ne!(draw(), [0; 32]);
        assert_ne!(draw(), draw());
    }
}
