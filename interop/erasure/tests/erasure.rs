//! Zero where the table says zero, for every case of this library; and the harness finds what is there.
use premaster_erasure::{
    case::Case,
    exchanges::cases,
    laboratory::{Laboratory, Start},
    ledger,
    scenario::Point,
    software::Software,
};
use std::path::Path;

fn start(keep: bool) -> Start<'static> {
    Start { program: Path::new(env!("CARGO_BIN_EXE_premaster-erasure")), keep }
}

/// Nothing that the protocol needs no more is anywhere in the memory, at any point.
fn nothing_is_left(cases: Vec<Case>) {
    let laboratory = Laboratory::new().unwrap();
    assert!(!cases.is_empty());
    let mut left = Vec::new();
    for case in cases {
        let outcome =
            laboratory.examine(case, &start(false)).unwrap_or_else(|error| panic!("{case}: {error}"));
        for point in [Point::Agreed, Point::Megabyte, Point::Closed, Point::Failed, Point::Dropped] {
            assert!(outcome.contains_key(&point), "{case}: {point:?}");
        }
        // What is in use is found: the harness does not look past it.
        assert!(!outcome[&Point::Megabyte].in_use.is_empty(), "{case}");
        let places = outcome.iter().filter(|(_, findings)| !findings.residue.is_empty());
        left.extend(
            places.map(|(point, findings)| format!("{case}, {}: {:?}", point.name(), findings.residue)),
        );
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}

/// The cases of the blocking stream on a side, in a version, in two halves.
fn half(side: premaster::wire::Side, version: premaster::wire::ProtocolVersion, odd: usize) -> Vec<Case> {
    let of = |case: &Case| case.side == side && case.exchange.version() == version;
    let all = cases(Software::Premaster).into_iter().filter(of);
    all.enumerate().filter(|(index, _)| index % 4 / 2 == odd).map(|(_, case)| case).collect()
}

macro_rules! halves {
    ($($name:ident: $side:ident $version:ident $odd:literal;)*) => {
        $(#[test]
        fn $name() {
            use premaster::wire::{ProtocolVersion, Side};
            nothing_is_left(half(Side::$side, ProtocolVersion::$version, $odd));
        })*
    };
}

halves! {
    tls13_servers: Server TLS_1_3 0;
    more_tls13_servers: Server TLS_1_3 1;
    tls13_clients: Client TLS_1_3 0;
    more_tls13_clients: Client TLS_1_3 1;
    tls12_servers: Server TLS_1_2 0;
    more_tls12_servers: Server TLS_1_2 1;
    tls12_clients: Client TLS_1_2 0;
    more_tls12_clients: Client TLS_1_2 1;
}

/// The stream makes no difference to an exchange: each once, the sides and the tickets in turn.
#[test]
fn over_tokio() {
    let all = cases(Software::PremasterTokio).into_iter().enumerate();
    nothing_is_left(all.filter(|(index, _)| index % 4 == index / 4 % 4).map(|(_, case)| case).collect());
}

/// The positive control: a process that keeps its ephemeral keys is found out, at every point.
#[test]
fn what_is_kept_is_found() {
    let laboratory = Laboratory::new().unwrap();
    for case in cases(Software::Premaster).into_iter().step_by(9) {
        let outcome =
            laboratory.examine(case, &start(true)).unwrap_or_else(|error| panic!("{case}: {error}"));
        for (point, findings) in outcome {
            let found = findings.residue.iter().any(|((secret, _), _)| secret == "ephemeral private key");
            // Static RSA and ECDH servers have none.
            let has = findings.private > 0;
            assert_eq!(found, has, "{case}, {}: {:?}", point.name(), findings.residue);
        }
    }
}

/// Every key exchange that the library knows, with every group that it takes, every opening of TLS 1.3 and every
/// protection of records is in a case on both sides.
#[test]
fn no_exchange_is_left_out() {
    use premaster::{
        exchange::{Group, GroupKind},
        suite::KeyExchange,
        wire::{NamedGroup, ProtocolVersion, Side},
    };
    use premaster_erasure::{case::Opening, exchanges::suites};
    for side in [Side::Client, Side::Server] {
        let all: Vec<Case> =
            cases(Software::Premaster).into_iter().filter(|case| case.side == side).collect();
        let has = |exchange: KeyExchange, group: Option<NamedGroup>| {
            let is = |case: &Case| {
                case.exchange.suite.key_exchange == exchange
                    && group.is_none_or(|group| case.exchange.group == Some(group))
            };
            assert!(all.iter().any(is), "{exchange:?} {group:?}");
        };
        let of_kind =
            |kind| Group::ALL.iter().filter(move |group| group.kind == kind).map(|group| group.code);
        Group::ALL.iter().for_each(|group| has(KeyExchange::Tls13, Some(group.code)));
        for suite in suites() {
            match suite.key_exchange {
                // There are certificates for these three curves only, and one for static DH.
                KeyExchange::Ecdh => {
                    [NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1]
                        .into_iter()
                        .for_each(|group| has(suite.key_exchange, Some(group)));
                }
                KeyExchange::Dh => has(suite.key_exchange, None),
                exchange if exchange.is_elliptic() => {
                    of_kind(GroupKind::Curve).for_each(|group| has(exchange, Some(group)));
                }
                exchange if exchange.is_finite_field() => {
                    of_kind(GroupKind::FiniteField).for_each(|group| has(exchange, Some(group)));
                }
                exchange => has(exchange, None),
            }
            let same = |case: &Case| {
                case.exchange.version() == suite.version()
                    && case.exchange.suite.protection == suite.protection
                    && case.exchange.suite.hash == suite.hash
            };
            assert!(all.iter().any(same), "{suite:?}");
        }
        for opening in Opening::ALL {
            let is = |case: &&Case| case.exchange.opening == opening;
            assert_eq!(all.iter().filter(is).map(|case| case.tickets).min(), Some(false), "{opening:?}");
        }
        let versions = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];
        assert!(versions.iter().all(|version| all.iter().any(|case| case.exchange.version() == *version)));
    }
}

/// The kinds of secrets that a TLS 1.3 handshake is looked through for.
#[test]
fn nothing_is_forgotten() {
    use premaster::observe::{At, Event, Input, Observer, SecretRef};
    let ledger = ledger::Ledger::default();
    let at = At { side: premaster::wire::Side::Client, client_random: None };
    let secret = premaster::Secret::from(&[0x5a; 32][..]);
    for name in ["shared_secret", "handshake_secret", "main_secret", "master_secret", "pre_master_secret"] {
        let value = SecretRef::from(&secret);
        ledger.observe(at, Event::Derived { secret: name, how: "", inputs: &[], value });
    }
    let inputs = [Input::Secret("client_handshake_traffic_secret")];
    let value = SecretRef::from(&secret);
    ledger.observe(at, Event::Derived { secret: "key", how: "", inputs: &inputs, value });
    ledger.with(|entries, _| assert_eq!(entries.len(), 6));
}
