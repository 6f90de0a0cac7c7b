//! Resumption: exactly when the circumstances are the same, in every form.
mod common;

use common::{Authority, Key, Pair};
use premaster::{
    ClientConfig, Connection, Error, Policy, Secret, ServerConfig,
    config::{ClientAuthentication, ClientResumption, ServerConfigBuilder, ServerSessions},
    crypto::hash::HashAlgorithm,
    error::Misuse,
    identity::{Credentials, ExternalPsk, PskSource},
    observe::{KeyLog, Resumed},
    pki_types::UnixTime,
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::{NamedGroup, ProtocolVersion},
};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

struct Fixture {
    authority: Authority,
    credential: Arc<premaster::identity::Credential>,
    client: Arc<premaster::identity::Credential>,
    keys: Arc<TicketKeys>,
    sessions: Arc<SessionCache>,
}

impl Fixture {
    fn new() -> Self {
        let authority = Authority::new();
        Self {
            credential: authority.issue(Key::EcdsaP256, &["localhost", "other.example"]),
            client: authority.issue(Key::EcdsaP256, &["client"]),
            authority,
            keys: Arc::new(keys()),
            sessions: Arc::new(SessionCache::new(8, 4)),
        }
    }

    fn client(&self, policy: Policy) -> Arc<ClientConfig> {
        let config = ClientConfig::builder()
            .policy(policy)
            .verifier(self.authority.verifier())
            .credentials(Credentials::always(self.client.clone()))
            .alpn(["h2"])
            .resumption(ClientResumption::with(self.sessions.clone()));
        Arc::new(config.build().unwrap())
    }

    fn server(&self, change: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder) -> Arc<ServerConfig> {
        let config = ServerConfig::builder()
            .credentials(Credentials::always(self.credential.clone()))
            .alpn(["h2", "http/1.1"])
            .sessions(ServerSessions::none().with_tickets(self.keys.clone()));
        Arc::new(change(config).build().unwrap())
    }
}

fn keys() -> TicketKeys {
    TicketKeys::rotating(Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200)))
}

fn resumed(connection: &Connection) -> Resumed {
    connection.info().unwrap().resumed
}

/// Runs a handshake and says how both ends think it went; they must agree.
fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Resumed {
    let pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
    let outcome = resumed(&pair.client.connection);
    assert_eq!(outcome, resumed(&pair.server.connection));
    let peer = &pair.client.connection.info().unwrap().peer;
    assert!(peer.as_ref().is_some_and(|peer| peer.is_verified()), "the client knows the server");
    pair.exchange_and_close();
    outcome
}

#[test]
fn tickets_resume_in_both_versions() {
    for (version, expected) in [(V12, Resumed::Ticket), (V13, Resumed::Psk)] {
        let fixture = Fixture::new();
        let client = fixture.client(Policy::MODERN.with_versions(&[version]));
        let server = fixture.server(|builder| builder);
        assert_eq!(connect(&client, &server), Resumed::Full);
        for _ in 0..5 {
            assert_eq!(connect(&client, &server), expected, "{version}");
        }
    }
}

#[test]
fn a_client_certificate_is_remembered_and_its_policy_is_part_of_the_scope() {
    for (version, expected) in [(V12, Resumed::Ticket), (V13, Resumed::Psk)] {
        let fixture = Fixture::new();
        let client = fixture.client(Policy::MODERN.with_versions(&[version]));
        let open = fixture.server(|builder| builder);
        let closed = fixture.server(|builder| {
            builder.client_authentication(ClientAuthentication::Required(fixture.authority.verifier().into()))
        });
        // A session made without a certificate is no way around the door.
        assert_eq!(connect(&client, &open), Resumed::Full);
        assert_eq!(connect(&client, &closed), Resumed::Full);
        let pair = Pair::new(client.clone(), closed.clone()).handshake().unwrap();
        assert_eq!(resumed(&pair.server.connection), expected);
        let identity = pair.server.connection.info().unwrap().peer.clone().unwrap();
        assert_eq!(identity.leaf(), fixture.client.leaf());
    }
}

#[test]
fn other_circumstances_cost_a_full_handshake() {
    type Change = fn(&Fixture, ServerConfigBuilder) -> ServerConfigBuilder;
    let changes: [(&str, Change); 4] = [
        ("alpn", |_, builder| builder.alpn(["h2"])),
        ("credential", |fixture, builder| {
            builder.credentials(Credentials::always(fixture.authority.issue(Key::EcdsaP256, &["localhost"])))
        }),
        ("trust epoch", |fixture, builder| {
            builder.sessions(ServerSessions::none().with_tickets(fixture.keys.clone()).trust_epoch(1))
        }),
        ("keys", |_, builder| builder.sessions(ServerSessions::none().with_tickets(Arc::new(keys())))),
    ];
    for version in [V12, V13] {
        for (name, change) in &changes {
            let fixture = Fixture::new();
            let client = fixture.client(Policy::MODERN.with_versions(&[version]));
            assert_eq!(connect(&client, &fixture.server(|builder| builder)), Resumed::Full);
            let changed = fixture.server(|builder| change(&fixture, builder));
            assert_eq!(connect(&client, &changed), Resumed::Full, "{version} {name}");
            assert!(connect(&client, &changed).is_resumed(), "{version} {name}");
        }
    }
}

#[test]
fn a_session_of_one_version_does_not_resume_in_the_other() {
    let fixture = Fixture::new();
    let both = fixture.client(Policy::MODERN);
    let server12 = fixture.server(|builder| builder.policy(Policy::MODERN.with_versions(&[V12])));
    let server13 = fixture.server(|builder| builder.policy(Policy::MODERN.with_versions(&[V13])));
    assert_eq!(connect(&both, &server12), Resumed::Full);
    assert_eq!(connect(&both, &server13), Resumed::Full);
    assert_eq!(connect(&both, &server12), Resumed::Full);
}

#[test]
fn a_retry_keeps_the_pre_shared_key() {
    let fixture = Fixture::new();
    let policy =
        Policy::MODERN.with_versions(&[V13]).with_groups(&[NamedGroup::x25519, NamedGroup::secp384r1]);
    let client = fixture.client(policy);
    let server =
        fixture.server(|builder| builder.policy(Policy::MODERN.with_groups(&[NamedGroup::secp384r1])));
    assert_eq!(connect(&client, &server), Resumed::Full);
    let pair = Pair::new(client, server).handshake().unwrap();
    assert_eq!(resumed(&pair.client.connection), Resumed::Psk);
    assert!(pair.client.connection.info().unwrap().hello_retry);
}

#[test]
fn external_and_imported_keys() {
    let outside = ExternalPsk::new("user\0x", Secret::from(&[1; 32][..]));
    let imported = |hash| ExternalPsk::import(&outside, b"client to server", hash).unwrap();
    let keys = [
        ExternalPsk::new("user\0x", Secret::from(&[1; 32][..])),
        ExternalPsk::new("user", Secret::from(&[2; 32][..])).with_hash(HashAlgorithm::Sha384),
        imported(HashAlgorithm::Sha256),
        imported(HashAlgorithm::Sha384),
    ];
    let fixture = Fixture::new();
    let keys: Vec<Arc<ExternalPsk>> = keys.into_iter().map(Arc::new).collect();
    let server = fixture.server(|builder| builder.external_psks(PskSource::These(keys.clone().into())));
    for key in &keys {
        for psk_ke in [false, true] {
            let client = ClientConfig::builder()
                .policy(Policy::MODERN.with_versions(&[V13]))
                .verifier(fixture.authority.verifier())
                .external_psks([key.clone()])
                .alpn(["h2"])
                .allow_psk_ke(psk_ke);
            let pair = Pair::new(Arc::new(client.build().unwrap()), server.clone()).handshake().unwrap();
            let info = pair.client.connection.info().unwrap();
            assert!(info.peer.is_none() && info.forward_secret, "no certificate was needed");
            assert_eq!(info.suite.hash, key.hash());
            pair.exchange_and_close();
        }
    }
}

/// Without a group in common a pre-shared key is enough where both sides allow it, and only there.
#[test]
fn a_key_alone() {
    let key = Arc::new(ExternalPsk::new("a name", Secret::from(&[1; 32][..])));
    let fixture = Fixture::new();
    let policy = |group| Policy::MODERN.with_versions(&[V13]).with_groups(&[group]);
    for (client_allows, server_allows) in [(true, true), (true, false), (false, true)] {
        let client = ClientConfig::builder()
            .policy(policy(NamedGroup::x25519))
            .verifier(fixture.authority.verifier())
            .external_psks([key.clone()])
            .allow_psk_ke(client_allows);
        let server = fixture.server(|builder| {
            builder
                .policy(policy(NamedGroup::secp256r1))
                .external_psks(PskSource::These([key.clone()].into()))
                .allow_psk_ke(server_allows)
        });
        let pair = Pair::new(Arc::new(client.build().unwrap()), server).handshake();
        assert_eq!(pair.is_ok(), client_allows && server_allows);
        let Ok(pair) = pair else { continue };
        let info = pair.client.connection.info().unwrap();
        assert!(info.group.is_none() && info.peer.is_none() && !info.forward_secret);
        pair.exchange_and_close();
    }
}

fn stored() -> ServerSessions {
    let store = MemoryStore::new(1000, 1 << 20, UnixTime::now());
    ServerSessions::none().with_tickets(Arc::new(keys())).with_store(Arc::new(store))
}

#[test]
fn stored_sessions_resume_by_name() {
    for (version, expected) in [(V12, Resumed::Id), (V13, Resumed::Psk)] {
        let fixture = Fixture::new();
        let client = fixture.client(Policy::MODERN.with_versions(&[version]));
        let sessions = stored().without_tickets();
        let server = fixture.server(|builder| builder.sessions(sessions));
        assert_eq!(connect(&client, &server), Resumed::Full);
        for _ in 0..4 {
            assert_eq!(connect(&client, &server), expected, "{version}");
        }
    }
}

const LABEL: &str = "EXPORTER-early";

/// What a connection exports of early data.
fn export_early(connection: &Connection, context: Option<&[u8]>) -> Result<[u8; 40], Error> {
    let mut out = [0; 40];
    connection.export_early(LABEL, context, &mut out).map(|()| out)
}

/// A handshake whose first flight carries early data. Says what the server received, and how it went.
fn early(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Vec<u8>, Resumed, Vec<u8>) {
    let mut pair = Pair::new(client.clone(), server.clone());
    let sent = pair.client.connection.send_early(b"GET / early", &mut pair.client.output).unwrap();
    let first_flight = pair.client.output.as_slice().to_vec();
    let before = export_early(&pair.client.connection, Some(b"context"));
    assert_eq!(before.is_ok(), sent > 0);
    let pair = pair.handshake().unwrap();
    let outcome = resumed(&pair.client.connection);
    let after = [&pair.client, &pair.server].map(|end| export_early(&end.connection, Some(b"context")));
    match outcome {
        Resumed::EarlyData => assert_eq!(after, [before.clone(), before]),
        _ => assert_eq!(after, [Err(Misuse::NoExporter.into()), Err(Misuse::NoExporter.into())]),
    }
    assert_eq!(outcome, resumed(&pair.server.connection));
    assert!(outcome != Resumed::EarlyData || sent == 11);
    let received = pair.server.received.clone();
    pair.exchange_and_close_after(b"GET / early".len() * usize::from(outcome == Resumed::EarlyData));
    (received, outcome, first_flight)
}

#[test]
fn early_exports_differ_from_all_others() {
    let fixture = Fixture::new();
    let (client_log, server_log) = (Shared::default(), Shared::default());
    let client = ClientConfig::builder()
        .policy(Policy::MODERN.with_versions(&[V13]))
        .verifier(fixture.authority.verifier())
        .alpn(["h2"])
        .observer(Arc::new(KeyLog::new(client_log.clone())))
        .resumption(ClientResumption::with(fixture.sessions.clone()).early_data(true));
    let client = Arc::new(client.build().unwrap());
    let server = fixture.server(|builder| {
        builder.observer(Arc::new(KeyLog::new(server_log.clone()))).sessions(stored().early_data(1000))
    });
    assert_eq!(connect(&client, &server), Resumed::Full);
    assert!(!client_log.text().contains("EARLY_EXPORTER_SECRET"));

    let mut pair = Pair::new(client, server);
    pair.client.connection.send_early(b"early", &mut pair.client.output).unwrap();
    assert_eq!(export_early(&pair.server.connection, None), Err(Misuse::NoExporter.into()));
    let pair = pair.handshake().unwrap();
    assert_eq!(resumed(&pair.client.connection), Resumed::EarlyData);
    let early = export_early(&pair.client.connection, None).unwrap();
    // RFC 9846 section 7.5: no context is an empty one.
    assert_eq!(export_early(&pair.server.connection, Some(b"")), Ok(early));
    assert_ne!(export_early(&pair.server.connection, Some(b"other")), Ok(early));
    let mut late = [0; 40];
    pair.server.connection.export(LABEL, None, &mut late).unwrap();
    assert_ne!(early, late);
    let mut too_long = vec![0; 255 * 48 + 1];
    let refused = pair.server.connection.export_early(LABEL, None, &mut too_long);
    assert_eq!(refused, Err(Misuse::NoExporter.into()));

    // Both write down the same secret, once.
    let line = |log: &Shared| -> Vec<String> {
        log.text().lines().filter(|line| line.starts_with("EARLY_EXPORTER_SECRET ")).map(Into::into).collect()
    };
    assert_eq!((line(&client_log).len(), line(&client_log)), (1, line(&server_log)));
}

#[test]
fn early_data_is_taken_once() {
    let fixture = Fixture::new();
    let client = ClientConfig::builder()
        .policy(Policy::MODERN.with_versions(&[V13]))
        .verifier(fixture.authority.verifier())
        .alpn(["h2"])
        .resumption(ClientResumption::with(fixture.sessions.clone()).early_data(true));
    let client = Arc::new(client.build().unwrap());
    let sessions = stored();
    let server =
        |early_data| fixture.server(|builder| builder.sessions(sessions.clone().early_data(early_data)));
    let open = server(1000);
    assert_eq!(early(&client, &open).1, Resumed::Full);
    let (received, outcome, first_flight) = early(&client, &open);
    assert_eq!((&received[..], outcome), (&b"GET / early"[..], Resumed::EarlyData));

    // The same flight again, at a server with the same keys and store: the session may serve, the data may not.
    let mut replayed = Connection::server(open);
    let mut output = premaster::Output::new();
    let mut input = first_flight;
    loop {
        let received = replayed.receive(&mut input, &mut output).unwrap();
        assert!(!matches!(received.content, premaster::Content::Data(_)), "replayed early data was taken");
        if matches!(received.content, premaster::Content::NeedMore(_)) {
            break;
        }
        let consumed = received.consumed;
        input.drain(..consumed);
    }

    // A server that does not want it skips it, and goes on.
    let closed = server(0);
    let (received, outcome, _) = early(&client, &closed);
    assert_eq!((received.len(), outcome), (0, Resumed::Psk));
}
