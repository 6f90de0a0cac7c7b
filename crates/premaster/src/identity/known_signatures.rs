//! Signatures on certificates that were right before.
use crate::crypto::hash::{HashAlgorithm, digest};
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use std::{
    collections::{HashSet, VecDeque},
    fmt,
    sync::{Mutex, PoisonError},
};

/// That a signature of a message is right by a key does not depend on names, dates, roots or lists, and never changes.
/// This and nothing else is remembered: the SHA-256 of the algorithm, the key, the message and the signature.
pub(super) struct KnownSignatures {
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    marks: HashSet<[u8; 32]>,
    /// The oldest first.
    order: VecDeque<[u8; 32]>,
}

impl KnownSignatures {
    /// For this many. The oldest makes room for a new one.
    pub(super) fn new(most: usize) -> Self {
        Self { most, seen: Mutex::default() }
    }

    fn contains(&self, mark: &[u8; 32]) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).marks.contains(mark)
    }

    fn add(&self, mark: [u8; 32]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.most == 0 || !seen.marks.insert(mark) {
            return;
        }
        seen.order.push_back(mark);
        if seen.order.len() > self.most
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.marks.remove(&oldest);
        }
    }
}

impl fmt::Debug for KnownSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownSignatures(at most {})", self.most)
    }
}

/// An algorithm that verifies only what is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembering<'a> {
    /// Its place in the list, so that no two algorithms share a mark.
    pub(super) index: usize,
    pub(super) algorithm: &'a dyn SignatureVerificationAlgorithm,
    pub(super) known: &'a KnownSignatures,
}

impl SignatureVerificationAlgorithm for Remembering<'_> {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let lens = [self.index, key.len(), message.len()].map(|len| (len as u64).to_be_bytes());
        let whole = digest(HashAlgorithm::Sha256, &[lens.as_flattened(), key, message, signature]);
        let mark = *whole.as_ref().first_chunk().ok_or(InvalidSignature)?;
        if self.known.contains(&mark) {
            return Ok(());
        }
        self.algorithm.verify_signature(key, message, signature)?;
        self.known.add(mark);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki_types::alg_id;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Believes signatures of even length, and counts how often it is asked.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl SignatureVerificationAlgorithm for Counting {
        fn verify_signature(&self, _: &[u8], _: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
            self.0.fetch_add(1, Ordering::Relaxed);
            signature.len().is_multiple_of(2).then_some(()).ok_or(InvalidSignature)
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ED25519
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ED25519
        }
    }

    impl Counting {
        /// Whether it was asked.
        fn asked(&self, f: impl FnOnce()) -> bool {
            let before = self.0.load(Ordering::Relaxed);
            f();
            self.0.load(Ordering::Relaxed) > before
        }
    }

    #[test]
    fn only_the_same_signature_by_the_same_key_of_the_same_message_is_known() {
        let (counting, known) = (Counting::default(), KnownSignatures::new(100));
        let verify = |index, key: &[u8], message: &[u8], signature: &[u8]| {
            let algorithm = Remembering { index, algorithm: &counting, known: &known };
            algorithm.verify_signature(key, message, signature).is_ok()
        };
        assert!(counting.asked(|| assert!(verify(0, b"key", b"message", b"good"))));
        assert!(!counting.asked(|| assert!(verify(0, b"key", b"message", b"good"))));
        for (index, key, message, signature) in [
            (1, &b"key"[..], &b"message"[..], &b"good"[..]),
            (0, b"kex", b"message", b"good"),
            (0, b"key", b"messagf", b"good"),
            (0, b"key", b"message", b"goof"),
            // The same bytes, cut elsewhere.
            (0, b"keym", b"essage", b"good"),
            (0, b"key", b"messag", b"egoodx"),
        ] {
            assert!(counting.asked(|| assert!(verify(index, key, message, signature))));
        }
    }

    #[test]
    fn what_is_wrong_is_never_known() {
        let (counting, known) = (Counting::default(), KnownSignatures::new(100));
        let algorithm = Remembering { index: 0, algorithm: &counting, known: &known };
        for _ in 0..3 {
            let verify = || algorithm.verify_signature(b"key", b"message", b"wrong");
            assert!(counting.asked(|| assert!(verify().is_err())));
        }
    }

    #[test]
    fn no_more_are_kept_than_were_asked_for() {
        for most in [0, 1, 3] {
            let (counting, known) = (Counting::default(), KnownSignatures::new(most));
            let algorithm = Remembering { index: 0, algorithm: &counting, known: &known };
            let verify = |message: u8| algorithm.verify_signature(b"key", &[message], b"").unwrap();
            (0..100).for_each(verify);
            let seen = known.seen.lock().unwrap();
            assert_eq!((seen.marks.len(), seen.order.len()), (most, most));
            drop(seen);
            // The newest are those that stay.
            assert_eq!(counting.asked(|| verify(99)), most == 0);
            assert!(counting.asked(|| verify(0)));
        }
    }
}
