//! Our own connections, written down as captures.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]
use super::{
    common::{Authority, Key, Pair},
    tape::Tape,
};
use premaster::{
    ClientConfig, Policy, Secret, ServerConfig,
    config::{ClientConfigBuilder, ClientResumption, LegacyOptIn, ServerConfigBuilder, ServerSessions},
    identity::{ChainVerifier, Credential, Credentials, ExternalPsk, PskSource, Roots, Verifier},
    observe::KeyLog,
    resume::{Rotation, SessionCache, TicketKeys},
    suite::{Authentication, KeyExchange, Suite},
    wire::ProtocolVersion,
};
use premaster_capture::{Capture, KeyStore, Options, Outcome, Session};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

/// A key log in memory.
#[derive(Clone, Default)]
pub struct Log(pub Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn store(&self) -> KeyStore {
        self.without("nothing")
    }

    /// Without the lines of a label.
    pub fn without(&self, label: &str) -> KeyStore {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let kept: String =
            text.lines().filter(|line| !line.starts_with(label)).map(|line| format!("{line}\n")).collect();
        let mut store = KeyStore::new();
        assert_eq!(store.add_key_log(kept.as_bytes()).bad_lines, []);
        store
    }
}

pub fn read(capture: &[u8], keys: &KeyStore) -> Vec<Session> {
    let mut options = Options::default();
    options.limits.plaintext = 1 << 20;
    let capture = Capture::read(capture, keys, options).unwrap();
    let mut sessions: Vec<Session> = capture.map(Result::unwrap).collect();
    sessions.sort_by_key(|session| session.stream);
    sessions
}

pub fn one(capture: &[u8], keys: &KeyStore) -> Session {
    let mut sessions = read(capture, keys);
    assert_eq!(sessions.len(), 1);
    sessions.remove(0)
}

/// Carries bytes both ways until nothing moves, and writes them down.
pub fn carry(pair: &mut Pair, tape: &mut Tape) {
    loop {
        let to_server = pair.client.output.as_slice().to_vec();
        pair.client.output.clear();
        tape.say(true, &to_server);
        pair.server.take(&to_server).unwrap();
        let to_client = pair.server.output.as_slice().to_vec();
        pair.server.output.clear();
        tape.say(false, &to_client);
        pair.client.take(&to_client).unwrap();
        if to_server.is_empty() && to_client.is_empty() {
            return;
        }
    }
}

pub fn talk(pair: &mut Pair, tape: &mut Tape) {
    carry(pair, tape);
    assert!(!pair.client.connection.is_handshaking());
    let large = vec![b'x'; 40_000];
    for data in [&b"from the client"[..], b"and more"] {
        pair.client.connection.send(data, &mut pair.client.output).unwrap();
        pair.server.connection.send(b"from the server", &mut pair.server.output).unwrap();
        carry(pair, tape);
    }
    pair.server.connection.send(&large, &mut pair.server.output).unwrap();
    carry(pair, tape);
}

pub fn end(pair: &mut Pair, tape: &mut Tape) {
    pair.client.connection.close(&mut pair.client.output);
    pair.server.connection.close(&mut pair.server.output);
    carry(pair, tape);
    tape.close();
}

/// A whole connection.
pub fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, tape: &mut Tape) -> Pair {
    let mut pair = Pair::new(client.clone(), server.clone());
    tape.open();
    talk(&mut pair, tape);
    end(&mut pair, tape);
    pair
}

pub fn assert_open(session: &Session, pair: &Pair) {
    assert_eq!(session.outcome, Outcome::Decrypted, "{session:?}");
    assert_eq!(session.plaintext.client, pair.server.received);
    assert_eq!(session.plaintext.server, pair.client.received);
    assert_eq!(session.records.client.protected, session.records.client.opened);
}

pub fn psk() -> Arc<ExternalPsk> {
    Arc::new(ExternalPsk::new("a name", Secret::from(&[0x5a; 32][..])))
}

pub fn with_psk(keys: &mut KeyStore) {
    assert_eq!(keys.add_psks(format!("# a comment\na name:{}\n", "5a".repeat(32)).as_bytes()), Ok(1));
}

/// A credential, and its private key in DER.
pub type Known = (Arc<Credential>, Vec<u8>);

pub fn known(authority: &Authority, key: Key) -> Known {
    let (chain, private) = authority.issue_der(key, &["localhost"], |_| {});
    let der = private.secret_der().to_vec();
    (Arc::new(Credential::new(chain, private).unwrap()), der)
}

pub fn static_dh() -> Known {
    let key = include_bytes!("../../../premaster/testdata/static/dh.key.pem");
    let chain = include_bytes!("../../../premaster/testdata/static/dh.pem");
    (Arc::new(Credential::from_pem(chain, key).unwrap()), key.to_vec())
}

pub struct Modern {
    pub authority: Authority,
    pub credential: Arc<Credential>,
    pub log: Log,
    pub cache: Arc<SessionCache>,
    pub tickets: Arc<TicketKeys>,
}

impl Modern {
    pub fn new() -> Self {
        let authority = Authority::new();
        Self {
            credential: authority.issue(Key::EcdsaP256, &["localhost"]),
            authority,
            log: Log::default(),
            cache: Arc::new(SessionCache::new(8, 4)),
            tickets: Arc::new(TicketKeys::rotating(Rotation::new(
                Duration::from_secs(3600),
                Duration::from_secs(7200),
            ))),
        }
    }

    pub fn client(
        &self,
        change: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
    ) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder()
            .verifier(self.authority.verifier())
            .observer(Arc::new(KeyLog::new(self.log.clone())));
        Arc::new(change(builder).build().unwrap())
    }

    pub fn server(
        &self,
        change: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    ) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder().credentials(Credentials::always(self.credential.clone()));
        Arc::new(change(builder).build().unwrap())
    }

    pub fn resuming(&self, version: ProtocolVersion, early: bool) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
        let policy = Policy::MODERN.with_versions(&[version]);
        let resumption = ClientResumption::with(self.cache.clone()).early_data(early);
        let client = self.client(|builder| builder.policy(policy).resumption(resumption));
        let sessions = ServerSessions::none().with_tickets(self.tickets.clone());
        (client, self.server(|builder| builder.sessions(sessions)))
    }
}

/// Whatever it takes to speak any suite.
pub struct EverySuite {
    roots: Verifier,
    rsa: Known,
    ec: Known,
    dh: Known,
}

impl EverySuite {
    pub fn new() -> Self {
        let authority = Authority::new();
        let mut roots = Roots::new();
        roots.add(&authority.certificate).unwrap();
        roots.add_pem(include_bytes!("../../../premaster/testdata/static/authority.pem")).unwrap();
        Self {
            roots: ChainVerifier::new(roots).into(),
            rsa: known(&authority, Key::Rsa2048),
            ec: known(&authority, Key::EcdsaP256),
            dh: static_dh(),
        }
    }

    /// A client that keeps a key log, a server, and its private key; what else can be chosen changes with `number`.
    pub fn configurations(
        &self,
        suite: &Suite,
        number: usize,
        log: &Log,
    ) -> (Arc<ClientConfig>, Arc<ServerConfig>, &[u8]) {
        let (credential, private) = match (suite.key_exchange, suite.authentication) {
            (KeyExchange::Dh, _) => &self.dh,
            (KeyExchange::Ecdh, _) | (_, Authentication::Ecdsa) => &self.ec,
            _ => &self.rsa,
        };
        let mut policy = Policy::LEGACY.with_versions(&[suite.version()]).with_cipher_suites(&[suite.code]);
        policy.encrypt_then_mac = number.is_multiple_of(2);
        policy.require_extended_master_secret = !number.is_multiple_of(3);
        let because = || LegacyOptIn::for_every_peer("a test of every exchange");
        let client = ClientConfig::builder()
            .policy(policy.clone())
            .verifier(self.roots.clone())
            .external_psks([psk()])
            .observer(Arc::new(KeyLog::new(log.clone())))
            .allow_legacy(because());
        let server = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(credential.clone()))
            .external_psks(PskSource::These(Arc::new([psk()])))
            .allow_legacy(because());
        (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()), private)
    }
}
