//! What happened on a connection, for the expectations to look at.
use premaster::{
    observe::{At, Direction, Event, Miss, Observer, Resumption},
    wire::{HandshakeType, Side},
};
use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What happened on a connection.
#[derive(Default)]
pub(crate) struct State(Mutex<Happened>);

/// The parts of it.
#[derive(Default)]
pub(crate) struct Happened {
    /// Messages, alerts and change_cipher_specs, as `-expect-msg-callback` writes them.
    pub(crate) trace: String,
    /// The body of the last ClientHello.
    pub(crate) client_hello: Vec<u8>,
    /// The body of the server's CertificateRequest.
    pub(crate) certificate_request: Option<Vec<u8>>,
    /// The body of the ServerHello.
    pub(crate) server_hello: Vec<u8>,
    /// Why early data was refused, if it was offered and refused.
    pub(crate) early_data_refused: Option<Miss>,
    /// What came stapled to the peer's leaf.
    pub(crate) ocsp: Vec<u8>,
    pub(crate) scts: Vec<u8>,
    /// How often the verifier was asked.
    pub(crate) verified: u32,
    /// The credential that was shown: its place in the list, or -1 for the one outside it.
    pub(crate) selected: i64,
    /// Secrets by their names in RFC 9846.
    pub(crate) secrets: HashMap<&'static str, Vec<u8>>,
}

impl State {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Happened { selected: -1, ..Happened::default() }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Happened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for State {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let mut happened = self.lock();
        let verb = |direction| match direction {
            Direction::Sent => "write",
            Direction::Received => "read",
        };
        match event {
            Event::Message { direction, bytes } => {
                let kind = HandshakeType(bytes.first().copied().unwrap_or_default());
                let _ = writeln!(happened.trace, "{} hs {}", verb(direction), kind.0);
                let body = bytes.get(4..).unwrap_or_default().to_vec();
                match kind {
                    HandshakeType::CLIENT_HELLO => happened.client_hello = body,
                    HandshakeType::SERVER_HELLO => happened.server_hello = body,
                    HandshakeType::CERTIFICATE_REQUEST if at.side == Side::Client => {
                        happened.certificate_request = Some(body);
                    }
                    _ => {}
                }
            }
            Event::ChangeCipherSpec(direction) => {
                let _ = writeln!(happened.trace, "{} ccs", verb(direction));
            }
            Event::Alert { direction, level, description } => {
                let _ = writeln!(happened.trace, "{} alert {} {}", verb(direction), level.0, description.0);
            }
            Event::Resumption(Resumption::EarlyDataRefused(miss)) => happened.early_data_refused = Some(miss),
            Event::Derived { secret, value, .. } => {
                happened.secrets.insert(secret, value.expose().to_vec());
            }
            _ => {}
        }
    }
}
