//! What a TLS connection did, byte by byte and key by key.
//!
//! A [`Recorder`] listens to one connection, at one end or at both, and makes a [`Trace`] of it: every byte with
//! its meaning, every secret with what it was made from. The same events come from a live connection and from a
//! capture. The renderers in [`render`] are pure functions of the trace.
//!
//! ```
//! use premaster_trace::{Recorder, Reveal, render};
//! use std::sync::Arc;
//!
//! let recorder = Arc::new(Recorder::new());
//! // Give `recorder.clone()` to a configuration as its observer, and connect. Then:
//! let trace = recorder.trace("example.org", Reveal::Nothing);
//! println!("{}", render::terminal(&trace, &render::Style::plain()));
//! ```
#![forbid(unsafe_code)]

mod build;
pub mod diagnose;
pub mod dissect;
pub mod hex;
pub mod model;
mod recorder;
pub mod render;
pub mod sanitize;

pub use build::Reveal;
pub use model::Trace;
pub use recorder::Recorder;
