//! What both schedules are made of: a hash, and the listener that hears what is made with it.
use crate::{
    crypto::hash::{HashAlgorithm, HmacKey, hmac_unwiped},
    observe::{Event, Input, SecretRef, Tap},
};
use zeroize::{Zeroize, Zeroizing};

/// Room for the output of any hash.
pub(super) type Block = Zeroizing<[u8; 64]>;

/// A hash function, and the listener that hears what is derived with it.
#[derive(Clone, Debug)]
pub struct Kdf {
    hash: HashAlgorithm,
    tap: Tap,
}

impl Kdf {
    /// A KDF over `hash`, heard by `tap`.
    pub const fn new(hash: HashAlgorithm, tap: Tap) -> Self {
        Self { hash, tap }
    }

    /// The hash function.
    pub const fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The output length of the hash, in bytes.
    pub const fn output_len(&self) -> usize {
        self.hash.output_len()
    }

    /// Tells the listener that `secret` is erased, when what this returns is dropped.
    pub(super) fn life(&self, secret: &'static str) -> Life {
        Life::new(self.clone(), secret)
    }

    /// Whether there is a listener.
    pub(super) fn is_heard(&self) -> bool {
        self.tap.is_on()
    }

    /// Tells the listener that `secret` was derived.
    pub(super) fn derived(
        &self,
        secret: &'static str,
        how: &'static str,
        inputs: &[Input<'_>],
        value: &[u8],
    ) {
        self.tap.emit(|| Event::Derived { secret, how, inputs, value: SecretRef(value) });
    }
}

/// As long as a secret lives: tells the listener when it is erased. It stands after the secret, and so is dropped
/// after it.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) secret: &'static str,
    pub(super) kdf: Kdf,
}

impl Life {
    pub(super) const fn new(kdf: Kdf, secret: &'static str) -> Self {
        Self { secret, kdf }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.kdf.tap.emit(|| Event::Erased { secret: self.secret });
    }
}

/// HKDF-Extract (RFC 5869): a pseudorandom key from a salt and input keying material. Whoever calls it wipes what it
/// leaves on the stack.
pub(super) fn extract(hash: HashAlgorithm, salt: &[u8], input: &[u8]) -> Block {
    let mut out = Block::default_block();
    hmac_unwiped(hash, salt, &[input], &mut out[..hash.output_len()]);
    out
}

/// HKDF-Expand-Label (RFC 9846 section 7.1), with the secret already keyed. Whoever calls it wipes what it leaves on the
/// stack.
pub(super) fn expand_label(secret: &HmacKey, label: &str, context: &[u8], out: &mut [u8]) {
    const PREFIX: &[u8] = b"tls13 ";
    let hash_len = secret.algorithm().output_len();
    debug_assert!(out.len() <= 255 * hash_len && label.len() <= 249 && context.len() <= 255);
    let length = (out.len() as u16).to_be_bytes();
    let label_len = [(PREFIX.len() + label.len()) as u8];
    let context_len = [context.len() as u8];
    let mut previous = Block::default_block();
    for (index, block) in out.chunks_mut(hash_len).enumerate() {
        let feedback: &[u8] = if index == 0 { &[] } else { &previous[..hash_len] };
        let counter = [(index + 1) as u8];
        let parts: [&[u8]; 8] =
            [feedback, &length, &label_len, PREFIX, label.as_bytes(), &context_len, context, &counter];
        secret.sign_unwiped(&parts, block);
        previous[..block.len()].copy_from_slice(block);
    }
    previous.zeroize();
}

pub(super) trait DefaultBlock {
    fn default_block() -> Self;
}

impl DefaultBlock for Block {
    fn default_block() -> Self {
        Zeroizing::new([0; 64])
    }
}
