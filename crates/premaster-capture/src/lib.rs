//! Recorded TLS: packets to streams, streams to records, records to plaintext; or the exact reason why not, and
//! what would be needed.
//!
//! ```text
//! pcap, pcapng, gzip  ->  Ethernet ... IPv6  ->  TCP, in order  ->  records  ->  handshake  ->  plaintext
//!       input                   link            flow, reassembly         tls, with KeyStore        Sink
//! ```
//!
//! After a loss a session is read on wherever its keys are known: the next record is the one that opens.
//!
//! A capture of any size is read in bounded memory: [`Capture`] hands out a [`Session`] when its connection is over,
//! and shows records to a [`Sink`] as soon as they can be read. An [`Observer`] hears
//! the same events that a live connection tells, as its client would tell them.
#![forbid(unsafe_code)]

mod capture;
mod export;
mod flow;
mod fragments;
mod http;
mod input;
mod keylog;
mod keys;
mod link;
mod memory;
mod reason;
pub mod reassembly;
mod report;
mod tls;

pub use capture::{Capture, Statistics, embedded_secrets};
pub use export::Export;
pub use http::{HttpMessage, HttpSummary};
pub use input::Format;
pub use keylog::{BadLine, Label, LineProblem};
pub use keys::{KeyError, KeyLogSummary, KeyStore};
pub use reason::{Reason, SecretSource};
pub use reassembly::{Loss, LossCause};
pub use report::{Ending, Outcome, Record, Session, Sink, Traffic};

use premaster::observe::Observer;
use std::{fmt, io, sync::Arc};

/// Names who hears the events of one connection.
pub type ObserveEach<'a> = Box<dyn FnMut(u32) -> Option<Arc<dyn Observer>> + 'a>;

/// How to read a capture.
#[derive(Default)]
#[non_exhaustive]
pub struct Options<'a> {
    /// How much memory it may take.
    pub limits: Limits,
    /// Only the connection with this number is reported and shown; the others are read as well, because it may
    /// resume one of them.
    pub stream: Option<u32>,
    /// Takes every record.
    pub sink: Option<Box<dyn Sink + 'a>>,
    /// Hears the events of every session.
    pub observer: Option<Arc<dyn Observer>>,
    /// Names who hears the events of the connection with this number, in place of `observer`.
    pub observe_each: Option<ObserveEach<'a>>,
    /// Writes a copy of the capture with the secrets inside.
    pub export: Option<Export<'a>>,
}

impl<'a> Options<'a> {
    /// Limits in place of the default ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Only the connection with this number.
    pub fn stream(mut self, stream: u32) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Shows every record to `sink`.
    pub fn sink(mut self, sink: impl Sink + 'a) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// Tells `observer` what a live connection would have told.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Asks `each`, with the number of every connection, who is told what a live one would have told.
    pub fn observe_each(mut self, each: impl FnMut(u32) -> Option<Arc<dyn Observer>> + 'a) -> Self {
        self.observe_each = Some(Box::new(each));
        self
    }

    /// Writes a copy of the capture with the secrets inside.
    pub fn export(mut self, export: Export<'a>) -> Self {
        self.export = Some(export);
        self
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("limits", &self.limits)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// How much memory a capture may take. Beside it at most 256 IP packets wait for their other fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// What waits, in one direction, for a segment that is missing. Default 1 MiB.
    pub reassembly: usize,
    /// What waits, in one direction, for the other. Default 1 MiB.
    pub waiting: usize,
    /// All of that for all connections together. Default 256 MiB.
    pub total: usize,
    /// Connections at a time. Default 65,536.
    pub streams: usize,
    /// Application data that is kept in the report, in each direction. Default nothing: a [`Sink`] sees it all.
    pub plaintext: usize,
    /// Alerts that are kept in the report. Default 16.
    pub alerts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reassembly: 1 << 20,
            waiting: 1 << 20,
            total: 1 << 28,
            streams: 1 << 16,
            plaintext: 0,
            alerts: 16,
        }
    }
}

/// What is wrong with a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureError {
    /// There is nothing in it.
    Empty,
    /// It is neither pcap nor pcapng.
    NotACapture,
    /// It ends in the middle of a block.
    Truncated {
        /// Where that block starts.
        offset: u64,
    },
    /// A block makes no sense.
    Malformed {
        /// Where it starts.
        offset: u64,
    },
    /// A block is longer than any should be.
    TooLong {
        /// Where it starts.
        offset: u64,
    },
    /// It could not be read, or its compression is damaged.
    Read {
        /// How far it was read.
        offset: u64,
    },
    /// The copy could not be written.
    Write {
        /// What the system says.
        kind: io::ErrorKind,
    },
}

impl CaptureError {
    /// Whether the capture is only cut off, and what was read of it is good.
    pub const fn is_incomplete(&self) -> bool {
        matches!(self, Self::Truncated { .. })
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the capture is empty"),
            Self::NotACapture => f.write_str("it is neither pcap nor pcapng"),
            Self::Truncated { offset } => {
                write!(f, "the capture ends in the middle of the block at offset {offset}")
            }
            Self::Malformed { offset } => {
                write!(f, "the block at offset {offset} of the capture is malformed")
            }
            Self::TooLong { offset } => write!(f, "the block at offset {offset} of the capture is too long"),
            Self::Read { offset } => {
                write!(f, "the capture could not be read, or decompressed, from offset {offset} on")
            }
            Self::Write { kind } => write!(f, "the copy could not be written: {kind}"),
        }
    }
}

impl std::error::Error for CaptureError {}
