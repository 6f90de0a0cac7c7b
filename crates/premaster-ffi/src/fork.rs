//! Whether this process is still the one that it was, or a copy that `fork` made of it.
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};

/// The highest epoch so far, of this process and of those that it was copied from.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A number that a process keeps as long as it lives, and that none of the processes that it was copied from has had.
///
/// Linux (4.14 and later) wipes a page of memory for it whenever the process is copied, in whatever way. Elsewhere it is
/// the number of the process, which does not notice a process that got the number of an ancestor of its own.
pub fn epoch() -> u64 {
    let Some(kept) = wiped_by_fork() else { return std::process::id().into() };
    match kept.load(Acquire) {
        0 => {
            let next = LAST.fetch_add(1, Relaxed) + 1;
            kept.compare_exchange(0, next, AcqRel, Acquire).err().unwrap_or(next)
        }
        epoch => epoch,
    }
}

/// A number that is zero again in a copy of the process.
#[cfg(target_os = "linux")]
fn wiped_by_fork() -> Option<&'static AtomicU64> {
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
    use std::{ptr::null_mut, sync::OnceLock};
    static PAGE: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();
    *PAGE.get_or_init(|| {
        const LEN: usize = size_of::<AtomicU64>();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses an address where nothing is, and rounds the length up to a page.
        let page = unsafe { mmap_anonymous(null_mut(), LEN, access, MapFlags::PRIVATE) }.ok()?;
        // SAFETY: the page was just mapped, and nobody else knows of it.
        match unsafe { madvise(page, LEN, Advice::LinuxWipeOnFork) } {
            // SAFETY: the page is aligned, can be read and written, is never unmapped, and zero bytes are a number.
            Ok(()) => Some(unsafe { &*page.cast::<AtomicU64>() }),
            Err(_) => {
                // SAFETY: as above; it is not used afterwards.
                let _ = unsafe { munmap(page, LEN) };
                None
            }
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn wiped_by_fork() -> Option<&'static AtomicU64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_lasts() {
        let epochs: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(epoch)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(epochs.iter().all(|&other| other == epoch()));
    }

    /// In a child that was forked, and in a child of that one.
    #[cfg(unix)]
    #[test]
    fn a_copy_has_another() {
        use std::{io, os::unix::process::CommandExt, process::Command};
        let own = epoch();
        let other = move || match epoch() {
            epoch if epoch == own => Err(io::ErrorKind::Other.into()),
            _ => Ok(()),
        };
        let mut command = Command::new("true");
        // SAFETY: the closure only reads and writes memory that no other thread holds a lock on.
        unsafe { command.pre_exec(other) };
        assert!(command.status().expect("the child has another epoch").success());
        // The negative control: the same closure, and an epoch that the child has indeed.
        let mut command = Command::new("true");
        let same = move || other().err().map_or_else(|| Err(io::ErrorKind::Other.into()), |_| Ok(()));
        // SAFETY: as above.
        unsafe { command.pre_exec(same) };
        assert!(command.status().is_err());
        assert_eq!(epoch(), own);
    }
}
