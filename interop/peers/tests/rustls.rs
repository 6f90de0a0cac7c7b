//! rustls as the peer, in memory and over sockets. It has the hybrid group, which OpenSSL 3.0 lacks.
use premaster::{
    ClientConfig, Connection, Content, Output, Policy, ServerConfig, Stream,
    config::ClientAuthentication,
    identity::{Credential, Credentials},
    wire::{NamedGroup, ProtocolVersion},
};
use premaster_interop::{Authority, Case, Issued, Key, Listener, connect, noise};
use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    server::WebPkiClientVerifier,
};
use std::{
    io::{self, Read, Write},
    sync::Arc,
    thread,
};

const GROUPS: [NamedGroup; 4] =
    [NamedGroup::X25519MLKEM768, NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1];

/// rustls, cut down to these suites (all if there are none) and groups.
fn provider(suites: &[u16], groups: &[NamedGroup]) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        provider.cipher_suites.retain(|suite| suites.contains(&u16::from(suite.suite())));
    }
    let group = |group: &NamedGroup| -> &'static dyn SupportedKxGroup {
        match *group {
            NamedGroup::X25519MLKEM768 => aws_lc_rs::kx_group::X25519MLKEM768,
            NamedGroup::SecP256r1MLKEM768 => aws_lc_rs::kx_group::SECP256R1MLKEM768,
            NamedGroup::x25519 => aws_lc_rs::kx_group::X25519,
            NamedGroup::secp256r1 => aws_lc_rs::kx_group::SECP256R1,
            NamedGroup::secp384r1 => aws_lc_rs::kx_group::SECP384R1,
            other => panic!("rustls has no {other}"),
        }
    };
    provider.kx_groups = groups.iter().map(group).collect();
    Arc::new(provider)
}

fn versions(version: ProtocolVersion) -> [&'static rustls::SupportedProtocolVersion; 1] {
    match version {
        ProtocolVersion::TLS_1_3 => [&rustls::version::TLS13],
        _ => [&rustls::version::TLS12],
    }
}

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    Arc::new(roots)
}

fn rustls_client(
    authority: &Authority,
    provider: Arc<CryptoProvider>,
    version: ProtocolVersion,
    certificate: Option<&Issued>,
) -> rustls::ClientConfig {
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&versions(version)).unwrap();
    let builder = builder.with_root_certificates(roots(authority));
    let mut config = match certificate {
        Some(issued) => {
            builder.with_client_auth_cert(vec![issued.certificate.clone()], issued.private_key()).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn rustls_server(
    authority: &Authority,
    provider: Arc<CryptoProvider>,
    version: ProtocolVersion,
    issued: &Issued,
    authenticate: bool,
) -> rustls::ServerConfig {
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions(version)).unwrap();
    let builder = match authenticate {
        true => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(roots(authority), provider).build().unwrap(),
        ),
        false => builder.with_no_client_auth(),
    };
    let mut config =
        builder.with_single_cert(vec![issued.certificate.clone()], issued.private_key()).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Both ends, in memory.
struct Pair {
    ours: Connection,
    output: Output,
    input: Vec<u8>,
    received: Vec<u8>,
    /// What rustls received. It keeps a bounded buffer only, so that it is emptied as it fills.
    arrived: Vec<u8>,
    closed: bool,
    theirs: rustls::Connection,
    /// How many bytes arrive at once, at either end.
    at_once: usize,
}

impl Pair {
    fn client(config: ClientConfig, theirs: Arc<rustls::ServerConfig>, at_once: usize) -> Self {
        let mut output = Output::new();
        let name = "localhost".try_into().unwrap();
        let ours = Connection::client(Arc::new(config), name, &mut output).unwrap();
        let theirs = rustls::ServerConnection::new(theirs).unwrap().into();
        Self::new(ours, output, theirs, at_once)
    }

    fn server(config: ServerConfig, theirs: Arc<rustls::ClientConfig>, at_once: usize) -> Self {
        let ours = Connection::server(Arc::new(config));
        let name = "localhost".try_into().unwrap();
        let theirs = rustls::ClientConnection::new(theirs, name).unwrap().into();
        Self::new(ours, Output::new(), theirs, at_once)
    }

    fn new(ours: Connection, output: Output, theirs: rustls::Connection, at_once: usize) -> Self {
        let (input, received, arrived) = (Vec::new(), Vec::new(), Vec::new());
        Self { ours, output, input, received, arrived, closed: false, theirs, at_once }
    }

    /// Carries bytes both ways until nothing moves.
    fn run(&mut self) {
        loop {
            let to_them = self.output.as_slice().to_vec();
            self.output.clear();
            let mut to_us = Vec::new();
            while self.theirs.wants_write() {
                self.theirs.write_tls(&mut to_us).unwrap();
            }
            if to_them.is_empty() && to_us.is_empty() {
                return;
            }
            for mut bytes in to_them.chunks(self.at_once) {
                // After a close_notify it takes nothing any more.
                while !bytes.is_empty() && self.theirs.read_tls(&mut bytes).unwrap() > 0 {
                    self.theirs.process_new_packets().unwrap();
                    self.drain();
                }
            }
            for bytes in to_us.chunks(self.at_once) {
                self.take(bytes);
            }
        }
    }

    fn drain(&mut self) {
        let mut part = [0; 1 << 14];
        loop {
            match self.theirs.reader().read(&mut part) {
                Ok(0) => return,
                Ok(len) => self.arrived.extend_from_slice(&part[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while !self.input.is_empty() {
            let received = self.ours.receive(&mut self.input, &mut self.output).unwrap();
            match received.content {
                Content::Data(data) => self.received.extend_from_slice(data),
                Content::Closed => self.closed = true,
                Content::Progress => {}
                Content::NeedMore(_) => return,
                Content::Waiting => panic!("nothing here has to be waited for"),
            }
            let consumed = received.consumed;
            self.input.drain(..consumed);
        }
    }

    fn handshake(mut self, what: &str) -> Self {
        self.run();
        assert!(!self.ours.is_handshaking() && !self.theirs.is_handshaking(), "{what}: {:?}", self.ours);
        let info = self.ours.info().unwrap();
        assert!(info.extended_master_secret && info.forward_secret, "{what}");
        let suite = self.theirs.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(info.suite.code.0, u16::from(suite), "{what}");
        let group = self.theirs.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(info.group.unwrap().0, u16::from(group), "{what}");
        assert_eq!(info.alpn.as_deref(), Some(&b"http/1.1"[..]), "{what}");
        assert_eq!(self.theirs.alpn_protocol(), Some(&b"http/1.1"[..]), "{what}");
        for context in [None, Some(&b"context"[..])] {
            let (mut ours, mut theirs) = ([0; 77], [0; 77]);
            self.ours.export("EXPORTER-premaster", context, &mut ours).unwrap();
            self.theirs.export_keying_material(&mut theirs, b"EXPORTER-premaster", context).unwrap();
            assert_eq!(ours, theirs, "{what}");
        }
        self
    }

    /// Data both ways.
    fn exchange(&mut self, data: &[u8]) {
        self.received.clear();
        self.arrived.clear();
        self.ours.send(data, &mut self.output).unwrap();
        let mut left = data;
        while !left.is_empty() {
            left = &left[self.theirs.writer().write(left).unwrap()..];
            self.run();
        }
        assert!(self.arrived == data && self.received == data);
    }

    fn close(mut self) {
        self.ours.close(&mut self.output);
        self.theirs.send_close_notify();
        self.run();
        assert!(self.closed);
        self.ours.end_of_input().unwrap();
        assert_eq!(self.theirs.reader().read(&mut [0]).unwrap(), 0);
    }
}

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
