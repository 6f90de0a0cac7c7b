//! Linux: prctl(2), setrlimit(2), mlockall(2).
use super::{Hardening, NotDone};
use rustix::{
    io::Errno,
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
};
use std::fs;

/// The bit of the capability that no limit of locked memory binds (capabilities(7)).
const CAP_IPC_LOCK: u32 = 14;

pub(super) fn ask() -> Hardening {
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    Hardening {
        core_dumps: setrlimit(Resource::Core, nothing).map_err(refused),
        debuggers: set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused),
        swap: lock(),
    }
}

fn refused(error: Errno) -> NotDone {
    NotDone::Refused(error.into())
}

/// Locks each page that is or will be in memory, unless a limit would then make allocations fail.
fn lock() -> Result<(), NotDone> {
    let limit = getrlimit(Resource::Memlock);
    if let Some(bytes) = limit.current {
        let none = Rlimit { current: None, maximum: None };
        // Where it may not be lifted, it may not bind this process.
        if setrlimit(Resource::Memlock, none).is_err() && !is_above_the_limit() {
            return Err(NotDone::Limited(limit.maximum.unwrap_or(bytes)));
        }
    }
    // What is mapped and never used takes no memory.
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).map_err(refused)
}

/// Whether this process has `CAP_IPC_LOCK`.
fn is_above_the_limit() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| bits >> CAP_IPC_LOCK & 1 == 1)
}
