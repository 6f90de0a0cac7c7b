//! What earlier sessions of a capture leave behind for those that resume them.
use premaster::{
    Secret,
    crypto::hash::{Digest, HashAlgorithm, digest},
};
use std::collections::{HashMap, VecDeque};

/// How many sessions are remembered; the oldest go first.
const MAX_SESSIONS: usize = 1 << 16;

/// What a session is called when it is resumed: the hash of its ID or ticket, which may be long.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionName([u8; 32]);

impl SessionName {
    pub(crate) fn id(session_id: &[u8]) -> Self {
        Self::new(b"id", session_id)
    }

    pub(crate) fn ticket(ticket: &[u8]) -> Self {
        Self::new(b"ticket", ticket)
    }

    fn new(kind: &[u8], name: &[u8]) -> Self {
        let hash: Digest = digest(HashAlgorithm::Sha256, &[kind, &[0], name]);
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

/// What is known of a session that may be resumed.
#[derive(Debug)]
pub(crate) enum Original {
    /// Its master secret, or, in TLS 1.3, the pre-shared key that goes with the ticket.
    Opened(Secret),
    /// It was captured, but stays closed.
    Closed,
}

/// How many bytes of a capture are decrypted in vain, in search of records after a loss.
const MAX_TRIALS: u64 = 1 << 34;

/// The sessions of a capture that may be resumed later in it.
pub(crate) struct Memory {
    sessions: HashMap<SessionName, Original>,
    order: VecDeque<SessionName>,
    /// How many bytes may still be decrypted in vain: not that a capture full of holes takes for ever.
    pub(crate) trials: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { sessions: HashMap::new(), order: VecDeque::new(), trials: MAX_TRIALS }
    }
}

impl Memory {
    pub(crate) fn remember(&mut self, name: SessionName, original: Original) {
        if self.sessions.insert(name.clone(), original).is_none() {
            self.order.push_back(name);
            if self.order.len() > MAX_SESSIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.sessions.remove(&oldest);
            }
        }
    }

    /// The first of these names that is known.
    pub(crate) fn find(&self, names: &[SessionName]) -> Option<&Original> {
        names.iter().find_map(|name| self.sessions.get(name))
    }
}
