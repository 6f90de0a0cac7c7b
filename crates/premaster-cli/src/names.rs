//! What the names of cipher suites and groups mean.
use crate::{exit::ExitCode, failure::Failure, terminal::Io};

/// What the help of `suite` begins with.
pub const SUITE_EXAMPLES: &str = "\
Examples:
  premaster suite TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
  premaster suite ECDHE-RSA-AES128-GCM-SHA256
  premaster suite 0xc02f
  premaster suite                      list all";

/// What the help of `group` begins with.
pub const GROUP_EXAMPLES: &str = "\
Examples:
  premaster group X25519MLKEM768
  premaster group 0x001d
  premaster group                      list all";

/// The options of `suite`.
#[derive(Debug, clap::Args)]
pub struct SuiteArgs {
    /// IANA's name, OpenSSL's, or the code point [default: list all]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The options of `group`.
#[derive(Debug, clap::Args)]
pub struct GroupArgs {
    /// The name or the code point [default: list all]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs `suite`.
pub fn suite(_args: SuiteArgs, _io: &mut Io) -> Result<ExitCode, Failure> {
    Err(Failure::usage("not yet"))
}

/// Runs `group`.
pub fn group(_args: GroupArgs, _io: &mut Io) -> Result<ExitCode, Failure> {
    Err(Failure::usage("not yet"))
}
