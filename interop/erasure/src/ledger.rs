//! Every secret of a case, and what the protocol still needs it for.
use crate::Failure;
use premaster::{
    crypto::random::{Random, RandomFailed},
    exchange::{EphemeralKey, Group},
    observe::{At, Direction, Epoch, Event, Input, Observer},
    wire::{ProtocolVersion, Side},
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ephemeral private key, or what one was made from.
    Private,
    /// An ephemeral private key that was made ahead: it waits until its public half goes out.
    Ahead,
    /// What the exchange yields, and all of the schedule that only leads on to other secrets.
    Stage,
    /// The main secret of TLS 1.3: the server needs it until the client's Finished.
    Main,
    /// Protects or ends the handshake.
    Handshake,
    /// Protects data in this direction, as the peer of the examined process sees it, since so many KeyUpdates.
    Application(Direction, u64),
    /// Keying material for the application comes from it.
    Exporter,
    /// PSKs come from it.
    Resumption,
    /// A session that can be resumed is made of it.
    Psk,
    /// The secret of a TLS 1.2 session.
    Master,
    /// Seals tickets.
    TicketKey,
    /// A pre-shared key, which both sides had before and go on having.
    External,
}

/// One secret.
pub struct Entry {
    /// Its name in the RFC.
    pub name: &'static str,
    /// What it is for.
    pub kind: Kind,
    /// The connection that it belongs to, counted from 0.
    pub connection: usize,
    bytes: Vec<u8>,
    /// The public half of one that waits.
    public: Vec<u8>,
}

impl Entry {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether HMAC may be keyed with it.
    pub fn keys_hmac(&self) -> bool {
        !matches!(self.kind, Kind::Private | Kind::Ahead)
    }
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    connection: usize,
    /// Made by a KeyUpdate, until it is clear for which direction.
    updated: Vec<Entry>,
    updates: [u64; 2],
    version: Option<ProtocolVersion>,
    has_psk: bool,
    /// Every handshake message, in which public random bytes are found again.
    messages: Vec<u8>,
}

/// An observer that remembers secrets.
#[derive(Default)]
pub struct Ledger(Mutex<State>);

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection begins.
    pub fn next_connection(&self) {
        let mut state = self.state();
        state.connection += 1;
        state.updates = [0; 2];
        state.updated.clear();
        state.has_psk = false;
    }

    /// Which connection is observed.
    pub fn connection(&self) -> usize {
        self.state().connection
    }

    /// Adds what the examined process drew for itself.
    pub fn add(&self, name: &'static str, kind: Kind, bytes: Vec<u8>) {
        let mut state = self.state();
        let connection = state.connection;
        state.entries.push(Entry { name, kind, connection, bytes, public: Vec::new() });
    }

    /// Adds the keys of this group that the examined process made ahead of what it drew. They are made here once more,
    /// to know them by their public halves.
    ///
    /// # Errors
    /// If something else was drawn.
    pub fn add_ahead(&self, group: &'static Group, draws: Vec<Vec<u8>>) -> Result<(), Failure> {
        let again = Again(Mutex::new(draws.into()));
        loop {
            let before: Vec<Vec<u8>> = again.left();
            if before.is_empty() {
                return Ok(());
            }
            let key = EphemeralKey::generate(group, &again).map_err(|_| "the pool drew something else")?;
            let used = before.len() - again.left().len();
            let mut state = self.state();
            let connection = state.connection;
            state.entries.extend(before.into_iter().take(used).map(|bytes| Entry {
                name: "ephemeral private key",
                kind: Kind::Ahead,
                connection,
                bytes,
                public: key.public().to_vec(),
            }));
        }
    }

    /// Which of the entries wait for a handshake to come.
    pub fn waiting(&self) -> Vec<bool> {
        let state = self.state();
        let published = |entry: &Entry| {
            let start = &entry.public[..entry.public.len().min(32)];
            start.is_empty() || state.messages.windows(start.len()).any(|window| window == start)
        };
        state.entries.iter().map(|entry| entry.kind == Kind::Ahead && !published(entry)).collect()
    }

    /// Adds what the examined process drew for itself, but for what it published.
    pub fn add_private(&self, draws: Vec<Vec<u8>>) {
        // Keys have 32 bytes or more; nonces and salts have less.
        for bytes in draws.into_iter().filter(|bytes| bytes.len() >= 32) {
            let published = bytes
                .first_chunk::<16>()
                .is_none_or(|start| self.state().messages.windows(start.len()).any(|window| window == start));
            if !published {
                self.add("ephemeral private key", Kind::Private, bytes);
            }
        }
    }

    /// Lends all entries, and the number of KeyUpdates in each direction of the present connection: sent by this
    /// side, and received.
    pub fn with<T>(&self, read: impl FnOnce(&[Entry], [u64; 2]) -> T) -> T {
        let state = self.state();
        read(&state.entries, state.updates)
    }
}

/// The same draws again.
struct Again(Mutex<VecDeque<Vec<u8>>>);

impl Again {
    fn left(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Random for Again {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let next = next.filter(|next| next.len() == out.len()).ok_or(RandomFailed)?;
        out.copy_from_slice(&next);
        Ok(())
    }
}

/// The direction in which a side sends, as `own` sees it.
fn direction(own: Side, sender: Side) -> Direction {
    if own == sender { Direction::Sent } else { Direction::Received }
}

fn kind(own: Side, name: &str, of: Option<&str>) -> Option<Kind> {
    let application = |sender| Kind::Application(direction(own, sender), 0);
    Some(match name {
        "pre_master_secret" | "shared_secret" | "early_secret" | "handshake_secret" | "derived_secret" => {
            Kind::Stage
        }
        "binder_key" | "client_early_traffic_secret" | "early_exporter_secret" | "finished_key" => {
            Kind::Handshake
        }
        "main_secret" => Kind::Main,
        "client_handshake_traffic_secret" | "server_handshake_traffic_secret" => Kind::Handshake,
        "client_application_traffic_secret_0" => application(Side::Client),
        "server_application_traffic_secret_0" => application(Side::Server),
        "client_write_MAC_key" | "client_write_key" => application(Side::Client),
        "server_write_MAC_key" | "server_write_key" => application(Side::Server),
        "exporter_secret" => Kind::Exporter,
        "resumption_secret" => Kind::Resumption,
        "PSK" => Kind::Psk,
        "master_secret" => Kind::Master,
        "key" => return kind(own, of?, None),
        _ => return None,
    })
}

impl Observer for Ledger {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let mut state = self.state();
        let connection = state.connection;
        match event {
            Event::Derived { secret, inputs, value, .. } => {
                let value = value.expose();
                let from = inputs.iter().find_map(|input| match input {
                    Input::Secret(name) => Some(*name),
                    Input::Public(..) => None,
                });
                state.has_psk |= from == Some("PSK");
                // Without a PSK these two are the same for everybody.
                let public = !state.has_psk && (secret == "early_secret" || from == Some("early_secret"));
                if public || value.len() < 16 {
                    return;
                }
                let entry = |kind| Entry {
                    name: secret,
                    kind,
                    connection,
                    bytes: value.to_vec(),
                    public: Vec::new(),
                };
                let updated = secret == "application_traffic_secret_N+1"
                    || (secret == "key" && from == Some("application_traffic_secret_N"));
                if updated {
                    state.updated.push(entry(Kind::Stage));
                } else if let Some(kind) = kind(at.side, secret, from) {
                    state.entries.push(entry(kind));
                }
            }
            Event::KeysInstalled { direction, epoch: Epoch::Application(number @ 1..) } => {
                let kind = Kind::Application(direction, number);
                let updated = std::mem::take(&mut state.updated);
                state.entries.extend(updated.into_iter().map(|entry| Entry { kind, ..entry }));
                state.updates[usize::from(direction == Direction::Received)] = number;
            }
            Event::Message { bytes, .. } => state.messages.extend_from_slice(bytes),
            Event::Established(established) => state.version = Some(established.version),
            _ => {}
        }
    }
}
