//! What a fuzzer runs against premaster: a function for each target, from any bytes to nothing, or to a panic.
//!
//! The functions are plain, so that the same things run under libFuzzer (`fuzz_targets/`) and under `cargo test`
//! (`tests/smoke.rs`). Beyond "no panic" each of them says what must hold whatever the bytes are.
#![forbid(unsafe_code)]

#[path = "../../crates/premaster/tests/common/mod.rs"]
mod common;
#[path = "../../crates/premaster/tests/orders/grammar.rs"]
#[allow(dead_code, reason = "the test of orders uses it all")]
mod grammar;
#[path = "../../crates/premaster/tests/puppet/mod.rs"]
mod puppet;
#[path = "../../crates/premaster/tests/orders/settings.rs"]
#[allow(dead_code, reason = "the test of orders uses it all")]
mod settings;
#[path = "../../crates/premaster-capture/tests/tape/mod.rs"]
mod tape;

pub mod capture;
pub mod client;
pub mod extensions;
pub mod hello;
pub mod keylog;
pub mod keys;
pub mod messages;
pub mod pair;
mod play;
pub mod reassembly;
pub mod records;
mod script;
pub mod server;
pub mod sessions;
pub mod trace;

/// Something to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its program, and of the directories of its inputs.
    pub name: &'static str,
    /// What runs on any bytes.
    pub run: fn(&[u8]),
    /// Inputs that get far, to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident)*) => {
        /// All of them.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $name::run, seeds: $name::seeds }),*];
    };
}
targets!(messages extensions hello client server pair records sessions keys capture keylog reassembly trace);
