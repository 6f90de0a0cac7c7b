//! Certificates that prove something else than is asked.
use super::{CLIENT13, House, SERVER12, SERVER13};
use crate::{
    common::{Authority, Key, client_config},
    puppet::{Heard, Part, Puppet, Say, rebodied},
};
use premaster::{
    Error,
    config::ClientAuthentication,
    error::Untrusted,
    identity::Credentials,
    pki_types::{CertificateDer, PrivateKeyDer},
    wire::{AlertDescription as Alert, HandshakeType},
};

fn show(house: &House, part: Part, name: &str) -> Puppet {
    let script = if part.version == crate::puppet::V12 { &SERVER12[..] } else { &SERVER13 };
    let mut puppet = Puppet::server_named(name, part, house.client()).unwrap();
    puppet.says(script);
    puppet
}

fn untrusted(puppet: &Puppet) -> &Untrusted {
    match &puppet.error {
        Some(Error::Untrusted(untrusted)) => untrusted,
        other => panic!("{other:?}"),
    }
}

/// "The most dangerous code in the world" (2012), Mbed TLS 2025 and countless applications: the chain was verified, and
/// the name was not. Any certificate at all was good for every server. Here a client cannot be made without a name.
#[test]
fn the_name_of_another() {
    let house = House::new();
    for part in [house.tls12(), house.tls13()] {
        let puppet = show(&house, part.clone(), "bank.example");
        let error = untrusted(&puppet);
        assert!(
            matches!(error, Untrusted::WrongName { expected, presented }
            if expected == "bank.example" && presented.iter().any(|name| name.contains("localhost"))),
            "{error:?}"
        );
        assert_eq!(puppet.alert(), Some(Alert::bad_certificate));
        assert!(show(&house, part, "localhost").is_connected());
    }
}

#[test]
fn nobodys_authority() {
    let house = House::new();
    for version in [house.tls12(), house.tls13()] {
        let part = version.certified(&Authority::new(), Key::EcdsaP256, "localhost");
        let puppet = show(&house, part, "localhost");
        // It bears the trusted one's name, but could not make its signature.
        assert_eq!(*untrusted(&puppet), Untrusted::BadSignature);
        assert_eq!(puppet.alert(), Some(Alert::bad_certificate));
    }
}

/// A certificate without its key: everybody has it.
#[test]
fn a_certificate_without_its_key() {
    let house = House::new();
    let (_, other) = house.authority.issue_der(Key::EcdsaP256, &["localhost"], |_| {});
    for part in [house.tls12(), house.tls13()] {
        let chain = part.chain.clone();
        let puppet = show(&house, part.with_chain(chain, other.clone_key()), "localhost");
        assert_eq!(puppet.alert(), Some(Alert::decrypt_error));
    }
}

fn for_purpose(
    house: &House,
    purpose: rcgen::ExtendedKeyUsagePurpose,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    house
        .authority
        .issue_der(Key::EcdsaP256, &["localhost"], |params| params.extended_key_usages = vec![purpose])
}

/// ocaml-tls, 2026: the extended key usage was not looked at, so that every web server's certificate was a client's as
/// well, and the other way. Even where a client need not show any, a wrong one is refused.
#[test]
fn certificates_for_another_purpose() {
    let house = House::new();
    let (chain, key) = for_purpose(&house, rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    for part in [house.tls12(), house.tls13()] {
        let puppet = show(&house, part.with_chain(chain.clone(), key.clone_key()), "localhost");
        assert_eq!(*untrusted(&puppet), Untrusted::WrongPurpose);
        assert_eq!(puppet.alert(), Some(Alert::unsupported_certificate));
    }
    let (chain, key) = for_purpose(&house, rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let verifier = house.authority.verifier();
    let server = house.server_with(|builder| {
        builder.client_authentication(ClientAuthentication::Optional(verifier.into()))
    });
    let mut puppet = Puppet::client(house.tls13().with_chain(chain, key), server);
    puppet.says(&[CLIENT13[0], Say::Certificate, Say::CertificateVerify, Say::Finished]);
    assert_eq!(*untrusted(&puppet), Untrusted::WrongPurpose);
}

/// Key compromise impersonation (2015): a client with a fixed (EC)DH certificate, asked for it by the right server's
/// impostor, agrees on keys with whoever stole the *client's* key. No client here has such an answer.
#[test]
fn key_compromise_impersonation() {
    let house = House::new();
    let own = house.authority.issue(Key::EcdsaP256, &["client"]);
    let client =
        client_config(&house.authority, |builder| builder.credentials(Credentials::always(own.clone())));
    let mut puppet = Puppet::server(house.tls12(), client);
    puppet.says(&SERVER12[..3]);
    // rsa_fixed_dh, dss_fixed_dh, rsa_fixed_ecdh, ecdsa_fixed_ecdh; any scheme; no names.
    let body = [&[4, 3, 4, 65, 66][..], &[0, 2, 4, 3], &[0, 0]].concat();
    puppet.message(&rebodied(&[HandshakeType::CERTIFICATE_REQUEST.0, 0, 0, 0], &body));
    puppet.says(&[Say::ServerHelloDone]);
    assert_eq!(puppet.error, None);
    let empty = Heard::Message(vec![HandshakeType::CERTIFICATE.0, 0, 0, 3, 0, 0, 0]);
    assert!(puppet.heard.contains(&empty), "{:?}", puppet.heard);
}

/// An authority of this name, with this key, as a certificate that itself or another has signed.
fn authority_params(name: &str) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
}

fn trusting(root: &CertificateDer<'_>) -> std::sync::Arc<premaster::ClientConfig> {
    let mut roots = premaster::identity::Roots::new();
    roots.add(root).unwrap();
    let builder = premaster::ClientConfig::builder().verifier(premaster::identity::ChainVerifier::new(roots));
    std::sync::Arc::new(builder.build().unwrap())
}

/// Go, OpenSSL and others, again and again: intermediates that have all signed each other make more paths than anybody can
/// walk, each step of which costs a signature. Here there is a budget; without it this test would not end this year.
#[test]
fn paths_without_end() {
    let house = House::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(authority_params("loop"), &key);
    let mut chain = Vec::new();
    for serial in 0..15_u64 {
        let mut params = authority_params("loop");
        params.serial_number = Some(serial.into());
        chain.push(params.signed_by(&key, &issuer).unwrap().der().clone());
    }
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    chain.insert(0, leaf.signed_by(&leaf_key, &issuer).unwrap().der().clone());
    let leaf_key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
    for part in [house.tls12(), house.tls13()] {
        let puppet = show(&house, part.with_chain(chain.clone(), leaf_key.clone_key()), "localhost");
        assert!(!puppet.is_connected());
        untrusted(&puppet);
    }
}

/// GnuTLS, 2026, compared the names that an authority is restricted to letter by letter, so that another case got round
/// them.
#[test]
fn name_constraints() {
    let house = House::new();
    let root_key = rcgen::KeyPair::generate().unwrap();
    let root = authority_params("root").self_signed(&root_key).unwrap();
    let root_issuer = rcgen::Issuer::new(authority_params("root"), &root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = authority_params("restricted");
    let subtree = |name: &str| rcgen::GeneralSubtree::DnsName(name.to_owned());
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![subtree("example.org")],
        excluded_subtrees: vec![subtree("bank.example.org")],
    });
    let middle = params.signed_by(&key, &root_issuer).unwrap();
    let issuer = rcgen::Issuer::new(params, &key);
    for (name, good) in [
        ("www.example.org", true),
        ("www.EXAMPLE.org", true),
        ("www.example.com", false),
        ("bank.example.org", false),
        ("BANK.example.org", false),
        ("Bank.Example.ORG", false),
    ] {
        let leaf_key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let chain = vec![leaf.signed_by(&leaf_key, &issuer).unwrap().der().clone(), middle.der().clone()];
        let part = house.tls13().with_chain(chain, PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()));
        let mut puppet = Puppet::server_named(name, part, trusting(root.der())).unwrap();
        puppet.says(&SERVER13);
        assert_eq!(puppet.is_connected(), good, "{name}: {:?}", puppet.error);
        if !good {
            untrusted(&puppet);
        }
    }
}
