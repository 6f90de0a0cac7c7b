//! The verb `explain`: a handshake, told by the library's events.
mod demo;
mod fixtures;
mod leak;
mod link;
mod live;
mod recorded;
mod tape;

use crate::{
    exit::ExitCode,
    failure::Failure,
    options::{CredentialOptions, PolicyOptions, TimeOptions, TrustOptions},
    recorded::KeyOptions,
    target::Target,
    terminal::Io,
};
use clap::ValueEnum;
use premaster_trace::{Reveal, Trace, render};
use std::{
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
};

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster explain                    both ends, on this machine
  premaster explain example.org        with a server
  premaster explain --tls 1.2 --group secp256r1 --reveal
  premaster explain capture.pcapng --keylog keys.txt --stream 2
  premaster explain --demo ecdhe --format html -o lesson.html
  premaster explain --demo list        the demonstrations";

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server: HOST, HOST:PORT, https://HOST [default: one inside this
    /// process]; or a capture: pcap or pcapng, also compressed with gzip; `-` is stdin
    #[arg(conflicts_with = "demo")]
    pub target: Option<Subject>,
    /// Show this demonstration, the same in every run (`list` names them)
    #[arg(long, value_name = "NAME")]
    pub demo: Option<String>,
    /// Show the values of secrets: whoever sees them can read the connection
    #[arg(long, conflicts_with = "redact")]
    pub reveal: bool,
    /// Leave out who the ends are as well, for sharing
    #[arg(long)]
    pub redact: bool,
    /// Show every byte with its field (terminal only: the other forms always do)
    #[arg(long)]
    pub bytes: bool,
    /// Show only the account of the secrets: when each was made, when it was
    /// erased, and what opens if one leaks (terminal only: the other forms have
    /// it too)
    #[arg(long)]
    pub receipt: bool,
    /// In which form
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub format: Format,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Of a capture, this TCP connection, counted from 0 [default: the first
    /// that is TLS]
    #[arg(long, value_name = "N")]
    pub stream: Option<u32>,
    #[command(flatten)]
    keys: KeyOptions,
    /// After a refusal, do not find out with further ClientHellos what the
    /// server would have taken
    #[arg(long)]
    pub no_probe: bool,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    credential: CredentialOptions,
    #[command(flatten)]
    time: TimeOptions,
}

/// What is explained.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A server.
    Server(Target),
    /// A capture.
    Capture(PathBuf),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match recorded::is_capture(text) {
            true => Ok(Self::Capture(text.into())),
            false => text.parse().map(Self::Server),
        }
    }
}

/// The form of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A story, eighty columns wide.
    #[default]
    Terminal,
    /// A sequence diagram for code hosts.
    Mermaid,
    /// One page that needs nothing else.
    Html,
    /// The trace itself: `trace.v1`.
    Json,
}

impl Args {
    fn what_to_reveal(&self) -> Reveal {
        match (self.reveal, self.redact) {
            (true, _) => Reveal::Secrets,
            (_, true) => Reveal::Redacted,
            _ => Reveal::Nothing,
        }
    }
}

/// Runs it.
pub fn run(args: Args, io: &mut Io) -> Result<ExitCode, Failure> {
    let reveal = args.what_to_reveal();
    if args.demo.as_deref() == Some("list") {
        // The experiments follow the demonstrations, which have a trace.
        io.print(&format!("{}\n{:16} {}\n", demo::list(), leak::EXPERIMENT, leak::TITLE))?;
        return Ok(ExitCode::Ok);
    }
    if args.demo.as_deref() == Some(leak::EXPERIMENT) {
        return experiment(&args, io);
    }
    if !matches!(args.target, Some(Subject::Capture(_))) && (args.stream.is_some() || !args.keys.is_empty()) {
        return Err(Failure::usage("--stream and the keys are for captures")
            .why("a live connection has its own keys")
            .remedy("name a capture: premaster explain FILE.pcapng"));
    }
    if args.receipt && args.format != Format::Terminal {
        return Err(Failure::usage("--receipt is for the terminal's form")
            .why("the other forms have the receipt, beside all else")
            .remedy("leave out --receipt or --format"));
    }
    if args.credential.cert.is_some() && !matches!(args.target, Some(Subject::Server(_))) {
        return Err(Failure::usage("--cert is for a connection to a server")
            .why("there is nobody else to show a certificate to")
            .remedy("name the server: premaster explain HOST --cert FILE --key FILE"));
    }
    let (trace, failure) = match (&args.demo, &args.target) {
        // A demonstration of a failure that fails as it should has done what was asked.
        (Some(name), _) => (demo::run(name, reveal)?, None),
        (None, Some(Subject::Capture(path))) => recorded::run(path, &args, reveal, io)?,
        (None, Some(Subject::Server(target))) => live::run(Some(target), &args, reveal, io)?,
        (None, None) => live::run(None, &args, reveal, io)?,
    };
    write(&trace, &args, io)?;
    match failure {
        None => Ok(ExitCode::Ok),
        Some(failure) => Err(failure),
    }
}

/// A story that has no trace.
fn experiment(args: &Args, io: &mut Io) -> Result<ExitCode, Failure> {
    if args.format != Format::Terminal {
        return Err(Failure::usage(format!(
            "--demo {} is told in the terminal's form only",
            leak::EXPERIMENT
        ))
        .remedy("leave --format out"));
    }
    let text = leak::run()?;
    match &args.output {
        Some(path) if path.as_os_str() != "-" => save(path, &text, false)?,
        _ => io.print(&text)?,
    }
    Ok(ExitCode::Ok)
}

fn write(trace: &Trace, args: &Args, io: &mut Io) -> Result<(), Failure> {
    let colour = io.color_out && args.output.is_none();
    let text = match args.format {
        Format::Terminal => {
            let style = render::Style::plain().coloured(colour).with_bytes(args.bytes);
            render::terminal(trace, &style.with_only_receipt(args.receipt))
        }
        Format::Mermaid => render::mermaid(trace),
        Format::Html => render::html(trace)
            .map_err(|error| Failure::new(ExitCode::Bug, "the page cannot be made").why(error))?,
        Format::Json => render::json(trace)
            .map_err(|error| Failure::new(ExitCode::Bug, "the trace cannot be written").why(error))?,
    };
    match &args.output {
        Some(path) if path.as_os_str() != "-" => save(path, &text, trace.contains_secrets),
        _ => io.print(&text),
    }
}

/// Writes the whole file or nothing: beside it first, then in its place.
fn save(path: &Path, text: &str, secret: bool) -> Result<(), Failure> {
    let failed = |error| {
        Failure::usage(format!("cannot write {}", path.display()))
            .why(error)
            .remedy("check the path and its permissions")
    };
    let mut name = path
        .file_name()
        .map(std::ffi::OsStr::to_os_string)
        .ok_or_else(|| Failure::usage(format!("{} is not the name of a file", path.display())))?;
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    // Secrets are for their owner's eyes.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if secret { 0o600 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = secret;
    let written = options.open(&beside).and_then(|mut file| file.write_all(text.as_bytes()));
    let moved = written.and_then(|()| std::fs::rename(&beside, path));
    if moved.is_err() {
        // What is half-written is worth nothing; that it may not go either is the lesser trouble.
        let _ = std::fs::remove_file(&beside);
    }
    moved.map_err(failed)
}
