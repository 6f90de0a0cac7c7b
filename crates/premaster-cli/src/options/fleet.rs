//! What several servers share: a Redis, and the secret under which they agree on keys.
use super::read;
use crate::{
    exit::ExitCode,
    failure::Failure,
    peer::hex,
    terminal::{Io, safe},
};
use premaster::{
    Secret,
    crypto::{Random, SystemRandom},
    resume::FleetSecret,
};
use premaster_redis::RedisStore;
use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

/// How long the store has to answer when the server starts.
const PATIENCE: Duration = Duration::from_secs(2);

/// The Redis at `url`, and whether it is there. One that is not there, or lets nobody in, costs full handshakes until it is or does: it is
/// told of, and the server starts all the same.
pub fn store(url: &str, runtime: &Runtime, io: &mut Io) -> Result<(Arc<RedisStore>, bool), Failure> {
    let store = RedisStore::on(url, runtime.handle().clone()).map_err(|error| {
        // Without the URL, which may have a password in it.
        Failure::usage("the session store cannot be used")
            .why(error)
            .remedy("name it so: --sessions redis://HOST:PORT/DATABASE")
    })?;
    let address = store.address();
    let checked = runtime.block_on(store.check(PATIENCE));
    match &checked {
        Ok(()) => io.say(format!("sessions are kept in Redis at {address}")),
        Err(error) => io.complain(format!(
            "warning: no session store at {address}: {}: full handshakes until there is one",
            safe(&error.to_string())
        )),
    }
    Ok((Arc::new(store), checked.is_ok()))
}

/// The secret in this file, which is made if there is none.
pub fn secret(path: &Path, io: &mut Io) -> Result<FleetSecret, Failure> {
    if !path.exists() {
        let made = create(path).map_err(|error| {
            Failure::usage(format!("cannot write a secret for the fleet to {}", path.display()))
                .why(error)
                .remedy("name a file that can be written: --fleet-secret FILE")
        })?;
        if made {
            io.say(format!("made {}: copy it to the other machines, for their owner alone", path.display()));
        }
    }
    let text = Zeroizing::new(read(path)?);
    refuse_readers(
        path,
        "the fleet's secret",
        "whoever has it, and a copy of what is in Redis, has the ticket keys",
    )?;
    let malformed = |why: &str| {
        Failure::new(ExitCode::Malformed, format!("{} holds no secret for a fleet", path.display()))
            .why(why)
            .remedy("make one: openssl rand -hex 32")
    };
    let text = std::str::from_utf8(&text).map_err(|_| malformed("it is not text"))?;
    let bytes = premaster_trace::hex::decode(text.trim()).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| malformed(&error.to_string()))?;
    FleetSecret::new(&Secret::from(&bytes[..]))
        .ok_or_else(|| malformed("it is not 64 hexadecimal digits that were drawn at random"))
}

/// Whether it was made: another process may have come first.
fn create(path: &Path) -> io::Result<bool> {
    let mut secret = Zeroizing::new([0; FleetSecret::LEN]);
    SystemRandom.fill(&mut *secret).map_err(io::Error::other)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // With permissions for its owner alone, and never seen half-written.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(Zeroizing::new(hex(&*secret) + "\n").as_bytes())?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// A secret that others can read is none.
#[cfg(unix)]
pub(super) fn refuse_readers(path: &Path, what: &str, why: &str) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).map_err(|error| Failure::unreadable(path, &error))?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(Failure::usage(format!("others can read {what} in {}", path.display()))
            .why(why)
            .remedy(format!("chmod 600 {}", path.display()))),
    }
}

#[cfg(not(unix))]
pub(super) fn refuse_readers(path: &Path, _: &str, _: &str) -> Result<(), Failure> {
    fs::metadata(path).map(drop).map_err(|error| Failure::unreadable(path, &error))
}
