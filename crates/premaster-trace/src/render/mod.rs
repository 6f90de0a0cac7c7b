//! Renderers: pure functions of a trace.
mod html;
mod layout;
mod mermaid;
mod receipt;
mod schedule;
mod terminal;

pub use html::html;
pub use layout::{Style, hang};
pub use mermaid::mermaid;
pub use terminal::terminal;

use crate::model::Trace;

/// The trace itself, as JSON: `trace.v1`.
///
/// # Errors
/// None that is known: it has no maps with keys that are not strings.
pub fn json(trace: &Trace) -> serde_json::Result<String> {
    serde_json::to_string_pretty(trace).map(|text| text + "\n")
}

/// The JSON Schema of a trace.
///
/// # Errors
/// None that is known.
pub fn json_schema() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&schemars::schema_for!(Trace)).map(|text| text + "\n")
}
