//! Time comes in through the configuration, so that a handshake is a function of its inputs.
use pki_types::UnixTime;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now; none if that cannot be told, which fails the handshake.
    fn now(&self) -> Option<UnixTime>;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Option<UnixTime> {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since_1970))
    }
}
