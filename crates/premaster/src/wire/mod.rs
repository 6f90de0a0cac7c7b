//! Bytes to values and back: the presentation language, the registries of code points, records, messages and
//! extensions.
//!
//! No state and no secrets: a packet dissector could use this room as it is.
pub mod codec;
pub mod extension;
mod grease;
mod list;
pub mod message;
pub mod record;
mod registry;
#[cfg(test)]
mod testing;

pub use codec::{DecodeError, Problem, Reader};
pub use grease::{grease, is_grease};
pub use list::{Element, List, ListIter};
pub use registry::*;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that sent ClientHello.
    Client,
    /// The end that answered it.
    Server,
}

impl Side {
    /// The other end.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// `client` or `server`, as the RFCs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// The same thing for each direction of a connection, named after the end that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerSide<T> {
    /// What the client sends under.
    pub client: T,
    /// What the server sends under.
    pub server: T,
}

impl<T> PerSide<T> {
    /// (what `side` sends under, what it receives under).
    pub fn split(self, side: Side) -> (T, T) {
        match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        }
    }

    /// What `side` sends under.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}
