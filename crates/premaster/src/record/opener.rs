//! What the peer sends under.
use super::aead12::OpenAead12;
use super::cbc12::OpenCbc12;
use super::expanded::Expanded;
use super::sequence::Sequence;
use super::tls13::OpenTls13;
use super::{AeadAlgorithm, CbcAlgorithm, CbcOrder, HashAlgorithm};
use crate::crypto::wipe;
use crate::error::{Error, Failure, Misbehaved};
use crate::wire::record::{
    HEADER_LEN, Impostor, MAX_CIPHERTEXT_12, MAX_CIPHERTEXT_13, MAX_PLAINTEXT, RecordHeader,
};
use crate::wire::{ContentType, DecodeError, Problem, ProtocolVersion};
use std::fmt;
use std::ops::Range;

/// Turns records back into plaintext, under one key, in order.
///
/// There is no second one, and it does not start again:
/// ```compile_fail,E0599
/// # use premaster::record::Opener;
/// let copy = Opener::plaintext().clone();
/// ```
pub struct Opener {
    protection: Protection,
    limit: usize,
}

/// Closed on purpose: a protection that this library does not know cannot be put in.
enum Protection {
    Plaintext,
    Tls13(OpenTls13),
    Aead12(OpenAead12),
    Cbc12(OpenCbc12),
}

impl Opener {
    const fn new(protection: Protection) -> Self {
        Self { protection, limit: MAX_PLAINTEXT }
    }

    /// No protection, for the start of a connection.
    pub const fn plaintext() -> Self {
        Self::new(Protection::Plaintext)
    }

    /// TLS 1.3 with `[sender]_write_key` and `[sender]_write_iv` (RFC 9846 section 7.3).
    ///
    /// # Errors
    /// [`Failure::Crypto`]: a length does not fit the algorithm.
    pub fn tls13(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        OpenTls13::new(algorithm, key, iv).map(Protection::Tls13).map(Self::new)
    }

    /// TLS 1.2 with an AEAD. `fixed_iv` has 4 bytes, or 12 for ChaCha20-Poly1305.
    ///
    /// # Errors
    /// [`Failure::Crypto`]: a length does not fit the algorithm.
    pub fn tls12_aead(algorithm: AeadAlgorithm, key: &[u8], fixed_iv: &[u8]) -> Result<Self, Error> {
        OpenAead12::new(algorithm, key, fixed_iv).map(Protection::Aead12).map(Self::new)
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
        OpenCbc12::new(algorithm, hash, key, mac_key, order).map(Protection::Cbc12).map(Self::new)
    }

    /// Refuses protected records with more than `limit` bytes of content and padding, in place of 2^14. With the
    /// extension record_size_limit (RFC 8449 section 4) that is its value in TLS 1.2, and one less in TLS 1.3,
    /// where it counts the type as well.
    pub const fn set_plaintext_limit(&mut self, limit: usize) {
        self.limit = if limit < MAX_PLAINTEXT { limit } else { MAX_PLAINTEXT };
    }

    /// How many bytes of content and padding a protected record may have.
    pub const fn plaintext_limit(&self) -> usize {
        self.limit
    }

    /// Wipes the expanded key of an AEAD, until it is [woken](Self::wake); other protections stay as they are.
    pub(crate) fn rest(&mut self) {
        if let Some(key) = self.expanded() {
            key.rest();
        }
    }

    /// Whether it has to be woken before anything can be opened.
    pub(crate) const fn is_resting(&self) -> bool {
        match &self.protection {
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
        match &mut self.protection {
            Protection::Tls13(protection) => Some(&mut protection.key),
            Protection::Aead12(protection) => Some(&mut protection.key),
            _ => None,
        }
    }

    /// Whether records are encrypted.
    pub const fn is_protected(&self) -> bool {
        !matches!(self.protection, Protection::Plaintext)
    }

    /// Whether [`open_to`](Self::open_to) decrypts from the one buffer to the other, and does not copy first.
    pub(crate) const fn opens_apart(&self) -> bool {
        matches!(self.protection, Protection::Tls13(_) | Protection::Aead12(_))
    }

    /// The longest fragment that a record may have.
    const fn max_fragment(&self) -> usize {
        match self.protection {
            Protection::Plaintext => MAX_PLAINTEXT,
            Protection::Tls13(_) => MAX_CIPHERTEXT_13,
            Protection::Aead12(_) | Protection::Cbc12(_) => MAX_CIPHERTEXT_12,
        }
    }

    /// How long the record at the front of `input` is, header included, as soon as its header is there; `input`
    /// may not hold all of it yet.
    ///
    /// # Errors
    /// No such record may come here, and there is no use in waiting for the rest of it.
    pub fn frame(&self, input: &[u8]) -> Result<Option<usize>, Error> {
        let Some(bytes) = input.first_chunk() else { return Ok(None) };
        let header = RecordHeader::decode(bytes);
        self.check(bytes, header)?;
        Ok(Some(HEADER_LEN + usize::from(header.length)))
    }

    fn check(&self, bytes: &[u8; HEADER_LEN], header: RecordHeader) -> Result<(), Misbehaved> {
        if !ContentType::KNOWN.contains(&header.content_type) {
            return Err(match Impostor::recognize(bytes) {
                Some(Impostor::Http) => Misbehaved::HttpOnTlsPort,
                Some(Impostor::PlainText) => Misbehaved::PlainTextOnTlsPort,
                Some(Impostor::Ssl2) => Misbehaved::Ssl2Hello,
                None => Misbehaved::UnknownContentType,
            });
        }
        // Before the version is agreed on, hellos come with all sorts of minor versions; after that only with
        // TLS 1.2's (RFC 9846 sections 5.1 and 5.2).
        let version_is_right = match self.protection {
            Protection::Plaintext => header.version.0 >> 8 == 3,
            _ => header.version == ProtocolVersion::TLS_1_2,
        };
        if !version_is_right {
            return Err(Misbehaved::WrongRecordVersion);
        }
        if usize::from(header.length) > self.max_fragment() {
            return Err(Misbehaved::RecordTooLong);
        }
        Ok(())
    }

    /// Opens `record`, header included and nothing after it, in place, and says what it is and where in it the
    /// plaintext lies.
    ///
    /// TLS 1.3 lets alerts and change_cipher_spec come unprotected at times even when this has a key; the caller,
    /// who knows those times, looks at the type in the header before.
    ///
    /// # Errors
    /// [`Misbehaved`]: the record breaks a rule or is not authentic. The connection is over, and `record` holds
    /// nothing of use; but after [`Misbehaved::BadRecordMac`] the same number is tried on the next record, as a
    /// server does that refuses early data.
    pub fn open(&mut self, record: &mut [u8]) -> Result<(ContentType, Range<usize>), Error> {
        let short = DecodeError::new("TLSPlaintext", Problem::BadLength);
        let (bytes, fragment) = record.split_first_chunk_mut().ok_or(short)?;
        let header = RecordHeader::decode(bytes);
        self.check(bytes, header)?;
        if fragment.len() != usize::from(header.length) {
            return Err(short.into());
        }
        let (content_type, within) = match &mut self.protection {
            Protection::Plaintext => (header.content_type, 0..fragment.len()),
            Protection::Tls13(opener) => {
                must_be_protected(header)?;
                let (content_type, len) = opener.open(bytes, fragment, self.limit)?;
                (content_type, 0..len)
            }
            Protection::Aead12(opener) => (header.content_type, opener.open(header.content_type, fragment)?),
            Protection::Cbc12(opener) => (header.content_type, opener.open(header.content_type, fragment)?),
        };
        if self.is_protected() {
            wipe::after_record();
        }
        self.check_plaintext(within.len())?;
        Ok((content_type, HEADER_LEN + within.start..HEADER_LEN + within.end))
    }

    /// Opens `record`, header included and nothing after it, to the front of `out`, and says what it is and how
    /// long the plaintext. `out` is at least as long as `record` without its header.
    ///
    /// For a caller whose buffer the plaintext has to end up in: the AEADs decrypt straight into it.
    ///
    /// # Errors
    /// As [`open`](Self::open); and [`Failure::Crypto`] if `out` is too short. Then `out` holds nothing of use.
    pub fn open_to(&mut self, record: &[u8], out: &mut [u8]) -> Result<(ContentType, usize), Error> {
        let short = DecodeError::new("TLSPlaintext", Problem::BadLength);
        let (bytes, fragment) = record.split_first_chunk().ok_or(short)?;
        let header = RecordHeader::decode(bytes);
        self.check(bytes, header)?;
        if fragment.len() != usize::from(header.length) {
            return Err(short.into());
        }
        let out = out.get_mut(..fragment.len()).ok_or(Failure::Crypto)?;
        let (content_type, len) = match &mut self.protection {
            Protection::Plaintext => {
                out.copy_from_slice(fragment);
                (header.content_type, fragment.len())
            }
            Protection::Tls13(opener) => {
                must_be_protected(header)?;
                opener.open_to(bytes, fragment, out, self.limit)?
            }
            Protection::Aead12(opener) => {
                (header.content_type, opener.open_to(header.content_type, fragment, out)?)
            }
            Protection::Cbc12(opener) => {
                out.copy_from_slice(fragment);
                let within = opener.open(header.content_type, out)?;
                let len = within.len();
                out.copy_within(within, 0);
                (header.content_type, len)
            }
        };
        wipe::after_record();
        self.check_plaintext(len)?;
        Ok((content_type, len))
    }

    /// Opens `record` to the front of `out`, as [`open_to`](Self::open_to), for one who listens and has missed
    /// records: tries the number that is due and up to `ahead` after it, and says how many were missed. A
    /// connection never does this, for whoever takes records away would go unnoticed (RFC 9846 section 5.2).
    ///
    /// # Errors
    /// As [`open_to`](Self::open_to); after [`Misbehaved::BadRecordMac`] the number that was due is still due.
    pub fn open_after_loss(
        &mut self,
        record: &[u8],
        out: &mut [u8],
        ahead: u64,
    ) -> Result<(ContentType, usize, u64), Error> {
        let Some(due) = self.sequence_mut().map(|sequence| sequence.next()) else {
            return self.open_to(record, out).map(|(content_type, len)| (content_type, len, 0));
        };
        for missed in 0..=ahead {
            self.skip_to(due.saturating_add(missed));
            match self.open_to(record, out) {
                Err(Error::Misbehaved(Misbehaved::BadRecordMac)) => {}
                opened => return opened.map(|(content_type, len)| (content_type, len, missed)),
            }
        }
        self.skip_to(due);
        Err(Misbehaved::BadRecordMac.into())
    }

    const fn sequence_mut(&mut self) -> Option<&mut Sequence> {
        match &mut self.protection {
            Protection::Plaintext => None,
            Protection::Tls13(opener) => Some(&mut opener.sequence),
            Protection::Aead12(opener) => Some(&mut opener.sequence),
            Protection::Cbc12(opener) => Some(&mut opener.sequence),
        }
    }

    /// Goes on at the record with this number.
    pub(super) const fn skip_to(&mut self, number: u64) {
        if let Some(sequence) = self.sequence_mut() {
            sequence.skip_to(number);
        }
    }

    const fn check_plaintext(&self, len: usize) -> Result<(), Misbehaved> {
        match self.is_protected() && len > self.limit {
            true => Err(Misbehaved::RecordTooLong),
            false => Ok(()),
        }
    }
}

/// Everything that TLS 1.3 protects looks like application data (RFC 9846 section 5.2).
fn must_be_protected(header: RecordHeader) -> Result<(), Error> {
    match header.content_type {
        ContentType::APPLICATION_DATA => Ok(()),
        _ => Err(Error::Unexpected { expected: "a protected record", got: "an unprotected one" }),
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.protection {
            Protection::Plaintext => "Opener(plaintext)",
            Protection::Tls13(_) => "Opener(TLS 1.3)",
            Protection::Aead12(_) => "Opener(TLS 1.2 AEAD)",
            Protection::Cbc12(_) => "Opener(TLS 1.2 CBC)",
        })
    }
}
