//! Keeps the keys of this process to itself: no core dumps, no debugger, no swap where that can be had.

/// What could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardened {
    /// No core dump is written, and other processes of the same user can neither attach to this one nor read its
    /// memory (`prctl(PR_SET_DUMPABLE)` and `RLIMIT_CORE`).
    pub private: bool,
    /// No page goes to swap (`mlockall`).
    pub locked: bool,
}

impl Hardened {
    /// In a sentence.
    pub const fn as_str(self) -> &'static str {
        match (self.private, self.locked) {
            (true, true) => "hardened: no core dumps, no debugger, no swap",
            (true, false) => "hardened: no core dumps, no debugger (memory may go to swap)",
            _ => "not hardened: this system does not let it",
        }
    }
}

/// Hardens this process for as long as it lives. What starts afterwards by `exec` is not hardened.
#[cfg(target_os = "linux")]
pub fn harden() -> Hardened {
    use rustix::{
        mm::{MlockAllFlags, mlockall},
        process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
    };
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    let private = set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
        && setrlimit(Resource::Core, no_core).is_ok();
    // With a limit, whatever is allocated beyond it later would fail: rather some pages in swap than that.
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    let locked = unlimited && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).is_ok();
    Hardened { private, locked }
}

/// Not known how.
#[cfg(not(target_os = "linux"))]
pub const fn harden() -> Hardened {
    Hardened { private: false, locked: false }
}
