//! CBC in TLS 1.2: MAC-then-encrypt (RFC 5246 section 6.2.3.2) and encrypt-then-MAC (RFC 7366).
//!
//! ```text
//! MAC-then-encrypt:  IV | encrypted { content | MAC | padding | padding_length }
//! encrypt-then-MAC:  IV | encrypted { content |       padding | padding_length } | MAC
//! ```
use super::sequence::Sequence;
use super::{Output, additional_data12, padding12};
use crate::crypto::cbc::{BLOCK_LEN, CbcAlgorithm, CbcFailed, CbcOpenKey, CbcSealKey, StitchedSealKey};
use crate::crypto::constant_time::declassify;
use crate::crypto::hash::{HashAlgorithm, HmacKey};
use crate::error::{Error, Failure, Misbehaved};
use crate::wire::record::{HEADER_LEN, RecordHeader};
use crate::wire::{ContentType, ProtocolVersion};
use std::ops::Range;

/// Which comes first, the MAC or the encryption.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash)]
pub enum CbcOrder {
    /// The MAC, which is then encrypted: TLS as it was, and Lucky Thirteen's target.
    MacThenEncrypt,
    /// The encryption; the MAC is over the ciphertext (RFC 7366).
    EncryptThenMac,
}

pub(super) struct SealCbc12 {
    keys: SealKeys,
    mac_len: usize,
    pub(super) sequence: Sequence,
}

enum SealKeys {
    /// MAC-then-encrypt in one pass, where there is such a thing.
    Stitched(StitchedSealKey),
    /// Either order, one after the other.
    Separate(SeparateKeys),
}

struct SeparateKeys {
    key: CbcSealKey,
    /// On the heap, where a move leaves no second one behind.
    mac: HmacKey,
    order: CbcOrder,
}

impl SealCbc12 {
    pub(super) fn new(
        algorithm: CbcAlgorithm,
        hash: HashAlgorithm,
        key: &[u8],
        mac_key: &[u8],
        order: CbcOrder,
    ) -> Result<Self, Error> {
        let stitched = match order {
            CbcOrder::MacThenEncrypt if key.len() == algorithm.key_len() => {
                StitchedSealKey::new(hash, key, mac_key)
            }
            _ => None,
        };
        let keys = match stitched {
            Some(stitched) => SealKeys::Stitched(stitched),
            None => SealKeys::Separate(SeparateKeys {
                key: CbcSealKey::new(algorithm, key).map_err(|_| Failure::Crypto)?,
                mac: HmacKey::new(hash, mac_key),
                order,
            }),
        };
        Ok(Self { keys, mac_len: hash.output_len(), sequence: Sequence::unlimited() })
    }

    /// How much longer than its plaintext a record is at most.
    pub(super) const fn overhead(&self) -> usize {
        HEADER_LEN + BLOCK_LEN + self.mac_len + BLOCK_LEN
    }

    pub(super) fn seal(
        &mut self,
        content_type: ContentType,
        plaintext: &[u8],
        output: &mut Output,
    ) -> Result<(), Error> {
        let number = self.sequence.take()?;
        let length = match &mut self.keys {
            SealKeys::Stitched(key) => key.seal(number, content_type, plaintext, output),
            SealKeys::Separate(keys) => keys.seal(number, content_type, plaintext, output),
        }?;
        output.commit(length);
        Ok(())
    }
}

/// Room for a record behind what waits, its header already written, and its body.
fn record(output: &mut Output, content_type: ContentType, length: usize) -> &mut [u8] {
    let (head, body) = output.reserve_tail(HEADER_LEN + length).split_at_mut(HEADER_LEN);
    let version = ProtocolVersion::TLS_1_2;
    head.copy_from_slice(&RecordHeader { content_type, version, length: length as u16 }.encode());
    body
}

impl StitchedSealKey {
    /// Writes the record and says how long it is.
    fn seal(
        &mut self,
        number: u64,
        content_type: ContentType,
        plaintext: &[u8],
        output: &mut Output,
    ) -> Result<usize, Error> {
        let length = self.sealed_len(plaintext.len());
        let body = record(output, content_type, length);
        body[BLOCK_LEN..BLOCK_LEN + plaintext.len()].copy_from_slice(plaintext);
        let [header @ .., _, _] = additional_data12(number, content_type, 0);
        if self.seal_in_place(&header, plaintext.len(), body).is_err() {
            body.fill(0);
            return Err(Failure::Crypto.into());
        }
        Ok(HEADER_LEN + length)
    }
}

impl SeparateKeys {
    /// Writes the record and says how long it is.
    fn seal(
        &mut self,
        number: u64,
        content_type: ContentType,
        plaintext: &[u8],
        output: &mut Output,
    ) -> Result<usize, Error> {
        // Before the plaintext goes to the buffer, where it would stay if there were no randomness.
        let iv = self.key.fresh_iv().map_err(|CbcFailed| Failure::Random)?;
        let mac_len = self.mac.algorithm().output_len();
        let (inside, outside) = match self.order {
            CbcOrder::MacThenEncrypt => (mac_len, 0),
            CbcOrder::EncryptThenMac => (0, mac_len),
        };
        let content_len = plaintext.len();
        let encrypted_len = (content_len + inside + 1).next_multiple_of(BLOCK_LEN);
        let length = BLOCK_LEN + encrypted_len + outside;
        let body = record(output, content_type, length);
        let (ciphertext, outer_mac) = body.split_at_mut(BLOCK_LEN + encrypted_len);
        let (head, blocks) = ciphertext.split_at_mut(BLOCK_LEN);
        head.copy_from_slice(&iv);
        blocks[..content_len].copy_from_slice(plaintext);
        if self.order == CbcOrder::MacThenEncrypt {
            let aad = additional_data12(number, content_type, content_len);
            self.mac.sign(&[&aad, plaintext], &mut blocks[content_len..content_len + inside]);
        }
        let padding = &mut blocks[content_len + inside..];
        let padding_length = (padding.len() - 1) as u8;
        padding.fill(padding_length);
        if self.key.encrypt(&iv, blocks).is_err() {
            blocks.fill(0);
            return Err(Failure::Crypto.into());
        }
        if self.order == CbcOrder::EncryptThenMac {
            // Over IV and ciphertext, and with their length (RFC 7366 section 3).
            let aad = additional_data12(number, content_type, ciphertext.len());
            self.mac.sign(&[&aad, ciphertext], outer_mac);
        }
        Ok(HEADER_LEN + length)
    }
}

pub(super) struct OpenCbc12 {
    key: CbcOpenKey,
    /// On the heap, where a move leaves no second one behind.
    mac: HmacKey,
    order: CbcOrder,
    pub(super) sequence: Sequence,
}

impl OpenCbc12 {
    pub(super) fn new(
        algorithm: CbcAlgorithm,
        hash: HashAlgorithm,
        key: &[u8],
        mac_key: &[u8],
        order: CbcOrder,
    ) -> Result<Self, Error> {
        let key = CbcOpenKey::new(algorithm, key).map_err(|_| Failure::Crypto)?;
        Ok(Self { key, mac: HmacKey::new(hash, mac_key), order, sequence: Sequence::unlimited() })
    }

    /// Opens `fragment` in place and says where in it the plaintext is. Whatever is wrong with it, the answer is
    /// the same: bad_record_mac (RFC 5246 section 7.2.2).
    pub(super) fn open(
        &mut self,
        content_type: ContentType,
        fragment: &mut [u8],
    ) -> Result<Range<usize>, Error> {
        let number = self.sequence.current()?;
        let len = match self.order {
            CbcOrder::MacThenEncrypt => self.open_mac_then_encrypt(number, content_type, fragment),
            CbcOrder::EncryptThenMac => self.open_encrypt_then_mac(number, content_type, fragment),
        };
        let len = len.ok_or(Misbehaved::BadRecordMac)?;
        self.sequence.advance();
        Ok(BLOCK_LEN..BLOCK_LEN + len)
    }

    fn open_mac_then_encrypt(
        &self,
        number: u64,
        content_type: ContentType,
        fragment: &mut [u8],
    ) -> Option<usize> {
        let blocks = self.decrypt(fragment)?;
        let mut aad = additional_data12(number, content_type, 0);
        padding12::open_mac_then_encrypt(&self.mac, &mut aad, blocks)
    }

    fn open_encrypt_then_mac(
        &self,
        number: u64,
        content_type: ContentType,
        fragment: &mut [u8],
    ) -> Option<usize> {
        let len = fragment.len().checked_sub(self.mac.algorithm().output_len())?;
        let (ciphertext, mac) = fragment.split_at_mut(len);
        let aad = additional_data12(number, content_type, len);
        // Before anything is decrypted (RFC 7366 section 3).
        if !self.mac.verify(&[&aad, ciphertext], mac) {
            return None;
        }
        let blocks = self.decrypt(ciphertext)?;
        let (good, padding_len) = padding12::padding(blocks, 0);
        (declassify(good) != 0).then(|| blocks.len() - declassify(padding_len))
    }

    /// Decrypts what follows the IV.
    fn decrypt<'a>(&self, ciphertext: &'a mut [u8]) -> Option<&'a [u8]> {
        let (iv, blocks) = ciphertext.split_first_chunk_mut::<BLOCK_LEN>()?;
        self.key.decrypt(iv, blocks).ok()?;
        Some(blocks)
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, memory, public, secret};

    /// In both orders, with every MAC, in one pass where there is such a thing, and back.
    #[test]
    fn records_are_sealed_and_opened_in_constant_time() {
        constant_time(|| {
            let cipher = CbcAlgorithm::Aes256Cbc;
            let mut in_one_pass = 0;
            for hash in [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                for order in [CbcOrder::MacThenEncrypt, CbcOrder::EncryptThenMac] {
                    let (key, mac_key) = (secret([5; 32]), secret([6; 48]));
                    let mac_key = &mac_key[..hash.output_len()];
                    let mut sealer = SealCbc12::new(cipher, hash, &key, mac_key, order).unwrap();
                    let mut opener = OpenCbc12::new(cipher, hash, &key, mac_key, order).unwrap();
                    in_one_pass += usize::from(matches!(sealer.keys, SealKeys::Stitched(_)));
                    for len in [0, 1, 200, 1000] {
                        let mut plaintext = vec![0x61; len];
                        memory(&mut plaintext);
                        let mut output = Output::new();
                        sealer.seal(ContentType::APPLICATION_DATA, &plaintext, &mut output).unwrap();
                        // What is on the wire is public.
                        let mut record = public(output.as_slice()).to_vec();
                        let fragment = &mut record[HEADER_LEN..];
                        let opened = opener.open(ContentType::APPLICATION_DATA, fragment).unwrap();
                        assert_eq!(public(&fragment[opened]), vec![0x61; len]);
                    }
                }
            }
            println!("{in_one_pass} of them in one pass");
        });
    }
}
