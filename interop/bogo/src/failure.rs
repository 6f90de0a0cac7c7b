//! Why a test ends early, and the names that the runner knows errors by.
use premaster::Error;
use std::{fmt, io};

/// Why a test ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The protocol failed: what most tests want.
    Tls(Error),
    /// The socket failed.
    Transport(io::Error),
    /// The configuration was refused, by this name.
    Configuration(String),
    /// premaster, or this shim, does not do that.
    Unsupported(String),
    /// Something is not as a flag says that it must be.
    Expectation(String),
}

impl Failure {
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }

    pub(crate) fn expected(what: impl Into<String>) -> Self {
        Self::Expectation(what.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Tls(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Transport(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => write!(f, ":{}: {error}", name(error)),
            Self::Transport(error) => write!(f, "transport: {error}"),
            Self::Configuration(what) => write!(f, "configuration: {what}"),
            Self::Unsupported(what) => write!(f, "unsupported: {what}"),
            Self::Expectation(what) => write!(f, "expectation: {what}"),
        }
    }
}

/// The error's own name, for `ErrorMap` in config.json, which says which of them stand for which of BoringSSL's.
fn name(error: &Error) -> String {
    match error {
        Error::Malformed(error) => format!("Malformed:{}:{:?}", error.what.replace(' ', "_"), error.problem),
        Error::Unexpected { expected, got } => format!("Unexpected:{got} for {expected}"),
        Error::Misbehaved(misbehaved) => format!("{misbehaved:?}"),
        Error::Incompatible(incompatible) => format!("Incompatible{}", variant(&format!("{incompatible:?}"))),
        Error::Untrusted(untrusted) => match &**untrusted {
            premaster::error::Untrusted::Application { alert } => format!("Application:{alert}"),
            untrusted => format!("Untrusted{}", variant(&format!("{untrusted:?}"))),
        },
        Error::Refused(alert) => format!("Refused:{alert}"),
        Error::Misuse(misuse) => format!("{misuse:?}"),
        Error::Failed(failure) => format!("Failed{failure:?}"),
        error => variant(&format!("{error:?}")).to_owned(),
    }
}

/// `Debug` of an enum begins with the variant's name.
fn variant(debug: &str) -> &str {
    debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(debug)
}
