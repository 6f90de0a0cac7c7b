//! A store in memory, for one process.
use super::store::{Answer, Call, Claim, SealedBytes, Store, StoreFailed, StoreName};
use pki_types::UnixTime;
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

const SHARDS: usize = 16;

/// What an entry costs beside its value, roughly.
const ENTRY_COST: usize = 128;

/// A store in memory, for one process: bounded, and cut into shards so that threads seldom meet.
///
/// When there is no room, sessions go that nobody asked for since their turn came last. Claims never do.
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    made: UnixTime,
    max_entries: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Shard {
    sessions: HashMap<StoreName, Entry>,
    /// In which order to look for entries to evict. An entry that was taken or replaced leaves its old turn.
    turns: VecDeque<(StoreName, u64)>,
    turn: u64,
    bytes: usize,
    /// Until when each is claimed.
    claims: HashMap<StoreName, u64>,
    /// When claims were last looked through for those that have ended.
    swept: u64,
}

struct Entry {
    value: SealedBytes,
    expires: u64,
    turn: u64,
    was_used: bool,
}

impl MemoryStore {
    /// For at most this many sessions, and as many claims, in at most this many bytes. Made at `now`: what was
    /// claimed before it does not know.
    pub fn new(max_entries: usize, max_bytes: usize, now: UnixTime) -> Self {
        Self {
            shards: Default::default(),
            made: now,
            max_entries: max_entries.div_ceil(SHARDS).max(1),
            max_bytes: max_bytes.div_ceil(SHARDS),
        }
    }

    /// How many sessions it holds, expired ones included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).sessions.len()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the sessions take.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).bytes).sum()
    }

    fn shard(&self, name: &StoreName) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(name.bytes()[0]) % SHARDS])
    }

    fn insert(
        &self,
        shard: &mut Shard,
        name: StoreName,
        value: SealedBytes,
        expires: u64,
    ) -> Result<(), StoreFailed> {
        let cost = value.bytes().len() + ENTRY_COST;
        if cost > self.max_bytes {
            return Err(StoreFailed::Full);
        }
        shard.remove(&name);
        while shard.sessions.len() >= self.max_entries || shard.bytes + cost > self.max_bytes {
            shard.evict();
        }
        shard.turn += 1;
        let turn = shard.turn;
        shard.bytes += cost;
        shard.turns.push_back((name, turn));
        shard.sessions.insert(name, Entry { value, expires, turn, was_used: false });
        shard.drop_old_turns();
        Ok(())
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Nothing in here panics half-way through a change.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn expiry(call: Call, ttl: Duration) -> u64 {
    call.now.as_secs().saturating_add(ttl.as_secs())
}

impl Shard {
    fn remove(&mut self, name: &StoreName) -> Option<Entry> {
        let entry = self.sessions.remove(name)?;
        self.bytes -= entry.value.bytes().len() + ENTRY_COST;
        Some(entry)
    }

    /// Drops one entry: the first in turn, but who was asked for since has another turn.
    fn evict(&mut self) {
        while let Some((name, turn)) = self.turns.pop_front() {
            match self.sessions.get_mut(&name) {
                Some(entry) if entry.turn == turn && entry.was_used => {
                    entry.was_used = false;
                    self.turns.push_back((name, turn));
                }
                Some(entry) if entry.turn == turn => {
                    self.remove(&name);
                    return;
                }
                _ => {}
            }
        }
    }

    fn drop_old_turns(&mut self) {
        if self.turns.len() > 2 * self.sessions.len() + SHARDS {
            let sessions = &self.sessions;
            self.turns.retain(|(name, turn)| sessions.get(name).is_some_and(|entry| entry.turn == *turn));
        }
    }

    fn live(&mut self, name: &StoreName, now: u64) -> Option<&mut Entry> {
        if self.sessions.get(name)?.expires <= now {
            self.remove(name);
        }
        self.sessions.get_mut(name)
    }
}

impl Store for MemoryStore {
    fn put(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<(), StoreFailed>> {
        Answer::now(self.insert(&mut self.shard(&name), name, value, expiry(call, ttl)))
    }

    fn put_new(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<bool, StoreFailed>> {
        let mut shard = self.shard(&name);
        if shard.live(&name, call.now.as_secs()).is_some() {
            return Answer::now(Ok(false));
        }
        Answer::now(self.insert(&mut shard, name, value, expiry(call, ttl)).map(|()| true))
    }

    fn get(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        let mut shard = self.shard(&name);
        let value = shard.live(&name, call.now.as_secs()).map(|entry| {
            entry.was_used = true;
            entry.value.clone()
        });
        Answer::now(Ok(value))
    }

    fn take(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        let mut shard = self.shard(&name);
        let entry = shard.remove(&name).filter(|entry| entry.expires > call.now.as_secs());
        Answer::now(Ok(entry.map(|entry| entry.value)))
    }

    fn claim(&self, call: Call, name: StoreName, ttl: Duration) -> Answer<'_, Result<Claim, StoreFailed>> {
        let now = call.now.as_secs();
        let mut shard = self.shard(&name);
        let claim = |is_first| Answer::now(Ok(Claim { is_first, complete_since: self.made }));
        if shard.claims.get(&name).is_some_and(|&until| until > now) {
            return claim(false);
        }
        if shard.claims.len() >= self.max_entries {
            // Once a second at most, so that a full shard is not looked through for every ClientHello.
            if shard.swept == now {
                return Answer::now(Err(StoreFailed::Full));
            }
            shard.swept = now;
            shard.claims.retain(|_, until| *until > now);
            if shard.claims.len() >= self.max_entries {
                return Answer::now(Err(StoreFailed::Full));
            }
        }
        shard.claims.insert(name, expiry(call, ttl));
        claim(true)
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} sessions, {} bytes)", self.len(), self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::testing::block_on, resume::server_session::tests::at};
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    const TTL: Duration = Duration::from_secs(10);

    fn call(now: u64) -> Call {
        Call { now: at(now), deadline: Duration::from_millis(1) }
    }

    fn name(number: usize) -> StoreName {
        StoreName::new("test", &number.to_be_bytes())
    }

    fn value(len: usize) -> SealedBytes {
        SealedBytes::sealed(vec![7; len]).unwrap()
    }

    fn get(store: &MemoryStore, now: u64, number: usize) -> Option<usize> {
        block_on(store.get(call(now), name(number))).unwrap().map(|value| value.bytes().len())
    }

    #[test]
    fn what_is_put_is_there_until_taken_or_expired() {
        let store = MemoryStore::new(100, 1 << 20, at(0));
        block_on(store.put(call(0), name(1), value(5), TTL)).unwrap();
        assert_eq!((get(&store, 0, 1), get(&store, 9, 1), get(&store, 9, 2)), (Some(5), Some(5), None));
        block_on(store.put(call(0), name(1), value(6), TTL)).unwrap();
        assert_eq!(block_on(store.put_new(call(9), name(1), value(7), TTL)), Ok(false));
        assert_eq!(get(&store, 9, 1), Some(6));
        assert_eq!(block_on(store.put_new(call(10), name(1), value(7), TTL)), Ok(true));
        assert_eq!(block_on(store.take(call(10), name(1))), Ok(Some(value(7))));
        assert_eq!(block_on(store.take(call(10), name(1))), Ok(None));
        block_on(store.put(call(0), name(1), value(5), TTL)).unwrap();
        assert_eq!(block_on(store.take(call(10), name(1))), Ok(None));
        assert_eq!((store.len(), store.bytes()), (0, 0));
    }

    #[test]
    fn it_keeps_to_its_bounds() {
        let by_number = MemoryStore::new(160, 1 << 30, at(0));
        let by_size = MemoryStore::new(usize::MAX, 160 * 1024, at(0));
        for number in 0..5000 {
            for store in [&by_number, &by_size] {
                block_on(store.put(call(0), name(number), value(number % 1000), TTL)).unwrap();
            }
            assert!(by_number.len() <= 160 && by_size.bytes() <= 160 * 1024);
            if number % 7 == 0 {
                let _ = block_on(by_number.take(call(0), name(number)));
            }
        }
        assert!(by_number.len() > 100 && by_size.bytes() > 100 * 1024);
        assert!(by_number.shards.iter().all(|shard| lock(shard).turns.len() <= 2 * 10 + SHARDS + 1));
        let too_large = block_on(by_size.put(call(0), name(0), value(20_000), TTL));
        assert_eq!(too_large, Err(StoreFailed::Full));
        assert_eq!(SealedBytes::from_store(vec![0; super::super::store::MAX_STORED + 1]), None);
    }

    #[test]
    fn what_is_asked_for_stays() {
        let store = MemoryStore::new(160, 1 << 30, at(0));
        block_on(store.put(call(0), name(0), value(5), TTL)).unwrap();
        for number in 1..2000 {
            block_on(store.put(call(0), name(number), value(5), TTL)).unwrap();
            assert_eq!(get(&store, 0, 0), Some(5), "{number}");
        }
        assert_eq!(get(&store, 0, 1), None);
    }

    #[test]
    fn a_claim_is_had_once_and_not_forgotten_for_want_of_room() {
        let store = MemoryStore::new(SHARDS, 1 << 20, at(77));
        let claim = |now, number| block_on(store.claim(call(now), name(number), TTL));
        let first = |is_first| Ok(Claim { is_first, complete_since: at(77) });
        assert_eq!(claim(100, 1), first(true));
        assert_eq!((claim(100, 1), claim(109, 1)), (first(false), first(false)));
        let full = (2..200).filter(|&number| claim(101, number) == Err(StoreFailed::Full)).count();
        assert!(full > 100);
        assert_eq!(claim(109, 1), first(false));
        assert_eq!(claim(110, 1), first(true));
        // Room comes back with time.
        assert!((2..200).any(|number| claim(120, number) == first(true)));
    }

    #[test]
    fn of_many_threads_one_takes_and_one_claims() {
        let store = MemoryStore::new(10_000, 1 << 24, at(0));
        (0..500).for_each(|number| block_on(store.put(call(0), name(number), value(9), TTL)).unwrap());
        let (taken, claimed, made) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..500 {
                        let count = |counter: &AtomicUsize, yes: bool| {
                            counter.fetch_add(yes.into(), Ordering::Relaxed);
                        };
                        count(&taken, block_on(store.take(call(0), name(number))).unwrap().is_some());
                        count(&claimed, block_on(store.claim(call(0), name(number), TTL)).unwrap().is_first);
                        let new = block_on(store.put_new(call(0), name(number + 1000), value(1), TTL));
                        count(&made, new.unwrap());
                    }
                });
            }
        });
        assert_eq!((taken.into_inner(), claimed.into_inner(), made.into_inner()), (500, 500, 500));
    }
}
