//! Where random bytes come from.
use super::{
    constant_time::{all_same, declassify, hide, is_zero},
    hash::{HashAlgorithm, digest},
    wipe,
};
use aws_lc_rs::rand;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A source of random bytes.
///
/// Every key, nonce and random of a handshake is drawn from here, so that a handshake can be repeated byte for byte. What
/// AWS-LC draws by itself are signatures other than those of Ed25519 and PKCS #1, and the IVs of CBC records.
/// [`SystemRandom`] is the one to use.
pub trait Random: Send + Sync {
    /// Overwrites all of `out`.
    ///
    /// # Errors
    /// If it cannot. The handshake then fails: no key is ever made of what `out` held before.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed>;
}

/// No randomness could be had, or what was drawn had been drawn before.
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

/// How many draws are remembered.
const REMEMBERED: usize = 64;

/// The shortest draw that keys are made of, in bytes. Shorter ones may be equal by chance.
const KEY_SIZED: usize = 16;

/// A source that is watched: a draw that could be a key is never one that came before.
///
/// A source that is stuck, or that starts again, would let two connections share a key. Neither is to be expected
/// of the system's, and both have happened to others. What is remembered of a draw is a part of its hash.
pub(crate) struct Watched {
    source: Arc<dyn Random>,
    seen: Mutex<VecDeque<u64>>,
}

impl Watched {
    /// Watches `source`.
    pub(crate) fn new(source: Arc<dyn Random>) -> Self {
        Self { source, seen: Mutex::default() }
    }
}

impl Random for Watched {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        self.source.fill(out)?;
        if out.len() < KEY_SIZED {
            return Ok(());
        }
        let hash = digest(HashAlgorithm::Sha256, &[out]);
        let mark = u64::from_be_bytes(*hash.as_ref().first_chunk().ok_or(RandomFailed)?);
        wipe::after_hmac();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // What was drawn may be a key: of all that is compared only the verdict shows.
        let mark = hide(mark);
        let known = seen.iter().fold(0, |known, other| known | is_zero(mark ^ other));
        if declassify((known | all_same(out)) as usize) != 0 {
            out.fill(0);
            return Err(RandomFailed);
        }
        if seen.len() == REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(mark);
        Ok(())
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
    fn a_source_that_repeats_is_refused() {
        let mut out = [7; 32];
        assert_eq!(Watched::new(Arc::new(Always(3))).fill(&mut out), Err(RandomFailed));
        assert_eq!(out, [0; 32]);

        let (one, other) = ([1_u8, 2].repeat(8), [3_u8, 4].repeat(8));
        let again = Watched::new(Arc::new(Dealt::new([&one[..], &other, &one].concat())));
        let mut out = [0; 16];
        assert_eq!(again.fill(&mut out), Ok(()));
        assert_eq!(again.fill(&mut out), Ok(()));
        assert_eq!(again.fill(&mut out), Err(RandomFailed));

        // What is too short for a key may well come twice.
        let short = Watched::new(Arc::new(Always(3)));
        assert_eq!((short.fill(&mut out[..4]), short.fill(&mut out[..4])), (Ok(()), Ok(())));
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

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, memory, public};

    /// Tells Valgrind that what it draws is secret.
    struct Marked;

    impl Random for Marked {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
            SystemRandom.fill(out)?;
            memory(out);
            Ok(())
        }
    }

    #[test]
    fn a_draw_is_watched_in_constant_time() {
        constant_time(|| {
            let watched = Watched::new(Arc::new(Marked));
            for _ in 0..2 * REMEMBERED {
                let mut drawn = [0; 32];
                watched.fill(&mut drawn).unwrap();
                assert_ne!(public(drawn), [0; 32]);
            }
        });
    }
}
