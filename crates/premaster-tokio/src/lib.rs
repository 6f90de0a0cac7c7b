//! premaster's TLS 1.2 and 1.3 over tokio: anything that is `AsyncRead + AsyncWrite` becomes a TLS stream, which is
//! `AsyncRead + AsyncWrite` again.
//!
//! ```no_run
//! use premaster_tokio::{
//!     TlsConnector,
//!     premaster::{ClientConfig, identity::{ChainVerifier, Roots}},
//! };
//! use std::sync::Arc;
//! use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::TcpStream};
//!
//! # async fn get() -> Result<(), Box<dyn std::error::Error>> {
//! let config = ClientConfig::builder().verifier(ChainVerifier::new(Roots::mozilla())).build()?;
//! let connector = TlsConnector::from(Arc::new(config));
//!
//! let transport = TcpStream::connect("example.org:443").await?;
//! let mut stream = connector.connect("example.org".try_into()?, transport).await?;
//! stream.write_all(b"GET / HTTP/1.0\r\nHost: example.org\r\n\r\n").await?;
//! stream.flush().await?;
//! let mut answer = Vec::new();
//! stream.read_to_end(&mut answer).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A server has a [`TlsAcceptor`], or a [`LazyConfigAcceptor`] if it chooses its configuration by what the client
//! says. `examples/echo.rs` is a whole client and a whole server.
//!
//! # Handshakes
//!
//! A handshake has a deadline, [`Limits::handshake_time`](premaster::config::Limits), 30 seconds by default. It
//! needs a runtime whose time driver is enabled, unless the limit is [`Duration::MAX`](std::time::Duration::MAX).
//! Signers, verifiers and credentials may be asynchronous: what they wait for wakes the task, and a task that
//! waits is not polled. When a handshake fails, the alert for the peer has been sent if the transport took it at
//! once, and [`into_fallible`](Connect::into_fallible) gives the transport back.
//!
//! # Streams
//!
//! * **Ends.** Reading returns 0 bytes after the peer's close_notify only. A transport that just ends is an error of
//!   kind [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof), because what came last may have been cut off
//!   (RFC 9846 section 6.1). `shutdown` sends close_notify and closes the sending half of the transport; what the
//!   peer still sends can be read. Dropping a stream sends nothing.
//! * **Errors** of the protocol are [`io::Error`](std::io::Error)s with an [`Error`](premaster::Error) inside:
//!   [`tls_error`] finds it. It comes again with every later call.
//! * **Writing** takes up to 64 KiB at a time, as four records, and takes nothing more until they are with the
//!   transport. What was taken but did not go yet goes with the next write, flush, or read; so flush what has to
//!   arrive. Vectored writing puts small pieces into one record.
//! * **Reading** fills the buffer with as many records as are there, and decrypts straight into it if there is room
//!   for a whole record (18 KiB is always enough). A stream is also an
//!   [`AsyncBufRead`](tokio::io::AsyncBufRead), which lends plaintext where it was decrypted.
//! * **Memory.** Buffers come when there is something to put in them and go when it is gone: an idle stream holds
//!   none. Streams on the same thread use the same memory in turn.
//! * **Fairness.** A stream that never has to wait lets others have their turn after each MiB.
//! * **Both at once.** [`tokio::io::split`] makes halves for two tasks.
//!
//! # Cancellation
//!
//! Everything that has to survive is in the stream, nothing in the futures that read from it or write to it.
//! `read`, `read_buf`, `write`, `flush` and `shutdown` can be dropped at any time and lose nothing; of `read_exact`,
//! `write_all` and their like, tokio's documentation says what is lost. A handshake that is dropped takes the
//! transport with it, and a transport that was lent to one is in the middle of a handshake then.
//! [`LazyConfigAcceptor`] can be polled by reference again, or its transport be taken.
//!
//! # Moving from tokio-rustls
//!
//! The names are the same, `tokio_rustls::rustls` becomes [`premaster`], and what differs is this:
//!
//! | tokio-rustls | here |
//! |---|---|
//! | `TlsConnector::from(Arc<rustls::ClientConfig>)`, `TlsAcceptor::from(Arc<rustls::ServerConfig>)` | with premaster's [`ClientConfig`](premaster::ClientConfig), [`ServerConfig`](premaster::ServerConfig) |
//! | `connect`, `connect_with`, `accept`, `accept_with`, `config` | the same; the closure gets a [`Connection`](premaster::Connection) |
//! | `TlsConnector::with_alpn` | the same, but checks the names, so a `Result`, and gives a `TlsConnector` to keep |
//! | `TlsConnector::early_data` and the first writes | [`connect_with_early_data`](TlsConnector::connect_with_early_data) |
//! | `server_connection.early_data()` | [`take_early_data`](server::TlsStream::take_early_data) |
//! | `Connect`, `Accept`, `into_fallible`, `get_ref`, `get_mut` | the same |
//! | `tokio::time::timeout` around a handshake | not needed: [`Limits::handshake_time`](premaster::config::Limits) |
//! | `LazyConfigAcceptor::new(rustls::server::Acceptor, io)`, `take_io` | the same with [`Acceptor`](premaster::connection::Acceptor) |
//! | `StartHandshake::{from_parts, client_hello, into_stream, into_stream_with}` | the same; `get_ref` in place of the field `io`; the closure sees the connection before it has the ClientHello |
//! | `client_hello().alpn()`, an `Option` of an iterator | an iterator, empty without the extension |
//! | `client::TlsStream`, `server::TlsStream`, `TlsStream::{Client, Server}` | the same |
//! | `stream.get_ref().1.alpn_protocol()` | `stream.info()?.alpn` |
//! | `….protocol_version()`, `….negotiated_cipher_suite()`, `….server_name()` | `stream.info()?.version`, `.suite`, `.server_name` |
//! | `….peer_certificates()` | `stream.info()?.peer` |
//! | `….export_keying_material(out, label, context)` | `stream.get_ref().1.export(label, context, out)` |
//! | `get_mut().1.refresh_traffic_keys()` | `stream.update_keys(ask_peer)` |
//! | `into_inner` | the same; and [`into_parts`](TlsStream::into_parts), which keeps what is buffered |
//! | `error.get_ref()?.downcast_ref::<rustls::Error>()` | [`tls_error(&error)`](tls_error) |
//! | a response that was written but not flushed may wait for ever if the stream is only read then | reading sends it |
//!
//! In rustls a verifier or signer that has to wait blocks its thread. Here [`VerifyPeer`](premaster::identity::VerifyPeer),
//! [`Signer`](premaster::identity::Signer) and [`ChooseCredential`](premaster::identity::ChooseCredential) return futures.
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
