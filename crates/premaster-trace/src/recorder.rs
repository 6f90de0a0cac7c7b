//! Listens to one connection, and keeps what it hears.
use crate::{
    build::{self, Logs, Reveal, Told},
    diagnose::{self, Circumstances, Lost, Offer},
    model::{Closed, Diagnosis, Failure, Side, Trace},
    sanitize,
};
use premaster::{
    Error, Secret,
    error::Fault,
    observe::{
        self, At, Choice, Direction, Epoch, Established, Event, Input, KeyLife, Observer, Receipt, Resumed,
        Resumption, Warning,
    },
    wire::{AlertDescription, ContentType, NamedGroup, SignatureScheme},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// How many bytes of records and plaintext a recorder keeps of each end, unless told otherwise.
const DEFAULT_LIMIT: usize = 4 << 20;

/// The same for one that listens only for failures: a long chain and its messages.
const DIAGNOSIS_LIMIT: usize = 1 << 18;

/// Collects the events of one connection, from one end or, when it is the observer of both, from both.
///
/// It holds the connection's secrets for as long as it lives, and wipes them when it is dropped.
pub struct Recorder {
    ends: Mutex<Ends>,
    receipt: Receipt,
    limit: usize,
    recorded: bool,
    /// Whether nothing is kept but what tells why a handshake failed.
    only_failures: bool,
}

#[derive(Default)]
struct Ends {
    client: Log,
    server: Log,
    closed: Option<Closed>,
    circumstances: Circumstances,
}

impl Ends {
    /// Whether an event bears on why a connection failed.
    fn tells_of_failure(&self, side: Side, event: &Event<'_>) -> bool {
        let log = if side == Side::Client { &self.client } else { &self.server };
        let established = || log.heard.iter().any(|heard| matches!(heard, Heard::Established(_)));
        match event {
            Event::Derived { .. } | Event::EphemeralKey { .. } | Event::Kept { .. } => false,
            Event::Content { content_type: ContentType::APPLICATION_DATA, .. } => false,
            Event::Record { .. } | Event::Content { .. } | Event::Message { .. } => !established(),
            _ => true,
        }
    }

    fn logs(&self) -> Logs<'_> {
        Logs { client: &self.client, server: &self.server }
    }
}

/// What one end told.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) heard: Vec<Heard>,
    pub(crate) bytes: usize,
    /// How many events were too much.
    pub(crate) omitted: usize,
}

/// Something that one end told, kept.
pub(crate) enum Heard {
    Record { sent: bool, bytes: Vec<u8> },
    Content { sent: bool, content_type: ContentType, plaintext: Secret, epoch: Epoch },
    Message { sent: bool },
    Chose { what: &'static str, value: String, because: &'static str },
    Key { group: Option<NamedGroup>, public: Vec<u8>, life: KeyLife },
    Signed { scheme: SignatureScheme, length: usize },
    Verified { scheme: SignatureScheme, length: usize },
    Certificate { leaf: Vec<u8>, verdict: Result<(), String> },
    Derived { secret: &'static str, how: &'static str, inputs: Vec<Kept>, value: Secret },
    Installed { sent: bool, epoch: Epoch },
    Warning(Warning),
    Resumed(Resumed),
    Missed(String),
    NoRenegotiation { sent: bool },
    Established(Established),
    Failed(Failure, Error),
    Kept(observe::Kept, u64),
}

/// An input of a derivation, kept.
pub(crate) enum Kept {
    Public(&'static str, Vec<u8>),
    Secret(&'static str),
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// A recorder that has heard nothing yet.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// One that keeps at most this many bytes of records and as many of plaintext from each end, and says in the
    /// trace that it left something out.
    pub fn with_limit(limit: usize) -> Self {
        let (ends, receipt) = (Mutex::default(), Receipt::default());
        Self { ends, receipt, limit, recorded: false, only_failures: false }
    }

    /// One whose trace also says when, in time, each secret was made and erased.
    pub fn timed() -> Self {
        let start = Instant::now();
        Self { receipt: Receipt::timed(move || start.elapsed()), ..Self::new() }
    }

    /// One for a connection that somebody listened to: a capture tells it as its client would, and its trace says
    /// that neither end was observed.
    pub fn of_capture() -> Self {
        Self { recorded: true, ..Self::new() }
    }

    /// Whether nothing was heard so far.
    pub fn is_empty(&self) -> bool {
        let ends = self.ends();
        ends.client.heard.is_empty() && ends.server.heard.is_empty()
    }

    /// Something of the connection stays closed to who listened.
    pub fn stays_closed(&self, closed: Closed) {
        self.ends().closed = Some(closed);
    }

    /// One that keeps no secrets, and nothing once the handshake is finished: enough for a [`diagnosis`], and for
    /// little else.
    ///
    /// [`diagnosis`]: Self::diagnosis
    pub fn for_diagnosis() -> Self {
        Self { only_failures: true, ..Self::with_limit(DIAGNOSIS_LIMIT) }
    }

    /// What is known of the connection besides its events. It takes the place of what was said before.
    pub fn circumstances(&self, circumstances: Circumstances) {
        self.ends().circumstances = circumstances;
    }

    /// The transport ended, as `side` noticed.
    pub fn lost(&self, side: Side, lost: Lost) {
        self.ends().circumstances.lost = Some((side, lost));
    }

    /// A recorded connection ended in the middle of its handshake: by this end, if the recording shows that, and in
    /// this way. Who ends a connection when it is the other's turn has waited in vain.
    pub fn cut_short(&self, by: Option<(Side, Lost)>) {
        let mut ends = self.ends();
        let turn = diagnose::turn(&build::messages_of(ends.logs()));
        ends.circumstances.lost = Some(match by {
            None => (turn.peer(), Lost::Unrecorded),
            Some((by, how)) if by == turn => (by.peer(), how),
            Some((by, _)) => (by, Lost::Silent),
        });
    }

    /// Why the handshake failed; none if nothing failed.
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        let ends = self.ends();
        build::diagnosis(ends.logs(), &ends.circumstances)
    }

    /// ClientHellos that would tell more of why a client was refused, in the order in which to try them, until one
    /// is answered. Empty if nothing more is to be learnt.
    pub fn offers(&self) -> Vec<Offer> {
        let ends = self.ends();
        build::offers(ends.logs(), &ends.circumstances)
    }

    pub(crate) fn with_logs<T>(&self, look: impl FnOnce(Logs<'_>) -> T) -> T {
        look(self.ends().logs())
    }

    /// What happened so far. `title` says what was traced.
    pub fn trace(&self, title: &str, reveal: Reveal) -> Trace {
        let ends = self.ends();
        let told = Told {
            logs: ends.logs(),
            circumstances: &ends.circumstances,
            closed: ends.closed.as_ref(),
            receipt: &self.receipt,
            recorded: self.recorded,
        };
        build::trace(title, reveal, &told)
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        // A panic elsewhere leaves a log that is complete up to the last event.
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let side = Side::from(at.side);
        // A recording tells of secrets, and nothing of their ends.
        if !self.recorded && !self.only_failures {
            self.receipt.observe(at, event.clone());
        }
        let mut ends = self.ends();
        if self.only_failures && !ends.tells_of_failure(side, &event) {
            return;
        }
        let Some(heard) = keep(side, event) else { return };
        let log = match side {
            Side::Client => &mut ends.client,
            Side::Server => &mut ends.server,
        };
        let size = match &heard {
            Heard::Record { bytes, .. } => bytes.len(),
            Heard::Content { plaintext, .. } => plaintext.len(),
            _ => 64,
        };
        if log.bytes.saturating_add(size) > self.limit.saturating_mul(2) {
            log.omitted += 1;
            // How it ended is worth keeping in any case.
            if !matches!(heard, Heard::Failed(..) | Heard::Established(_)) {
                return;
            }
        }
        log.bytes = log.bytes.saturating_add(size);
        log.heard.push(heard);
    }
}

fn keep(side: Side, event: Event<'_>) -> Option<Heard> {
    let is_sent = |direction| direction == Direction::Sent;
    Some(match event {
        Event::Record { direction, bytes } => {
            Heard::Record { sent: is_sent(direction), bytes: bytes.to_vec() }
        }
        Event::Content { direction, content_type, plaintext, epoch } => {
            let plaintext = Secret::from(plaintext);
            Heard::Content { sent: is_sent(direction), content_type, plaintext, epoch }
        }
        Event::Message { direction, .. } => Heard::Message { sent: is_sent(direction) },
        Event::Chose { what, because } => {
            let (what, value) = choice(what);
            Heard::Chose { what, value, because }
        }
        Event::EphemeralKey { group, public, life } => Heard::Key { group, public: public.to_vec(), life },
        Event::Signed { scheme, content, .. } => Heard::Signed { scheme, length: content.len() },
        Event::SignatureVerified { scheme, content, .. } => Heard::Verified { scheme, length: content.len() },
        Event::PeerCertificate { chain, verdict } => Heard::Certificate {
            leaf: chain.first().map(|leaf| leaf.to_vec()).unwrap_or_default(),
            verdict: verdict.map_err(|error| sanitize::text(&error.to_string())),
        },
        Event::Derived { secret, how, inputs, value } => {
            let inputs = inputs.iter().map(|input| match input {
                Input::Public(name, bytes) => Kept::Public(name, bytes.to_vec()),
                Input::Secret(name) => Kept::Secret(name),
            });
            Heard::Derived { secret, how, inputs: inputs.collect(), value: Secret::from(value.expose()) }
        }
        Event::KeysInstalled { direction, epoch } => Heard::Installed { sent: is_sent(direction), epoch },
        Event::Warning(warning) => Heard::Warning(warning),
        Event::Resumption(Resumption::Done(resumed)) => Heard::Resumed(resumed),
        Event::Resumption(Resumption::Missed(miss)) => Heard::Missed(format!("does not resume: {miss}")),
        Event::Resumption(Resumption::EarlyDataRefused(miss)) => {
            Heard::Missed(format!("takes no early data: {miss}"))
        }
        Event::Kept { what, until } => Heard::Kept(what, until.as_secs()),
        Event::Established(established) => Heard::Established(established),
        Event::Failed(error) => Heard::Failed(failure(side, error), error.clone()),
        Event::Alert { direction, description: AlertDescription::no_renegotiation, .. } => {
            Heard::NoRenegotiation { sent: is_sent(direction) }
        }
        // The records themselves show the other alerts, and change_cipher_spec.
        _ => return None,
    })
}

fn choice(what: Choice<'_>) -> (&'static str, String) {
    match what {
        Choice::Version(version) => ("version", version.to_string()),
        Choice::CipherSuite(suite) => ("cipher suite", suite.to_string()),
        Choice::Group(group) => ("group", group.to_string()),
        Choice::SignatureScheme(scheme) => ("signature scheme", scheme.to_string()),
        Choice::ApplicationProtocol(name) => ("application protocol", sanitize::bytes(name)),
        Choice::Certificate(der) => {
            let parsed = premaster::identity::Certificate::parse(der);
            ("certificate", parsed.map_or_else(String::new, |leaf| sanitize::text(&leaf.subject())))
        }
        Choice::HelloRetryRequest => ("HelloRetryRequest", String::new()),
        _ => ("something", String::new()),
    }
}

pub(crate) fn failure(side: Side, error: &Error) -> Failure {
    let fault = match error.fault() {
        Fault::Peer => "peer",
        Fault::Both => "both",
        Fault::Local => "local",
        Fault::Network => "network",
    };
    let remedy = match error {
        Error::Untrusted(untrusted) => Some(untrusted.remedy().to_owned()),
        _ => None,
    };
    Failure {
        side,
        what: sanitize::text(&error.to_string()),
        fault: fault.to_owned(),
        rule: error.rule().map(|rule| rule.to_string()),
        alert: error.alert().map(|alert| alert.to_string()),
        remedy,
    }
}
