//! Both ends in memory: every combination of version, suite, group, key, client authentication and delivery that
//! is ephemeral and has certificates. The rest is in `exchanges`.
mod common;

use common::{Authority, Delivery, End, Key, Pair, client_config, server_config};
use premaster::{
    Policy,
    config::{ClientAuthentication, is_anonymous, is_fenced},
    exchange::{Group, GroupKind},
    identity::{Credential, Credentials},
    observe::{At, Event, Observer},
    suite::{Authentication, Protection, Suite},
    wire::{NamedGroup, ProtocolVersion, Side},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

/// The group under test, and after it the curve of the certificate's key, which a TLS 1.2 client must support too
/// (RFC 8422 section 5.3).
fn groups(group: NamedGroup, key: Key) -> Vec<NamedGroup> {
    let certified = match key {
        Key::EcdsaP256 => Some(NamedGroup::secp256r1),
        Key::EcdsaP384 => Some(NamedGroup::secp384r1),
        Key::EcdsaP521 => Some(NamedGroup::secp521r1),
        Key::Ed25519 | Key::Rsa2048 => None,
    };
    std::iter::once(group).chain(certified.filter(|certified| *certified != group)).collect()
}

fn suites(version: ProtocolVersion, key: Key) -> impl Iterator<Item = &'static Suite> {
    Suite::ALL.iter().filter(move |suite| {
        let fits = match suite.authentication {
            Authentication::Tls13 => true,
            Authentication::Rsa => key == Key::Rsa2048,
            Authentication::Ecdsa => key != Key::Rsa2048,
            _ => false,
        };
        suite.version() == version && fits && !is_fenced(suite) && !is_anonymous(suite)
    })
}

fn reaches(suite: &Suite, group: &Group) -> bool {
    match (suite.version(), group.kind) {
        (V13, _) => true,
        (_, GroupKind::Curve) => suite.key_exchange.is_elliptic(),
        (_, GroupKind::FiniteField) => suite.key_exchange.is_finite_field(),
        _ => false,
    }
}

/// Every way of delivery; for the groups whose arithmetic takes longest one after another, by turns.
fn deliveries(group: &Group, turn: &mut usize) -> Vec<Delivery> {
    *turn += 1;
    match group.code {
        NamedGroup::ffdhe3072 | NamedGroup::ffdhe4096 | NamedGroup::ffdhe6144 | NamedGroup::ffdhe8192 => {
            vec![Delivery::ALL[*turn % Delivery::ALL.len()]]
        }
        _ => Delivery::ALL.to_vec(),
    }
}

struct House {
    authority: Authority,
    key: Key,
    server: Arc<Credential>,
    client: Arc<Credential>,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    suite: &'static Suite,
    group: &'static Group,
    authenticate: bool,
    encrypt_then_mac: bool,
    delivery: Delivery,
}

impl House {
    fn new(key: Key) -> Self {
        let authority = Authority::new();
        let (server, client) =
            (authority.issue(key, &["localhost"]), authority.issue(Key::EcdsaP256, &["client"]));
        Self { authority, key, server, client }
    }

    fn run(&self, case: &Case) {
        let mut policy = Policy::MODERN
            .with_versions(&[case.suite.version()])
            .with_cipher_suites(&[case.suite.code])
            .with_groups(&groups(case.group.code, self.key));
        policy.encrypt_then_mac = case.encrypt_then_mac;
        let max_fragment = case.delivery.max_fragment();
        let client = client_config(&self.authority, |builder| {
            let builder = builder.policy(policy.clone()).max_fragment(max_fragment);
            builder.credentials(Credentials::always(self.client.clone()))
        });
        let server = server_config(self.server.clone(), |builder| {
            let builder = builder.policy(policy).max_fragment(max_fragment);
            match case.authenticate {
                true => builder
                    .client_authentication(ClientAuthentication::Required(self.authority.verifier().into())),
                false => builder,
            }
        });
        let pair = Pair::new(client, server).delivering(case.delivery).handshake();
        let pair = pair.unwrap_or_else(|error| panic!("{:?} {case:?}: {error}", self.key));
        for end in [&pair.client, &pair.server] {
            let info = end.connection.info().unwrap();
            assert_eq!((info.suite, info.group), (case.suite, Some(case.group.code)), "{case:?}");
            assert!(info.forward_secret && info.extended_master_secret, "{case:?}");
            assert_eq!(info.encrypt_then_mac, case.encrypt_then_mac, "{case:?}");
            let knows_peer = end.connection.side() == Side::Client || case.authenticate;
            assert_eq!(info.peer.is_some(), knows_peer, "{case:?}");
        }
        let export = |end: &End| {
            let mut out = [0; 40];
            end.connection.export("EXPORTER-test", Some(b"context"), &mut out).unwrap();
            out
        };
        assert_eq!(export(&pair.client), export(&pair.server), "{case:?}");
        pair.exchange_and_close();
    }
}

fn every_case(version: ProtocolVersion, key: Key) {
    let house = House::new(key);
    let (mut turn, mut run) = (0, 0);
    for suite in suites(version, key) {
        let orders: &[bool] = match suite.protection {
            Protection::Cbc { .. } => &[false, true],
            Protection::Aead(_) => &[false],
        };
        for group in Group::ALL.iter().filter(|group| reaches(suite, group)) {
            for (authenticate, encrypt_then_mac) in
                [false, true].into_iter().flat_map(|first| orders.iter().map(move |order| (first, *order)))
            {
                for delivery in deliveries(group, &mut turn) {
                    house.run(&Case { suite, group, authenticate, encrypt_then_mac, delivery });
                    run += 1;
                }
            }
        }
    }
    assert!(run > 350, "{run}");
}

#[test]
fn tls13_with_p256() {
    every_case(V13, Key::EcdsaP256);
}

#[test]
fn tls13_with_p384() {
    every_case(V13, Key::EcdsaP384);
}

#[test]
fn tls13_with_p521() {
    every_case(V13, Key::EcdsaP521);
}

#[test]
fn tls13_with_ed25519() {
    every_case(V13, Key::Ed25519);
}

#[test]
fn tls13_with_rsa() {
    every_case(V13, Key::Rsa2048);
}

#[test]
fn tls12_with_p256() {
    every_case(V12, Key::EcdsaP256);
}

#[test]
fn tls12_with_p384() {
    every_case(V12, Key::EcdsaP384);
}

#[test]
fn tls12_with_p521() {
    every_case(V12, Key::EcdsaP521);
}

#[test]
fn tls12_with_ed25519() {
    every_case(V12, Key::Ed25519);
}

#[test]
fn tls12_with_rsa() {
    every_case(V12, Key::Rsa2048);
}

/// Counts what is derived.
#[derive(Default)]
struct Derived(AtomicUsize);

impl Observer for Derived {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        if let Event::Derived { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What rests goes on where it was: same keys, next numbers, in both directions and across key updates.
#[test]
fn compacted_connections_go_on() {
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    for version in [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3] {
        let policy = Policy::MODERN.with_versions(&[version]);
        let client = client_config(&authority, |builder| builder.policy(policy.clone()));
        let derived = Arc::new(Derived::default());
        let observer = derived.clone();
        let server =
            server_config(credential.clone(), |builder| builder.policy(policy.clone()).observer(observer));
        let mut pair = Pair::new(client, server);
        pair.client.connection.compact();
        let mut pair = pair.handshake().unwrap();
        for round in 0..4_u8 {
            pair.client.connection.compact();
            pair.server.connection.compact();
            pair.server.connection.compact();
            let before = derived.0.load(Ordering::Relaxed);
            if round == 2 && version == ProtocolVersion::TLS_1_3 {
                pair.client.connection.update_keys(true, &mut pair.client.output).unwrap();
                pair.run().unwrap();
                pair.server.connection.compact();
            }
            pair.client.connection.send(&[round; 100], &mut pair.client.output).unwrap();
            pair.server.connection.send(&[round; 100], &mut pair.server.output).unwrap();
            pair.run().unwrap();
            // The server's keys were gone: both are derived once more.
            assert!(derived.0.load(Ordering::Relaxed) >= before + 2, "{version}, round {round}");
            for end in [&mut pair.client, &mut pair.server] {
                assert_eq!(std::mem::take(&mut end.received), [round; 100]);
            }
        }
        pair.client.connection.compact();
        pair.server.connection.compact();
        pair.exchange_and_close();
    }
}
