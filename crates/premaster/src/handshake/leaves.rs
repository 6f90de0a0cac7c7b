//! What a connection leaves behind, taken back if it ends with a fatal alert.
use crate::{
    config::{ClientConfig, ServerConfig},
    resume::{SessionKey, SessionName},
};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

/// The sessions of a connection, as far as this side can make them useless: a connection that ended with a fatal
/// alert must not be resumed (RFC 5246 section 7.2.2), and should not in TLS 1.3 (RFC 9846 section 6.2).
///
/// A server leaves some only when the client has shown that they are its own: anybody can send an ID that crossed
/// the wire, and an alert after it.
pub(crate) enum Leaves {
    /// What the server stores: IDs, and tickets that are names. A ticket that holds its session is beyond reach.
    Server {
        /// Where.
        config: Arc<ServerConfig>,
        /// Under which names.
        names: Vec<Vec<u8>>,
    },
    /// The TLS 1.2 session that the client keeps. Those of TLS 1.3 are offered once in any case.
    Client {
        /// Where.
        config: Arc<ClientConfig>,
        /// Whose it is.
        key: SessionKey,
        /// How the server calls it.
        name: SessionName,
    },
}

impl Leaves {
    /// Makes them useless. Nobody waits for it: a store that is away keeps them until their time is over.
    pub(crate) fn forget(&self) {
        match self {
            Self::Server { config, names } => {
                let Some(now) = config.clock.now() else { return };
                for name in names {
                    let forgetting = pin!(config.sessions.vault().forget(now, name));
                    // A store begins with the call, and needs nobody to wait for the end.
                    let _ = forgetting.poll(&mut Context::from_waker(Waker::noop()));
                }
            }
            Self::Client { config, key, name } => {
                if let Some(sessions) = &config.resumption.sessions {
                    sessions.forget(key, name);
                }
            }
        }
    }
}
