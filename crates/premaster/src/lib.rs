//! TLS 1.2 and TLS 1.3 whose every key can be accounted for.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod config;
pub mod connection;
pub mod crypto;
pub mod error;
pub mod exchange;
mod handshake;
pub mod identity;
pub mod observe;
pub mod record;
pub mod resume;
pub mod schedule;
pub mod secret;
pub mod suite;
pub mod wire;

pub use config::{ClientConfig, Policy, ServerConfig};
pub use connection::{Connection, Content, Received, Stream};
pub use error::Error;
pub use handshake::Info;
pub use pki_types;
pub use record::Output;
pub use secret::Secret;

/// A future that a trait object returns: something that may have to be waited for.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
