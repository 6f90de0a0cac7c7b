//! The expanded key of an AEAD, which is most of the memory that a direction takes, and can be done without for a while.
use crate::crypto::aead::{AeadAlgorithm, AeadKey};
use crate::error::Failure;

/// An expanded key, which can be forgotten for as long as nothing is sealed or opened, and expanded again.
pub(super) struct Expanded {
    algorithm: AeadAlgorithm,
    key: Option<AeadKey>,
}

impl Expanded {
    pub(super) fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Result<Self, Failure> {
        let key = AeadKey::new(algorithm, key).map_err(|_| Failure::Crypto)?;
        Ok(Self { algorithm, key: Some(key) })
    }

    pub(super) const fn algorithm(&self) -> AeadAlgorithm {
        self.algorithm
    }

    pub(super) fn get(&self) -> Result<&AeadKey, Failure> {
        self.key.as_ref().ok_or(Failure::Crypto)
    }

    /// Wipes it.
    pub(super) fn rest(&mut self) {
        self.key = None;
    }

    pub(super) const fn is_resting(&self) -> bool {
        self.key.is_none()
    }

    /// Expands the same key again.
    pub(super) fn wake(&mut self, key: &[u8]) -> Result<(), Failure> {
        *self = Self::new(self.algorithm, key)?;
        Ok(())
    }
}
