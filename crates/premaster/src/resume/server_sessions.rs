//! What a server resumes with: keys for tickets, and perhaps a store.
use super::{
    Freshness, Miss, ServerSession, SharedKeys, TicketKeys,
    store::{Call, SealedBytes, Store, StoreName},
    ticket_key::Purpose,
};
use crate::crypto::Random;
use pki_types::UnixTime;
use std::{fmt, sync::Arc, time::Duration};

/// What a server resumes with: keys for tickets, and perhaps a store.
///
/// Nothing here fails a connection. Whatever does not work is a [`Miss`], for the observer to hear of.
pub struct ServerSessions {
    keys: Keys,
    store: Option<Arc<dyn Store>>,
    deadline: Duration,
}

enum Keys {
    Own(Arc<TicketKeys>),
    Shared(Arc<SharedKeys>),
}

impl ServerSessions {
    /// With these keys, and no store: there are tickets, but no session IDs and no early data.
    pub fn new(keys: impl Into<Arc<TicketKeys>>) -> Self {
        Self { keys: Keys::Own(keys.into()), store: None, deadline: Self::DEADLINE }
    }

    /// With keys that several machines agree on, in the store by which they do.
    pub fn shared(keys: impl Into<Arc<SharedKeys>>) -> Self {
        Self { keys: Keys::Shared(keys.into()), store: None, deadline: Self::DEADLINE }
    }

    /// How long the store is waited for if nothing else is said: less than a full handshake costs over most
    /// distances.
    pub const DEADLINE: Duration = Duration::from_millis(50);

    /// With a store as well. Several machines that use it must have the same keys, for what it keeps is sealed
    /// with them.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// How long a handshake waits for the store, each time.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The keys, for whoever watches over them.
    pub fn keys(&self) -> &TicketKeys {
        match &self.keys {
            Keys::Own(keys) => keys,
            Keys::Shared(shared) => shared.keys(),
        }
    }

    /// Whether there is a store.
    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Sees to it that there are keys. Every handshake that wants any does this first; a server with a task of
    /// its own for it, say every second, spares handshakes the wait.
    pub async fn maintain(&self, now: UnixTime, random: &dyn Random) -> Result<(), Miss> {
        self.keys().maintain(now, Some(random));
        match &self.keys {
            Keys::Own(_) => Ok(()),
            Keys::Shared(shared) => Ok(shared.refresh(now, random).await?),
        }
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
        self.keys().seal(now, random, session)
    }

    /// The session in a ticket.
    pub async fn open_ticket(
        &self,
        now: UnixTime,
        random: &dyn Random,
        ticket: &[u8],
    ) -> Result<ServerSession, Miss> {
        match &self.keys {
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
        self.maintain(now, random).await?;
        let name = StoreName::new("session", id);
        let sealed = self.keys().seal_as(now, random, Purpose::Stored(name.bytes()), session);
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
        let is_local = !store.is_shared() && self.keys().are_of_this_process();
        freshness.check_claim(claim, session, obfuscated_ticket_age, is_local)
    }

    async fn open_stored(
        &self,
        now: UnixTime,
        random: &dyn Random,
        name: &StoreName,
        found: &SealedBytes,
    ) -> Result<ServerSession, Miss> {
        let open = || self.keys().open_as(now, Purpose::Stored(name.bytes()), found.bytes());
        match open() {
            Err(Miss::UnknownKey) => {
                self.maintain(now, random).await?;
                open()
            }
            other => other,
        }
    }

    const fn call(&self, now: UnixTime) -> Call {
        Call { now, deadline: self.deadline }
    }
}

impl fmt::Debug for ServerSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSessions")
            .field("keys", self.keys())
            .field("has_store", &self.has_store())
            .finish_non_exhaustive()
    }
}
