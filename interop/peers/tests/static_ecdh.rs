//! Static ECDH (RFC 8422 section 2) with Mbed TLS 2.28, in both roles.
#![cfg(feature = "legacy")]
use premaster::{
    ClientConfig, Info, Policy, ServerConfig, Stream,
    config::{LegacyOptIn, is_fenced},
    identity::Credentials,
    suite::{Authentication, KeyExchange, Protection, Suite},
    wire::{NamedGroup, ProtocolVersion},
};
use premaster_interop::{Authority, Issued, Key, Listener, Program, connect, need};
use std::{
    io::{BufRead, BufReader, Write},
    sync::Arc,
};

/// Every suite with static ECDH.
fn suites() -> impl Iterator<Item = &'static Suite> {
    Suite::ALL.iter().filter(|suite| suite.key_exchange == KeyExchange::Ecdh)
}

/// The same suite in Mbed TLS' words: IANA's with hyphens.
fn theirs(suite: &Suite) -> String {
    suite.name().replace('_', "-")
}

const CURVES: [(Key, NamedGroup); 3] = [
    (Key::P256, NamedGroup::secp256r1),
    (Key::P384, NamedGroup::secp384r1),
    (Key::P521, NamedGroup::secp521r1),
];

/// The two authorities, and a key that agrees for years, certified by each.
struct House {
    ecdsa: Authority,
    rsa: Authority,
}

impl House {
    fn new() -> Self {
        Self { ecdsa: Authority::new(), rsa: Authority::with_key(Key::Rsa2048) }
    }

    /// The suite's authentication is the signature in the certificate.
    fn authority(&self, suite: &Suite) -> &Authority {
        match suite.authentication {
            Authentication::Rsa => &self.rsa,
            _ => &self.ecdsa,
        }
    }
}

fn issue(authority: &Authority, key: Key) -> Issued {
    authority.issue_with(key, "localhost", |params| {
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyAgreement];
    })
}

fn policy(suite: &Suite) -> Policy {
    assert!(is_fenced(suite));
    Policy::LEGACY.with_versions(&[ProtocolVersion::TLS_1_2]).with_cipher_suites(&[suite.code])
}

fn opt_in() -> LegacyOptIn {
    LegacyOptIn::for_every_peer("a test of static ECDH")
}

fn check(info: &Info, suite: &Suite) {
    assert_eq!(info.suite, suite);
    assert!(!info.forward_secret && info.extended_master_secret);
    // Mbed TLS has encrypt-then-MAC, and both sides want it.
    assert_eq!(info.encrypt_then_mac, matches!(suite.protection, Protection::Cbc { .. }));
}

#[test]
fn every_suite_as_client() {
    need!(MbedTls);
    let house = House::new();
    for suite in suites() {
        for (key, group) in CURVES {
            let authority = house.authority(suite);
            let issued = issue(authority, key);
            let files = [authority.file(), issued.certificate_file, issued.key_file];
            let arguments = ["server".into(), theirs(suite).into()]
                .into_iter()
                .chain(files.map(std::ffi::OsString::from));
            let server = Program::MbedTls.run_script("mbedtls_peer.py", arguments);
            let port = server.wait_for_line("ACCEPT ").parse().unwrap();
            let config = ClientConfig::builder()
                .policy(policy(suite))
                .verifier(authority.verifier())
                .allow_legacy(opt_in())
                .build()
                .unwrap();
            let stream = Stream::connect(Arc::new(config), "localhost".try_into().unwrap(), connect(port))
                .unwrap_or_else(|error| panic!("{} {group}: {error}", suite.name()));
            let info = stream.connection().info().unwrap().clone();
            check(&info, suite);
            assert_eq!(info.group, Some(group));
            let mut stream = BufReader::new(stream);
            stream.get_mut().write_all(b"from premaster\n").unwrap();
            // It closes the transport without a close_notify; the line is whole all the same.
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert_eq!(line, "retsamerp morf\n");
            assert_eq!(server.wait_for_line("SUITE "), theirs(suite));
        }
    }
}

#[test]
fn every_suite_as_server() {
    need!(MbedTls);
    let house = House::new();
    let listener = Listener::bind();
    for suite in suites() {
        for (key, _) in CURVES {
            let authority = house.authority(suite);
            let config = ServerConfig::builder()
                .policy(policy(suite))
                .credentials(Credentials::always(issue(authority, key).credential()))
                .allow_legacy(opt_in())
                .build()
                .unwrap();
            let (ca, port) = (authority.file(), listener.port().to_string());
            let arguments = ["client", &theirs(suite), ca.to_str().unwrap(), &port];
            let client = Program::MbedTls.run_script("mbedtls_peer.py", arguments);
            let stream = Stream::accept(Arc::new(config), listener.accept())
                .unwrap_or_else(|error| panic!("{} {key:?}: {error}", suite.name()));
            check(stream.connection().info().unwrap(), suite);
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert_eq!(line, "from Mbed TLS\n");
            stream.get_mut().write_all(b"from premaster\n").unwrap();
            client.wait_for_line("RECEIVED from premaster");
            stream.get_mut().close().unwrap();
            assert_eq!(client.wait_for_line("SUITE "), theirs(suite));
        }
    }
}
