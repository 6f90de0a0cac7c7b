//! Two servers, each a process of its own, and one Redis.
mod support;

use premaster::{
    ClientConfig, Policy, Stream,
    config::{ClientConfigBuilder, ClientResumption, Clock},
    crypto::{Random, RandomFailed},
    identity::{ChainVerifier, Roots},
    observe::{At, Event, Observer, Resumed},
    pki_types::UnixTime,
    resume::{KEY_ID_LEN, SessionCache},
    wire::ProtocolVersion,
};
use premaster_interop::{FirstFlight, PATIENCE, Redis, redis};
use std::{
    collections::HashSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use support::{Certificates, Server, run};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;
const VERSIONS: [ProtocolVersion; 2] = [V12, V13];

/// The processes, and what makes them one server to their clients.
struct Fleet {
    certificates: Certificates,
    nodes: [Server; 2],
}

impl Fleet {
    /// With sessions and keys in Redis.
    fn new(redis: &Redis, options: &str) -> Self {
        let url = redis.url();
        // The first makes the secret, the second finds it.
        Self::with(|file| format!("--sessions {url} --fleet-secret {file} --store-deadline 20000 {options}"))
    }

    /// With these options, which may name a file that both have.
    fn with(options: impl FnOnce(&str) -> String) -> Self {
        let certificates = Certificates::new();
        let line = format!("--echo {} {}", certificates.good(), options(&certificates.path("shared")));
        let nodes = [(); 2].map(|()| Server::start(&line));
        Self { certificates, nodes }
    }

    fn client(&self, version: ProtocolVersion) -> ClientConfigBuilder {
        self.client_with(version, Arc::new(SessionCache::default()))
    }

    fn client_with(&self, version: ProtocolVersion, cache: Arc<SessionCache>) -> ClientConfigBuilder {
        let mut roots = Roots::new();
        roots.add_pem(&fs::read(self.certificates.ca()).unwrap()).unwrap();
        ClientConfig::builder()
            .policy(Policy::MODERN.with_versions(&[version]))
            .verifier(ChainVerifier::new(roots))
            .resumption(ClientResumption::with(cache).early_data(true))
    }

    /// A whole connection with this node, and what it started from.
    fn connect(&self, client: &Arc<ClientConfig>, node: usize) -> Resumed {
        let name = "localhost".try_into().unwrap();
        let mut stream = Stream::connect(client.clone(), name, self.dial(node)).expect("no handshake fails");
        stream.write_all(b"ping").unwrap();
        let mut pong = [0; 4];
        // The tickets come before the answer.
        stream.read_exact(&mut pong).expect("no connection breaks");
        assert_eq!(&pong, b"ping");
        let resumed = stream.connection().info().unwrap().resumed;
        stream.close().unwrap();
        resumed
    }

    fn dial(&self, node: usize) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.nodes[node].port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Connects until this is so, which it will be soon.
    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "not in time: {what}");
        }
    }
}

fn built(builder: ClientConfigBuilder) -> Arc<ClientConfig> {
    Arc::new(builder.build().unwrap())
}

#[test]
fn a_session_of_one_process_resumes_at_the_other_in_every_form() {
    let redis = redis!();
    for (options, expected12) in [("", Resumed::Ticket), ("--no-tickets", Resumed::Id)] {
        let fleet = Fleet::new(&redis, options);
        for (version, expected) in [(V12, expected12), (V13, Resumed::Psk)] {
            let client = built(fleet.client(version));
            assert_eq!(fleet.connect(&client, 0), Resumed::Full, "{version} {options}");
            for node in [1, 0, 1, 1, 0, 0] {
                assert_eq!(fleet.connect(&client, node), expected, "{version} {options}");
            }
        }
    }
}

/// Hears the names of the keys that TLS 1.2 tickets were sealed with.
#[derive(Default)]
struct KeyNames(Mutex<HashSet<Vec<u8>>>);

impl Observer for KeyNames {
    fn observe(&self, _at: At<'_>, event: Event<'_>) {
        // NewSessionTicket: header, lifetime, length, ticket, which begins with the name of its key.
        if let Event::Message { bytes: [4, _, _, _, rest @ ..], .. } = event
            && let Some(name) = rest.get(6..6 + KEY_ID_LEN)
        {
            self.0.lock().unwrap().insert(name.to_vec());
        }
    }
}

impl KeyNames {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[test]
fn keys_in_redis_rotate_under_load_and_no_connection_fails() {
    let redis = redis!();
    rotates(&Fleet::new(&redis, "--ticket-rotate 1 --session-lifetime 3"));
}

#[test]
fn keys_in_a_file_rotate_under_load_and_no_connection_fails() {
    rotates(&Fleet::with(|file| format!("--ticket-keys {file} --ticket-rotate 2 --session-lifetime 3")));
}

fn rotates(fleet: &Fleet) {
    let names = Arc::new(KeyNames::default());
    let (full, resumed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // Six keys one after the other: the windows of the first ones are over by then.
    let is_enough = || names.count() >= 6;
    let deadline = Instant::now() + 2 * PATIENCE;
    thread::scope(|scope| {
        for version in [V12, V12, V13] {
            let (names, full, resumed) = (&names, &full, &resumed);
            scope.spawn(move || {
                let client = match version {
                    V12 => fleet.client(version).observer(names.clone()),
                    _ => fleet.client(version),
                };
                let client = built(client);
                for node in [0, 1].into_iter().cycle() {
                    match fleet.connect(&client, node) {
                        Resumed::Full => full,
                        _ => resumed,
                    }
                    .fetch_add(1, Ordering::Relaxed);
                    if is_enough() {
                        return;
                    }
                    assert!(Instant::now() < deadline, "{} keys", names.count());
                }
            });
        }
    });
    let (full, resumed) = (full.into_inner(), resumed.into_inner());
    println!("{resumed} resumed, {full} full, {} keys", names.count());
    // A session that has reached its lifetime is made anew; all others resume, whatever key seals just then.
    assert!(resumed > full, "{resumed} resumed, {full} full");
    for version in VERSIONS {
        let client = built(fleet.client(version));
        fleet.connect(&client, 0);
        assert!(fleet.connect(&client, 1).is_resumed(), "{version}: after it all");
    }
}

// Where an outage of the store is.
const BEFORE: usize = 0;
const STOPPING: usize = 1;
const DURING: usize = 2;
const STARTING: usize = 3;
const AFTER: usize = 4;
const PHASES: usize = 5;
const OVER: usize = PHASES;

#[test]
fn of_ten_thousand_handshakes_around_an_outage_none_fails_and_resumption_comes_back() {
    let mut redis = redis!();
    let fleet = Fleet::new(&redis, "--no-tickets");
    let clients: Vec<_> = VERSIONS.into_iter().cycle().take(4).map(|v| built(fleet.client(v))).collect();
    for client in &clients {
        assert_eq!(fleet.connect(client, 0), Resumed::Full);
        assert!(fleet.connect(client, 1).is_resumed());
    }
    let (begun, phase) = (AtomicUsize::new(0), AtomicUsize::new(BEFORE));
    // How many were full and how many resumed, of those that began and ended in the same phase.
    let counts: [[AtomicUsize; 2]; PHASES] = Default::default();
    thread::scope(|scope| {
        for client in &clients {
            let (fleet, begun, phase, counts) = (&fleet, &begun, &phase, &counts);
            scope.spawn(move || {
                loop {
                    let at = phase.load(Ordering::SeqCst);
                    if at == OVER {
                        return;
                    }
                    let number = begun.fetch_add(1, Ordering::SeqCst);
                    // A failure panics here, and fails the test.
                    let resumed = fleet.connect(client, number % 2).is_resumed();
                    if phase.load(Ordering::SeqCst) == at {
                        counts[at][usize::from(resumed)].fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        let wait_for = |more| {
            let count = begun.load(Ordering::SeqCst) + more;
            while begun.load(Ordering::SeqCst) < count {
                thread::sleep(Duration::from_millis(1));
            }
        };
        let enter = |next| phase.store(next, Ordering::SeqCst);
        wait_for(3000);
        enter(STOPPING);
        redis.stop();
        enter(DURING);
        wait_for(3000);
        enter(STARTING);
        redis.restart();
        enter(AFTER);
        wait_for(4000);
        enter(OVER);
    });
    let counts = counts.map(|phase| phase.map(AtomicUsize::into_inner));
    println!("full and resumed, {counts:?}");
    // All but those, one of each client, that a change of phase met.
    let most = 3000 - 2 * clients.len();
    let [full, resumed] = counts[BEFORE];
    assert!(full == 0 && resumed >= most, "as long as the store was there: {counts:?}");
    let [full, resumed] = counts[DURING];
    assert!(full >= most && resumed == 0, "without it, none can: {counts:?}");
    for (client, node) in clients.iter().zip([0, 1, 1, 0]) {
        fleet.until("resumption", || fleet.connect(client, node).is_resumed());
    }
    let [one, two] = fleet.nodes.map(Server::kill);
    for log in [one, two] {
        assert!(!log.contains("handshake failed") && !log.contains("broke"), "{log}");
    }
}

/// Randomness that comes again: two clients with the same seed send the same bytes.
struct Seeded(Mutex<u64>);

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut state = self.0.lock().unwrap();
        for byte in out {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            *byte = (*state >> 32) as u8;
        }
        Ok(())
    }
}

/// A clock that stands, and can be set.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

/// A client with the sessions in `bytes` and early data, and everything else such that it can be had twice.
fn first_flight(fleet: &Fleet, bytes: &[u8], clock: u64, seed: u64) -> FirstFlight {
    let clock = Arc::new(Hand(AtomicU64::new(clock)));
    let cache = Arc::new(SessionCache::default());
    cache.restore(bytes, clock.now().unwrap()).expect("sessions");
    let client = fleet.client_with(V13, cache).random(Arc::new(Seeded(Mutex::new(seed)))).clock(clock);
    FirstFlight::new(built(client), b"early")
}

/// Goes through with it, and says what became of the early data.
fn finish(flight: FirstFlight, stream: TcpStream) -> Resumed {
    let mut client = flight.finish(stream);
    client.send(b"late.");
    client.receive_until(b"late.");
    let resumed = client.info().resumed;
    // An echo: what the server took early it says as well, and nothing else.
    let taken: &[u8] = if resumed == Resumed::EarlyData { b"earlylate." } else { b"late." };
    assert_eq!(client.received, taken);
    resumed
}

/// Sessions of a fleet's server that allow early data, and when they were made.
fn sessions(fleet: &Fleet) -> (Vec<u8>, u64) {
    let cache = Arc::new(SessionCache::default());
    fleet.connect(&built(fleet.client_with(V13, cache.clone())), 0);
    let now = UnixTime::now();
    (cache.to_bytes(now).expose().to_vec(), now.as_secs())
}

#[test]
fn the_same_early_data_at_both_nodes_at_once_is_taken_by_exactly_one() {
    let redis = redis!();
    for options in ["--early-data 1000", "--early-data 1000 --no-tickets"] {
        let fleet = Fleet::new(&redis, options);
        // The store remembers from its first claim on, and so for tickets that are made a while later.
        let is_taken = || {
            let (bytes, now) = sessions(&fleet);
            finish(first_flight(&fleet, &bytes, now, 1), fleet.dial(0)) == Resumed::EarlyData
        };
        fleet.until("early data is taken", is_taken);
        let mut taken_by = [0; 2];
        for round in 0..30 {
            let (bytes, now) = sessions(&fleet);
            let both = [(); 2].map(|()| first_flight(&fleet, &bytes, now, 77 + round));
            assert_eq!(both[0].bytes(), both[1].bytes(), "byte for byte the same");
            let (barrier, fleet) = (Barrier::new(2), &fleet);
            let outcomes = thread::scope(|scope| {
                let barrier = &barrier;
                let mut node = 0;
                let both = both.map(|early| {
                    let stream = fleet.dial(node);
                    node += 1;
                    scope.spawn(move || {
                        barrier.wait();
                        finish(early, stream)
                    })
                });
                both.map(|early| early.join().unwrap())
            });
            let taken = outcomes.map(|outcome| usize::from(outcome == Resumed::EarlyData));
            assert_eq!(taken[0] + taken[1], 1, "{outcomes:?} {options}");
            taken_by.iter_mut().zip(taken).for_each(|(sum, taken)| *sum += taken);
        }
        println!("taken by either node: {taken_by:?}");
    }
}

#[test]
fn early_data_is_refused_after_a_failover_and_outside_the_window() {
    let mut redis = redis!();
    let fleet = Fleet::new(&redis, "--early-data 1000");
    let early = |bytes: &[u8], clock, node| finish(first_flight(&fleet, bytes, clock, 5), fleet.dial(node));
    let (mut bytes, mut now) = sessions(&fleet);
    fleet.until("early data is taken", || {
        (bytes, now) = sessions(&fleet);
        early(&bytes, now, 0) == Resumed::EarlyData
    });
    // Again: at the same node, and at the other.
    assert_eq!([early(&bytes, now, 0), early(&bytes, now, 1)], [Resumed::Psk; 2]);
    let (bytes, now) = sessions(&fleet);
    assert_eq!(early(&bytes, now + 60, 1), Resumed::Psk, "its ticket's age is a minute off");
    let (bytes, now) = sessions(&fleet);
    assert_eq!(early(&bytes, now, 1), Resumed::EarlyData, "and with the right time it is taken");
    // The store is replaced by one that has never heard of it.
    redis.restart();
    fleet.until("the store is back at both nodes", || {
        [0, 1].iter().all(|&node| early(&bytes, now, node) == Resumed::Psk)
    });
    assert_eq!([early(&bytes, now, 0), early(&bytes, now, 1)], [Resumed::Psk; 2], "after a fail-over");
}

#[test]
fn what_is_wrong_with_a_store_is_said_at_the_start() {
    let certificates = Certificates::new();
    let (good, secret) = (certificates.good(), certificates.path("secret"));
    let serve = |options: &str| run(&format!("serve {good} {options}"));
    serve("--sessions http://127.0.0.1 --fleet-secret x").ended(2, "the session store cannot be used");
    serve("--sessions redis://127.0.0.1").ended(2, "--fleet-secret FILE");
    serve("--fleet-secret x").ended(2, "--sessions redis://");
    serve("--no-tickets").ended(2, "--sessions memory");
    serve("--sessions elsewhere").ended(2, "redis://HOST:PORT");
    serve("--sessions redis://:hidden@host:x:y --fleet-secret x").ended(2, "the session store");
    certificates.write("secret", b"00");
    let line = format!("--sessions redis://127.0.0.1:1 --fleet-secret {secret}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        serve(&line).ended(2, "chmod 600");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    }
    serve(&line).ended(6, "openssl rand -hex 32");
    fs::remove_file(&secret).unwrap();
    // A store that is not there is no reason not to start.
    let server = Server::start(&format!("--www {good} {line}"));
    run(&format!("connect localhost:{} --ca {} --resume 1 --json", server.port, certificates.ca()))
        .ended(0, "");
    let log = server.kill();
    assert!(log.contains("warning: no session store at 127.0.0.1:1: "), "{log}");
    assert_eq!(fs::read_to_string(&secret).unwrap().trim().len(), 64);
}
