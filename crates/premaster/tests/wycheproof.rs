//! Project Wycheproof's vectors: what is valid must be taken and give the expected bytes, what is not must be
//! refused.
//!
//! They go in at the doors that the handshake uses, so that they judge our HMAC, the limits on keys and points and
//! the choice of algorithm as much as the primitives below.
use premaster::crypto::aead::{AeadAlgorithm, AeadKey};
use premaster::crypto::hash::{HashAlgorithm, HmacKey};
use premaster::crypto::sign::{PublicKey, SchemeUse};
use premaster::crypto::{Random, RandomFailed};
use premaster::exchange::{EphemeralKey, Group};
use premaster::wire::{NamedGroup, SignatureScheme};
use std::sync::atomic::{AtomicBool, Ordering};
use wycheproof::{TestResult, aead, ecdh, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify, xdh};

/// How many vectors of a kind said yes, and how many said no.
#[derive(Default)]
struct Judged {
    valid: usize,
    invalid: usize,
}

impl Judged {
    /// `Acceptable` is for whoever decides: either is right.
    fn judge(&mut self, what: impl std::fmt::Display, expected: TestResult, taken: bool) {
        match expected {
            TestResult::Valid => {
                assert!(taken, "{what} is valid");
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(!taken, "{what} is not valid");
                self.invalid += 1;
            }
            TestResult::Acceptable => {}
        }
    }

    /// That there were vectors of both kinds.
    fn end(self) {
        assert!(self.valid > 5 && self.invalid > 10, "{} valid, {} not", self.valid, self.invalid);
    }
}

#[test]
fn hmac() {
    for (name, hash) in [
        (mac::TestName::HmacSha1, HashAlgorithm::Sha1),
        (mac::TestName::HmacSha256, HashAlgorithm::Sha256),
        (mac::TestName::HmacSha384, HashAlgorithm::Sha384),
        (mac::TestName::HmacSha512, HashAlgorithm::Sha512),
    ] {
        let mut judged = Judged::default();
        // TLS never truncates a MAC (RFC 6066 section 7 is not offered).
        let whole = |group: &mac::TestGroup| group.tag_size == 8 * hash.output_len();
        for group in mac::TestSet::load(name).unwrap().test_groups.into_iter().filter(whole) {
            for test in group.tests {
                let key = HmacKey::new(hash, &test.key);
                let taken = key.verify(&[&test.msg], &test.tag);
                judged.judge(format!("{hash} {}", test.tc_id), test.result, taken);
                // In pieces it is the same.
                let (front, back) = test.msg.split_at(test.msg.len() / 2);
                assert_eq!(key.verify(&[front, back], &test.tag), taken);
            }
        }
        judged.end();
    }
}

#[test]
fn aead() {
    let algorithms: [(aead::TestName, &[AeadAlgorithm]); 3] = [
        (aead::TestName::AesGcm, &[AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm]),
        (aead::TestName::ChaCha20Poly1305, &[AeadAlgorithm::ChaCha20Poly1305]),
        (
            aead::TestName::AesCcm,
            &[
                AeadAlgorithm::Aes128Ccm,
                AeadAlgorithm::Aes256Ccm,
                AeadAlgorithm::Aes128Ccm8,
                AeadAlgorithm::Aes256Ccm8,
            ],
        ),
    ];
    for (name, algorithms) in algorithms {
        let groups = aead::TestSet::load(name).unwrap().test_groups;
        let mut judged = Judged::default();
        for &algorithm in algorithms {
            for group in &groups {
                let sizes = (group.key_size, group.tag_size);
                if sizes != (8 * algorithm.key_len(), 8 * algorithm.tag_len()) {
                    continue;
                }
                for test in &group.tests {
                    // The nonces of TLS have one length, which is in the type.
                    let Ok(nonce) = <[u8; 12]>::try_from(&test.nonce[..]) else { continue };
                    let key = AeadKey::new(algorithm, &test.key).unwrap();
                    let mut sealed = [&test.ct[..], &test.tag].concat();
                    let opened = key.open_in_place(&nonce, &test.aad, &mut sealed);
                    let taken = opened.is_ok_and(|len| sealed[..len] == test.pt[..]);
                    judged.judge(format!("{} {}", algorithm.name(), test.tc_id), test.result, taken);
                    if test.result == TestResult::Valid {
                        let mut sealed = vec![0; test.pt.len() + algorithm.tag_len()];
                        key.seal_to(&nonce, &test.aad, &test.pt, &[], &mut sealed).unwrap();
                        assert_eq!(sealed, [&test.ct[..], &test.tag].concat(), "{}", test.tc_id);
                    }
                }
            }
        }
        judged.end();
    }
}

/// A source that gives one private key, once.
struct Private(Vec<u8>, AtomicBool);

impl Random for Private {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        if out.len() != self.0.len() || self.1.swap(true, Ordering::Relaxed) {
            return Err(RandomFailed);
        }
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

/// What an ephemeral key with this private half agrees on; nothing if the public value is refused.
fn agree(group: NamedGroup, private: &[u8], public: &[u8]) -> Option<Vec<u8>> {
    let random = Private(private.into(), AtomicBool::new(false));
    let key = EphemeralKey::generate(Group::find(group).unwrap(), &random).expect("a private key");
    Some(key.open(public).ok()?.input_keying_material().to_vec())
}

#[test]
fn ecdh() {
    for (name, group, len) in [
        (ecdh::TestName::EcdhSecp256r1Ecpoint, NamedGroup::secp256r1, 32),
        (ecdh::TestName::EcdhSecp384r1Ecpoint, NamedGroup::secp384r1, 48),
        (ecdh::TestName::EcdhSecp521r1Ecpoint, NamedGroup::secp521r1, 66),
    ] {
        let mut judged = Judged::default();
        for test in ecdh::TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            // A number, of any length; ours has the length of the group's order.
            let number = &test.private_key[test.private_key.iter().take_while(|byte| **byte == 0).count()..];
            let mut private = vec![0; len];
            private[len - number.len()..].copy_from_slice(number);
            let secret = agree(group, &private, &test.public_key);
            let what = format!("{} {}", group, test.tc_id);
            // RFC 8422 section 5.1.2: points are uncompressed.
            if test.public_key.first() != Some(&4) {
                assert_eq!(secret, None, "{what}");
                continue;
            }
            judged.judge(what, test.result, secret.as_deref() == Some(&test.shared_secret[..]));
        }
        judged.end();
    }
}

#[test]
fn x25519() {
    let (mut agreed, mut refused) = (0, 0);
    let groups = xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups;
    for test in groups.into_iter().flat_map(|group| group.tests) {
        let secret = agree(NamedGroup::x25519, &test.private_key, &test.public_key);
        // RFC 9846 section 7.4.2: an all-zero result MUST be refused; all else agrees, also off the curve.
        if test.shared_secret.iter().all(|byte| *byte == 0) {
            assert_eq!(secret, None, "{}", test.tc_id);
            refused += 1;
        } else {
            assert_eq!(secret.as_deref(), Some(&test.shared_secret[..]), "{}", test.tc_id);
            agreed += 1;
        }
    }
    assert!(agreed > 100 && refused > 5, "{agreed} agreed, {refused} refused");
}

/// Judges signatures under one key.
fn signatures<'a>(
    judged: &mut Judged,
    spki: &[u8],
    (scheme, usage): (SignatureScheme, SchemeUse),
    tests: impl Iterator<Item = (usize, &'a [u8], &'a [u8], TestResult)>,
) {
    let key = PublicKey::from_spki(spki).unwrap();
    for (id, message, signature, expected) in tests {
        let taken = key.verify(scheme, usage, message, signature).is_ok();
        judged.judge(format!("{scheme} {id}"), expected, taken);
    }
}

macro_rules! judge_signatures {
    ($module:ident: $($name:ident as $scheme:ident),+ $(,)?) => {
        for (name, scheme) in [$(($module::TestName::$name, SignatureScheme::$scheme)),+] {
            let usage = match scheme {
                SignatureScheme::rsa_pkcs1_sha256
                | SignatureScheme::rsa_pkcs1_sha384
                | SignatureScheme::rsa_pkcs1_sha512 => SchemeUse::Tls12,
                _ => SchemeUse::Tls13,
            };
            let mut judged = Judged::default();
            for group in &$module::TestSet::load(name).unwrap().test_groups {
                let tests = group.tests.iter().map(|test| (test.tc_id, &test.msg[..], &test.sig[..], test.result));
                signatures(&mut judged, &group.der, (scheme, usage), tests);
            }
            judged.end();
        }
    };
}

#[test]
fn ecdsa() {
    judge_signatures!(ecdsa:
        EcdsaSecp256r1Sha256 as ecdsa_secp256r1_sha256,
        EcdsaSecp384r1Sha384 as ecdsa_secp384r1_sha384,
        EcdsaSecp521r1Sha512 as ecdsa_secp521r1_sha512,
    );
}

#[test]
fn ed25519() {
    judge_signatures!(eddsa: Ed25519 as ed25519);
}

#[test]
fn rsa_pkcs1() {
    judge_signatures!(rsa_pkcs1_verify:
        Rsa2048Sha256 as rsa_pkcs1_sha256,
        Rsa2048Sha384 as rsa_pkcs1_sha384,
        Rsa2048Sha512 as rsa_pkcs1_sha512,
        Rsa3072Sha256 as rsa_pkcs1_sha256,
        Rsa4096Sha512 as rsa_pkcs1_sha512,
    );
}

#[test]
fn rsa_pss() {
    judge_signatures!(rsa_pss_verify:
        RsaPss2048Sha256Mgf1SaltLen32 as rsa_pss_rsae_sha256,
        RsaPss2048Sha384Mgf1SaltLen48 as rsa_pss_rsae_sha384,
        RsaPss4096Sha256Mgf1SaltLen32 as rsa_pss_rsae_sha256,
        RsaPss4096Sha512Mgf1SaltLen64 as rsa_pss_rsae_sha512,
        RsaPss2048Sha256Mgf1SaltLen32WithParams as rsa_pss_pss_sha256,
        RsaPss4096Sha512Mgf1SaltLen64WithParams as rsa_pss_pss_sha512,
    );
}
