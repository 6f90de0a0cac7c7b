//! From shared secrets to record keys: the two key schedules, one file each.
//!
//! A schedule is a chain of types, each spent to reach the next. It knows nothing of records, sides or logs; an
//! observer hears every derivation.
pub mod importer;
mod kdf;
pub mod tls12;
pub mod tls13;
mod transcript;

pub use kdf::Kdf;
pub use transcript::Transcript;
