//! What the interoperation tests share: real programs as peers, on loopback, with a bound on every wait.
//!
//! A test begins with [`need!`], which skips it by name where its program is not installed, and fails it where
//! the environment says `PREMASTER_CI=1`.
#![forbid(unsafe_code)]

pub mod authority;
pub mod case;
pub mod driven;
pub mod openssl;
pub mod process;
pub mod program;
pub mod redis;
pub mod script;
pub mod sniffer;
pub mod transport;
pub mod tshark;
pub mod www;

pub use authority::{Authority, Issued, Key};
pub use case::Case;
pub use driven::{Driven, FirstFlight};
pub use process::Process;
pub use program::Program;
pub use redis::Redis;
pub use sniffer::Sniffer;
pub use transport::{Listener, Trickle, connect, noise};

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

use std::time::Duration;

/// How long anything may take before a test gives up. Far above what is needed, for slow machines.
pub const PATIENCE: Duration = Duration::from_secs(30);
