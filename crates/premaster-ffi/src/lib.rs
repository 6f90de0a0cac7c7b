//! The few AWS-LC functions that premaster needs and `aws-lc-rs` does not offer, each behind a safe call.
//!
//! Beside them, what no safe code can do: wiping the processor's vector registers, noticing a fork, and, in a test,
//! forking.
//!
//! This is the only crate of the project that contains `unsafe`.

pub mod bn;
pub mod cbc_hmac;
pub mod curve;
pub mod fork;
pub mod kem;
#[cfg(feature = "memcheck")]
pub mod memcheck;
pub mod registers;
pub mod rsa;
#[cfg(all(unix, feature = "laboratory"))]
pub mod twin;

/// A function of AWS-LC refused its input, or ran out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;
