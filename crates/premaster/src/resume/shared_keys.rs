//! Ticket keys that several machines agree on by way of a store.
use super::{
    Miss, ServerSession, TicketKeys,
    search::{Search, Wait},
    store::{Call, SealedBytes, Store, StoreFailed, StoreName},
    ticket_key::{KEY_ID_LEN, KEY_LEN, Purpose, Rotation, TicketKey, Window},
};
use crate::{
    Secret,
    crypto::{
        Random,
        hash::{HashAlgorithm, HmacKey},
    },
    wire::Reader,
};
use pki_types::UnixTime;
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How many earlier keys are looked for at most.
const MAX_EARLIER: u64 = 256;

/// How often at most the store is asked whether it still has the keys that were agreed on, in seconds.
const ASK_AGAIN: u64 = 30;

/// What all machines of a fleet know, and nobody else: from it come the names and the seals under which ticket
/// keys are kept in the store.
///
/// It opens no ticket by itself. But who has it and a copy of what was in the store has the ticket keys: a store
/// that writes to disk makes the forward secrecy window as long as its backups.
pub struct FleetSecret {
    names: Box<HmacKey>,
    seal: TicketKey,
}

impl FleetSecret {
    /// The length of the secret, in bytes.
    pub const LEN: usize = 32;

    /// None if it does not have this length, or all its bytes are the same.
    pub fn new(secret: &Secret) -> Option<Self> {
        if secret.len() != Self::LEN {
            return None;
        }
        let keyed = HmacKey::new(HashAlgorithm::Sha256, secret.expose());
        // Refuses what nobody drew.
        let always = Window {
            not_before: UnixTime::since_unix_epoch(Duration::ZERO),
            encrypt_until: UnixTime::since_unix_epoch(Duration::MAX),
            decrypt_until: UnixTime::since_unix_epoch(Duration::MAX),
        };
        TicketKey::new([0; KEY_ID_LEN], Secret::from(secret.expose()), always).ok()?;
        let derive = |label: &[u8]| Secret::fill(KEY_LEN, |out| keyed.sign(&[label, &[1]], out));
        let names = Box::new(HmacKey::new(HashAlgorithm::Sha256, derive(b"premaster fleet names").expose()));
        let seal = TicketKey::new([0; KEY_ID_LEN], derive(b"premaster fleet seals"), always).ok()?;
        Some(Self { names, seal })
    }

    /// What the key of this period is called. Fleets that rotate otherwise have other keys.
    fn slot(&self, rotation: Rotation, period: u64) -> StoreName {
        let mut id = [0; 32];
        let [interval, lifetime, period] =
            [rotation.interval(), rotation.lifetime(), period].map(u64::to_be_bytes);
        self.names.sign(&[&interval, &lifetime, &period], &mut id);
        StoreName::new("ticket key", &id)
    }

    fn seal_key(&self, random: &dyn Random, slot: &StoreName, key: &TicketKey) -> Option<SealedBytes> {
        let mut plaintext = zeroize::Zeroizing::new([0; KEY_ID_LEN + KEY_LEN]);
        plaintext[..KEY_ID_LEN].copy_from_slice(key.id());
        plaintext[KEY_ID_LEN..].copy_from_slice(key.secret().expose());
        SealedBytes::sealed(self.seal.seal(random, Purpose::Stored(slot.bytes()), &*plaintext)?)
    }

    /// Nobody but a machine of the fleet can have put it there, but the store may bring it at another time.
    fn open_key(&self, slot: &StoreName, sealed: &SealedBytes, window: Window) -> Option<TicketKey> {
        let plaintext = self.seal.open(Purpose::Stored(slot.bytes()), sealed.bytes()).ok()?;
        let mut reader = Reader::new(&plaintext, "ticket key");
        let id = *reader.array().ok()?;
        let secret = Secret::from(&reader.array::<KEY_LEN>().ok()?[..]);
        reader.finish().ok()?;
        TicketKey::new(id, secret, window).ok()
    }
}

/// Ticket keys that several machines agree on by way of a store.
///
/// Time is cut into periods of one rotation interval, and each has a place in the store for its key. Whoever
/// finds the place empty makes a key and puts it there if it is empty still; all others take what they find. So
/// there is one key a period without anybody being in charge. The key of the next period is agreed on during this
/// one: the store can be away for as long without any loss.
pub struct SharedKeys {
    shelf: Arc<Shelf>,
    /// When the store is to be asked again, in seconds since 1970.
    ask_at: AtomicU64,
    /// When the store was asked last.
    asked: AtomicU64,
    is_asking: AtomicBool,
    /// What those wait for who come while the store is being asked.
    search: Mutex<Option<Arc<Search>>>,
}

/// The keys, and their places in the store.
struct Shelf {
    keys: Arc<TicketKeys>,
    store: Arc<dyn Store>,
    secret: FleetSecret,
    rotation: Rotation,
    deadline: Duration,
    /// Whether the keys of earlier periods were looked for.
    has_earlier: AtomicBool,
}

impl SharedKeys {
    /// Keys that change with `rotation`, in `store`. Each call to the store may take as long as `deadline`.
    ///
    /// There are none until [`refresh`](Self::refresh) was called once.
    pub fn new(store: Arc<dyn Store>, secret: FleetSecret, rotation: Rotation, deadline: Duration) -> Self {
        let keys = Arc::new(TicketKeys::shared(rotation));
        let has_earlier = AtomicBool::new(false);
        Self {
            shelf: Arc::new(Shelf { keys, store, secret, rotation, deadline, has_earlier }),
            ask_at: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            is_asking: AtomicBool::new(false),
            search: Mutex::new(None),
        }
    }

    /// The keys.
    pub fn keys(&self) -> &Arc<TicketKeys> {
        &self.shelf.keys
    }

    /// Whether the store should be asked again.
    pub fn is_due(&self, now: UnixTime) -> bool {
        now.as_secs() >= self.ask_at.load(Ordering::Relaxed)
    }

    /// Asks the store if it is time to, and nobody else does already. If it fails, it is asked again in a second;
    /// the keys that are held stay in use as long as their windows last.
    ///
    /// As long as no key may seal, whoever else asks is not waited for, which may take the time of many calls:
    /// the key of the present is asked for as well.
    ///
    /// # Errors
    /// The store could not be asked.
    pub async fn refresh(&self, now: UnixTime, random: &dyn Random) -> Result<(), StoreFailed> {
        if !self.is_due(now) || self.is_asking.swap(true, Ordering::Acquire) {
            return self.catch_up(now, random).await;
        }
        self.ask(now, random, Asking(&self.is_asking)).await
    }

    async fn ask(
        &self,
        now: UnixTime,
        random: &dyn Random,
        _until_the_end: Asking<'_>,
    ) -> Result<(), StoreFailed> {
        self.asked.store(now.as_secs(), Ordering::Relaxed);
        self.ask_at.store(now.as_secs().saturating_add(1), Ordering::Relaxed);
        self.shelf.agree(now, random).await?;
        let interval = self.shelf.rotation.interval();
        let next_period = (now.as_secs() / interval).saturating_add(1).saturating_mul(interval);
        let again = now.as_secs().saturating_add((interval / 4).clamp(1, ASK_AGAIN));
        self.ask_at.store(next_period.min(again), Ordering::Relaxed);
        Ok(())
    }

    /// Sees to it that there is a key that seals, while somebody else asks for all of them.
    async fn catch_up(&self, now: UnixTime, random: &dyn Random) -> Result<(), StoreFailed> {
        let shelf = &self.shelf;
        let has_key = || shelf.keys.with_ring(|ring| ring.sealing(now).is_some());
        if !self.is_asking.load(Ordering::Acquire) || has_key() {
            return Ok(());
        }
        shelf.agree_on(shelf.call(now), now.as_secs() / shelf.rotation.interval(), random).await
    }

    /// Looks for a key that something was sealed with and that is not held: not more than once a second, because
    /// anybody can invent names. But whoever comes while the store is being asked has not come too late for it:
    /// they share one search, which needs none of them and not the one who asks.
    pub(super) async fn look_again(&self, now: UnixTime, random: &dyn Random) -> Result<(), StoreFailed> {
        if self.is_asking.swap(true, Ordering::Acquire) {
            return match self.search(now) {
                Some(wait) => wait.await,
                None => Ok(()),
            };
        }
        let asking = Asking(&self.is_asking);
        match self.asked.load(Ordering::Relaxed) < now.as_secs() {
            true => self.ask(now, random, asking).await,
            false => Ok(()),
        }
    }

    /// The session that was sealed into a ticket. If no key has its name, the store is asked, but not more than
    /// once a second: anybody can invent names.
    ///
    /// # Errors
    /// It does not open.
    pub async fn open(
        &self,
        now: UnixTime,
        random: &dyn Random,
        ticket: &[u8],
    ) -> Result<ServerSession, Miss> {
        match self.keys().open(now, ticket) {
            Err(Miss::UnknownKey) => {
                self.look_again(now, random).await?;
                self.keys().open(now, ticket)
            }
            other => other,
        }
    }

    /// The search that is under way, or a new one; none if this second had one that is over.
    fn search(&self, now: UnixTime) -> Option<Wait> {
        // What stands there is complete at every moment.
        let mut search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        match &*search {
            Some(search) if search.is_going() => return Some(search.wait()),
            Some(search) if search.began >= now.as_secs() => return None,
            _ => {}
        }
        let shelf = Arc::clone(&self.shelf);
        let new = Search::new(now.as_secs(), async move { shelf.look(now).await });
        Some(search.insert(new).wait())
    }
}

impl Shelf {
    async fn agree(&self, now: UnixTime, random: &dyn Random) -> Result<(), StoreFailed> {
        let call = self.call(now);
        let period = now.as_secs() / self.rotation.interval();
        for period in [period, period.saturating_add(1)] {
            self.agree_on(call, period, random).await?;
        }
        self.look_for_earlier(call, period).await
    }

    /// Takes what is there.
    async fn look(&self, now: UnixTime) -> Result<(), StoreFailed> {
        let call = self.call(now);
        let period = now.as_secs() / self.rotation.interval();
        for period in [period, period.saturating_add(1)] {
            self.look_for(call, period).await?;
        }
        self.look_for_earlier(call, period).await
    }

    /// The keys of earlier periods, of which there will be no more.
    async fn look_for_earlier(&self, call: Call, period: u64) -> Result<(), StoreFailed> {
        if !self.has_earlier.load(Ordering::Relaxed) {
            let earlier = self.rotation.lifetime().div_ceil(self.rotation.interval()).min(MAX_EARLIER);
            for period in period.saturating_sub(earlier)..period {
                self.look_for(call, period).await?;
            }
            self.has_earlier.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes the key of this period from the store, or puts one there: our own, if the store had it once and has
    /// lost it, else a new one.
    async fn agree_on(&self, call: Call, period: u64, random: &dyn Random) -> Result<(), StoreFailed> {
        let (slot, window) = (self.secret.slot(self.rotation, period), self.window(period));
        // Twice, for the case that another machine comes first between looking and putting.
        for _ in 0..2 {
            if self.look_for(call, period).await? {
                return Ok(());
            }
            let own = self.keys.with_ring(|ring| ring.sealing(window.not_before).cloned());
            let own = match own.filter(|own| own.window() == window) {
                Some(own) => own,
                None => match TicketKey::generate(random, window) {
                    Ok(key) => Arc::new(key),
                    // Without randomness there is no key, and no ticket.
                    Err(_) => return Ok(()),
                },
            };
            let Some(sealed) = self.secret.seal_key(random, &slot, &own) else { return Ok(()) };
            let left = window.decrypt_until.as_secs().saturating_sub(call.now.as_secs());
            let ttl = Duration::from_secs(left);
            if self.store.put_new(call, slot, sealed, ttl).await? {
                self.keys.with_ring(|ring| ring.agree(own));
                return Ok(());
            }
        }
        Err(StoreFailed::Unavailable)
    }

    /// Whether the store has a key of this period, which is then held.
    async fn look_for(&self, call: Call, period: u64) -> Result<bool, StoreFailed> {
        let slot = self.secret.slot(self.rotation, period);
        let Some(sealed) = self.store.get(call, slot).await? else { return Ok(false) };
        // Something else stands in the key's place: to use a key of our own would be to disagree.
        let key =
            self.secret.open_key(&slot, &sealed, self.window(period)).ok_or(StoreFailed::Unavailable)?;
        self.keys.with_ring(|ring| ring.agree(Arc::new(key)));
        Ok(true)
    }

    const fn call(&self, now: UnixTime) -> Call {
        Call { now, deadline: self.deadline }
    }

    fn window(&self, period: u64) -> Window {
        Window::starting(period.saturating_mul(self.rotation.interval()), self.rotation)
    }
}

/// As long as it lives the store is being asked, also where a future is dropped half-way.
struct Asking<'a>(&'a AtomicBool);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl fmt::Debug for SharedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys().fmt(f)
    }
}
