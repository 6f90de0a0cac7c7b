//! Every outcome of an attempt to resume, and every reason for a miss, is heard as an event; none is an error.
mod common;

use common::{
    Authority, Key, Pair,
    sessions::{Attempts, Careless, Hand},
};
use premaster::{
    ClientConfig, Policy, Secret, ServerConfig,
    config::{ClientResumption, Clock, ServerSessions},
    identity::{Credential, Credentials},
    observe::{Miss, Resumed, Resumption, ScopeField},
    resume::{
        Answer, Call, Claim, MemoryStore, Rotation, SealedBytes, SessionCache, SessionName, Store,
        StoreFailed, StoreName, TicketKeys,
    },
    suite::Suite,
    wire::{CipherSuite, ProtocolVersion},
};
use std::{sync::Arc, time::Duration};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;
const VERSIONS: [ProtocolVersion; 2] = [V12, V13];

/// A server with a past, and a client that has a session of it.
struct Fixture {
    authority: Authority,
    credential: Arc<Credential>,
    clock: Arc<Hand>,
    keys: Arc<TicketKeys>,
    store: Arc<MemoryStore>,
    heard: Arc<Attempts>,
    kept: Arc<Careless>,
}

impl Fixture {
    fn new() -> Self {
        let authority = Authority::new();
        let clock = Hand::new();
        Self {
            credential: authority.issue(Key::EcdsaP256, &["localhost"]),
            authority,
            keys: keys(),
            store: store(&clock),
            clock,
            heard: Arc::default(),
            kept: Arc::default(),
        }
    }

    fn tickets(&self) -> ServerSessions {
        ServerSessions::none().with_tickets(self.keys.clone())
    }

    fn stored(&self) -> ServerSessions {
        self.tickets().with_store(self.store.clone()).without_tickets()
    }

    fn with(&self, store: impl Store + 'static) -> ServerSessions {
        self.tickets().with_store(Arc::new(store)).without_tickets()
    }

    /// What the server hears when the client comes, which gets its connection in any case.
    fn come(&self, version: ProtocolVersion, sessions: ServerSessions, policy: Policy) -> Vec<Resumption> {
        let client = ClientConfig::builder()
            .policy(Policy::MODERN.with_versions(&[version]))
            .verifier(self.authority.verifier())
            .resumption(ClientResumption::with(self.kept.clone()));
        let server = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(self.credential.clone()))
            .sessions(sessions)
            .clock(self.clock.clone())
            .observer(self.heard.clone());
        let (client, server) = (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()));
        Pair::new(client, server).handshake().unwrap().exchange_and_close();
        self.heard.take()
    }

    /// The reason why a session made with the first does not serve with the second.
    fn misses(&self, version: ProtocolVersion, first: ServerSessions, second: ServerSessions, miss: Miss) {
        self.come(version, first, Policy::MODERN);
        self.misses_with(version, second, Policy::MODERN, miss);
    }

    fn misses_with(&self, version: ProtocolVersion, sessions: ServerSessions, policy: Policy, miss: Miss) {
        let heard = self.come(version, sessions, policy);
        assert_eq!(heard, [Resumption::Missed(miss), Resumption::Done(Resumed::Full)], "{version}");
    }
}

fn keys() -> Arc<TicketKeys> {
    Arc::new(TicketKeys::rotating(Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200))))
}

fn store(clock: &Hand) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(1000, 1 << 20, clock.now().unwrap()))
}

#[test]
fn resumed_by_id_ticket_and_psk() {
    for (version, is_stored, resumed) in [
        (V12, false, Resumed::Ticket),
        (V12, true, Resumed::Id),
        (V13, false, Resumed::Psk),
        (V13, true, Resumed::Psk),
    ] {
        let fixture = Fixture::new();
        let sessions = || if is_stored { fixture.stored() } else { fixture.tickets() };
        for expected in [Resumed::Full, resumed] {
            let heard = fixture.come(version, sessions(), Policy::MODERN);
            assert_eq!(heard, [Resumption::Done(expected)], "{version}");
        }
    }
}

#[test]
fn resumed_with_early_data_and_the_reasons_why_not() {
    let fixture = Fixture::new();
    let cache = Arc::new(SessionCache::default());
    let client = ClientConfig::builder()
        .policy(Policy::MODERN.with_versions(&[V13]))
        .verifier(fixture.authority.verifier())
        .clock(fixture.clock.clone())
        .resumption(ClientResumption::with(cache).early_data(true));
    let client = Arc::new(client.build().unwrap());
    let server = |sessions: ServerSessions, clock: &Arc<Hand>| {
        let config = ServerConfig::builder()
            .credentials(Credentials::always(fixture.credential.clone()))
            .sessions(sessions)
            .clock(clock.clone())
            .observer(fixture.heard.clone());
        Arc::new(config.build().unwrap())
    };
    let takes = || fixture.tickets().with_store(fixture.store.clone()).early_data(100);
    let come = |server: &Arc<ServerConfig>| {
        let mut pair = Pair::new(client.clone(), server.clone());
        let flight = match pair.client.connection.early_data_left() {
            0 => Vec::new(),
            _ => {
                pair.client.connection.send_early(b"early", &mut pair.client.output).unwrap();
                pair.client.output.as_slice().to_vec()
            }
        };
        pair.handshake().unwrap();
        (fixture.heard.take(), flight)
    };
    let open = server(takes(), &fixture.clock);
    assert_eq!(come(&open).0, [Resumption::Done(Resumed::Full)]);
    let (heard, flight) = come(&open);
    assert_eq!(heard, [Resumption::Done(Resumed::EarlyData)]);
    let mut replayed = Pair::new(client.clone(), open.clone());
    replayed.server.take(&flight).unwrap();
    assert_eq!(fixture.heard.take(), [Resumption::EarlyDataRefused(Miss::Replay)]);
    let refused = |server: &Arc<ServerConfig>, miss| {
        // With a ticket of the one that takes early data.
        come(&open);
        fixture.heard.take();
        let heard = come(server).0;
        assert_eq!(heard, [Resumption::EarlyDataRefused(miss), Resumption::Done(Resumed::Psk)], "{miss}");
    };
    refused(&server(fixture.tickets(), &fixture.clock), Miss::Declined);
    for (failed, miss) in
        [(StoreFailed::TimedOut, Miss::StoreTimedOut), (StoreFailed::Unavailable, Miss::StoreFailed)]
    {
        let sessions = fixture.tickets().with_store(Arc::new(Failing(failed))).early_data(100);
        refused(&server(sessions, &fixture.clock), miss);
    }
    let ahead = Hand::new();
    ahead.forward(60);
    refused(&server(takes(), &ahead), Miss::NotFresh);
}

#[test]
fn malformed() {
    for version in VERSIONS {
        for ticket in [vec![1], vec![1; 20_000]] {
            let fixture = Fixture::new();
            fixture.come(version, fixture.tickets(), Policy::MODERN);
            fixture.kept.change(|session| session.name = SessionName::Ticket(ticket));
            fixture.misses_with(version, fixture.tickets(), Policy::MODERN, Miss::Malformed);
        }
    }
}

#[test]
fn unknown_key_and_expired_key() {
    for version in VERSIONS {
        let fixture = Fixture::new();
        let stranger = ServerSessions::none().with_tickets(keys());
        fixture.misses(version, fixture.tickets(), stranger, Miss::UnknownKey);
        // A session may outlive its key; then it is over.
        let fixture = Fixture::new();
        let for_days = || fixture.tickets().lifetime(3 * 24 * 3600);
        fixture.come(version, for_days(), Policy::MODERN);
        fixture.clock.forward(3 * 3600 - 1);
        let heard = fixture.come(version, for_days(), Policy::MODERN);
        assert!(matches!(heard[..], [Resumption::Done(how)] if how.is_resumed()));
        fixture.clock.forward(1);
        fixture.misses_with(version, for_days(), Policy::MODERN, Miss::ExpiredKey);
    }
}

#[test]
fn expired_session() {
    for version in VERSIONS {
        let fixture = Fixture::new();
        let brief = || fixture.tickets().lifetime(600);
        fixture.come(version, brief(), Policy::MODERN);
        fixture.clock.forward(599);
        assert!(
            matches!(fixture.come(version, brief(), Policy::MODERN)[..], [Resumption::Done(how)] if how.is_resumed())
        );
        fixture.clock.forward(1);
        fixture.misses_with(version, brief(), Policy::MODERN, Miss::ExpiredSession);
    }
}

#[test]
fn scope_mismatch_says_which_field() {
    for version in VERSIONS {
        let fixture = Fixture::new();
        let elsewhere = fixture.tickets().context(*b"elsewhere");
        fixture.misses(version, fixture.tickets(), elsewhere, Miss::Scope(ScopeField::Application));
        // Every other field: session_scope.rs.
    }
}

#[test]
fn suite() {
    let others = [CipherSuite::TLS_AES_256_GCM_SHA384, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    for version in VERSIONS {
        let fixture = Fixture::new();
        fixture.come(version, fixture.tickets(), Policy::MODERN);
        let policy = Policy::MODERN.with_cipher_suites(&others);
        fixture.misses_with(version, fixture.tickets(), policy, Miss::Suite);
    }
}

#[test]
fn another_version() {
    let fixture = Fixture::new();
    fixture.come(V12, fixture.tickets(), Policy::MODERN);
    // A client that mistakes the ticket for one of TLS 1.3.
    fixture.kept.change(|session| {
        session.suite = Suite::find(CipherSuite::TLS_AES_128_GCM_SHA256).unwrap();
        session.secret = Secret::from(&[1; 32][..]);
    });
    fixture.misses_with(V13, fixture.tickets(), Policy::MODERN, Miss::Version);
}

#[test]
fn store_miss() {
    for version in VERSIONS {
        let fixture = Fixture::new();
        let empty = fixture.with(MemoryStore::new(1000, 1 << 20, fixture.clock.now().unwrap()));
        fixture.misses(version, fixture.stored(), empty, Miss::StoreMiss);
    }
}

#[test]
fn store_time_out_and_failure() {
    for version in VERSIONS {
        for (failed, miss) in [
            (StoreFailed::TimedOut, Miss::StoreTimedOut),
            (StoreFailed::Unavailable, Miss::StoreFailed),
            (StoreFailed::Full, Miss::StoreFailed),
        ] {
            let fixture = Fixture::new();
            fixture.misses(version, fixture.stored(), fixture.with(Failing(failed)), miss);
        }
    }
}

#[test]
fn declined_by_policy() {
    for version in VERSIONS {
        let fixture = Fixture::new();
        fixture.misses(version, fixture.tickets(), ServerSessions::none(), Miss::Declined);
    }
}

/// A store that fails.
struct Failing(StoreFailed);

impl Store for Failing {
    fn put(&self, _: Call, _: StoreName, _: SealedBytes, _: Duration) -> Answer<'_, Result<(), StoreFailed>> {
        Answer::now(Err(self.0))
    }

    fn put_new(
        &self,
        _: Call,
        _: StoreName,
        _: SealedBytes,
        _: Duration,
    ) -> Answer<'_, Result<bool, StoreFailed>> {
        Answer::now(Err(self.0))
    }

    fn get(&self, _: Call, _: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        Answer::now(Err(self.0))
    }

    fn take(&self, _: Call, _: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        Answer::now(Err(self.0))
    }

    fn claim(&self, _: Call, _: StoreName, _: Duration) -> Answer<'_, Result<Claim, StoreFailed>> {
        Answer::now(Err(self.0))
    }
}

/// Whatever bit of a ticket, or of the name of a stored session, is changed: a full handshake, and no word about it.
#[test]
fn no_bit_of_a_ticket_can_be_changed() {
    for version in VERSIONS {
        let fixture = Fixture::new();
        fixture.come(version, fixture.tickets(), Policy::MODERN);
        let ticket = fixture.kept.0.lock().unwrap().as_ref().unwrap().name.bytes().to_vec();
        for bit in 0..ticket.len() * 8 {
            let mut changed = ticket.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            fixture.kept.change(|session| session.name = SessionName::Ticket(changed));
            let heard = fixture.come(version, fixture.tickets(), Policy::MODERN);
            let is_miss = matches!(
                heard[..],
                [Resumption::Missed(Miss::Malformed | Miss::UnknownKey), Resumption::Done(Resumed::Full)]
            );
            assert!(is_miss, "{version} bit {bit}: {heard:?}");
        }
        fixture.kept.change(|session| session.name = SessionName::Ticket(ticket));
        let heard = fixture.come(version, fixture.tickets(), Policy::MODERN);
        assert!(matches!(heard[..], [Resumption::Done(how)] if how.is_resumed()), "and as it was, it serves");
    }
}
