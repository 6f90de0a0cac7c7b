//! ML-KEM (FIPS 203) whose randomness comes from the caller.
//!
//! `aws-lc-rs` draws it inside, so that no handshake over it can be repeated.
use crate::Refused;
use aws_lc_sys::{
    EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_kem_set_params, EVP_PKEY_CTX_new,
    EVP_PKEY_CTX_new_id, EVP_PKEY_KEM, EVP_PKEY_decapsulate, EVP_PKEY_encapsulate_deterministic,
    EVP_PKEY_free, EVP_PKEY_get_raw_public_key, EVP_PKEY_kem_new_raw_public_key,
    EVP_PKEY_keygen_deterministic, EVP_PKEY_keygen_init, NID_MLKEM768, NID_MLKEM1024,
};
use std::ptr::{NonNull, null_mut};

/// Bytes of the seed `d || z` that a key pair is made from (FIPS 203 section 7.1).
pub const KEY_SEED_LEN: usize = 64;
/// Bytes of the message `m` that an encapsulation is made from (FIPS 203 section 7.2).
pub const ENCAPSULATION_SEED_LEN: usize = 32;
/// Bytes of a shared secret.
pub const SHARED_SECRET_LEN: usize = 32;

/// A parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterSet {
    /// ML-KEM-768, category 3.
    MlKem768,
    /// ML-KEM-1024, category 5.
    MlKem1024,
}

impl ParameterSet {
    const fn nid(self) -> i32 {
        match self {
            Self::MlKem768 => NID_MLKEM768,
            Self::MlKem1024 => NID_MLKEM1024,
        }
    }

    /// Bytes of an encapsulation key.
    pub const fn encapsulation_key_len(self) -> usize {
        match self {
            Self::MlKem768 => 1184,
            Self::MlKem1024 => 1568,
        }
    }

    /// Bytes of a ciphertext.
    pub const fn ciphertext_len(self) -> usize {
        match self {
            Self::MlKem768 => 1088,
            Self::MlKem1024 => 1568,
        }
    }
}

/// An `EVP_PKEY` of the type KEM; AWS-LC wipes it when it is freed.
struct Key(NonNull<EVP_PKEY>);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { EVP_PKEY_free(self.0.as_ptr()) }
    }
}

// SAFETY: an EVP_PKEY has no ties to the thread that made it.
unsafe impl Send for Key {}
// SAFETY: the functions that are called through `&Key` only read the key and count its references,
// atomically.
unsafe impl Sync for Key {}

impl Key {
    fn context(&self) -> Result<Context, Refused> {
        // SAFETY: the key is valid; the context takes a reference of its own. No engine is a valid engine.
        NonNull::new(unsafe { EVP_PKEY_CTX_new(self.0.as_ptr(), null_mut()) }).map(Context).ok_or(Refused)
    }
}

struct Context(NonNull<EVP_PKEY_CTX>);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

/// The private half of an ML-KEM key pair.
pub struct DecapsulationKey {
    key: Key,
    set: ParameterSet,
}

impl DecapsulationKey {
    /// ML-KEM.KeyGen_internal(d, z) of FIPS 203 section 6.1, where `seed` is `d || z`.
    pub fn from_seed(set: ParameterSet, seed: &[u8; KEY_SEED_LEN]) -> Result<Self, Refused> {
        // SAFETY: no pointer is passed but the absent engine.
        let context = unsafe { EVP_PKEY_CTX_new_id(EVP_PKEY_KEM, null_mut()) };
        let context = NonNull::new(context).map(Context).ok_or(Refused)?;
        // SAFETY: the context is valid, and has no key yet.
        let ready = unsafe {
            EVP_PKEY_CTX_kem_set_params(context.0.as_ptr(), set.nid()) == 1
                && EVP_PKEY_keygen_init(context.0.as_ptr()) == 1
        };
        if !ready {
            return Err(Refused);
        }
        let mut key = null_mut();
        let mut seed_len = seed.len();
        // SAFETY: the context is ready to generate; `key` is null, so that a new key is allocated; `seed` can
        // be read for `seed_len` bytes, and AWS-LC refuses a length that is not the parameter set's.
        let made = unsafe {
            EVP_PKEY_keygen_deterministic(context.0.as_ptr(), &mut key, seed.as_ptr(), &mut seed_len)
        };
        let key = NonNull::new(key).map(Key).ok_or(Refused)?;
        (made == 1).then_some(Self { key, set }).ok_or(Refused)
    }

    /// Writes the encapsulation key.
    ///
    /// `out` must have [`ParameterSet::encapsulation_key_len`] bytes.
    pub fn encapsulation_key(&self, out: &mut [u8]) -> Result<(), Refused> {
        if out.len() != self.set.encapsulation_key_len() {
            return Err(Refused);
        }
        let mut len = out.len();
        // SAFETY: the key is valid, and `out` can be written for `len` bytes.
        let done = unsafe { EVP_PKEY_get_raw_public_key(self.key.0.as_ptr(), out.as_mut_ptr(), &mut len) };
        (done == 1 && len == out.len()).then_some(()).ok_or(Refused)
    }

    /// ML-KEM.Decaps of FIPS 203 section 7.3: a ciphertext that was tampered with yields another secret, not
    /// an error. Only a ciphertext of the wrong length is refused.
    pub fn decapsulate(&self, ciphertext: &[u8], out: &mut [u8; SHARED_SECRET_LEN]) -> Result<(), Refused> {
        if ciphertext.len() != self.set.ciphertext_len() {
            return Err(Refused);
        }
        let context = self.key.context()?;
        let mut len = out.len();
        // SAFETY: the context is valid and has a key, `out` can be written for `len` bytes, and `ciphertext`
        // can be read for the length that is passed.
        let done = unsafe {
            EVP_PKEY_decapsulate(
                context.0.as_ptr(),
                out.as_mut_ptr(),
                &mut len,
                ciphertext.as_ptr(),
                ciphertext.len(),
            )
        };
        (done == 1 && len == out.len()).then_some(()).ok_or(Refused)
    }
}

/// ML-KEM.Encaps_internal(ek, m) of FIPS 203 section 6.2, after the checks of section 7.2: an encapsulation
/// key of the wrong length, or with coefficients that are not reduced, is refused.
///
/// `ciphertext` must have [`ParameterSet::ciphertext_len`] bytes.
pub fn encapsulate(
    set: ParameterSet,
    encapsulation_key: &[u8],
    seed: &[u8; ENCAPSULATION_SEED_LEN],
    ciphertext: &mut [u8],
    out: &mut [u8; SHARED_SECRET_LEN],
) -> Result<(), Refused> {
    if encapsulation_key.len() != set.encapsulation_key_len() || ciphertext.len() != set.ciphertext_len() {
        return Err(Refused);
    }
    // SAFETY: the key can be read for the length that is passed; AWS-LC copies it.
    let key = unsafe {
        EVP_PKEY_kem_new_raw_public_key(set.nid(), encapsulation_key.as_ptr(), encapsulation_key.len())
    };
    let key = NonNull::new(key).map(Key).ok_or(Refused)?;
    let context = key.context()?;
    let (mut ciphertext_len, mut secret_len, mut seed_len) = (ciphertext.len(), out.len(), seed.len());
    // SAFETY: the context is valid and has a key; both outputs can be written, and the seed read, for the
    // lengths that are passed, all of which AWS-LC compares with the parameter set's.
    let done = unsafe {
        EVP_PKEY_encapsulate_deterministic(
            context.0.as_ptr(),
            ciphertext.as_mut_ptr(),
            &mut ciphertext_len,
            out.as_mut_ptr(),
            &mut secret_len,
            seed.as_ptr(),
            &mut seed_len,
        )
    };
    let whole = ciphertext_len == ciphertext.len() && secret_len == out.len();
    (done == 1 && whole).then_some(()).ok_or(Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_decide_everything() {
        for set in [ParameterSet::MlKem768, ParameterSet::MlKem1024] {
            let run = |seed: u8, m: u8| {
                let key = DecapsulationKey::from_seed(set, &[seed; 64]).unwrap();
                let mut public = vec![0; set.encapsulation_key_len()];
                key.encapsulation_key(&mut public).unwrap();
                let mut ciphertext = vec![0; set.ciphertext_len()];
                let (mut sent, mut opened) = ([0; 32], [0; 32]);
                encapsulate(set, &public, &[m; 32], &mut ciphertext, &mut sent).unwrap();
                key.decapsulate(&ciphertext, &mut opened).unwrap();
                assert_eq!(sent, opened);
                (public, ciphertext, sent)
            };
            assert_eq!(run(1, 2), run(1, 2));
            assert_ne!(run(1, 2).0, run(3, 2).0);
            assert_ne!(run(1, 2).1, run(1, 3).1);
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let set = ParameterSet::MlKem768;
        let key = DecapsulationKey::from_seed(set, &[1; 64]).unwrap();
        let mut public = vec![0; set.encapsulation_key_len()];
        key.encapsulation_key(&mut public).unwrap();
        assert_eq!(key.encapsulation_key(&mut [0; 1183]), Err(Refused));
        let (mut ciphertext, mut secret) = (vec![0; set.ciphertext_len()], [0; 32]);
        assert_eq!(encapsulate(set, &public[1..], &[0; 32], &mut ciphertext, &mut secret), Err(Refused));
        assert_eq!(encapsulate(set, &public, &[0; 32], &mut ciphertext[1..], &mut secret), Err(Refused));
        assert_eq!(key.decapsulate(&ciphertext[1..], &mut secret), Err(Refused));
    }
}
