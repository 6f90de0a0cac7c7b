//! The primitives. This is the only room that names a cryptographic crate.
pub mod aead;
pub(crate) mod agreement;
pub mod cbc;
pub(crate) mod constant_time;
pub(crate) mod ffdh;
pub mod hash;
#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
pub(crate) mod judge;
pub(crate) mod mlkem;
pub mod random;
pub(crate) mod rsa;
mod sha;
pub mod sign;
pub(crate) mod wipe;

pub(crate) use premaster_ffi::fork;
pub use random::{Random, RandomFailed, SystemRandom};
