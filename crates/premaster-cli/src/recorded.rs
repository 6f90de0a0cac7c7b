//! Captures, and what they are opened with: for the verbs that read them.
use crate::{
    exit::ExitCode,
    failure::Failure,
    terminal::{Io, safe},
};
use premaster_capture::{CaptureError, KeyError, KeyLogSummary, KeyStore, embedded_secrets};
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The longest key log, key or list of pre-shared keys that is read.
const MAX_KEY_FILE: u64 = 1 << 30;

/// What sessions of a capture are opened with.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "What opens a capture")]
pub struct KeyOptions {
    /// A key log (SSLKEYLOGFILE, RFC 9850) of one of the ends
    #[arg(long, value_name = "FILE")]
    keylog: Vec<PathBuf>,
    /// The private key of a server, PEM or DER: opens what was encrypted to it, or agreed on with it for good (static RSA, DH, ECDH)
    #[arg(long, value_name = "FILE")]
    rsa_key: Vec<PathBuf>,
    /// Pre-shared keys: one a line in hexadecimal, alone or as IDENTITY:HEX
    #[arg(long, value_name = "FILE")]
    psk: Vec<PathBuf>,
    /// The keys of a server's tickets, as `premaster serve --ticket-keys` keeps them: opens what rests on a ticket
    #[arg(long, value_name = "FILE")]
    ticket_keys: Vec<PathBuf>,
}

impl KeyOptions {
    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.keylog.is_empty()
            && self.rsa_key.is_empty()
            && self.psk.is_empty()
            && self.ticket_keys.is_empty()
    }

    /// Reads everything that sessions can be opened with. True if a key log has lines that cannot be read.
    pub fn read(&self, io: &mut Io) -> Result<(KeyStore, bool), Failure> {
        let mut keys = KeyStore::new();
        let mut bad_lines = false;
        for path in &self.keylog {
            let KeyLogSummary { bad_lines: bad, bad_line_count, .. } = keys.add_key_log(&read(path)?);
            for line in &bad {
                io.complain(format!("warning: {}, {line}", safe(&path.display().to_string())));
            }
            if bad_line_count > bad.len() {
                io.complain(format!("warning: {} more such lines", bad_line_count - bad.len()));
            }
            bad_lines |= bad_line_count > 0;
        }
        for path in &self.rsa_key {
            keys.add_private_keys(&read(path)?).map_err(|error| bad_key(path, &error))?;
        }
        for path in &self.psk {
            keys.add_psks(&read(path)?).map_err(|error| bad_key(path, &error))?;
        }
        for path in &self.ticket_keys {
            keys.add_ticket_keys(&read(path)?).map_err(|error| bad_key(path, &error))?;
        }
        Ok((keys, bad_lines))
    }
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

/// The capture, and its size if it is a file. The secrets inside a file are read first: they may stand behind the
/// packets that they open. What is wrong with the file is told when it is read again.
pub fn open(path: &Path, keys: &mut KeyStore) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    let (source, size) = source(path)?;
    if size.is_some() {
        let _ = embedded_secrets(self::source(path)?.0, keys);
    }
    Ok((source, size))
}

fn source(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| Failure::unreadable(path, &error))?;
    let size = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::with_capacity(1 << 16, file)), size))
}

/// A TCP connection was asked for that is not there.
pub fn no_such_stream(wanted: u32, streams: u32) -> Failure {
    let connections = if streams == 1 { "connection" } else { "connections" };
    Failure::usage(format!("the capture has no stream {wanted}"))
        .why(format!("it has {streams} TCP {connections}, counted from 0"))
        .remedy("premaster decrypt FILE, without --stream, lists them")
}

/// What is wrong with a capture.
pub fn damaged(error: &CaptureError) -> Failure {
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
