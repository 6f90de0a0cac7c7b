//! The command `premaster`: speak TLS, and see every key of it.
#![forbid(unsafe_code)]
#![allow(unreachable_pub, reason = "a command has no outside: `pub` says what a module offers to the others")]

mod authority;
mod cli;
mod connect;
mod decrypt;
mod derive;
mod diagnosis;
mod exit;
mod explain;
mod failure;
mod link;
mod names;
mod notes;
mod options;
mod parameters;
mod peer;
mod recorded;
mod serve;
mod shell;
mod target;
mod terminal;

use clap::Parser;
use cli::{Cli, Verb};
use exit::ExitCode;
use failure::Failure;
use std::panic::{self, AssertUnwindSafe};
use terminal::Io;

fn main() -> std::process::ExitCode {
    panic::set_hook(Box::new(|bug| {
        use std::io::Write;
        // Without `eprintln!`, which would panic in turn if nobody listens.
        let _ = writeln!(std::io::stderr(), "bug: {bug}\n  try: report this, with the command line");
    }));
    let code = panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(ExitCode::Bug);
    code.into()
}

fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results and go to stdout; the rest goes to stderr.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Ok };
        }
    };
    let mut io = Io::new(cli.color, cli.quiet);
    match dispatch(cli.verb, &mut io) {
        Ok(code) => code,
        Err(failure) => {
            if !failure.what.is_empty() {
                io.fail(&failure);
            }
            failure.code
        }
    }
}

fn dispatch(verb: Verb, io: &mut Io) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Explain(args) => explain::run(args, io),
        Verb::Connect(args) => connect::run(args, io),
        Verb::Serve(args) => serve::run(args, io),
        Verb::Derive(args) => derive::run(args, io),
        Verb::Decrypt(args) => decrypt::run(args, io),
        Verb::Suite(args) => names::suite(args, io),
        Verb::Group(args) => names::group(args, io),
        Verb::Completions(args) => shell::completions(args, io),
        Verb::Man(args) => shell::man(args, io),
    }
}
