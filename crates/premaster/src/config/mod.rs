//! What we are willing to do: policies, limits, and the configurations of a client and a server.
mod client;
mod clock;
mod legacy;
mod limits;
pub mod policy;
mod server;
mod sessions;

pub use client::{ClientConfig, ClientConfigBuilder};
pub use clock::{Clock, SystemClock};
pub use legacy::{LegacyOptIn, is_anonymous, is_fenced};
pub use limits::Limits;
pub use policy::Policy;
pub use server::{ClientAuthentication, ServerConfig, ServerConfigBuilder};
pub use sessions::{ClientResumption, ServerSessions};

use std::fmt;

/// Why a configuration cannot work. Found when it is built, not when a connection fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The policy names no version that this library speaks.
    NoVersion,
    /// The policy names no cipher suite for one of its versions.
    NoCipherSuite(crate::wire::ProtocolVersion),
    /// The policy names no group, but a suite or version that needs one.
    NoGroup,
    /// The policy names no signature scheme.
    NoSignatureScheme,
    /// A code point that this library does not implement.
    Unknown(String),
    /// A client was given nothing to verify the server with.
    NoVerifier,
    /// A server was given neither a certificate nor a pre-shared key.
    NoCredential,
    /// An application protocol's name is empty or longer than 255 bytes (RFC 7301 section 3.1).
    BadApplicationProtocol,
    /// An exchange that RFC 10015 deprecates needs the cargo feature `legacy` and an explicit opt-in.
    LegacyNotAllowed(String),
    /// A limit is outside what the protocol can carry.
    BadLimit(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVersion => write!(f, "the policy names no version that this library speaks"),
            Self::NoCipherSuite(version) => write!(f, "the policy names no cipher suite for {version}"),
            Self::NoGroup => write!(f, "the policy names no group for the key exchange"),
            Self::NoSignatureScheme => write!(f, "the policy names no signature scheme"),
            Self::Unknown(what) => write!(f, "this library does not implement {what}"),
            Self::NoVerifier => {
                write!(f, "nothing was given to verify the server with: set roots, a pin or a verifier")
            }
            Self::NoCredential => write!(f, "the server has neither a certificate nor a pre-shared key"),
            Self::BadApplicationProtocol => write!(f, "an application protocol's name has 1 to 255 bytes"),
            Self::LegacyNotAllowed(what) => {
                write!(
                    f,
                    "{what} is deprecated (RFC 10015): it needs the cargo feature `legacy` and an explicit opt-in"
                )
            }
            Self::BadLimit(which) => write!(f, "the limit {which} is outside what the protocol can carry"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Two listeners in place of one.
fn listens_too(
    first: Option<std::sync::Arc<dyn crate::observe::Observer>>,
    second: std::sync::Arc<dyn crate::observe::Observer>,
) -> std::sync::Arc<dyn crate::observe::Observer> {
    match first {
        None => second,
        Some(first) => std::sync::Arc::new(vec![first, second]),
    }
}
