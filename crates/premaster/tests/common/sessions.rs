//! What tests of sessions share: clients without scruples, a clock that is set by hand, and who listens.
use premaster::{
    config::Clock,
    observe::{At, Event, Miss, Observer, Resumption},
    pki_types::UnixTime,
    resume::{ClientSession, ClientSessions, SessionKey, SessionName},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// A client that offers the session it got first, again and again, to whomever it meets.
#[derive(Default)]
pub struct Careless(pub Mutex<Option<Arc<ClientSession>>>);

impl ClientSessions for Careless {
    fn put(&self, session: ClientSession) {
        self.0.lock().unwrap().get_or_insert_with(|| Arc::new(session));
    }

    fn take(&self, _: &SessionKey, _: UnixTime) -> Option<Arc<ClientSession>> {
        self.0.lock().unwrap().clone()
    }

    fn forget(&self, _: &SessionKey, _: &SessionName) {}
}

impl Careless {
    /// The session, changed.
    pub fn change(&self, change: impl FnOnce(&mut ClientSession)) {
        let mut kept = self.0.lock().unwrap();
        let bytes = kept.as_ref().expect("a session").to_bytes().expect("it can be written");
        let mut session = ClientSession::from_bytes(bytes.expose()).expect("it can be read");
        change(&mut session);
        *kept = Some(Arc::new(session));
    }
}

/// A clock that is set by hand.
pub struct Hand(AtomicU64);

impl Hand {
    pub fn new() -> Arc<Self> {
        // The certificates are made with today's dates.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Arc::new(Self(AtomicU64::new(now.as_secs())))
    }

    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub fn back(&self, seconds: u64) {
        self.0.fetch_sub(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

/// Hears how attempts to resume go.
#[derive(Default)]
pub struct Attempts(Mutex<Vec<Resumption>>);

impl Observer for Attempts {
    fn observe(&self, _at: At<'_>, event: Event<'_>) {
        if let Event::Resumption(resumption) = event {
            self.0.lock().unwrap().push(resumption);
        }
    }
}

impl Attempts {
    /// What was heard since the last time.
    pub fn take(&self) -> Vec<Resumption> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The misses among it.
    pub fn misses(&self) -> Vec<Miss> {
        let miss = |heard| if let Resumption::Missed(miss) = heard { Some(miss) } else { None };
        self.take().into_iter().filter_map(miss).collect()
    }
}
