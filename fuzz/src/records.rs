//! Records under every protection: what was changed, dropped or repeated does not open, and both ways to open agree.
use crate::script::Script;
use premaster::{
    Error, Output,
    crypto::{aead::AeadAlgorithm, cbc::CbcAlgorithm, hash::HashAlgorithm},
    record::{CbcOrder, Opener, Sealer},
    wire::ContentType,
};

const AEADS: [AeadAlgorithm; 7] = [
    AeadAlgorithm::Aes128Gcm,
    AeadAlgorithm::Aes256Gcm,
    AeadAlgorithm::ChaCha20Poly1305,
    AeadAlgorithm::Aes128Ccm,
    AeadAlgorithm::Aes256Ccm,
    AeadAlgorithm::Aes128Ccm8,
    AeadAlgorithm::Aes256Ccm8,
];
const HASHES: [HashAlgorithm; 3] = [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384];
const PROTECTIONS: usize = 27;

/// A sealer, and two openers for what it seals.
struct Ends {
    sealer: Sealer,
    opener: Opener,
    opener_to: Opener,
}

fn ends(which: usize) -> Result<Ends, Error> {
    let (key, iv) = ([0x11; 32], [0x22; 12]);
    Ok(match which {
        0 => {
            Ends { sealer: Sealer::plaintext(), opener: Opener::plaintext(), opener_to: Opener::plaintext() }
        }
        1..=14 => {
            let aead = AEADS[(which - 1) / 2];
            let key = &key[..aead.key_len()];
            let fixed = if aead == AeadAlgorithm::ChaCha20Poly1305 { &iv[..] } else { &iv[..4] };
            match which % 2 {
                0 => Ends {
                    sealer: Sealer::tls13(aead, key, &iv)?,
                    opener: Opener::tls13(aead, key, &iv)?,
                    opener_to: Opener::tls13(aead, key, &iv)?,
                },
                _ => Ends {
                    sealer: Sealer::tls12_aead(aead, key, fixed)?,
                    opener: Opener::tls12_aead(aead, key, fixed)?,
                    opener_to: Opener::tls12_aead(aead, key, fixed)?,
                },
            }
        }
        _ => {
            let which = which - 15;
            let cbc = [CbcAlgorithm::Aes128Cbc, CbcAlgorithm::Aes256Cbc][which % 2];
            let order = [CbcOrder::MacThenEncrypt, CbcOrder::EncryptThenMac][which / 2 % 2];
            let hash = HASHES[which / 4 % 3];
            let (key, mac) = (&key[..cbc.key_len()], vec![0x33; hash.output_len()]);
            Ends {
                sealer: Sealer::tls12_cbc(cbc, hash, key, &mac, order)?,
                opener: Opener::tls12_cbc(cbc, hash, key, &mac, order)?,
                opener_to: Opener::tls12_cbc(cbc, hash, key, &mac, order)?,
            }
        }
    })
}

impl Ends {
    /// Opens in both ways.
    fn open(&mut self, record: &[u8]) -> Result<(ContentType, Vec<u8>), Error> {
        let framed = self.opener.frame(record);
        let (mut in_place, mut out) = (record.to_vec(), vec![0; record.len()]);
        let here = self.opener.open(&mut in_place).map(|(kind, range)| (kind, in_place[range].to_vec()));
        let there = self.opener_to.open_to(record, &mut out).map(|(kind, len)| (kind, out[..len].to_vec()));
        assert_eq!(here, there, "in place and elsewhere");
        if here.is_ok() {
            assert_eq!(framed, Ok(Some(record.len())));
        }
        here
    }
}

/// Seals what the bytes say and opens what they make of it.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut ends = ends(script.below(PROTECTIONS)).expect("keys that fit");
    let protected = ends.sealer.is_protected();
    if script.byte() & 1 == 1 {
        let limit = usize::from(script.word());
        ends.opener.set_plaintext_limit(limit);
        ends.opener_to.set_plaintext_limit(limit);
    }
    let (mut in_step, mut before) = (true, Vec::new());
    for _ in 0..64 {
        if script.is_over() {
            return;
        }
        let content_type = ContentType(20 + script.byte() % 4);
        let repeat = usize::from(script.byte() % 64) + 1;
        let plaintext = script.bytes().repeat(repeat);
        let mut output = Output::new();
        if ends.sealer.seal(content_type, &plaintext, usize::from(script.byte()), &mut output).is_err() {
            return;
        }
        let sealed = output.as_slice().to_vec();
        let mut record = sealed.clone();
        match script.byte() % 8 {
            0 => script.edit(&mut record),
            1 => record = before.clone(),
            2 => record = script.bytes().to_vec(),
            // It is lost.
            3 => {
                in_step &= !protected;
                continue;
            }
            _ => {}
        }
        let opened = ends.open(&record);
        let authentic = in_step && record == sealed;
        if protected && !authentic {
            assert!(opened.is_err(), "a forgery opens");
            return;
        }
        if let (true, Ok(opened)) = (protected, opened) {
            assert_eq!(opened, (content_type, plaintext));
        }
        before = sealed;
    }
}

/// A few records under each protection.
pub fn seeds() -> Vec<Vec<u8>> {
    let records = [22, 0, 3, 1, 2, 3, 0, 7, 23, 3, 2, 9, 9, 5, 7, 23, 0, 1, 7, 200, 7, 21, 0, 2, 2, 40, 0, 7];
    let seed = |which: usize| [&[which as u8, 0], &records[..]].concat();
    (0..PROTECTIONS).map(seed).collect()
}
