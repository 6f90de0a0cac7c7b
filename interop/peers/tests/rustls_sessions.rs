//! Sessions that rustls resumes with this library, in both roles and both versions, and early data.
mod with_rustls;

use premaster::{
    ClientConfig, Policy, ServerConfig,
    config::{ClientResumption, ServerSessions},
    identity::Credentials,
    observe::Resumed,
    pki_types::UnixTime,
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::ProtocolVersion,
};
use premaster_interop::{Authority, Issued, Key};
use rustls::HandshakeKind;
use std::{
    io::{Read, Write},
    sync::Arc,
    time::Duration,
};
use with_rustls::{GROUPS, Pair, provider, rustls_client, rustls_server};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

fn tickets() -> ServerSessions {
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    ServerSessions::none().with_tickets(Arc::new(TicketKeys::rotating(rotation)))
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now()))
}

/// Both ends say the same of how it went, and the connection works.
fn finish(mut pair: Pair) -> Resumed {
    pair.run();
    assert!(!pair.ours.is_handshaking() && !pair.theirs.is_handshaking(), "{:?}", pair.ours);
    let resumed = pair.ours.info().unwrap().resumed;
    let kind = pair.theirs.handshake_kind().unwrap();
    assert_eq!(resumed.is_resumed(), kind == HandshakeKind::Resumed, "{resumed} {kind:?}");
    pair.exchange(b"some data");
    pair.close();
    resumed
}

fn our_server(issued: &Issued, version: ProtocolVersion, sessions: ServerSessions) -> ServerConfig {
    ServerConfig::builder()
        .policy(Policy::MODERN.with_versions(&[version]))
        .credentials(Credentials::always(issued.credential()))
        .alpn(["http/1.1"])
        .sessions(sessions)
        .build()
        .unwrap()
}

#[test]
fn rustls_client_comes_back() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let cases = [
        (V12, tickets(), Resumed::Ticket),
        (V13, tickets(), Resumed::Psk),
        (V12, ServerSessions::none().with_store(store()), Resumed::Id),
        (V13, ServerSessions::none().with_store(store()), Resumed::Psk),
        (V12, ServerSessions::none(), Resumed::Full),
        (V13, ServerSessions::none(), Resumed::Full),
    ];
    for (version, sessions, expected) in cases {
        let theirs = Arc::new(rustls_client(&authority, provider(&[], &GROUPS), version, None));
        let ours = || our_server(&issued, version, sessions.clone());
        let come = || finish(Pair::server(ours(), theirs.clone(), usize::MAX));
        assert_eq!(come(), Resumed::Full);
        for _ in 0..4 {
            assert_eq!(come(), expected, "{version} {sessions:?}");
        }
    }
}

fn our_client(authority: &Authority, version: ProtocolVersion, sessions: &Arc<SessionCache>) -> ClientConfig {
    ClientConfig::builder()
        .policy(Policy::MODERN.with_versions(&[version]))
        .verifier(authority.verifier())
        .alpn(["http/1.1"])
        .resumption(ClientResumption::with(sessions.clone()).early_data(true))
        .build()
        .unwrap()
}

#[test]
fn we_come_back_to_a_rustls_server() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    for (version, with_tickets, expected) in [
        (V12, true, Resumed::Ticket),
        (V12, false, Resumed::Id),
        (V13, true, Resumed::Psk),
        (V13, false, Resumed::Psk),
    ] {
        let mut theirs = rustls_server(&authority, provider(&[], &GROUPS), version, &issued, false);
        if with_tickets {
            theirs.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
        }
        let theirs = Arc::new(theirs);
        let sessions = Arc::new(SessionCache::default());
        let come =
            || finish(Pair::client(our_client(&authority, version, &sessions), theirs.clone(), usize::MAX));
        assert_eq!(come(), Resumed::Full);
        for _ in 0..4 {
            assert_eq!(come(), expected, "{version} {with_tickets}");
        }
    }
}

#[test]
fn rustls_client_with_early_data() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    for sessions in [tickets().with_store(store()), ServerSessions::none().with_store(store())] {
        let mut theirs = rustls_client(&authority, provider(&[], &GROUPS), V13, None);
        theirs.enable_early_data = true;
        let theirs = Arc::new(theirs);
        let come = |bytes| {
            let ours = our_server(&issued, V13, sessions.clone().early_data(bytes));
            let mut pair = Pair::server(ours, theirs.clone(), usize::MAX);
            let rustls::Connection::Client(client) = &mut pair.theirs else { unreachable!() };
            let sent = client.early_data().map(|mut early| early.write(b"early").unwrap());
            pair.run();
            let rustls::Connection::Client(client) = &pair.theirs else { unreachable!() };
            let taken = client.is_early_data_accepted();
            assert_eq!(&pair.received[..], if taken { &b"early"[..] } else { b"" });
            assert_eq!(pair.ours.info().unwrap().resumed == Resumed::EarlyData, taken);
            (sent, finish(pair))
        };
        assert_eq!(come(1000), (None, Resumed::Full));
        for _ in 0..3 {
            assert_eq!(come(1000), (Some(5), Resumed::EarlyData));
        }
        // One that takes none any more gives tickets without it, too.
        assert_eq!(come(0), (Some(5), Resumed::Psk));
    }
}

#[test]
fn we_send_early_data_to_a_rustls_server() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    // rustls takes it with sessions that it stores only.
    let mut takes = rustls_server(&authority, provider(&[], &GROUPS), V13, &issued, false);
    takes.max_early_data_size = 1000;
    let mut refuses = takes.clone();
    refuses.max_early_data_size = 0;
    let sessions = Arc::new(SessionCache::default());
    let come = |theirs: &rustls::ServerConfig| {
        let ours = our_client(&authority, V13, &sessions);
        let mut pair = Pair::client(ours, Arc::new(theirs.clone()), usize::MAX);
        if pair.ours.early_data_left() > 0 {
            assert_eq!(pair.ours.send_early(b"early", &mut pair.output).unwrap(), 5);
        }
        pair.run();
        let mut early = Vec::new();
        let rustls::Connection::Server(server) = &mut pair.theirs else { unreachable!() };
        if let Some(mut data) = server.early_data() {
            data.read_to_end(&mut early).unwrap();
        }
        let resumed = finish(pair);
        assert_eq!(&early[..], if resumed == Resumed::EarlyData { &b"early"[..] } else { b"" });
        resumed
    };
    assert_eq!(come(&takes), Resumed::Full);
    for _ in 0..3 {
        assert_eq!(come(&takes), Resumed::EarlyData);
    }
    assert_eq!(come(&refuses), Resumed::Psk);
}
