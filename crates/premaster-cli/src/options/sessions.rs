//! What connections leave behind for the next one.
use super::read;
use crate::{exit::ExitCode, failure::Failure, terminal::Io};
use clap::{Args, ValueEnum};
use premaster::{
    config::{ClientResumption, Clock, ServerSessions, SystemClock},
    crypto::SystemRandom,
    pki_types::UnixTime,
    resume::{MAX_LIFETIME, MemoryStore, Rotation, SessionCache, TicketKeys},
};
use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// Nowhere: every handshake is a full one
    None,
    /// In tickets that the clients keep
    #[default]
    Tickets,
    /// In memory, under session IDs, and in tickets
    Memory,
}

/// What a server does with sessions.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sessions")]
pub struct ServerSessionOptions {
    /// Where sessions are kept
    #[arg(long, value_enum, default_value_t, value_name = "WHERE")]
    sessions: Keep,
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
    /// Take so many bytes of early data, each ticket's once (with --sessions
    /// memory)
    #[arg(long, value_name = "BYTES", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1 << 20))]
    early_data: u32,
}

impl ServerSessionOptions {
    /// What the library is told, and how long a recorded connection can be opened by a thief of the keys.
    pub fn sessions(&self, io: &mut Io) -> Result<ServerSessions, Failure> {
        if self.early_data > 0 && self.sessions != Keep::Memory {
            return Err(Failure::usage("early data needs a memory")
                .why("only a store can tell that a ticket was used before")
                .remedy("add --sessions memory"));
        }
        if self.sessions == Keep::None {
            return Ok(ServerSessions::none());
        }
        let [interval, lifetime] =
            [self.ticket_rotate, self.session_lifetime].map(|seconds| Duration::from_secs(seconds.into()));
        let rotation = Rotation::new(interval, lifetime);
        let keys = match &self.ticket_keys {
            None => TicketKeys::rotating(rotation),
            Some(path) => {
                TicketKeys::from_file(path, Some(rotation), now()?, &SystemRandom).map_err(|error| {
                    let code = match path.exists() && error_is_contents(path) {
                        true => ExitCode::Malformed,
                        false => ExitCode::Usage,
                    };
                    Failure::new(code, format!("the ticket keys in {} cannot be used", path.display()))
                        .why(error)
                        .remedy("name a file that can be read and written: --ticket-keys FILE")
                })?
            }
        };
        io.say(format!(
            "who steals the ticket keys opens what was resumed up to {} ago",
            span(keys.forward_secrecy_window())
        ));
        let sessions = ServerSessions::none().lifetime(self.session_lifetime).with_tickets(Arc::new(keys));
        Ok(match self.sessions {
            Keep::Memory => {
                let store = MemoryStore::new(100_000, 256 << 20, now()?);
                sessions.with_store(Arc::new(store)).early_data(self.early_data)
            }
            _ => sessions,
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
