//! The command line: the verbs, and the frame of every help.
use crate::{connect, decrypt, derive, exit, explain, names, serve, shell, terminal::Color};
use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  premaster explain                    watch a handshake, step by step
  premaster connect example.org        speak TLS from the terminal
  premaster serve --www                serve a page over TLS on localhost";

/// Speak TLS 1.2 and 1.3, and see every key of it.
#[derive(Debug, Parser)]
#[command(
    name = "premaster",
    version,
    about,
    term_width = 80,
    before_long_help = EXAMPLES,
    after_long_help = exit::TABLE,
    arg_required_else_help = false,
    propagate_version = true,
    subcommand_required = true,
)]
pub struct Cli {
    /// When to use colour
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub color: Color,
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show a handshake step by step: what is sent, chosen and derived
    #[command(before_long_help = explain::EXAMPLES, after_long_help = exit::TABLE)]
    Explain(explain::Args),
    /// Connect to a server: stdin goes there, its answer comes to stdout
    #[command(before_long_help = connect::EXAMPLES, after_long_help = exit::TABLE)]
    Connect(connect::Args),
    /// Serve TLS: a page, files, an echo
    #[command(before_long_help = serve::EXAMPLES, after_long_help = exit::TABLE)]
    Serve(serve::Args),
    /// Compute a key schedule by hand
    #[command(before_long_help = derive::EXAMPLES, after_long_help = exit::TABLE)]
    Derive(derive::Args),
    /// Decrypt a capture
    #[command(before_long_help = decrypt::EXAMPLES, after_long_help = exit::TABLE)]
    Decrypt(decrypt::Args),
    /// Explain a cipher suite's name, or list all
    #[command(before_long_help = names::SUITE_EXAMPLES, after_long_help = exit::TABLE)]
    Suite(names::SuiteArgs),
    /// Explain a key exchange group, or list all
    #[command(before_long_help = names::GROUP_EXAMPLES, after_long_help = exit::TABLE)]
    Group(names::GroupArgs),
    /// Print completions for a shell
    #[command(before_long_help = shell::COMPLETIONS_EXAMPLES, after_long_help = exit::TABLE)]
    Completions(shell::CompletionsArgs),
    /// Print the manual page
    #[command(before_long_help = shell::MAN_EXAMPLES, after_long_help = exit::TABLE)]
    Man(shell::ManArgs),
}
