//! A copy of this process, for the test of what a fork leaves of freshness.
use std::{
    ffi::c_int,
    io::{self, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

/// Forks: `child` runs in the copy, `parent` in this process, at the same time. Yields what both returned.
///
/// The copy has this thread only. If another one holds a lock at that moment, the copy waits for it in vain: this is
/// for a test that has no other thread at work.
///
/// # Errors
/// The system's, or that the child panicked.
pub fn in_two<T>(child: impl FnOnce() -> Vec<u8>, parent: impl FnOnce() -> T) -> io::Result<(Vec<u8>, T)> {
    let (mut reader, mut writer) = io::pipe()?;
    // SAFETY: nothing is passed. Both processes go on from here, each with memory of its own.
    let process = unsafe { fork() };
    if process == 0 {
        drop(reader);
        let done = catch_unwind(AssertUnwindSafe(child)).is_ok_and(|bytes| writer.write_all(&bytes).is_ok());
        drop(writer);
        // SAFETY: it ends this process, which has nothing to clean up that its parent has not.
        unsafe { _exit(c_int::from(!done)) }
    }
    drop(writer);
    if process < 0 {
        return Err(io::Error::last_os_error());
    }
    let ours = parent();
    let mut theirs = Vec::new();
    reader.read_to_end(&mut theirs)?;
    let mut status = -1;
    // SAFETY: the process is this one's child, which nobody else waits for, and `status` is written.
    let waited = unsafe { waitpid(process, &raw mut status, 0) };
    match (waited == process, status) {
        (true, 0) => Ok((theirs, ours)),
        (true, _) => Err(io::Error::other("the copy of this process failed")),
        (false, _) => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_return() {
        let before = [1, 2, 3];
        let child = || before.iter().map(|byte| byte + 1).collect();
        assert_eq!(in_two(child, || before.len()).unwrap(), (vec![2, 3, 4], 3));
    }
}
