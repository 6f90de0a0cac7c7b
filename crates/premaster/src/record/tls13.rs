//! The protection of TLS 1.3 (RFC 9846 section 5.2): an AEAD over content, type and padding.
//!
//! ```text
//! struct {
//!     opaque content[TLSPlaintext.length];
//!     ContentType type;
//!     uint8 zeros[length_of_padding];
//! } TLSInnerPlaintext;
//! ```
use super::Output;
use super::expanded::Expanded;
use super::nonce::Iv;
use super::sequence::Sequence;
use crate::crypto::aead::{AeadAlgorithm, OpenFailed, SealFailed};
use crate::error::{Error, Failure, Misbehaved};
use crate::wire::record::{HEADER_LEN, MAX_PLAINTEXT, RecordHeader};
use crate::wire::{ContentType, ProtocolVersion};

pub(super) struct SealTls13 {
    pub(super) key: Expanded,
    iv: Iv,
    pub(super) sequence: Sequence,
}

impl SealTls13 {
    pub(super) fn new(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        let key = Expanded::new(algorithm, key)?;
        Ok(Self { key, iv: Iv::whole(iv)?, sequence: Sequence::of(algorithm) })
    }

    /// How much longer than its plaintext a record is.
    pub(super) const fn overhead(&self) -> usize {
        HEADER_LEN + 1 + self.key.algorithm().tag_len()
    }

    pub(super) fn seal(
        &mut self,
        content_type: ContentType,
        plaintext: &[u8],
        padding: usize,
        output: &mut Output,
    ) -> Result<(), Error> {
        let key = self.key.get()?;
        // Content, type and padding together are at most 2^14 + 1 bytes (RFC 9846 section 5.4).
        let padding = padding.min(MAX_PLAINTEXT - plaintext.len());
        let len = plaintext.len() + padding + self.overhead();
        let header = RecordHeader {
            content_type: ContentType::APPLICATION_DATA,
            version: ProtocolVersion::TLS_1_2,
            length: (len - HEADER_LEN) as u16,
        }
        .encode();
        let nonce = self.iv.nonce(self.sequence.take()?);
        let (head, body) = output.reserve_tail(len).split_at_mut(HEADER_LEN);
        head.copy_from_slice(&header);
        if padding == 0 {
            key.seal_to(&nonce, &header, plaintext, &[content_type.0], body)
        } else {
            let (inner, tag) = body.split_at_mut(plaintext.len() + 1 + padding);
            let (content, rest) = inner.split_at_mut(plaintext.len());
            content.copy_from_slice(plaintext);
            rest.fill(0);
            rest[0] = content_type.0;
            key.seal_in_place(&nonce, &header, inner, tag)
        }
        .map_err(|SealFailed| Failure::Crypto)?;
        output.commit(len);
        Ok(())
    }
}

pub(super) struct OpenTls13 {
    pub(super) key: Expanded,
    iv: Iv,
    pub(super) sequence: Sequence,
}

impl OpenTls13 {
    pub(super) fn new(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        let key = Expanded::new(algorithm, key)?;
        Ok(Self { key, iv: Iv::whole(iv)?, sequence: Sequence::unlimited() })
    }

    /// Opens `fragment` in place; says what it is and how long, of content and padding at most `limit` bytes.
    pub(super) fn open(
        &mut self,
        header: &[u8; HEADER_LEN],
        fragment: &mut [u8],
        limit: usize,
    ) -> Result<(ContentType, usize), Error> {
        // A record that does not open leaves the number as it is, because a server that refuses early data
        // tries its handshake key on each record until one opens (RFC 9846 section 4.2.10).
        let nonce = self.iv.nonce(self.sequence.current()?);
        let len = self
            .key
            .get()?
            .open_in_place(&nonce, header, fragment)
            .map_err(|OpenFailed| Misbehaved::BadRecordMac)?;
        self.sequence.advance();
        Ok(content(&fragment[..len], limit)?)
    }

    /// As [`open`](Self::open), from one buffer to the front of another.
    pub(super) fn open_to(
        &mut self,
        header: &[u8; HEADER_LEN],
        fragment: &[u8],
        out: &mut [u8],
        limit: usize,
    ) -> Result<(ContentType, usize), Error> {
        let nonce = self.iv.nonce(self.sequence.current()?);
        let len = self
            .key
            .get()?
            .open_to(&nonce, header, fragment, out)
            .map_err(|OpenFailed| Misbehaved::BadRecordMac)?;
        self.sequence.advance();
        Ok(content(&out[..len], limit)?)
    }
}

/// What a TLSInnerPlaintext is, and how long its content.
fn content(inner: &[u8], limit: usize) -> Result<(ContentType, usize), Misbehaved> {
    if inner.len() > limit + 1 {
        return Err(Misbehaved::RecordTooLong);
    }
    let end = inner.iter().rposition(|&byte| byte != 0).ok_or(Misbehaved::NoContentType)?;
    match ContentType(inner[end]) {
        // RFC 9846 section 5: change_cipher_spec is never protected.
        ContentType::CHANGE_CIPHER_SPEC => Err(Misbehaved::UnexpectedChangeCipherSpec),
        content_type @ (ContentType::ALERT | ContentType::HANDSHAKE | ContentType::APPLICATION_DATA) => {
            Ok((content_type, end))
        }
        _ => Err(Misbehaved::UnknownContentType),
    }
}
