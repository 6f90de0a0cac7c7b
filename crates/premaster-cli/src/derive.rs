//! The verb `derive`.
use crate::{exit::ExitCode, failure::Failure, terminal::Io};

/// What the help begins with.
pub const EXAMPLES: &str = "Examples:\n  premaster derive --help";

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub fn run(_args: Args, _io: &mut Io) -> Result<ExitCode, Failure> {
    Err(Failure::usage("the verb derive is not part of this build"))
}
