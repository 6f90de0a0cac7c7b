//! A simulated pair: a client, a server, and the link between them.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]
pub mod sessions;

use premaster::{
    ClientConfig, Connection, Content, Error, Output, ServerConfig,
    config::{ClientConfigBuilder, ServerConfigBuilder},
    crypto::hash::{self, HashAlgorithm},
    identity::{ChainVerifier, Credential, Credentials, Roots},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::sync::Arc;

/// The kind of key in a test certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Ed25519,
    Rsa2048,
}

/// A certificate authority that tests make for themselves.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub certificate: CertificateDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "premaster test authority");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap();
        let certificate = certificate.der().clone();
        Self { issuer: rcgen::Issuer::new(params, key), certificate }
    }

    pub fn verifier(&self) -> ChainVerifier {
        let mut roots = Roots::new();
        roots.add(&self.certificate).unwrap();
        ChainVerifier::new(roots)
    }

    pub fn issue(&self, key: Key, names: &[&str]) -> Arc<Credential> {
        self.issue_with(key, names, |_| {})
    }

    pub fn issue_with(
        &self,
        key: Key,
        names: &[&str],
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> Arc<Credential> {
        let (chain, key) = self.issue_der(key, names, change);
        Arc::new(Credential::new(chain, key).unwrap())
    }

    pub fn issue_der(
        &self,
        key: Key,
        names: &[&str],
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = key_pair(key);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "premaster test");
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        (vec![certificate.der().clone()], private)
    }
}

/// A credential without a certificate (RFC 7250), and the digest that a peer knows it by.
pub fn raw_public_key(key: Key) -> (Arc<Credential>, [u8; 32]) {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key_pair(key).serialize_der()));
    let credential = Credential::raw_public_key(key).unwrap();
    let digest = hash::digest(HashAlgorithm::Sha256, &[credential.leaf()]);
    let digest = digest.as_ref().try_into().unwrap();
    (Arc::new(credential), digest)
}

/// A public key that somebody else has the private half of.
struct ForeignKey {
    raw: Vec<u8>,
}

impl rcgen::PublicKeyData for ForeignKey {
    fn der_bytes(&self) -> &[u8] {
        &self.raw
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl Authority {
    /// A certificate for the RSA key of this SubjectPublicKeyInfo, which no library would generate any more.
    pub fn issue_for_rsa(&self, spki: &[u8], names: &[&str]) -> Vec<CertificateDer<'static>> {
        let key = premaster::identity::PublicKey::from_spki(spki).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = rcgen::CertificateParams::new(names).unwrap();
        let key = ForeignKey { raw: key.raw().to_vec() };
        vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()]
    }
}

fn key_pair(key: Key) -> rcgen::KeyPair {
    let algorithm = match key {
        Key::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        Key::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        Key::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
        Key::Ed25519 => &rcgen::PKCS_ED25519,
        Key::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
    };
    rcgen::KeyPair::generate_for(algorithm).unwrap()
}

pub fn client_config(
    authority: &Authority,
    change: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder().verifier(authority.verifier());
    Arc::new(change(builder).build().unwrap())
}

pub fn server_config(
    credential: Arc<Credential>,
    change: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder().credentials(Credentials::always(credential));
    Arc::new(change(builder).build().unwrap())
}

/// How bytes are delivered.
#[derive(Clone, Copy, Debug)]
pub enum Delivery {
    /// A flight at a time, several messages to a record.
    Whole,
    /// In the same records.
    ByteAtATime,
    /// Every message cut over several records, in the clear as under protection: both ends send with
    /// [`max_fragment`](Self::max_fragment).
    SplitRecords,
    /// What is in the clear with one message to a record.
    OneMessageARecord,
}

impl Delivery {
    pub const ALL: [Self; 4] = [Self::Whole, Self::ByteAtATime, Self::SplitRecords, Self::OneMessageARecord];

    /// What both ends have to be configured with. Even ServerHelloDone, which has four bytes, is cut.
    pub const fn max_fragment(self) -> usize {
        match self {
            Self::SplitRecords => 3,
            _ => 1 << 14,
        }
    }
}

/// One end, with its buffers.
pub struct End {
    pub connection: Connection,
    pub output: Output,
    pub input: Vec<u8>,
    pub received: Vec<u8>,
    /// How much of it came before the handshake was finished.
    pub early: usize,
    pub closed: bool,
}

impl End {
    pub fn new(connection: Connection, output: Output) -> Self {
        Self { connection, output, input: Vec::new(), received: Vec::new(), early: 0, closed: false }
    }

    /// Takes bytes from the peer.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.input.extend_from_slice(bytes);
        loop {
            let received = self.connection.receive(&mut self.input, &mut self.output)?;
            match received.content {
                Content::NeedMore(_) => return Ok(()),
                Content::Data(data) => {
                    self.received.extend_from_slice(data);
                    self.early += if self.connection.is_handshaking() { data.len() } else { 0 };
                }
                Content::Closed => self.closed = true,
                Content::Progress => {}
                Content::Waiting => {
                    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                    while self.connection.poll(&mut context, &mut self.output).is_pending() {}
                }
            }
            let consumed = received.consumed;
            self.input.drain(..consumed);
            if self.input.is_empty() {
                return Ok(());
            }
        }
    }
}

/// A client, a server, and the link between them.
pub struct Pair {
    pub client: End,
    pub server: End,
    pub delivery: Delivery,
    pub bytes_to_server: usize,
    pub bytes_to_client: usize,
}

impl Pair {
    pub fn new(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Self {
        Self::named("localhost", client, server)
    }

    pub fn named(name: &str, client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Self {
        let mut output = Output::new();
        let name = name.to_owned().try_into().unwrap();
        let client = Connection::client(client, name, &mut output).unwrap();
        Self {
            client: End::new(client, output),
            server: End::new(Connection::server(server), Output::new()),
            delivery: Delivery::Whole,
            bytes_to_server: 0,
            bytes_to_client: 0,
        }
    }

    pub fn delivering(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Carries bytes both ways until nothing moves. The error is that of the end that found it.
    pub fn run(&mut self) -> Result<(), Error> {
        loop {
            let to_server = self.client.output.as_slice().to_vec();
            self.client.output.clear();
            let to_client = self.server.output.as_slice().to_vec();
            self.server.output.clear();
            if to_server.is_empty() && to_client.is_empty() {
                return Ok(());
            }
            self.bytes_to_server += to_server.len();
            self.bytes_to_client += to_client.len();
            deliver(&mut self.server, &to_server, self.delivery)?;
            deliver(&mut self.client, &to_client, self.delivery)?;
        }
    }

    pub fn handshake(mut self) -> Result<Self, Error> {
        self.run()?;
        assert!(!self.client.connection.is_handshaking(), "{:?}", self.client.connection);
        assert!(!self.server.connection.is_handshaking(), "{:?}", self.server.connection);
        Ok(self)
    }

    /// Data both ways, and a clean end.
    pub fn exchange_and_close(self) {
        self.exchange_and_close_after(0);
    }

    /// The same, where the server has received so many bytes before.
    pub fn exchange_and_close_after(mut self, early: usize) {
        self.client.connection.send(b"from the client", &mut self.client.output).unwrap();
        self.server.connection.send(b"from the server", &mut self.server.output).unwrap();
        self.run().unwrap();
        assert_eq!(&self.server.received[early..], b"from the client");
        assert_eq!(self.client.received, b"from the server");
        self.client.connection.close(&mut self.client.output);
        self.server.connection.close(&mut self.server.output);
        self.run().unwrap();
        assert!(self.client.closed && self.server.closed);
        self.client.connection.end_of_input().unwrap();
        self.server.connection.end_of_input().unwrap();
    }
}

fn deliver(end: &mut End, bytes: &[u8], delivery: Delivery) -> Result<(), Error> {
    match delivery {
        _ if bytes.is_empty() => Ok(()),
        Delivery::Whole | Delivery::SplitRecords => end.take(bytes),
        Delivery::OneMessageARecord => end.take(&one_message_a_record(bytes)),
        Delivery::ByteAtATime => bytes.iter().try_for_each(|byte| end.take(&[*byte])),
    }
}

/// The same bytes with every record of several whole handshake messages in the clear cut between them.
fn one_message_a_record(mut bytes: &[u8]) -> Vec<u8> {
    let mut cut = Vec::with_capacity(bytes.len() + 32);
    let mut in_the_clear = true;
    while let Some((header, rest)) = bytes.split_first_chunk::<5>() {
        let (mut fragment, after) = rest.split_at(usize::from(u16::from_be_bytes([header[3], header[4]])));
        bytes = after;
        // In TLS 1.2 keys are in use from change_cipher_spec on.
        in_the_clear &= header[0] == 22;
        while in_the_clear && fragment.len() > 4 {
            let length = 4 + usize::from(u16::from_be_bytes([fragment[2], fragment[3]]));
            if fragment[1] != 0 || fragment.len() <= length {
                break;
            }
            let (message, others) = fragment.split_at(length);
            cut.extend_from_slice(&header[..3]);
            cut.extend_from_slice(&(length as u16).to_be_bytes());
            cut.extend_from_slice(message);
            fragment = others;
        }
        cut.extend_from_slice(&header[..3]);
        cut.extend_from_slice(&(fragment.len() as u16).to_be_bytes());
        cut.extend_from_slice(fragment);
    }
    cut.extend_from_slice(bytes);
    cut
}
