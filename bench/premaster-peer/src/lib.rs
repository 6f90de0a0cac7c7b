//! premaster as a peer of the measurements: every scenario, with every check on.

use bench_core::tls::{Ahead, Cert, Cipher, Conn, Factory, HOST, Kx, Peer, Setup, Version, connect, pki, wires};
use premaster::{
    ClientConfig, Connection, Content, Output, Policy, ServerConfig,
    config::{ClientResumption, LegacyOptIn, Limits, ServerSessions},
    exchange::{EphemeralPool, Group},
    identity::{ChainVerifier, Credential, Credentials, Roots},
    observe::{Observer, Receipt, Resumed},
    pki_types::{ServerName, UnixTime},
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    suite::{Protection, Suite},
    wire::{CipherSuite, NamedGroup, ProtocolVersion, Side},
};
use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

/// The library under test.
pub struct Premaster;

pub struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    host: ServerName<'static>,
    expected: Expected,
    /// Filled before each handshake, for one.
    pools: Vec<Arc<EphemeralPool>>,
    /// Connections own no buffers: whoever drives them has one for all that it drives.
    output: Shared,
}

type Shared = Rc<RefCell<Output>>;

/// How each handshake must have gone, or it is no measurement.
#[derive(Clone, Copy)]
struct Expected {
    suite: CipherSuite,
    forward_secret: bool,
    resumed: Resumed,
}

impl Peer for Premaster {
    fn name(&self) -> &'static str {
        "premaster"
    }

    fn factory(&self, setup: &Setup) -> Option<Box<dyn Factory>> {
        let policy = policy(setup)?;
        let expected = Expected {
            suite: policy.cipher_suites[0],
            forward_secret: !matches!(setup.kx, Kx::Rsa | Kx::StaticDh | Kx::StaticEcdh),
            resumed: match setup {
                Setup { resume: false, .. } => Resumed::Full,
                Setup { early_data: true, .. } => Resumed::EarlyData,
                Setup { by_id: true, .. } => Resumed::Id,
                Setup {
                    version: Version::Tls12,
                    ..
                } => Resumed::Ticket,
                _ => Resumed::Psk,
            },
        };
        let pki = pki(setup.cert);
        let mut roots = Roots::new();
        roots.add_pem(&pki.root_pem).unwrap();
        let credential = Credential::from_pem(&pki.leaf_pem, &pki.key_pem).unwrap();
        let signatures = if setup.ahead == Ahead::Signatures { 8 } else { 0 };
        let verifier = ChainVerifier::new(roots).remember_signatures(signatures);
        let mut client = ClientConfig::builder().policy(policy.clone()).verifier(verifier);
        let mut server = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(credential));
        if !expected.forward_secret {
            let opt_in = LegacyOptIn::for_every_peer("to measure what it costs");
            client = client.allow_legacy(opt_in.clone());
            server = server.allow_legacy(opt_in);
        }
        if setup.resume {
            let kept = Arc::new(SessionCache::new(8, 8));
            client = client.resumption(ClientResumption::with(kept).early_data(setup.early_data));
            server = server.sessions(sessions(setup));
        }
        let mut pools = Vec::new();
        if setup.ahead == Ahead::Keys {
            let pool = || Arc::new(EphemeralPool::new(Group::find(NamedGroup::x25519), 1));
            pools = vec![pool(), pool()];
            client = client.ephemeral_pool(pools[0].clone());
            server = server.ephemeral_pool(pools[1].clone());
        }
        let configs = |observer: Option<Arc<dyn Observer>>| {
            let (mut client, mut server) = (client.clone(), server.clone());
            if let Some(observer) = observer {
                (client, server) = (client.observer(observer.clone()), server.observer(observer));
            }
            let (client, server) = (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()));
            assert_eq!(
                (client.limits(), server.limits()),
                (&Limits::default(), &Limits::default())
            );
            Configs {
                client,
                server,
                host: setup.host().try_into().unwrap(),
                expected,
                pools: pools.clone(),
                output: Shared::default(),
            }
        };
        // A connection beside those that are timed says what became of its keys.
        let receipt = Arc::new(Receipt::default());
        connect(&configs(Some(receipt.clone())), false, &mut wires());
        let lives = receipt.lives();
        let ephemeral = lives.iter().any(|life| life.secret.starts_with("ephemeral key"));
        assert_eq!(ephemeral, setup.kx != Kx::Rsa, "{receipt}");
        let erased = lives.iter().all(|life| life.erased.is_some());
        assert!(erased && !lives.is_empty(), "{receipt}");
        Some(Box::new(configs(None)))
    }
}

fn sessions(setup: &Setup) -> ServerSessions {
    let hour = Duration::from_secs(3600);
    let store = || {
        // Made an hour ago: a store believes no early data whose ticket may be older than itself.
        let made = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) - hour);
        Arc::new(MemoryStore::new(100_000, 1 << 27, made))
    };
    let keys = || Arc::new(TicketKeys::rotating(Rotation::new(hour, 2 * hour)));
    let sessions = ServerSessions::none().tickets_per_handshake(1);
    match setup {
        Setup { by_id: true, .. } => sessions.with_store(store()),
        Setup { early_data: true, .. } => sessions.with_tickets(keys()).with_store(store()).early_data(1 << 14),
        _ => sessions.with_tickets(keys()),
    }
}

/// Exactly what the scenario is about, and nothing else on offer.
pub fn policy(setup: &Setup) -> Option<Policy> {
    let (version, suite) = match setup.version {
        Version::Tls13 => (ProtocolVersion::TLS_1_3, setup.tls13_suite().to_owned()),
        Version::Tls12 => (ProtocolVersion::TLS_1_2, setup.tls12_suite()),
    };
    let suite: CipherSuite = Suite::parse(&suite)?.code;
    let groups: &[NamedGroup] = match setup.kx {
        Kx::X25519MlKem768 => &[NamedGroup::X25519MLKEM768],
        Kx::Dhe => &[NamedGroup::ffdhe2048],
        Kx::P256 | Kx::StaticEcdh => &[NamedGroup::secp256r1],
        // In TLS 1.2 the certificate's curve has to be offered as well.
        Kx::X25519 if setup.version == Version::Tls12 && setup.cert == Cert::Ecdsa => {
            &[NamedGroup::x25519, NamedGroup::secp256r1]
        }
        _ => &[NamedGroup::x25519],
    };
    let policy = match setup.kx {
        Kx::Rsa | Kx::StaticDh | Kx::StaticEcdh => Policy::LEGACY,
        _ => Policy::COMPATIBLE,
    };
    let mut policy = policy
        .with_versions(&[version])
        .with_cipher_suites(&[suite])
        .with_groups(groups);
    // The other libraries do without encrypt-then-MAC, which would be slower.
    policy.encrypt_then_mac = !matches!(setup.cipher, Cipher::Aes128CbcSha | Cipher::Aes256CbcSha);
    Some(policy)
}

impl Configs {
    /// Two configurations that connect with full handshakes, or with those that `resumed` says.
    pub fn new(client: Arc<ClientConfig>, server: Arc<ServerConfig>, resumed: Resumed) -> Self {
        let expected = Expected {
            suite: client.policy().cipher_suites[0],
            forward_secret: true,
            resumed,
        };
        Self {
            client,
            server,
            host: HOST.try_into().unwrap(),
            expected,
            pools: Vec::new(),
            output: Shared::default(),
        }
    }
}

impl Factory for Configs {
    fn prepare(&self) {
        for pool in &self.pools {
            assert_eq!(pool.fill(), Ok(1), "the handshake before took the key");
        }
    }

    fn client(&self) -> Box<dyn Conn> {
        let output = self.output.clone();
        let (config, name) = (self.client.clone(), self.host.clone());
        let connection = Connection::client(config, name, &mut output.borrow_mut()).unwrap();
        Box::new(End {
            connection,
            output,
            early: 0,
            expected: self.expected,
        })
    }

    fn server(&self) -> Box<dyn Conn> {
        let connection = Connection::server(self.server.clone());
        Box::new(End {
            connection,
            output: self.output.clone(),
            early: 0,
            expected: self.expected,
        })
    }
}

struct End {
    connection: Connection,
    output: Shared,
    early: usize,
    expected: Expected,
}

impl Conn for End {
    fn handshake(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
        // A client's first flight is ready since it was made, and nothing else of it came between.
        let output = &mut *self.output.borrow_mut();
        let mut at = 0;
        while at < input.len() {
            let received = self.connection.receive(&mut input[at..], output).unwrap();
            match received.content {
                Content::Progress => {}
                Content::Data(data) => self.early += data.len(),
                other => panic!("{other:?}"),
            }
            at += received.consumed;
        }
        input.clear();
        out.extend_from_slice(output.as_slice());
        output.clear();
        !self.connection.is_handshaking()
    }

    fn send(&mut self, data: &[u8], _: &mut Vec<u8>) {
        self.connection.send(data, &mut self.output.borrow_mut()).unwrap();
    }

    fn collect(&mut self, out: &mut Vec<u8>) {
        let output = &mut *self.output.borrow_mut();
        out.extend_from_slice(output.as_slice());
        output.clear();
    }

    fn recv(&mut self, input: &mut Vec<u8>, buf: &mut [u8], _: usize) -> usize {
        let (mut at, mut n) = (0, 0);
        // Which is opened in place.
        let is_cbc = matches!(self.connection.info().unwrap().suite.protection, Protection::Cbc { .. });
        while at < input.len() {
            let (rest, output) = (&mut input[at..], &mut self.output.borrow_mut());
            at += if is_cbc {
                let received = self.connection.receive(rest, output).unwrap();
                if let Content::Data(data) = received.content {
                    buf[n..n + data.len()].copy_from_slice(data);
                    n += data.len();
                }
                received.consumed
            } else {
                let wanted = buf[n..].as_ptr();
                let received = self.connection.receive_to(rest, &mut buf[n..], output).unwrap();
                if let Content::Data(data) = received.content {
                    assert_eq!(data.as_ptr(), wanted, "there was room for the record");
                    n += data.len();
                }
                received.consumed
            };
        }
        input.clear();
        n
    }

    fn send_early(&mut self, data: &[u8], out: &mut Vec<u8>) -> bool {
        let sent = self.connection.send_early(data, &mut self.output.borrow_mut()).unwrap();
        self.collect(out);
        sent == data.len()
    }

    fn compact(&mut self) -> bool {
        self.connection.compact();
        true
    }

    fn early_received(&self) -> usize {
        self.early
    }

    fn resumed(&self) -> bool {
        self.connection.info().is_some_and(|info| info.resumed != Resumed::Full)
    }

    fn check(&self) {
        let Expected {
            suite,
            forward_secret,
            resumed,
        } = self.expected;
        let info = self.connection.info().unwrap();
        assert_eq!(
            (info.suite.code, info.forward_secret, info.resumed),
            (suite, forward_secret, resumed)
        );
        assert!(info.extended_master_secret);
        if self.connection.side() == Side::Client {
            assert!(
                info.peer.as_ref().is_some_and(|peer| peer.is_verified()),
                "the certificate is verified"
            );
        }
    }

    fn describe(&self) -> String {
        let info = self.connection.info().unwrap();
        format!("{} {} {:?}", info.version, info.suite.name(), info.group)
    }
}
