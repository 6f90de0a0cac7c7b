//! What this side sends under.
use super::aead12::SealAead12;
use super::cbc12::SealCbc12;
use super::expanded::Expanded;
use super::plaintext::SealPlaintext;
use super::tls13::SealTls13;
use super::{AeadAlgorithm, CbcAlgorithm, CbcOrder, HashAlgorithm, Output};
use crate::crypto::wipe;
use crate::error::{Error, Failure};
use crate::wire::record::{HEADER_LEN, MAX_PLAINTEXT};
use crate::wire::{ContentType, ProtocolVersion};
use std::fmt;

/// Turns plaintext into records, under one key, in order.
///
/// There is no second one, and it does not start again:
/// ```compile_fail,E0599
/// # use premaster::record::Sealer;
/// let copy = Sealer::plaintext().clone();
/// ```
pub struct Sealer(Protection);

/// Closed on purpose: a protection that this library does not know cannot be put in.
enum Protection {
    Plaintext(SealPlaintext),
    Tls13(SealTls13),
    Aead12(SealAead12),
    Cbc12(SealCbc12),
}

impl Sealer {
    /// No protection, for the start of a connection. The headers say TLS 1.2.
    pub const fn plaintext() -> Self {
        Self(Protection::Plaintext(SealPlaintext { version: ProtocolVersion::TLS_1_2 }))
    }

    /// TLS 1.3 with `[sender]_write_key` and `[sender]_write_iv` (RFC 9846 section 7.3).
    ///
    /// # Errors
    /// [`Failure::Crypto`]: a length does not fit the algorithm.
    pub fn tls13(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        SealTls13::new(algorithm, key, iv).map(Protection::Tls13).map(Self)
    }

    /// TLS 1.2 with an AEAD. `fixed_iv` has 4 bytes, or 12 for ChaCha20-Poly1305.
    ///
    /// # Errors
    /// [`Failure::Crypto`]: a length does not fit the algorithm.
    pub fn tls12_aead(algorithm: AeadAlgorithm, key: &[u8], fixed_iv: &[u8]) -> Result<Self, Error> {
        SealAead12::new(algorithm, key, fixed_iv).map(Protection::Aead12).map(Self)
    }

    /// TLS 1.2 with CBC and HMAC.
    ///
    /// # Errors
    /// [`Failure::Crypto`]: `key` does not have the algorithm's length.
    pub fn tls12_cbc(
        algorithm: CbcAlgorithm,
        hash: HashAlgorithm,
        key: &[u8],
        mac_key: &[u8],
        order: CbcOrder,
    ) -> Result<Self, Error> {
        SealCbc12::new(algorithm, hash, key, mac_key, order).map(Protection::Cbc12).map(Self)
    }

    /// What the headers of unprotected records say from now on: TLS 1.0 on a first ClientHello, for the sake of
    /// old servers (RFC 9846 section 5.1). Protected records always say TLS 1.2.
    pub const fn set_version(&mut self, new: ProtocolVersion) {
        if let Protection::Plaintext(SealPlaintext { version }) = &mut self.0 {
            *version = new;
        }
    }

    /// Wipes the expanded key of an AEAD, until it is [woken](Self::wake); other protections stay as they are.
    pub(crate) fn rest(&mut self) {
        if let Some(key) = self.expanded() {
            key.rest();
        }
    }

    /// Whether it has to be woken before anything can be sealed.
    pub(crate) const fn is_resting(&self) -> bool {
        match &self.0 {
            Protection::Tls13(protection) => protection.key.is_resting(),
            Protection::Aead12(protection) => protection.key.is_resting(),
            _ => false,
        }
    }

    /// Expands the key that it was born with again; the numbers go on.
    pub(crate) fn wake(&mut self, key: &[u8]) -> Result<(), Error> {
        Ok(self.expanded().map_or(Ok(()), |expanded| expanded.wake(key))?)
    }

    const fn expanded(&mut self) -> Option<&mut Expanded> {
        match &mut self.0 {
            Protection::Tls13(protection) => Some(&mut protection.key),
            Protection::Aead12(protection) => Some(&mut protection.key),
            _ => None,
        }
    }

    /// Whether records are encrypted.
    pub const fn is_protected(&self) -> bool {
        !matches!(self.0, Protection::Plaintext(_))
    }

    /// Whether a new key is due, before this one refuses (RFC 9846 section 5.5).
    pub const fn must_rekey(&self) -> bool {
        match &self.0 {
            Protection::Plaintext(_) => false,
            Protection::Tls13(sealer) => sealer.sequence.must_rekey(),
            Protection::Aead12(sealer) => sealer.sequence.must_rekey(),
            Protection::Cbc12(sealer) => sealer.sequence.must_rekey(),
        }
    }

    /// By how many bytes a record is longer than its plaintext, at most, padding that was asked for aside.
    pub const fn overhead(&self) -> usize {
        match &self.0 {
            Protection::Plaintext(_) => HEADER_LEN,
            Protection::Tls13(sealer) => sealer.overhead(),
            Protection::Aead12(sealer) => sealer.overhead(),
            Protection::Cbc12(sealer) => sealer.overhead(),
        }
    }

    /// Appends one record with `plaintext`, at most 2^14 bytes, to `output`. TLS 1.3 adds `padding` bytes of
    /// padding, or as many as fit; TLS 1.2 and unprotected records have none to choose.
    ///
    /// # Errors
    /// [`Misuse::KeyExhausted`](crate::error::Misuse::KeyExhausted): the key has sealed as much as it may.
    /// [`Failure`]: a primitive failed, or `plaintext` is too long. `output` is as before in each case.
    pub fn seal(
        &mut self,
        content_type: ContentType,
        plaintext: &[u8],
        padding: usize,
        output: &mut Output,
    ) -> Result<(), Error> {
        debug_assert!(plaintext.len() <= MAX_PLAINTEXT, "split before sealing");
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(Failure::Crypto.into());
        }
        let sealed = match &mut self.0 {
            Protection::Plaintext(sealer) => {
                sealer.seal(content_type, plaintext, output);
                return Ok(());
            }
            Protection::Tls13(sealer) => sealer.seal(content_type, plaintext, padding, output),
            Protection::Aead12(sealer) => sealer.seal(content_type, plaintext, output),
            Protection::Cbc12(sealer) => sealer.seal(content_type, plaintext, output),
        };
        wipe::after_record();
        sealed
    }

    /// Appends `data`, of any length, to `output` in records of at most `limit` bytes of plaintext each, and 2^14
    /// in any case. No data is no record.
    ///
    /// # Errors
    /// As [`seal`](Self::seal); the records before the one that failed are in `output`.
    pub fn seal_all(
        &mut self,
        content_type: ContentType,
        data: &[u8],
        limit: usize,
        output: &mut Output,
    ) -> Result<(), Error> {
        let limit = limit.clamp(1, MAX_PLAINTEXT);
        // Once for all, so that the buffer does not grow several times.
        output.reserve_tail(data.len() + data.len().div_ceil(limit) * self.overhead());
        data.chunks(limit).try_for_each(|fragment| self.seal(content_type, fragment, 0, output))
    }

    /// Goes on at the record with this number.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, number: u64) {
        match &mut self.0 {
            Protection::Plaintext(_) => {}
            Protection::Tls13(sealer) => sealer.sequence.skip_to(number),
            Protection::Aead12(sealer) => sealer.sequence.skip_to(number),
            Protection::Cbc12(sealer) => sealer.sequence.skip_to(number),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Protection::Plaintext(_) => "Sealer(plaintext)",
            Protection::Tls13(_) => "Sealer(TLS 1.3)",
            Protection::Aead12(_) => "Sealer(TLS 1.2 AEAD)",
            Protection::Cbc12(_) => "Sealer(TLS 1.2 CBC)",
        })
    }
}
