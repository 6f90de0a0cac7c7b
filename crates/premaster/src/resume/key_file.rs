//! Ticket keys in a file.
use super::{
    ring::Ring,
    ticket_key::{KEY_ID_LEN, KEY_LEN, Rotation, TicketKey, Window},
};
use crate::{Secret, crypto::Random};
use pki_types::UnixTime;
use std::{
    ffi::OsString,
    fmt,
    fmt::Write as _,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    str::SplitAsciiWhitespace,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use zeroize::Zeroizing;

const FIRST_LINE: &str = "premaster ticket keys, format 1";
const SECOND_LINE: &str =
    "# id (16 bytes), key (32 bytes), not_before, encrypt_until, decrypt_until (seconds since 1970)";
const MAX_FILE: u64 = 1 << 16;
const MAX_KEYS: usize = 256;

/// After this time a lock was left behind by a process that is no more.
const STALE_LOCK: Duration = Duration::from_secs(60);

/// Why a file of ticket keys cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read or written.
    Io(io::Error),
    /// Others than its owner may read or write it; its mode is this.
    Open {
        /// The permission bits.
        mode: u32,
    },
    /// It is not a file.
    NotAFile,
    /// A line of it is not what it should be.
    BadLine(usize),
    /// It is longer than a file of keys can be.
    TooLong,
    /// No randomness could be had for a new key.
    Random,
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the file of ticket keys: {error}"),
            Self::Open { mode } => {
                write!(f, "others may use the file of ticket keys (mode {mode:04o}): chmod it to 0600")
            }
            Self::NotAFile => f.write_str("what should be the file of ticket keys is no file"),
            Self::BadLine(line) => write!(f, "line {line} of the file of ticket keys is not one of a key"),
            Self::TooLong => f.write_str("the file of ticket keys is too long"),
            Self::Random => f.write_str("no randomness could be had for a ticket key"),
        }
    }
}

impl std::error::Error for KeyFileError {}

impl From<io::Error> for KeyFileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// By what a file is told from the one that was there before.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

/// A file of ticket keys, for several processes of one machine.
///
/// ```text
/// premaster ticket keys, format 1
/// # id (16 bytes), key (32 bytes), not_before, encrypt_until, decrypt_until (seconds since 1970)
/// 8d3e0f..  51c2aa..  1767225600 1767229200 1767232800
/// ```
/// The file is a secret. It is refused if anybody but its owner may use it, and is best kept where it never gets
/// to a disk. It is replaced as a whole (a temporary file beside it is renamed), so that a reader sees all of it or
/// all of what was there before. Who writes it holds `<file>.lock`.
pub struct KeyFile {
    path: PathBuf,
    read: Mutex<Option<Stamp>>,
}

impl KeyFile {
    /// The file at `path`, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::new(None) }
    }

    /// Its keys.
    ///
    /// # Errors
    /// It cannot be read, or others can read it as well.
    pub fn read(&self) -> Result<Vec<TicketKey>, KeyFileError> {
        let file = File::open(&self.path)?;
        // Asked of what was opened: what the path names may be something else by now.
        let metadata = file.metadata()?;
        check(&metadata)?;
        let mut text = Zeroizing::new(String::with_capacity(metadata.len() as usize + 1));
        file.take(MAX_FILE + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_FILE {
            return Err(KeyFileError::TooLong);
        }
        let keys = parse(&text)?;
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(stamp(&metadata));
        Ok(keys)
    }

    /// The keys that such a file's `contents` name, whoever may read it: for one who looks at what was recorded.
    ///
    /// # Errors
    /// [`KeyFileError::TooLong`] or [`KeyFileError::BadLine`].
    pub fn parse(contents: &[u8]) -> Result<Vec<TicketKey>, KeyFileError> {
        if contents.len() as u64 > MAX_FILE {
            return Err(KeyFileError::TooLong);
        }
        let valid = contents.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        match valid.len() == contents.len() {
            true => parse(valid),
            false => Err(KeyFileError::BadLine(valid.lines().count().max(1))),
        }
    }

    /// Its keys, if it is another file than the one that was read last.
    pub(super) fn read_if_changed(&self) -> Result<Option<Vec<TicketKey>>, KeyFileError> {
        let now = stamp(&fs::metadata(&self.path)?);
        let before = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match before == Some(now) {
            true => Ok(None),
            false => self.read().map(Some),
        }
    }

    /// Puts these keys in the place of those that are there.
    ///
    /// # Errors
    /// It cannot be written. Then it is as it was.
    pub fn write<'a>(&self, keys: impl IntoIterator<Item = &'a TicketKey>) -> Result<(), KeyFileError> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize));
        let _ = writeln!(text, "{FIRST_LINE}\n{SECOND_LINE}");
        for key in keys {
            put_hex(&mut text, key.id());
            text.push(' ');
            put_hex(&mut text, key.secret().expose());
            let Window { not_before, encrypt_until, decrypt_until } = key.window();
            let [a, b, c] = [not_before, encrypt_until, decrypt_until].map(|time| time.as_secs());
            let _ = writeln!(text, " {a} {b} {c}");
        }
        let temporary = self.beside(&format!("{}.new", std::process::id()));
        let written = create(&temporary).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        let replaced = written.and_then(|()| fs::rename(&temporary, &self.path));
        if replaced.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        Ok(replaced?)
    }

    /// Sees to it that the file has a key that seals at `now` and the one for the time after, and none whose
    /// window has ended. If another process is about it, that is left to it.
    ///
    /// # Errors
    /// It cannot be read or written. Then it is as it was.
    pub fn rotate(&self, now: UnixTime, rotation: Rotation, random: &dyn Random) -> Result<(), KeyFileError> {
        let Some(_lock) = Lock::take(self.beside("lock"))? else { return Ok(()) };
        let keys = match self.read() {
            Ok(keys) => keys,
            Err(KeyFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let ids = |ring: &Ring| ring.keys().map(|key| *key.id()).collect::<Vec<_>>();
        let mut ring = Ring::default();
        ring.replace(keys.into_iter().map(Arc::new));
        let before = ids(&ring);
        ring.erase_expired(now);
        ring.extend(now, rotation, random).map_err(|_| KeyFileError::Random)?;
        if ids(&ring) == before {
            return Ok(());
        }
        // What was read here is not what the caller has: it will read the file again.
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.write(ring.keys().map(|key| &**key))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name: OsString = self.path.clone().into_os_string();
        name.push(".");
        name.push(suffix);
        name.into()
    }
}

/// Whoever makes the file is the only one who writes it.
struct Lock(PathBuf);

impl Lock {
    fn take(path: PathBuf) -> io::Result<Option<Self>> {
        let is_stale = |path: &Path| {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE_LOCK))
        };
        for _ in 0..2 {
            match create(&path) {
                Ok(_) => return Ok(Some(Self(path))),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) if is_stale(&path) => fs::remove_file(&path)?,
                Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A new file that only its owner can open.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn check(metadata: &Metadata) -> Result<(), KeyFileError> {
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile);
    }
    if metadata.len() > MAX_FILE {
        return Err(KeyFileError::TooLong);
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Open { mode });
        }
    }
    Ok(())
}

fn stamp(metadata: &Metadata) -> Stamp {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Stamp { modified: metadata.modified().ok(), len: metadata.len(), inode }
}

fn parse(text: &str) -> Result<Vec<TicketKey>, KeyFileError> {
    let mut lines = text.lines().enumerate();
    if lines.next().is_none_or(|(_, first)| first.trim() != FIRST_LINE) {
        return Err(KeyFileError::BadLine(1));
    }
    let mut keys: Vec<TicketKey> = Vec::new();
    for (index, line) in lines {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = parse_key(line).filter(|key| keys.iter().all(|other| other.id() != key.id()));
        keys.push(key.ok_or(KeyFileError::BadLine(index + 1))?);
        if keys.len() > MAX_KEYS {
            return Err(KeyFileError::TooLong);
        }
    }
    Ok(keys)
}

fn parse_key(line: &str) -> Option<TicketKey> {
    let mut words = line.split_ascii_whitespace();
    let mut id = [0; KEY_ID_LEN];
    read_hex(words.next()?, &mut id)?;
    let secret = words.next()?;
    let secret = Secret::try_fill(KEY_LEN, |out| read_hex(secret, out).ok_or(())).ok()?;
    let time = |words: &mut SplitAsciiWhitespace<'_>| {
        words.next()?.parse().ok().map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    };
    let window = Window {
        not_before: time(&mut words)?,
        encrypt_until: time(&mut words)?,
        decrypt_until: time(&mut words)?,
    };
    match words.next() {
        None => TicketKey::new(id, secret, window).ok(),
        Some(_) => None,
    }
}

fn put_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

fn read_hex(text: &str, out: &mut [u8]) -> Option<()> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    for (out, &[high, low]) in out.iter_mut().zip(pairs) {
        *out = digit(high)? << 4 | digit(low)?;
    }
    Some(())
}
