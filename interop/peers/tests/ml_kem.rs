//! ML-KEM, by itself and beside an elliptic curve, with OpenSSL 3.5, which Node.js brings along, in both roles.
use premaster::{
    ClientConfig, Policy, ServerConfig, Stream,
    identity::Credentials,
    suite::Suite,
    wire::{NamedGroup, ProtocolVersion},
};
use premaster_interop::{Authority, Key, Listener, Process, Program, connect, need, openssl::reversed};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    sync::Arc,
};

/// The hybrids, and ML-KEM by itself.
const GROUPS: [NamedGroup; 5] = [
    NamedGroup::X25519MLKEM768,
    NamedGroup::SecP256r1MLKEM768,
    NamedGroup::SecP384r1MLKEM1024,
    NamedGroup::MLKEM768,
    NamedGroup::MLKEM1024,
];
/// One suite for each hash of the key schedule.
const SUITES: [&str; 2] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];

fn policy(suite: &Suite, groups: &[NamedGroup]) -> Policy {
    Policy::COMPATIBLE
        .with_versions(&[ProtocolVersion::TLS_1_3])
        .with_cipher_suites(&[suite.code])
        .with_groups(groups)
}

fn suites() -> impl Iterator<Item = &'static Suite> {
    SUITES.into_iter().filter_map(Suite::parse)
}

fn text(path: &Path) -> String {
    path.to_str().expect("the directory's name is text").to_owned()
}

/// Node's server, which has this group alone.
fn server(authority: &Authority, group: NamedGroup) -> (Process, u16) {
    let issued = authority.issue(Key::P256);
    let (certificate, key) = (text(&issued.certificate_file), text(&issued.key_file));
    let process =
        Program::Node.run_script("node_peer.js", ["server", &group.to_string(), &certificate, &key]);
    let port = process.wait_for_line("ACCEPT ").parse().unwrap();
    (process, port)
}

fn client_config(authority: &Authority, policy: Policy) -> Arc<ClientConfig> {
    Arc::new(ClientConfig::builder().policy(policy).verifier(authority.verifier()).build().unwrap())
}

#[test]
fn every_group_as_client() {
    need!(Node);
    let authority = Authority::new();
    for group in GROUPS {
        let (process, port) = server(&authority, group);
        for suite in suites() {
            let config = client_config(&authority, policy(suite, &[group]));
            let stream = Stream::connect(config, "localhost".try_into().unwrap(), connect(port));
            let stream = stream.unwrap_or_else(|error| panic!("{group}: {error}"));
            let info = stream.connection().info().unwrap();
            assert_eq!((info.suite, info.group), (suite, Some(group)));
            reversed(stream).unwrap();
            process.wait_for_line(&format!("ESTABLISHED TLSv1.3 {}", suite.name()));
        }
    }
}

/// A client that sends a share for another group first, and is asked again.
#[test]
fn every_group_after_a_second_hello() {
    need!(Node);
    let authority = Authority::new();
    for group in GROUPS {
        let (_process, port) = server(&authority, group);
        let policy = policy(Suite::parse(SUITES[0]).unwrap(), &[NamedGroup::x25519, group]);
        let config = client_config(&authority, policy);
        let stream = Stream::connect(config, "localhost".try_into().unwrap(), connect(port)).unwrap();
        let info = stream.connection().info().unwrap();
        assert!(info.hello_retry && info.group == Some(group), "{group}");
        reversed(stream).unwrap();
    }
}

#[test]
fn every_group_as_server() {
    need!(Node);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    let ca = text(&authority.file());
    for group in GROUPS {
        for suite in suites() {
            let port = listener.port().to_string();
            let client = Program::Node.run_script("node_peer.js", ["client", &port, &group.to_string(), &ca]);
            let config = ServerConfig::builder()
                .policy(policy(suite, &[group]))
                .credentials(Credentials::always(credential.clone()))
                .build()
                .unwrap();
            let stream = Stream::accept(Arc::new(config), listener.accept())
                .unwrap_or_else(|error| panic!("{group}: {error}\n{}", client.written().text()));
            let info = stream.connection().info().unwrap();
            assert_eq!((info.suite, info.group, info.hello_retry), (suite, Some(group), false));
            let mut stream = BufReader::new(stream);
            stream.get_mut().write_all(b"from the server\n").unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert_eq!(line, "revres eht morf\n");
            stream.get_mut().close().unwrap();
            drop(stream);
            let written = client.wait().written;
            let established = format!("ESTABLISHED TLSv1.3 {}", suite.name());
            assert!(written.line(&established).is_some(), "{}", written.text());
        }
    }
}
