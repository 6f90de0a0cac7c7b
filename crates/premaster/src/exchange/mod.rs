//! Key exchange, seen as key encapsulation.
//!
//! One side publishes a key; the other encapsulates to it; the first opens the reply.
//!
//! |                   | publishes | in                    | replies | in                    |
//! |-------------------|-----------|-----------------------|---------|-----------------------|
//! | TLS 1.2 static    | server    | Certificate           | client  | ClientKeyExchange     |
//! | TLS 1.2 ephemeral | server    | ServerKeyExchange     | client  | ClientKeyExchange     |
//! | TLS 1.3           | client    | ClientHello.key_share | server  | ServerHello.key_share |
//!
//! Forward secrecy is the difference between [`StaticKey`], which opens replies for years, and
//! [`EphemeralKey`], which opens one and is gone, and nothing else.
mod der;
mod ephemeral;
mod finite_field;
mod group;
mod limits;
mod pool;
mod psk;
mod rsa;
mod safe_primes;
mod server_key;
mod shared_secret;
mod static_key;
mod static_public;

pub use ephemeral::EphemeralKey;
pub use finite_field::DhParameters;
pub use group::{Group, GroupKind};
pub use limits::KeyLimits;
pub use pool::EphemeralPool;
pub(crate) use pool::Keys;
pub use psk::psk_premaster;
pub use server_key::{PublishedKey, ServerKey};
pub use shared_secret::SharedSecret;
pub use static_key::StaticKey;
pub use static_public::{StaticKind, StaticPublicKey};

use crate::{Error, crypto::RandomFailed, error::Failure};

impl From<RandomFailed> for Failure {
    fn from(_: RandomFailed) -> Self {
        Self::Random
    }
}

impl From<RandomFailed> for Error {
    fn from(_: RandomFailed) -> Self {
        Self::Failed(Failure::Random)
    }
}

#[cfg(test)]
mod tests;
