//! A process that holds keys keeps them to itself: no core dumps, no debugger, no swap where that can be had.
//!
//! Erasing takes care of the keys that are needed no more. Those in use are in memory, and leave it by ways that no
//! library sees: a crash writes them to a file, another process of the same user reads them, the system swaps them
//! out. [`harden`] asks the system for none of that, and says what it got:
//!
//! ```
//! // First thing, before there is a key.
//! let hardening = premaster_harden::harden();
//! eprintln!("{hardening}");
//! if !hardening.is_complete() {
//!     // Start all the same, or not: the application's choice.
//! }
//! ```
//!
//! It lasts as long as the process, and for what it forks, but for locked memory; what starts by `exec` begins anew.
//! Whoever has all the rights on the machine can still read everything.
#![forbid(unsafe_code)]
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux::ask;

use std::{fmt, io};

/// What could be had.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it says what could not be had"]
pub struct Hardening {
    /// A crash writes no core dump (`RLIMIT_CORE` is 0, for good).
    pub core_dumps: Result<(), NotDone>,
    /// No other process of the same user can attach to this one or read its memory, and nothing is dumped even to a
    /// program that the system hands dumps to (`PR_SET_DUMPABLE` is 0).
    pub debuggers: Result<(), NotDone>,
    /// No page goes to swap (`mlockall`).
    pub swap: Result<(), NotDone>,
}

impl Hardening {
    /// Whether nothing is missing.
    pub const fn is_complete(&self) -> bool {
        self.is_private() && self.swap.is_ok()
    }

    /// Whether neither a core dump nor another process of the same user can have the keys.
    pub const fn is_private(&self) -> bool {
        self.core_dumps.is_ok() && self.debuggers.is_ok()
    }

    /// What was asked for, by name, and what came of it.
    pub fn parts(&self) -> [(&'static str, &Result<(), NotDone>); 3] {
        [("core dumps", &self.core_dumps), ("debugger", &self.debuggers), ("swap", &self.swap)]
    }
}

/// In a sentence.
impl fmt::Display for Hardening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done =
            self.parts().into_iter().filter(|(_, part)| part.is_ok()).map(|(name, _)| format!("no {name}"));
        let done: Vec<_> = done.collect();
        match done.is_empty() {
            true => f.write_str("not hardened")?,
            false => write!(f, "hardened: {}", done.join(", "))?,
        }
        for (name, part) in self.parts() {
            if let Err(why) = part {
                write!(f, "; {name}: {why}")?;
            }
        }
        Ok(())
    }
}

/// Why something could not be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotDone {
    /// The system refused.
    Refused(io::Error),
    /// Only so many bytes may be locked. To lock what there is now and have the next allocation fail for the limit
    /// would be worse than some pages in swap.
    Limited(u64),
    /// Not known how, on this system.
    NotAvailable,
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "the system refused: {error}"),
            Self::Limited(bytes) => write!(
                f,
                "memory may go to it, since RLIMIT_MEMLOCK is {bytes} bytes; without that limit, or with CAP_IPC_LOCK, it would not"
            ),
            Self::NotAvailable => f.write_str("not available on this system"),
        }
    }
}

impl std::error::Error for NotDone {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// Hardens this process as far as the system lets it, for as long as it lives. It cannot be undone. To ask twice does no
/// harm.
///
/// The time for it is before there is a key, and after rights were given up: to change the user makes the kernel forget
/// that nothing may be dumped, and who locks memory by `CAP_IPC_LOCK` under a limit and then gives that right up is
/// refused all further memory.
pub fn harden() -> Hardening {
    ask()
}

/// Not known how.
#[cfg(not(target_os = "linux"))]
fn ask() -> Hardening {
    let nothing = || Err(NotDone::NotAvailable);
    Hardening { core_dumps: nothing(), debuggers: nothing(), swap: nothing() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_got_and_what_not() {
        let all = Hardening { core_dumps: Ok(()), debuggers: Ok(()), swap: Ok(()) };
        assert_eq!(all.to_string(), "hardened: no core dumps, no debugger, no swap");
        assert!(all.is_complete());
        let limited = Hardening { swap: Err(NotDone::Limited(65_536)), ..all };
        assert!(limited.is_private() && !limited.is_complete());
        assert_eq!(
            limited.to_string(),
            "hardened: no core dumps, no debugger; swap: memory may go to it, since RLIMIT_MEMLOCK is 65536 bytes; \
             without that limit, or with CAP_IPC_LOCK, it would not"
        );
        let nothing = || Err(NotDone::NotAvailable);
        let none = Hardening { core_dumps: nothing(), debuggers: nothing(), swap: nothing() };
        assert!(none.to_string().starts_with("not hardened; core dumps: not available on this system; "));
        assert!(!none.is_private());
    }
}
