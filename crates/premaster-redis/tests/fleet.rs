//! Two servers, one Redis, and a client that meets now the one and now the other.
use premaster::{
    ClientConfig, Connection, Content, Output, Policy, Secret, ServerConfig,
    config::{ClientResumption, ServerSessions},
    crypto::SystemRandom,
    identity::{ChainVerifier, Credential, Credentials, Roots},
    observe::Resumed,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime},
    resume::{FleetSecret, MemoryStore, Rotation, SessionCache, SharedKeys, Store, Vault},
    wire::ProtocolVersion,
};
use premaster_interop::{Redis, redis};
use premaster_redis::RedisStore;
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};
use tokio::runtime::Runtime;

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

/// How a fleet keeps its sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Tickets,
    Ids,
}

struct Fleet {
    runtime: Runtime,
    certificate: CertificateDer<'static>,
    credential: Arc<Credential>,
}

impl Fleet {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let credential = Arc::new(Credential::new(vec![certificate.clone()], private).unwrap());
        Self { runtime: runtime.unwrap(), certificate, credential }
    }

    /// A machine of its own: its store, its keys, its configuration.
    fn machine(&self, server: &Redis, mode: Mode) -> Arc<ServerConfig> {
        let deadline = Duration::from_secs(20);
        let store: Arc<dyn Store> =
            Arc::new(RedisStore::on(&server.socket_url(), self.runtime.handle().clone()).unwrap());
        let keys = Arc::new(shared_keys(&store, deadline));
        let sessions =
            ServerSessions::none().with_shared_tickets(keys).with_store(store).store_deadline(deadline);
        let sessions = match mode {
            Mode::Tickets => sessions,
            Mode::Ids => sessions.without_tickets(),
        };
        let config = ServerConfig::builder()
            .credentials(Credentials::always(self.credential.clone()))
            .sessions(sessions);
        Arc::new(config.build().unwrap())
    }

    fn client(&self, version: ProtocolVersion) -> Arc<ClientConfig> {
        let mut roots = Roots::new();
        roots.add(&self.certificate).unwrap();
        let config = ClientConfig::builder()
            .policy(Policy::MODERN.with_versions(&[version]))
            .verifier(ChainVerifier::new(roots))
            .resumption(ClientResumption::with(Arc::new(SessionCache::default())));
        Arc::new(config.build().unwrap())
    }
}

fn shared_keys(store: &Arc<dyn Store>, deadline: Duration) -> SharedKeys {
    let secret: Vec<u8> = (0..32).collect();
    let secret = FleetSecret::new(&Secret::from(&*secret)).unwrap();
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    SharedKeys::new(store.clone(), secret, rotation, deadline)
}

struct End {
    connection: Connection,
    input: Vec<u8>,
    output: Output,
}

impl End {
    /// Takes what came, and waits for whatever the handshake waits for.
    fn take(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while !self.input.is_empty() {
            let received = self.connection.receive(&mut self.input, &mut self.output).unwrap();
            let (is_waiting, wants_more) = (
                matches!(received.content, Content::Waiting),
                matches!(received.content, Content::NeedMore(_)),
            );
            let consumed = received.consumed;
            self.input.drain(..consumed);
            if is_waiting {
                let mut context = Context::from_waker(Waker::noop());
                while self.connection.poll(&mut context, &mut self.output).is_pending() {
                    thread::yield_now();
                }
            } else if wants_more {
                return;
            }
        }
    }
}

/// A whole connection, and what it started from.
fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Resumed {
    let mut output = Output::new();
    let name = "localhost".try_into().unwrap();
    let connection = Connection::client(client.clone(), name, &mut output).unwrap();
    let mut client = End { connection, input: Vec::new(), output };
    let connection = Connection::server(server.clone());
    let mut server = End { connection, input: Vec::new(), output: Output::new() };
    loop {
        let (up, down) = (client.output.as_slice().to_vec(), server.output.as_slice().to_vec());
        client.output.clear();
        server.output.clear();
        if up.is_empty() && down.is_empty() {
            break;
        }
        server.take(&up);
        client.take(&down);
    }
    assert!(!client.connection.is_handshaking() && !server.connection.is_handshaking());
    let resumed = client.connection.info().unwrap().resumed;
    assert_eq!(resumed, server.connection.info().unwrap().resumed);
    resumed
}

#[test]
fn a_session_of_one_server_resumes_at_the_other_in_every_form() {
    let server = redis!();
    let fleet = Fleet::new();
    for mode in [Mode::Tickets, Mode::Ids] {
        let machines = [fleet.machine(&server, mode), fleet.machine(&server, mode)];
        for (version, expected) in
            [(V12, if mode == Mode::Tickets { Resumed::Ticket } else { Resumed::Id }), (V13, Resumed::Psk)]
        {
            let client = fleet.client(version);
            assert_eq!(connect(&client, &machines[0]), Resumed::Full);
            for round in 0..6 {
                assert_eq!(connect(&client, &machines[(round + 1) % 2]), expected, "{version} {mode:?}");
            }
        }
    }
}

#[test]
fn while_the_store_is_away_handshakes_are_full_and_then_they_resume_again() {
    let mut server = redis!();
    let fleet = Fleet::new();
    for version in [V12, V13] {
        let machines = [fleet.machine(&server, Mode::Ids), fleet.machine(&server, Mode::Ids)];
        let client = fleet.client(version);
        connect(&client, &machines[0]);
        assert!(connect(&client, &machines[1]).is_resumed());
        server.stop();
        // The handshakes themselves succeed, every one of them.
        for round in 0..50 {
            assert_eq!(connect(&client, &machines[round % 2]), Resumed::Full, "{version}");
        }
        server.restart();
        let comes_back = |machine| (0..100_000).any(|_| connect(&client, machine).is_resumed());
        assert!(machines.iter().all(comes_back), "{version}");
    }
}

/// Ten thousand handshakes at two servers, in the middle of which the store is killed and brought back.
#[test]
fn of_ten_thousand_handshakes_around_an_outage_none_fails() {
    let mut server = redis!();
    let fleet = Fleet::new();
    let machines = [fleet.machine(&server, Mode::Ids), fleet.machine(&server, Mode::Ids)];
    let clients = [fleet.client(V12), fleet.client(V13)];
    for client in &clients {
        assert_eq!(connect(client, &machines[0]), Resumed::Full);
        assert!(connect(client, &machines[1]).is_resumed());
    }
    let [begun, full_before, resumed_before] = [(); 3].map(|()| AtomicUsize::new(0));
    let is_stopping = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| {
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    if number >= 10_000 {
                        return;
                    }
                    // A failure panics here, and fails the test.
                    let is_resumed = connect(client, &machines[number % 2]).is_resumed();
                    // It began and ended while the store was there.
                    if !is_stopping.load(Ordering::SeqCst) {
                        if is_resumed { &resumed_before } else { &full_before }
                            .fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let wait_for = |count| {
            while begun.load(Ordering::Relaxed) < count {
                thread::yield_now();
            }
        };
        wait_for(3000);
        is_stopping.store(true, Ordering::SeqCst);
        server.stop();
        wait_for(6000);
        server.restart();
    });
    assert_eq!(full_before.into_inner(), 0, "as long as the store was there");
    assert!(resumed_before.into_inner() >= 2900, "and so most of the first 3000 are counted");
    for client in &clients {
        assert!((0..100_000).any(|_| connect(client, &machines[0]).is_resumed()), "and when it is again");
    }
}

#[test]
fn tickets_go_on_while_the_store_is_away() {
    let mut server = redis!();
    let fleet = Fleet::new();
    let machines = [fleet.machine(&server, Mode::Tickets), fleet.machine(&server, Mode::Tickets)];
    let clients = [fleet.client(V12), fleet.client(V13)];
    assert!(clients.iter().all(|client| connect(client, &machines[0]) == Resumed::Full));
    assert!(clients.iter().all(|client| connect(client, &machines[1]).is_resumed()));
    server.stop();
    for round in 0..20 {
        assert!(clients.iter().all(|client| connect(client, &machines[round % 2]).is_resumed()));
    }
}

/// Polls to the end; the work is done elsewhere.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::yield_now(),
        }
    }
}

#[test]
fn a_server_that_forgot_the_keys_gets_them_back() {
    let mut server = redis!();
    let fleet = Fleet::new();
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let vault = || {
        let store: Arc<dyn Store> =
            Arc::new(RedisStore::on(&server.socket_url(), fleet.runtime.handle().clone()).unwrap());
        Vault::none().shared_keys(shared_keys(&store, Duration::from_secs(20)))
    };
    let sealing = |vault: &Vault, now: u64| {
        let mut now = now;
        while block_on(vault.maintain(at(now), &SystemRandom)).is_err() {
            now += 1;
        }
        let keys = vault.ticket_keys().unwrap().status(at(now));
        keys.iter().map(|key| key.id).collect::<Vec<_>>()
    };
    let (one, two) = (vault(), vault());
    let before = sealing(&one, 7200);
    assert_eq!((before.len(), sealing(&two, 7200)), (2, before.clone()));
    let three = vault();
    server.restart();
    // Whoever has the keys brings them back, and a newcomer finds them.
    assert_eq!(sealing(&one, 7300), before);
    assert_eq!(sealing(&three, 7300), before);
    // A memory of one process is no fleet's.
    assert!(!MemoryStore::new(1, 1, at(0)).is_shared());
}
