//! Every TLS 1.2 suite of every key exchange, against itself: whole, a byte at a time, with and without
//! encrypt-then-MAC, with and without extended master secret.
#![cfg(feature = "legacy")]
mod common;

use common::{Authority, Delivery, Key, Pair};
use premaster::{
    ClientConfig, Policy, Secret, ServerConfig,
    config::{ClientAuthentication, LegacyOptIn},
    identity::{ChainVerifier, Credential, Credentials, ExternalPsk, PskSource, Roots, Verifier},
    suite::{Authentication, KeyExchange, Protection, Suite},
    wire::{NamedGroup, ProtocolVersion},
};
use std::sync::Arc;

struct House {
    authority: Authority,
    rsa: Arc<Credential>,
    ec: Arc<Credential>,
    dh: Arc<Credential>,
    client: Arc<Credential>,
    roots: Verifier,
}

fn house() -> House {
    let authority = Authority::new();
    let mut roots = Roots::new();
    roots.add(&authority.certificate).unwrap();
    roots.add_pem(include_bytes!("../testdata/static/authority.pem")).unwrap();
    let dh = Credential::from_pem(
        include_bytes!("../testdata/static/dh.pem"),
        include_bytes!("../testdata/static/dh.key.pem"),
    );
    House {
        rsa: authority.issue(Key::Rsa2048, &["localhost"]),
        ec: authority.issue(Key::EcdsaP256, &["localhost"]),
        client: authority.issue(Key::EcdsaP256, &["client"]),
        dh: Arc::new(dh.unwrap()),
        roots: ChainVerifier::new(roots).into(),
        authority,
    }
}

fn psk() -> Arc<ExternalPsk> {
    Arc::new(ExternalPsk::new("a name", Secret::from(&[0x5a; 32][..])))
}

fn policy(suite: &Suite, etm: bool, ems: bool) -> Policy {
    let mut policy =
        Policy::LEGACY.with_versions(&[ProtocolVersion::TLS_1_2]).with_cipher_suites(&[suite.code]);
    policy.encrypt_then_mac = etm;
    policy.require_extended_master_secret = ems;
    policy
}

fn run(house: &House, suite: &Suite, policy: Policy, authenticate: bool, delivery: Delivery) {
    let what = format!("{} {authenticate} {delivery:?}", suite.name());
    let credential = match (suite.key_exchange, suite.authentication) {
        (KeyExchange::Dh, _) => &house.dh,
        (KeyExchange::Ecdh, _) | (_, Authentication::Ecdsa) => &house.ec,
        _ => &house.rsa,
    };
    let because = || LegacyOptIn::for_every_peer("a test of every exchange");
    let client = ClientConfig::builder()
        .policy(policy.clone())
        .verifier(house.roots.clone())
        .credentials(Credentials::always(house.client.clone()))
        .external_psks([psk()])
        .allow_legacy(because());
    let mut server = ServerConfig::builder()
        .policy(policy.clone())
        .credentials(Credentials::always(credential.clone()))
        .external_psks(PskSource::These(Arc::new([psk()])))
        .allow_legacy(because());
    if authenticate {
        server =
            server.client_authentication(ClientAuthentication::Required(house.authority.verifier().into()));
    }
    let (client, server) = (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()));
    let pair = Pair::new(client, server).delivering(delivery).handshake();
    let pair = pair.unwrap_or_else(|error| panic!("{what}: {error}"));
    for end in [&pair.client, &pair.server] {
        let info = end.connection.info().unwrap();
        assert_eq!(info.suite, suite, "{what}");
        assert_eq!(info.forward_secret, suite.is_forward_secret(), "{what}");
    }
    let authenticated = authenticate && suite.key_exchange.has_certificate();
    assert_eq!(pair.server.connection.info().unwrap().peer.is_some(), authenticated, "{what}");
    pair.exchange_and_close();
}

#[test]
fn every_suite() {
    let house = house();
    let mut suites = 0;
    for suite in Suite::ALL.iter().filter(|suite| suite.version() == ProtocolVersion::TLS_1_2) {
        if matches!(suite.key_exchange, KeyExchange::DhAnon | KeyExchange::EcdhAnon)
            && !cfg!(feature = "laboratory")
        {
            continue;
        }
        suites += 1;
        for (authenticate, delivery) in
            [(false, Delivery::Whole), (true, Delivery::Whole), (false, Delivery::ByteAtATime)]
        {
            run(&house, suite, policy(suite, true, true), authenticate, delivery);
        }
        if matches!(suite.protection, Protection::Cbc { .. }) {
            run(&house, suite, policy(suite, false, true), false, Delivery::Whole);
        }
    }
    assert!(suites > 90, "{suites}");
}

#[test]
fn every_finite_field_group() {
    let house = house();
    let suite = Suite::parse("DHE-RSA-AES128-GCM-SHA256").unwrap();
    for group in [
        NamedGroup::ffdhe2048,
        NamedGroup::ffdhe3072,
        NamedGroup::ffdhe4096,
        NamedGroup::ffdhe6144,
        NamedGroup::ffdhe8192,
    ] {
        run(&house, suite, policy(suite, true, true).with_groups(&[group]), false, Delivery::Whole);
    }
}
