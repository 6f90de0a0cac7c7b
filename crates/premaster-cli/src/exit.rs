//! The exit codes, the same for all verbs.

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// It did what was asked.
    Ok = 0,
    /// It did, and found something that the caller asked to be told about.
    Finding = 1,
    /// The command line, or a file that it names, cannot be used.
    Usage = 2,
    /// A name did not resolve, a connection was not made, or it was lost.
    Network = 3,
    /// The TLS handshake, or the connection after it, failed.
    Handshake = 4,
    /// The peer's certificate was not believed.
    Certificate = 5,
    /// An input, such as a PEM file, is malformed.
    Malformed = 6,
    /// The result is incomplete: a connection was cut off, or a probe gave no answer.
    Incomplete = 7,
    /// The command itself is at fault.
    Bug = 70,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// What every help ends with.
pub const TABLE: &str = "\
Exit codes:
  0   success
  1   finding: something was found that you asked to be told about
  2   usage: the command line, or a file it names, cannot be used
  3   network: no such name, no connection, or a time-out
  4   handshake: the TLS handshake or connection failed
  5   certificate: the peer's certificate was not believed
  6   malformed: an input, such as a PEM file, is damaged
  7   incomplete: cut off before the end, or no answer
  70  bug: please report it";
