//! Why a handshake failed, and what would mend it: asks the trace, and the server once more if that tells more.
use crate::{failure::Failure, link::Broken, target::Target};
use premaster::crypto::random::{Random, SystemRandom};
use premaster_trace::{
    Recorder,
    diagnose::{Answer, Circumstances, Lost, Offer, Probed, quoted},
    model::{Diagnosis, Side},
};
use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

/// How long a server has for the answer to a further ClientHello.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much of an answer is read: more than the library looks at.
const MOST: usize = 1 << 17;

/// How many names of a list are told to people; programs get all.
const MOST_NAMES: usize = 6;

/// How a broken link ended, if that was the transport's doing.
pub fn lost(broken: &Broken) -> Option<Lost> {
    match broken {
        Broken::Tls(_) => None,
        Broken::Socket(error) => lost_with(error.kind()),
        Broken::Closed(_) => Some(Lost::Closed),
        Broken::Silent(_) => Some(Lost::Silent),
    }
}

/// The same for an error of the system's.
pub fn lost_with(kind: ErrorKind) -> Option<Lost> {
    match kind {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Some(Lost::Reset)
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Some(Lost::Silent),
        ErrorKind::UnexpectedEof => Some(Lost::Closed),
        _ => None,
    }
}

/// Why this client's handshake failed. With a `target`, further ClientHellos are sent there where that tells more.
pub fn of_client(recorder: &Recorder, target: Option<&Target>, lost: Option<Lost>) -> Option<Diagnosis> {
    let mut circumstances = Circumstances::default();
    circumstances.client_command = Some(own_command());
    circumstances.lost = lost.map(|lost| (Side::Client, lost));
    recorder.circumstances(circumstances.clone());
    if let Some(target) = target {
        circumstances.probed = probe(target, recorder.offers());
        recorder.circumstances(circumstances);
    }
    recorder.diagnosis()
}

/// Why this server's handshake failed.
pub fn of_server(recorder: &Recorder, lost: Option<Lost>) -> Option<Diagnosis> {
    let mut circumstances = Circumstances::default();
    circumstances.server_command = Some(own_command());
    circumstances.lost = lost.map(|lost| (Side::Server, lost));
    recorder.circumstances(circumstances);
    recorder.diagnosis()
}

/// Sends ClientHellos until one is answered with a hello.
fn probe(target: &Target, offers: Vec<Offer>) -> Vec<Probed> {
    let mut probed = Vec::new();
    for offer in offers {
        // A server that cannot be reached any more has nothing to add.
        let Some(answer) = ask(target, &offer) else { break };
        let chosen = matches!(answer, Answer::Chosen(_));
        probed.push(Probed { offer, answer });
        if chosen {
            break;
        }
    }
    probed
}

fn ask(target: &Target, offer: &Offer) -> Option<Answer> {
    let mut random = [0; 32];
    SystemRandom.fill(&mut random).ok()?;
    let mut socket = target.connect(PATIENCE).ok()?;
    let end = Instant::now() + PATIENCE;
    if socket.write_all(&offer.record(&random)).is_err() {
        return Some(Answer::Nothing);
    }
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    while heard.len() < MOST {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => heard.extend_from_slice(piece.get(..read)?),
        }
        if let Some(answer) = Answer::read(&heard) {
            return Some(answer);
        }
    }
    Some(Answer::Nothing)
}

/// The command line that this is, for a shell: what mends a failure is appended to it.
fn own_command() -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    std::iter::once("premaster".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// The verdict in lines, each with its label.
pub fn lines(diagnosis: &Diagnosis) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let verdict = if diagnosis.certain { "verdict" } else { "likely" };
    lines.push((verdict, diagnosis.what.clone()));
    lines.push(("whose turn", diagnosis.side.text().to_owned()));
    lines.push(("field", diagnosis.field.clone()));
    for (label, names) in [("client", &diagnosis.client), ("server", &diagnosis.server)] {
        if !names.is_empty() {
            lines.push((label, shortened(names)));
        }
    }
    lines.push(("rule", diagnosis.rfc.clone()));
    for change in &diagnosis.changes {
        let what = format!("{}: {}", change.side.name(), change.what);
        lines.push(("try", what));
        lines.extend(change.line.clone().map(|line| ("", format!("$ {line}"))));
    }
    lines
}

fn shortened(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

impl Failure {
    /// With the verdict in place of what the error alone could say.
    pub fn diagnosed(mut self, diagnosis: Option<&Diagnosis>) -> Self {
        if let Some(diagnosis) = diagnosis {
            self.lines.retain(|(label, _)| ["why", "alert sent", "certificate"].contains(label));
            self.lines.extend(lines(diagnosis));
        }
        self
    }
}
