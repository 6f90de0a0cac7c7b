//! Finite fields, where TLS 1.2 and 1.3 want different things of the same secret.
use super::*;
use crate::{
    crypto::{
        Random,
        ffdh::{Field, FieldKey},
    },
    exchange::{finite_field::field, safe_primes::exponent_len},
    wire::ProtocolVersion,
};
use std::sync::Arc;

/// The inverse, modulo (p - 1) / 2 of ffdhe2048, of the exponent that a source of the byte 0x42 alone gives.
const INVERSE: &str = "
    2eb41045bdfd261e86c15095ccacfaf4fae4aec2997bb2c851ea04cbd7938b9e539c4659b44326c3419456d1da0ded87
    732b9dfa435a5ab2feff91542bda9f378a653c87b045810bc13f9de735cf30295af4f37482f2ac7b87a9d68cc3bb8f79
    c186c69cbb040eca986a19925332a3caad65eccf8c4d8ae0d3b5292b678d02a7d048f26426edff52e871a86f0109ca19
    dfc155eda1bec23e5284e252ac51bdcf1222bf35c77964d862f2323ddd5f077d640a05a6fd250f09948fb34a8649f081
    4948553a3f47c763fa72f858fda0b9895e8e2b66970b88ffdf4e26d6d5b62c3cd995bad458c17719ecf605a25fb38245
    24096ff9e67fd9a902f07779f484f68c
";

/// A public value whose secret, shared with the exponent above, is `secret`, which must be a square.
fn public_value_for(secret: &[u8]) -> Vec<u8> {
    let (p, g) = group(NamedGroup::ffdhe2048).dh_parameters().unwrap();
    let inverse = FieldKey::new(Field::new(p, g).unwrap().into(), &hex(INVERSE));
    let mut public = vec![0; p.len()];
    inverse.agree(secret, &mut public).unwrap();
    public
}

/// A square with so many leading zero bytes: 4^k.
fn square(zeros: usize) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    bytes[zeros] = 0x40;
    bytes
}

/// The premise of the Raccoon attack: TLS 1.2 strips the leading zeros of the secret (RFC 5246 section
/// 8.1.2), TLS 1.3 keeps them (RFC 9846 section 7.4.1).
#[test]
fn leading_zeros_are_stripped_in_tls12_and_kept_in_tls13() {
    let group = group(NamedGroup::ffdhe2048);
    for zeros in [0, 1, 2, 8, 31] {
        let secret = square(zeros);
        let public = public_value_for(&secret);

        let key = || EphemeralKey::generate(group, &Always(0x42)).unwrap();
        let opened = key().open(&public).unwrap();
        assert_eq!(opened.input_keying_material(), secret, "{zeros}");
        assert_eq!(opened.into_premaster().expose(), &secret[zeros..], "{zeros}");

        let (reply, sent) = group.encapsulate(&public, &Always(0x42)).unwrap();
        assert_eq!(reply, key().public());
        assert_eq!(sent.input_keying_material(), secret, "{zeros}");
        assert_eq!(sent.into_premaster().expose(), &secret[zeros..], "{zeros}");

        let (p, g) = group.dh_parameters().unwrap();
        let parameters = DhParameters::accept(p, g, &KeyLimits::default()).unwrap();
        let (_, sent) = parameters.encapsulate(&public, &Always(0x42)).unwrap();
        assert_eq!(sent.into_premaster().expose(), &secret[zeros..], "{zeros}");
    }
}

#[test]
fn tls12_values_may_lack_their_leading_zeros_and_tls13_shares_may_not() {
    let group = group(NamedGroup::ffdhe2048);
    let mut public = vec![0; 256];
    public[3..].fill(0x5e);
    let key = || EphemeralKey::generate(group, &Always(0x42)).unwrap();
    let expected = key().open(&public).unwrap().into_premaster();
    assert_eq!(key().open(&public[3..]).unwrap_err(), Misbehaved::BadDhPublic);
    for sent in [&public[..], &public[1..], &public[3..]] {
        let key = ServerKey::Ephemeral(key());
        assert!(key.is_forward_secret());
        let opened = key.open(sent, ProtocolVersion::TLS_1_2, &SystemRandom).unwrap();
        assert_eq!(opened.into_premaster(), expected);
    }
    let long = [&[0][..], &public].concat();
    let error = ServerKey::Ephemeral(key()).open(&long, ProtocolVersion::TLS_1_2, &SystemRandom).unwrap_err();
    assert_eq!(error, Misbehaved::BadDhPublic.into());
}

#[test]
fn explicit_parameters_and_the_named_group_are_the_same() {
    let limits = KeyLimits::default();
    for group in Group::ALL.iter().filter(|group| group.kind == GroupKind::FiniteField) {
        let (p, g) = group.dh_parameters().unwrap();
        let parameters = DhParameters::accept(p, g, &limits).unwrap();
        assert_eq!(parameters.name(), group.code.name());
        let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
        let published = PublishedKey::Explicit(parameters, key.public().to_vec());
        assert!(published.is_forward_secret());
        let (reply, sent) = published.encapsulate(ProtocolVersion::TLS_1_2, &SystemRandom).unwrap();
        let opened = ServerKey::Ephemeral(key).open(&reply, ProtocolVersion::TLS_1_2, &SystemRandom);
        assert_eq!(sent.into_premaster(), opened.unwrap().into_premaster(), "{}", group.code);
    }
    assert!(group(NamedGroup::x25519).dh_parameters().is_none());
}

/// Powers of the known generators are computed ahead, all others by AWS-LC at once: it must be the same.
#[test]
fn public_values_of_known_groups_are_powers_of_two() {
    for (code, rounds) in [
        (NamedGroup::ffdhe2048, 1000),
        (NamedGroup::ffdhe3072, 100),
        (NamedGroup::ffdhe4096, 40),
        (NamedGroup::ffdhe6144, 8),
        (NamedGroup::ffdhe8192, 4),
    ] {
        let (p, g) = group(code).dh_parameters().unwrap();
        let (known, other) = (field(p, g).unwrap(), Arc::new(Field::new(p, g).unwrap()));
        for _ in 0..rounds {
            let mut exponent = vec![0; exponent_len(p.len())];
            SystemRandom.fill(&mut exponent).unwrap();
            let [ours, theirs] = [&known, &other].map(|field| {
                let mut power = vec![0; p.len()];
                FieldKey::new(Arc::clone(field), &exponent).public(&mut power).unwrap();
                power
            });
            assert_eq!(ours, theirs, "{code} {exponent:02x?}");
        }
    }
}
