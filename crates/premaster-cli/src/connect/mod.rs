//! The verb `connect`.
use crate::{exit::ExitCode, failure::Failure, terminal::Io};

/// What the help begins with.
pub const EXAMPLES: &str = "Examples:\n  premaster connect --help";

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub fn run(_args: Args, _io: &mut Io) -> Result<ExitCode, Failure> {
    Err(Failure::usage("not yet"))
}
