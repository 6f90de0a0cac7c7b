//! The few AWS-LC functions that premaster needs and `aws-lc-rs` does not offer, each behind a safe call.
//!
//! This is the only crate of the project that contains `unsafe`.

pub mod bn;
pub mod cbc_hmac;
pub mod curve;
pub mod kem;
pub mod rsa;

/// A function of AWS-LC refused its input, or ran out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;
