//! Every way in which a ClientKeyExchange of RSA can be wrong looks the same.
use super::*;
use crate::{crypto::rsa::PublicKey, wire::ProtocolVersion};

const OFFERED: ProtocolVersion = ProtocolVersion::TLS_1_2;
/// The random secret that a wrong ciphertext opens to.
const DRAWN: [u8; 48] = [0x77; 48];
/// Bytes of the modulus.
const LEN: usize = 256;

fn server() -> StaticKey {
    StaticKey::from_der(key!("rsa2048.pk8"), &KeyLimits::default()).unwrap()
}

fn client() -> StaticPublicKey {
    StaticPublicKey::from_spki(key!("rsa2048.spki"), &KeyLimits::default()).unwrap()
}

fn premaster(version: u16) -> [u8; 48] {
    let mut premaster = [0x5a; 48];
    premaster[..2].copy_from_slice(&version.to_be_bytes());
    premaster
}

/// What the padding ought to be.
fn padded(contents: &[u8]) -> Vec<u8> {
    let mut message = vec![0xa5; LEN - contents.len() - 1];
    message[..2].copy_from_slice(&[0, 2]);
    message.push(0);
    message.extend(contents);
    message
}

fn encrypted(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0; LEN];
    PublicKey::from_spki(key!("rsa2048.spki")).unwrap().encrypt_raw(message, &mut out).unwrap();
    out
}

fn opened(ciphertext: &[u8]) -> Vec<u8> {
    let secret = server().open(ciphertext, OFFERED, &Dealt::new(DRAWN)).unwrap();
    secret.into_premaster().expose().to_vec()
}

#[test]
fn what_the_client_encrypts_the_server_opens() {
    let (reply, sent) = client().encapsulate(OFFERED, &SystemRandom).unwrap();
    assert_eq!(reply.len(), LEN);
    let sent = sent.into_premaster();
    assert_eq!(sent.len(), 48);
    assert!(sent.expose().starts_with(&[3, 3]));
    assert_eq!(opened(&reply), sent.expose());
    assert_eq!(opened(&encrypted(&padded(&premaster(0x0303)))), premaster(0x0303));
}

#[test]
fn the_client_pads_with_fresh_nonzero_bytes() {
    // 48 bytes of premaster secret, 205 of padding of which each is zero once, and what replaces them.
    let dealt = [vec![9; 48], vec![0; 205], (1..=205).collect()].concat();
    let (reply, _) = client().encapsulate(OFFERED, &Dealt::new(dealt)).unwrap();
    let expected = [vec![0, 2], (1..=205).collect(), vec![0, 3, 3], vec![9; 46]].concat();
    assert_eq!(reply, encrypted(&expected));

    let broken = client().encapsulate(OFFERED, &Always(0)).unwrap_err();
    assert_eq!(broken, Error::Failed(Failure::Random));
}

#[test]
fn every_malformed_message_opens_to_the_random_secret() {
    let good = padded(&premaster(0x0303));
    let changed = |at: usize, to: u8| {
        let mut message = good.clone();
        message[at] = to;
        message
    };
    let separator = LEN - 49;
    let mut messages = vec![
        ("first byte", changed(0, 1)),
        ("block type 0", changed(1, 0)),
        ("block type 1", changed(1, 1)),
        ("block type 3", changed(1, 3)),
        ("zero in the middle of the padding", changed(100, 0)),
        ("zero at the start of the padding", changed(2, 0)),
        ("zero where the eighth byte of padding is", changed(9, 0)),
        ("zero before the separator", changed(separator - 1, 0)),
        ("no separator", changed(separator, 1)),
        ("one byte too few", padded(&premaster(0x0303)[..47])),
        ("one byte too many", padded(&[&premaster(0x0303)[..], &[1]].concat())),
        ("nothing", padded(&[])),
        ("a tiny secret", padded(&[3, 3])),
        ("as much as fits", padded(&[0x11; LEN - 11])),
        ("all of it padding", [&[0, 2][..], &[0xff; LEN - 2]].concat()),
        ("no padding string", [&[0, 2, 0][..], &[0x22; LEN - 3]].concat()),
    ];
    for version in [0x0000, 0x0300, 0x0301, 0x0302, 0x0304, 0x0203, 0x0403, 0xffff] {
        messages.push(("another version", padded(&premaster(version))));
    }
    for (what, message) in messages {
        assert_eq!(opened(&encrypted(&message)), DRAWN, "{what}");
    }
}

#[test]
fn every_impossible_ciphertext_opens_to_the_random_secret() {
    let (n, _) = PublicKey::from_spki(key!("rsa2048.spki")).unwrap().public().unwrap();
    let last = |add: i8| {
        let mut ciphertext = n.clone();
        let last = ciphertext.last_mut().unwrap();
        *last = last.wrapping_add_signed(add);
        ciphertext
    };
    let small = |value: u8| [&[0; LEN - 1][..], &[value]].concat();
    let good = encrypted(&padded(&premaster(0x0303)));
    let forms = [
        vec![],
        vec![0],
        good[1..].to_vec(),
        good[..LEN - 1].to_vec(),
        [&[0][..], &good].concat(),
        [&good[..], &[0]].concat(),
        vec![0xff; 2 * LEN],
        small(0),
        small(1),
        small(2),
        last(0),
        last(-1),
        last(-2),
        vec![0xff; LEN],
    ];
    for form in forms {
        assert_eq!(opened(&form), DRAWN, "{form:02x?}");
    }
    for bit in 0..LEN * 8 {
        if bit % 61 == 0 {
            let mut ciphertext = good.clone();
            ciphertext[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&ciphertext), DRAWN, "{bit}");
        }
    }
}

/// The version compared is the one that ClientHello offered.
#[test]
fn the_offered_version_counts() {
    let reply = encrypted(&padded(&premaster(0x0303)));
    let opened = |offered| {
        let secret = server().open(&reply, offered, &Dealt::new(DRAWN)).unwrap();
        secret.into_premaster().expose().to_vec()
    };
    assert_eq!(opened(ProtocolVersion::TLS_1_2), premaster(0x0303));
    assert_eq!(opened(ProtocolVersion::TLS_1_1), DRAWN);
    assert_eq!(opened(ProtocolVersion(0x0304)), DRAWN);
}

/// The random secret is drawn first, and whether the ciphertext is good or not: no randomness, no answer.
#[test]
fn the_random_secret_is_drawn_before_anything() {
    let good = encrypted(&padded(&premaster(0x0303)));
    for ciphertext in [&good[..], &[], &[0; LEN]] {
        let error = server().open(ciphertext, OFFERED, &Dealt::new([1; 47])).unwrap_err();
        assert_eq!(error, Error::Failed(Failure::Random));
    }
}

#[test]
fn keys_that_are_too_small_or_may_not_decrypt() {
    let limits = KeyLimits::default();
    let lax = KeyLimits { min_rsa_bits: 0, ..limits.clone() };
    let strict = KeyLimits { max_rsa_bits: 2047, ..limits.clone() };
    let public = |spki, limits| StaticPublicKey::from_spki(spki, limits).map(|key| key.kind());
    let private = |der, limits| StaticKey::from_der(der, limits).map(|key| key.kind());
    assert_eq!(public(key!("rsa1024.spki"), &limits), Err(Misbehaved::WeakRsaKey));
    assert_eq!(public(key!("rsa1024.spki"), &lax), Ok(StaticKind::Rsa));
    assert_eq!(public(key!("rsa2048.spki"), &strict), Err(Misbehaved::WrongCertificateForSuite));
    assert_eq!(public(key!("rsapss2048.spki"), &limits), Err(Misbehaved::WrongCertificateForSuite));
    assert_eq!(private(key!("rsa1024.pk8"), &limits), Err(Failure::Configuration));
    assert_eq!(private(key!("rsa1024.pk8"), &lax), Ok(StaticKind::Rsa));
    assert_eq!(private(key!("rsa2048.pk8"), &strict), Err(Failure::Configuration));
    assert_eq!(private(key!("rsapss2048.pk8"), &limits), Err(Failure::Configuration));
    assert_eq!(private(key!("rsa2048.pkcs1"), &limits), Ok(StaticKind::Rsa));
}
