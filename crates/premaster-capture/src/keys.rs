//! What sessions can be opened with: key logs, private keys, pre-shared keys.
use crate::keylog::{self, BadLine, Label, Line, LineProblem};
use premaster::{
    Secret,
    exchange::{KeyLimits, StaticKey, StaticPublicKey},
    identity::Certificate,
    pki_types::{
        PrivateKeyDer, UnixTime,
        pem::{PemObject, SectionKind},
    },
    resume::{KeyFile, KeyFileError, ServerSession, TicketKeys},
    wire::ProtocolVersion,
};
use std::{collections::HashMap, fmt, mem, time::Duration};
use zeroize::{Zeroize, Zeroizing};

/// How many secrets are kept from key logs. A capture could hold any number.
const MAX_SECRETS: usize = 1 << 20;

/// How many bad lines are remembered; the rest is only counted.
const MAX_BAD_LINES: usize = 100;

/// A recording is opened whatever the strength of its keys.
const ANY_KEY: KeyLimits = KeyLimits {
    min_rsa_bits: 1024,
    max_rsa_bits: 8192,
    min_dh_bits: 1024,
    max_dh_bits: 8192,
    max_unknown_dh_bits: 0,
};

/// What sessions can be opened with.
#[derive(Default)]
pub struct KeyStore {
    /// By ClientHello.random.
    sessions: HashMap<[u8; 32], Logged>,
    /// Premaster secrets, by the first 8 bytes of their encryption.
    encrypted: HashMap<[u8; 8], Secret>,
    /// Master secrets, by session ID.
    session_ids: HashMap<Vec<u8>, Secret>,
    private: Vec<StaticKey>,
    psks: Vec<Psk>,
    tickets: Vec<TicketKeys>,
    secrets: usize,
}

/// What key logs say of one session.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    pub(crate) master: Option<Secret>,
    pub(crate) premaster: Option<Secret>,
    traffic: Vec<(Label, Secret)>,
}

impl Logged {
    pub(crate) fn traffic(&self, label: Label) -> Option<&Secret> {
        self.traffic.iter().find(|(own, _)| *own == label).map(|(_, secret)| secret)
    }
}

/// A pre-shared key.
#[derive(Debug)]
pub(crate) struct Psk {
    /// Its name; any, if none is known.
    pub(crate) identity: Option<Vec<u8>>,
    pub(crate) key: Secret,
}

/// What came of reading a key log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLogSummary {
    /// How many secrets were taken.
    pub secrets: usize,
    /// The lines that could not be read; the first hundred.
    pub bad_lines: Vec<BadLine>,
    /// How many lines could not be read.
    pub bad_line_count: usize,
}

impl KeyLogSummary {
    /// What came of reading another one.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.secrets += other.secrets;
        self.bad_line_count += other.bad_line_count;
        self.bad_lines.append(&mut other.bad_lines);
        self.bad_lines.truncate(MAX_BAD_LINES);
    }
}

/// Why a key could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is neither PEM nor DER of a private key.
    NotAKey,
    /// It is encrypted.
    Encrypted,
    /// It is a key that signs but cannot exchange keys, such as Ed25519; or smaller than 1024 bits.
    CannotExchange,
    /// It is not a file of ticket keys.
    BadTicketKeys {
        /// Which line is none, counted from 1.
        line: usize,
    },
    /// A pre-shared key that is not hexadecimal, or empty, or too long.
    BadPsk {
        /// Which line of its file, counted from 1.
        line: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKey => f.write_str("it is neither PEM nor DER of a private key"),
            Self::Encrypted => {
                f.write_str("it is encrypted; decrypt it first (openssl pkey -in KEY -out PLAIN)")
            }
            Self::CannotExchange => f.write_str(
                "it is not an RSA, EC or DH key of 1024 bits or more, so no secret was ever carried by it",
            ),
            Self::BadTicketKeys { line } => {
                write!(
                    f,
                    "line {line} is not one of a file of ticket keys, as premaster serve --ticket-keys writes it"
                )
            }
            Self::BadPsk { line } => {
                write!(f, "line {line} is not a pre-shared key: HEX, or IDENTITY:HEX")
            }
        }
    }
}

impl std::error::Error for KeyError {}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore")
            .field("sessions", &self.sessions.len())
            .field("private_keys", &self.private.len())
            .field("psks", &self.psks.len())
            .field("ticket_keys", &self.tickets.len())
            .finish_non_exhaustive()
    }
}

impl KeyStore {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the secrets of a key log (RFC 9850). What cannot be read is reported, and the rest taken.
    pub fn add_key_log(&mut self, log: &[u8]) -> KeyLogSummary {
        let mut summary = KeyLogSummary::default();
        for (index, line) in log.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let problem = match keylog::parse(line) {
                Ok(Line::Nothing) => continue,
                Ok(_) if self.secrets >= MAX_SECRETS => LineProblem::TooMany,
                Ok(line) => {
                    self.take(line);
                    self.secrets += 1;
                    summary.secrets += 1;
                    continue;
                }
                Err(problem) => problem,
            };
            summary.bad_line_count += 1;
            if summary.bad_lines.len() < MAX_BAD_LINES {
                summary.bad_lines.push(BadLine { line: index + 1, problem });
            }
            if problem == LineProblem::TooMany {
                break;
            }
        }
        summary
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Nothing => {}
            Line::Master { client_random, master } => {
                self.sessions.entry(client_random).or_default().master = Some(master);
            }
            Line::Premaster { client_random, premaster } => {
                self.sessions.entry(client_random).or_default().premaster = Some(premaster);
            }
            Line::EncryptedPremaster { start, premaster } => {
                self.encrypted.insert(start, premaster);
            }
            Line::SessionId { session_id, master } => {
                self.session_ids.insert(session_id, master);
            }
            Line::Traffic { label, client_random, secret } => {
                let traffic = &mut self.sessions.entry(client_random).or_default().traffic;
                traffic.retain(|(own, _)| *own != label);
                traffic.push((label, secret));
            }
        }
    }

    /// Takes the private keys of a file, PEM or DER. RSA, EC and DH keys carry the secrets of static exchanges;
    /// which session a key belongs to is told by its certificate. Answers how many there were.
    ///
    /// # Errors
    /// If there is none, or none that keys are exchanged with.
    pub fn add_private_keys(&mut self, file: &[u8]) -> Result<usize, KeyError> {
        let mut found = 0;
        let mut unfit = false;
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(file) {
            let Ok((kind, der)) = section else { break };
            let der = Zeroizing::new(der);
            match kind {
                SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                    match StaticKey::from_der(&der, &ANY_KEY) {
                        Ok(key) => {
                            self.private.push(key);
                            found += 1;
                        }
                        Err(_) => unfit = true,
                    }
                }
                _ => {}
            }
        }
        if found > 0 {
            return Ok(found);
        }
        if unfit {
            return Err(KeyError::CannotExchange);
        }
        if file.windows(9).any(|window| window == b"ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        if PrivateKeyDer::try_from(file).is_err() {
            return Err(KeyError::NotAKey);
        }
        self.private.push(StaticKey::from_der(file, &ANY_KEY).map_err(|_| KeyError::CannotExchange)?);
        Ok(1)
    }

    /// Takes pre-shared keys from a file: one a line, in hexadecimal, alone or behind its identity and a colon.
    /// Lines that start with `#` are comments. Answers how many there were.
    ///
    /// # Errors
    /// If a line is none.
    pub fn add_psks(&mut self, file: &[u8]) -> Result<usize, KeyError> {
        let mut found = 0;
        for (index, line) in file.split(|&byte| byte == b'\n').enumerate() {
            let bad = KeyError::BadPsk { line: index + 1 };
            let line = str::from_utf8(line).map_err(|_| bad.clone())?.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (identity, digits) = match line.rsplit_once(':') {
                Some((identity, digits)) => (Some(identity.trim().as_bytes().to_vec()), digits.trim()),
                None => (None, line),
            };
            let mut key = keylog::hex(digits).map_err(|_| bad.clone())?;
            if key.is_empty() || key.len() > usize::from(u16::MAX) {
                return Err(bad);
            }
            self.add_psk(identity, Secret::from(&key[..]));
            key.zeroize();
            found += 1;
        }
        Ok(found)
    }

    /// Takes a pre-shared key. Without an identity it is tried with any.
    pub fn add_psk(&mut self, identity: Option<Vec<u8>>, key: Secret) {
        self.psks.push(Psk { identity, key });
    }

    /// Takes the ticket keys of a file, in the format of [`KeyFile`]. They open the sessions that servers seal into
    /// tickets, whatever their windows say: a recording does not age. Answers how many there were.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn add_ticket_keys(&mut self, file: &[u8]) -> Result<usize, KeyError> {
        let keys = KeyFile::parse(file).map_err(|error| match error {
            KeyFileError::BadLine(line) => KeyError::BadTicketKeys { line },
            _ => KeyError::BadTicketKeys { line: 1 },
        })?;
        let found = keys.len();
        self.tickets.push(TicketKeys::held(keys));
        Ok(found)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.secrets == 0 && self.private.is_empty() && self.psks.is_empty() && self.tickets.is_empty()
    }

    /// The secret in a ticket of this version, if one of the ticket keys opens it.
    pub(crate) fn ticket(&self, ticket: &[u8], version: ProtocolVersion) -> Option<Secret> {
        // A time before the end of any window.
        let start = UnixTime::since_unix_epoch(Duration::ZERO);
        let mut opened = self.tickets.iter().filter_map(|keys| keys.open(start, ticket).ok());
        let session: ServerSession = opened.next()?;
        (session.version() == version).then_some(session.secret)
    }

    pub(crate) fn has_ticket_keys(&self) -> bool {
        !self.tickets.is_empty()
    }

    pub(crate) fn session(&self, client_random: &[u8; 32]) -> Option<&Logged> {
        self.sessions.get(client_random)
    }

    pub(crate) fn encrypted_premaster(&self, encrypted: &[u8]) -> Option<&Secret> {
        self.encrypted.get(encrypted.first_chunk::<8>()?)
    }

    pub(crate) fn session_id(&self, session_id: &[u8]) -> Option<&Secret> {
        self.session_ids.get(session_id)
    }

    pub(crate) fn psks(&self) -> impl Iterator<Item = &Psk> {
        self.psks.iter()
    }

    /// Whether there are private keys at all.
    pub(crate) fn has_private_keys(&self) -> bool {
        !self.private.is_empty()
    }

    pub(crate) fn has_log(&self) -> bool {
        self.secrets > 0
    }

    /// The private key of this certificate.
    pub(crate) fn private_key(&self, certificate: &[u8]) -> Option<&StaticKey> {
        if self.private.is_empty() {
            return None;
        }
        let certificate = Certificate::parse(certificate)?;
        let public = StaticPublicKey::from_spki(certificate.spki(), &ANY_KEY).ok()?;
        self.private.iter().find(|key| key.matches(&public))
    }

    /// Moves everything out of `other`.
    pub fn merge(&mut self, mut other: Self) {
        for (client_random, logged) in other.sessions.drain() {
            let own = self.sessions.entry(client_random).or_default();
            own.master = logged.master.or_else(|| own.master.take());
            own.premaster = logged.premaster.or_else(|| own.premaster.take());
            own.traffic.extend(logged.traffic);
        }
        self.encrypted.extend(other.encrypted.drain());
        self.session_ids.extend(other.session_ids.drain());
        self.private.append(&mut other.private);
        self.psks.append(&mut other.psks);
        self.tickets.append(&mut other.tickets);
        self.secrets += mem::take(&mut other.secrets);
    }
}
