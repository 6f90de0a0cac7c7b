//! Handshake messages (RFC 9846 section 4, RFC 5246 section 7.4), a file for each.
//!
//! Each is a view of the bytes of its body, or a set of own values to be encoded; `decode` reads a body and
//! refuses whatever it would not itself have written, so that encoding what was decoded gives the same bytes.
//! Rules that tie fields or messages together are for the handshake to enforce.
//!
//! Where TLS 1.2 and 1.3 give one name to two forms, the types end in `12` and `13`.
mod certificate12;
mod certificate13;
mod certificate_request;
mod certificate_status;
mod certificate_verify;
mod client_hello;
mod client_key_exchange;
mod compressed_certificate;
mod empty;
mod encrypted_extensions;
mod finished;
pub mod handshake;
mod key_update;
mod new_session_ticket;
mod server_hello;
mod server_key_exchange;

pub use certificate_request::*;
pub use certificate_status::*;
pub use certificate_verify::*;
pub use certificate12::*;
pub use certificate13::*;
pub use client_hello::*;
pub use client_key_exchange::*;
pub use compressed_certificate::*;
pub use empty::*;
pub use encrypted_extensions::*;
pub use finished::*;
pub use handshake::Body;
pub use key_update::*;
pub use new_session_ticket::*;
pub use server_hello::*;
pub use server_key_exchange::*;

#[cfg(test)]
mod tests;
