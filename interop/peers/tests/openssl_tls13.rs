//! What TLS 1.3 has beyond the modern policy, with OpenSSL in both roles: finite fields, CCM, external pre-shared
//! keys.
use premaster::{
    ClientConfig, Info, Policy, Secret, ServerConfig, Stream,
    identity::{Credentials, ExternalPsk, PskSource},
    suite::Suite,
    wire::{NamedGroup, ProtocolVersion},
};
use premaster_interop::{
    Authority, Issued, Key, Listener, connect, need,
    openssl::{self, CURVES, Client, FINITE_FIELDS, converse, group_name, reversed},
};
use std::sync::Arc;

const PSK: [u8; 32] = [0xa5; 32];
const PSK_HEX: &str = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";
const IDENTITY: &str = "a name";
const SUITES: [&str; 5] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
];

/// Every suite over each of these groups; of the larger finite fields one will do.
fn cases() -> impl Iterator<Item = (&'static Suite, NamedGroup)> {
    let large = [NamedGroup::ffdhe6144, NamedGroup::ffdhe8192];
    SUITES.into_iter().enumerate().flat_map(move |(nth, name)| {
        let suite = Suite::parse(name).unwrap();
        let groups = CURVES.into_iter().chain(FINITE_FIELDS);
        groups.filter(move |group| nth == 0 || !large.contains(group)).map(move |group| (suite, group))
    })
}

fn policy(suite: &Suite, groups: &[NamedGroup]) -> Policy {
    Policy::LEGACY
        .with_versions(&[ProtocolVersion::TLS_1_3])
        .with_cipher_suites(&[suite.code])
        .with_groups(groups)
}

/// `s_server` for every suite and these groups.
fn start_server(issued: &Issued, groups: &[NamedGroup], arguments: &[&str]) -> openssl::Server {
    let suites = SUITES.join(":");
    let groups = groups.iter().copied().map(group_name).collect::<Vec<_>>().join(":");
    let mut all = vec!["-rev", "-tls1_3", "-ciphersuites", &suites, "-groups", &groups];
    all.extend(arguments);
    openssl::Server::start(issued, &all)
}

/// `s_client` for this suite and these groups.
fn start_client(authority: &Authority, port: u16, suite: &Suite, group: NamedGroup) -> Client {
    Client::new(authority, port).version(ProtocolVersion::TLS_1_3).arguments(&[
        "-brief",
        "-ciphersuites",
        suite.name(),
        "-groups",
        group_name(group),
    ])
}

fn check(info: &Info, suite: &Suite, group: Option<NamedGroup>, psk: bool) {
    let what = format!("{} {group:?}", suite.name());
    assert_eq!((info.suite, info.group), (suite, group), "{what}");
    assert_eq!(info.forward_secret, group.is_some(), "{what}");
    assert_eq!(info.external_psk.as_deref(), psk.then_some(IDENTITY.as_bytes()), "{what}");
}

/// The suite that `s_server` wrote for its connection number `nth`.
fn nth_suite(server: &openssl::Server, nth: usize) -> String {
    server.process.wait_for("suite of this connection", |written| {
        let text = written.text();
        text.lines().filter_map(|line| line.strip_prefix("Ciphersuite: ")).nth(nth).map(str::to_owned)
    })
}

fn psk() -> Arc<ExternalPsk> {
    Arc::new(ExternalPsk::new(IDENTITY, Secret::from(&PSK[..])))
}

#[test]
fn every_suite_and_group_as_client() {
    need!(OpenSsl);
    let authority = Authority::new();
    let groups: Vec<_> = CURVES.into_iter().chain(FINITE_FIELDS).collect();
    let server = start_server(&authority.issue(Key::P256), &groups, &[]);
    for (nth, (suite, group)) in cases().enumerate() {
        let config = ClientConfig::builder()
            .policy(policy(suite, &[group]))
            .verifier(authority.verifier())
            .build()
            .unwrap();
        let name = "localhost".try_into().unwrap();
        let stream = Stream::connect(Arc::new(config), name, connect(server.port)).unwrap();
        let info = stream.connection().info().unwrap().clone();
        check(&info, suite, Some(group), false);
        assert!(info.peer.is_some_and(|peer| peer.is_verified()));
        reversed(stream).unwrap();
        assert_eq!(nth_suite(&server, nth), suite.name());
    }
}

#[test]
fn every_suite_and_group_as_server() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    for (suite, group) in cases() {
        let config = ServerConfig::builder()
            .policy(policy(suite, &[group]))
            .credentials(Credentials::always(credential.clone()))
            .build()
            .unwrap();
        let client = start_client(&authority, listener.port(), suite, group).start();
        let stream = Stream::accept(Arc::new(config), listener.accept()).unwrap();
        check(stream.connection().info().unwrap(), suite, Some(group), false);
        let written = converse(stream, client).written;
        assert_eq!(written.line("Ciphersuite:").as_deref(), Some(suite.name()));
        assert_eq!(written.line("Verification:").as_deref(), Some("OK"));
    }
}

/// The suites that OpenSSL's command uses a pre-shared key with: it takes the key for one of SHA-256.
fn psk_cases() -> impl Iterator<Item = (&'static Suite, NamedGroup)> {
    let groups = [NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::ffdhe2048];
    let suites = SUITES.into_iter().filter_map(Suite::parse);
    let suites = suites.filter(|suite| suite.hash == premaster::crypto::hash::HashAlgorithm::Sha256);
    suites.flat_map(move |suite| groups.into_iter().map(move |group| (suite, group)))
}

#[test]
fn external_psk_as_client() {
    need!(OpenSsl);
    let authority = Authority::new();
    let groups: Vec<_> = CURVES.into_iter().chain(FINITE_FIELDS).collect();
    let arguments = ["-psk_identity", IDENTITY, "-psk", PSK_HEX];
    let server = start_server(&authority.issue(Key::P256), &groups, &arguments);
    for (nth, (suite, group)) in psk_cases().enumerate() {
        let config = ClientConfig::builder()
            .policy(policy(suite, &[group]))
            .verifier(authority.verifier())
            .external_psks([psk()])
            .build()
            .unwrap();
        let name = "localhost".try_into().unwrap();
        let stream = Stream::connect(Arc::new(config), name, connect(server.port)).unwrap();
        let info = stream.connection().info().unwrap().clone();
        check(&info, suite, Some(group), true);
        assert!(info.peer.is_none(), "the key is all that the server shows");
        reversed(stream).unwrap();
        assert_eq!(nth_suite(&server, nth), suite.name());
    }
}

#[test]
fn external_psk_as_server() {
    need!(OpenSsl);
    let authority = Authority::new();
    let listener = Listener::bind();
    for (suite, group) in psk_cases() {
        // No certificate: without the key there is no connection.
        let config = ServerConfig::builder()
            .policy(policy(suite, &[group]))
            .external_psks(PskSource::These(Arc::new([psk()])))
            .build()
            .unwrap();
        let client = start_client(&authority, listener.port(), suite, group)
            .arguments(&["-psk_identity", IDENTITY, "-psk", PSK_HEX])
            .start();
        let stream = Stream::accept(Arc::new(config), listener.accept()).unwrap();
        check(stream.connection().info().unwrap(), suite, Some(group), true);
        let written = converse(stream, client).written;
        assert_eq!(written.line("Ciphersuite:").as_deref(), Some(suite.name()));
    }
}

/// A pre-shared key and nothing else, once both sides permit it.
#[test]
fn psk_ke_as_client() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    // With a group in common OpenSSL would use it.
    let arguments = ["-psk_identity", IDENTITY, "-psk", PSK_HEX, "-allow_no_dhe_kex"];
    let server = start_server(&issued, &[NamedGroup::secp521r1], &arguments);
    for allow in [true, false] {
        let config = ClientConfig::builder()
            .policy(policy(Suite::parse("TLS_AES_128_GCM_SHA256").unwrap(), &[NamedGroup::x25519]))
            .verifier(authority.verifier())
            .external_psks([psk()])
            .allow_psk_ke(allow)
            .build()
            .unwrap();
        let name = "localhost".try_into().unwrap();
        let stream = Stream::connect(Arc::new(config), name, connect(server.port));
        match allow {
            true => {
                let stream = stream.unwrap();
                let info = stream.connection().info().unwrap();
                check(info, Suite::parse("TLS_AES_128_GCM_SHA256").unwrap(), None, true);
                reversed(stream).unwrap();
            }
            false => assert!(stream.is_err_and(|error| error.to_string().contains("handshake_failure"))),
        }
    }
}

/// OpenSSL's client offers both modes or the stronger one: it gets the stronger one, also from a server that permits
/// the other.
#[test]
fn psk_dhe_ke_is_preferred_as_server() {
    need!(OpenSsl);
    let authority = Authority::new();
    let listener = Listener::bind();
    let suite = Suite::parse("TLS_AES_128_GCM_SHA256").unwrap();
    let config = ServerConfig::builder()
        .policy(policy(suite, &[NamedGroup::x25519]))
        .external_psks(PskSource::These(Arc::new([psk()])))
        .allow_psk_ke(true)
        .build()
        .unwrap();
    let client = start_client(&authority, listener.port(), suite, NamedGroup::x25519)
        .arguments(&["-psk_identity", IDENTITY, "-psk", PSK_HEX, "-allow_no_dhe_kex"])
        .start();
    let stream = Stream::accept(Arc::new(config), listener.accept()).unwrap();
    check(stream.connection().info().unwrap(), suite, Some(NamedGroup::x25519), true);
    converse(stream, client);
}

/// What the importer of RFC 9258 makes is not what went into it: OpenSSL, which has no importer, cannot follow.
#[test]
fn an_imported_key_is_another_key() {
    need!(OpenSsl);
    let authority = Authority::new();
    let arguments = ["-psk_identity", IDENTITY, "-psk", PSK_HEX];
    let server = start_server(&authority.issue(Key::P256), &[NamedGroup::x25519], &arguments);
    let external = ExternalPsk::new(IDENTITY, Secret::from(&PSK[..]));
    let imported =
        ExternalPsk::import(&external, b"", premaster::crypto::hash::HashAlgorithm::Sha256).unwrap();
    let config = ClientConfig::builder()
        .policy(policy(Suite::parse("TLS_AES_128_GCM_SHA256").unwrap(), &[NamedGroup::x25519]))
        .verifier(authority.verifier())
        .external_psks([Arc::new(imported)])
        .build()
        .unwrap();
    let name = "localhost".try_into().unwrap();
    let stream = Stream::connect(Arc::new(config), name, connect(server.port)).unwrap();
    let info = stream.connection().info().unwrap().clone();
    assert!(info.external_psk.is_none() && info.peer.is_some_and(|peer| peer.is_verified()));
    reversed(stream).unwrap();
}
