//! What stands for graviola where it is not built in: it runs nowhere.
use premaster_ffi::kem::{ENCAPSULATION_SEED_LEN, KEY_SEED_LEN, SHARED_SECRET_LEN};

/// There is none.
pub(super) enum DecapsulationKey {}

pub(super) const fn is_supported() -> bool {
    false
}

impl DecapsulationKey {
    pub(super) const fn from_seed(_: &[u8; KEY_SEED_LEN]) -> Option<Self> {
        None
    }

    pub(super) const fn encapsulation_key(&self, _: &mut [u8; 1184]) {
        match *self {}
    }

    pub(super) const fn decapsulate(&self, _: &[u8; 1088], _: &mut [u8; SHARED_SECRET_LEN]) {
        match *self {}
    }
}

pub(super) const fn encapsulate(
    _: &[u8; 1184],
    _: &[u8; ENCAPSULATION_SEED_LEN],
    _: &mut [u8; 1088],
    _: &mut [u8; SHARED_SECRET_LEN],
) -> Option<()> {
    None
}
