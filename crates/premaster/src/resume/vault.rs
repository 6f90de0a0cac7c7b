//! What a server resumes with: keys for tickets, and perhaps a store.
use super::{
    Freshness, Miss, ServerSession, SharedKeys, TicketKeys,
    store::{Call, SealedBytes, Store, StoreName},
    ticket_key::{Purpose, Rotation},
};
use crate::crypto::Random;
use pki_types::UnixTime;
use std::{fmt, sync::Arc, time::Duration};

/// What a server resumes with: keys for tickets, and perhaps a store.
///
/// Nothing here fails a connection. Whatever does not work is a [`Miss`], for the observer to hear of.
#[derive(Clone)]
pub struct Vault {
    keys: Option<Keys>,
    store: Option<Arc<dyn Store>>,
    deadline: Duration,
}

#[derive(Clone)]
enum Keys {
    Own(Arc<TicketKeys>),
    Shared(Arc<SharedKeys>),
}

impl Vault {
    /// How long the store is waited for if nothing else is said: less than a full handshake costs over most
    /// distances.
    pub const DEADLINE: Duration = Duration::from_millis(50);

    /// Nothing: every handshake is a full one.
    pub const fn none() -> Self {
        Self { keys: None, store: None, deadline: Self::DEADLINE }
    }

    /// With these keys.
    #[must_use]
    pub fn keys(mut self, keys: impl Into<Arc<TicketKeys>>) -> Self {
        self.keys = Some(Keys::Own(keys.into()));
        self
    }

    /// With keys that several machines agree on.
    #[must_use]
    pub fn shared_keys(mut self, keys: impl Into<Arc<SharedKeys>>) -> Self {
        self.keys = Some(Keys::Shared(keys.into()));
        self
    }

    /// With a store as well. Several machines that use it must have the same keys, for what it keeps is sealed
    /// with them. Without any keys so far, this process gets its own: a new one every hour, for sessions of up to
    /// a day.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self.keys.get_or_insert_with(|| {
            let [hour, day] = [3600, 24 * 3600].map(Duration::from_secs);
            Keys::Own(Arc::new(TicketKeys::rotating(Rotation::new(hour, day))))
        });
        self
    }

    /// How long a handshake waits for the store, each time.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The keys, for whoever watches over them.
    pub fn ticket_keys(&self) -> Option<&TicketKeys> {
        match self.keys.as_ref()? {
            Keys::Own(keys) => Some(keys),
            Keys::Shared(shared) => Some(shared.keys()),
        }
    }

    /// Whether there are no keys, and so nothing to resume with.
    pub const fn is_none(&self) -> bool {
        self.keys.is_none()
    }

    /// Whether there is a store.
    pub const fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Sees to it that there are keys. Every handshake that wants any does this first; a server with a task of
    /// its own for it, say every second, spares handshakes the wait.
    pub async fn maintain(&self, now: UnixTime, random: &dyn Random) -> Result<(), Miss> {
        match self.keys.as_ref().ok_or(Miss::Declined)? {
            Keys::Own(keys) => keys.maintain(now, Some(random)),
            Keys::Shared(shared) => {
                shared.keys().maintain(now, None);
                shared.refresh(now, random).await?;
            }
        }
        Ok(())
    }

    /// A ticket with this session. None if there is no key to seal it with, or it would get too long.
    pub async fn seal_ticket(
        &self,
        now: UnixTime,
        random: &dyn Random,
        session: &ServerSession,
    ) -> Option<Vec<u8>> {
        // If the store is away there may be keys all the same.
        let _ = self.maintain(now, random).await;
        self.ticket_keys()?.seal(now, random, session)
    }

    /// The session in a ticket.
    pub async fn open_ticket(
        &self,
        now: UnixTime,
        random: &dyn Random,
        ticket: &[u8],
    ) -> Result<ServerSession, Miss> {
        match self.keys.as_ref().ok_or(Miss::Declined)? {
            Keys::Own(keys) => keys.open(now, ticket),
            Keys::Shared(shared) => shared.open(now, random, ticket).await,
        }
    }

    /// Keeps a session under `id`: a TLS 1.2 session ID, or a ticket that is no more than a name. It is kept no
    /// longer than it may be resumed.
    pub async fn put(
        &self,
        now: UnixTime,
        random: &dyn Random,
        id: &[u8],
        session: &ServerSession,
    ) -> Result<(), Miss> {
        let store = self.store.as_ref().ok_or(Miss::Declined)?;
        let keys = self.ticket_keys().ok_or(Miss::Declined)?;
        // If the store was away there may be keys all the same.
        let _ = self.maintain(now, random).await;
        let name = StoreName::new("session", id);
        let sealed = keys.seal_as(now, random, Purpose::Stored(name.bytes()), session);
        // None: no key may seal, or the client's chain is too long.
        let sealed = sealed.and_then(SealedBytes::sealed).ok_or(Miss::Declined)?;
        let over = session.created.as_secs().saturating_add(session.lifetime.into());
        let ttl = Duration::from_secs(over.saturating_sub(now.as_secs()));
        Ok(store.put(self.call(now), name, sealed, ttl).await?)
    }

    /// The session that is kept under `id`, which may be asked for again: TLS 1.2.
    pub async fn get(&self, now: UnixTime, random: &dyn Random, id: &[u8]) -> Result<ServerSession, Miss> {
        let store = self.store.as_ref().ok_or(Miss::StoreMiss)?;
        let name = StoreName::new("session", id);
        let found = store.get(self.call(now), name).await?.ok_or(Miss::StoreMiss)?;
        self.open_stored(now, random, &name, &found).await
    }

    /// The session that is kept under `id`, for the last time: TLS 1.3. Of several that ask at once, one gets it.
    pub async fn take(&self, now: UnixTime, random: &dyn Random, id: &[u8]) -> Result<ServerSession, Miss> {
        let store = self.store.as_ref().ok_or(Miss::StoreMiss)?;
        let name = StoreName::new("session", id);
        let found = store.take(self.call(now), name).await?.ok_or(Miss::StoreMiss)?;
        self.open_stored(now, random, &name, &found).await
    }

    /// Forgets a session: a connection of it ended with a fatal alert (RFC 5246 section 7.2.2).
    pub async fn forget(&self, now: UnixTime, id: &[u8]) {
        if let Some(store) = &self.store {
            let _ = store.take(self.call(now), StoreName::new("session", id)).await;
        }
    }

    /// Whether early data that comes with this ticket, or name of a stored session, can be accepted: it is fresh,
    /// and nobody on any machine that uses the store had it before (RFC 9846 sections 8.1 to 8.3). Asked after the
    /// binder was verified, and once only, for asking uses it up.
    pub async fn claim_early_data(
        &self,
        now: UnixTime,
        freshness: Freshness,
        ticket: &[u8],
        obfuscated_ticket_age: u32,
        session: &ServerSession,
    ) -> Result<(), Miss> {
        // Without a store nothing tells a replay.
        let store = self.store.as_ref().ok_or(Miss::Declined)?;
        freshness.check(now, session, obfuscated_ticket_age)?;
        let name = StoreName::new("early data", ticket);
        let claim = store.claim(self.call(now), name, freshness.claim_lifetime()).await?;
        let is_local = !store.is_shared() && self.ticket_keys().is_some_and(TicketKeys::are_of_this_process);
        freshness.check_claim(claim, session, obfuscated_ticket_age, is_local)
    }

    async fn open_stored(
        &self,
        now: UnixTime,
        random: &dyn Random,
        name: &StoreName,
        found: &SealedBytes,
    ) -> Result<ServerSession, Miss> {
        let keys = self.ticket_keys().ok_or(Miss::Declined)?;
        let open = || keys.open_as(now, Purpose::Stored(name.bytes()), found.bytes());
        match (open(), &self.keys) {
            (Err(Miss::UnknownKey), Some(Keys::Shared(shared))) => {
                shared.look_again(now, random).await?;
                open()
            }
            (other, _) => other,
        }
    }

    const fn call(&self, now: UnixTime) -> Call {
        Call { now, deadline: self.deadline }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("keys", &self.ticket_keys())
            .field("has_store", &self.has_store())
            .finish_non_exhaustive()
    }
}
