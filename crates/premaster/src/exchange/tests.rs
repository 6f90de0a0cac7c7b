mod finite_field;
mod rsa;
mod static_keys;

use super::*;
use crate::{
    crypto::{
        SystemRandom,
        random::test::{Always, Dealt, hex},
    },
    error::Misbehaved,
    wire::NamedGroup,
};
use std::collections::HashSet;

/// A key of `testdata/keys`.
macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/keys/", $name, ".der")).as_slice()
    };
}
use key;

fn group(code: NamedGroup) -> &'static Group {
    Group::find(code).unwrap()
}

#[test]
fn both_sides_agree_in_every_group() {
    for group in Group::ALL {
        let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
        assert_eq!(key.public().len(), group.published_len, "{}", group.code);
        let (reply, sent) = group.encapsulate(key.public(), &SystemRandom).unwrap();
        assert_eq!(reply.len(), group.reply_len, "{}", group.code);
        let opened = key.open(&reply).unwrap();
        assert_eq!(sent.input_keying_material(), opened.input_keying_material(), "{}", group.code);
        assert_eq!(sent.input_keying_material().len(), group.secret_len, "{}", group.code);
        assert_eq!(sent.into_premaster(), opened.into_premaster(), "{}", group.code);
    }
}

#[test]
fn the_table_has_each_group_once_with_the_lengths_of_the_drafts() {
    let codes: HashSet<_> = Group::ALL.iter().map(|group| group.code).collect();
    assert_eq!(codes.len(), Group::ALL.len());
    // draft-ietf-tls-ecdhe-mlkem sections 4.1 to 4.3.
    for (code, published, reply, secret) in [
        (NamedGroup::X25519MLKEM768, 1216, 1120, 64),
        (NamedGroup::SecP256r1MLKEM768, 1249, 1153, 64),
        (NamedGroup::SecP384r1MLKEM1024, 1665, 1665, 80),
    ] {
        let group = group(code);
        assert_eq!((group.published_len, group.reply_len, group.secret_len), (published, reply, secret));
    }
    assert!(Group::find(NamedGroup::x448).is_none());
    assert!(Group::find(NamedGroup(0x0a0a)).is_none());
}

#[test]
fn equal_randomness_gives_equal_handshakes() {
    for group in Group::ALL {
        let run = || {
            let key = EphemeralKey::generate(group, &Always(0x42)).unwrap();
            let public = key.public().to_vec();
            let (reply, secret) = group.encapsulate(&public, &Always(0x24)).unwrap();
            (public, reply, secret.into_premaster())
        };
        assert_eq!(run(), run(), "{}", group.code);
    }
}

#[test]
fn without_randomness_there_is_no_key() {
    for group in Group::ALL {
        let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
        assert_eq!(EphemeralKey::generate(group, &Dealt::new([])).unwrap_err(), Failure::Random);
        let error = group.encapsulate(key.public(), &Dealt::new([])).unwrap_err();
        assert_eq!(error, Error::Failed(Failure::Random), "{}", group.code);
    }
}

#[test]
fn a_broken_source_of_randomness_does_not_stall() {
    for code in [NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1] {
        for byte in [0x00, 0xff] {
            let made = EphemeralKey::generate(group(code), &Always(byte));
            assert_eq!(made.unwrap_err(), Failure::Random, "{code}");
        }
    }
}

#[test]
fn no_two_handshakes_share_a_key() {
    for code in [NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::X25519MLKEM768] {
        let made = |_| EphemeralKey::generate(group(code), &SystemRandom).unwrap().public().to_vec();
        let publics: HashSet<_> = (0..1000).map(made).collect();
        assert_eq!(publics.len(), 1000);
    }
}

#[test]
fn every_wrong_length_is_refused() {
    for group in Group::ALL {
        let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
        let published = key.public().to_vec();
        let (reply, _) = group.encapsulate(&published, &SystemRandom).unwrap();
        for wrong in [0, 1, published.len() - 1, published.len() + 1, 2 * published.len()] {
            let mut published = published.clone();
            published.resize(wrong, 0);
            let error = group.encapsulate(&published, &SystemRandom).unwrap_err();
            assert!(matches!(error, Error::Misbehaved(_)), "{} {wrong}", group.code);
        }
        for wrong in [0, 1, reply.len() - 1, reply.len() + 1, 2 * reply.len()] {
            let mut reply = reply.clone();
            reply.resize(wrong, 0);
            let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
            assert!(key.open(&reply).is_err(), "{} {wrong}", group.code);
        }
    }
}

/// RFC 7748 section 6.1.
#[test]
fn x25519_as_published() {
    let alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let group = group(NamedGroup::x25519);
    let key = EphemeralKey::generate(group, &Dealt::new(alice)).unwrap();
    assert_eq!(key.public(), hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    let (reply, secret) = group.encapsulate(key.public(), &Dealt::new(bob)).unwrap();
    assert_eq!(reply, hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
    let expected = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(secret.input_keying_material(), expected);
    assert_eq!(key.open(&reply).unwrap().into_premaster().expose(), expected);
}

/// RFC 7748 section 5.2.
#[test]
fn x25519_function_as_published() {
    for (scalar, u, result) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        let key = EphemeralKey::generate(group(NamedGroup::x25519), &Dealt::new(hex(scalar))).unwrap();
        assert_eq!(key.open(&hex(u)).unwrap().input_keying_material(), hex(result));
    }
}

/// RFC 5903 section 8.1.
#[test]
fn p256_as_published() {
    let group = group(NamedGroup::secp256r1);
    let i = hex("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433");
    let r = hex("C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53");
    let key = EphemeralKey::generate(group, &Dealt::new(i)).unwrap();
    let published = hex("04 DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180
                         5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3");
    assert_eq!(key.public(), published);
    let (reply, secret) = group.encapsulate(&published, &Dealt::new(r)).unwrap();
    assert_eq!(
        reply,
        hex("04 D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63
             56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB")
    );
    let expected = hex("D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE");
    assert_eq!(secret.input_keying_material(), expected);
    assert_eq!(key.open(&reply).unwrap().input_keying_material(), expected);
}

/// The u coordinates of small order, and their unreduced twins (https://cr.yp.to/ecdh.html).
#[test]
fn x25519_points_of_small_order_are_refused() {
    let last = |byte: &str| format!("{}{byte}", "ff".repeat(31));
    let points = [
        "00".repeat(32),
        format!("01{}", "00".repeat(31)),
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800".into(),
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157".into(),
        format!("ec{}7f", "ff".repeat(30)),
        format!("ed{}7f", "ff".repeat(30)),
        format!("ee{}7f", "ff".repeat(30)),
        format!("{}80", "00".repeat(31)),
        format!("ed{}", &last("ff")[2..]),
        format!("ee{}", &last("ff")[2..]),
        format!("ec{}", &last("ff")[2..]),
    ];
    let hybrid = group(NamedGroup::X25519MLKEM768);
    let honest = EphemeralKey::generate(hybrid, &SystemRandom).unwrap().public().to_vec();
    let (honest_reply, _) = hybrid.encapsulate(&honest, &SystemRandom).unwrap();
    for point in points.iter().map(|point| hex(point)) {
        let x25519 = group(NamedGroup::x25519);
        let error = x25519.encapsulate(&point, &SystemRandom).unwrap_err();
        assert_eq!(error, Misbehaved::BadPoint.into());
        let key = EphemeralKey::generate(x25519, &SystemRandom).unwrap();
        assert_eq!(key.open(&point).unwrap_err(), Misbehaved::BadPoint);

        // In a hybrid the other half does not excuse it (draft-ietf-tls-ecdhe-mlkem section 4.2).
        let mut published = honest.clone();
        published.splice(1184.., point.clone());
        let error = hybrid.encapsulate(&published, &SystemRandom).unwrap_err();
        assert_eq!(error, Misbehaved::BadPoint.into());
        let mut reply = honest_reply.clone();
        reply.splice(1088.., point);
        let key = EphemeralKey::generate(hybrid, &SystemRandom).unwrap();
        assert_eq!(key.open(&reply).unwrap_err(), Misbehaved::BadPoint);
    }
}

#[test]
fn points_off_the_curve_and_other_encodings_are_refused() {
    for code in [NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1] {
        let group = group(code);
        let valid = EphemeralKey::generate(group, &SystemRandom).unwrap().public().to_vec();
        let odd = valid[valid.len() - 1] & 1;
        let half = (valid.len() - 1) / 2;
        let mut forms = vec![vec![0], vec![0; valid.len()], [&[2 + odd][..], &valid[1..=half]].concat()];
        let mut change = |at: usize, to: u8| {
            let mut changed = valid.clone();
            changed[at] = to;
            forms.push(changed);
        };
        change(valid.len() - 1, valid[valid.len() - 1] ^ 1);
        change(half, valid[half] ^ 0x10);
        // The hybrid encoding of X9.62, which tells the same point and has the same length; and no encoding.
        change(0, 6 + odd);
        change(0, 5);
        // A coordinate that is not reduced.
        forms.push([&[4][..], &vec![0xff; half], &valid[half + 1..]].concat());
        forms.push([&[4][..], &vec![0; 2 * half]].concat());
        for form in forms {
            let error = group.encapsulate(&form, &SystemRandom).unwrap_err();
            assert_eq!(error, Misbehaved::BadPoint.into(), "{code} {form:02x?}");
            let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
            assert_eq!(key.open(&form).unwrap_err(), Misbehaved::BadPoint, "{code} {form:02x?}");
        }
    }
}

/// FIPS 203 section 7.2, the modulus check: a coefficient of 3329 stands for 0, and must not be taken.
#[test]
fn unreduced_encapsulation_keys_are_refused() {
    for (code, kem_at) in [
        (NamedGroup::X25519MLKEM768, 0),
        (NamedGroup::SecP256r1MLKEM768, 65),
        (NamedGroup::SecP384r1MLKEM1024, 97),
    ] {
        let group = group(code);
        let valid = EphemeralKey::generate(group, &SystemRandom).unwrap().public().to_vec();
        for coefficient in [3329_u16, 4095] {
            let mut published = valid.clone();
            published[kem_at] = coefficient as u8;
            published[kem_at + 1] = published[kem_at + 1] & 0xf0 | (coefficient >> 8) as u8;
            let error = group.encapsulate(&published, &SystemRandom).unwrap_err();
            assert_eq!(error, Misbehaved::BadEncapsulationKey.into(), "{code} {coefficient}");
        }
        let mut published = valid.clone();
        published[kem_at] = 0;
        published[kem_at + 1] &= 0xf0;
        group.encapsulate(&published, &SystemRandom).unwrap();
    }
}

/// FIPS 203 section 6.3: nothing but the secret tells that a ciphertext was tampered with.
#[test]
fn a_tampered_hybrid_ciphertext_gives_another_secret_and_no_error() {
    let group = group(NamedGroup::X25519MLKEM768);
    let key = EphemeralKey::generate(group, &Always(1)).unwrap();
    let (mut reply, sent) = group.encapsulate(key.public(), &Always(2)).unwrap();
    reply[100] ^= 1;
    let opened = key.open(&reply).unwrap();
    let (sent, opened) = (sent.input_keying_material(), opened.input_keying_material());
    // ML-KEM's secret comes first, X25519's, which is untouched, second.
    assert_ne!(sent[..32], opened[..32]);
    assert_eq!(sent[32..], opened[32..]);
}

#[test]
fn keys_do_not_print_their_private_half() {
    let key = EphemeralKey::generate(group(NamedGroup::x25519), &SystemRandom).unwrap();
    assert_eq!(format!("{key:?}"), "EphemeralKey(x25519)");
}
