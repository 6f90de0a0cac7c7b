//! The hash over every handshake message so far (RFC 9846 section 4.4.1, RFC 5246 section 7.4.9).
use crate::{
    crypto::hash::{Digest, HashAlgorithm, Hasher, digest},
    wire::HandshakeType,
};

/// The handshake messages so far: as bytes until the hash is known, and as a hash from then on.
///
/// TLS 1.2 lets a client sign the messages themselves, with a hash of its choice; until it is clear whether it
/// will, the bytes are kept beside the hash.
#[derive(Debug, Default)]
pub struct Transcript {
    bytes: Vec<u8>,
    keep_bytes: bool,
    hasher: Option<Hasher>,
}

/// Room for both hellos as they usually are, in bytes.
const FIRST_MESSAGES: usize = 1024;

impl Transcript {
    /// Nothing yet, and no hash.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), keep_bytes: true, hasher: None }
    }

    /// Adds a whole message, header included.
    pub fn add(&mut self, message: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(message);
        }
        if self.keep_bytes {
            if self.bytes.capacity() == 0 {
                self.bytes.reserve(FIRST_MESSAGES.max(message.len()));
            }
            self.bytes.extend_from_slice(message);
        }
    }

    /// The hash is known: it is the suite's.
    pub fn start_hash(&mut self, hash: HashAlgorithm) {
        let mut hasher = Hasher::new(hash);
        hasher.update(&self.bytes);
        self.hasher = Some(hasher);
    }

    /// Nobody will want the messages themselves.
    pub fn forget_bytes(&mut self) {
        self.keep_bytes = false;
        self.bytes = Vec::new();
    }

    /// The messages themselves, if they are still kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash of everything so far; that of nothing with SHA-256 before the hash is known.
    pub fn hash(&self) -> Digest {
        self.hash_with(&[])
    }

    /// The hash as it would be after `message`, or a part of one, was added.
    pub fn hash_with(&self, message: &[u8]) -> Digest {
        match &self.hasher {
            Some(hasher) if message.is_empty() => hasher.fork(),
            Some(hasher) => {
                let mut fork = hasher.clone();
                fork.update(message);
                fork.finish()
            }
            None => digest(HashAlgorithm::Sha256, &[&self.bytes, message]),
        }
    }

    /// The hash over the messages but for their last `tail` bytes, which are PSK binders (RFC 9846 section
    /// 4.2.11.2); only while bytes are kept.
    pub fn hash_without_tail(&self, hash: HashAlgorithm, tail: usize) -> Digest {
        let end = self.bytes.len().saturating_sub(tail);
        digest(hash, &[self.bytes.get(..end).unwrap_or_default()])
    }

    /// The hash under another algorithm as it would be after `message` was added; only while bytes are kept.
    pub fn hash_under(&self, hash: HashAlgorithm, message: &[u8]) -> Digest {
        match &self.hasher {
            Some(hasher) if hasher.algorithm() == hash => self.hash_with(message),
            _ => digest(hash, &[&self.bytes, message]),
        }
    }

    /// After a HelloRetryRequest, message_hash stands for the first ClientHello (RFC 9846 section 4.4.1).
    pub fn replace_with_message_hash(&mut self, hash: HashAlgorithm) {
        let first = digest(hash, &[&self.bytes]);
        let header = [HandshakeType::MESSAGE_HASH.0, 0, 0, first.as_ref().len() as u8];
        self.bytes.clear();
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(first.as_ref());
        self.start_hash(hash);
    }
}
