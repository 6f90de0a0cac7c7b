//! The conversation: four files, each one function that reads like the RFC's figure, and what they share.
//!
//! A handshake is an `async fn` that does no I/O. It is polled by hand against a mailbox, [`peer::Peer`], which
//! the connection fills with messages and drains of records. What it must wait for besides the peer (a signing
//! service, a verifier, a certificate chosen by name) is one more `.await`.
mod authenticate;
mod certificate;
mod certificate_types;
mod check_extensions;
mod client;
mod client12;
mod client13;
mod disguise;
mod established;
mod exchange12;
mod hello_extensions;
mod leaves;
mod negotiate;
pub(crate) mod peer;
mod psk13;
mod record_keys;
mod record_size;
mod server;
mod server12;
mod server13;
mod sessions;

pub(crate) use check_extensions::check_extensions;
pub(crate) use client::handshake as client;
pub use established::Info;
pub(crate) use established::{Established, Secrets};
pub(crate) use leaves::Leaves;
pub(crate) use negotiate::offered_versions;
pub(crate) use record_keys::{key_again12, key_again13, opener13, sealer13};
pub(crate) use server::{handshake as server, server_name};
pub(crate) use sessions::Keeper;
