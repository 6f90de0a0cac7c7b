//! What becomes of sessions when a connection ends badly, and how many tickets a client gets.
mod common;

use common::{
    Authority, Key, Pair,
    sessions::{Attempts, Careless},
};
use premaster::{
    ClientConfig, Connection, Content, Output, Policy, ServerConfig,
    config::{ClientResumption, ServerSessions},
    identity::{Credential, Credentials},
    observe::{Miss, Resumed},
    pki_types::UnixTime,
    resume::{ClientSessions, MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::ProtocolVersion,
};
use std::{sync::Arc, time::Duration};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

struct Fixture {
    authority: Authority,
    credential: Arc<Credential>,
    heard: Arc<Attempts>,
}

impl Fixture {
    fn new() -> Self {
        let authority = Authority::new();
        let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
        Self { authority, credential, heard: Arc::default() }
    }

    fn client(&self, version: ProtocolVersion, resumption: ClientResumption) -> Arc<ClientConfig> {
        let config = ClientConfig::builder()
            .policy(Policy::MODERN.with_versions(&[version]))
            .verifier(self.authority.verifier())
            .resumption(resumption);
        Arc::new(config.build().unwrap())
    }

    fn keeping(&self, version: ProtocolVersion, sessions: Arc<dyn ClientSessions>) -> Arc<ClientConfig> {
        self.client(version, ClientResumption::with(sessions))
    }

    fn server(&self, sessions: ServerSessions) -> Arc<ServerConfig> {
        let config = ServerConfig::builder()
            .credentials(Credentials::always(self.credential.clone()))
            .sessions(sessions)
            .observer(self.heard.clone());
        Arc::new(config.build().unwrap())
    }
}

fn stored() -> ServerSessions {
    ServerSessions::none().with_store(Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now())))
}

fn tickets() -> ServerSessions {
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    ServerSessions::none().with_tickets(Arc::new(TicketKeys::rotating(rotation)))
}

fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Resumed {
    let pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
    let resumed = pair.server.connection.info().unwrap().resumed;
    pair.exchange_and_close();
    resumed
}

/// Who finds the record that was changed on its way, and so sends the alert that the other gets.
#[derive(Clone, Copy, Debug)]
enum Finds {
    Server,
    Client,
}

/// A connection that ends with a fatal alert. Says what it started from.
fn broken(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, finds: Finds) -> Resumed {
    let mut pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
    let resumed = pair.server.connection.info().unwrap().resumed;
    let (from, to) = match finds {
        Finds::Server => (&mut pair.client, &mut pair.server),
        Finds::Client => (&mut pair.server, &mut pair.client),
    };
    from.connection.send(b"data", &mut from.output).unwrap();
    let mut bytes = from.output.as_slice().to_vec();
    from.output.clear();
    *bytes.last_mut().unwrap() ^= 1;
    to.take(&bytes).unwrap_err();
    let alert = to.output.as_slice().to_vec();
    from.take(&alert).unwrap_err();
    resumed
}

#[test]
fn a_connection_that_ended_with_a_fatal_alert_is_not_resumed() {
    for finds in [Finds::Server, Finds::Client] {
        for version in [V12, V13] {
            let fixture = Fixture::new();
            let server = fixture.server(stored());
            // A client that would offer it for ever: the server has forgotten.
            let client = fixture.keeping(version, Arc::new(Careless::default()));
            assert_eq!(broken(&client, &server, finds), Resumed::Full);
            fixture.heard.take();
            assert_eq!(connect(&client, &server), Resumed::Full, "{version} {finds:?}");
            assert_eq!(fixture.heard.misses(), [Miss::StoreMiss], "{version} {finds:?}");
        }
        // One that resumed is not resumed again either.
        let fixture = Fixture::new();
        let server = fixture.server(stored());
        let client = fixture.keeping(V12, Arc::new(Careless::default()));
        assert_eq!(connect(&client, &server), Resumed::Full);
        assert_eq!(broken(&client, &server, finds), Resumed::Id);
        assert_eq!(connect(&client, &server), Resumed::Full, "{finds:?}");
        // A ticket is beyond the server's reach, but not the client's.
        for sessions in [tickets(), stored()] {
            let (server, cache) = (fixture.server(sessions), Arc::new(SessionCache::default()));
            let client = fixture.keeping(V12, cache.clone());
            assert_eq!(connect(&client, &server), Resumed::Full);
            assert!(broken(&client, &server, finds).is_resumed());
            assert!(cache.is_empty(), "{finds:?}");
            fixture.heard.take();
            assert_eq!(connect(&client, &server), Resumed::Full);
            assert_eq!(fixture.heard.misses(), [], "nothing was offered");
        }
    }
}

#[test]
fn connections_that_end_otherwise_are_resumed() {
    for version in [V12, V13] {
        let fixture = Fixture::new();
        let (server, client) =
            (fixture.server(stored()), fixture.keeping(version, Arc::new(SessionCache::default())));
        let mut pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
        // Cut off. RFC 5246 section 7.2.1: no reason not to resume.
        pair.server.connection.end_of_input().unwrap_err();
        pair.client.connection.end_of_input().unwrap_err();
        assert!(connect(&client, &server).is_resumed(), "{version}");
    }
}

/// Anybody who saw an ID on the wire can send it, and an alert after it: that must not cost its owner the session.
#[test]
fn a_stranger_cannot_make_a_server_forget() {
    let fixture = Fixture::new();
    let (server, client) =
        (fixture.server(stored()), fixture.keeping(V12, Arc::new(SessionCache::default())));
    connect(&client, &server);
    let mut output = Output::new();
    let _hello = Connection::client(client.clone(), "localhost".try_into().unwrap(), &mut output).unwrap();
    let mut stranger = Connection::server(server.clone());
    let mut answer = Output::new();
    let mut input = output.as_slice().to_vec();
    let received = stranger.receive(&mut input, &mut answer).unwrap();
    assert!(matches!(received.content, Content::Progress));
    // The server has agreed to resume. A fatal alert, in the clear.
    stranger.receive(&mut [21, 3, 3, 0, 2, 2, 40], &mut answer).unwrap_err();
    assert_eq!(connect(&client, &server), Resumed::Id);
}

/// RFC 9149.
#[test]
fn a_client_gets_as_many_tickets_as_it_asks_for_within_bounds() {
    let fixture = Fixture::new();
    for sessions in [tickets(), stored()] {
        // What the client asks for after a full handshake and after one that resumed, and what it then has: the one
        // that was offered is used up.
        for (asked, expected) in [
            (None, [2, 1 + 1]),
            (Some((0, 0)), [0, 0]),
            (Some((1, 1)), [1, 1]),
            (Some((3, 2)), [3, 2 + 2]),
            (Some((4, 0)), [4, 3]),
            (Some((255, 255)), [4, 3 + 2]),
        ] {
            let cache = Arc::new(SessionCache::new(4, 100));
            let mut resumption = ClientResumption::with(cache.clone());
            if let Some((new, resumed)) = asked {
                resumption = resumption.tickets(new, resumed);
            }
            let (client, server) = (fixture.client(V13, resumption), fixture.server(sessions.clone()));
            assert_eq!(connect(&client, &server), Resumed::Full);
            assert_eq!(cache.len(), expected[0], "{asked:?}");
            connect(&client, &server);
            let second = if expected[0] == 0 { 0 } else { expected[1] };
            assert_eq!(cache.len(), second, "{asked:?}");
        }
    }
}

#[test]
fn a_server_without_sessions_gives_none_whatever_is_asked() {
    let fixture = Fixture::new();
    let cache = Arc::new(SessionCache::default());
    let client = fixture.client(V13, ClientResumption::with(cache.clone()).tickets(9, 9));
    connect(&client, &fixture.server(ServerSessions::none()));
    assert!(cache.is_empty());
}
