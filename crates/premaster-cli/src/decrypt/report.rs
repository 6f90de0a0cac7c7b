//! A line for each session, or a document of all.
use super::{Format, stays_closed};
use crate::{
    failure::Failure,
    terminal::{Io, safe, safe_bytes},
};
use premaster_capture::{CaptureError, Outcome, Session, Statistics, Traffic};
use premaster_trace::render::hang;
use serde::Serialize;

/// Reports sessions as they end.
pub struct Report {
    format: Format,
    color: bool,
    heading_is_due: bool,
    /// TLS sessions of which something stays closed.
    pub closed: u64,
    not_tls: u64,
}

impl Report {
    /// Reports in this format.
    pub const fn new(format: Format, color: bool) -> Self {
        Self { format, color, heading_is_due: true, closed: 0, not_tls: 0 }
    }

    /// A session is over.
    pub fn session(&mut self, session: Session, io: &mut Io) -> Result<(), Failure> {
        self.closed += u64::from(stays_closed(&session));
        self.not_tls += u64::from(!session.outcome.is_tls());
        match self.format {
            Format::Json => {
                let before = match std::mem::take(&mut self.heading_is_due) {
                    true => DOCUMENT,
                    false => ",",
                };
                io.print(&format!("{before}\n    {}", indented(&Row::new(&session), 4)?))
            }
            Format::Text if session.outcome.is_tls() => {
                let heading = std::mem::take(&mut self.heading_is_due).then(heading).unwrap_or_default();
                io.print(&(heading + &lines(&session, self.color)))
            }
            Format::Hex | Format::Http if session.outcome.is_tls() => {
                io.say(lines(&session, false).trim_end());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The capture is over.
    pub fn end(
        &mut self,
        statistics: &Statistics,
        problem: Option<&CaptureError>,
        io: &mut Io,
    ) -> Result<(), Failure> {
        if self.format == Format::Json {
            let before = if self.heading_is_due { DOCUMENT } else { "\n  " };
            let capture = indented(&CaptureRow::new(statistics), 2)?;
            let problem = match problem {
                Some(problem) => format!(",\n  \"problem\": {}", indented(&problem.to_string(), 2)?),
                None => String::new(),
            };
            return io.print(&format!("{before}],\n  \"capture\": {capture}{problem}\n}}\n"));
        }
        let incomplete = statistics.fragments.saturating_sub(statistics.fragments_joined);
        let talk = [
            (self.not_tls, "TCP connections are not TLS"),
            (incomplete, "packets are IP fragments, of which others are missing"),
            (statistics.malformed, "packets have headers that make no sense"),
            (statistics.unknown_link, "packets have a link layer that is not known"),
            (statistics.given_up, "connections were given up for lack of memory"),
        ];
        for (count, text) in talk.into_iter().filter(|(count, _)| *count > 0) {
            io.say(format!("{count} {text}"));
        }
        if statistics.streams == 0 && problem.is_none() {
            io.say(format!("no TCP connection in {} packets", statistics.packets));
        }
        Ok(())
    }
}

/// How the document begins. It is written session by session: a long capture has too many to keep them.
const DOCUMENT: &str = "{\n  \"schema_version\": 1,\n  \"sessions\": [";

/// A part of the document, of which all lines but the first are indented.
fn indented(part: &impl Serialize, by: usize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(part).map_err(|error| Failure::output(&error.into()))?;
    Ok(text.replace('\n', &format!("\n{:by$}", "")))
}

/// As wide as a terminal is at least.
const WIDTH: usize = 80;

/// Where the second line of a session begins.
const INDENT: &str = "        ";

fn heading() -> String {
    row("STREAM", "VERSION", "KEY EXCHANGE", "SERVER")
}

fn row(stream: &str, version: &str, exchange: &str, server: &str) -> String {
    let label = format!("{stream:<7} {version:<8} {exchange:<27} ");
    let mut text = String::new();
    hang(&mut text, &label, &label, server, WIDTH);
    text
}

/// Two lines or more: whose it is, and what became of it.
fn lines(session: &Session, color: bool) -> String {
    let version = session.version.map_or_else(|| "-".to_owned(), |version| version.to_string());
    let mut exchange = session.key_exchange();
    if let Some(resumed) = session.resumed.filter(|resumed| resumed.is_resumed()) {
        exchange = format!("{exchange} ({resumed})");
    }
    let server = match &session.server_name {
        Some(name) => format!("{}, {}", safe(name), session.server),
        None => session.server.to_string(),
    };
    let mut text = row(&session.stream.to_string(), &version, &exchange, &server);
    let (sign, on) = match session.outcome {
        Outcome::Decrypted => ('✓', "\u{1b}[32m"),
        Outcome::Partly(_) => ('!', "\u{1b}[33m"),
        Outcome::Closed(_) => ('✗', "\u{1b}[31m"),
    };
    let [client, server] = [&session.records.client, &session.records.server];
    let counted = format!("{} records, {}", client.opened + server.opened, size(client.data + server.data));
    let reason = session.outcome.reason();
    let result = match (reason, &session.outcome) {
        (None, _) => format!("decrypted: {counted}"),
        (Some(reason), Outcome::Partly(_)) => format!("in part: {counted}; {reason}"),
        (Some(reason), _) => reason.to_string(),
    };
    let label = format!("{INDENT}{sign} ");
    let painted = if color { format!("{INDENT}{on}{sign}\u{1b}[0m ") } else { label.clone() };
    hang(&mut text, &label, &painted, &safe(&result), WIDTH);
    if let Some(needed) = reason.and_then(premaster_capture::Reason::needed) {
        let label = format!("{INDENT}  needed: ");
        hang(&mut text, &label, &label, needed, WIDTH);
    }
    text
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[derive(Serialize)]
struct CaptureRow {
    packets: u64,
    streams: u32,
    not_tcp: u64,
    fragments: u64,
    fragments_joined: u64,
    malformed: u64,
    unknown_link: u64,
    given_up: u64,
    embedded_secrets: usize,
}

impl CaptureRow {
    const fn new(statistics: &Statistics) -> Self {
        Self {
            packets: statistics.packets,
            streams: statistics.streams,
            not_tcp: statistics.not_tcp,
            fragments: statistics.fragments,
            fragments_joined: statistics.fragments_joined,
            malformed: statistics.malformed,
            unknown_link: statistics.unknown_link,
            given_up: statistics.given_up,
            embedded_secrets: statistics.embedded.secrets,
        }
    }
}

/// A session, as JSON has it.
#[derive(Serialize)]
struct Row {
    stream: u32,
    client: String,
    server: String,
    start: f64,
    end: f64,
    client_random: Option<String>,
    server_name: Option<String>,
    alpn: Option<String>,
    version: Option<String>,
    cipher_suite: Option<&'static str>,
    key_exchange: String,
    group: Option<String>,
    resumed: Option<&'static str>,
    psk: bool,
    hello_retry: bool,
    extended_master_secret: bool,
    certificate: Option<String>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonRow>,
    secret_from: Option<&'static str>,
    records: PerSide<TrafficRow>,
    key_updates: PerSide<u32>,
    alerts: Vec<AlertRow>,
    losses: Vec<LossRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<PerSide<String>>,
}

#[derive(Serialize)]
struct ReasonRow {
    code: &'static str,
    text: String,
    needed: Option<&'static str>,
}

#[derive(Serialize)]
struct PerSide<T> {
    client: T,
    server: T,
}

#[derive(Serialize)]
struct TrafficRow {
    records: u64,
    protected: u64,
    opened: u64,
    data: u64,
}

impl From<Traffic> for TrafficRow {
    fn from(traffic: Traffic) -> Self {
        let Traffic { records, protected, opened, data, .. } = traffic;
        Self { records, protected, opened, data }
    }
}

#[derive(Serialize)]
struct AlertRow {
    by: &'static str,
    level: String,
    description: String,
}

#[derive(Serialize)]
struct LossRow {
    side: &'static str,
    offset: u64,
    len: u64,
}

impl Row {
    fn new(session: &Session) -> Self {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let reason = session.outcome.reason().map(|reason| ReasonRow {
            code: reason.code(),
            text: reason.to_string(),
            needed: reason.needed(),
        });
        let plaintext = &session.plaintext;
        let has_plaintext = !plaintext.client.is_empty() || !plaintext.server.is_empty();
        Self {
            stream: session.stream,
            client: session.client.to_string(),
            server: session.server.to_string(),
            start: session.time.0.as_secs_f64(),
            end: session.time.1.as_secs_f64(),
            client_random: session.client_random.as_ref().map(|random| hex(random)),
            server_name: session.server_name.clone(),
            alpn: session.alpn.as_deref().map(safe_bytes),
            version: session.version.map(|version| version.to_string()),
            cipher_suite: session.suite.map(|suite| suite.name()),
            key_exchange: session.key_exchange(),
            group: session.group.map(|group| group.to_string()),
            resumed: session.resumed.map(|resumed| resumed.name()),
            psk: session.psk,
            hello_retry: session.hello_retry,
            extended_master_secret: session.extended_master_secret,
            certificate: session.certificate.clone(),
            result: match session.outcome {
                Outcome::Decrypted => "decrypted",
                Outcome::Partly(_) => "partly",
                Outcome::Closed(_) => "closed",
            },
            reason,
            secret_from: session.source.map(|source| source.name()),
            records: PerSide { client: session.records.client.into(), server: session.records.server.into() },
            key_updates: PerSide { client: session.key_updates.client, server: session.key_updates.server },
            alerts: session
                .alerts
                .iter()
                .map(|&(by, level, description)| AlertRow {
                    by: by.name(),
                    level: level.to_string(),
                    description: description.to_string(),
                })
                .collect(),
            losses: session
                .losses
                .iter()
                .map(|(side, loss)| LossRow { side: side.name(), offset: loss.offset, len: loss.len })
                .collect(),
            plaintext: has_plaintext
                .then(|| PerSide { client: hex(&plaintext.client), server: hex(&plaintext.server) }),
        }
    }
}
