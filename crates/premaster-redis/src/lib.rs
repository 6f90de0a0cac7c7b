//! TLS sessions of several servers in one Redis or Valkey.
//!
//! [`RedisStore`] is a [`Store`](premaster::resume::Store): servers that use the same one, with the same ticket
//! keys, resume each other's sessions, agree on those keys by way of it, and accept early data once between them.
//! What goes there is sealed: Redis sees no secret.
//!
//! ```no_run
//! use premaster::{config::ServerSessions, resume::{FleetSecret, Rotation, SharedKeys}, Secret};
//! use premaster_redis::RedisStore;
//! use std::{sync::Arc, time::Duration};
//!
//! # async fn example(secret: Secret) -> Option<ServerSessions> {
//! let store = Arc::new(RedisStore::new("redis://127.0.0.1/").ok()?);
//! let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(12 * 3600));
//! let keys = SharedKeys::new(store.clone(), FleetSecret::new(&secret)?, rotation, Duration::from_millis(50));
//! let sessions = ServerSessions::none().with_shared_tickets(Arc::new(keys)).with_store(store);
//! # Some(sessions)
//! # }
//! ```
//! A Redis that is slow or gone costs full handshakes, never a connection: every call ends by its deadline, and
//! after a failure calls end at once until the connection, which is tried again with growing pauses, is back.
#![forbid(unsafe_code)]

mod link;
mod store;

pub use store::{CannotUse, RedisStore};
