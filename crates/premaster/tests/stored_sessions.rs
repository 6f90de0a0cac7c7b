//! Sessions that servers store, early data that comes twice, and what a ticket key is worth, by a clock that the
//! tests set.
mod common;

use common::{Authority, Key, Pair, sessions::Hand};
use premaster::{
    ClientConfig, Policy, ServerConfig,
    config::{ClientResumption, Clock, ServerSessions},
    identity::{Credential, Credentials},
    observe::{At, Event, Kept, Miss, Observer, Resumed, Resumption},
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::{NamedGroup, ProtocolVersion, Side},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

/// Hears what misses, what was sealed, and what it was that was sealed.
#[derive(Default)]
struct Heard {
    resumption: Mutex<Vec<Resumption>>,
    tickets: Mutex<Vec<Vec<u8>>>,
    master: Mutex<Vec<u8>>,
    kept: Mutex<Vec<(Side, Kept, u64)>>,
    skews: Mutex<Vec<i64>>,
}

impl Observer for Heard {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        match event {
            Event::Kept { what, until } => self.kept.lock().unwrap().push((at.side, what, until.as_secs())),
            Event::TicketAge { skew } => self.skews.lock().unwrap().push(skew),
            Event::Resumption(resumption) => self.resumption.lock().unwrap().push(resumption),
            // NewSessionTicket of TLS 1.2: header, lifetime, length, ticket. It crosses the wire in the clear.
            Event::Message { bytes: [4, _, _, _, rest @ ..], .. } if rest.len() > 6 => {
                self.tickets.lock().unwrap().push(rest[6..].to_vec());
            }
            Event::Derived { secret: "master_secret", value, .. } => {
                *self.master.lock().unwrap() = value.expose().to_vec();
            }
            _ => {}
        }
    }
}

impl Heard {
    fn resumption(&self) -> Vec<Resumption> {
        std::mem::take(&mut self.resumption.lock().unwrap())
    }
}

struct Fixture {
    authority: Authority,
    credential: Arc<Credential>,
    clock: Arc<Hand>,
    keys: Arc<TicketKeys>,
    store: Arc<MemoryStore>,
    heard: Arc<Heard>,
}

impl Fixture {
    fn new() -> Self {
        let authority = Authority::new();
        let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
        let clock = Hand::new();
        let keys = Arc::new(TicketKeys::rotating(rotation()));
        let store = Arc::new(MemoryStore::new(1000, 1 << 20, clock.now().unwrap()));
        Self { authority, credential, clock, keys, store, heard: Arc::default() }
    }

    fn client(&self, policy: Policy) -> Arc<ClientConfig> {
        let sessions = ClientResumption::with(Arc::new(SessionCache::default())).early_data(true);
        let config = ClientConfig::builder()
            .policy(policy)
            .verifier(self.authority.verifier())
            .resumption(sessions)
            .clock(self.clock.clone());
        Arc::new(config.build().unwrap())
    }

    fn server_with(&self, sessions: ServerSessions, policy: Policy) -> Arc<ServerConfig> {
        let config = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(self.credential.clone()))
            .sessions(sessions)
            .clock(self.clock.clone())
            .observer(self.heard.clone());
        Arc::new(config.build().unwrap())
    }

    fn server(&self, sessions: ServerSessions) -> Arc<ServerConfig> {
        self.server_with(sessions, Policy::MODERN)
    }

    fn stateful(&self) -> ServerSessions {
        ServerSessions::none().with_store(self.store.clone())
    }

    fn early(&self) -> ServerSessions {
        ServerSessions::none().with_tickets(self.keys.clone()).with_store(self.store.clone()).early_data(1000)
    }
}

fn rotation() -> Rotation {
    Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200))
}

fn only(version: ProtocolVersion) -> Policy {
    Policy::MODERN.with_versions(&[version])
}

fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Resumed {
    let pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
    let resumed = pair.client.connection.info().unwrap().resumed;
    assert_eq!(resumed, pair.server.connection.info().unwrap().resumed);
    pair.exchange_and_close();
    resumed
}

#[test]
fn the_server_keeps_sessions_by_id_in_tls12_and_by_name_in_tls13() {
    for (version, expected) in [(V12, Resumed::Id), (V13, Resumed::Psk)] {
        let fixture = Fixture::new();
        let (client, server) = (fixture.client(only(version)), fixture.server(fixture.stateful()));
        assert_eq!(connect(&client, &server), Resumed::Full);
        for _ in 0..5 {
            assert_eq!(connect(&client, &server), expected, "{version}");
        }
        // Another store does not know them.
        let stranger = fixture.server(ServerSessions::none().with_store(Arc::new(MemoryStore::new(
            9,
            1 << 20,
            fixture.clock.now().unwrap(),
        ))));
        fixture.heard.resumption();
        assert_eq!(connect(&client, &stranger), Resumed::Full);
        assert!(fixture.heard.resumption().contains(&Resumption::Missed(Miss::StoreMiss)), "{version}");
    }
}

#[test]
fn stored_sessions_end_with_their_time() {
    for version in [V12, V13] {
        let fixture = Fixture::new();
        let server = fixture.server(fixture.stateful().lifetime(600));
        let client = fixture.client(only(version));
        assert_eq!(connect(&client, &server), Resumed::Full);
        fixture.clock.forward(599);
        assert!(connect(&client, &server).is_resumed(), "{version}");
        fixture.clock.forward(600);
        assert_eq!(connect(&client, &server), Resumed::Full, "{version}");
    }
}

#[test]
fn certificates_are_believed_for_so_long_only_however_often_the_session_is_resumed() {
    for version in [V12, V13] {
        let fixture = Fixture::new();
        let sessions = ServerSessions::none().with_tickets(fixture.keys.clone()).max_authentication_age(1000);
        let (server, client) = (fixture.server(sessions), fixture.client(only(version)));
        let resumed: Vec<_> = (0..8)
            .map(|_| {
                fixture.clock.forward(300);
                connect(&client, &server).is_resumed()
            })
            .collect();
        assert_eq!(resumed, [false, true, true, true, false, true, true, true], "{version}");
    }
}

/// The first flight of a client that sends early data.
fn first_flight(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Pair {
    let mut pair = Pair::new(client.clone(), server.clone());
    assert_eq!(pair.client.connection.early_data_left(), 1000);
    let sent = pair.client.connection.send_early(b"early", &mut pair.client.output).unwrap();
    assert_eq!(sent, 5);
    pair
}

#[test]
fn early_data_is_taken_once() {
    let fixture = Fixture::new();
    let (client, server) = (fixture.client(only(V13)), fixture.server(fixture.early()));
    assert_eq!(connect(&client, &server), Resumed::Full);
    fixture.clock.forward(60);
    let mut pair = first_flight(&client, &server);
    let flight = pair.client.output.as_slice().to_vec();
    pair.run().unwrap();
    assert_eq!(pair.server.received, b"early");
    assert_eq!(pair.client.connection.info().unwrap().resumed, Resumed::EarlyData);
    // The same flight again: to this node, to another one with the same store, and when it is stale.
    let replay = |server: &Arc<ServerConfig>| {
        fixture.heard.resumption();
        let mut pair = Pair::new(client.clone(), server.clone());
        pair.server.take(&flight).unwrap();
        assert!(pair.server.received.is_empty(), "replayed data is not handed out");
        fixture.heard.resumption()
    };
    let refused = |miss| Resumption::EarlyDataRefused(miss);
    assert!(replay(&server).contains(&refused(Miss::Replay)));
    assert!(replay(&fixture.server(fixture.early())).contains(&refused(Miss::Replay)));
    fixture.clock.forward(11);
    assert!(replay(&server).contains(&refused(Miss::Replay)));
    fixture.clock.forward(1);
    assert!(replay(&server).contains(&refused(Miss::NotFresh)));
}

#[test]
fn early_data_that_nobody_can_vouch_for_comes_a_round_trip_later() {
    let fixture = Fixture::new();
    let tickets = || ServerSessions::none().with_tickets(fixture.keys.clone());
    // What becomes of the early data of a client that has just met a server that takes it.
    let attempt = |server: &Arc<ServerConfig>| {
        let client = fixture.client(only(V13));
        assert_eq!(connect(&client, &fixture.server(fixture.early())), Resumed::Full);
        fixture.heard.resumption();
        let mut pair = first_flight(&client, server);
        pair.run().unwrap();
        let resumed = pair.client.connection.info().unwrap().resumed;
        assert_eq!(pair.server.received.is_empty(), resumed == Resumed::Psk);
        fixture.heard.resumption()
    };
    let refused = |miss| Resumption::EarlyDataRefused(miss);
    let no_store = fixture.server(tickets().early_data(1000));
    assert!(attempt(&no_store).contains(&refused(Miss::Declined)));
    let unwanted = fixture.server(tickets().with_store(fixture.store.clone()));
    assert!(attempt(&unwanted).contains(&refused(Miss::Declined)));
    // A store with room for a few.
    let small = MemoryStore::new(0, 0, fixture.clock.now().unwrap());
    let small = fixture.server(tickets().with_store(Arc::new(small)).early_data(1000));
    let heard: Vec<_> = (0..40).flat_map(|_| attempt(&small)).collect();
    let count = |wanted| heard.iter().filter(|heard| **heard == wanted).count();
    let (taken, full) = (count(Resumption::Done(Resumed::EarlyData)), count(refused(Miss::StoreFailed)));
    assert!((1..=16).contains(&taken) && taken + full == 40, "{taken} {full}");
}

#[test]
fn a_retry_refuses_early_data_and_spends_no_session() {
    let policy =
        Policy::MODERN.with_versions(&[V13]).with_groups(&[NamedGroup::x25519, NamedGroup::secp384r1]);
    let fixture = Fixture::new();
    let client = fixture.client(policy);
    for sessions in [fixture.early(), fixture.stateful()] {
        let server = fixture.server_with(sessions, Policy::MODERN.with_groups(&[NamedGroup::secp384r1]));
        connect(&client, &server);
        fixture.heard.resumption();
        for _ in 0..3 {
            let pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
            let info = pair.client.connection.info().unwrap();
            assert!(info.hello_retry);
            assert_eq!(info.resumed, Resumed::Psk);
            pair.exchange_and_close();
        }
        assert_eq!(fixture.heard.resumption(), [Resumption::Done(Resumed::Psk); 3]);
    }
}

/// What the forward secrecy window means: within it, who takes the ticket key has the master secret of a recorded
/// connection; after it, nothing that the process holds gives it.
#[test]
fn a_ticket_key_opens_recorded_connections_within_its_window_and_never_after() {
    let fixture = Fixture::new();
    let server = fixture.server(ServerSessions::none().with_tickets(fixture.keys.clone()));
    connect(&fixture.client(only(V12)), &server);
    let ticket = fixture.heard.tickets.lock().unwrap()[0].clone();
    let master = fixture.heard.master.lock().unwrap().clone();
    assert_eq!(master.len(), 48);
    let now = || fixture.clock.now().unwrap();
    let thief =
        |ticket: &[u8]| fixture.keys.open(now(), ticket).map(|session| session.secret.expose().to_vec());
    let window = fixture.keys.forward_secrecy_window().as_secs();
    assert_eq!(window, 3 * 3600);
    fixture.clock.forward(window - 1);
    assert_eq!(thief(&ticket), Ok(master));
    fixture.clock.forward(1);
    assert_eq!(thief(&ticket), Err(Miss::ExpiredKey));
    // Whatever the clock says: the key is not there any more.
    fixture.keys.maintain(now(), None);
    assert!(fixture.keys.status(now()).iter().all(|key| key.id[..] != ticket[..16]));
    fixture.clock.back(window);
    assert_eq!(thief(&ticket), Err(Miss::ExpiredKey));
}

/// What outlives a connection is told of on both sides, with its end.
#[test]
fn what_is_kept_and_until_when_is_told() {
    let fixture = Fixture::new();
    let start = fixture.clock.now().unwrap().as_secs();
    let kept = || std::mem::take(&mut *fixture.heard.kept.lock().unwrap());
    let (server_keys, client_cache) = ((Side::Server, Kept::TicketKey), (Side::Client, Kept::Cache));
    // A key seals for an hour and opens for two more, wherever in its hour it is.
    let erased = |keys: &TicketKeys| {
        keys.status(fixture.clock.now().unwrap()).last().unwrap().window.decrypt_until.as_secs()
    };
    for version in [V12, V13] {
        let sessions = ServerSessions::none().with_tickets(fixture.keys.clone()).lifetime(600);
        let observed = || {
            let client = Arc::unwrap_or_clone(fixture.client(only(version)));
            Arc::new(client.with_observer(fixture.heard.clone()))
        };
        let (client, server) = (observed(), fixture.server(sessions.tickets_per_handshake(1)));
        assert_eq!(connect(&client, &server), Resumed::Full);
        let until = erased(&fixture.keys);
        assert_eq!(until, start + 3 * 3600, "{version}");
        let told = kept();
        assert!(told.contains(&(server_keys.0, server_keys.1, until)), "{version}: {told:?}");
        assert!(told.contains(&(client_cache.0, client_cache.1, start + 600)), "{version}: {told:?}");
        // The ticket that a client comes back with names its key too.
        assert!(connect(&client, &server).is_resumed(), "{version}");
        assert!(kept().contains(&(server_keys.0, server_keys.1, until)), "{version}");
        let stored = fixture.server(fixture.stateful().lifetime(300));
        let client = observed();
        for _ in 0..2 {
            connect(&client, &stored);
            assert!(kept().contains(&(Side::Server, Kept::Store, start + 300)), "{version}");
        }
    }
}

#[test]
fn a_server_tells_how_far_the_age_of_a_ticket_is_off() {
    let fixture = Fixture::new();
    let (client, server) = (fixture.client(only(V13)), fixture.server(fixture.early()));
    assert_eq!(connect(&client, &server), Resumed::Full);
    assert_eq!(*fixture.heard.skews.lock().unwrap(), [0_i64; 0]);
    fixture.clock.forward(60);
    // Made now, and on its way for five seconds.
    let mut pair = Pair::new(client, server);
    fixture.clock.forward(5);
    pair.run().unwrap();
    assert_eq!(*fixture.heard.skews.lock().unwrap(), [5000]);
}
