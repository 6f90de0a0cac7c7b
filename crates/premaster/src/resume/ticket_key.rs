//! A key that seals sessions, for a while.
use super::Miss;
use crate::{
    Secret,
    crypto::{
        Random, RandomFailed,
        aead::{AeadAlgorithm, AeadKey, NONCE_LEN},
        constant_time::{all_same, declassify},
        hash::{HashAlgorithm, HmacKey},
    },
};
use pki_types::UnixTime;
use std::{fmt, time::Duration};
use zeroize::Zeroizing;

/// The length of a key's name, in bytes.
pub const KEY_ID_LEN: usize = 16;

/// The length of a key, in bytes.
pub const KEY_LEN: usize = 32;

const SALT_LEN: usize = 24;
const TAG_LEN: usize = AeadAlgorithm::Aes256Gcm.tag_len();
const OVERHEAD: usize = KEY_ID_LEN + SALT_LEN + TAG_LEN;

/// When a key may be used. Each end is the first moment at which it may not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From when on it seals. It opens earlier than that: another machine's clock may be ahead of ours.
    pub not_before: UnixTime,
    /// Until when it seals.
    pub encrypt_until: UnixTime,
    /// Until when it opens. Then it is erased.
    pub decrypt_until: UnixTime,
}

impl Window {
    /// The window that begins at `start`, in seconds since 1970.
    pub(super) fn starting(start: u64, rotation: Rotation) -> Self {
        let encrypt_until = start.saturating_add(rotation.interval());
        let decrypt_until = encrypt_until.saturating_add(rotation.lifetime());
        let [not_before, encrypt_until, decrypt_until] = [start, encrypt_until, decrypt_until]
            .map(|at| UnixTime::since_unix_epoch(Duration::from_secs(at)));
        Self { not_before, encrypt_until, decrypt_until }
    }

    fn is_in_order(&self) -> bool {
        let Self { not_before, encrypt_until, decrypt_until } = self;
        not_before.as_secs() < encrypt_until.as_secs() && encrypt_until.as_secs() <= decrypt_until.as_secs()
    }

    /// Whether it seals at `now`.
    pub fn encrypts(&self, now: UnixTime) -> bool {
        (self.not_before.as_secs()..self.encrypt_until.as_secs()).contains(&now.as_secs())
    }

    /// Whether it opens at `now`.
    pub fn decrypts(&self, now: UnixTime) -> bool {
        now.as_secs() < self.decrypt_until.as_secs()
    }

    /// For how long a connection can be opened by who gets hold of the key: from its first use to its end.
    pub fn exposure(&self) -> Duration {
        Duration::from_secs(self.decrypt_until.as_secs().saturating_sub(self.not_before.as_secs()))
    }
}

/// How often there is a new key, and for how long an old one still opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    interval: u64,
    lifetime: u64,
}

impl Rotation {
    /// A new key every `interval`; each opens for `lifetime` after it stopped sealing, so that a session sealed in
    /// its last moment can live that long. In whole seconds, at least one of each.
    pub fn new(interval: Duration, lifetime: Duration) -> Self {
        Self { interval: interval.as_secs().max(1), lifetime: lifetime.as_secs().max(1) }
    }

    /// For how long a recorded connection can be opened by who gets hold of the keys: a session sealed first thing
    /// with a new key is in reach until that key is erased.
    pub fn forward_secrecy_window(self) -> Duration {
        Duration::from_secs(self.interval.saturating_add(self.lifetime))
    }

    pub(super) const fn interval(self) -> u64 {
        self.interval
    }

    pub(super) const fn lifetime(self) -> u64 {
        self.lifetime
    }
}

/// What is sealed, and so what it can be opened as.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// For the client to keep.
    Ticket,
    /// For a store to keep under this name.
    Stored(&'a [u8; 32]),
}

/// A key that seals sessions.
///
/// ```text
/// sealed = key id [16], salt [24], AES-256-GCM(key', nonce = 0, session, additional data = key id, salt)
/// key'   = HKDF-Expand(key, "premaster ticket" or "premaster stored" and the name, salt)
/// ```
/// Every sealing has a key of its own, from a salt of 192 random bits, so that a nonce is never used twice,
/// however many tickets however many machines seal with the same key.
pub struct TicketKey {
    id: [u8; KEY_ID_LEN],
    secret: Secret,
    keyed: HmacKey,
    window: Window,
}

/// This can be no ticket key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadTicketKey {
    /// All its bytes are the same: nobody drew them.
    NotRandom,
    /// Its window ends before it begins.
    BadWindow,
}

impl fmt::Display for BadTicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRandom => "the ticket key is not random: all its bytes are the same",
            Self::BadWindow => {
                "the ticket key's window is not in order: not_before, encrypt_until, decrypt_until"
            }
        })
    }
}

impl std::error::Error for BadTicketKey {}

impl TicketKey {
    /// A key from elsewhere.
    ///
    /// # Errors
    /// It cannot be one. A key that was never set was what CVE-2020-13777 was about.
    pub fn new(id: [u8; KEY_ID_LEN], secret: Secret, window: Window) -> Result<Self, BadTicketKey> {
        let bytes = secret.expose();
        if bytes.len() != KEY_LEN || declassify(all_same(bytes) as usize) != 0 {
            return Err(BadTicketKey::NotRandom);
        }
        if !window.is_in_order() {
            return Err(BadTicketKey::BadWindow);
        }
        let keyed = HmacKey::new(HashAlgorithm::Sha256, bytes);
        Ok(Self { id, secret, keyed, window })
    }

    /// A new key.
    ///
    /// # Errors
    /// No randomness could be had: then there is no key.
    pub fn generate(random: &dyn Random, window: Window) -> Result<Self, RandomFailed> {
        let mut id = [0; KEY_ID_LEN];
        random.fill(&mut id)?;
        let secret = Secret::try_fill(KEY_LEN, |out| random.fill(out))?;
        Self::new(id, secret, window).map_err(|_| RandomFailed)
    }

    /// Its name, which stands in front of every ticket.
    pub const fn id(&self) -> &[u8; KEY_ID_LEN] {
        &self.id
    }

    /// When it may be used.
    pub const fn window(&self) -> Window {
        self.window
    }

    /// The key itself, to be told to another process. Every caller is worth a second look.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The name of the key that sealed this.
    pub(super) fn id_of(sealed: &[u8]) -> Result<&[u8; KEY_ID_LEN], Miss> {
        match sealed.len() > OVERHEAD {
            true => sealed.first_chunk().ok_or(Miss::Malformed),
            false => Err(Miss::Malformed),
        }
    }

    /// None if there is no randomness.
    pub(super) fn seal(
        &self,
        random: &dyn Random,
        purpose: Purpose<'_>,
        plaintext: &[u8],
    ) -> Option<Vec<u8>> {
        let mut out = vec![0; OVERHEAD + plaintext.len()];
        let (front, sealed) = out.split_at_mut(KEY_ID_LEN + SALT_LEN);
        let (id, salt) = front.split_at_mut(KEY_ID_LEN);
        id.copy_from_slice(&self.id);
        random.fill(salt).ok()?;
        let key = self.derive(purpose, salt)?;
        key.seal_to(&[0; NONCE_LEN], front, plaintext, &[], sealed).ok()?;
        Some(out)
    }

    pub(super) fn open(&self, purpose: Purpose<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Miss> {
        let (front, ciphertext) = sealed.split_at_checked(KEY_ID_LEN + SALT_LEN).ok_or(Miss::Malformed)?;
        let key = self.derive(purpose, &front[KEY_ID_LEN..]).ok_or(Miss::Malformed)?;
        let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
        let len =
            key.open_to(&[0; NONCE_LEN], front, ciphertext, &mut plaintext).map_err(|_| Miss::Malformed)?;
        plaintext.truncate(len);
        Ok(plaintext)
    }

    /// HKDF-Expand (RFC 5869 section 2.3), one block of it: `secret` is uniform and needs no extraction.
    fn derive(&self, purpose: Purpose<'_>, salt: &[u8]) -> Option<AeadKey> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        self.derive_into(purpose, salt, &mut key);
        AeadKey::new(AeadAlgorithm::Aes256Gcm, &*key).ok()
    }

    fn derive_into(&self, purpose: Purpose<'_>, salt: &[u8], out: &mut [u8; KEY_LEN]) {
        let (label, name): (&[u8], &[u8]) = match purpose {
            Purpose::Ticket => (b"premaster ticket", &[]),
            Purpose::Stored(name) => (b"premaster stored", name),
        };
        self.keyed.sign(&[label, name, salt, &[1]], out);
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(")?;
        self.id[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::{
        SystemRandom,
        judge::{constant_time, constant_time_but, memory},
    };

    /// A key whose bytes, drawn by the system, are secret.
    fn key(id: u8) -> TicketKey {
        let window = Window::starting(1, Rotation::new(Duration::from_secs(9), Duration::from_secs(9)));
        let mut bytes = Secret::try_fill(KEY_LEN, |out| SystemRandom.fill(out)).unwrap();
        memory(bytes.expose_mut());
        TicketKey::new([id; KEY_ID_LEN], bytes, window).unwrap()
    }

    #[test]
    fn the_key_of_a_ticket_is_derived_in_constant_time() {
        constant_time(|| {
            let mut derived = [0; KEY_LEN];
            key(1).derive_into(Purpose::Ticket, &[5; SALT_LEN], &mut derived);
            std::hint::black_box(derived);
        });
    }

    /// AWS-LC, which opens, says by a branch whether the tag was right: that, and nothing else, may be told.
    #[test]
    fn a_ticket_is_opened_in_constant_time() {
        constant_time_but(&["*aead_aes_gcm_open*"], || {
            let key = key(1);
            let mut plaintext = [7; 100];
            memory(&mut plaintext);
            let good = key.seal(&SystemRandom, Purpose::Ticket, &plaintext).unwrap();
            let mut bad = good.clone();
            bad[50] ^= 1;
            assert_eq!(key.open(Purpose::Ticket, &good).map(|opened| opened.len()), Ok(100));
            assert_eq!(key.open(Purpose::Ticket, &bad).map(|opened| opened.len()), Err(Miss::Malformed));
        });
    }
}
