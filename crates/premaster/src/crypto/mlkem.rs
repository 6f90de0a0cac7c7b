//! ML-KEM (FIPS 203).
use super::{
    random::{Random, RandomFailed},
    wipe,
};
use crate::Secret;
use premaster_ffi::kem::{self, ENCAPSULATION_SEED_LEN, KEY_SEED_LEN};
pub(crate) use premaster_ffi::kem::{ParameterSet, SHARED_SECRET_LEN};

/// The private half of a key pair; wiped when dropped.
pub(crate) struct DecapsulationKey(kem::DecapsulationKey);

/// Why nothing was encapsulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotEncapsulated {
    /// No randomness could be had.
    Random,
    /// The encapsulation key has the wrong length, or fails the modulus check of FIPS 203 section 7.2.
    Key,
}

/// `N` random bytes, as an array on the heap.
fn draw<const N: usize>(random: &dyn Random) -> Result<Secret, RandomFailed> {
    Secret::try_fill(N, |seed| random.fill(seed))
}

impl DecapsulationKey {
    /// A fresh one.
    pub(crate) fn generate(set: ParameterSet, random: &dyn Random) -> Result<Self, RandomFailed> {
        let seed = draw::<KEY_SEED_LEN>(random)?;
        let seed = seed.expose().try_into().map_err(|_| RandomFailed)?;
        let made = kem::DecapsulationKey::from_seed(set, seed).map(Self).map_err(|_| RandomFailed);
        wipe::after_ml_kem();
        made
    }

    /// Writes the encapsulation key; `out` must have its length.
    pub(crate) fn encapsulation_key(&self, out: &mut [u8]) -> Result<(), WrongLength> {
        self.0.encapsulation_key(out).map_err(|_| WrongLength)
    }

    /// Writes the secret that `ciphertext` carries. A ciphertext that is not genuine carries a secret that
    /// nobody else knows (implicit rejection, FIPS 203 section 6.3).
    pub(crate) fn decapsulate(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<(), WrongLength> {
        let out = out.try_into().map_err(|_| WrongLength)?;
        let opened = self.0.decapsulate(ciphertext, out).map_err(|_| WrongLength);
        wipe::after_ml_kem();
        opened
    }
}

/// Something does not have the length that the parameter set prescribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongLength;

/// Writes a ciphertext for `key`, and the secret that it carries.
pub(crate) fn encapsulate(
    set: ParameterSet,
    key: &[u8],
    random: &dyn Random,
    ciphertext: &mut [u8],
    out: &mut [u8],
) -> Result<(), NotEncapsulated> {
    let seed = draw::<ENCAPSULATION_SEED_LEN>(random).map_err(|_| NotEncapsulated::Random)?;
    let seed = seed.expose().try_into().map_err(|_| NotEncapsulated::Random)?;
    let out = out.try_into().map_err(|_| NotEncapsulated::Key)?;
    let encapsulated = kem::encapsulate(set, key, seed, ciphertext, out).map_err(|_| NotEncapsulated::Key);
    wipe::after_ml_kem();
    encapsulated
}
