//! The same two again: what a connection leaves behind, so that the next one costs less, and what keeps that
//! from being a loss.
//!
//! * A [`ServerSession`] or a [`ClientSession`] is what each side keeps of a handshake (RFC 9846 section 2.2,
//!   RFC 5246 section 7.3, RFC 5077).
//! * A [`Scope`] says under what circumstances a session was made; it is resumed under the same ones only.
//! * A [`Store`] keeps sessions for several machines, and remembers which early data came before.
//! * [`TicketKeys`] seal sessions, each key for a while, and can tell for how long a recorded connection can
//!   still be opened.
//! * A [`Vault`] and [`ClientSessions`] are what a handshake asks.
//!
//! Nothing here fails a connection. Whatever goes wrong is a [`Miss`], and a miss costs a full handshake.
mod client_cache;
mod client_session;
mod freshness;
mod key_file;
mod memory_store;
mod ring;
mod scope;
mod search;
mod server_session;
mod session;
mod shared_keys;
mod store;
mod ticket_key;
mod ticket_keys;
mod vault;

pub use crate::observe::{Miss, Resumed, ScopeField};
pub use client_cache::{ClientSessions, SessionCache};
pub use client_session::{ClientSession, SessionKey, SessionName};
pub use freshness::Freshness;
pub use key_file::{KeyFile, KeyFileError};
pub use memory_store::MemoryStore;
pub use scope::{ClientAsked, Scope, ScopePolicy};
pub use server_session::{Asked, ServerSession};
pub use session::{MAX_LIFETIME, SessionBytes, lifetime_within};
pub use shared_keys::{FleetSecret, SharedKeys};
pub use store::{Answer, Call, Claim, MAX_STORED, SealedBytes, Store, StoreFailed, StoreName};
pub use ticket_key::{BadTicketKey, KEY_ID_LEN, KEY_LEN, Rotation, TicketKey, Window};
pub use ticket_keys::{KeyStatus, KeyUse, MAX_TICKET, TicketKeys};
pub use vault::Vault;

#[cfg(test)]
mod tests_ticket_keys;
#[cfg(test)]
mod tests_vault;
