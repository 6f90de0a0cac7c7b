//! The verb `decrypt`: what recorded sessions said, or why nobody can tell.
mod report;
mod show;

use crate::{
    exit::ExitCode,
    failure::Failure,
    terminal::{Io, safe},
};
use indicatif::{ProgressBar, ProgressStyle};
use premaster_capture::{
    Capture, CaptureError, Export, KeyError, KeyLogSummary, KeyStore, Options, Outcome, Reason, Session,
    embedded_secrets,
};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, IsTerminal, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster decrypt capture.pcapng --keylog keys.txt
  premaster decrypt capture.pcap --rsa-key server.key     static RSA only: all else is forward secret
  premaster decrypt capture.pcapng --keylog keys.txt --stream 2 --format http
  tcpdump -s 0 -w - tcp port 443 | premaster decrypt - --keylog keys.txt
  premaster decrypt capture.pcap --keylog keys.txt --write-pcapng open.pcapng";

/// The longest key log, key or list of pre-shared keys that is read.
const MAX_KEY_FILE: u64 = 1 << 30;

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
    /// A key log (SSLKEYLOGFILE, RFC 9850) of one of the ends
    #[arg(long, value_name = "FILE")]
    keylog: Vec<PathBuf>,
    /// The private key of a server, PEM or DER: opens what was encrypted to it, or agreed on with it for good (static RSA, DH, ECDH)
    #[arg(long, value_name = "FILE", visible_alias = "key")]
    rsa_key: Vec<PathBuf>,
    /// Pre-shared keys: one a line in hexadecimal, alone or as IDENTITY:HEX
    #[arg(long, value_name = "FILE")]
    psk: Vec<PathBuf>,
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
    let mut keys = KeyStore::new();
    let bad_lines = read_keys(&args, &mut keys, io)?;
    let (source, size) = open(&args.file)?;
    if size.is_some() {
        // The secrets of a capture may stand behind the packets that they open. What is wrong with it is told later.
        let _ = embedded_secrets(open(&args.file)?.0, &mut keys);
    }
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
        Capture::read(bar.wrap_read(source), &keys, options).map_err(|error| damaged(&error))?;
    let mut report = report::Report::new(format, io.color_out);
    let mut problem = None;
    while let Some(next) = capture.next() {
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
    match problem {
        Some(error) => Err(damaged(&error)),
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

/// Reads everything that sessions can be opened with. True if a key log has lines that cannot be read.
fn read_keys(args: &Args, keys: &mut KeyStore, io: &mut Io) -> Result<bool, Failure> {
    let mut bad_lines = false;
    for path in &args.keylog {
        let KeyLogSummary { bad_lines: bad, bad_line_count, .. } = keys.add_key_log(&read(path)?);
        for line in &bad {
            io.complain(format!("warning: {}, {line}", safe(&path.display().to_string())));
        }
        if bad_line_count > bad.len() {
            io.complain(format!("warning: {} more such lines", bad_line_count - bad.len()));
        }
        bad_lines |= bad_line_count > 0;
    }
    for path in &args.rsa_key {
        keys.add_private_keys(&read(path)?).map_err(|error| bad_key(path, &error))?;
    }
    for path in &args.psk {
        keys.add_psks(&read(path)?).map_err(|error| bad_key(path, &error))?;
    }
    Ok(bad_lines)
}

fn bad_key(path: &Path, error: &KeyError) -> Failure {
    Failure::new(ExitCode::Malformed, format!("cannot use {}", path.display())).why(error)
}

/// Reads a file of secrets.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unreadable = |error| Failure::unreadable(path, &error);
    let file = File::open(path).map_err(unreadable)?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let size = file.metadata().map_or(0, |metadata| metadata.len()).min(MAX_KEY_FILE);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize + 1));
    file.take(MAX_KEY_FILE).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The capture, and its size if it is a file.
fn open(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| Failure::unreadable(path, &error))?;
    let size = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::with_capacity(1 << 16, file)), size))
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

fn damaged(error: &CaptureError) -> Failure {
    let code = match error {
        CaptureError::Truncated { .. } => ExitCode::Incomplete,
        CaptureError::Write { .. } => ExitCode::Usage,
        _ => ExitCode::Malformed,
    };
    let failure = Failure::new(code, error.to_string());
    match error {
        CaptureError::Truncated { .. } => {
            failure.remedy("stop the capture with an interrupt, so that it is written out")
        }
        CaptureError::NotACapture => failure.remedy("tcpdump -s 0 -w FILE, dumpcap -w FILE"),
        _ => failure,
    }
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
