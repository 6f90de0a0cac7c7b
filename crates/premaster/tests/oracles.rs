//! No oracles: whatever is wrong with an RSA ciphertext or a CBC record, the victim does one and the same thing.
//!
//! Bleichenbacher (1998), ROBOT (2017), Vaudenay (2002), Lucky Thirteen (2013), POODLE against TLS (2014), GOLDENDOODLE
//! and Zombie POODLE (2019) all lived on a difference: another alert, another count of records, another length.
#![cfg(feature = "legacy")]
#![allow(missing_docs, reason = "a test")]
mod common;
mod puppet;

use common::{Authority, Key, client_config, server_config};
use premaster::{
    Error, Policy, Secret, ServerConfig,
    config::{ClientAuthentication, LegacyOptIn},
    crypto::{
        Random, SystemRandom,
        cbc::{BLOCK_LEN, CbcSealKey},
        hash::HmacKey,
    },
    error::Misbehaved,
    identity::{Certificate, Credential, ExternalPsk, PskSource},
    suite::{Protection, Suite},
    wire::{ContentType, HandshakeType, Side},
};
use premaster_ffi::rsa::PublicKey;
use puppet::{Heard, Part, Puppet, Say, V12};
use std::sync::Arc;

const PREMASTER_LEN: usize = 48;

fn random_bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    SystemRandom.fill(&mut bytes).unwrap();
    bytes
}

/// `0x00 || type || PS || 0x00 || contents`, right but for the type, the zeros in PS and the contents.
fn encoded_message(len: usize, block_type: u8, contents: &[u8]) -> Vec<u8> {
    let mut message = vec![0x5a; len];
    let start = len - contents.len();
    message[0] = 0;
    message[1] = block_type;
    message[start - 1] = 0;
    message[start..].copy_from_slice(contents);
    message
}

/// What is encrypted, or sent in place of a ciphertext.
enum Reply {
    Encrypted(Vec<u8>),
    Raw(Vec<u8>),
}

/// Every way to get it wrong, each with a name; `len` is that of the modulus, and `n` the modulus itself.
fn malformed(len: usize, n: &[u8]) -> Vec<(String, Reply)> {
    let mut premaster = random_bytes(PREMASTER_LEN);
    premaster[..2].copy_from_slice(&[3, 3]);
    let good = encoded_message(len, 2, &premaster);
    let with = |at: usize, value: u8| {
        let mut message = good.clone();
        message[at] = value;
        message
    };
    let mut kinds: Vec<(String, Reply)> = Vec::new();
    let mut encrypted = |name: &str, message: Vec<u8>| kinds.push((name.into(), Reply::Encrypted(message)));
    encrypted("first byte 1", with(0, 1));
    encrypted("block type 0", with(1, 0));
    encrypted("block type 1", with(1, 1));
    encrypted("block type 3", with(1, 3));
    encrypted("block type 255", with(1, 255));
    encrypted("type 1 padding of 0xff", {
        let mut message = encoded_message(len, 1, &premaster);
        message[2..len - PREMASTER_LEN - 1].fill(0xff);
        message
    });
    encrypted("no zero at all", {
        let mut message = with(len - PREMASTER_LEN - 1, 1);
        message.iter_mut().skip(1).filter(|byte| **byte == 0).for_each(|byte| *byte = 1);
        message
    });
    encrypted("no zero before the premaster secret", with(len - PREMASTER_LEN - 1, 7));
    for at in 2..10 {
        encrypted(&format!("zero in the eight bytes that must not be, at {at}"), with(at, 0));
    }
    encrypted("zero in the middle of the padding", with(len / 2, 0));
    encrypted("zero just before the end of the padding", with(len - PREMASTER_LEN - 2, 0));
    for wrong in [0, 1, 2, 16, 32, 46, 47, 49, 50, 64, 128, len - 11] {
        let mut contents = random_bytes(wrong);
        contents.iter_mut().zip([3, 3]).for_each(|(byte, version)| *byte = version);
        encrypted(&format!("premaster secret of {wrong} bytes"), encoded_message(len, 2, &contents));
    }
    for version in [[3, 2], [3, 1], [3, 0], [3, 4], [2, 3], [0, 0], [0xff, 0xff], [3, 0x83]] {
        let mut contents = premaster.clone();
        contents[..2].copy_from_slice(&version);
        encrypted(&format!("version {version:?}"), encoded_message(len, 2, &contents));
    }
    encrypted("nothing but zeros", vec![0; len]);
    encrypted("one", [vec![0; len - 1], vec![1]].concat());
    encrypted("the premaster secret without padding", [vec![0; len - PREMASTER_LEN], premaster].concat());
    let mut raw = |name: &str, bytes: Vec<u8>| kinds.push((name.into(), Reply::Raw(bytes)));
    raw("random bytes below the modulus", [vec![0], random_bytes(len - 1)].concat());
    raw("zeros", vec![0; len]);
    raw("0xff", vec![0xff; len]);
    raw("the modulus", n.to_vec());
    raw("an empty ciphertext", Vec::new());
    raw("a ciphertext of one byte", vec![1]);
    raw("one byte short", random_bytes(len - 1));
    raw("one byte long", [vec![0], random_bytes(len)].concat());
    raw("half as long", random_bytes(len / 2));
    raw("twice as long", random_bytes(2 * len));
    raw("as long as a record allows", random_bytes(16_000));
    kinds
}

struct RsaServer {
    config: Arc<ServerConfig>,
    key: PublicKey,
    suite: &'static str,
    psk: Arc<ExternalPsk>,
}

fn rsa_server(suite: &'static str, change: impl FnOnce(&mut Policy), authority: &Authority) -> RsaServer {
    let mut policy =
        Policy::LEGACY.with_versions(&[V12]).with_cipher_suites(&[Suite::parse(suite).unwrap().code]);
    change(&mut policy);
    let psk = Arc::new(ExternalPsk::new("a name", Secret::from(&[1; 32][..])));
    let credential = authority.issue(Key::Rsa2048, &["localhost"]);
    let spki = Certificate::parse(credential.leaf()).unwrap().spki().to_vec();
    let config = server_config(credential, |builder| {
        builder
            .policy(policy)
            .allow_legacy(LegacyOptIn::for_every_peer("the subject of this test"))
            .external_psks(PskSource::These(Arc::new([psk.clone()])))
            .client_authentication(ClientAuthentication::Optional(authority.verifier().into()))
    });
    RsaServer { config, key: PublicKey::from_spki(&spki).unwrap(), suite, psk }
}

/// All that somebody on the wire can see of an attempt.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    records: Vec<Vec<u8>>,
    error: Option<Error>,
    again: Option<Error>,
}

impl RsaServer {
    /// One attempt by an attacker who does not know what the ciphertext holds, and so finishes under other keys.
    fn attempt(&self, etm: bool, reply: Vec<u8>, guess: Vec<u8>) -> (Outcome, bool) {
        let mut part = Part::named(V12, self.suite);
        part.encrypt_then_mac = etm;
        part.psk = Some(self.psk.clone());
        part.reply = Some((reply, guess));
        let mut puppet = Puppet::client(part, self.config.clone());
        puppet.says(&[Say::ClientHello]);
        let flight = puppet.wire.len();
        puppet.says(&[Say::EmptyCertificate, Say::ClientKeyExchange]);
        assert_eq!((puppet.wire.len(), &puppet.error), (flight, &None), "nothing may show before Finished");
        puppet.says(&[Say::ChangeCipherSpec]);
        assert_eq!((puppet.wire.len(), &puppet.error), (flight, &None), "nothing may show before Finished");
        puppet.says(&[Say::Finished]);
        let connected = puppet.is_connected();
        let records = puppet.wire[flight..].to_vec();
        let again = puppet.victim.take(&[23, 3, 3, 0, 1, 0]).err();
        (Outcome { records, error: puppet.error.take(), again }, connected)
    }

    fn encrypt(&self, message: &[u8]) -> Vec<u8> {
        let mut out = vec![0; self.key.len()];
        self.key.encrypt_raw(message, &mut out).unwrap();
        out
    }
}

#[test]
fn every_malformed_rsa_client_key_exchange_looks_like_a_wrong_finished() {
    let authority = Authority::new();
    let mut kinds = 0;
    for (suite, etm) in [
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", false),
        ("TLS_RSA_WITH_AES_256_CBC_SHA256", false),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", true),
        ("TLS_RSA_WITH_AES_128_CCM_8", false),
        ("TLS_RSA_PSK_WITH_AES_128_GCM_SHA256", false),
    ] {
        let server = rsa_server(suite, |policy| policy.encrypt_then_mac = etm, &authority);
        let len = server.key.len();
        let mut premaster = random_bytes(PREMASTER_LEN);
        premaster[..2].copy_from_slice(&[3, 3]);
        let good = server.encrypt(&encoded_message(len, 2, &premaster));
        // Somebody who knows the secret gets in, so that the rest of this test is about something.
        let (_, connected) = server.attempt(etm, good.clone(), premaster);
        assert!(connected, "{suite}");
        // The yardstick: nothing is wrong with the ciphertext, but the attacker does not know what is in it.
        let (wrong_finished, connected) = server.attempt(etm, good, random_bytes(PREMASTER_LEN));
        assert!(!connected);
        assert_eq!(wrong_finished.error, Some(Misbehaved::BadRecordMac.into()));
        assert_eq!(wrong_finished.again, wrong_finished.error, "and it stays closed");
        assert_eq!(wrong_finished.records, [vec![21, 3, 3, 0, 2, 2, 20]]);

        let (n, _) = server.key.public().unwrap();
        let n = [vec![0; len - n.len()], n].concat();
        for (name, reply) in malformed(len, &n) {
            let (ciphertext, plaintext) = match reply {
                Reply::Encrypted(message) => (server.encrypt(&message), Some(message)),
                Reply::Raw(ciphertext) => (ciphertext, None),
            };
            // An attacker may know just what he encrypted; its last 48 bytes must not have become the secret.
            let known = plaintext.map(|message| message[len - PREMASTER_LEN..].to_vec());
            for guess in
                [Some(random_bytes(PREMASTER_LEN)), Some(vec![0; PREMASTER_LEN]), known].into_iter().flatten()
            {
                let (outcome, connected) = server.attempt(etm, ciphertext.clone(), guess);
                assert!(!connected, "{suite}: {name}");
                assert_eq!(outcome, wrong_finished, "{suite}: {name}");
            }
            kinds += 1;
        }
    }
    assert!(kinds >= 5 * 40, "{kinds}");
}

/// What is wrong with the message itself, everybody can see; it is told apart, and tells nothing.
#[test]
fn a_client_key_exchange_without_its_length_is_malformed() {
    let authority = Authority::new();
    let server = rsa_server("TLS_RSA_WITH_AES_128_GCM_SHA256", |_| {}, &authority);
    let bodies = [vec![], vec![1], vec![1, 0], random_bytes(256), [&[1, 1][..], &random_bytes(256)].concat()];
    for body in bodies {
        let mut puppet = Puppet::client(Part::named(V12, server.suite), server.config.clone());
        puppet.says(&[Say::ClientHello, Say::EmptyCertificate]);
        let flight = puppet.wire.len();
        let header = [HandshakeType::CLIENT_KEY_EXCHANGE.0, 0, 0, 0];
        puppet.message(&puppet::rebodied(&header, &body));
        assert_eq!(puppet.wire[flight..], [vec![21, 3, 3, 0, 2, 2, 50]], "decode_error");
    }
}

/// What an attacker of CBC sends in place of a record's fragment, given the keys, so that every combination can be
/// made; and whether it is a good record after all.
struct Forgery {
    name: String,
    fragment: Vec<u8>,
    good: Option<Vec<u8>>,
}

/// The keys of one direction, and the record number that is next.
struct CbcKeys {
    seal: CbcSealKey,
    mac: HmacKey,
    etm: bool,
}

impl CbcKeys {
    fn mac(&self, content: &[u8]) -> Vec<u8> {
        let mut header = [0, 0, 0, 0, 0, 0, 0, 1, ContentType::APPLICATION_DATA.0, 3, 3, 0, 0];
        header[11..].copy_from_slice(&(content.len() as u16).to_be_bytes());
        let mut mac = vec![0; self.mac.algorithm().output_len()];
        self.mac.sign(&[&header, content], &mut mac);
        mac
    }

    fn encrypt(&self, plaintext: &[u8]) -> Vec<u8> {
        let iv = [0x77; BLOCK_LEN];
        let mut out = plaintext.to_vec();
        self.seal.encrypt(&iv, &mut out).unwrap();
        [&iv[..], &out].concat()
    }

    /// Padding of the least length, and `more` blocks of it.
    fn padding(len: usize, more: usize) -> Vec<u8> {
        let last = BLOCK_LEN - 1 - len % BLOCK_LEN + more * BLOCK_LEN;
        vec![last as u8; last + 1]
    }

    /// The fragment around `content`, after `change` had a look at (content, MAC, padding) before encryption with
    /// MAC-then-encrypt, or at (content, padding) with encrypt-then-MAC.
    fn seal(&self, content: &[u8], more: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut inner = content.to_vec();
        if !self.etm {
            inner.extend(self.mac(content));
        }
        inner.extend(Self::padding(inner.len(), more));
        change(&mut inner);
        let whole = inner.len() / BLOCK_LEN * BLOCK_LEN;
        inner.truncate(whole);
        let encrypted = self.encrypt(&inner);
        match self.etm {
            true => [&encrypted[..], &self.mac(&encrypted)].concat(),
            false => encrypted,
        }
    }

    fn forgeries(&self) -> Vec<Forgery> {
        let mac_len = self.mac.algorithm().output_len();
        let mut all = Vec::new();
        let mut add = |name: String, fragment: Vec<u8>, good: Option<Vec<u8>>| {
            all.push(Forgery { name, fragment, good })
        };
        let content = vec![0x42; 21];
        for more in [0, 1, 7, 11] {
            add(
                format!("good, {more} blocks of padding more"),
                self.seal(&content, more, |_| {}),
                Some(content.clone()),
            );
        }
        add("good and empty".into(), self.seal(&[], 0, |_| {}), Some(Vec::new()));
        for more in [0, 2] {
            let len = self.seal(&content, more, |_| {}).len();
            let inner = len - BLOCK_LEN - if self.etm { mac_len } else { 0 };
            let padding = Self::padding(if self.etm { 21 } else { 21 + mac_len }, more).len();
            // Every byte of the padding, its length included.
            for at in inner - padding..inner {
                for flip in [1, 0x80, 0xff] {
                    let name = format!("padding byte {at} of {inner} ^ {flip:#x}");
                    add(name, self.seal(&content, more, |inner| inner[at] ^= flip), None);
                }
            }
            if !self.etm {
                for at in 21..21 + mac_len {
                    add(format!("MAC byte {at}"), self.seal(&content, more, |inner| inner[at] ^= 1), None);
                }
                add("content".into(), self.seal(&content, more, |inner| inner[3] ^= 1), None);
                // Both wrong.
                let both = self.seal(&content, more, |inner| {
                    inner[22] ^= 1;
                    *inner.last_mut().unwrap() ^= 0xff;
                });
                add("MAC and padding".into(), both, None);
            }
            for length in (0..=255).step_by(5) {
                let sealed = self.seal(&content, more, |inner| *inner.last_mut().unwrap() = length);
                // One byte of padding is always right, and behind a good MAC its contents may be any.
                if usize::from(length) + 1 != padding && !(self.etm && length == 0) {
                    add(format!("padding length {length}"), sealed, None);
                }
            }
        }
        if !self.etm {
            add("all padding".into(), self.seal(&content, 0, |inner| *inner = vec![31; 32]), None);
            add(
                "256 bytes of padding and nothing else".into(),
                self.seal(&content, 0, |inner| *inner = vec![255; 256]),
                None,
            );
            add("a block of zeros".into(), self.seal(&content, 0, |inner| *inner = vec![0; 16]), None);
        }
        let good = self.seal(&content, 3, |_| {});
        for at in 0..good.len() {
            let mut fragment = good.clone();
            fragment[at] ^= 0x10;
            add(format!("byte {at} on the wire"), fragment, None);
        }
        for len in 0..good.len() {
            add(format!("cut to {len} bytes"), good[..len].to_vec(), None);
        }
        for more in 1..=BLOCK_LEN {
            add(format!("{more} bytes more"), [&good[..], &vec![0; more]].concat(), None);
        }
        all
    }
}

struct CbcHouse {
    authority: Authority,
    credential: Arc<Credential>,
    part: Part,
}

/// Connects with CBC, and hands out the keys that `side`, the attacker's, sends under.
fn connect_cbc(suite: &'static str, etm: bool, side: Side, house: &CbcHouse) -> (Puppet, CbcKeys) {
    let suite = Suite::parse(suite).unwrap();
    let mut policy = Policy::COMPATIBLE.with_versions(&[V12]).with_cipher_suites(&[suite.code]);
    policy.encrypt_then_mac = etm;
    let part = house.part.clone().but(|part| {
        part.suites = vec![suite.code];
        part.encrypt_then_mac = etm;
    });
    let mut puppet = match side {
        Side::Client => {
            Puppet::client(part, server_config(house.credential.clone(), |builder| builder.policy(policy)))
        }
        Side::Server => {
            Puppet::server(part, client_config(&house.authority, |builder| builder.policy(policy)))
        }
    };
    match side {
        Side::Client => {
            puppet.says(&[Say::ClientHello, Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished])
        }
        Side::Server => puppet.says(&[
            Say::ServerHello,
            Say::Certificate,
            Say::ServerKeyExchange,
            Say::ServerHelloDone,
            Say::ChangeCipherSpec,
            Say::Finished,
        ]),
    };
    assert!(puppet.is_connected(), "{} {side:?} {:?}", suite.name(), puppet.error);
    let Protection::Cbc { cipher, mac } = suite.protection else { panic!("not CBC") };
    let block = puppet.state().block.as_ref().unwrap();
    let keys = block.keys(side);
    let keys = CbcKeys {
        seal: CbcSealKey::new(cipher, keys.key).unwrap(),
        mac: HmacKey::new(mac, keys.mac_key),
        etm,
    };
    (puppet, keys)
}

fn every_cbc_failure(suite: &'static str, etm: bool) {
    let authority = Authority::new();
    let (chain, key) = authority.issue_der(Key::EcdsaP256, &["localhost"], |_| {});
    let credential = Arc::new(Credential::new(chain.clone(), key.clone_key()).unwrap());
    let house = CbcHouse { authority, credential, part: Part::tls12().with_chain(chain, key) };
    for side in [Side::Client, Side::Server] {
        // Fresh keys for each forgery; all forgeries are alike but for the keys.
        let (_, keys) = connect_cbc(suite, etm, side, &house);
        let count = keys.forgeries().len();
        assert!(count > 200, "{count}");
        for index in 0..count {
            let (mut puppet, keys) = connect_cbc(suite, etm, side, &house);
            let Forgery { name, fragment, good } = keys.forgeries().swap_remove(index);
            let before = (puppet.wire.len(), puppet.heard.len());
            let len = (fragment.len() as u16).to_be_bytes();
            puppet.raw(&[&[ContentType::APPLICATION_DATA.0, 3, 3, len[0], len[1]], &fragment[..]].concat());
            puppet.listen();
            let what = format!("{suite} etm {etm} {side:?}: {name}");
            if let Some(content) = good {
                assert_eq!(puppet.error, None, "{what}");
                assert_eq!(puppet.victim.received, content, "{what}");
                continue;
            }
            assert_eq!(puppet.error, Some(Misbehaved::BadRecordMac.into()), "{what}");
            assert!(puppet.victim.received.is_empty(), "{what}");
            // One record, which is as long as any alert, and says the one thing.
            assert_eq!(puppet.heard[before.1..], [Heard::Alert(2, 20)], "{what}");
            let sent = puppet.wire[before.0..].iter().map(Vec::len).collect::<Vec<_>>();
            let mac_len = keys.mac.algorithm().output_len();
            let inner = if etm { 16 } else { (2 + mac_len) / 16 * 16 + 16 };
            assert_eq!(sent, [5 + 16 + inner + if etm { mac_len } else { 0 }], "{what}");
        }
    }
}

#[test]
fn every_cbc_failure_mac_then_encrypt_sha1() {
    every_cbc_failure("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", false);
}

#[test]
fn every_cbc_failure_mac_then_encrypt_sha256() {
    every_cbc_failure("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", false);
}

#[test]
fn every_cbc_failure_mac_then_encrypt_sha384() {
    every_cbc_failure("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", false);
}

#[test]
fn every_cbc_failure_encrypt_then_mac() {
    every_cbc_failure("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", true);
    every_cbc_failure("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", true);
}
