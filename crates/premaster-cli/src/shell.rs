//! What a shell and `man` want to know of the command line.
use crate::{cli::Cli, exit::ExitCode, failure::Failure, terminal::Io};
use clap::CommandFactory;

/// What the help of `completions` begins with.
pub const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  premaster completions bash > ~/.local/share/bash-completion/completions/premaster
  premaster completions zsh > ~/.zfunc/_premaster
  premaster completions fish > ~/.config/fish/completions/premaster.fish";

/// What the help of `man` begins with.
pub const MAN_EXAMPLES: &str = "\
Examples:
  premaster man | man -l -
  premaster man connect | man -l -
  premaster man > /usr/local/share/man/man1/premaster.1";

/// The options of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// The options of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The verb whose page is wanted [default: the page of the whole command]
    pub verb: Option<String>,
}

/// Prints completions.
pub fn completions(args: CompletionsArgs, io: &mut Io) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "premaster", &mut script);
    io.write(&script)?;
    Ok(ExitCode::Ok)
}

/// Prints a manual page.
pub fn man(args: ManArgs, io: &mut Io) -> Result<ExitCode, Failure> {
    let mut command = Cli::command();
    command.build();
    let command = match &args.verb {
        None => command,
        Some(verb) => command.find_subcommand(verb).cloned().ok_or_else(|| {
            Failure::usage(format!("there is no verb {verb}")).remedy("see them all: premaster --help")
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| Failure::output(&error))?;
    io.write(&page)?;
    Ok(ExitCode::Ok)
}
