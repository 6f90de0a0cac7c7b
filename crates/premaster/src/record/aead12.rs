//! AEAD in TLS 1.2 (RFC 5246 section 6.2.3.3): GCM (RFC 5288) and CCM (RFC 6655), which carry half of their
//! nonce in each record, and ChaCha20-Poly1305 (RFC 7905), which does not.
//!
//! ```text
//! struct {
//!     opaque nonce_explicit[SecurityParameters.record_iv_length];
//!     aead-ciphered struct { opaque content[TLSCompressed.length]; };
//! } GenericAEADCipher;
//! ```
use super::expanded::Expanded;
use super::nonce::Iv;
use super::sequence::Sequence;
use super::{Output, additional_data12};
use crate::crypto::aead::{AeadAlgorithm, NONCE_LEN, OpenFailed, SealFailed};
use crate::error::{Error, Failure, Misbehaved};
use crate::wire::record::{HEADER_LEN, RecordHeader};
use crate::wire::{ContentType, ProtocolVersion};
use std::ops::Range;

/// Length of `nonce_explicit`, in bytes.
const fn explicit_len(algorithm: AeadAlgorithm) -> usize {
    match algorithm {
        AeadAlgorithm::ChaCha20Poly1305 => 0,
        _ => 8,
    }
}

fn key_and_iv(algorithm: AeadAlgorithm, key: &[u8], fixed_iv: &[u8]) -> Result<(Expanded, Iv), Error> {
    let key = Expanded::new(algorithm, key)?;
    let iv = match explicit_len(algorithm) {
        0 => Iv::whole(fixed_iv)?,
        _ => Iv::salt(fixed_iv)?,
    };
    Ok((key, iv))
}

pub(super) struct SealAead12 {
    pub(super) key: Expanded,
    iv: Iv,
    pub(super) sequence: Sequence,
}

impl SealAead12 {
    pub(super) fn new(algorithm: AeadAlgorithm, key: &[u8], fixed_iv: &[u8]) -> Result<Self, Error> {
        let (key, iv) = key_and_iv(algorithm, key, fixed_iv)?;
        Ok(Self { key, iv, sequence: Sequence::of(algorithm) })
    }

    /// How much longer than its plaintext a record is.
    pub(super) const fn overhead(&self) -> usize {
        let algorithm = self.key.algorithm();
        HEADER_LEN + explicit_len(algorithm) + algorithm.tag_len()
    }

    pub(super) fn seal(
        &mut self,
        content_type: ContentType,
        plaintext: &[u8],
        output: &mut Output,
    ) -> Result<(), Error> {
        let len = plaintext.len() + self.overhead();
        let length = (len - HEADER_LEN) as u16;
        let number = self.sequence.take()?;
        let (head, body) = output.reserve_tail(len).split_at_mut(HEADER_LEN);
        let version = ProtocolVersion::TLS_1_2;
        head.copy_from_slice(&RecordHeader { content_type, version, length }.encode());
        let explicit = explicit_len(self.key.algorithm());
        let (nonce_explicit, sealed) = body.split_at_mut(explicit);
        nonce_explicit.copy_from_slice(&number.to_be_bytes()[..explicit]);
        let aad = additional_data12(number, content_type, plaintext.len());
        self.key
            .get()?
            .seal_to(&self.iv.nonce(number), &aad, plaintext, &[], sealed)
            .map_err(|SealFailed| Failure::Crypto)?;
        output.commit(len);
        Ok(())
    }
}

pub(super) struct OpenAead12 {
    pub(super) key: Expanded,
    iv: Iv,
    pub(super) sequence: Sequence,
}

impl OpenAead12 {
    pub(super) fn new(algorithm: AeadAlgorithm, key: &[u8], fixed_iv: &[u8]) -> Result<Self, Error> {
        let (key, iv) = key_and_iv(algorithm, key, fixed_iv)?;
        Ok(Self { key, iv, sequence: Sequence::unlimited() })
    }

    /// Opens `fragment` in place and says where in it the plaintext is.
    pub(super) fn open(
        &mut self,
        content_type: ContentType,
        fragment: &mut [u8],
    ) -> Result<Range<usize>, Error> {
        let number = self.sequence.current()?;
        let (explicit, len) = self.lengths(fragment)?;
        let (nonce_explicit, sealed) = fragment.split_at_mut(explicit);
        let nonce = self.nonce(number, nonce_explicit);
        let aad = additional_data12(number, content_type, len);
        self.key.get()?.open_in_place(&nonce, &aad, sealed).map_err(|OpenFailed| Misbehaved::BadRecordMac)?;
        self.sequence.advance();
        Ok(explicit..explicit + len)
    }

    /// Opens `fragment` to the front of `out` and says how long the plaintext is.
    pub(super) fn open_to(
        &mut self,
        content_type: ContentType,
        fragment: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let number = self.sequence.current()?;
        let (explicit, len) = self.lengths(fragment)?;
        let (nonce_explicit, sealed) = fragment.split_at(explicit);
        let nonce = self.nonce(number, nonce_explicit);
        let aad = additional_data12(number, content_type, len);
        self.key.get()?.open_to(&nonce, &aad, sealed, out).map_err(|OpenFailed| Misbehaved::BadRecordMac)?;
        self.sequence.advance();
        Ok(len)
    }

    /// Lengths of `nonce_explicit` and of the plaintext.
    fn lengths(&self, fragment: &[u8]) -> Result<(usize, usize), Misbehaved> {
        let algorithm = self.key.algorithm();
        let explicit = explicit_len(algorithm);
        let len = fragment.len().checked_sub(explicit + algorithm.tag_len());
        Ok((explicit, len.ok_or(Misbehaved::BadRecordMac)?))
    }

    fn nonce(&self, number: u64, nonce_explicit: &[u8]) -> [u8; NONCE_LEN] {
        // The peer may have made its half otherwise than from the sequence number (RFC 5288 section 3).
        match nonce_explicit.try_into() {
            Ok(explicit) => self.iv.nonce(u64::from_be_bytes(explicit)),
            Err(_) => self.iv.nonce(number),
        }
    }
}
