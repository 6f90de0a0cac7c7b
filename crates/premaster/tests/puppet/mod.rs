//! A peer made of the public rooms alone, which says whatever a test wants it to say, in any order.
//!
//! It owns all keys that a real peer would own, and keeps the transcript of what was really said; so its Finished
//! and its signatures are right for whatever came before them, and a victim that refuses refuses the order or the
//! message, not a wrong sum. What it cannot know at some point (a Finished before any key, say) it makes up.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]
mod hear;
mod hellos;
mod keys;
mod say;

use crate::common::{Authority, End, Key};
use premaster::{
    ClientConfig, Connection, Error, Output, Secret, ServerConfig,
    crypto::SystemRandom,
    exchange::{EphemeralKey, KeyLimits, PublishedKey, ServerKey, StaticKey},
    identity::{ExternalPsk, LocalKey},
    pki_types::{CertificateDer, PrivateKeyDer},
    record::{CbcOrder, Joiner, Opener, Sealer},
    schedule::{
        tls12::{KeyBlock, MasterSecret},
        tls13::{MainSecret, TrafficSecret},
    },
    suite::Suite,
    wire::{CipherSuite, ContentType, NamedGroup, PerSide, ProtocolVersion, Side, SignatureScheme},
};
use std::sync::Arc;

#[allow(unused_imports, reason = "each test uses a part")]
pub use hellos::{change_client_hello, change_server_hello, with_extension, with_suite, without_extension};
pub use keys::Resumable;
#[allow(unused_imports, reason = "each test uses a part")]
pub use say::{rebodied, retyped};

pub const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
pub const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

/// A message that the puppet knows how to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Say {
    ClientHello,
    /// The second one, with the share that a HelloRetryRequest asked for.
    SecondClientHello,
    HelloRetryRequest,
    ServerHello,
    EncryptedExtensions,
    Certificate,
    EmptyCertificate,
    CertificateStatus,
    ServerKeyExchange,
    CertificateRequest,
    ServerHelloDone,
    ClientKeyExchange,
    CertificateVerify,
    ChangeCipherSpec,
    NewSessionTicket,
    Finished,
    KeyUpdate,
    EndOfEarlyData,
    HelloRequest,
}

/// What the puppet is: its keys, and what it offers or chooses.
#[derive(Clone)]
pub struct Part {
    pub version: ProtocolVersion,
    pub suites: Vec<CipherSuite>,
    pub group: NamedGroup,
    pub schemes: Vec<SignatureScheme>,
    pub extended_master_secret: bool,
    pub encrypt_then_mac: bool,
    pub renegotiation_info: bool,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Option<Arc<LocalKey>>,
    pub static_key: Option<Arc<dyn Fn() -> StaticKey + Send + Sync>>,
    /// The scheme that it signs with; the key's own if none is named.
    pub scheme: Option<SignatureScheme>,
    pub psk: Option<Arc<ExternalPsk>>,
    /// A client asks for a ticket; a server of TLS 1.2 promises one.
    pub ticket: bool,
    /// A server says that it will staple.
    pub staples: bool,
    pub session: Option<Resumable>,
    pub server_name: Option<&'static str>,
    /// More extensions in the hello, encoded.
    pub more: Vec<u8>,
    /// The end of ServerHello.random.
    pub sentinel: Option<[u8; 8]>,
    /// Prime, generator and public value, in place of the group's.
    pub dh: Option<[Vec<u8>; 3]>,
    /// What ClientKeyExchange holds in place of what it should, and the premaster secret to go on with.
    pub reply: Option<(Vec<u8>, Vec<u8>)>,
    /// The first ClientHello has no share for the group.
    pub wants_retry: bool,
}

impl Part {
    pub fn new(version: ProtocolVersion, suite: CipherSuite) -> Self {
        Self {
            version,
            suites: vec![suite],
            group: NamedGroup::x25519,
            schemes: premaster::Policy::MODERN.signature_schemes.to_vec(),
            extended_master_secret: true,
            encrypt_then_mac: false,
            renegotiation_info: true,
            chain: Vec::new(),
            key: None,
            static_key: None,
            scheme: None,
            psk: None,
            ticket: false,
            staples: false,
            session: None,
            server_name: None,
            more: Vec::new(),
            sentinel: None,
            dh: None,
            reply: None,
            wants_retry: false,
        }
    }

    pub fn tls13() -> Self {
        Self::new(V13, CipherSuite::TLS_AES_128_GCM_SHA256)
    }

    pub fn tls12() -> Self {
        Self::new(V12, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
    }

    pub fn named(version: ProtocolVersion, suite: &str) -> Self {
        Self::new(version, Suite::parse(suite).unwrap().code)
    }

    /// With a certificate of this authority, and its key.
    pub fn certified(self, authority: &Authority, key: Key, name: &str) -> Self {
        let (chain, key) = authority.issue_der(key, &[name], |_| {});
        self.with_chain(chain, key)
    }

    pub fn with_chain(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.chain = chain;
        let der = key.secret_der().to_vec();
        self.static_key = Some(Arc::new(move || StaticKey::from_der(&der, &KeyLimits::STANDARD).unwrap()));
        self.key = LocalKey::from_der(&key).ok().map(Arc::new);
        self
    }

    pub fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// What the victim was heard to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A handshake message, header included.
    Message(Vec<u8>),
    ChangeCipherSpec,
    Alert(u8, u8),
    Data(Vec<u8>),
    /// A record that the puppet has no key for.
    Sealed(usize),
}

/// The puppet, and its victim.
pub struct Puppet {
    pub part: Part,
    pub side: Side,
    pub victim: End,
    /// What the victim failed with.
    pub error: Option<Error>,
    /// Every record that the victim sent.
    pub wire: Vec<Vec<u8>>,
    /// The same, as far as the puppet could open them.
    pub heard: Vec<Heard>,
    /// Every handshake message that was said or heard.
    pub transcript: Vec<u8>,
    pub sealer: Sealer,
    pub opener: Opener,
    /// Whether something that was heard made no sense: of a victim that is in step, that must not be.
    pub misheard: bool,
    joiner: Joiner,
    unread: usize,
    /// The secret of a reply that was made and not said yet.
    pending_shared: Option<premaster::exchange::SharedSecret>,
    state: State,
}

/// What the puppet has learnt, and made, so far.
#[derive(Default)]
pub struct State {
    pub hello: Vec<u8>,
    pub suite: Option<&'static Suite>,
    pub randoms: Option<PerSide<[u8; 32]>>,
    pub session_id: Vec<u8>,
    pub extended_master_secret: bool,
    pub cbc_order: Option<CbcOrder>,
    pub resumes: bool,
    pub retry_group: Option<NamedGroup>,
    pub cookie: Option<Vec<u8>>,
    pub leaf: Vec<u8>,
    pub shares: Vec<EphemeralKey>,
    pub server_key: Option<ServerKey>,
    pub published: Option<PublishedKey>,
    pub psk_chosen: bool,
    pub master: Option<MasterSecret>,
    pub block: Option<KeyBlock>,
    pub handshake: Option<PerSide<TrafficSecret>>,
    pub main: Option<MainSecret>,
    pub application: Option<PerSide<TrafficSecret>>,
    pub request_context: Vec<u8>,
    pub ticket: Option<Vec<u8>>,
}

impl Puppet {
    /// A client, against a server.
    pub fn client(part: Part, server: Arc<ServerConfig>) -> Self {
        Self::new(part, Side::Client, End::new(Connection::server(server), Output::new()))
    }

    /// A server, against a client.
    pub fn server(part: Part, client: Arc<ClientConfig>) -> Self {
        Self::server_named("localhost", part, client).unwrap()
    }

    /// A server, against a client that takes it for the one of this name.
    pub fn server_named(name: &str, part: Part, client: Arc<ClientConfig>) -> Result<Self, Error> {
        let mut output = Output::new();
        let name = name.to_owned().try_into().unwrap();
        let connection = Connection::client(client, name, &mut output)?;
        Ok(Self::new(part, Side::Server, End::new(connection, output)))
    }

    fn new(part: Part, side: Side, victim: End) -> Self {
        let mut puppet = Self {
            part,
            side,
            victim,
            error: None,
            wire: Vec::new(),
            heard: Vec::new(),
            transcript: Vec::new(),
            sealer: Sealer::plaintext(),
            opener: Opener::plaintext(),
            misheard: false,
            joiner: Joiner::new(),
            unread: 0,
            pending_shared: None,
            state: State::default(),
        };
        puppet.collect();
        puppet
    }

    /// Says these, one after the other, as long as the victim listens.
    pub fn says(&mut self, script: &[Say]) -> &mut Self {
        for say in script {
            if self.error.is_some() {
                break;
            }
            self.say(*say);
        }
        self.listen();
        self
    }

    /// Makes a message and says it.
    pub fn say(&mut self, say: Say) {
        let bytes = self.make(say);
        self.say_bytes(say, &bytes);
    }

    /// Says a message that was made, and perhaps changed, before; then does what a real peer does after it.
    pub fn say_bytes(&mut self, say: Say, bytes: &[u8]) {
        if say == Say::ChangeCipherSpec {
            self.record(ContentType::CHANGE_CIPHER_SPEC, bytes);
        } else {
            // RFC 5246 section 7.4.1.1: HelloRequest is no part of the handshake.
            if say != Say::HelloRequest {
                self.transcript.extend_from_slice(bytes);
            }
            self.record(ContentType::HANDSHAKE, bytes);
        }
        self.after(say);
    }

    /// Says a message without any consequence for the puppet's own keys.
    pub fn message(&mut self, bytes: &[u8]) {
        self.transcript.extend_from_slice(bytes);
        self.record(ContentType::HANDSHAKE, bytes);
    }

    /// Sends one record, or as many as it takes, under the current key.
    pub fn record(&mut self, content_type: ContentType, plaintext: &[u8]) {
        let mut output = Output::new();
        if plaintext.is_empty() {
            self.sealer.seal(content_type, plaintext, 0, &mut output).unwrap();
        }
        self.sealer.seal_all(content_type, plaintext, 1 << 14, &mut output).unwrap();
        self.raw(output.as_slice());
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.victim.take(bytes).err();
        }
        self.collect();
    }

    /// Cuts what the victim sent into records.
    fn collect(&mut self) {
        let output = self.victim.output.as_slice().to_vec();
        self.victim.output.clear();
        let mut rest = &output[..];
        while let Some(header) = rest.get(..5) {
            let length = 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
            let (record, tail) = rest.split_at(length);
            self.wire.push(record.to_vec());
            rest = tail;
        }
        assert!(rest.is_empty(), "the victim sends whole records");
    }

    /// Whether the victim believes the handshake finished, and goes on.
    pub fn is_connected(&self) -> bool {
        self.error.is_none() && self.victim.connection.info().is_some()
    }

    /// The alert that the victim failed with.
    pub fn alert(&self) -> Option<premaster::wire::AlertDescription> {
        self.error.as_ref().and_then(Error::alert)
    }

    /// What the victim sent after it failed, and before: types and lengths of its records.
    pub fn shape(&self) -> Vec<(u8, usize)> {
        self.wire.iter().map(|record| (record[0], record.len())).collect()
    }

    pub fn state(&mut self) -> &mut State {
        &mut self.state
    }

    pub fn suite(&self) -> &'static Suite {
        let first = self.part.suites.first().and_then(|code| Suite::find(*code));
        self.state.suite.or(first).expect("a suite that the library knows")
    }
}

pub fn random() -> [u8; 32] {
    use premaster::crypto::Random;
    let mut random = [0; 32];
    SystemRandom.fill(&mut random).unwrap();
    random
}

pub fn secret(bytes: &[u8]) -> Secret {
    Secret::from(bytes)
}
