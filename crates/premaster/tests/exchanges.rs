//! Every TLS 1.2 suite of every key exchange, against itself: over every group and with every certificate it takes, with
//! and without the client's certificate and encrypt-then-MAC, in every way of delivery.
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
    /// One for each curve.
    ec: [Arc<Credential>; 3],
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
        ec: [Key::EcdsaP256, Key::EcdsaP384, Key::EcdsaP521].map(|key| authority.issue(key, &["localhost"])),
        client: authority.issue(Key::EcdsaP256, &["client"]),
        dh: Arc::new(dh.unwrap()),
        roots: ChainVerifier::new(roots).into(),
        authority,
    }
}

fn psk() -> Arc<ExternalPsk> {
    Arc::new(ExternalPsk::new("a name", Secret::from(&[0x5a; 32][..])))
}

/// One handshake to make.
#[derive(Clone, Copy, Debug)]
struct Case {
    suite: &'static Suite,
    /// The group of the exchange, or of the certificate; none where there is none.
    group: Option<NamedGroup>,
    authenticate: bool,
    encrypt_then_mac: bool,
    delivery: Delivery,
}

/// The curves that certificates are for, in the order of [`House::ec`].
const CERTIFIED: [NamedGroup; 3] = [NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1];
const CURVES: [NamedGroup; 4] =
    [NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1];
const FINITE_FIELDS: [NamedGroup; 5] = [
    NamedGroup::ffdhe2048,
    NamedGroup::ffdhe3072,
    NamedGroup::ffdhe4096,
    NamedGroup::ffdhe6144,
    NamedGroup::ffdhe8192,
];

impl Case {
    /// Each suite of this exchange, in every combination. With the larger finite fields the ways of delivery take
    /// turns.
    fn all(exchange: KeyExchange) -> Vec<Self> {
        let mut cases = Vec::new();
        for suite in Suite::ALL.iter().filter(|suite| suite.key_exchange == exchange) {
            for group in groups(exchange) {
                for authenticate in [false, true] {
                    let cbc = matches!(suite.protection, Protection::Cbc { .. });
                    for encrypt_then_mac in [false, true].into_iter().take(1 + usize::from(cbc)) {
                        let large = FINITE_FIELDS[1..].iter().any(|large| group == Some(*large));
                        let turn = [Delivery::ALL[cases.len() % Delivery::ALL.len()]];
                        for delivery in if large { &turn[..] } else { &Delivery::ALL } {
                            let delivery = *delivery;
                            cases.push(Self { suite, group, authenticate, encrypt_then_mac, delivery });
                        }
                    }
                }
            }
        }
        cases
    }

    fn policy(&self) -> Policy {
        // What signs belongs to one of these; after the group under test they only serve to be told.
        let groups: Vec<_> = self.group.into_iter().chain(CERTIFIED).collect();
        let mut policy = Policy::LEGACY
            .with_versions(&[ProtocolVersion::TLS_1_2])
            .with_cipher_suites(&[self.suite.code])
            .with_groups(&groups);
        policy.encrypt_then_mac = self.encrypt_then_mac;
        policy.require_extended_master_secret = true;
        policy
    }
}

fn groups(exchange: KeyExchange) -> Vec<Option<NamedGroup>> {
    match exchange {
        KeyExchange::Ecdh => CERTIFIED.map(Some).to_vec(),
        exchange if exchange.is_elliptic() => CURVES.map(Some).to_vec(),
        // The group is the certificate's.
        KeyExchange::Dh => vec![None],
        exchange if exchange.is_finite_field() => FINITE_FIELDS.map(Some).to_vec(),
        _ => vec![None],
    }
}

fn run(house: &House, case: &Case) {
    let suite = case.suite;
    let credential = match (suite.key_exchange, suite.authentication) {
        (KeyExchange::Dh, _) => &house.dh,
        (KeyExchange::Ecdh, _) => {
            &house.ec[CERTIFIED.iter().position(|curve| case.group == Some(*curve)).unwrap()]
        }
        (_, Authentication::Ecdsa) => &house.ec[0],
        _ => &house.rsa,
    };
    let because = || LegacyOptIn::for_every_peer("a test of every exchange");
    let client = ClientConfig::builder()
        .policy(case.policy())
        .verifier(house.roots.clone())
        .credentials(Credentials::always(house.client.clone()))
        .external_psks([psk()])
        .max_fragment(case.delivery.max_fragment())
        .allow_legacy(because());
    let mut server = ServerConfig::builder()
        .policy(case.policy())
        .credentials(Credentials::always(credential.clone()))
        .external_psks(PskSource::These(Arc::new([psk()])))
        .max_fragment(case.delivery.max_fragment())
        .allow_legacy(because());
    if case.authenticate {
        server =
            server.client_authentication(ClientAuthentication::Required(house.authority.verifier().into()));
    }
    let (client, server) = (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()));
    let pair = Pair::new(client, server).delivering(case.delivery).handshake();
    let pair = pair.unwrap_or_else(|error| panic!("{case:?}: {error}"));
    for end in [&pair.client, &pair.server] {
        let info = end.connection.info().unwrap();
        assert_eq!(info.suite, suite, "{case:?}");
        assert_eq!(info.forward_secret, suite.is_forward_secret(), "{case:?}");
        assert_eq!(info.encrypt_then_mac, case.encrypt_then_mac, "{case:?}");
        if suite.key_exchange.is_ephemeral() {
            assert_eq!(info.group, case.group, "{case:?}");
        }
    }
    let authenticated = case.authenticate && suite.key_exchange.has_certificate();
    assert_eq!(pair.server.connection.info().unwrap().peer.is_some(), authenticated, "{case:?}");
    pair.exchange_and_close();
}

fn every_case(exchange: KeyExchange) {
    let house = house();
    let cases = Case::all(exchange);
    assert!(cases.len() >= 24, "{}", cases.len());
    cases.iter().for_each(|case| run(&house, case));
}

#[test]
fn rsa() {
    every_case(KeyExchange::Rsa);
}

#[test]
fn static_dh() {
    every_case(KeyExchange::Dh);
}

#[test]
fn static_ecdh() {
    every_case(KeyExchange::Ecdh);
}

#[test]
fn plain_psk() {
    every_case(KeyExchange::Psk);
}

#[test]
fn dhe_psk() {
    every_case(KeyExchange::DhePsk);
}

#[test]
fn ecdhe_psk() {
    every_case(KeyExchange::EcdhePsk);
}

#[test]
fn rsa_psk() {
    every_case(KeyExchange::RsaPsk);
}

#[cfg(feature = "laboratory")]
#[test]
fn anonymous() {
    every_case(KeyExchange::DhAnon);
    every_case(KeyExchange::EcdhAnon);
}

/// With `pair`, which has what is ephemeral and has certificates, this is every exchange there is.
#[test]
fn nothing_is_left_out() {
    let mut suites = 0;
    for suite in Suite::ALL {
        suites += 1;
        match suite.key_exchange {
            KeyExchange::Tls13 | KeyExchange::Dhe | KeyExchange::Ecdhe => {}
            exchange => assert!(Case::all(exchange).iter().any(|case| case.suite == suite), "{suite:?}"),
        }
    }
    assert!(suites > 95, "{suites}");
}
