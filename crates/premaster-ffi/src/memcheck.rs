//! Asks Valgrind's memory checker to follow secrets (its manual, section 4.6, "Client Requests").
//!
//! Bytes marked as secret count as uninitialised. The checker follows them through every computation, and reports
//! each branch and each address that depends on them: what must not be, if time is not to tell them. Outside of
//! Valgrind a request is a few instructions that change nothing; it is made on x86-64 only.

/// `VG_USERREQ__RUNNING_ON_VALGRIND` and `VG_USERREQ__COUNT_ERRORS` of valgrind.h.
const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
/// `VG_USERREQ__MAKE_MEM_UNDEFINED` and `VG_USERREQ__MAKE_MEM_DEFINED` of memcheck.h, whose base is `MC`.
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

/// Makes a request; `0` is the answer when nobody listens.
#[cfg(target_arch = "x86_64")]
fn request(code: usize, first: usize, second: usize) -> usize {
    let arguments = [code, first, second, 0, 0, 0];
    let answer;
    // SAFETY: four rotations by 128 bits in total and an exchange of a register with itself change nothing.
    // Valgrind, which knows the sequence, reads the six words that `rax` points to and writes the answer to
    // `rdx`. It changes no memory, only what it knows of it.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") 0_usize => answer,
            options(nostack),
        );
    }
    answer
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_: usize, _: usize, _: usize) -> usize {
    0
}

/// Whether Valgrind runs this process.
pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0) > 0
}

/// How many errors Valgrind has counted so far.
pub fn count_errors() -> usize {
    request(COUNT_ERRORS, 0, 0)
}

/// From now on these bytes are a secret.
pub fn secret(bytes: &[u8]) {
    request(MAKE_MEM_UNDEFINED, bytes.as_ptr() as usize, bytes.len());
}

/// From now on these bytes are public: what was decided, and may be told.
pub fn public(bytes: &[u8]) {
    request(MAKE_MEM_DEFINED, bytes.as_ptr() as usize, bytes.len());
}
