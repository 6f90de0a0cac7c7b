use super::{Context, handshake, tests::tiles};
use crate::model::Field;
use premaster::wire::{ProtocolVersion, Side};

/// A Certificate message of TLS 1.2 that holds this.
fn message(der: &[u8]) -> Vec<u8> {
    let vector = |bytes: &[u8]| [&bytes.len().to_be_bytes()[5..], bytes].concat();
    [&[11][..], &vector(&vector(&vector(der)))].concat()
}

fn dissect(bytes: &[u8]) -> Vec<Field> {
    let mut context = Context { version: Some(ProtocolVersion::TLS_1_2), suite: None };
    let fields = handshake(bytes, &mut context, Side::Server).fields;
    tiles(&fields, 0, bytes.len());
    fields
}

fn find<'f>(fields: &'f [Field], name: &str) -> &'f Field {
    fields.iter().find_map(|field| field.find(name)).unwrap_or_else(|| panic!("no {name} in {fields:#?}"))
}

fn said<'f>(fields: &'f [Field], name: &str) -> &'f str {
    find(fields, name).decoded.as_deref().unwrap_or_default()
}

fn certificate() -> Vec<u8> {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params =
        rcgen::CertificateParams::new(vec!["example.org".to_owned(), "10.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Zoë");
    params.not_before = rcgen::date_time_ymd(2020, 2, 3);
    params.not_after = rcgen::date_time_ymd(2060, 4, 5);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(3));
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature, rcgen::KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    params.self_signed(&key).unwrap().der().to_vec()
}

#[test]
fn a_certificate_field_by_field() {
    let bytes = message(&certificate());
    let fields = dissect(&bytes);
    for (name, value) in [
        ("signatureAlgorithm", "ecdsa-with-SHA256"),
        ("notBefore", "2020-02-03 00:00:00 UTC"),
        ("notAfter", "2060-04-05 00:00:00 UTC"),
        ("dNSName", "example.org"),
        ("iPAddress", "10.0.0.1"),
        ("cA", "true"),
        ("pathLenConstraint", "3"),
        ("KeyPurposeId", "serverAuth (1.3.6.1.5.5.7.3.1)"),
    ] {
        assert_eq!(said(&fields, name), value, "{name}");
    }
    assert!(said(&fields, "subject").contains("commonName=Zoë"));
    let uses = find(&fields, "keyUsage").leaves().into_iter().find(|leaf| leaf.name == "KeyUsage").unwrap();
    assert_eq!(uses.decoded.as_deref(), Some("digitalSignature, keyCertSign"));
    assert_eq!(find(&fields, "keyUsage").rfc, "RFC 5280 section 4.2.1.3");
    let key = find(&fields, "subjectPublicKeyInfo");
    assert_eq!(said(std::slice::from_ref(key), "algorithm"), "ecPublicKey, secp256r1");
    // Nothing of an honest certificate is left over.
    let undecoded = fields.iter().flat_map(Field::leaves).find(|leaf| leaf.name == "undecoded");
    assert_eq!(undecoded, None);
    assert_eq!(find(&fields, "certificate").bytes().unwrap(), certificate_of(&bytes));
}

fn certificate_of(message: &[u8]) -> &[u8] {
    &message[10..]
}

#[test]
fn a_damaged_certificate_is_told_as_far_as_it_goes() {
    let whole = certificate();
    for at in 0..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            dissect(&message(&changed));
        }
        dissect(&message(&whole[..at]));
    }
}

#[test]
fn elements_in_elements_end_somewhere() {
    let mut nested = vec![];
    for _ in 0..5000 {
        let length = nested.len();
        let header = match length {
            0..=127 => vec![0x30, length as u8],
            _ => vec![0x30, 0x82, (length >> 8) as u8, length as u8],
        };
        nested = [header, nested].concat();
    }
    let deepest = depth(&dissect(&message(&nested)));
    assert!(deepest < 40, "{deepest}");
    // Where anything may stand: behind an extension that nobody knows.
    let extension = [
        &[0x30, 0x82][..],
        &((nested.len() + 9) as u16).to_be_bytes(),
        &[6, 1, 0x55, 4, 0x82],
        &(nested.len() as u16).to_be_bytes(),
        &nested,
    ]
    .concat();
    assert!(depth(&dissect(&message(&extension))) < 40);
}

fn depth(fields: &[Field]) -> usize {
    fields.iter().map(|field| 1 + depth(&field.children)).max().unwrap_or_default()
}

#[test]
fn an_ocsp_response_at_least_at_the_top() {
    let der = |tag: u8, contents: &[u8]| [&[tag, contents.len() as u8][..], contents].concat();
    let hash = der(0x30, &der(6, &[0x2b, 14, 3, 2, 26]));
    let identifier = der(0x30, &[hash, der(4, &[1; 20]), der(4, &[2; 20]), der(2, &[7])].concat());
    let time = der(0x18, b"20260102030405Z");
    let single = der(0x30, &[identifier, vec![0x80, 0], time.clone()].concat());
    let data = der(0x30, &[der(0xa2, &der(4, &[3; 20])), time, single_list(&der, &single)].concat());
    let signed = [data, der(0x30, &der(6, &[0x2b, 0x65, 0x70])), der(3, &[0, 9, 9])].concat();
    let basic = [&[0x30, 0x81, signed.len() as u8][..], &signed].concat();
    let inner =
        [der(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]), [&[4, 0x81, basic.len() as u8][..], &basic].concat()]
            .concat();
    let wrap = |tag: u8, contents: &[u8]| {
        [&[tag, 0x82, (contents.len() >> 8) as u8, contents.len() as u8][..], contents].concat()
    };
    let response = wrap(0x30, &[vec![0x0a, 1, 0], wrap(0xa0, &wrap(0x30, &inner))].concat());
    let length = |bytes: &[u8]| bytes.len().to_be_bytes()[5..].to_vec();
    let body = [vec![1], length(&response), response].concat();
    let bytes = [vec![22], length(&body), body].concat();
    let fields = dissect(&bytes);
    assert_eq!(said(&fields, "responseStatus"), "successful");
    assert_eq!(
        (said(&fields, "certStatus"), said(&fields, "thisUpdate")),
        ("good", "2026-01-02 03:04:05 UTC")
    );
    assert_eq!(said(&fields, "hashAlgorithm"), "sha1");
    assert!(fields.iter().flat_map(Field::leaves).all(|leaf| leaf.name != "undecoded"), "{fields:#?}");
}

fn single_list(der: &impl Fn(u8, &[u8]) -> Vec<u8>, single: &[u8]) -> Vec<u8> {
    der(0x30, single)
}
