//! What the sessions said: as text, in hexadecimal, as a summary of HTTP, or to files. Written as it is read.
use super::Format;
use crate::{
    exit::ExitCode,
    failure::Failure,
    terminal::{Io, safe, safe_text},
};
use premaster::wire::{ContentType, Side};
use premaster_capture::{HttpSummary, Record, Session};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

/// Shows records, and what became of them when their session is over.
pub struct Shown(Rc<RefCell<State>>);

struct State {
    format: Format,
    /// Whether one stream was asked for, whose text is wanted then.
    one_stream: bool,
    directory: Option<PathBuf>,
    /// Files that were begun.
    files: HashSet<(u32, Side)>,
    http: HashMap<u32, HttpSummary>,
    failure: Option<Failure>,
}

impl Shown {
    /// Shows in this format.
    pub fn new(format: Format, one_stream: bool, directory: Option<PathBuf>) -> Self {
        let (files, http) = (HashSet::new(), HashMap::new());
        Self(Rc::new(RefCell::new(State { format, one_stream, directory, files, http, failure: None })))
    }

    /// What takes the records.
    pub fn sink(&self) -> impl FnMut(&Record<'_>) + use<> {
        let state = Rc::clone(&self.0);
        move |record| {
            let mut state = state.borrow_mut();
            if state.failure.is_none() {
                state.failure = state.record(record).err();
            }
        }
    }

    /// Whether something could not be written.
    pub fn check(&self) -> Result<(), Failure> {
        match self.0.borrow_mut().failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// The session is over.
    pub fn finish(&self, session: &Session, io: &mut Io) -> Result<(), Failure> {
        let Some(summary) = self.0.borrow_mut().http.remove(&session.stream) else { return Ok(()) };
        for message in summary.messages() {
            let arrow = if message.side == Side::Client { '>' } else { '<' };
            let detail = message.detail.as_deref().unwrap_or("-");
            let line = format!(
                "{} {arrow} {} [{}] {} bytes\n",
                session.stream,
                safe(&message.line),
                safe(detail),
                message.body
            );
            io.print(&line)?;
        }
        Ok(())
    }
}

impl State {
    fn record(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        let Some(plaintext) = record.plaintext else { return Ok(()) };
        if self.format == Format::Hex {
            print(hex_dump(record, plaintext).as_bytes())?;
        }
        if record.content_type != ContentType::APPLICATION_DATA || plaintext.is_empty() {
            return Ok(());
        }
        match self.format {
            Format::Http => self.http.entry(record.stream).or_default().push(record.side, plaintext),
            Format::Text if self.one_stream => {
                let side = record.side.name();
                let text = safe_text(plaintext);
                let end = if text.ends_with('\n') { "" } else { "\n" };
                print(format!("--- {side}, {} bytes\n{text}{end}", plaintext.len()).as_bytes())?;
            }
            _ => {}
        }
        self.extract(record, plaintext)
    }

    fn extract(&mut self, record: &Record<'_>, plaintext: &[u8]) -> Result<(), Failure> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let path = directory.join(format!("stream-{}-{}.bin", record.stream, record.side.name()));
        let failed = |error: io::Error| {
            Failure::new(ExitCode::Usage, format!("cannot write {}", path.display())).why(error)
        };
        let mut file = match self.files.insert((record.stream, record.side)) {
            true => create(directory, &path),
            // Opened anew each time: there may be more streams than a process may have files.
            false => OpenOptions::new().append(true).open(&path),
        }
        .map_err(failed)?;
        file.write_all(plaintext).map_err(failed)
    }
}

fn create(directory: &Path, path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(directory)?;
    File::create(path)
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    io::stdout().lock().write_all(bytes).map_err(|error| Failure::output(&error))
}

/// A line that says what it is, then sixteen bytes a line.
fn hex_dump(record: &Record<'_>, plaintext: &[u8]) -> String {
    let mut out = String::with_capacity(80 + plaintext.len() * 5);
    let seconds = record.time.as_secs();
    let _ = writeln!(
        out,
        "stream {} {} {seconds}.{:09} offset {} {} {} bytes",
        record.stream,
        record.side.name(),
        record.time.subsec_nanos(),
        record.offset,
        record.content_type,
        plaintext.len()
    );
    for (index, line) in plaintext.chunks(16).enumerate() {
        let _ = write!(out, "  {:06x}  ", index * 16);
        for at in 0..16 {
            let _ = match line.get(at) {
                Some(byte) => write!(out, "{byte:02x} "),
                None => write!(out, "   "),
            };
        }
        out.push(' ');
        out.extend(line.iter().map(|&byte| match byte {
            0x20..=0x7e => char::from(byte),
            _ => '.',
        }));
        out.push('\n');
    }
    out
}
