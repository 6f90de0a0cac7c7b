//! A connection that somebody recorded.
use super::Args;
use crate::{
    exit::ExitCode,
    failure::Failure,
    recorded,
    terminal::{Io, safe},
};
use premaster::observe::{At, Event, Observer};
use premaster_capture::{Capture, Ending, Options, Reason, Session};
use premaster_trace::{Recorder, Reveal, Trace, diagnose::Lost, model::Closed};
use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

/// What names of captures end with.
const ENDINGS: [&str; 3] = ["pcap", "pcapng", "cap"];

/// Whether what was named is a capture and not a server: stdin, a file that is there, or a name that captures have.
pub(super) fn is_capture(name: &str) -> bool {
    let bare = name.strip_suffix(".gz").unwrap_or(name);
    let ends = bare.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
    name == "-" || ends || Path::new(name).is_file()
}

/// Passes on what happens in the first TLS session of a capture, and nothing of the others.
struct First {
    stream: u32,
    chosen: Arc<OnceLock<u32>>,
    recorder: Arc<Recorder>,
}

impl Observer for First {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        if *self.chosen.get_or_init(|| self.stream) == self.stream {
            self.recorder.observe(at, event);
        }
    }
}

/// The trace, and what is wrong with the capture if something is.
pub(super) fn run(
    path: &Path,
    args: &Args,
    reveal: Reveal,
    io: &mut Io,
) -> Result<(Trace, Option<Failure>), Failure> {
    let (mut keys, bad_lines) = args.keys.read(io)?;
    let (source, _) = recorded::open(path, &mut keys)?;
    let recorder = Arc::new(Recorder::of_capture());
    let chosen = Arc::new(OnceLock::new());
    let mut options = Options::default().observe_each(|stream| {
        let (chosen, recorder) = (chosen.clone(), recorder.clone());
        Some(Arc::new(First { stream, chosen, recorder }))
    });
    options.stream = args.stream;
    let mut capture = Capture::read(source, &keys, options).map_err(|error| recorded::damaged(&error))?;
    let mut seen = Seen::default();
    let mut failure =
        bad_lines.then(|| Failure::new(ExitCode::Malformed, "a key log has lines that cannot be read"));
    for next in capture.by_ref() {
        match next {
            Ok(session) => seen.add(session, chosen.get().copied()),
            Err(error) => failure = Some(recorded::damaged(&error)),
        }
    }
    let streams = capture.statistics().streams;
    let Some(session) = seen.explained else {
        return Err(failure.unwrap_or_else(|| seen.nothing(args.stream, streams)));
    };
    // A handshake that failed has nothing that could be opened: what it failed at is told in its own place.
    if let Some(reason) = session.outcome.reason().filter(|reason| !failed(reason)) {
        recorder.stays_closed(closed(reason));
    }
    if let Some(Reason::HandshakeIncomplete { .. }) = session.outcome.reason() {
        recorder.cut_short(session.ended.map(|(by, how)| (by.into(), lost(how))));
    }
    if seen.sessions > 1 {
        io.say(format!(
            "{} TLS sessions are in the capture, and this is stream {}: --stream N shows another",
            seen.sessions, session.stream
        ));
    }
    let title = format!(
        "{}, stream {}: {} to {}",
        safe(&path.display().to_string()),
        session.stream,
        session.client,
        session.server
    );
    Ok((recorder.trace(&title, reveal), failure))
}

const fn lost(how: Ending) -> Lost {
    match how {
        Ending::Closed => Lost::Closed,
        Ending::Reset => Lost::Reset,
    }
}

const fn failed(reason: &Reason) -> bool {
    matches!(reason, Reason::HandshakeFailed { .. })
}

fn closed(reason: &Reason) -> Closed {
    Closed {
        code: reason.code().to_owned(),
        reason: reason.to_string(),
        needed: reason.needed().map(str::to_owned),
    }
}

/// The sessions of the capture.
#[derive(Default)]
struct Seen {
    explained: Option<Session>,
    /// How many of them are TLS.
    sessions: u32,
    /// What the first is that cannot be explained.
    other: Option<(u32, Reason)>,
}

impl Seen {
    fn add(&mut self, session: Session, chosen: Option<u32>) {
        self.sessions += u32::from(session.outcome.is_tls());
        match session.outcome.reason() {
            _ if chosen == Some(session.stream) => self.explained = Some(session),
            Some(reason) if self.other.is_none() => self.other = Some((session.stream, reason.clone())),
            _ => {}
        }
    }

    /// There is nothing to explain.
    fn nothing(self, wanted: Option<u32>, streams: u32) -> Failure {
        match (self.other, wanted) {
            (Some((stream, reason)), _) => {
                let code = if reason.is_incomplete() { ExitCode::Incomplete } else { ExitCode::Malformed };
                let failure =
                    Failure::new(code, format!("there is no handshake to explain in stream {stream}"));
                let failure = failure.why(&reason);
                reason.needed().into_iter().fold(failure, |failure, needed| failure.line("needed", needed))
            }
            (None, Some(wanted)) if wanted >= streams => recorded::no_such_stream(wanted, streams),
            _ => Failure::new(ExitCode::Malformed, "the capture has no TLS session")
                .why(format!("there is nothing in its {streams} TCP connections"))
                .remedy("premaster decrypt FILE lists what there is"),
        }
    }
}
