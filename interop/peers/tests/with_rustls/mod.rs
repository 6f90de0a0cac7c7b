//! rustls at the other end of a connection in memory.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]
use premaster::{
    ClientConfig, Connection, Content, Output, ServerConfig,
    wire::{NamedGroup, ProtocolVersion},
};
use premaster_interop::{Authority, Issued};
use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    server::WebPkiClientVerifier,
};
use std::{
    io::{self, Read, Write},
    sync::Arc,
};

pub const GROUPS: [NamedGroup; 4] =
    [NamedGroup::X25519MLKEM768, NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1];

/// rustls, cut down to these suites (all if there are none) and groups.
pub fn provider(suites: &[u16], groups: &[NamedGroup]) -> Arc<CryptoProvider> {
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

pub fn versions(version: ProtocolVersion) -> [&'static rustls::SupportedProtocolVersion; 1] {
    match version {
        ProtocolVersion::TLS_1_3 => [&rustls::version::TLS13],
        _ => [&rustls::version::TLS12],
    }
}

pub fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    Arc::new(roots)
}

pub fn rustls_client(
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

pub fn rustls_server(
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
pub struct Pair {
    pub ours: Connection,
    pub output: Output,
    pub input: Vec<u8>,
    pub received: Vec<u8>,
    /// What rustls received. It keeps a bounded buffer only, so that it is emptied as it fills.
    pub arrived: Vec<u8>,
    pub closed: bool,
    pub theirs: rustls::Connection,
    /// How many bytes arrive at once, at either end.
    pub at_once: usize,
}

impl Pair {
    pub fn client(config: ClientConfig, theirs: Arc<rustls::ServerConfig>, at_once: usize) -> Self {
        let mut output = Output::new();
        let name = "localhost".try_into().unwrap();
        let ours = Connection::client(Arc::new(config), name, &mut output).unwrap();
        let theirs = rustls::ServerConnection::new(theirs).unwrap().into();
        Self::new(ours, output, theirs, at_once)
    }

    pub fn server(config: ServerConfig, theirs: Arc<rustls::ClientConfig>, at_once: usize) -> Self {
        let ours = Connection::server(Arc::new(config));
        let name = "localhost".try_into().unwrap();
        let theirs = rustls::ClientConnection::new(theirs, name).unwrap().into();
        Self::new(ours, Output::new(), theirs, at_once)
    }

    pub fn new(ours: Connection, output: Output, theirs: rustls::Connection, at_once: usize) -> Self {
        let (input, received, arrived) = (Vec::new(), Vec::new(), Vec::new());
        Self { ours, output, input, received, arrived, closed: false, theirs, at_once }
    }

    /// Carries bytes both ways until nothing moves.
    pub fn run(&mut self) {
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

    pub fn drain(&mut self) {
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

    pub fn take(&mut self, bytes: &[u8]) {
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

    pub fn handshake(mut self, what: &str) -> Self {
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
    pub fn exchange(&mut self, data: &[u8]) {
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

    pub fn close(mut self) {
        self.ours.close(&mut self.output);
        self.theirs.send_close_notify();
        self.run();
        assert!(self.closed);
        self.ours.end_of_input().unwrap();
        assert_eq!(self.theirs.reader().read(&mut [0]).unwrap(), 0);
    }
}
