//! CBC records of TLS 1.2 that a hostile peer makes, and that a mere careless one does.
use super::*;
use crate::crypto::cbc::{CbcOpenKey, CbcSealKey};
use crate::crypto::hash::HmacKey;

/// A GenericBlockCipher whose MAC and padding are made by hand.
struct Forge {
    hash: HashAlgorithm,
    order: CbcOrder,
}

impl Forge {
    fn opener(&self) -> Opener {
        Opener::tls12_cbc(CbcAlgorithm::Aes128Cbc, self.hash, &[0x33; 16], &[0x44; 48], self.order).unwrap()
    }

    /// `tail` is the padding with its length, `damage` is done before encryption.
    fn record(&self, content: &[u8], tail: &[u8], damage: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mac = HmacKey::new(self.hash, &[0x44; 48]);
        let mut tag = vec![0; self.hash.output_len()];
        let iv = [0x77; 16];
        let inside = if self.order == CbcOrder::MacThenEncrypt { &tag[..] } else { &[] };
        let (tag_at, tag_end) = (content.len(), content.len() + inside.len());
        let mut blocks = [content, inside, tail].concat();
        if self.order == CbcOrder::MacThenEncrypt {
            mac.sign(&[&additional_data12(0, DATA, content.len()), content], &mut blocks[tag_at..tag_end]);
        }
        damage(&mut blocks);
        CbcSealKey::new(CbcAlgorithm::Aes128Cbc, &[0x33; 16]).unwrap().encrypt(&iv, &mut blocks).unwrap();
        let mut fragment = [&iv[..], &blocks].concat();
        if self.order == CbcOrder::EncryptThenMac {
            mac.sign(&[&additional_data12(0, DATA, fragment.len()), &fragment], &mut tag);
            fragment.extend(tag);
        }
        let [high, low] = (fragment.len() as u16).to_be_bytes();
        [&[23, 3, 3, high, low], &fragment[..]].concat()
    }

    /// Every length of padding that makes whole blocks after `content`.
    fn paddings(&self, content: &[u8]) -> impl Iterator<Item = u8> {
        let inside = if self.order == CbcOrder::MacThenEncrypt { self.hash.output_len() } else { 0 };
        let len = content.len() + inside + 1;
        (0..=u8::MAX).filter(move |&padding| (len + usize::from(padding)).is_multiple_of(16))
    }
}

#[test]
fn every_length_of_cbc_padding_opens() {
    for hash in HASHES {
        for order in ORDERS {
            let forge = Forge { hash, order };
            let mut seen = [false; 256];
            for len in (0..16).chain([100, 255, 256, 300, 1000]) {
                let content = vec![0xc3; len];
                for padding in forge.paddings(&content) {
                    seen[usize::from(padding)] = true;
                    let tail = vec![padding; usize::from(padding) + 1];
                    let record = forge.record(&content, &tail, |_| {});
                    assert_eq!(open(&mut forge.opener(), &record), Ok((DATA, content.clone())));
                }
            }
            assert!(seen.iter().all(|&seen| seen));
        }
    }
}

/// Each byte of each padding, the MAC, the content: one answer.
#[test]
fn every_damage_to_a_cbc_record_gets_the_same_answer() {
    for hash in HASHES {
        for order in ORDERS {
            let forge = Forge { hash, order };
            for len in [0, 5, 40] {
                let content = vec![0xc3; len];
                for padding in forge.paddings(&content) {
                    let tail = vec![padding; usize::from(padding) + 1];
                    for at in 0..tail.len() {
                        let damage = |blocks: &mut [u8]| {
                            let position = blocks.len() - 1 - at;
                            blocks[position] ^= 1 << (at % 8);
                        };
                        let record = forge.record(&content, &tail, damage);
                        assert_eq!(
                            open(&mut forge.opener(), &record),
                            bad_record_mac(),
                            "{hash} {padding} {at}"
                        );
                    }
                }
                if order == CbcOrder::MacThenEncrypt {
                    let padding = forge.paddings(&content).next().unwrap();
                    let tail = vec![padding; usize::from(padding) + 1];
                    for at in 0..len + hash.output_len() {
                        let record = forge.record(&content, &tail, |blocks| blocks[at] ^= 0x40);
                        assert_eq!(open(&mut forge.opener(), &record), bad_record_mac());
                    }
                }
            }
        }
    }
}

/// POODLE and Vaudenay: padding that reaches over the MAC, or over the start of the record.
#[test]
fn cbc_padding_that_is_too_long() {
    for hash in HASHES {
        let forge = Forge { hash, order: CbcOrder::MacThenEncrypt };
        let mac_len = hash.output_len();
        for blocks in 1..20_usize {
            for padding in 0..=u8::MAX {
                let filled = vec![padding; blocks * 16];
                let iv = [0; 16];
                let mut fragment = filled.clone();
                let key = CbcSealKey::new(CbcAlgorithm::Aes128Cbc, &[0x33; 16]).unwrap();
                key.encrypt(&iv, &mut fragment).unwrap();
                let [high, low] = (fragment.len() as u16 + 16).to_be_bytes();
                let record = [&[23, 3, 3, high, low], &iv[..], &fragment].concat();
                assert_eq!(
                    open(&mut forge.opener(), &record),
                    bad_record_mac(),
                    "{mac_len} {blocks} {padding}"
                );
            }
        }
    }
}

/// A sender that leaves the padding out altogether, so that the MAC is where it would be without any.
#[test]
fn cbc_without_padding() {
    for hash in HASHES {
        let mac_len = hash.output_len();
        for order in ORDERS {
            let forge = Forge { hash, order };
            let inside = if order == CbcOrder::MacThenEncrypt { mac_len } else { 0 };
            for fill in 0..=u8::MAX {
                let content = vec![fill | 0x80; 64 - inside % 16];
                let record = forge.record(&content, &[], |_| {});
                assert_eq!(open(&mut forge.opener(), &record), bad_record_mac(), "{hash} {order:?} {fill}");
            }
        }
    }
}

#[test]
fn cbc_fragments_that_are_not_blocks() {
    for hash in HASHES {
        for order in ORDERS {
            let forge = Forge { hash, order };
            for len in 0..150_u8 {
                let mut record = vec![0x5a; 5 + usize::from(len)];
                record[..5].copy_from_slice(&[23, 3, 3, 0, len]);
                assert_eq!(open(&mut forge.opener(), &record), bad_record_mac());
            }
        }
    }
}

/// What is decrypted beneath an encrypt-then-MAC record starts with the content: the MAC is not in it.
#[test]
fn encrypt_then_mac_is_in_that_order() {
    let order = CbcOrder::EncryptThenMac;
    let (algorithm, hash) = (CbcAlgorithm::Aes128Cbc, HashAlgorithm::Sha256);
    let mut sealer = Sealer::tls12_cbc(algorithm, hash, &[0x33; 16], &[0x44; 32], order).unwrap();
    let mut record = seal(&mut sealer, DATA, b"content");
    let (fragment, mac) = record[HEADER..].split_at_mut(32);
    let aad = additional_data12(0, DATA, 32);
    assert!(HmacKey::new(hash, &[0x44; 32]).verify(&[&aad, fragment], mac));
    let (iv, blocks) = fragment.split_first_chunk_mut().unwrap();
    CbcOpenKey::new(algorithm, &[0x33; 16]).unwrap().decrypt(iv, blocks).unwrap();
    assert_eq!(blocks, b"content\x08\x08\x08\x08\x08\x08\x08\x08\x08");
}

/// The one pass and the two make records that open alike, and each has an IV of its own.
#[test]
fn what_is_sealed_in_one_pass_opens() {
    let (mac_then_encrypt, key) = (CbcOrder::MacThenEncrypt, [0x33; 32]);
    for (algorithm, key) in [(CbcAlgorithm::Aes128Cbc, &key[..16]), (CbcAlgorithm::Aes256Cbc, &key[..])] {
        for hash in HASHES {
            let mac_key = vec![0x44; hash.output_len()];
            let mut sealer = Sealer::tls12_cbc(algorithm, hash, key, &mac_key, mac_then_encrypt).unwrap();
            let mut opener = Opener::tls12_cbc(algorithm, hash, key, &mac_key, mac_then_encrypt).unwrap();
            let mut vectors = std::collections::HashSet::new();
            for len in (0..200).chain([255, 1000, (1 << 14) - 1, 1 << 14]) {
                let content: Vec<u8> = (0..len).map(|at| (at * 7 + at / 256) as u8).collect();
                let record = seal(&mut sealer, DATA, &content);
                assert!(vectors.insert(record[HEADER..HEADER + 16].to_vec()));
                assert_eq!(open(&mut opener, &record), Ok((DATA, content)), "{algorithm} {hash} {len}");
            }
        }
    }
}
