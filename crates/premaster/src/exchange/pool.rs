//! Ephemeral keys that were made before somebody waits for them.
use super::{EphemeralKey, Group, GroupKind, PublishedKey, SharedSecret, finite_field::stripped};
use crate::{
    Error,
    crypto::{Random, SystemRandom, fork, random::Watched, wipe},
    error::Failure,
    wire::ProtocolVersion,
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

/// Ephemeral keys that were made ahead, on a processor that had nothing better to do, each for one handshake.
///
/// Whoever has time calls [`fill`](Self::fill): a thread of the application's, or its main loop when it is idle. A
/// handshake [takes](Self::take) a key out, uses it once, as any [`EphemeralKey`], and wipes it; where the pool has none
/// it makes one, as without a pool. No call waits for another.
///
/// It takes some 5 us off each side of a handshake with X25519, and 50 and more with a finite field; a server that
/// replies to ML-KEM has nothing to make ahead. What it trades, and why nothing has a pool unless it is
/// configured: the private keys of the handshakes to come are in the memory, and whoever reads it at that moment reads
/// those handshakes too. Fill the pool with few.
///
/// A process that was forked finds the pool empty: the keys are its parent's. A virtual machine that goes on from a
/// snapshot twice does not notice: empty the pool with [`clear`](Self::clear) before a snapshot.
pub struct EphemeralPool {
    random: Arc<dyn Random>,
    most: usize,
    shelves: Vec<Shelf>,
    epoch: fn() -> u64,
}

/// The keys of one group.
struct Shelf {
    group: &'static Group,
    stock: Mutex<Stock>,
}

#[derive(Default)]
struct Stock {
    /// Of the process that made the keys.
    epoch: u64,
    keys: Vec<EphemeralKey>,
}

impl fmt::Debug for EphemeralPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> = self.shelves.iter().map(|shelf| shelf.group.code).collect();
        write!(f, "EphemeralPool({} of each of {groups:?})", self.most)
    }
}

impl EphemeralPool {
    /// An empty one, for at most `most` keys of each of these groups.
    pub fn new(groups: impl IntoIterator<Item = &'static Group>, most: usize) -> Self {
        Self::with_random(groups, most, Arc::new(SystemRandom))
    }

    /// The same, with keys from this source.
    pub fn with_random(
        groups: impl IntoIterator<Item = &'static Group>,
        most: usize,
        random: Arc<dyn Random>,
    ) -> Self {
        let mut shelves: Vec<Shelf> = Vec::new();
        for group in groups {
            if shelves.iter().all(|shelf| shelf.group != group) {
                shelves.push(Shelf { group, stock: Mutex::default() });
            }
        }
        Self { random: Arc::new(Watched::new(random)), most, shelves, epoch: fork::epoch }
    }

    /// Makes keys until it has as many as it may, and says how many it made. Takes the time of making them.
    ///
    /// # Errors
    /// [`Failure::Random`] if no randomness can be had.
    pub fn fill(&self) -> Result<usize, Failure> {
        let made = self.make_missing();
        wipe::after_handshake();
        made
    }

    /// Not inlined, so that what it leaves on the stack is below its caller.
    #[inline(never)]
    fn make_missing(&self) -> Result<usize, Failure> {
        let mut made = 0;
        for shelf in &self.shelves {
            // The lock is never held while a key is made, so that no handshake waits.
            while shelf.stock(self.epoch).is_some_and(|stock| stock.keys.len() < self.most) {
                let epoch = (self.epoch)();
                let key = EphemeralKey::generate(shelf.group, &*self.random)?;
                match shelf.stock(self.epoch) {
                    // If the process was forked meanwhile, both copies have the key.
                    Some(mut stock) if stock.epoch == epoch && stock.keys.len() < self.most => {
                        stock.keys.push(key);
                        made += 1;
                    }
                    _ => break,
                }
            }
        }
        Ok(made)
    }

    /// Takes a key out. None if there is none of this group, or somebody else is at it right now.
    pub fn take(&self, group: &Group) -> Option<EphemeralKey> {
        let shelf = self.shelves.iter().find(|shelf| shelf.group == group)?;
        shelf.stock(self.epoch)?.keys.pop()
    }

    /// How many keys of this group it has.
    pub fn len(&self, group: &Group) -> usize {
        let stock =
            self.shelves.iter().find(|shelf| shelf.group == group).and_then(|shelf| shelf.stock(self.epoch));
        stock.map_or(0, |stock| stock.keys.len())
    }

    /// Wipes all keys that it has.
    pub fn clear(&self) {
        for shelf in &self.shelves {
            shelf.stock.lock().unwrap_or_else(PoisonError::into_inner).keys.clear();
        }
    }
}

impl Shelf {
    /// What is there of this process's own. A parent's keys are wiped, since the parent uses them; and a lock that some
    /// other thread held when the process was forked is never released here, so that nobody may wait for it.
    fn stock(&self, epoch: fn() -> u64) -> Option<MutexGuard<'_, Stock>> {
        let mut stock = match self.stock.try_lock() {
            Ok(stock) => stock,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let epoch = epoch();
        if stock.epoch != epoch {
            stock.keys.clear();
            stock.epoch = epoch;
        }
        Some(stock)
    }
}

/// Where a handshake has its ephemeral keys from.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) pool: Option<&'a EphemeralPool>,
    pub(crate) random: &'a dyn Random,
}

impl Keys<'_> {
    /// One that was made ahead, or a fresh one.
    pub(crate) fn ephemeral(&self, group: &'static Group) -> Result<EphemeralKey, Failure> {
        match self.pool.and_then(|pool| pool.take(group)) {
            Some(key) => Ok(key),
            None => EphemeralKey::generate(group, self.random),
        }
    }

    /// Replies to a published key, as [`Group::encapsulate`] does, if it can with a key that was made ahead: in
    /// Diffie-Hellman the reply is a public key, and what it carries is what both agree on.
    pub(crate) fn encapsulate(
        &self,
        group: &'static Group,
        published: &[u8],
    ) -> Result<(Vec<u8>, SharedSecret), Error> {
        let key = match group.kind {
            GroupKind::Curve | GroupKind::FiniteField => self.pool.and_then(|pool| pool.take(group)),
            GroupKind::Kem | GroupKind::Hybrid => None,
        };
        match key {
            Some(key) => {
                let reply = key.public().to_vec();
                Ok((reply, key.open(published)?))
            }
            None => group.encapsulate(published, self.random),
        }
    }

    /// Replies to a server's key, as [`PublishedKey::encapsulate`] does.
    pub(crate) fn reply_to(
        &self,
        key: &PublishedKey,
        offered: ProtocolVersion,
    ) -> Result<(Vec<u8>, SharedSecret), Error> {
        match key {
            PublishedKey::Named(group, point) => self.encapsulate(group, point),
            PublishedKey::Explicit(parameters, public) => {
                match parameters.group().and_then(|group| self.pool?.take(group)) {
                    Some(own) => {
                        let reply = own.public().to_vec();
                        Ok((reply, own.open_unpadded(stripped(public))?))
                    }
                    None => key.encapsulate(offered, self.random),
                }
            }
            PublishedKey::Static(_) => key.encapsulate(offered, self.random),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::random::test::{Always, Dealt},
        error::Misbehaved,
        wire::NamedGroup,
    };
    use std::{cell::Cell, collections::HashSet, thread};

    fn group(code: NamedGroup) -> &'static Group {
        Group::find(code).unwrap()
    }

    fn x25519() -> &'static Group {
        group(NamedGroup::x25519)
    }

    fn pool(most: usize) -> EphemeralPool {
        EphemeralPool::new([x25519(), group(NamedGroup::X25519MLKEM768)], most)
    }

    #[test]
    fn it_holds_what_it_may_and_gives_each_key_once() {
        let pool = pool(5);
        assert!(pool.take(x25519()).is_none());
        assert_eq!(pool.fill(), Ok(10));
        assert_eq!(pool.fill(), Ok(0));
        assert_eq!(pool.len(x25519()), 5);
        let keys: Vec<_> = std::iter::from_fn(|| pool.take(x25519())).collect();
        let publics: HashSet<_> = keys.iter().map(|key| key.public()).collect();
        assert_eq!(publics.len(), 5);
        assert!(keys.iter().all(|key| key.group() == x25519()));
        assert!(pool.take(group(NamedGroup::secp256r1)).is_none());
        assert_eq!(pool.fill(), Ok(5));
        pool.clear();
        assert_eq!((pool.len(x25519()), pool.take(x25519()).is_none()), (0, true));
    }

    #[test]
    fn threads_never_get_the_same_key() {
        let pool = EphemeralPool::new([x25519()], 20);
        let taken = Mutex::new(HashSet::new());
        thread::scope(|scope| {
            scope.spawn(|| (0..200).for_each(|_| assert!(pool.fill().is_ok())));
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if let Some(key) = pool.take(x25519()) {
                            assert!(taken.lock().unwrap().insert(key.public().to_vec()));
                        }
                    }
                });
            }
        });
        assert!(pool.len(x25519()) <= 20);
    }

    thread_local! {
        static EPOCH: Cell<u64> = const { Cell::new(1) };
    }

    /// What a fork does to the pool: memory as it was, in a process of another epoch.
    #[test]
    fn after_a_fork_it_is_empty() {
        let pool = EphemeralPool { epoch: || EPOCH.get(), ..pool(3) };
        assert_eq!(pool.fill(), Ok(6));
        EPOCH.set(2);
        assert!(pool.take(x25519()).is_none());
        assert_eq!(pool.fill(), Ok(6));
        assert!(pool.take(x25519()).is_some());
        // Also for whoever asks first for the number.
        EPOCH.set(3);
        assert_eq!(pool.len(x25519()), 0);
    }

    /// A fork while a key is being made: the source stands for the moment.
    #[test]
    fn a_key_that_was_made_across_a_fork_is_not_kept() {
        struct Forks;
        impl Random for Forks {
            fn fill(&self, out: &mut [u8]) -> Result<(), crate::crypto::RandomFailed> {
                EPOCH.set(EPOCH.get() + 1);
                SystemRandom.fill(out)
            }
        }
        let pool = EphemeralPool::with_random([x25519()], 3, Arc::new(Forks));
        let pool = EphemeralPool { epoch: || EPOCH.get(), ..pool };
        assert_eq!(pool.fill(), Ok(0));
        assert_eq!(pool.len(x25519()), 0);
    }

    /// A lock that nobody will ever release.
    #[test]
    fn nobody_waits_for_a_lock() {
        let pool = pool(3);
        pool.fill().unwrap();
        let _held = pool.shelves[0].stock.lock().unwrap();
        assert!(pool.take(x25519()).is_none());
        assert_eq!(pool.fill(), Ok(0));
        let keys = Keys { pool: Some(&pool), random: &SystemRandom };
        assert_eq!(keys.ephemeral(x25519()).unwrap().group(), x25519());
    }

    #[test]
    fn a_source_that_fails_or_repeats_fills_nothing() {
        for random in [Arc::new(Dealt::new([])) as Arc<dyn Random>, Arc::new(Always(7))] {
            let pool = EphemeralPool::with_random([x25519()], 3, random);
            assert_eq!(pool.fill(), Err(Failure::Random));
            assert_eq!(pool.len(x25519()), 0);
        }
    }

    #[test]
    fn replies_are_as_good_as_without_it() {
        let pool = EphemeralPool::new(Group::ALL, 2);
        pool.fill().unwrap();
        for pool in [Some(&pool), None] {
            let keys = Keys { pool, random: &SystemRandom };
            for group in Group::ALL {
                let key = keys.ephemeral(group).unwrap();
                let (reply, sent) = keys.encapsulate(group, key.public()).unwrap();
                let opened = key.open(&reply).unwrap();
                assert_eq!(sent.input_keying_material(), opened.input_keying_material(), "{}", group.code);
                assert_eq!(sent.into_premaster(), opened.into_premaster(), "{}", group.code);
            }
        }
    }

    #[test]
    fn what_is_refused_without_it_is_refused_with_it() {
        let pool = EphemeralPool::new(Group::ALL, 8);
        pool.fill().unwrap();
        let (with, without) = [Some(&pool), None].map(|pool| Keys { pool, random: &SystemRandom }).into();
        for group in Group::ALL {
            for published in [vec![], vec![0; group.published_len], vec![0; group.published_len + 1]] {
                let [error, expected] =
                    [&with, &without].map(|keys: &Keys<'_>| keys.encapsulate(group, &published).err());
                assert!(matches!(expected, None | Some(Error::Misbehaved(_))), "{}", group.code);
                assert_eq!(error, expected, "{}", group.code);
            }
        }
        assert_eq!(
            with.encapsulate(x25519(), &[0; 32]).unwrap_err(),
            Error::Misbehaved(Misbehaved::BadPoint)
        );
    }

    #[test]
    fn it_does_not_print_keys() {
        let pool = pool(3);
        pool.fill().unwrap();
        assert_eq!(format!("{pool:?}"), "EphemeralPool(3 of each of [x25519, X25519MLKEM768])");
    }
}
