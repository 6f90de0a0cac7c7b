//! Keys of certificates.
use super::*;
use crate::wire::ProtocolVersion;

const PAIRS: [(&[u8], &[u8], StaticKind); 6] = [
    (key!("rsa2048.pk8"), key!("rsa2048.spki"), StaticKind::Rsa),
    (key!("p256.pk8"), key!("p256.spki"), StaticKind::Ecdh(NamedGroup::secp256r1)),
    (key!("p384.pk8"), key!("p384.spki"), StaticKind::Ecdh(NamedGroup::secp384r1)),
    (key!("p521.pk8"), key!("p521.spki"), StaticKind::Ecdh(NamedGroup::secp521r1)),
    (key!("dh2048.pk8"), key!("dh2048.spki"), StaticKind::Dh),
    (key!("dhx3072.pk8"), key!("dhx3072.spki"), StaticKind::Dh),
];

fn private(der: &[u8]) -> StaticKey {
    StaticKey::from_der(der, &KeyLimits::default()).unwrap()
}

fn public(spki: &[u8]) -> StaticPublicKey {
    StaticPublicKey::from_spki(spki, &KeyLimits::default()).unwrap()
}

#[test]
fn a_static_key_opens_reply_after_reply() {
    for (der, spki, kind) in PAIRS {
        let key = private(der);
        let published = PublishedKey::Static(public(spki));
        assert!(!published.is_forward_secret());
        assert_eq!(key.kind(), kind);
        let open = || {
            let (reply, sent) = published.encapsulate(ProtocolVersion::TLS_1_2, &SystemRandom).unwrap();
            let server = ServerKey::Static(key.clone());
            assert!(!server.is_forward_secret());
            let opened = server.open(&reply, ProtocolVersion::TLS_1_2, &SystemRandom).unwrap();
            let sent = sent.into_premaster();
            assert_eq!(opened.into_premaster(), sent, "{kind:?}");
            sent
        };
        assert_ne!(open(), open(), "{kind:?}");
    }
}

#[test]
fn halves_match_their_own_other_half_only() {
    for (at, (der, _, kind)) in PAIRS.into_iter().enumerate() {
        for (other, (_, spki, _)) in PAIRS.into_iter().enumerate() {
            assert_eq!(private(der).matches(&public(spki)), at == other, "{kind:?}");
        }
    }
    assert!(private(key!("p256.sec1")).matches(&public(key!("p256.spki"))));
    assert!(private(key!("rsa2048.pkcs1")).matches(&public(key!("rsa2048.spki"))));
}

#[test]
fn sizes_and_names_without_secrets() {
    let bits = PAIRS.map(|(_, spki, _)| public(spki).bits());
    assert_eq!(bits, [2048, 256, 384, 521, 2048, 3072]);
    assert_eq!(format!("{:?}", private(PAIRS[1].0)), "StaticKey(Ecdh(secp256r1))");
    assert_eq!(format!("{:?}", public(PAIRS[4].1)), "StaticPublicKey(Dh, 2048 bits)");
}

#[test]
fn replies_that_are_no_public_keys() {
    let open =
        |der, reply: &[u8]| private(der).open(reply, ProtocolVersion::TLS_1_2, &SystemRandom).unwrap_err();
    for (at, len) in [(1, 65), (2, 97), (3, 133)] {
        for reply in [&[][..], &[4], &[0; 65], &vec![4; len], &vec![0; len], &vec![2; len / 2 + 1]] {
            assert_eq!(open(PAIRS[at].0, reply), Misbehaved::BadPoint.into());
        }
    }
    for at in [4, 5] {
        for reply in [&[][..], &[0], &[1], &[0; 256], &[0xff; 384], &[1; 385]] {
            assert_eq!(open(PAIRS[at].0, reply), Misbehaved::BadDhPublic.into());
        }
    }
}

#[test]
fn keys_that_cannot_exchange_keys() {
    let limits = KeyLimits::default();
    for der in [key!("ed25519.pk8"), key!("dhx2048-rfc5114.pk8"), key!("p256.spki"), &[], &[0x30, 0]] {
        assert_eq!(StaticKey::from_der(der, &limits).unwrap_err(), Failure::Configuration);
    }
    let refused = |spki, why| assert_eq!(StaticPublicKey::from_spki(spki, &limits).unwrap_err(), why);
    for spki in [key!("ed25519.spki"), key!("p256.pk8"), &[], &[0x30, 0]] {
        refused(spki, Misbehaved::WrongCertificateForSuite);
    }
    // Its prime is not safe, as RFC 8247 section 2.4 holds against it.
    refused(key!("dhx2048-rfc5114.spki"), Misbehaved::BadDhParameters);
    let strict = KeyLimits { min_dh_bits: 3072, ..limits.clone() };
    let error = StaticPublicKey::from_spki(key!("dh2048.spki"), &strict).unwrap_err();
    assert_eq!(error, Misbehaved::WeakDhParameters);
}

/// No byte of a certificate's key, and no cut, makes it panic.
#[test]
fn mangled_public_keys_do_not_panic() {
    // Proving primes takes long; the known ones are compared.
    let limits = KeyLimits { max_unknown_dh_bits: 0, ..KeyLimits::default() };
    for (_, spki, _) in PAIRS {
        for at in 0..spki.len() {
            assert!(StaticPublicKey::from_spki(&spki[..at], &limits).is_err());
            for flip in [1, 0x80, 0xff] {
                let mut mangled = spki.to_vec();
                mangled[at] ^= flip;
                if let Ok(key) = StaticPublicKey::from_spki(&mangled, &limits) {
                    let small = key.bits() <= 384;
                    if small {
                        let _ = key.encapsulate(ProtocolVersion::TLS_1_2, &SystemRandom);
                    }
                }
            }
        }
        let trailing = [spki, &[0]].concat();
        assert!(StaticPublicKey::from_spki(&trailing, &limits).is_err());
    }
}
