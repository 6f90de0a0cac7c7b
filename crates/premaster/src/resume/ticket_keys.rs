//! The keys that tickets are sealed with, and who takes care of them.
use super::{
    Miss, ServerSession,
    key_file::{KeyFile, KeyFileError},
    ring::Ring,
    ticket_key::{KEY_ID_LEN, Purpose, Rotation, TicketKey, Window},
};
use crate::crypto::{Random, RandomFailed, wipe};
use pki_types::UnixTime;
use std::{
    fmt,
    io::ErrorKind,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

/// The longest ticket that is sealed or opened, in bytes. A longer one would make a ClientHello that many servers
/// refuse.
pub const MAX_TICKET: usize = 1 << 14;

/// The keys that tickets and stored sessions are sealed with.
///
/// One key seals at a time; several open. The next is known before it is needed, so that machines that share keys
/// never meet a ticket that they cannot open. If no key may seal, no ticket is made: there is no default key. A
/// key is erased when its window ends, and with it the last means to open the sessions that it sealed.
///
/// There are four ways to keep them:
/// * [`rotating`](Self::rotating): in this process, for this process.
/// * [`from_file`](Self::from_file): several processes of one machine read a file.
/// * [`SharedKeys`](super::SharedKeys): several machines agree by way of a store.
/// * [`held`](Self::held): the application brings them, and brings others in time.
pub struct TicketKeys {
    state: RwLock<State>,
    mode: Mode,
}

struct State {
    ring: Ring,
    /// When the next key's window ends, in seconds since 1970.
    erase_at: u64,
    /// When the next key has to be made, or the file has to be looked at.
    renew_at: u64,
    file_error: Option<Arc<KeyFileError>>,
}

enum Mode {
    Held,
    Rotating(Rotation),
    File(KeyFile, Option<Rotation>),
    /// [`SharedKeys`](super::SharedKeys) sees to the rotation.
    Shared(Rotation),
}

/// What a key is for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// It will seal later.
    Next,
    /// It seals, and opens.
    Sealing,
    /// It opens.
    Opening,
}

/// A key without its secret, for whoever watches over the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// Its name.
    pub id: [u8; KEY_ID_LEN],
    /// When it may be used.
    pub window: Window,
    /// What it is for at the moment.
    pub usage: KeyUse,
}

impl TicketKeys {
    /// Keys of this process alone, made when they are needed. They end with the process.
    pub fn rotating(rotation: Rotation) -> Self {
        Self::with(Mode::Rotating(rotation))
    }

    /// The application's keys.
    pub fn held(keys: impl IntoIterator<Item = TicketKey>) -> Self {
        let held = Self::with(Mode::Held);
        held.replace(keys);
        held
    }

    /// The keys of a file, which is looked at again every second and read again when it has changed. With a
    /// rotation, whichever process finds the next key missing makes it and writes the file; without, somebody
    /// else does.
    ///
    /// # Errors
    /// The file cannot be read or, with a rotation, written.
    pub fn from_file(
        path: impl Into<PathBuf>,
        rotation: Option<Rotation>,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<Self, KeyFileError> {
        let file = KeyFile::new(path.into());
        if let Some(rotation) = rotation {
            file.rotate(now, rotation, random)?;
        }
        let keys = match file.read() {
            Ok(keys) => keys,
            // Another process is just about to write it.
            Err(KeyFileError::Io(error)) if rotation.is_some() && error.kind() == ErrorKind::NotFound => {
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let held = Self::with(Mode::File(file, rotation));
        held.replace(keys);
        Ok(held)
    }

    pub(super) fn shared(rotation: Rotation) -> Self {
        Self::with(Mode::Shared(rotation))
    }

    fn with(mode: Mode) -> Self {
        let state = State { ring: Ring::default(), erase_at: 0, renew_at: 0, file_error: None };
        Self { state: RwLock::new(state), mode }
    }

    /// From now on these keys, and no others.
    pub fn replace(&self, keys: impl IntoIterator<Item = TicketKey>) {
        let mut state = self.write();
        state.ring.replace(keys.into_iter().map(Arc::new));
        state.erase_at = 0;
    }

    /// A session, sealed for the client to keep. None if no key may seal now, there is no randomness, or the
    /// ticket would get too long: then there is no ticket.
    pub fn seal(&self, now: UnixTime, random: &dyn Random, session: &ServerSession) -> Option<Vec<u8>> {
        let ticket = self.seal_as(now, random, Purpose::Ticket, session)?;
        (ticket.len() <= MAX_TICKET).then_some(ticket)
    }

    /// The session that was sealed into a ticket. Whether it may be resumed is for
    /// [`ServerSession::check`] to say.
    ///
    /// # Errors
    /// It does not open. That is to be expected of any ticket, and no reason to say anything to the peer.
    pub fn open(&self, now: UnixTime, ticket: &[u8]) -> Result<ServerSession, Miss> {
        match ticket.len() <= MAX_TICKET {
            true => self.open_as(now, Purpose::Ticket, ticket),
            false => Err(Miss::Malformed),
        }
    }

    /// Until when a ticket can be opened by who gets hold of these keys: then the one that sealed it is erased. None
    /// if that is not held.
    pub fn opens_until(&self, ticket: &[u8]) -> Option<UnixTime> {
        let id = TicketKey::id_of(ticket).ok()?;
        self.read().ring.keys().find(|key| key.id() == id).map(|key| key.window().decrypt_until)
    }

    pub(super) fn seal_as(
        &self,
        now: UnixTime,
        random: &dyn Random,
        purpose: Purpose<'_>,
        session: &ServerSession,
    ) -> Option<Vec<u8>> {
        self.maintain(now, Some(random));
        let key = self.read().ring.sealing(now).cloned()?;
        key.seal(random, purpose, session.to_bytes()?.expose())
    }

    pub(super) fn open_as(
        &self,
        now: UnixTime,
        purpose: Purpose<'_>,
        sealed: &[u8],
    ) -> Result<ServerSession, Miss> {
        let id = TicketKey::id_of(sealed)?;
        self.maintain(now, None);
        let key = self.read().ring.opening(now, id).cloned()?;
        let session = key.open(purpose, sealed)?;
        ServerSession::from_bytes(&session).ok_or(Miss::Malformed)
    }

    /// Erases the keys whose windows have ended, makes those that are due, and looks at the file. Every sealing
    /// and opening does this first; a server that is idle can call it, so that no key outlives its window.
    /// Without randomness no key is made.
    pub fn maintain(&self, now: UnixTime, random: Option<&dyn Random>) {
        let is_due = |state: &State| {
            let renews = match self.mode {
                Mode::Rotating(_) => random.is_some(),
                Mode::File(..) => true,
                Mode::Held | Mode::Shared(_) => false,
            };
            now.as_secs() >= state.erase_at || renews && now.as_secs() >= state.renew_at
        };
        if !is_due(&self.read()) {
            return;
        }
        let mut state = self.write();
        if !is_due(&state) {
            return;
        }
        match (&self.mode, random) {
            (Mode::Rotating(rotation), Some(random)) => {
                // Without randomness there is no new key, and when the present one ends no ticket.
                if let Ok(next) = state.ring.extend(now, *rotation, random) {
                    state.renew_at = next;
                }
            }
            (Mode::File(file, rotation), random) => state.read_again(file, *rotation, now, random),
            _ => {}
        }
        state.erase_at = state.ring.erase_expired(now);
        wipe::after_handshake();
    }

    /// For how long at most a recorded connection can be opened by who takes over this server: from when a
    /// session is sealed until the key is erased. It counts for TLS 1.2, whose tickets hold the master secret,
    /// and in TLS 1.3 for psk_ke and early data. Zero if there are no keys.
    ///
    /// A file or store from which erased keys can be brought back makes it longer.
    pub fn forward_secrecy_window(&self) -> Duration {
        let planned = match self.mode {
            Mode::Rotating(rotation) | Mode::Shared(rotation) | Mode::File(_, Some(rotation)) => {
                rotation.forward_secrecy_window()
            }
            Mode::Held | Mode::File(_, None) => Duration::ZERO,
        };
        let actual = self.read().ring.keys().map(|key| key.window().exposure()).max();
        planned.max(actual.unwrap_or_default())
    }

    /// The keys that are held, the youngest first.
    pub fn status(&self, now: UnixTime) -> Vec<KeyStatus> {
        let state = self.read();
        let sealing = state.ring.sealing(now).map(|key| *key.id());
        let status = |key: &Arc<TicketKey>| KeyStatus {
            id: *key.id(),
            window: key.window(),
            usage: match sealing {
                Some(id) if id == *key.id() => KeyUse::Sealing,
                _ if key.window().not_before.as_secs() > now.as_secs() => KeyUse::Next,
                _ => KeyUse::Opening,
            },
        };
        let mut all: Vec<_> = state.ring.keys().map(status).collect();
        all.sort_by_key(|status| std::cmp::Reverse(status.window.not_before.as_secs()));
        all
    }

    /// Why the file could not be read or written the last time. The keys that were read before stay in use as
    /// long as their windows last.
    pub fn file_error(&self) -> Option<Arc<KeyFileError>> {
        self.read().file_error.clone()
    }

    pub(super) fn with_ring<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        let mut state = self.write();
        state.erase_at = 0;
        change(&mut state.ring)
    }

    /// Whether no other process can have sealed what these keys open.
    pub(super) const fn are_of_this_process(&self) -> bool {
        matches!(self.mode, Mode::Rotating(_))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read_again(
        &mut self,
        file: &KeyFile,
        rotation: Option<Rotation>,
        now: UnixTime,
        random: Option<&dyn Random>,
    ) {
        let is_short = rotation.is_some() && self.is_short(now);
        // A busy server opens far more often than it seals: whoever comes with randomness next, and be it in the
        // same second, makes the key that is missing.
        let waits = is_short && random.is_none();
        self.renew_at = now.as_secs().saturating_add(u64::from(!waits));
        let result = match (rotation, random) {
            (Some(rotation), Some(random)) if is_short => file.rotate(now, rotation, random),
            _ => Ok(()),
        };
        let result = result.and_then(|()| file.read_if_changed()).map(|keys| {
            if let Some(keys) = keys {
                self.ring.replace(keys.into_iter().map(Arc::new));
            }
        });
        self.file_error = result.err().map(Arc::new);
    }

    /// Whether the key that seals, or the next one, is missing.
    fn is_short(&self, now: UnixTime) -> bool {
        let current = self.ring.sealing(now);
        current.and_then(|current| self.ring.sealing(current.window().encrypt_until)).is_none()
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Held => "held",
            Mode::Rotating(_) => "rotating",
            Mode::File(..) => "file",
            Mode::Shared(_) => "shared",
        };
        let keys: Vec<_> = self.read().ring.keys().cloned().collect();
        f.debug_struct("TicketKeys").field("mode", &mode).field("keys", &keys).finish()
    }
}

/// A helper for applications that distribute keys of their own.
impl TicketKey {
    /// Two keys to start with: one that seals from `now` on, and the next.
    ///
    /// # Errors
    /// No randomness could be had.
    pub fn first_two(
        now: UnixTime,
        rotation: Rotation,
        random: &dyn Random,
    ) -> Result<[Self; 2], RandomFailed> {
        let first = Window::starting(now.as_secs(), rotation);
        let next = Window::starting(first.encrypt_until.as_secs(), rotation);
        Ok([Self::generate(random, first)?, Self::generate(random, next)?])
    }
}
