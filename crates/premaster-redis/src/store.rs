//! The commands.
use crate::link::{Disconnected, Link};
use premaster::{
    pki_types::UnixTime,
    resume::{Answer, Call, Claim, SealedBytes, Store, StoreFailed, StoreName},
};
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, aio::MultiplexedConnection};
use std::{fmt, sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// How long the mark stays since when claims are complete. When it goes, early data is refused for a moment.
const MARK_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// A Redis, or Valkey, of version 6.2 or later.
///
/// Calls may come from any thread and under any executor: the work is done on the Tokio runtime that the store
/// was made on.
pub struct RedisStore {
    link: Arc<Link>,
    runtime: Handle,
    prefix: Arc<str>,
}

/// Why a store cannot be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum CannotUse {
    /// The URL is not one of Redis.
    Url(RedisError),
    /// There is no Tokio runtime here.
    NoRuntime,
    /// It cannot be reached, or refuses what a store has to do.
    Refused(RedisError),
    /// It did not answer in time.
    Silent,
}

impl fmt::Display for CannotUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "the store's URL: {error}"),
            Self::NoRuntime => f.write_str("a Redis store has to be made on a Tokio runtime"),
            Self::Refused(error) => write!(f, "{error}"),
            Self::Silent => f.write_str("it did not answer in time"),
        }
    }
}

impl std::error::Error for CannotUse {}

impl RedisStore {
    /// The store at `url`: `redis://host:port/database`, `unix:///path/of/socket`, and `valkey` in the place of
    /// `redis`. It is connected to when it is first used.
    ///
    /// # Errors
    /// The URL is not one, or there is no Tokio runtime here.
    pub fn new(url: &str) -> Result<Self, CannotUse> {
        Self::on(url, Handle::try_current().map_err(|_| CannotUse::NoRuntime)?)
    }

    /// As [`new`](Self::new), on this runtime.
    ///
    /// # Errors
    /// The URL is not one.
    pub fn on(url: &str, runtime: Handle) -> Result<Self, CannotUse> {
        let client = redis::Client::open(url).map_err(CannotUse::Url)?;
        Ok(Self { link: Link::new(client), runtime, prefix: "premaster:".into() })
    }

    /// Puts this before the name of every key. Default `premaster:`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Where it is: host and port, or a socket's path, without user and password.
    pub fn address(&self) -> String {
        self.link.address()
    }

    /// Whether it can be used at the moment: tries, over a connection of its own, a command that only a Redis of
    /// version 6.2, which lets us in and may be written to, carries out. Nothing else depends on it: for who
    /// starts a server, and wants to tell of a mistake at once.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn check(&self, deadline: Duration) -> Result<(), CannotUse> {
        let link = Arc::clone(&self.link);
        let mut command = redis::cmd("GETDEL");
        command.arg(format!("{}check", self.prefix));
        let task = self.runtime.spawn(async move {
            let asked = async {
                let mut connection = link.new_connection().await?;
                command.query_async::<Option<Vec<u8>>>(&mut connection).await
            };
            tokio::time::timeout(deadline, asked).await
        });
        match task.await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => Err(CannotUse::Refused(error)),
            Ok(Err(_)) => Err(CannotUse::Silent),
            Err(_) => Err(CannotUse::NoRuntime),
        }
    }

    /// Claims and values have keys of their own: to take a value is not to forget a claim.
    fn key(&self, kind: &str, name: &StoreName) -> String {
        let mut key = String::with_capacity(self.prefix.len() + kind.len() + 64);
        key.push_str(&self.prefix);
        key.push_str(kind);
        name.bytes().iter().for_each(|byte| {
            key.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])),
            );
        });
        key
    }

    /// Sends one command on the store's runtime, and gives up at the deadline.
    fn ask<T, R>(
        &self,
        call: Call,
        command: Cmd,
        read: impl FnOnce(R) -> Result<T, StoreFailed> + Send + 'static,
    ) -> Answer<'_, Result<T, StoreFailed>>
    where
        T: Send + 'static,
        R: FromRedisValue + Send + 'static,
    {
        let work = |mut connection: MultiplexedConnection| async move {
            command.query_async::<R>(&mut connection).await
        };
        self.run(call, work, read)
    }

    fn run<T, R, F>(
        &self,
        call: Call,
        work: impl FnOnce(MultiplexedConnection) -> F + Send + 'static,
        read: impl FnOnce(R) -> Result<T, StoreFailed> + Send + 'static,
    ) -> Answer<'_, Result<T, StoreFailed>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<R, RedisError>> + Send + 'static,
    {
        let link = Arc::clone(&self.link);
        let task = self.runtime.spawn(async move {
            let mut used = None;
            let in_time = async {
                let connected = link.connection().await.map_err(|Disconnected| Failed::Disconnected)?;
                used = Some(connected.number);
                work(connected.connection).await.map_err(Failed::Redis)
            };
            let outcome = tokio::time::timeout(call.deadline, in_time).await;
            match (&outcome, used) {
                (Ok(Ok(_)), Some(number)) => link.answered(number),
                (Ok(Err(Failed::Redis(error))), Some(number)) => link.failed(number, error),
                (Err(_), Some(number)) => link.unanswered(number),
                // There was no connection: that is known already.
                _ => {}
            }
            match outcome {
                Ok(Ok(answer)) => read(answer),
                Ok(Err(Failed::Disconnected)) => Err(StoreFailed::Unavailable),
                Ok(Err(Failed::Redis(error))) => Err(meaning(&error)),
                Err(_) => Err(StoreFailed::TimedOut),
            }
        });
        // The task has been given up on only if the runtime has shut down.
        Answer::later(async move { task.await.unwrap_or(Err(StoreFailed::Unavailable)) })
    }
}

enum Failed {
    Disconnected,
    Redis(RedisError),
}

fn meaning(error: &RedisError) -> StoreFailed {
    // A pipeline has an error for each of its commands.
    let all = error.clone().into_server_errors();
    let is_full = all.is_some_and(|all| all.iter().any(|(_, error)| error.code() == "OOM"));
    match (is_full, error.is_timeout()) {
        (true, _) => StoreFailed::Full,
        (false, true) => StoreFailed::TimedOut,
        (false, false) => StoreFailed::Unavailable,
    }
}

/// `PX`, which cannot be zero.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX >> 1).max(1)
}

fn set(key: &str, value: &[u8], ttl: Duration) -> Cmd {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(value).arg("PX").arg(millis(ttl));
    command
}

fn set_new(key: &str, value: &[u8], ttl: Duration) -> Cmd {
    let mut command = set(key, value, ttl);
    command.arg("NX");
    command
}

fn sealed(value: Option<Vec<u8>>) -> Result<Option<SealedBytes>, StoreFailed> {
    value.map(|value| SealedBytes::from_store(value).ok_or(StoreFailed::Unavailable)).transpose()
}

impl Store for RedisStore {
    fn put(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<(), StoreFailed>> {
        self.ask(call, set(&self.key("", &name), value.bytes(), ttl), |()| Ok(()))
    }

    fn put_new(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<bool, StoreFailed>> {
        let command = set_new(&self.key("", &name), value.bytes(), ttl);
        self.ask(call, command, |done: Option<String>| Ok(done.is_some()))
    }

    fn get(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        let mut command = redis::cmd("GET");
        command.arg(self.key("", &name));
        self.ask(call, command, sealed)
    }

    fn take(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        let mut command = redis::cmd("GETDEL");
        command.arg(self.key("", &name));
        self.ask(call, command, sealed)
    }

    fn claim(&self, call: Call, name: StoreName, ttl: Duration) -> Answer<'_, Result<Claim, StoreFailed>> {
        let (key, prefix, now) = (self.key("claim:", &name), Arc::clone(&self.prefix), call.now);
        self.run(call, move |connection| claim(connection, key, ttl, prefix, now), Ok)
    }
}

/// Claims `key`, and finds out since when this Redis has not lost a claim.
///
/// It has lost some if it was restarted or emptied, if another one took over from it, whose copy may have been
/// behind, or if it threw keys away for want of memory. The first two begin a new replication ID, emptying takes
/// the mark away with everything else, and evictions are counted. So the mark's name has the replication ID and
/// the number of evictions in it, and its value is the time at which it was found missing.
async fn claim(
    mut connection: MultiplexedConnection,
    key: String,
    ttl: Duration,
    prefix: Arc<str>,
    now: UnixTime,
) -> Result<Claim, RedisError> {
    let mut first = Pipeline::with_capacity(3);
    first.add_command(set_new(&key, b"1", ttl));
    first.cmd("INFO").arg("replication").cmd("INFO").arg("stats");
    let (done, replication, stats): (Option<String>, String, String) =
        first.query_async(&mut connection).await?;
    let id = field(&replication, "master_replid:").unwrap_or_default();
    let evicted = field(&stats, "evicted_keys:").unwrap_or_default();
    let mark = format!("{prefix}complete-since:{id}:{evicted}");
    let mut second = Pipeline::with_capacity(2);
    second.add_command(set_new(&mark, now.as_secs().to_string().as_bytes(), MARK_LIFETIME)).ignore();
    second.cmd("GET").arg(&mark);
    let (since,): (Option<u64>,) = second.query_async(&mut connection).await?;
    // A mark that is gone between the two commands says that others may be gone.
    let since = since.unwrap_or(now.as_secs());
    let complete_since = UnixTime::since_unix_epoch(Duration::from_secs(since));
    Ok(Claim { is_first: done.is_some(), complete_since })
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may have a password in it.
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
