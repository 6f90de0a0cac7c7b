//! Where servers keep sessions, and remember what was used: in memory or, for several machines, somewhere else.
//!
//! A store sees no secret: names are hashes, values are sealed. It may be slow, lose what it was given, or be
//! gone altogether: that costs full handshakes, and early data that comes a round trip later, never a connection.
use super::Miss;
use crate::{
    BoxFuture,
    crypto::hash::{HashAlgorithm, digest},
};
use pki_types::UnixTime;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// The longest value that is given to a store, or taken from one, in bytes.
pub const MAX_STORED: usize = 1 << 16;

/// What something is stored under: a hash, from which nobody who sees the store learns what is on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreName([u8; 32]);

impl StoreName {
    /// The name of what `kind` of thing is called `id` on the wire.
    pub fn new(kind: &str, id: &[u8]) -> Self {
        let len = [kind.len() as u8];
        let hash = digest(HashAlgorithm::Sha256, &[b"premaster store", &len, kind.as_bytes(), id]);
        Self(hash.as_ref().try_into().unwrap_or_default())
    }

    /// The hash.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreName(")?;
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A value that can be shown to anybody: who changes it makes it useless.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBytes(Vec<u8>);

impl SealedBytes {
    /// What came from a store. None if it is longer than anything that was given to one.
    pub fn from_store(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= MAX_STORED).then_some(Self(bytes))
    }

    pub(super) fn sealed(bytes: Vec<u8>) -> Option<Self> {
        Self::from_store(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBytes({} bytes)", self.0.len())
    }
}

/// Why a store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFailed {
    /// It did not answer before the deadline.
    TimedOut,
    /// It cannot be reached, or answers nonsense.
    Unavailable,
    /// It has no room for what it would have to remember.
    Full,
}

impl fmt::Display for StoreFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the session store did not answer in time",
            Self::Unavailable => "the session store cannot be reached",
            Self::Full => "the session store is full",
        })
    }
}

impl std::error::Error for StoreFailed {}

impl From<StoreFailed> for Miss {
    fn from(failed: StoreFailed) -> Self {
        match failed {
            StoreFailed::TimedOut => Self::StoreTimedOut,
            StoreFailed::Unavailable | StoreFailed::Full => Self::StoreFailed,
        }
    }
}

/// What every call to a store comes with.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The time, for stores that have no clock of their own.
    pub now: UnixTime,
    /// After how long nobody is interested in the answer any more. The library has no timers: a store that waits
    /// keeps to it by itself, and says [`StoreFailed::TimedOut`].
    pub deadline: Duration,
}

/// What a claim found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whether nobody claimed this name before.
    pub is_first: bool,
    /// Since when no claim was lost. A store that was restarted, or that another one took over from, does not
    /// remember what was claimed before.
    pub complete_since: UnixTime,
}

/// An answer that is there, or that has to be waited for.
#[must_use = "futures do nothing unless polled"]
pub struct Answer<'a, T>(Inner<'a, T>);

enum Inner<'a, T> {
    Now(Option<T>),
    Later(BoxFuture<'a, T>),
}

impl<'a, T> Answer<'a, T> {
    /// It is there.
    pub const fn now(value: T) -> Self {
        Self(Inner::Now(Some(value)))
    }

    /// It has to be waited for.
    pub fn later(future: impl Future<Output = T> + Send + 'a) -> Self {
        Self(Inner::Later(Box::pin(future)))
    }
}

impl<T: Unpin> Future for Answer<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            // Polled again after it was ready, it is pending for ever, as any future may be.
            Inner::Now(value) => value.take().map_or(Poll::Pending, Poll::Ready),
            Inner::Later(future) => future.as_mut().poll(context),
        }
    }
}

/// Where servers keep sessions, and remember what was used.
///
/// Every call ends by its deadline. Values are gone after their time to live, and may be gone earlier.
pub trait Store: Send + Sync {
    /// Keeps `value`, in the place of what was there.
    fn put(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<(), StoreFailed>>;

    /// Keeps `value` if there is nothing of this name yet, and says whether that was so. Of several that try at
    /// once, on whatever machines, one is told yes.
    fn put_new(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<bool, StoreFailed>>;

    /// What is kept.
    fn get(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>>;

    /// What was kept, and is no more. Of several that take at once, on whatever machines, one gets it. It happens
    /// even if nobody waits for the answer: that is how a session is forgotten.
    fn take(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>>;

    /// Remembers this name for `ttl`. Of several that claim it in that time, on whatever machines, one is the
    /// first. A claim is not to be forgotten for want of room: rather fail.
    fn claim(&self, call: Call, name: StoreName, ttl: Duration) -> Answer<'_, Result<Claim, StoreFailed>>;

    /// Whether it outlives this process, or others use it as well.
    fn is_shared(&self) -> bool {
        true
    }
}
