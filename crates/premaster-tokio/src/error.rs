//! Errors of the protocol as errors of I/O, and back.
use premaster::{
    Error,
    error::{Failure, Misuse},
};
use std::io::{self, ErrorKind};

/// The protocol's error inside an [`io::Error`] that a stream or handshake of this crate returned. None if it is
/// the transport's own.
///
/// ```
/// # use premaster::Error;
/// # let error = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, Error::Truncated);
/// if let Some(error) = premaster_tokio::tls_error(&error) {
///     eprintln!("{error}: {:?}", error.fault());
/// }
/// ```
pub fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

pub(crate) fn wrap(error: Error) -> io::Error {
    let kind = match &error {
        Error::Truncated => ErrorKind::UnexpectedEof,
        Error::Misuse(Misuse::Closed) => ErrorKind::BrokenPipe,
        Error::Failed(Failure::Deadline) => ErrorKind::TimedOut,
        _ => ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}
