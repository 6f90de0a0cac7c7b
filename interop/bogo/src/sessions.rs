//! What a test's connections share: sessions, ticket keys, and a clock that the runner can set forward.
use premaster::{
    config::{ClientResumption, Clock, ServerSessions, SystemClock},
    pki_types::UnixTime,
    resume::{
        ClientSession, ClientSessions, MemoryStore, Rotation, ScopeField, ScopePolicy, SessionKey,
        SessionName, TicketKeys,
    },
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::settings::Settings;

/// What a test's connections share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) kept: Arc<Kept>,
    /// A server that gives tickets, and keeps what early data came with.
    tickets: ServerSessions,
    /// A server that keeps sessions itself.
    ids: ServerSessions,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let day = Duration::from_secs(24 * 3600);
        let keys = Arc::new(TicketKeys::rotating(Rotation::new(7 * day, 14 * day)));
        let clock: Arc<TestClock> = Arc::default();
        let start = clock.now().unwrap_or_else(|| UnixTime::since_unix_epoch(Duration::ZERO));
        let store = Arc::new(MemoryStore::new(64, 1 << 20, start));
        // The runner's connections come as fast as they can; a machine under load may still take its time.
        let ids = ServerSessions::none().with_store(store).store_deadline(Duration::from_secs(5));
        // BoringSSL binds early data to the application protocol, not sessions.
        let scope = ScopePolicy::STRICT.ignoring(ScopeField::Alpn).unwrap_or(ScopePolicy::STRICT);
        let ids = ids.scope(scope);
        let tickets = ids.clone().with_tickets(keys);
        Self { clock, kept: Arc::default(), tickets, ids: ids.tickets_per_handshake(0) }
    }

    /// What a client does with sessions.
    pub(crate) fn client(&self, settings: &Settings) -> ClientResumption {
        if settings.has("-no-ticket") {
            return ClientResumption::none();
        }
        self.kept.offered.lock().unwrap_or_else(PoisonError::into_inner).take();
        ClientResumption::with(self.kept.clone())
            .early_data(settings.has("-enable-early-data"))
            .reverify(settings.has("-reverify-on-resume"))
    }

    /// What a server does with them.
    pub(crate) fn server(&self, settings: &Settings) -> ServerSessions {
        let early_data = if settings.has("-enable-early-data") { 14_336 } else { 0 };
        let sessions = if settings.has("-no-ticket") { &self.ids } else { &self.tickets };
        sessions.clone().early_data(early_data)
    }
}

/// The operating system's clock, and as many seconds more as `-resumption-delay` says.
#[derive(Default)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Option<UnixTime> {
        let now = Duration::from_secs(SystemClock.now()?.as_secs());
        Some(UnixTime::since_unix_epoch(now + Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

/// A client's sessions. A test means the one that came last, whatever the connections have in common.
#[derive(Default)]
pub(crate) struct Kept {
    sessions: Mutex<Vec<Arc<ClientSession>>>,
    /// What the current connection was begun with.
    offered: Mutex<Option<Arc<ClientSession>>>,
}

impl Kept {
    /// How many came so far.
    pub(crate) fn count(&self) -> usize {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The one that the current connection was begun with.
    pub(crate) fn offered(&self) -> Option<Arc<ClientSession>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one that came last.
    pub(crate) fn last(&self) -> Option<Arc<ClientSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }
}

impl ClientSessions for Kept {
    fn put(&self, session: ClientSession) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(session));
    }

    fn take(&self, _: &SessionKey, now: UnixTime) -> Option<Arc<ClientSession>> {
        let session = self.last().filter(|session| !session.is_expired(now));
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&session);
        session
    }

    fn forget(&self, _: &SessionKey, _: &SessionName) {}
}
