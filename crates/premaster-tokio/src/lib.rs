//! premaster's TLS 1.2 and 1.3 over tokio.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod client;
mod error;
mod handshake;
mod input;
mod lazy;
pub mod server;
mod session;
mod stream;
#[cfg(test)]
mod tests;

pub use client::{Connect, FallibleConnect, TlsConnector};
pub use error::tls_error;
pub use lazy::{LazyConfigAcceptor, StartHandshake};
pub use premaster;
pub use server::{Accept, FallibleAccept, TlsAcceptor};
pub use stream::{Parts, TlsStream};
