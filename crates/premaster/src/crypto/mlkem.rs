//! ML-KEM (FIPS 203): ML-KEM-768 by graviola where it can run, everything else by AWS-LC. From the same seed both make
//! the same keys and ciphertexts.
use super::{
    random::{Random, RandomFailed},
    wipe,
};
use crate::Secret;
use premaster_ffi::kem::{self, ENCAPSULATION_SEED_LEN, KEY_SEED_LEN};
pub(crate) use premaster_ffi::kem::{ParameterSet, SHARED_SECRET_LEN};

#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod graviola;
#[cfg(not(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "mlkem/without_graviola.rs"]
mod graviola;
#[cfg(test)]
mod tests;

/// Who computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Library {
    Graviola,
    AwsLc,
}

impl Library {
    /// The fastest that knows the parameter set and that the processor can run.
    fn of(set: ParameterSet) -> Self {
        match set {
            ParameterSet::MlKem768 if graviola::is_supported() => Self::Graviola,
            ParameterSet::MlKem768 | ParameterSet::MlKem1024 => Self::AwsLc,
        }
    }
}

/// The private half of a key pair; wiped when dropped.
pub(crate) struct DecapsulationKey(Private);

enum Private {
    Graviola(graviola::DecapsulationKey),
    AwsLc(kem::DecapsulationKey),
}

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
        Self::from_seed(Library::of(set), set, seed).ok_or(RandomFailed)
    }

    fn from_seed(library: Library, set: ParameterSet, seed: &[u8; KEY_SEED_LEN]) -> Option<Self> {
        wipe::after_ml_kem(|| match library {
            Library::Graviola => graviola::DecapsulationKey::from_seed(seed).map(Private::Graviola),
            Library::AwsLc => kem::DecapsulationKey::from_seed(set, seed).ok().map(Private::AwsLc),
        })
        .map(Self)
    }

    /// Writes the encapsulation key; `out` must have its length.
    pub(crate) fn encapsulation_key(&self, out: &mut [u8]) -> Result<(), WrongLength> {
        match &self.0 {
            Private::Graviola(key) => {
                key.encapsulation_key(out.try_into().map_err(|_| WrongLength)?);
                Ok(())
            }
            Private::AwsLc(key) => key.encapsulation_key(out).map_err(|_| WrongLength),
        }
    }

    /// Writes the secret that `ciphertext` carries. A ciphertext that is not genuine carries a secret that
    /// nobody else knows (implicit rejection, FIPS 203 section 6.3).
    pub(crate) fn decapsulate(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<(), WrongLength> {
        let out = out.try_into().map_err(|_| WrongLength)?;
        wipe::after_ml_kem(|| match &self.0 {
            Private::Graviola(key) => {
                key.decapsulate(ciphertext.try_into().map_err(|_| WrongLength)?, out);
                Ok(())
            }
            Private::AwsLc(key) => key.decapsulate(ciphertext, out).map_err(|_| WrongLength),
        })
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
    let to = Recipient { set, key };
    to.encapsulate(Library::of(set), seed, ciphertext, out).ok_or(NotEncapsulated::Key)
}

/// Whom a secret is for.
struct Recipient<'a> {
    set: ParameterSet,
    key: &'a [u8],
}

impl Recipient<'_> {
    /// None if a length is wrong, or the key is.
    fn encapsulate(
        &self,
        library: Library,
        seed: &[u8; ENCAPSULATION_SEED_LEN],
        ciphertext: &mut [u8],
        out: &mut [u8],
    ) -> Option<()> {
        let out = out.try_into().ok()?;
        wipe::after_ml_kem(|| match library {
            Library::Graviola => {
                graviola::encapsulate(self.key.try_into().ok()?, seed, ciphertext.try_into().ok()?, out)
            }
            Library::AwsLc => kem::encapsulate(self.set, self.key, seed, ciphertext, out).ok(),
        })
    }
}
