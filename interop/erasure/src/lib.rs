//! Which secrets does a process still hold, after the protocol needs them no more?
//!
//! ```text
//!   this process                                   the process under examination
//!   ────────────                                   ─────────────────────────────
//!   a premaster Connection, the peer  ◄── TLS ──►  premaster, or another
//!   its observer: every secret of TLS
//!   what the other drew, masked       ◄─ stdout ─  a Random that tells what it drew (premaster only)
//!   SIGSTOP, /proc/PID/maps, mem      ──────────►  stands still
//! ```
//! Both ends of a connection derive the same secrets, so that nothing has to be asked of the process under
//! examination, and nothing of the examination is in its memory: it runs as it does in production. Only its
//! ephemeral private keys are its own. They are what its source of randomness handed out, and that source tells,
//! byte by byte under a mask.
#![forbid(unsafe_code)]

pub mod case;
pub mod child;
pub mod exchanges;
pub mod form;
pub mod laboratory;
pub mod ledger;
pub mod memory;
pub mod peer;
pub mod process;
pub mod rustls_child;
pub mod scenario;
pub mod software;
pub mod table;

/// What went wrong, in words. Here every failure ends the examination.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Hides what a process under examination tells of itself: its memory holds the masked bytes only.
pub fn mask(index: usize, byte: u8) -> u8 {
    byte ^ (index as u8).wrapping_mul(167).wrapping_add(91)
}
