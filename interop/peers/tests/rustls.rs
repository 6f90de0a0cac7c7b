//! rustls as the peer, in memory and over sockets. It has the hybrid group, which OpenSSL 3.0 lacks.
mod with_rustls;

use premaster::{
    ClientConfig, Policy, ServerConfig, Stream,
    config::ClientAuthentication,
    identity::{Credential, Credentials},
    wire::{NamedGroup, ProtocolVersion},
};
use premaster_interop::{Authority, Case, Key, Listener, connect, noise};
use std::{
    io::{Read, Write},
    sync::Arc,
    thread,
};
use with_rustls::{GROUPS, Pair, provider, rustls_client, rustls_server};

fn our_client(authority: &Authority, policy: Policy, credential: Option<&Arc<Credential>>) -> ClientConfig {
    let builder = ClientConfig::builder().policy(policy).verifier(authority.verifier()).alpn(["http/1.1"]);
    let builder = match credential {
        Some(credential) => builder.credentials(Credentials::always(credential.clone())),
        None => builder,
    };
    builder.build().unwrap()
}

fn our_server(
    authority: &Authority,
    policy: Policy,
    credential: &Arc<Credential>,
    authenticate: bool,
) -> ServerConfig {
    let builder = ServerConfig::builder().policy(policy).credentials(Credentials::always(credential.clone()));
    let builder = match authenticate {
        true => builder.client_authentication(ClientAuthentication::Required(authority.verifier().into())),
        false => builder,
    };
    builder.alpn(["http/1.1"]).build().unwrap()
}

/// The curve of a certificate's key.
fn certified_curve(key: Key) -> Option<NamedGroup> {
    match key {
        Key::P256 => Some(NamedGroup::secp256r1),
        Key::P384 => Some(NamedGroup::secp384r1),
        Key::P521 => Some(NamedGroup::secp521r1),
        _ => None,
    }
}

fn every_suite_and_group(key: Key) {
    let authority = Authority::new();
    let issued = authority.issue(key);
    let credential = Arc::new(issued.credential());
    let client_issued = authority.issue(Key::Ed25519);
    let client_credential = Arc::new(client_issued.credential());
    let cases: Vec<Case> = Case::all(&Policy::MODERN, key, &GROUPS);
    assert!(cases.len() >= 21, "{}", cases.len());
    for case in cases {
        let provider = provider(&[case.suite.code.0], &[case.group]);
        for (authenticate, at_once) in [(false, usize::MAX), (true, usize::MAX), (true, 1)] {
            let what = format!("{case:?}, client certificate: {authenticate}, {at_once} bytes at once");
            let theirs = rustls_server(&authority, provider.clone(), case.version(), &issued, authenticate);
            let certificate = authenticate.then_some(&client_credential);
            let ours = our_client(&authority, case.client_policy(Policy::MODERN), certificate);
            let mut pair = Pair::client(ours, Arc::new(theirs), at_once).handshake(&what);
            assert_eq!(pair.theirs.peer_certificates().is_some(), authenticate, "{what}");
            pair.exchange(b"some data");
            pair.close();

            // A TLS 1.2 client must support the curve of the certificate too (RFC 8422 section 5.3).
            let mut groups = vec![case.group];
            groups.extend(certified_curve(key).filter(|curve| *curve != case.group));
            if case.version() == ProtocolVersion::TLS_1_2 && groups.contains(&NamedGroup::secp521r1) {
                continue; // which rustls does not
            }
            groups.retain(|group| GROUPS.contains(group));
            let provider = self::provider(&[case.suite.code.0], &groups);
            let certificate = authenticate.then_some(&client_issued);
            let theirs = rustls_client(&authority, provider, case.version(), certificate);
            let ours = our_server(&authority, case.policy(Policy::MODERN), &credential, authenticate);
            let mut pair = Pair::server(ours, Arc::new(theirs), at_once).handshake(&what);
            assert_eq!(pair.ours.info().unwrap().peer.is_some(), authenticate, "{what}");
            pair.exchange(b"some data");
            pair.close();
        }
    }
}

#[test]
fn every_suite_and_group_with_rsa() {
    every_suite_and_group(Key::Rsa2048);
}

#[test]
fn every_suite_and_group_with_p256() {
    every_suite_and_group(Key::P256);
}

#[test]
fn every_suite_and_group_with_p384() {
    every_suite_and_group(Key::P384);
}

#[test]
fn every_suite_and_group_with_p521() {
    every_suite_and_group(Key::P521);
}

#[test]
fn every_suite_and_group_with_ed25519() {
    every_suite_and_group(Key::Ed25519);
}

#[test]
fn hybrid_over_p256() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let group = NamedGroup::SecP256r1MLKEM768;
    let (version, provider) = (ProtocolVersion::TLS_1_3, provider(&[], &[group]));
    let policy = Policy::COMPATIBLE.with_groups(&[group]);
    let theirs = rustls_server(&authority, provider.clone(), version, &issued, false);
    let ours = our_client(&authority, policy.clone(), None);
    Pair::client(ours, Arc::new(theirs), usize::MAX).handshake("client").close();
    let theirs = rustls_client(&authority, provider, version, None);
    let ours = our_server(&authority, policy, &Arc::new(issued.credential()), false);
    Pair::server(ours, Arc::new(theirs), usize::MAX).handshake("server").close();
}

#[test]
fn hello_retry_request() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let credential = Arc::new(issued.credential());
    let version = ProtocolVersion::TLS_1_3;
    for wanted in GROUPS {
        for offered in GROUPS.into_iter().filter(|offered| *offered != wanted) {
            for at_once in [usize::MAX, 1] {
                let what = format!("{offered}, then {wanted}");
                let policy = Policy::MODERN.with_groups(&[offered, wanted]);
                let theirs = rustls_server(&authority, provider(&[], &[wanted]), version, &issued, false);
                let ours = our_client(&authority, policy, None);
                let mut pair = Pair::client(ours, Arc::new(theirs), at_once).handshake(&what);
                assert!(pair.ours.info().unwrap().hello_retry, "{what}");
                pair.exchange(b"some data");
                pair.close();

                // rustls sends a share for the curve in its first, hybrid group as well.
                let free = offered == NamedGroup::X25519MLKEM768 && wanted == NamedGroup::x25519;
                let theirs = rustls_client(&authority, provider(&[], &[offered, wanted]), version, None);
                let ours = our_server(&authority, Policy::MODERN.with_groups(&[wanted]), &credential, false);
                let mut pair = Pair::server(ours, Arc::new(theirs), at_once).handshake(&what);
                assert_eq!(pair.ours.info().unwrap().hello_retry, !free, "{what}");
                pair.exchange(b"some data");
                pair.close();
            }
        }
    }
}

#[test]
fn key_updates() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let version = ProtocolVersion::TLS_1_3;
    let provider = provider(&[], &GROUPS);
    let theirs = rustls_server(&authority, provider.clone(), version, &issued, false);
    let ours = our_client(&authority, Policy::MODERN, None);
    let client = Pair::client(ours, Arc::new(theirs), usize::MAX);
    let theirs = rustls_client(&authority, provider, version, None);
    let ours = our_server(&authority, Policy::MODERN, &Arc::new(issued.credential()), false);
    let server = Pair::server(ours, Arc::new(theirs), usize::MAX);
    for pair in [client, server] {
        let mut pair = pair.handshake("key updates");
        for round in 0..10 {
            pair.ours.update_keys(round % 2 == 0, &mut pair.output).unwrap();
            pair.exchange(b"after ours");
            pair.theirs.refresh_traffic_keys().unwrap();
            pair.exchange(&noise(40_000));
        }
        pair.close();
    }
}

#[test]
fn ten_megabytes_each_way_over_sockets() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let content = Arc::new(noise(10 << 20));
    let listener = Listener::bind();
    for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
        let policy = Policy::MODERN.with_versions(&[version]);
        // Our client sends all, rustls' server sends it back.
        let theirs = rustls_server(&authority, provider(&[], &GROUPS), version, &issued, false);
        let ours = Arc::new(our_client(&authority, policy.clone(), None));
        let (port, sent) = (listener.port(), content.clone());
        let client = thread::spawn(move || {
            let mut stream = Stream::connect(ours, "localhost".try_into().unwrap(), connect(port)).unwrap();
            let mut echoed = vec![0; sent.len()];
            stream.write_all(&sent).unwrap();
            stream.read_exact(&mut echoed).unwrap();
            stream.close().unwrap();
            assert!(echoed == *sent);
        });
        let connection = rustls::ServerConnection::new(Arc::new(theirs)).unwrap();
        echo(rustls::StreamOwned::new(connection, listener.accept()), content.len());
        client.join().unwrap();

        // And the other way round.
        let theirs = Arc::new(rustls_client(&authority, provider(&[], &GROUPS), version, None));
        let ours = our_server(&authority, policy, &Arc::new(issued.credential()), false);
        let sent = content.clone();
        let client = thread::spawn(move || {
            let connection = rustls::ClientConnection::new(theirs, "localhost".try_into().unwrap()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, connect(port));
            let mut echoed = vec![0; sent.len()];
            stream.write_all(&sent).unwrap();
            stream.flush().unwrap();
            stream.read_exact(&mut echoed).unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
            assert!(echoed == *sent);
        });
        echo(Stream::accept(Arc::new(ours), listener.accept()).unwrap(), content.len());
        client.join().unwrap();
    }
}

/// Takes everything, and only then sends it back: neither side has to read while it writes.
fn echo(mut stream: impl Read + Write, len: usize) {
    let mut received = vec![0; len];
    stream.read_exact(&mut received).unwrap();
    stream.write_all(&received).unwrap();
    stream.flush().unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}
