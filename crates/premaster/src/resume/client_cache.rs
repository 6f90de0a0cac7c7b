//! Where a client keeps its sessions.
use super::{
    ClientSession, SessionBytes, SessionKey, SessionName,
    session::{MAX_ENCODED, read_start},
};
use crate::wire::{
    Reader,
    codec::{put_u8, put_vec24},
};
use pki_types::UnixTime;
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where a client keeps its sessions: in memory, or wherever the application likes.
///
/// The calls come in the middle of handshakes: none may wait.
pub trait ClientSessions: Send + Sync {
    /// Keeps a session.
    fn put(&self, session: ClientSession);

    /// A session for this key that has not expired. One of TLS 1.3 is given away once, and so must be forgotten
    /// with this call (RFC 9846 appendix C.4); one of TLS 1.2 may be given again.
    fn take(&self, key: &SessionKey, now: UnixTime) -> Option<Arc<ClientSession>>;

    /// Forgets a session: a connection of it ended with a fatal alert (RFC 5246 section 7.2.2).
    fn forget(&self, key: &SessionKey, name: &SessionName);
}

/// Sessions in memory, the oldest server's going first when it gets too many.
pub struct SessionCache {
    servers: Mutex<Servers>,
    max_servers: usize,
    max_per_server: usize,
}

#[derive(Default)]
struct Servers {
    sessions: HashMap<SessionKey, Kept>,
    clock: u64,
}

/// The newest session is at the back.
struct Kept {
    sessions: VecDeque<Arc<ClientSession>>,
    last_used: u64,
}

const MAGIC: &[u8; 4] = b"pmL\0";
const FORMAT: u8 = 1;

/// The longest encoding of a cache that is read.
const MAX_ENCODED_CACHE: usize = 1 << 24;

impl SessionCache {
    /// For at most `max_servers` servers with `max_per_server` sessions each; of either at least one.
    pub fn new(max_servers: usize, max_per_server: usize) -> Self {
        Self {
            servers: Mutex::default(),
            max_servers: max_servers.max(1),
            max_per_server: max_per_server.max(1),
        }
    }

    /// How many sessions it holds, expired ones included.
    pub fn len(&self) -> usize {
        self.lock().sessions.values().map(|kept| kept.sessions.len()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every session that has not expired, written down, for the program's next run.
    ///
    /// ```text
    /// "pmL" 0, format u8 = 1, and of each session, those of a server in the order in which they came: <3>
    /// ```
    pub fn to_bytes(&self, now: UnixTime) -> SessionBytes {
        let servers = self.lock();
        let all = servers.sessions.values().flat_map(|kept| &kept.sessions);
        let written: Vec<SessionBytes> =
            all.filter(|session| !session.is_expired(now)).filter_map(|session| session.to_bytes()).collect();
        let len = 5 + written.iter().map(|bytes| 3 + bytes.expose().len()).sum::<usize>();
        SessionBytes::write(len, |out| {
            out.extend_from_slice(MAGIC);
            put_u8(out, FORMAT);
            written.iter().for_each(|bytes| put_vec24(out, bytes.expose()));
        })
    }

    /// Takes in what [`to_bytes`](Self::to_bytes) wrote, as far as there is room and it has not expired, and
    /// says how many sessions that were. None, and nothing is taken in, if the bytes are anything else.
    pub fn restore(&self, bytes: &[u8], now: UnixTime) -> Option<usize> {
        if bytes.len() > MAX_ENCODED_CACHE {
            return None;
        }
        let mut reader = Reader::new(bytes, "sessions");
        read_start(&mut reader, MAGIC, FORMAT)?;
        let mut sessions = Vec::new();
        while !reader.is_empty() {
            let session = reader.vec24().ok().filter(|bytes| bytes.len() <= MAX_ENCODED)?;
            sessions.push(ClientSession::from_bytes(session)?);
        }
        let fresh = sessions.into_iter().filter(|session| !session.is_expired(now));
        Some(fresh.map(|session| self.put(session)).count())
    }

    fn lock(&self) -> MutexGuard<'_, Servers> {
        // Nothing in here panics half-way through a change.
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SessionCache {
    /// 256 servers, 8 sessions each.
    fn default() -> Self {
        Self::new(256, 8)
    }
}

impl ClientSessions for SessionCache {
    fn put(&self, session: ClientSession) {
        let mut servers = self.lock();
        servers.clock += 1;
        let clock = servers.clock;
        if servers.sessions.len() >= self.max_servers && !servers.sessions.contains_key(&session.key) {
            // Looking at every server is no more work than a full handshake, and is done after one.
            let oldest = servers.sessions.iter().min_by_key(|(_, kept)| kept.last_used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                servers.sessions.remove(&oldest);
            }
        }
        let empty = || Kept { sessions: VecDeque::new(), last_used: clock };
        let kept = servers.sessions.entry(session.key.clone()).or_insert_with(empty);
        kept.last_used = clock;
        // A session that can be used for ever makes the earlier ones of its version useless.
        if !session.is_single_use() {
            kept.sessions.retain(|earlier| earlier.is_single_use());
        }
        while kept.sessions.len() >= self.max_per_server {
            kept.sessions.pop_front();
        }
        kept.sessions.push_back(Arc::new(session));
    }

    fn take(&self, key: &SessionKey, now: UnixTime) -> Option<Arc<ClientSession>> {
        let mut servers = self.lock();
        servers.clock += 1;
        let clock = servers.clock;
        let kept = servers.sessions.get_mut(key)?;
        kept.last_used = clock;
        kept.sessions.retain(|session| !session.is_expired(now));
        // RFC 9846 section 4.6.1: the newest is the one that the server most likely still knows.
        let newest = match kept.sessions.back() {
            Some(session) if session.is_single_use() => kept.sessions.pop_back(),
            other => other.cloned(),
        };
        if kept.sessions.is_empty() {
            servers.sessions.remove(key);
        }
        newest
    }

    fn forget(&self, key: &SessionKey, name: &SessionName) {
        let mut servers = self.lock();
        let Some(kept) = servers.sessions.get_mut(key) else { return };
        kept.sessions.retain(|other| other.name != *name);
        if kept.sessions.is_empty() {
            servers.sessions.remove(key);
        }
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCache({} sessions)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        resume::{client_session::tests::session, server_session::tests::at},
        wire::CipherSuite,
    };
    use std::{sync::atomic::AtomicUsize, sync::atomic::Ordering, thread};

    const V12: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    const V13: CipherSuite = CipherSuite::TLS_AES_128_GCM_SHA256;

    fn ticket(code: CipherSuite, server: &str, number: u8) -> ClientSession {
        session(code, server, SessionName::Ticket(vec![number]))
    }

    fn key(server: &str) -> SessionKey {
        SessionKey { server: server.into(), policy: [7; 32] }
    }

    fn take(cache: &SessionCache, server: &str) -> Option<u8> {
        cache.take(&key(server), at(1000)).map(|session| session.name.bytes()[0])
    }

    #[test]
    fn tickets_of_tls13_are_given_away_once_the_newest_first() {
        let cache = SessionCache::new(4, 3);
        (1..=5).for_each(|number| cache.put(ticket(V13, "a", number)));
        assert_eq!(cache.len(), 3);
        let taken: Vec<_> = std::iter::from_fn(|| take(&cache, "a")).collect();
        assert_eq!(taken, [5, 4, 3]);
        assert!(cache.is_empty());
    }

    #[test]
    fn sessions_of_tls12_are_given_again_until_forgotten() {
        let cache = SessionCache::default();
        cache.put(ticket(V12, "a", 1));
        cache.put(ticket(V12, "a", 2));
        assert_eq!((take(&cache, "a"), take(&cache, "a"), cache.len()), (Some(2), Some(2), 1));
        let forget = |session: ClientSession| cache.forget(&session.key, &session.name);
        forget(ticket(V12, "a", 1));
        assert_eq!(take(&cache, "a"), Some(2));
        forget(ticket(V12, "a", 2));
        assert_eq!(take(&cache, "a"), None);
    }

    #[test]
    fn keys_differ_by_server_and_by_policy() {
        let cache = SessionCache::default();
        cache.put(ticket(V13, "a", 1));
        let stranger = SessionKey { policy: [8; 32], ..key("a") };
        assert_eq!(cache.take(&stranger, at(1000)), None);
        assert_eq!((take(&cache, "b"), take(&cache, "a")), (None, Some(1)));
    }

    #[test]
    fn the_least_recently_used_server_is_forgotten_first() {
        let cache = SessionCache::new(2, 2);
        cache.put(ticket(V12, "a", 1));
        cache.put(ticket(V12, "b", 2));
        assert_eq!(take(&cache, "a"), Some(1));
        cache.put(ticket(V12, "c", 3));
        assert_eq!((take(&cache, "a"), take(&cache, "b"), take(&cache, "c")), (Some(1), None, Some(3)));
    }

    #[test]
    fn what_has_expired_is_not_given() {
        let cache = SessionCache::default();
        cache.put(ticket(V12, "a", 1));
        assert!(cache.take(&key("a"), at(1099)).is_some());
        assert_eq!(cache.take(&key("a"), at(1100)), None);
        assert!(cache.is_empty());
    }

    #[test]
    fn a_ticket_goes_to_one_thread() {
        let cache = SessionCache::new(1, 100);
        (0..100).for_each(|number| cache.put(ticket(V13, "a", number)));
        let taken = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while take(&cache, "a").is_some() {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 100);
    }

    #[test]
    fn a_cache_survives_the_program() {
        let cache = SessionCache::default();
        (1..=3).for_each(|number| cache.put(ticket(V13, "a", number)));
        cache.put(ticket(V12, "b", 4));
        let bytes = cache.to_bytes(at(1000));
        let next = SessionCache::default();
        assert_eq!(next.restore(bytes.expose(), at(1050)), Some(4));
        assert_eq!((take(&next, "a"), take(&next, "a"), take(&next, "b")), (Some(3), Some(2), Some(4)));
        assert_eq!(SessionCache::default().restore(bytes.expose(), at(1100)), Some(0));
        let nothing = SessionCache::default();
        for len in 0..bytes.expose().len() {
            // A cut between two sessions leaves a shorter cache, any other cut none.
            let _ = nothing.restore(&bytes.expose()[..len], at(1100));
        }
        assert!(nothing.is_empty());
        let mut newer = bytes.expose().to_vec();
        newer[4] = 2;
        assert_eq!(nothing.restore(&newer, at(1000)), None);
        assert!(cache.to_bytes(at(1100)).expose().len() == 5);
    }
}
