//! What connections leave behind for the next one.
use super::{fleet, read};
use crate::{exit::ExitCode, failure::Failure, terminal::Io};
use clap::Args;
use premaster::{
    config::{ClientResumption, Clock, ServerSessions, SystemClock},
    crypto::SystemRandom,
    pki_types::UnixTime,
    resume::{MAX_LIFETIME, MemoryStore, Rotation, SessionCache, SharedKeys, Store, TicketKeys, Vault},
};
use premaster_redis::RedisStore;
use std::{
    fmt,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

/// What a client does with sessions.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Sessions")]
pub struct ClientSessionOptions {
    /// Connect this many times more, and report how each went and what it cost
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub resume: Option<u32>,
    /// Resume the sessions in this file, and write those of this run to it: who
    /// reads it can resume them
    #[arg(long, value_name = "FILE")]
    pub session: Option<PathBuf>,
    /// Send the GET along with the first flight where a session allows it: it can
    /// be replayed
    #[arg(long, requires = "get")]
    pub early_data: bool,
}

impl ClientSessionOptions {
    /// Whether sessions are wanted at all.
    const fn is_on(&self) -> bool {
        self.resume.is_some() || self.session.is_some()
    }

    /// The sessions, with those of the file.
    pub fn cache(&self) -> Result<Option<Arc<SessionCache>>, Failure> {
        if !self.is_on() {
            return Ok(None);
        }
        let cache = SessionCache::default();
        if let Some(path) = &self.session
            && path.exists()
        {
            let bytes = Zeroizing::new(read(path)?);
            if cache.restore(&bytes, now()?).is_none() {
                return Err(Failure::new(
                    ExitCode::Malformed,
                    format!("{} holds no sessions", path.display()),
                )
                .why("it was not written by this version of premaster, or is damaged")
                .remedy("remove it, and begin with a full handshake"));
            }
        }
        Ok(Some(Arc::new(cache)))
    }

    /// What the library is told. Sessions are bound to the port too.
    pub fn resumption(&self, cache: &Arc<SessionCache>, port: u16) -> ClientResumption {
        ClientResumption::with(Arc::clone(cache) as _)
            .early_data(self.early_data)
            .context(port.to_be_bytes().to_vec())
    }

    /// Writes the sessions down, for the next run.
    pub fn save(&self, cache: &SessionCache) -> Result<(), Failure> {
        let Some(path) = &self.session else { return Ok(()) };
        let bytes = cache.to_bytes(now()?);
        replace(path, bytes.expose()).map_err(|error| {
            Failure::usage(format!("cannot write the sessions to {}", path.display()))
                .why(error)
                .remedy("name a file that can be written: --session FILE")
        })
    }
}

/// Whoever reads the file finds the old sessions or the new ones, and only its owner does.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // With permissions for its owner alone.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Where a server keeps sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nowhere: every handshake is a full one.
    None,
    /// In tickets that the clients keep.
    #[default]
    Tickets,
    /// In memory, under session IDs, and in tickets.
    Memory,
    /// In the Redis of this URL, which other servers use too, and in tickets.
    Redis(String),
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "tickets" => Ok(Self::Tickets),
            "memory" => Ok(Self::Memory),
            _ if text.contains("://") => Ok(Self::Redis(text.to_owned())),
            _ => Err("it is none, tickets, memory or redis://HOST:PORT".into()),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Tickets => "tickets",
            Self::Memory => "memory",
            Self::Redis(url) => url,
        })
    }
}

impl Keep {
    const fn is_store(&self) -> bool {
        matches!(self, Self::Memory | Self::Redis(_))
    }
}

/// What the options of a server come to.
#[derive(Clone)]
pub struct Kept {
    /// What the library is told.
    pub sessions: ServerSessions,
    /// The store, if other servers use it too.
    pub shared: Option<Arc<RedisStore>>,
    /// Whether it was there.
    pub is_there: bool,
}

/// What a server does with sessions.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sessions")]
pub struct ServerSessionOptions {
    /// Where sessions are kept: none (every handshake is a full one), tickets
    /// (the clients keep them), memory, or redis://HOST:PORT/DATABASE, which
    /// other servers may use too; the last two give tickets as well
    #[arg(long, default_value_t, value_name = "WHERE")]
    sessions: Keep,
    /// Give no tickets: all sessions stay with --sessions memory or redis://...
    #[arg(long)]
    no_tickets: bool,
    /// Seal tickets with a new key every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..))]
    ticket_rotate: u32,
    /// Let sessions be resumed for so many seconds, a week at most
    #[arg(long, value_name = "SECONDS", default_value_t = 12 * 3600,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_LIFETIME)))]
    session_lifetime: u32,
    /// Keep the tickets' keys in this file, which several processes may share
    #[arg(long, value_name = "FILE")]
    ticket_keys: Option<PathBuf>,
    /// Agree on the tickets' keys by way of Redis, with all servers that have
    /// this file: 64 hexadecimal digits; made if there is none
    #[arg(long, value_name = "FILE", conflicts_with = "ticket_keys")]
    fleet_secret: Option<PathBuf>,
    /// Wait for Redis so many milliseconds, then make a full handshake
    #[arg(long, value_name = "MS", default_value_t = Vault::DEADLINE.as_millis() as u32,
        value_parser = clap::value_parser!(u32).range(1..=60_000))]
    store_deadline: u32,
    /// Take so many bytes of early data, each ticket's once (with --sessions
    /// memory or redis://...)
    #[arg(long, value_name = "BYTES", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1 << 20))]
    early_data: u32,
}

impl ServerSessionOptions {
    /// What the library is told. Says how long a recorded connection can be opened by a thief of the keys, and
    /// whether the store that others use too is there.
    pub fn sessions(&self, runtime: &Runtime, io: &mut Io) -> Result<Kept, Failure> {
        self.check()?;
        let mut kept = Kept { sessions: ServerSessions::none(), shared: None, is_there: true };
        if self.sessions == Keep::None {
            return Ok(kept);
        }
        let deadline = Duration::from_millis(self.store_deadline.into());
        let sessions = ServerSessions::none().lifetime(self.session_lifetime).store_deadline(deadline);
        let store: Option<Arc<dyn Store>> = match &self.sessions {
            Keep::Redis(url) => {
                let (store, is_there) = fleet::store(url, runtime, io)?;
                kept = Kept { shared: Some(Arc::clone(&store)), is_there, ..kept };
                Some(store)
            }
            Keep::Memory => Some(Arc::new(MemoryStore::new(100_000, 256 << 20, now()?))),
            Keep::None | Keep::Tickets => None,
        };
        let mut sessions = match (&self.fleet_secret, &store) {
            (Some(path), Some(store)) => {
                let secret = fleet::secret(path, io)?;
                let keys = SharedKeys::new(Arc::clone(store), secret, self.rotation(), deadline);
                sessions.with_shared_tickets(Arc::new(keys))
            }
            _ => sessions.with_tickets(Arc::new(self.keys()?)),
        };
        if let Some(store) = store {
            sessions = sessions.with_store(store).early_data(self.early_data);
        }
        if self.no_tickets {
            sessions = sessions.without_tickets();
        }
        if let Some(keys) = sessions.vault().ticket_keys() {
            let window = span(keys.forward_secrecy_window());
            io.say(format!("who steals the ticket keys opens what was resumed up to {window} ago"));
        }
        Ok(Kept { sessions, ..kept })
    }

    /// What cannot work together.
    fn check(&self) -> Result<(), Failure> {
        let is_redis = matches!(self.sessions, Keep::Redis(_));
        if self.early_data > 0 && !self.sessions.is_store() {
            return Err(Failure::usage("early data needs a memory")
                .why("only a store can tell that a ticket was used before")
                .remedy("add --sessions memory, or redis://HOST:PORT"));
        }
        if self.no_tickets && !self.sessions.is_store() {
            return Err(Failure::usage("without tickets sessions need another place")
                .why("neither the clients nor the server would keep any")
                .remedy("add --sessions memory, or redis://HOST:PORT"));
        }
        if self.fleet_secret.is_some() && !is_redis {
            return Err(Failure::usage("a fleet's secret needs a store that the fleet shares")
                .why("the servers agree on their keys by way of it")
                .remedy("add --sessions redis://HOST:PORT"));
        }
        if is_redis && self.fleet_secret.is_none() && self.ticket_keys.is_none() {
            return Err(Failure::usage("servers that share sessions need the same keys")
                .why("what is in Redis is sealed, so that whoever reads it can resume nothing")
                .remedy("add --fleet-secret FILE, the same file on every machine"));
        }
        Ok(())
    }

    fn rotation(&self) -> Rotation {
        let [interval, lifetime] =
            [self.ticket_rotate, self.session_lifetime].map(|seconds| Duration::from_secs(seconds.into()));
        Rotation::new(interval, lifetime)
    }

    /// The keys of this process, or of the file.
    fn keys(&self) -> Result<TicketKeys, Failure> {
        let Some(path) = &self.ticket_keys else { return Ok(TicketKeys::rotating(self.rotation())) };
        TicketKeys::from_file(path, Some(self.rotation()), now()?, &SystemRandom).map_err(|error| {
            let code = match path.exists() && error_is_contents(path) {
                true => ExitCode::Malformed,
                false => ExitCode::Usage,
            };
            Failure::new(code, format!("the ticket keys in {} cannot be used", path.display()))
                .why(error)
                .remedy("name a file that can be read and written: --ticket-keys FILE")
        })
    }
}

/// Whether a file can be read, so that what is wrong with it is what it holds.
fn error_is_contents(path: &Path) -> bool {
    !matches!(
        std::fs::read(path).map_err(|error| error.kind()),
        Err(ErrorKind::NotFound | ErrorKind::PermissionDenied)
    )
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 2 * 3600 => format!("{} hours", seconds.div_ceil(3600)),
        seconds if seconds >= 120 => format!("{} minutes", seconds.div_ceil(60)),
        seconds => format!("{seconds} seconds"),
    }
}

fn now() -> Result<UnixTime, Failure> {
    SystemClock.now().ok_or_else(|| {
        Failure::usage("the clock cannot be read")
            .remedy("set this machine's clock: it says it is before 1970")
    })
}
