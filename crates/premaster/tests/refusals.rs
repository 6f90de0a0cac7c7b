//! A refusal for every weak thing, each with the error and the alert that say what is wrong, and what to change.
#![allow(missing_docs, reason = "a test")]
mod common;
mod puppet;

use common::{Authority, Key, client_config, server_config};
use premaster::{
    ClientConfig, Error, Output, Policy, ServerConfig,
    config::{ConfigError, LegacyOptIn},
    connection::Acceptor,
    error::{Incompatible, Misbehaved, Untrusted},
    exchange::Group,
    identity::{Credential, Credentials},
    pki_types::PrivateKeyDer,
    wire::{
        AlertDescription as Alert, CipherSuite, ExtensionType, List, NamedGroup, ProtocolVersion,
        SignatureScheme,
        extension::{self, Extensions, KeyShareEntry, ProtocolName, push, push_encoded},
        message::{CertificateRequest13, handshake},
    },
};
use puppet::{
    Part, Puppet, Say, V12, V13, change_client_hello, change_server_hello, with_extension, with_suite,
    without_extension,
};
use std::sync::Arc;

const DHE: &str = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";
const TO_DONE: [Say; 4] = [Say::ServerHello, Say::Certificate, Say::ServerKeyExchange, Say::ServerHelloDone];

/// The victim refused with this error and this alert, and the error says these words.
#[track_caller]
fn refused(puppet: &Puppet, error: impl Into<Error>, alert: Alert, words: &[&str]) {
    let error = error.into();
    assert_eq!(puppet.error.as_ref(), Some(&error));
    assert_eq!(puppet.alert(), Some(alert));
    assert!(!puppet.is_connected());
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
    assert!(error.rule().is_some());
}

/// What the victim could not agree on.
#[track_caller]
fn incompatible(puppet: &Puppet, alert: Alert, words: &[&str]) -> Incompatible {
    let Some(Error::Incompatible(incompatible)) = &puppet.error else { panic!("{:?}", puppet.error) };
    assert_eq!(puppet.alert(), Some(alert));
    let text = puppet.error.as_ref().unwrap().to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
    (**incompatible).clone()
}

struct House {
    authority: Authority,
    rsa: Part,
    ec: Part,
    rsa_credential: Arc<Credential>,
    ec_credential: Arc<Credential>,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let both = |key, part: Part| {
            let (chain, key) = authority.issue_der(key, &["localhost"], |_| {});
            let credential = Arc::new(Credential::new(chain.clone(), key.clone_key()).unwrap());
            (part.with_chain(chain, key), credential)
        };
        let (rsa, rsa_credential) = both(Key::Rsa2048, Part::named(V12, DHE));
        let (ec, ec_credential) = both(Key::EcdsaP256, Part::tls12());
        Self { rsa, ec, rsa_credential, ec_credential, authority }
    }

    fn client(&self, policy: Policy) -> Arc<ClientConfig> {
        client_config(&self.authority, |builder| builder.policy(policy))
    }

    fn rsa_server(&self, policy: Policy) -> Arc<ServerConfig> {
        server_config(self.rsa_credential.clone(), |builder| builder.policy(policy))
    }

    fn server(&self, policy: Policy) -> Arc<ServerConfig> {
        server_config(self.ec_credential.clone(), |builder| builder.policy(policy))
    }

    fn tls13(&self) -> Part {
        Part { suites: vec![CipherSuite::TLS_AES_128_GCM_SHA256], version: V13, ..self.ec.clone() }
    }

    /// A client meets explicit finite-field parameters.
    fn meets_dh(&self, p: &[u8], g: &[u8], y: &[u8]) -> Puppet {
        let part = self.rsa.clone().but(|part| part.dh = Some([p.to_vec(), g.to_vec(), y.to_vec()]));
        let mut puppet = Puppet::server(part, self.client(Policy::COMPATIBLE));
        puppet.says(&TO_DONE);
        puppet
    }
}

fn ffdhe2048() -> (Vec<u8>, Vec<u8>) {
    let (p, g) = Group::find(NamedGroup::ffdhe2048).unwrap().dh_parameters().unwrap();
    (p.to_vec(), g.to_vec())
}

/// 0, 1, p - 1, p and p + 1: what has no secret in it, or no place in the group.
fn degenerate(p: &[u8]) -> [Vec<u8>; 5] {
    let wide = |last: u8| [vec![0; p.len() - 1], vec![last]].concat();
    let (mut below, mut above) = (p.to_vec(), p.to_vec());
    // The primes of RFC 7919 end in 0xff.
    *below.last_mut().unwrap() -= 1;
    let carry = above.iter().rposition(|byte| *byte != 0xff).unwrap();
    above[carry] += 1;
    above[carry + 1..].fill(0);
    [wide(0), wide(1), below, p.to_vec(), above]
}

#[test]
fn small_diffie_hellman_groups() {
    let house = House::new();
    for bytes in [1, 64, 96, 128, 255] {
        let mut p = vec![0xfb; bytes];
        p[0] = 0xff;
        refused(
            &house.meets_dh(&p, &[2], &[4]),
            Misbehaved::WeakDhParameters,
            Alert::insufficient_security,
            &["smaller than this side's limit", "RFC 9325"],
        );
    }
}

#[test]
fn diffie_hellman_groups_that_nobody_vouches_for() {
    let house = House::new();
    let (p, g) = ffdhe2048();
    let (mut composite, mut even, mut huge) = (p.clone(), p.clone(), vec![0xff; 1025]);
    composite[100] ^= 0x40;
    *even.last_mut().unwrap() &= 0xfe;
    huge[500] = 7;
    for (p, g) in [
        (&composite, &g),
        (&even, &g),
        (&huge, &g),
        (&p, &vec![0]),
        (&p, &vec![1]),
        (&p, &degenerate(&p)[2].clone()),
        (&p, &p.clone()),
    ] {
        refused(
            &house.meets_dh(p, g, &[4]),
            Misbehaved::BadDhParameters,
            Alert::illegal_parameter,
            &["not a known or valid safe prime group", "RFC 7919"],
        );
    }
}

#[test]
fn degenerate_diffie_hellman_values_of_a_server() {
    let house = House::new();
    let (p, g) = ffdhe2048();
    for y in degenerate(&p) {
        refused(
            &house.meets_dh(&p, &g, &y),
            Misbehaved::BadDhPublic,
            Alert::illegal_parameter,
            &["out of range", "RFC 7919"],
        );
    }
    // The same values without the leading zeros, which TLS 1.2 lets a peer leave out.
    for y in [&[0][..], &[1]] {
        let puppet = house.meets_dh(&p, &g, y);
        refused(&puppet, Misbehaved::BadDhPublic, Alert::illegal_parameter, &["out of range"]);
    }
}

#[test]
fn degenerate_diffie_hellman_values_of_a_client() {
    let house = House::new();
    let (p, _) = ffdhe2048();
    for y in degenerate(&p) {
        let part = Part::named(V12, DHE).but(|part| {
            part.group = NamedGroup::ffdhe2048;
            part.reply = Some((y.clone(), vec![1]));
        });
        let mut puppet = Puppet::client(part, house.rsa_server(Policy::COMPATIBLE));
        puppet.says(&[Say::ClientHello, Say::ClientKeyExchange]);
        refused(&puppet, Misbehaved::BadDhPublic, Alert::illegal_parameter, &["out of range"]);
    }
}

#[test]
fn degenerate_diffie_hellman_shares_of_tls13() {
    let house = House::new();
    let (p, _) = ffdhe2048();
    let policy = Policy::COMPATIBLE.with_versions(&[V13]).with_groups(&[NamedGroup::ffdhe2048]);
    for y in degenerate(&p).into_iter().chain([p[1..].to_vec(), [&[0], &p[..]].concat()]) {
        let share = KeyShareEntry { group: NamedGroup::ffdhe2048, key_exchange: &y };
        let part = house.tls13().but(|part| part.group = NamedGroup::ffdhe2048);

        let mut puppet = Puppet::server(part.clone(), house.client(policy.clone()));
        let hello = puppet.make(Say::ServerHello);
        let hello = change_server_hello(&hello, |block| {
            with_extension(block, &extension::KeyShareServerHello { server_share: share })
        });
        puppet.message(&hello);
        refused(&puppet, Misbehaved::BadDhPublic, Alert::illegal_parameter, &["out of range"]);

        let mut puppet = Puppet::client(part, house.server(policy.clone()));
        let hello = puppet.make(Say::ClientHello);
        let hello = change_client_hello(&hello, |block| {
            with_extension(block, &extension::KeyShareClientHello { client_shares: List::from(&[share]) })
        });
        puppet.message(&hello);
        refused(&puppet, Misbehaved::BadDhPublic, Alert::illegal_parameter, &["out of range"]);
    }
}

#[test]
fn groups_that_were_not_offered() {
    let house = House::new();
    let only = |group| Policy::MODERN.with_groups(&[group, NamedGroup::secp256r1]);
    for group in [NamedGroup::secp384r1, NamedGroup::secp521r1] {
        let part = house.ec.clone().but(|part| part.group = group);
        let mut puppet = Puppet::server(part, house.client(only(NamedGroup::x25519)));
        puppet.says(&TO_DONE);
        refused(
            &puppet,
            Misbehaved::UnofferedGroup,
            Alert::illegal_parameter,
            &["a group that was not offered"],
        );
    }
    // In TLS 1.3 it needs a share as well.
    let part = house.tls13().but(|part| part.group = NamedGroup::secp256r1);
    let mut puppet = Puppet::server(part, house.client(only(NamedGroup::x25519)));
    puppet.says(&[Say::ServerHello]);
    refused(&puppet, Misbehaved::UnsharedGroup, Alert::illegal_parameter, &["no share was sent"]);
    let retry = |group| {
        let part = house.tls13().but(|part| part.group = group);
        let mut puppet = Puppet::server(part, house.client(only(NamedGroup::x25519)));
        puppet.says(&[Say::HelloRetryRequest]);
        puppet
    };
    refused(
        &retry(NamedGroup::secp521r1),
        Misbehaved::UnofferedGroup,
        Alert::illegal_parameter,
        &["not offered"],
    );
    refused(
        &retry(NamedGroup::x25519),
        Misbehaved::RetryForSharedGroup,
        Alert::illegal_parameter,
        &["share was sent"],
    );
}

#[test]
fn suites_outside_the_policy() {
    let house = House::new();
    for (part, suite) in [
        (house.ec.clone(), CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA),
        (house.ec.clone(), CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8),
        (house.ec.clone(), CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256),
        (house.ec.clone(), CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256),
        // NULL, RC4 and 3DES are in no table at all.
        (house.ec.clone(), CipherSuite(0x0002)),
        (house.ec.clone(), CipherSuite(0xc007)),
        (house.ec.clone(), CipherSuite(0xc012)),
        (house.tls13(), CipherSuite::TLS_AES_128_CCM_SHA256),
        (house.tls13(), CipherSuite::TLS_AES_128_CCM_8_SHA256),
    ] {
        let mut puppet = Puppet::server(part, house.client(Policy::MODERN));
        let hello = puppet.make(Say::ServerHello);
        puppet.message(&with_suite(&hello, suite));
        refused(
            &puppet,
            Misbehaved::UnofferedSuite,
            Alert::illegal_parameter,
            &["suite that was not offered"],
        );
        // A client that has nothing else to offer.
        let part = Part { suites: vec![suite], ..house.ec.clone() };
        let mut puppet = Puppet::client(part, house.server(Policy::MODERN));
        puppet.says(&[Say::ClientHello]);
        let words = ["no common cipher suite", "this side has TLS_", suite.name().unwrap_or("")];
        let found = incompatible(&puppet, Alert::handshake_failure, &words);
        let theirs = vec![suite];
        assert!(matches!(found, Incompatible::CipherSuite { theirs: listed, .. } if listed == theirs));
    }
    // One of the other version's, which was offered.
    let mut puppet = Puppet::server(house.ec.clone(), house.client(Policy::MODERN));
    let hello = puppet.make(Say::ServerHello);
    puppet.message(&with_suite(&hello, CipherSuite::TLS_AES_128_GCM_SHA256));
    refused(&puppet, Misbehaved::SuiteOfOtherVersion, Alert::illegal_parameter, &["of another version"]);
}

fn opt_in() -> LegacyOptIn {
    LegacyOptIn::for_peer("printer.example", "its firmware knows RSA key transport only")
}

fn rsa_only() -> Policy {
    let suite = CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;
    Policy::LEGACY.with_versions(&[V12]).with_cipher_suites(&[suite])
}

/// What the configuration says when it is built.
fn build_client(policy: Policy, opt_in: Option<LegacyOptIn>) -> Result<ClientConfig, ConfigError> {
    let mut builder = ClientConfig::builder().policy(policy).verifier(Authority::new().verifier());
    if let Some(opt_in) = opt_in {
        builder = builder.allow_legacy(opt_in);
    }
    builder.build()
}

#[test]
fn the_fence_without_an_opt_in() {
    let house = House::new();
    let mut loose = Policy::MODERN;
    loose.require_extended_master_secret = false;
    for (policy, what) in [
        (Policy::LEGACY, "TLS_ECDH_ECDSA"),
        (rsa_only(), "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        (loose, "without extended master secret"),
    ] {
        let credentials = Credentials::always(house.rsa_credential.clone());
        let server = ServerConfig::builder().policy(policy.clone()).credentials(credentials);
        for error in [build_client(policy.clone(), None).unwrap_err(), server.build().unwrap_err()] {
            assert!(
                matches!(&error, ConfigError::LegacyNotAllowed(named) if named.contains(what)),
                "{error}"
            );
            let text = error.to_string();
            for word in [what, "RFC 10015", "legacy", "opt-in"] {
                assert!(text.contains(word), "{word:?} is not in {text:?}");
            }
        }
    }
}

/// Another crate may turn the feature on; an opt-in alone must not, and neither must the feature.
#[cfg(not(feature = "legacy"))]
#[test]
fn the_fence_without_the_cargo_feature() {
    for policy in [Policy::LEGACY, rsa_only()] {
        let error = build_client(policy, Some(opt_in())).unwrap_err();
        assert!(matches!(error, ConfigError::LegacyNotAllowed(_)));
        assert!(error.to_string().contains("cargo feature `legacy`"), "{error}");
    }
}

#[cfg(feature = "legacy")]
mod fence {
    use super::*;
    use premaster::{config::Clock, error::Misuse, pki_types::UnixTime, wire::message::ClientHello};
    use std::time::Duration;

    struct At(u64);

    impl Clock for At {
        fn now(&self) -> Option<UnixTime> {
            (self.0 > 0).then(|| UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
        }
    }

    fn try_at(name: &str, now: u64, policy: Policy, opt_in: LegacyOptIn) -> Result<Puppet, Error> {
        let config = ClientConfig::builder()
            .policy(policy)
            .verifier(Authority::new().verifier())
            .allow_legacy(opt_in)
            .clock(Arc::new(At(now)));
        Puppet::server_named(name, Part::tls12(), Arc::new(config.build().unwrap()))
    }

    #[test]
    fn an_opt_in_is_for_one_host_and_for_a_time() {
        let until = || opt_in().until(UnixTime::since_unix_epoch(Duration::from_secs(1000)));
        assert!(try_at("printer.example", 999, rsa_only(), until()).is_ok());
        assert!(try_at("PRINTER.example", 999, rsa_only(), until()).is_ok());
        // Another host, a lapsed opt-in, and a clock that cannot be read.
        for (name, now) in [
            ("other.example", 999),
            ("a.printer.example", 999),
            ("printer.example", 1000),
            ("printer.example", 0),
        ] {
            let error = try_at(name, now, rsa_only(), until()).err().expect("a refusal");
            assert_eq!(error, Misuse::LegacyNotAllowed.into(), "{name} {now}");
            let text = error.to_string();
            assert!(text.contains("RFC 10015") && text.contains("opt-in"), "{text}");
        }
    }

    #[test]
    fn what_is_fenced_is_not_even_offered_to_others() {
        let puppet = try_at("other.example", 999, Policy::LEGACY, opt_in()).unwrap();
        let hello = puppet.wire[0][9..].to_vec();
        let hello = ClientHello::decode(&hello).unwrap();
        for suite in hello.cipher_suites {
            let row = premaster::suite::Suite::find(suite);
            assert!(row.is_none_or(|row| !premaster::config::is_fenced(row)), "{suite}");
        }
        assert!(hello.cipher_suites.contains(CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256));
    }

    #[test]
    fn a_server_whose_opt_in_has_lapsed() {
        let house = House::new();
        let until = UnixTime::since_unix_epoch(Duration::from_secs(1000));
        let server = |now| {
            server_config(house.rsa_credential.clone(), |builder| {
                let opt_in = LegacyOptIn::for_every_peer("until the old tills are gone").until(until);
                builder.policy(Policy::LEGACY).allow_legacy(opt_in).clock(Arc::new(At(now)))
            })
        };
        let part = Part::named(V12, "TLS_RSA_WITH_AES_128_GCM_SHA256");
        let mut puppet = Puppet::client(part.clone(), server(999));
        puppet.says(&[Say::ClientHello, Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished]);
        assert!(puppet.is_connected(), "{:?}", puppet.error);
        let mut puppet = Puppet::client(part, server(1001));
        puppet.says(&[Say::ClientHello]);
        incompatible(&puppet, Alert::handshake_failure, &["no common cipher suite"]);
    }
}

#[test]
fn no_extended_master_secret() {
    let house = House::new();
    let words = ["does not bind the master secret", "RFC 7627"];
    let part = house.ec.clone().but(|part| part.extended_master_secret = false);
    let mut puppet = Puppet::server(part.clone(), house.client(Policy::MODERN));
    puppet.says(&TO_DONE);
    refused(&puppet, Misbehaved::ExtendedMasterSecretMissing, Alert::handshake_failure, &words);
    let mut puppet = Puppet::client(part, house.server(Policy::MODERN));
    puppet.says(&[Say::ClientHello]);
    refused(&puppet, Misbehaved::ExtendedMasterSecretMissing, Alert::handshake_failure, &words);
}

#[test]
fn no_secure_renegotiation() {
    let house = House::new();
    let part = house.ec.clone().but(|part| part.renegotiation_info = false);
    let words = ["does not protect against renegotiation attacks", "RFC 5746"];
    let mut puppet = Puppet::server(part.clone(), house.client(Policy::MODERN));
    puppet.says(&TO_DONE);
    refused(&puppet, Misbehaved::RenegotiationInfoMissing, Alert::handshake_failure, &words);
    let mut puppet = Puppet::client(part, house.server(Policy::MODERN));
    puppet.says(&[Say::ClientHello]);
    refused(&puppet, Misbehaved::RenegotiationInfoMissing, Alert::handshake_failure, &words);
}

#[test]
fn versions_of_old() {
    let house = House::new();
    for version in [ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_0, ProtocolVersion::SSL_3_0] {
        let [high, low] = version.0.to_be_bytes();
        let name = version.to_string();
        let words = ["no common version", "TLS 1.3", &name];
        let mut puppet = Puppet::server(house.ec.clone(), house.client(Policy::MODERN));
        let mut hello = puppet.make(Say::ServerHello);
        hello[4..6].copy_from_slice(&[high, low]);
        puppet.message(&hello);
        incompatible(&puppet, Alert::protocol_version, &words);
        let mut puppet = Puppet::client(house.ec.clone(), house.server(Policy::MODERN));
        let mut hello = puppet.make(Say::ClientHello);
        hello[4..6].copy_from_slice(&[high, low]);
        puppet.message(&hello);
        incompatible(&puppet, Alert::protocol_version, &words);
    }
}

#[test]
fn nothing_in_common() {
    let house = House::new();
    let mut part = house.tls13().but(|part| part.group = NamedGroup::secp521r1);
    let few = Policy::MODERN.with_groups(&[NamedGroup::x25519]);
    let mut puppet = Puppet::client(part.clone(), house.server(few.clone()));
    puppet.says(&[Say::ClientHello]);
    let words = ["no common group", "this side has x25519", "the peer secp521r1"];
    incompatible(&puppet, Alert::handshake_failure, &words);
    // TLS 1.2: a curve for the exchange. The RSA certificate needs none.
    let mut part12 = Part::named(V12, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    part12.group = NamedGroup::secp521r1;
    let mut puppet = Puppet::client(part12, house.rsa_server(few));
    puppet.says(&[Say::ClientHello]);
    incompatible(&puppet, Alert::handshake_failure, &["no common group"]);

    part.group = NamedGroup::x25519;
    part.schemes = vec![SignatureScheme::rsa_pss_rsae_sha256, SignatureScheme::ed25519];
    for part in [part.clone(), Part { version: V12, suites: house.ec.suites.clone(), ..part.clone() }] {
        let mut puppet = Puppet::client(part, house.server(Policy::MODERN));
        puppet.says(&[Say::ClientHello]);
        let words = ["no common signature scheme", "ecdsa_secp256r1_sha256", "ed25519"];
        incompatible(&puppet, Alert::handshake_failure, &words);
    }
}

#[test]
fn no_common_application_protocol() {
    let house = House::new();
    let server = server_config(house.ec_credential.clone(), |builder| builder.alpn(["h2", "http/1.1"]));
    let mut more = Vec::new();
    let names = [ProtocolName(b"ftp"), ProtocolName(b"smtp")];
    push(&mut more, &extension::ProtocolNameList { protocol_name_list: List::from(&names) });
    for part in [house.ec.clone(), house.tls13()] {
        let part = part.but(|part| part.more = more.clone());
        let mut puppet = Puppet::client(part, server.clone());
        puppet.says(&[Say::ClientHello]);
        let words = ["no common application protocol", "speaks h2, http/1.1", "the peer ftp, smtp"];
        incompatible(&puppet, Alert::no_application_protocol, &words);
    }
    // A server that answers with another than was offered.
    let mut more = Vec::new();
    push(&mut more, &extension::SelectedProtocolName { protocol_name: ProtocolName(b"ftp") });
    let client = client_config(&house.authority, |builder| builder.alpn(["h2"]));
    let mut puppet = Puppet::server(house.ec.clone().but(|part| part.more = more), client);
    puppet.says(&TO_DONE);
    refused(&puppet, Misbehaved::UnofferedAlpn, Alert::illegal_parameter, &["was not offered"]);
}

#[test]
fn downgrade_sentinels() {
    let house = House::new();
    for sentinel in [*b"DOWNGRD\x01", *b"DOWNGRD\x00"] {
        let part = house.ec.clone().but(|part| part.sentinel = Some(sentinel));
        let mut puppet = Puppet::server(part.clone(), house.client(Policy::MODERN));
        puppet.says(&[Say::ServerHello]);
        refused(&puppet, Misbehaved::Downgraded, Alert::illegal_parameter, &["forced down", "RFC 9846"]);
        // To a client that offers no more than TLS 1.2 it says nothing.
        let mut puppet = Puppet::server(part, house.client(Policy::MODERN.with_versions(&[V12])));
        puppet.says(&TO_DONE);
        assert_eq!(puppet.error, None);
    }
}

#[test]
fn the_fallback_scsv() {
    let house = House::new();
    let part = house.ec.clone().but(|part| part.suites.push(CipherSuite::TLS_FALLBACK_SCSV));
    let mut puppet = Puppet::client(part.clone(), house.server(Policy::MODERN));
    puppet.says(&[Say::ClientHello]);
    let words = ["fell back", "RFC 7507"];
    refused(&puppet, Misbehaved::InappropriateFallback, Alert::inappropriate_fallback, &words);
    let mut puppet = Puppet::client(part, house.server(Policy::MODERN.with_versions(&[V12])));
    puppet.says(&[Say::ClientHello]);
    assert_eq!(puppet.error, None);
}

#[test]
fn sha1() {
    let house = House::new();
    let sha1 = [SignatureScheme::ecdsa_sha1, SignatureScheme::rsa_pkcs1_sha1];
    // A client that verifies nothing better; and one that says nothing, which means SHA-1 (RFC 5246 section 7.4.1.4.1).
    let part = house.ec.clone().but(|part| part.schemes = sha1.to_vec());
    let mut puppet = Puppet::client(part.clone(), house.server(Policy::MODERN));
    puppet.says(&[Say::ClientHello]);
    incompatible(&puppet, Alert::handshake_failure, &["no common signature scheme", "ecdsa_sha1"]);
    let mut puppet = Puppet::client(house.ec.clone(), house.server(Policy::MODERN));
    let hello = puppet.make(Say::ClientHello);
    let gone = ExtensionType::SIGNATURE_ALGORITHMS;
    puppet.message(&change_client_hello(&hello, |block| without_extension(block, gone)));
    incompatible(&puppet, Alert::handshake_failure, &["no common signature scheme"]);
    // A server that signs with it, or with whatever else was not offered.
    let unoffered = [SignatureScheme::ecdsa_sha1, SignatureScheme(0x0101), SignatureScheme::ed448];
    for scheme in unoffered {
        let sign = |part: Part| part.but(|part| part.scheme = Some(scheme));
        let mut puppet = Puppet::server(sign(house.ec.clone()), house.client(Policy::MODERN));
        puppet.says(&TO_DONE);
        let words = ["signed with a scheme that was not offered", "RFC 9846"];
        refused(&puppet, Misbehaved::UnofferedScheme, Alert::illegal_parameter, &words);
        let mut puppet = Puppet::server(sign(house.tls13()), house.client(Policy::MODERN));
        puppet.says(&[Say::ServerHello, Say::EncryptedExtensions, Say::Certificate, Say::CertificateVerify]);
        refused(&puppet, Misbehaved::UnofferedScheme, Alert::illegal_parameter, &words);
    }
}

#[test]
fn certificates_with_small_rsa_keys() {
    let read =
        |name: &str| std::fs::read(format!("{}/testdata/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let key = PrivateKeyDer::try_from(read("rsa1024.pk8.der")).unwrap();
    let authority = Authority::new();
    let chain = authority.issue_for_rsa(&read("rsa1024.spki.der"), &["localhost"]);
    // As a server's own it is refused before any connection.
    let error = Credential::new(chain.clone(), key.clone_key()).unwrap_err();
    assert!(error.to_string().contains("1024") && error.to_string().contains("2048"), "{error}");
    for part in [Part::named(V12, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), Part::tls13()] {
        let part = part.with_chain(chain.clone(), key.clone_key());
        let mut puppet = Puppet::server(part, client_config(&authority, |builder| builder));
        puppet.says(&[Say::ServerHello]);
        if puppet.part.version == V13 {
            puppet.says(&[Say::EncryptedExtensions]);
        }
        puppet.says(&[Say::Certificate]);
        let error = Untrusted::WeakKey { bits: 1024 };
        assert!(error.remedy().contains("2048 bits or more"));
        refused(&puppet, error, Alert::unsupported_certificate, &["1024"]);
    }
}

/// The values that a hostile peer puts on a curve: no point, and points of small order.
#[test]
fn points_that_are_none() {
    let house = House::new();
    let mut twist = vec![5; 65];
    twist[0] = 4;
    let order = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    let x25519 = [
        vec![0; 32],
        [vec![1], vec![0; 31]].concat(),
        order("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        order("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        order("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        order("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        order("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        vec![9; 31],
        vec![9; 33],
    ];
    let p256 = [
        twist,
        vec![0],
        vec![4],
        [vec![2], vec![7; 32]].concat(),
        [vec![4], vec![0; 64]].concat(),
        vec![4; 64],
    ];
    let all = x25519.map(|bad| (NamedGroup::x25519, bad)).into_iter();
    for (group, bad) in all.chain(p256.map(|bad| (NamedGroup::secp256r1, bad))) {
        let what = format!("{group} {bad:02x?}");
        let policy = Policy::MODERN.with_groups(&[group, NamedGroup::secp256r1]);
        let share = KeyShareEntry { group, key_exchange: &bad };
        let part = house.tls13().but(|part| part.group = group);
        let mut puppet = Puppet::server(part.clone(), house.client(policy.clone()));
        let hello = puppet.make(Say::ServerHello);
        puppet.message(&change_server_hello(&hello, |block| {
            with_extension(block, &extension::KeyShareServerHello { server_share: share })
        }));
        assert_eq!(puppet.alert(), Some(Alert::illegal_parameter), "{what}");
        let mut puppet = Puppet::client(part, house.server(policy.clone()));
        let hello = puppet.make(Say::ClientHello);
        puppet.message(&change_client_hello(&hello, |block| {
            with_extension(block, &extension::KeyShareClientHello { client_shares: List::from(&[share]) })
        }));
        assert_eq!(puppet.alert(), Some(Alert::illegal_parameter), "{what}");
        let part = house.ec.clone().but(|part| {
            part.group = group;
            part.reply = Some((bad.clone(), vec![1; 32]));
        });
        let mut puppet = Puppet::client(part, house.server(policy));
        puppet.says(&[Say::ClientHello, Say::ClientKeyExchange]);
        refused(&puppet, Misbehaved::BadPoint, Alert::illegal_parameter, &["not a valid point"]);
    }
}

/// Of these three bytes nothing can be made: too long for some extensions, too short for the others.
const NO_FORM: [u8; 3] = [1, 0xff, 0xff];

/// The victim could not read what it was sent.
#[track_caller]
fn malformed(puppet: &Puppet, what: impl std::fmt::Debug) {
    assert!(matches!(puppet.error, Some(Error::Malformed(_))), "{what:?}: {:?}", puppet.error);
    assert_eq!(puppet.alert(), Some(Alert::decode_error), "{what:?}");
}

/// RFC 9846 section 6.2: what cannot be parsed is a decode_error, also where the handshake would not have looked.
#[test]
fn malformed_extensions_of_no_use() {
    const OF_TLS12: [ExtensionType; 4] = [
        ExtensionType::EC_POINT_FORMATS,
        ExtensionType::EXTENDED_MASTER_SECRET,
        ExtensionType::ENCRYPT_THEN_MAC,
        ExtensionType::RENEGOTIATION_INFO,
    ];
    const OF_TLS13: [ExtensionType; 5] = [
        ExtensionType::PSK_KEY_EXCHANGE_MODES,
        ExtensionType::COOKIE,
        ExtensionType::POST_HANDSHAKE_AUTH,
        ExtensionType::KEY_SHARE,
        ExtensionType::EARLY_DATA,
    ];
    const OF_BOTH: [ExtensionType; 5] = [
        ExtensionType::STATUS_REQUEST,
        ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
        ExtensionType::SIGNATURE_ALGORITHMS_CERT,
        ExtensionType::TICKET_REQUEST,
        ExtensionType::COMPRESS_CERTIFICATE,
    ];
    let house = House::new();
    for part in [house.tls13(), house.ec.clone()] {
        for useless in OF_TLS12.into_iter().chain(OF_TLS13).chain(OF_BOTH) {
            let mut puppet = Puppet::client(part.clone(), house.server(Policy::MODERN));
            let hello = change_client_hello(&puppet.make(Say::ClientHello), |block| {
                let mut block = without_extension(block, useless);
                push_encoded(&mut block, useless, &NO_FORM);
                block
            });
            puppet.say_bytes(Say::ClientHello, &hello);
            malformed(&puppet, useless);
            let records = [&[22, 3, 1][..], &(hello.len() as u16).to_be_bytes(), &hello].concat();
            let refused = Acceptor::new().receive(&records, &mut Output::new()).map(|_| ());
            assert_eq!(refused.err(), puppet.error, "{useless} at an acceptor");
        }
    }
}

/// The same at a client, which a server asks for a certificate that it does not have.
#[test]
fn malformed_extensions_of_a_certificate_request() {
    let house = House::new();
    for useless in [ExtensionType::SIGNATURE_ALGORITHMS_CERT, ExtensionType::OID_FILTERS] {
        let mut puppet = Puppet::server(house.tls13(), house.client(Policy::MODERN));
        puppet.says(&[Say::ServerHello, Say::EncryptedExtensions]);
        let mut request = puppet.make(Say::CertificateRequest);
        let mut block = CertificateRequest13::decode(&request[4..]).unwrap().extensions.encoded().to_vec();
        push_encoded(&mut block, useless, &NO_FORM);
        let extensions = Extensions::from_encoded(&block);
        request.clear();
        handshake::encode(
            &CertificateRequest13 { certificate_request_context: &[], extensions },
            &mut request,
        );
        puppet.say_bytes(Say::CertificateRequest, &request);
        malformed(&puppet, useless);
    }
}
