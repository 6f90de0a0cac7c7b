//! The list of cases: every exchange that the library knows, each group that it takes, and every protection of
//! records; and of these what each of the others knows.
use crate::{
    case::{Case, Exchange, Opening},
    software::Software,
};
use premaster::{
    config::{is_anonymous, is_fenced},
    exchange::{Group, GroupKind},
    suite::{KeyExchange, Suite},
    wire::{NamedGroup, ProtocolVersion, Side},
};

/// The groups of TLS 1.2 over elliptic curves (RFC 8422 section 5.1.1).
const CURVES: [NamedGroup; 4] =
    [NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1];

/// The suites that this build may speak.
pub fn suites() -> impl Iterator<Item = &'static Suite> {
    let has = |suite: &&Suite| {
        (cfg!(feature = "legacy") || !is_fenced(suite))
            && (cfg!(feature = "laboratory") || !is_anonymous(suite))
    };
    Suite::ALL.iter().filter(has)
}

/// The groups that an exchange of TLS 1.2 takes; none, once, if it has no such thing.
pub fn groups(exchange: KeyExchange) -> Vec<Option<NamedGroup>> {
    match exchange {
        // X25519 is in no certificate.
        KeyExchange::Ecdh => CURVES[1..].iter().copied().map(Some).collect(),
        // The group is the certificate's.
        KeyExchange::Dh => vec![None],
        exchange if exchange.is_elliptic() => CURVES.map(Some).to_vec(),
        exchange if exchange.is_finite_field() => {
            let all = Group::ALL.iter().filter(|group| group.kind == GroupKind::FiniteField);
            all.map(|group| Some(group.code)).collect()
        }
        _ => vec![None],
    }
}

/// Every exchange, with the suite it is examined with.
fn exchanges() -> Vec<Exchange> {
    let mut all = tls13();
    let tls12 = || suites().filter(|suite| suite.version() == ProtocolVersion::TLS_1_2);
    for suite in tls12() {
        let of_same = |one: &&Suite| one.key_exchange == suite.key_exchange;
        let best = tls12().filter(of_same).find(|suite| suite.openssl_name.ends_with("AES128-GCM-SHA256"));
        // The best suite of an exchange is examined with all its groups.
        if best.or_else(|| tls12().find(of_same)) == Some(suite) {
            let group = |group| Exchange { suite, group, opening: Opening::Share };
            all.extend(groups(suite.key_exchange).into_iter().map(group));
            continue;
        }
        // Any other protection, and the hash that goes with it, once.
        let same = |one: &Exchange| {
            one.suite.version() == suite.version()
                && one.suite.protection == suite.protection
                && one.suite.hash == suite.hash
        };
        if !all.iter().any(same) {
            let group = groups(suite.key_exchange)[0];
            all.push(Exchange { suite, group, opening: Opening::Share });
        }
    }
    all
}

fn tls13() -> Vec<Exchange> {
    let mut suites = suites().filter(|suite| suite.version() == ProtocolVersion::TLS_1_3);
    let Some(first) = suites.next() else { return Vec::new() };
    let of = |suite, group, opening| Exchange { suite, group, opening };
    let groups = Group::ALL.iter().map(|group| of(first, Some(group.code), Opening::Share));
    let mut all: Vec<Exchange> = groups.collect();
    all.extend(suites.map(|suite| of(suite, Some(NamedGroup::x25519), Opening::Share)));
    all.push(of(first, None, Opening::PskKe));
    // One exchange of each family.
    for group in [NamedGroup::x25519, NamedGroup::ffdhe2048, NamedGroup::X25519MLKEM768] {
        all.push(of(first, Some(group), Opening::PskDheKe));
        all.push(of(first, Some(group), Opening::Retry));
        all.push(of(first, Some(group), Opening::Pool));
    }
    all
}

/// What one of the others may know of the list above, as far as it is configured here.
fn knows(software: Software, exchange: &Exchange) -> bool {
    let Exchange { suite, group, opening } = *exchange;
    let name = suite.openssl_name;
    let in_groups = |few: &[NamedGroup]| group.is_none_or(|group| few.contains(&group));
    let has_psk = exchange.has_psk();
    let is_static_dh = matches!(suite.key_exchange, KeyExchange::Dh | KeyExchange::Ecdh);
    let is_anonymous = matches!(suite.key_exchange, KeyExchange::DhAnon | KeyExchange::EcdhAnon);
    let has_ccm = name.contains("CCM");
    match software {
        Software::Premaster | Software::PremasterTokio => true,
        // How to make them ask again differs from one to the other, and a pool only this library has.
        _ if matches!(opening, Opening::Retry | Opening::Pool) => false,
        Software::Rustls => {
            let few = [
                NamedGroup::X25519MLKEM768,
                NamedGroup::x25519,
                NamedGroup::secp256r1,
                NamedGroup::secp384r1,
            ];
            let kinds = [KeyExchange::Tls13, KeyExchange::Ecdhe];
            let has_cbc = matches!(suite.protection, premaster::suite::Protection::Cbc { .. });
            in_groups(&few) && kinds.contains(&suite.key_exchange) && !has_psk && !has_ccm && !has_cbc
        }
        Software::OpenSsl => {
            // OpenSSL 3.0 has no ML-KEM, no static Diffie-Hellman any more, and of ECDHE_PSK only these. DHE has
            // the prime that goes with the certificate's key; what is anonymous needs a security level of its own.
            let has_group = group.and_then(Group::find).is_none_or(|group| !group.quantum_safe);
            let has_suite = suite.key_exchange != KeyExchange::EcdhePsk || name.contains("CBC");
            let takes_prime = suite.key_exchange == KeyExchange::Tls13
                || !suite.key_exchange.is_finite_field()
                || group == Some(NamedGroup::ffdhe2048);
            has_group && has_suite && takes_prime && !is_static_dh && !is_anonymous
        }
        Software::Boring => {
            let few = [
                NamedGroup::X25519MLKEM768,
                NamedGroup::MLKEM1024,
                NamedGroup::x25519,
                NamedGroup::secp256r1,
                NamedGroup::secp384r1,
                NamedGroup::secp521r1,
            ];
            let kinds = [KeyExchange::Tls13, KeyExchange::Ecdhe, KeyExchange::Rsa];
            let has = !["AES128-SHA256", "AES256-SHA256"].contains(&name);
            in_groups(&few) && kinds.contains(&suite.key_exchange) && !has_psk && !has_ccm && has
        }
        Software::S2n => {
            let row = group.and_then(Group::find);
            let is_finite_field = row.is_some_and(|group| group.kind == GroupKind::FiniteField);
            let kinds = [KeyExchange::Tls13, KeyExchange::Ecdhe, KeyExchange::Rsa];
            let has = group != Some(NamedGroup::MLKEM768);
            !is_finite_field && kinds.contains(&suite.key_exchange) && !has_psk && !has_ccm && has
        }
    }
}

/// Every case of `software`.
pub fn cases(software: Software) -> Vec<Case> {
    let mut all = Vec::new();
    for exchange in exchanges().into_iter().filter(|exchange| knows(software, exchange)) {
        for side in [Side::Server, Side::Client] {
            for tickets in [true, false] {
                all.push(Case { software, side, exchange, tickets });
            }
        }
    }
    all
}
