//! Renderers: pure functions of a trace.
mod layout;
mod schedule;
mod terminal;

pub use layout::Style;
pub use terminal::terminal;
