//! TLS 1.2 and TLS 1.3 whose every key can be accounted for.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod error;
pub mod observe;
pub mod secret;
pub mod wire;

pub use error::Error;
pub use pki_types;
pub use secret::Secret;

/// A future that a trait object returns: something that may have to be waited for.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
