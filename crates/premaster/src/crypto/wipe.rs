//! Wiping what primitives leave behind where nobody owns it: on the stack, and in registers.
use premaster_ffi::registers;

/// Without optimisation every move is a copy of its own, and frames are many times as large.
const FACTOR: usize = if cfg!(debug_assertions) { 8 } else { 1 };

// The depths are a little more than what is used. `tests/stack.rs` finds what is left where they are less.

/// How far down the stack a step of a handshake writes, and the primitives that it calls.
const HANDSHAKE_DEPTH: usize = FACTOR * (24 << 10);

/// How far down the stack ML-KEM writes, whose vectors of polynomials are large: graviola's 52 KiB.
const ML_KEM_DEPTH: usize = FACTOR * (56 << 10);

/// How far down the stack one use of a record key writes.
const RECORD_DEPTH: usize = FACTOR * (4 << 10);

/// How far down the stack CCM writes, which encrypts many blocks at once and holds a round key for each.
const CCM_DEPTH: usize = FACTOR * (16 << 10);

/// How far down the stack one use of HMAC writes.
const HMAC_DEPTH: usize = FACTOR * (1 << 10);

/// How far down the stack the derivation of a key writes, from the frame of the derivation itself.
const DERIVATION_DEPTH: usize = FACTOR * (2 << 10);

/// Overwrites what a handshake may have left on the stack below the caller.
///
/// A move leaves its source behind, a primitive its locals, and the dynamic linker the vector registers: none of
/// these can be wiped where it stands. What can be is the stack that all of them used, as soon as they return,
/// and before it the registers, which would be saved to it again.
#[inline(never)]
pub(crate) fn after_handshake() {
    registers::wipe();
    overwrite::<HANDSHAKE_DEPTH>();
}

/// Uses ML-KEM, and overwrites what it may have left on the stack, wherever the compiler put its locals.
pub(super) fn after_ml_kem<T>(compute: impl FnOnce() -> T) -> T {
    let computed = one_frame_down(compute);
    overwrite_ml_kem();
    computed
}

/// Not inlined, so that it lies where the computation did.
#[inline(never)]
fn overwrite_ml_kem() {
    registers::wipe();
    overwrite::<ML_KEM_DEPTH>();
}

/// Overwrites what the protection of one record may have left on the stack below the caller.
#[inline(never)]
pub(crate) fn after_record() {
    registers::wipe();
    overwrite_twice::<{ RECORD_DEPTH / 2 }>();
}

/// Overwrites what one use of CCM may have left on the stack below the caller.
#[inline(never)]
pub(super) fn after_ccm() {
    registers::wipe();
    overwrite::<CCM_DEPTH>();
}

/// Overwrites what one use of HMAC may have left on the stack below the caller.
///
/// This cannot wait for the end of the handshake: when a value with unused bytes is moved to the heap, whatever
/// stood on the stack in their place goes along.
#[inline(never)]
pub(super) fn after_hmac() {
    registers::wipe();
    overwrite::<HMAC_DEPTH>();
}

/// Not inlined, so that the wiping of the registers has left its frames where this one is.
#[inline(never)]
fn overwrite<const DEPTH: usize>() {
    std::hint::black_box(&mut [0_u8; DEPTH]);
}

/// Twice as far: up to 2 KiB are overwritten by vector instructions, and more at half the speed.
#[inline(never)]
fn overwrite_twice<const DEPTH: usize>() {
    std::hint::black_box((&mut [0_u8; DEPTH], &mut [0_u8; DEPTH]));
}

/// Derives something small from a secret, by a few uses of HMAC, and overwrites what they left on the stack, for the
/// reason that [`after_hmac`] has.
pub(crate) fn after_deriving<T>(derive: impl FnOnce() -> T) -> T {
    let derived = one_frame_down(derive);
    after_derivation();
    derived
}

#[inline(never)]
fn after_derivation() {
    registers::wipe();
    overwrite::<DERIVATION_DEPTH>();
}

/// Not inlined, so that what it leaves is below its caller.
#[inline(never)]
fn one_frame_down<T>(make: impl FnOnce() -> T) -> T {
    make()
}
