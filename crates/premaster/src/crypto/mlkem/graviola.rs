//! ML-KEM-768 by graviola, with the randomness of the caller.
use ::graviola::key_agreement::mlkem768::{Ciphertext, DecapKey, EncapKey, Message};
use premaster_ffi::kem::{ENCAPSULATION_SEED_LEN, KEY_SEED_LEN, SHARED_SECRET_LEN};

const ENCAPSULATION_KEY_LEN: usize = 1184;
const CIPHERTEXT_LEN: usize = 1088;

/// Whether the processor has every instruction that graviola takes for granted. It must not run anywhere else: it panics
/// without them, or stops at one that the processor does not know.
pub(super) fn is_supported() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! all {
            ($($name:tt)*) => { true $(&& std::arch::is_x86_feature_detected!($name))* };
        }
        all!("aes" "pclmulqdq" "bmi1" "bmi2" "adx" "avx" "avx2")
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! all {
            ($($name:tt)*) => { true $(&& std::arch::is_aarch64_feature_detected!($name))* };
        }
        all!("neon" "aes" "pmull" "sha2")
    }
}

/// The private half of a key pair, on the heap; graviola wipes what is secret of it when it is dropped.
pub(super) struct DecapsulationKey(Box<DecapKey>);

impl DecapsulationKey {
    /// ML-KEM.KeyGen_internal(d, z) of FIPS 203 section 6.1, where `seed` is `d || z`; none if it cannot run here.
    pub(super) fn from_seed(seed: &[u8; KEY_SEED_LEN]) -> Option<Self> {
        is_supported().then(|| Self(Box::new(DecapKey::keygen_internal(seed))))
    }

    pub(super) fn encapsulation_key(&self, out: &mut [u8; ENCAPSULATION_KEY_LEN]) {
        *out = self.0.encapsulation_key().as_bytes();
    }

    /// ML-KEM.Decaps_internal of FIPS 203 section 6.3.
    pub(super) fn decapsulate(&self, ciphertext: &[u8; CIPHERTEXT_LEN], out: &mut [u8; SHARED_SECRET_LEN]) {
        let secret = self.0.decaps_internal(&Ciphertext::from(*ciphertext));
        out.copy_from_slice(secret.as_ref());
    }
}

/// ML-KEM.Encaps_internal(ek, m) of FIPS 203 section 6.2; none if the key fails the modulus check of section 7.2, or if
/// it cannot run here.
pub(super) fn encapsulate(
    key: &[u8; ENCAPSULATION_KEY_LEN],
    seed: &[u8; ENCAPSULATION_SEED_LEN],
    ciphertext: &mut [u8; CIPHERTEXT_LEN],
    out: &mut [u8; SHARED_SECRET_LEN],
) -> Option<()> {
    let key = is_supported().then(|| EncapKey::from_bytes(key).ok())??;
    let (secret, made) = key.encaps_internal(Message(*seed));
    ciphertext.copy_from_slice(made.as_ref());
    out.copy_from_slice(secret.as_ref());
    Some(())
}
