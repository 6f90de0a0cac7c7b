//! Certificates and keys, as DER and as PEM.
use crate::{
    common::{Authority, Key},
    script::Script,
};
use premaster::{
    exchange::{DhParameters, KeyLimits, StaticKey, StaticPublicKey},
    identity::{Certificate, Credential, DistinguishedName, LocalKey, Pinned, PublicKey, Roots},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// Reads the rest as what the first byte names.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let which = script.below(6);
    let bytes = script.rest();
    match which {
        0 => certificate(bytes),
        1 => {
            let _ = PublicKey::from_spki(bytes).map(|key| key.raw().len());
            let _ = StaticPublicKey::from_spki(bytes, &KeyLimits::STANDARD).map(|key| key.bits());
        }
        2 => {
            let _ = StaticKey::from_der(bytes, &KeyLimits::STANDARD).map(|key| key.kind());
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bytes));
            let _ = LocalKey::from_der(&key).map(|key| key.public_key_spki());
            let _ = PrivateKeyDer::try_from(bytes).map(|key| LocalKey::from_der(&key).is_ok());
        }
        3 => {
            let middle = bytes.len() / 2;
            let _ = Credential::from_pem(bytes, bytes).map(|both| both.names().len());
            let _ = Credential::from_pem(&bytes[..middle], &bytes[middle..]).map(|both| both.schemes().len());
            let mut roots = Roots::new();
            let added = roots.add_pem(bytes).unwrap_or_default();
            assert!(added <= bytes.len() && roots.len() <= bytes.len());
        }
        4 => {
            let name = DistinguishedName::from_der(bytes);
            assert_eq!(name.as_der(), bytes);
            assert!(!name.to_string().contains(['\u{1b}', '\n']), "it is to be shown");
        }
        _ => {
            let mut script = Script::new(bytes);
            let (p, g) = (script.bytes(), script.bytes());
            let limits = KeyLimits { min_dh_bits: 8, ..KeyLimits::STANDARD };
            let _ = DhParameters::accept(p, g, &limits).map(|dh| dh.bits());
        }
    }
}

fn certificate(bytes: &[u8]) {
    let _ = Pinned::key_of(bytes);
    let _ = Roots::new().add(&CertificateDer::from(bytes));
    let Some(certificate) = Certificate::parse(bytes) else { return };
    let shown = [certificate.issuer(), certificate.subject()].into_iter().chain(certificate.names());
    shown.for_each(|text| assert!(!text.contains(['\u{1b}', '\n']), "{text:?} is to be shown"));
    let _ = certificate.public_key().map(|key| key.raw().len());
    let _ = (certificate.not_before(), certificate.not_after(), certificate.key_usage());
    let _ = (certificate.is_authority(), certificate.is_self_issued(), certificate.serial());
}

/// Certificates and keys of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let authority = Authority::new();
    let mut seeds = vec![[&[0], authority.certificate.as_ref()].concat()];
    let pem = include_bytes!("../../crates/premaster-capture/tests/data/openssl-four-sessions.rsa.key.pem");
    seeds.push([&[3], &pem[..]].concat());
    for key in [Key::EcdsaP256, Key::EcdsaP384, Key::EcdsaP521, Key::Ed25519, Key::Rsa2048] {
        let (chain, key) = authority.issue_der(key, &["localhost", "*.example.org", "192.0.2.1"], |params| {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
            params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        });
        seeds.push([&[0], chain[0].as_ref()].concat());
        seeds.push([&[2], key.secret_der()].concat());
        if let Some(leaf) = Certificate::parse(&chain[0]) {
            seeds.push([&[1], leaf.spki()].concat());
            seeds.push([&[4], leaf.subject_der()].concat());
        }
    }
    seeds.push(vec![5, 1, 23, 1, 2]);
    seeds
}
