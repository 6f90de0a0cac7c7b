//! What the two sides keep of their connections, and under which conditions they build on it.
use crate::{
    resume::{ClientSessions, Freshness, ScopePolicy, SharedKeys, Store, TicketKeys, Vault},
    wire::extension::TicketRequestClientHello,
};
use std::{fmt, sync::Arc, time::Duration};

/// A server's sessions: where they are kept, for how long, and what they are bound to.
///
/// A session is resumed only under the circumstances that it was made under: name, certificate, client
/// authentication, application protocols, trust epoch. What does not match costs a full handshake, never an
/// error.
#[derive(Clone)]
pub struct ServerSessions {
    pub(crate) vault: Vault,
    tickets: bool,
    pub(crate) freshness: Freshness,
    pub(crate) lifetime: u32,
    pub(crate) tickets_per_handshake: u8,
    pub(crate) max_early_data: u32,
    pub(crate) scope: ScopePolicy,
    pub(crate) trust_epoch: u64,
    pub(crate) context: Vec<u8>,
    pub(crate) max_authentication_age: u32,
}

impl ServerSessions {
    /// Nothing is kept, and every handshake is a full one.
    pub const fn none() -> Self {
        Self {
            vault: Vault::none(),
            tickets: false,
            freshness: Freshness::DEFAULT,
            lifetime: 12 * 3600,
            tickets_per_handshake: 2,
            max_early_data: 0,
            scope: ScopePolicy::STRICT,
            trust_epoch: 0,
            context: Vec::new(),
            max_authentication_age: 7 * 24 * 3600,
        }
    }

    /// The clients keep their sessions, in tickets that only these keys open.
    pub fn with_tickets(mut self, keys: Arc<TicketKeys>) -> Self {
        self.vault = self.vault.keys(keys);
        self.tickets = true;
        self
    }

    /// The clients keep their sessions, in tickets that several machines open, since they agree on the keys.
    pub fn with_shared_tickets(mut self, keys: Arc<SharedKeys>) -> Self {
        self.vault = self.vault.shared_keys(keys);
        self.tickets = true;
        self
    }

    /// There are no tickets: the keys only seal what the store keeps. With a store that several machines use they
    /// must have the same.
    pub fn without_tickets(mut self) -> Self {
        self.tickets = false;
        self
    }

    /// The server keeps sessions: TLS 1.2's by ID, and TLS 1.3's too if there are no tickets. They are sealed
    /// with the keys for tickets, or, if none were given, with keys of this process.
    pub fn with_store(mut self, store: Arc<dyn Store>) -> Self {
        self.vault = self.vault.store(store);
        self
    }

    /// How long a handshake waits for the store, each time. Default [`Vault::DEADLINE`].
    pub fn store_deadline(mut self, deadline: Duration) -> Self {
        self.vault = self.vault.deadline(deadline);
        self
    }

    /// How late early data may come. Default ten seconds.
    pub fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// The keys and the store.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// For how many seconds a session may be resumed. Default 12 hours; at most 7 days.
    pub fn lifetime(mut self, seconds: u32) -> Self {
        self.lifetime = seconds.min(crate::resume::MAX_LIFETIME);
        self
    }

    /// How many TLS 1.3 tickets a client gets that does not say (RFC 9149). Default 2.
    pub fn tickets_per_handshake(mut self, count: u8) -> Self {
        self.tickets_per_handshake = count;
        self
    }

    /// How many bytes of early data a client may send (0-RTT). Default 0: none. Needs a store that can tell that
    /// a ticket was used before; without one none is accepted.
    pub fn early_data(mut self, bytes: u32) -> Self {
        self.max_early_data = bytes;
        self
    }

    /// Which differences in circumstances do not matter. Default: all do.
    pub fn scope(mut self, policy: ScopePolicy) -> Self {
        self.scope = policy;
        self
    }

    /// A number that ends every earlier session when it changes: after a revocation, for example.
    pub fn trust_epoch(mut self, epoch: u64) -> Self {
        self.trust_epoch = epoch;
        self
    }

    /// Whatever else sessions are to be bound to.
    pub fn context(mut self, context: impl Into<Vec<u8>>) -> Self {
        self.context = context.into();
        self
    }

    /// For how many seconds certificates are believed after a full handshake, however often its sessions are
    /// resumed meanwhile. Default 7 days.
    pub fn max_authentication_age(mut self, seconds: u32) -> Self {
        self.max_authentication_age = seconds;
        self
    }

    pub(crate) const fn is_off(&self) -> bool {
        self.vault.is_none()
    }

    pub(crate) const fn has_tickets(&self) -> bool {
        self.tickets
    }
}

impl Default for ServerSessions {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for ServerSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSessions")
            .field("tickets", &self.tickets)
            .field("vault", &self.vault)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// A client's sessions.
#[derive(Clone, Default)]
pub struct ClientResumption {
    pub(crate) sessions: Option<Arc<dyn ClientSessions>>,
    pub(crate) early_data: bool,
    pub(crate) ticket_request: Option<TicketRequestClientHello>,
    pub(crate) reverify: bool,
    pub(crate) context: Vec<u8>,
}

impl ClientResumption {
    /// Nothing is kept, and every handshake is a full one.
    pub const fn none() -> Self {
        Self { sessions: None, early_data: false, ticket_request: None, reverify: false, context: Vec::new() }
    }

    /// Sessions are kept here.
    pub fn with(sessions: Arc<dyn ClientSessions>) -> Self {
        Self { sessions: Some(sessions), ..Self::none() }
    }

    /// Whether data may go along with the first flight where a ticket allows it (0-RTT). Default no: such data
    /// can be replayed, and has less forward secrecy.
    pub fn early_data(mut self, allow: bool) -> Self {
        self.early_data = allow;
        self
    }

    /// Tells the server how many TLS 1.3 tickets are wanted (RFC 9149): after a full handshake, and after one that
    /// resumed. A client that opens many connections at once needs one for each. Default: the server decides.
    pub fn tickets(mut self, new_session_count: u8, resumption_count: u8) -> Self {
        self.ticket_request = Some(TicketRequestClientHello { new_session_count, resumption_count });
        self
    }

    /// Whether the verifier judges the certificates of a session's server again before the session is offered: they
    /// may have expired or been revoked, or the verifier may have changed its mind. A server that is believed no more
    /// is met with a full handshake. Default no: a session lives no longer than its certificates.
    pub fn reverify(mut self, reverify: bool) -> Self {
        self.reverify = reverify;
        self
    }

    /// Whatever else sessions are to be bound to, such as the port.
    pub fn context(mut self, context: impl Into<Vec<u8>>) -> Self {
        self.context = context.into();
        self
    }
}

impl fmt::Debug for ClientResumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientResumption(sessions: {}, early data: {})", self.sessions.is_some(), self.early_data)
    }
}
