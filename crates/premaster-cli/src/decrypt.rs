//! The verb `decrypt`: what recorded sessions said, or why nobody can tell.
mod report;
mod show;

use crate::{
    exit::ExitCode,
    failure::Failure,
    recorded::{self, KeyOptions},
    terminal::Io,
};
use indicatif::{ProgressBar, ProgressStyle};
use premaster_capture::{Capture, Export, Options, Outcome, Reason, Session};
use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal},
    path::{Path, PathBuf},
};

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster decrypt capture.pcapng --keylog keys.txt
  premaster decrypt capture.pcap --rsa-key server.key     static RSA only: all else is forward secret
  premaster decrypt capture.pcap --ticket-keys tickets    what a TLS 1.2 ticket holds
  premaster decrypt capture.pcapng --keylog keys.txt --stream 2 --format http
  tcpdump -s 0 -w - tcp port 443 | premaster decrypt - --keylog keys.txt
  premaster decrypt capture.pcap --keylog keys.txt --write-pcapng open.pcapng";

/// How much plaintext of one stream, in each direction, goes into a JSON report.
const MAX_JSON_PLAINTEXT: usize = 1 << 20;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table of the sessions; with --stream, what that one said.
    #[default]
    Text,
    /// The same as a JSON document.
    Json,
    /// The plaintext of every record, in hexadecimal.
    Hex,
    /// A line for each HTTP/1 request and response.
    Http,
}

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The capture: pcap or pcapng, also compressed with gzip; `-` is stdin
    file: PathBuf,
    #[command(flatten)]
    keys: KeyOptions,
    /// Only this TCP connection, counted from 0
    #[arg(long, value_name = "N")]
    stream: Option<u32>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write what each end said to files in this directory
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,
    /// Write the capture again, with the secrets inside: Wireshark opens it decrypted
    #[arg(long, value_name = "FILE")]
    write_pcapng: Option<PathBuf>,
    /// End with code 1 if a TLS session, or a part of one, stays closed
    #[arg(long)]
    strict: bool,
}

/// Runs it.
pub fn run(args: Args, io: &mut Io) -> Result<ExitCode, Failure> {
    let format = if args.json { Format::Json } else { args.format };
    let (mut keys, bad_lines) = args.keys.read(io)?;
    let (source, size) = recorded::open(&args.file, &mut keys)?;
    let bar = progress(size, io);
    let shared = show::Shown::new(format, args.stream.is_some(), args.extract.clone());
    let mut options = Options::default().sink(shared.sink());
    options.stream = args.stream;
    if format == Format::Json && args.stream.is_some() {
        options.limits.plaintext = MAX_JSON_PLAINTEXT;
    }
    if let Some(path) = &args.write_pcapng {
        options = options.export(Export::new(create(path, &args.file)?));
    }
    let mut capture =
        Capture::read(bar.wrap_read(source), &keys, options).map_err(|error| recorded::damaged(&error))?;
    let mut report = report::Report::new(format, io.color_out);
    let mut problem = None;
    for next in capture.by_ref() {
        match next {
            Ok(session) => bar.suspend(|| {
                shared.finish(&session, io)?;
                report.session(session, io)
            })?,
            Err(error) => problem = Some(error),
        }
        shared.check()?;
    }
    bar.finish_and_clear();
    report.end(capture.statistics(), problem.as_ref(), io)?;
    for line in &capture.statistics().embedded.bad_lines {
        io.complain(format!("warning: secrets inside the capture, {line}"));
    }
    let streams = capture.statistics().streams;
    if let Some(wanted) = args.stream.filter(|&wanted| wanted >= streams && problem.is_none()) {
        return Err(recorded::no_such_stream(wanted, streams));
    }
    match problem {
        Some(error) => Err(recorded::damaged(&error)),
        None if bad_lines => Ok(ExitCode::Malformed),
        None if args.strict && report.closed > 0 => Ok(ExitCode::Finding),
        None => Ok(ExitCode::Ok),
    }
}

/// Whether it counts as not opened: a failed handshake has nothing to open.
fn stays_closed(session: &Session) -> bool {
    match &session.outcome {
        Outcome::Decrypted => false,
        Outcome::Partly(_) => true,
        Outcome::Closed(reason) => !matches!(reason, Reason::NotTls { .. } | Reason::HandshakeFailed { .. }),
    }
}

/// The copy. It must not be the capture itself, which would be empty before it is read.
fn create(path: &Path, capture: &Path) -> Result<BufWriter<File>, Failure> {
    if let (Ok(one), Ok(other)) = (path.canonicalize(), capture.canonicalize())
        && one == other
    {
        return Err(
            Failure::usage("the copy would overwrite the capture").remedy("give --write-pcapng another file")
        );
    }
    let failed = |error: io::Error| Failure::usage(format!("cannot write {}", path.display())).why(error);
    File::create(path).map(BufWriter::new).map_err(failed)
}

/// A bar on a terminal, for a file that takes its time.
fn progress(size: Option<u64>, io: &Io) -> ProgressBar {
    match size {
        Some(size) if !io.quiet && io::stderr().is_terminal() && size > 1 << 24 => {
            let style = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(size).with_style(style)
        }
        _ => ProgressBar::hidden(),
    }
}
