//! The number of a record under its key, which makes its nonce (RFC 9846 section 5.3).
use crate::crypto::aead::AeadAlgorithm;
use crate::error::Misuse;

/// Counts 0, 1, 2, … up to a limit. It cannot be copied and never goes back.
#[derive(Debug)]
pub(super) struct Sequence {
    next: u64,
    rekey_at: u64,
    limit: u64,
}

impl Sequence {
    /// The records that a key of `algorithm` may seal (RFC 9846 section 5.5, RFC 9147 section 4.5.3, RFC 9325
    /// section 4.4). A new key is due a factor of about the square root of 2 before.
    pub(super) const fn of(algorithm: AeadAlgorithm) -> Self {
        let (rekey_at, limit) = match algorithm {
            // 2^24.5 full records keep what an attacker can win below 2^-57.
            AeadAlgorithm::Aes128Gcm | AeadAlgorithm::Aes256Gcm => (1 << 24, 23_726_566),
            AeadAlgorithm::Aes128Ccm
            | AeadAlgorithm::Aes256Ccm
            | AeadAlgorithm::Aes128Ccm8
            | AeadAlgorithm::Aes256Ccm8 => (5_931_641, 1 << 23),
            // The sequence number wraps first.
            AeadAlgorithm::ChaCha20Poly1305 => return Self::unlimited(),
        };
        Self { next: 0, rekey_at, limit }
    }

    /// As many records as there are numbers: the peer, who counts the same, minds the limit; or the protection
    /// has none.
    pub(super) const fn unlimited() -> Self {
        Self { next: 0, rekey_at: 1 << 63, limit: u64::MAX }
    }

    /// The number that is due, used up or not.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Now `next` is due: for an opener that has missed records, and to try what happens far out. A sealer that is
    /// in use never does this.
    pub(super) const fn skip_to(&mut self, next: u64) {
        self.next = next;
    }

    /// The number that is due.
    ///
    /// # Errors
    /// There is none left: sequence numbers MUST NOT wrap.
    pub(super) const fn current(&self) -> Result<u64, Misuse> {
        match self.next < self.limit {
            true => Ok(self.next),
            false => Err(Misuse::KeyExhausted),
        }
    }

    /// The number that is due is used.
    pub(super) const fn advance(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Uses the number that is due, whatever becomes of the record.
    ///
    /// # Errors
    /// There is none left.
    pub(super) fn take(&mut self) -> Result<u64, Misuse> {
        let number = self.current()?;
        self.advance();
        Ok(number)
    }

    /// Whether a new key is due.
    pub(super) const fn must_rekey(&self) -> bool {
        self.next >= self.rekey_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_once_and_end() {
        let mut sequence = Sequence::of(AeadAlgorithm::Aes128Gcm);
        assert_eq!((sequence.take(), sequence.current(), sequence.take()), (Ok(0), Ok(1), Ok(1)));
        sequence.skip_to((1 << 24) - 1);
        assert!(!sequence.must_rekey());
        sequence.advance();
        assert!(sequence.must_rekey());
        sequence.skip_to(23_726_565);
        assert_eq!(sequence.take(), Ok(23_726_565));
        assert_eq!(sequence.take(), Err(Misuse::KeyExhausted));
        assert_eq!(sequence.current(), Err(Misuse::KeyExhausted));
    }

    #[test]
    fn no_number_wraps() {
        let mut sequence = Sequence::unlimited();
        sequence.skip_to(u64::MAX - 1);
        assert_eq!(sequence.take(), Ok(u64::MAX - 1));
        assert_eq!(sequence.take(), Err(Misuse::KeyExhausted));
        sequence.advance();
        assert_eq!(sequence.take(), Err(Misuse::KeyExhausted));
    }
}
