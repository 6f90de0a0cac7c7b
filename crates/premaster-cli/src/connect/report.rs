//! What was learnt of a connection: a line, a few lines, or a JSON document.
use super::Args;
use crate::{
    exit::ExitCode,
    failure::{self, Failure, lists},
    link::{Broken, Link},
    notes::Taken,
    parameters::{line, summary},
    peer::{self, Peer, Shown},
    target::Target,
    terminal::Io,
};
use premaster::{Connection, Error, Info, observe::Resumed, wire::ProtocolVersion};
use premaster_trace::model::Diagnosis;
use serde::Serialize;
use std::time::Duration;

/// The JSON document. Fields are added, never changed or removed, while `schema_version` stays.
#[derive(Debug, Serialize)]
pub struct Report {
    schema_version: u32,
    /// The host and port that were asked for.
    target: String,
    /// The address that answered.
    pub address: Option<String>,
    /// `ok` or `failed`.
    result: &'static str,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<Handshake>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Peer>,
    /// What the handshake cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Response>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
    /// Why it failed, or did not do all that it was meant to, and what would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// Every connection of the run, the last included.
    attempts: Vec<Attempt>,
    /// What is weak in the last one.
    warnings: Vec<String>,
    /// The certificates that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused_chain: Vec<Shown>,
    #[serde(skip)]
    summary: String,
    #[serde(skip)]
    lines: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Handshake {
    version: String,
    cipher_suite: String,
    /// In hexadecimal.
    cipher_suite_code: String,
    group: Option<String>,
    forward_secret: bool,
    extended_master_secret: bool,
    secure_renegotiation: bool,
    hello_retry: bool,
    resumed: &'static str,
    server_signature: Option<String>,
    client_signature: Option<String>,
    alpn: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    bytes_sent: u64,
    bytes_received: u64,
    milliseconds: f64,
}

/// How one connection of several went.
#[derive(Debug, Serialize)]
struct Attempt {
    /// `full`, `id`, `ticket`, `psk` or `early_data`.
    resumed: &'static str,
    /// Why a session that was at hand did not serve.
    misses: Vec<String>,
    /// Before the client may send, and be sure that the server hears it.
    round_trips: u32,
    #[serde(flatten)]
    cost: Option<Cost>,
}

#[derive(Debug, Serialize)]
struct Response {
    status: Option<u16>,
    bytes: u64,
}

#[derive(Debug, Default, Serialize)]
struct Fault {
    what: String,
    why: Option<String>,
    fault: Option<String>,
    rule: Option<String>,
    alert_sent: Option<String>,
    alert_received: Option<String>,
    this_side: Option<String>,
    peer: Option<String>,
    remedy: Option<String>,
}

impl Report {
    /// Nothing is known yet.
    pub fn new(target: &Target) -> Self {
        Self {
            schema_version: 1,
            target: target.to_string(),
            address: None,
            result: "failed",
            exit_code: 0,
            handshake: None,
            peer: None,
            cost: None,
            response: None,
            error: None,
            diagnosis: None,
            attempts: Vec::new(),
            warnings: Vec::new(),
            refused_chain: Vec::new(),
            summary: String::new(),
            lines: Vec::new(),
        }
    }

    /// What the handshake cost.
    pub fn traffic(&mut self, link: &Link, time: Duration) {
        self.cost = Some(Cost {
            bytes_sent: link.traffic.sent,
            bytes_received: link.traffic.received,
            milliseconds: (time.as_secs_f64() * 1e6).round() / 1e3,
        });
    }

    /// What was negotiated.
    pub fn established(&mut self, connection: &Connection) {
        let Some(info) = connection.info() else { return };
        self.summary = summary(info);
        self.lines = vec![line(info)];
        self.lines.extend(info.peer.as_deref().map(|peer| format!("certificate: {}", peer::line(peer))));
        self.peer = info.peer.as_deref().map(Peer::from);
        self.handshake = Some(Handshake::from(info));
        let (resumed, round_trips) = (info.resumed.name(), round_trips(info));
        self.attempts.push(Attempt { resumed, misses: Vec::new(), round_trips, cost: self.cost });
    }

    /// What an observer noted.
    pub fn notes(&mut self, taken: Taken) {
        self.warnings.extend(taken.warnings);
        self.refused_chain = taken.refused;
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.misses.extend(taken.misses);
        }
    }

    /// What the server answered.
    pub fn response(&mut self, status: Option<u16>, bytes: u64) {
        self.response = Some(Response { status, bytes });
    }

    /// Why the connection broke.
    pub fn broken(&mut self, broken: &Broken, diagnosis: Option<Diagnosis>) {
        self.diagnosis = diagnosis;
        let mut fault = Fault::default();
        if let Broken::Tls(error) = broken {
            fault.fault = Some(failure::fault(error.fault()).into());
            fault.rule = error.rule().map(|rule| rule.to_string());
            fault.alert_sent = error.alert().map(|alert| alert.to_string());
            if let Error::Refused(alert) = error {
                fault.alert_received = Some(alert.to_string());
            }
            if let Error::Incompatible(incompatible) = error
                && let Some((ours, theirs)) = lists(incompatible)
            {
                (fault.this_side, fault.peer) = (Some(ours), Some(theirs));
            }
            fault.remedy = failure::remedy(error);
            fault.why = Some(error.to_string());
        }
        self.error = Some(fault);
    }

    /// How it all ended.
    pub fn close(&mut self, outcome: &Result<ExitCode, Failure>) {
        match outcome {
            Ok(code) => {
                self.exit_code = *code as u8;
                self.result = "ok";
            }
            Err(failure) => {
                self.exit_code = failure.code as u8;
                let line = |wanted: &str| {
                    failure.lines.iter().find(|(label, _)| *label == wanted).map(|(_, text)| text.clone())
                };
                let fault = self.error.get_or_insert_default();
                fault.what = failure.what.clone();
                fault.why = fault.why.take().or_else(|| line("why"));
                fault.remedy = fault.remedy.take().or_else(|| line("try"));
            }
        }
    }

    /// One line about the certificate that was refused, if one was.
    pub fn refused(&self) -> Option<String> {
        let leaf = self.refused_chain.first().filter(|_| self.peer.is_none())?;
        Some(leaf.line())
    }

    /// Tells that the connection stands: where depends on what stdout is for.
    pub fn announce(&self, args: &Args, io: &mut Io) -> Result<(), Failure> {
        match &args.output {
            // The document comes once everything is known.
            output if output.json => {}
            _ if args.sessions.resume.is_some() => io.print(&self.attempt_line())?,
            output if output.brief => io.print(&format!("{}\n", self.summary))?,
            _ => {
                let address = self.address.as_deref().unwrap_or_default();
                io.say(format!("connected to {} ({address})", self.target));
                self.lines.iter().for_each(|line| io.say(format!("  {line}")));
            }
        }
        for warning in &self.warnings {
            io.complain(format!("warning: {}", crate::terminal::safe(warning)));
        }
        // A doubtful peer is told of in any case.
        if let Some(Peer { verified: false, doubt, .. }) = &self.peer {
            let doubt = doubt.as_deref().unwrap_or("the certificate was not believed");
            io.complain(format!("warning: not verified: {}", crate::terminal::safe(doubt)));
        }
        Ok(())
    }
}

impl Report {
    /// A line about the last connection of several, in columns.
    fn attempt_line(&self) -> String {
        let head = match self.attempts.len() {
            1 => "  #  HANDSHAKE   TRIPS  SENT  RECEIVED        MS\n",
            _ => "",
        };
        let Some(Attempt { resumed, misses, round_trips, cost }) = self.attempts.last() else {
            return String::new();
        };
        let Cost { bytes_sent, bytes_received, milliseconds } =
            cost.unwrap_or(Cost { bytes_sent: 0, bytes_received: 0, milliseconds: 0.0 });
        let number = self.attempts.len();
        let misses = match misses.is_empty() {
            true => String::new(),
            false => format!("  ({})", misses.join(", ")),
        };
        format!(
            "{head}{number:>3}  {resumed:<10}  {round_trips:>5}  {bytes_sent:>4}  {bytes_received:>8}  \
             {milliseconds:>8.2}{misses}\n"
        )
    }
}

/// How many round trips pass before the client's data is on its way under keys that the server confirmed.
fn round_trips(info: &Info) -> u32 {
    match (info.version, info.resumed) {
        (_, Resumed::EarlyData) => 0,
        (ProtocolVersion::TLS_1_3, _) => 1 + u32::from(info.hello_retry),
        (_, Resumed::Full) => 2,
        _ => 1,
    }
}

impl From<&Info> for Handshake {
    fn from(info: &Info) -> Self {
        Self {
            version: info.version.to_string(),
            cipher_suite: info.suite.name().into(),
            cipher_suite_code: format!("{:#06x}", info.suite.code.0),
            group: info.group.map(|group| group.to_string()),
            forward_secret: info.forward_secret,
            extended_master_secret: info.extended_master_secret,
            secure_renegotiation: info.secure_renegotiation,
            hello_retry: info.hello_retry,
            resumed: info.resumed.name(),
            server_signature: info.peer_scheme.map(|scheme| scheme.to_string()),
            client_signature: info.own_scheme.map(|scheme| scheme.to_string()),
            alpn: info.alpn.as_deref().map(|name| String::from_utf8_lossy(name).into_owned()),
        }
    }
}
