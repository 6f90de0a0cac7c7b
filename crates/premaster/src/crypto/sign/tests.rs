//! Keys of every kind sign and verify; signatures of published vectors verify; nothing else does.
use super::*;
use crate::{error::Misbehaved, wire::SignatureScheme};
use SchemeUse::{Tls12, Tls13};
use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
        EcdsaKeyPair, Ed25519KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
        RsaKeyPair,
    },
};
use pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn pkcs8(der: &[u8]) -> PrivateKeyDer<'_> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der))
}

/// RSAPrivateKey of a fresh 2048-bit key.
fn pkcs1() -> Vec<u8> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let mut contents = der::Der::new(der::only(pkcs8.as_ref(), der::SEQUENCE).unwrap());
    contents.expect(der::INTEGER).unwrap();
    contents.expect(der::SEQUENCE).unwrap();
    contents.expect(der::OCTET_STRING).unwrap().to_vec()
}

/// A PKCS #8 key with this AlgorithmIdentifier's contents.
fn in_pkcs8(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = der::wrap(der::SEQUENCE, algorithm);
    der::wrap(der::SEQUENCE, &[&[2, 1, 0][..], &algorithm, &der::wrap(der::OCTET_STRING, key)].concat())
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let key = der::wrap(der::BIT_STRING, &[&[0], key].concat());
    der::wrap(der::SEQUENCE, &[der::wrap(der::SEQUENCE, algorithm), key].concat())
}

fn every_key() -> Vec<LocalKey> {
    let rsa = pkcs1();
    let rsa_pss = in_pkcs8(&der::wrap(der::OID, oid::RSA_PSS), &rsa);
    let mut keys = vec![
        LocalKey::from_der(&PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(&rsa[..]))).unwrap(),
        LocalKey::from_der(&pkcs8(&rsa_pss)).unwrap(),
    ];
    for algorithm in
        [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING]
    {
        let key = EcdsaKeyPair::generate(algorithm).unwrap().to_pkcs8v1().unwrap();
        keys.push(LocalKey::from_der(&pkcs8(key.as_ref())).unwrap());
    }
    let key = Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap();
    keys.push(LocalKey::from_der(&pkcs8(key.as_ref())).unwrap());
    for algorithm in [&ML_DSA_44_SIGNING, &ML_DSA_65_SIGNING, &ML_DSA_87_SIGNING] {
        let key = PqdsaKeyPair::generate(algorithm).unwrap().to_pkcs8v1().unwrap();
        keys.push(LocalKey::from_der(&pkcs8(key.as_ref())).unwrap());
    }
    keys
}

#[test]
fn every_kind_signs_what_it_fits_and_nothing_else() {
    let keys = every_key();
    let mut signed = 0;
    for (index, key) in keys.iter().enumerate() {
        let public = PublicKey::from_spki(&key.public_key_spki()).unwrap();
        assert_eq!((public.kind(), public.bits()), (key.kind(), key.bits()));
        assert!(key.fits(&public));
        for &scheme in SignatureScheme::KNOWN {
            for usage in [Tls12, Tls13] {
                let Ok(signature) = key.sign(scheme, usage, b"message") else {
                    assert!(
                        !key.schemes().contains(&scheme) || !key.kind().fits(scheme, usage),
                        "{key:?} {scheme}"
                    );
                    continue;
                };
                signed += 1;
                // An rsaEncryption key may also serve an id-RSASSA-PSS certificate, and is then verified as one.
                let verifier = match scheme.to_string().starts_with("rsa_pss_pss") {
                    true => spki(&der::wrap(der::OID, oid::RSA_PSS), public.raw()),
                    false => key.public_key_spki(),
                };
                let verifier = PublicKey::from_spki(&verifier).unwrap();
                assert_eq!(
                    verifier.verify(scheme, usage, b"message", &signature),
                    Ok(()),
                    "{key:?} {scheme}"
                );
                let bad = Err(Misbehaved::BadSignature);
                assert_eq!(verifier.verify(scheme, usage, b"massage", &signature), bad);
                assert_eq!(verifier.verify(scheme, usage, b"message", &[]), bad);
                let mut flipped = signature.clone();
                *flipped.last_mut().unwrap() ^= 1;
                assert_eq!(verifier.verify(scheme, usage, b"message", &flipped), bad);
                for other in keys.iter().skip(index + 1).filter(|other| !other.kind().fits(scheme, usage)) {
                    let other = PublicKey::from_spki(&other.public_key_spki()).unwrap();
                    let refused = other.verify(scheme, usage, b"message", &signature);
                    assert_eq!(refused, Err(Misbehaved::SchemeForOtherKey), "{other:?} {scheme}");
                }
            }
        }
    }
    // RSA: 6 + 3 in TLS 1.3 with PSS, and so on; a change of this number is a change of what we sign.
    assert_eq!(signed, (9 + 6) + (3 + 3) + 3 * (3 + 1) + (1 + 1) + 3);
}

#[test]
fn tls13_binds_the_curve_and_tls12_does_not() {
    let scheme = SignatureScheme::ecdsa_secp256r1_sha256;
    assert!(KeyKind::EcdsaP384.fits(scheme, Tls12));
    assert!(!KeyKind::EcdsaP384.fits(scheme, Tls13));
    for scheme in
        [SignatureScheme::ecdsa_sha1, SignatureScheme::rsa_pkcs1_sha1, SignatureScheme::rsa_pkcs1_sha256]
    {
        for kind in [KeyKind::Rsa, KeyKind::EcdsaP256] {
            assert!(!kind.fits(scheme, Tls13), "{scheme} is not for TLS 1.3 (RFC 9846 section 4.2.3)");
        }
    }
    assert!(!KeyKind::RsaPss.fits(SignatureScheme::rsa_pss_rsae_sha256, Tls13));
    assert!(!KeyKind::Rsa.fits(SignatureScheme::rsa_pss_pss_sha256, Tls13));
}

/// RFC 6979 appendix A.2.5: the same key and message, with every hash. TLS 1.2 may pair any of them.
#[test]
fn p256_with_every_hash_of_rfc_6979() {
    let point = hex("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
         7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    let algorithm = hex("06072a8648ce3d020106082a8648ce3d030107");
    let key = PublicKey::from_spki(&spki(&algorithm, &point)).unwrap();
    let vectors = [
        (
            SignatureScheme::ecdsa_sha1,
            "61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32",
            "6d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb",
        ),
        (
            SignatureScheme::ecdsa_secp256r1_sha256,
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            SignatureScheme::ecdsa_secp384r1_sha384,
            "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
            "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
        ),
        (
            SignatureScheme::ecdsa_secp521r1_sha512,
            "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
            "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
        ),
    ];
    let number = |text| {
        let bytes = hex(text);
        let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
        der::wrap(der::INTEGER, &[sign, &bytes].concat())
    };
    for (scheme, r, s) in vectors {
        let signature = der::wrap(der::SEQUENCE, &[number(r), number(s)].concat());
        assert_eq!(key.verify(scheme, Tls12, b"sample", &signature), Ok(()), "{scheme}");
        let in_13 = key.verify(scheme, Tls13, b"sample", &signature);
        let expected = match scheme {
            SignatureScheme::ecdsa_secp256r1_sha256 => Ok(()),
            _ => Err(Misbehaved::SchemeForOtherKey),
        };
        assert_eq!(in_13, expected, "{scheme}");
    }
    // The same point, compressed, is the same key.
    let compressed = [&[3], &point[1..33]].concat();
    let compressed = PublicKey::from_spki(&spki(&algorithm, &compressed)).unwrap();
    let signature = der::wrap(der::SEQUENCE, &[number(vectors[1].1), number(vectors[1].2)].concat());
    assert_eq!(compressed.verify(vectors[1].0, Tls13, b"sample", &signature), Ok(()));
}

/// RFC 8032 section 7.1, test 2.
#[test]
fn ed25519_of_rfc_8032() {
    let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let public = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let signature = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    let key = in_pkcs8(&der::wrap(der::OID, oid::ED25519), &der::wrap(der::OCTET_STRING, &seed));
    let key = LocalKey::from_der(&pkcs8(&key)).unwrap();
    let scheme = SignatureScheme::ed25519;
    assert_eq!(key.sign(scheme, Tls13, &[0x72]).unwrap(), signature);
    let public = PublicKey::from_spki(&spki(&der::wrap(der::OID, oid::ED25519), &public)).unwrap();
    assert!(key.fits(&public));
    assert_eq!(public.verify(scheme, Tls12, &[0x72], &signature), Ok(()));
}

#[test]
fn a_pss_key_with_parameters_signs_with_their_hash_alone() {
    let rsa = pkcs1();
    let key = LocalKey::from_der(&PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(&rsa[..]))).unwrap();
    let raw = PublicKey::from_spki(&key.public_key_spki()).unwrap().raw().to_vec();
    let sha256 = hex("300d06096086480165030402010500");
    let mgf1 = der::wrap(der::SEQUENCE, &[der::wrap(der::OID, oid::MGF1), sha256.clone()].concat());
    let algorithm = |salt: u8| {
        let parameters = [
            der::wrap(der::context(0), &sha256),
            der::wrap(der::context(1), &mgf1),
            der::wrap(der::context(2), &[2, 1, salt]),
        ];
        let parameters = der::wrap(der::SEQUENCE, &parameters.concat());
        [der::wrap(der::OID, oid::RSA_PSS), parameters].concat()
    };
    let public = PublicKey::from_spki(&spki(&algorithm(32), &raw)).unwrap();
    for (scheme, expected) in [
        (SignatureScheme::rsa_pss_pss_sha256, Ok(())),
        (SignatureScheme::rsa_pss_pss_sha384, Err(Misbehaved::SchemeForOtherKey)),
    ] {
        let signature = key.sign(scheme, Tls13, b"message").unwrap();
        assert_eq!(public.verify(scheme, Tls13, b"message", &signature), expected);
    }
    // A salt of another length is none that TLS can use.
    assert_eq!(PublicKey::from_spki(&spki(&algorithm(20), &raw)), Err(KeyError::Unsupported));
}

#[test]
fn sec1_keys_are_read() {
    for algorithm in [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING] {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let sec1 =
            AsDer::<aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_>>::as_der(&pair.private_key()).unwrap();
        let key = LocalKey::from_der(&PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(sec1.as_ref()))).unwrap();
        assert!(key.kind().is_ecdsa());
        assert_eq!(key.bits(), PublicKey::from_spki(&key.public_key_spki()).unwrap().bits());
    }
}

#[test]
fn rsa_sizes_are_bounded() {
    let rsa_spki = |bytes: usize| {
        let modulus = [&[0, 0xff], &vec![0xff; bytes - 1][..]].concat();
        let key = [der::wrap(der::INTEGER, &modulus), vec![2, 3, 1, 0, 1]].concat();
        spki(&hex("06092a864886f70d0101010500"), &der::wrap(der::SEQUENCE, &key))
    };
    assert_eq!(PublicKey::from_spki(&rsa_spki(64)), Err(KeyError::TooSmall { bits: 512, least: 1024 }));
    assert_eq!(PublicKey::from_spki(&rsa_spki(1025)), Err(KeyError::TooLarge { bits: 8200 }));
    let small = PublicKey::from_spki(&rsa_spki(128)).unwrap();
    assert_eq!(small.bits(), 1024);
    // PSS with SHA-512 needs more than 1024 bits; a key of that size cannot take part in TLS 1.3 at all.
    assert!(!small.fits(SignatureScheme::rsa_pss_rsae_sha512, Tls13));
    assert!(small.fits(SignatureScheme::rsa_pkcs1_sha256, Tls12));
    let refused = small.verify(SignatureScheme::rsa_pkcs1_sha256, Tls12, b"message", &[1; 128]);
    assert_eq!(refused, Err(Misbehaved::BadSignature));
}

#[test]
fn garbage_is_refused_without_panic() {
    let good = every_key();
    for key in &good {
        let spki = key.public_key_spki();
        for cut in 0..spki.len().min(200) {
            assert!(PublicKey::from_spki(&spki[..cut]).is_err());
        }
        for at in 0..spki.len().min(60) {
            let mut changed = spki.clone();
            changed[at] ^= 0x41;
            if let Ok(changed) = PublicKey::from_spki(&changed) {
                for &scheme in SignatureScheme::KNOWN {
                    assert!(changed.verify(scheme, Tls12, b"message", &[0x30; 70]).is_err());
                }
            }
        }
    }
    assert_eq!(LocalKey::from_der(&pkcs8(&[0x30, 0])).unwrap_err(), KeyError::Malformed);
    let x25519 = in_pkcs8(&hex("06032b656e"), &[4, 32, 1]);
    assert_eq!(LocalKey::from_der(&pkcs8(&x25519)).unwrap_err(), KeyError::Unsupported);
}

#[test]
fn other_keys_do_not_fit() {
    let keys = every_key();
    for (index, key) in keys.iter().enumerate() {
        for (other_index, other) in keys.iter().enumerate() {
            let public = PublicKey::from_spki(&other.public_key_spki()).unwrap();
            // The first two are one RSA key; as rsaEncryption it also serves an id-RSASSA-PSS certificate.
            assert_eq!(key.fits(&public), index == other_index || (index, other_index) == (0, 1));
        }
    }
}
