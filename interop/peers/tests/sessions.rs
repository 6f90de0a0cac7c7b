//! Sessions that OpenSSL resumes with this library, in both roles and both versions.
use premaster::{
    ClientConfig, Policy, ServerConfig, Stream,
    config::{ClientResumption, ServerConfigBuilder, ServerSessions},
    identity::Credentials,
    pki_types::UnixTime,
    resume::{MemoryStore, Resumed, Rotation, SessionCache, TicketKeys},
    wire::ProtocolVersion,
};
use premaster_interop::{
    Authority, FirstFlight, Key, Listener, connect, need,
    openssl::{Client, Server},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];

fn tickets() -> ServerSessions {
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    ServerSessions::none().with_tickets(Arc::new(TicketKeys::rotating(rotation)))
}

fn stored() -> ServerSessions {
    ServerSessions::none().with_store(Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now())))
}

/// OpenSSL's client keeps its session in a file, and comes back with it.
fn client_comes_back(sessions: &ServerSessions, version: ProtocolVersion) -> Resumed {
    let authority = Authority::new();
    let config = Arc::new(server(&authority, sessions, version).build().unwrap());
    let listener = Listener::bind();
    let file = authority.directory().join("session");
    let file = file.to_str().unwrap();
    let mut resumed = Resumed::Full;
    for flag in ["-sess_out", "-sess_in"] {
        if flag == "-sess_in" && !std::path::Path::new(file).exists() {
            break; // there was nothing to keep
        }
        let client = Client::new(&authority, listener.port()).version(version);
        let mut client = client.arguments(&[flag, file]).start();
        let mut stream = BufReader::new(Stream::accept(config.clone(), listener.accept()).unwrap());
        resumed = stream.get_ref().connection().info().unwrap().resumed;
        client.write(b"a line\n");
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "a line\n");
        stream.get_mut().write_all(b"an answer\n").unwrap();
        client.wait_for_output(b"an answer\n");
        stream.get_mut().close().unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        drop(stream);
        let finished = client.wait();
        assert!(finished.status.success(), "{}", finished.written.text());
        let said = if resumed.is_resumed() { "\nReused, TLS" } else { "\nNew, TLS" };
        assert!(finished.written.text().contains(said), "{said}: {}", finished.written.text());
    }
    resumed
}

#[test]
fn openssl_client_with_tickets() {
    need!(OpenSsl);
    assert_eq!(client_comes_back(&tickets(), ProtocolVersion::TLS_1_3), Resumed::Psk);
    assert_eq!(client_comes_back(&tickets(), ProtocolVersion::TLS_1_2), Resumed::Ticket);
}

#[test]
fn openssl_client_with_a_store() {
    need!(OpenSsl);
    assert_eq!(client_comes_back(&stored(), ProtocolVersion::TLS_1_3), Resumed::Psk);
    assert_eq!(client_comes_back(&stored(), ProtocolVersion::TLS_1_2), Resumed::Id);
}

#[test]
fn openssl_client_without_either() {
    need!(OpenSsl);
    for version in VERSIONS {
        assert_eq!(client_comes_back(&ServerSessions::none(), version), Resumed::Full);
    }
}

/// This library's client comes back to OpenSSL's server.
fn we_come_back(arguments: &[&str], version: ProtocolVersion) -> Vec<Resumed> {
    let authority = Authority::new();
    let mut all = vec!["-rev"];
    all.extend(arguments);
    let server = Server::start(&authority.issue(Key::P256), &all);
    let config = ClientConfig::builder()
        .policy(Policy::MODERN.with_versions(&[version]))
        .verifier(authority.verifier())
        .resumption(ClientResumption::with(Arc::new(SessionCache::default())));
    let config = Arc::new(config.build().unwrap());
    let mut how = Vec::new();
    for _ in 0..3 {
        let name = "localhost".try_into().unwrap();
        let mut stream: Stream<TcpStream> =
            Stream::connect(config.clone(), name, connect(server.port)).unwrap();
        let info = stream.connection().info().unwrap();
        assert_eq!(info.version, version);
        assert!(info.peer.as_ref().is_some_and(|peer| peer.is_verified()));
        how.push(info.resumed);
        stream.write_all(b"12345\n").unwrap();
        let mut answer = [0; 6];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"54321\n");
        stream.close().unwrap();
        // To the end, so that no ticket is missed.
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    how
}

#[test]
fn openssl_server_with_tickets() {
    need!(OpenSsl);
    let how = we_come_back(&[], ProtocolVersion::TLS_1_3);
    assert_eq!(how, [Resumed::Full, Resumed::Psk, Resumed::Psk]);
    let how = we_come_back(&[], ProtocolVersion::TLS_1_2);
    assert_eq!(how, [Resumed::Full, Resumed::Ticket, Resumed::Ticket]);
}

#[test]
fn openssl_server_without_tickets() {
    need!(OpenSsl);
    // In TLS 1.3 the tickets are then names of what the server keeps.
    let how = we_come_back(&["-no_ticket"], ProtocolVersion::TLS_1_3);
    assert_eq!(how, [Resumed::Full, Resumed::Psk, Resumed::Psk]);
    let how = we_come_back(&["-no_ticket"], ProtocolVersion::TLS_1_2);
    assert_eq!(how, [Resumed::Full, Resumed::Id, Resumed::Id]);
}

#[test]
fn openssl_server_without_sessions() {
    need!(OpenSsl);
    for version in VERSIONS {
        let how = we_come_back(&["-no_ticket", "-no_cache"], version);
        assert_eq!(how, [Resumed::Full; 3], "{version}");
    }
}

/// What `s_client -reconnect` makes of it: a connection, and five more with its session.
fn client_reconnects(sessions: &ServerSessions, version: ProtocolVersion) -> Vec<Resumed> {
    let authority = Authority::new();
    let config = Arc::new(server(&authority, sessions, version).build().unwrap());
    let listener = Listener::bind();
    let client = Client::new(&authority, listener.port()).version(version);
    let mut client = client.arguments(&["-reconnect"]).start();
    let mut how = Vec::new();
    for number in 0..6 {
        let mut stream = Stream::accept(config.clone(), listener.accept()).unwrap();
        how.push(stream.connection().info().unwrap().resumed);
        if number < 5 {
            // It drops each connection but the last, with or without a close_notify.
            let _ = stream.read(&mut [0]);
            continue;
        }
        client.write(b"a line\n");
        let mut line = [0; 7];
        stream.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"a line\n");
        stream.close().unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    let finished = client.wait();
    assert!(finished.status.success(), "{}", finished.written.text());
    let text = finished.written.text();
    let (new, reused) = (text.matches("\nNew, TLS").count(), text.matches("\nReused, TLS").count());
    assert_eq!(reused, how.iter().filter(|how| how.is_resumed()).count(), "{text}");
    assert_eq!(new + reused, 6, "{text}");
    how
}

fn server(authority: &Authority, sessions: &ServerSessions, version: ProtocolVersion) -> ServerConfigBuilder {
    ServerConfig::builder()
        .policy(Policy::MODERN.with_versions(&[version]))
        .credentials(Credentials::always(authority.credential(Key::P256)))
        .sessions(sessions.clone())
}

#[test]
fn openssl_client_reconnects_five_times() {
    need!(OpenSsl);
    for (sessions, resumed) in [(tickets(), Resumed::Ticket), (stored(), Resumed::Id)] {
        let how = client_reconnects(&sessions, ProtocolVersion::TLS_1_2);
        assert_eq!(how[0], Resumed::Full);
        assert_eq!(how[1..], [resumed; 5]);
        // In TLS 1.3 it drops each connection before it has read the ticket that came after the handshake, so that it
        // has nothing to come back with; none fails.
        assert_eq!(client_reconnects(&sessions, ProtocolVersion::TLS_1_3), [Resumed::Full; 6]);
    }
}

/// OpenSSL's client with early data, to a server that takes it or not. Says what the server had of it before anything
/// else, and what the client was told.
fn client_sends_early(
    config: &Arc<ServerConfig>,
    authority: &Authority,
    arguments: &[&str],
) -> (Resumed, String) {
    let listener = Listener::bind();
    let client = Client::new(authority, listener.port()).version(ProtocolVersion::TLS_1_3);
    let mut client = client.arguments(arguments).start();
    let mut stream = BufReader::new(Stream::accept(config.clone(), listener.accept()).unwrap());
    let resumed = stream.get_ref().connection().info().unwrap().resumed;
    let mut line = String::new();
    if resumed == Resumed::EarlyData {
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "early\n");
        line.clear();
    }
    client.write(b"late\n");
    stream.read_line(&mut line).unwrap();
    assert_eq!(line, "late\n");
    stream.get_mut().write_all(b"an answer\n").unwrap();
    client.wait_for_output(b"an answer\n");
    stream.get_mut().close().unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    drop(stream);
    let finished = client.wait();
    assert!(finished.status.success(), "{}", finished.written.text());
    (resumed, finished.written.text())
}

#[test]
fn openssl_client_with_early_data() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let path = |name: &str| authority.directory().join(name).to_str().unwrap().to_owned();
    let (session, early) = (path("session"), path("early"));
    std::fs::write(&early, "early\n").unwrap();
    let store = Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now()));
    for (sessions, replayed) in [(tickets().with_store(store), Resumed::Psk), (stored(), Resumed::Full)] {
        let server = |bytes| {
            let config = ServerConfig::builder()
                .credentials(Credentials::always(credential.clone()))
                .sessions(sessions.clone().early_data(bytes));
            Arc::new(config.build().unwrap())
        };
        let (takes, refuses) = (server(1000), server(0));
        let come = |config, arguments: &[&str]| client_sends_early(config, &authority, arguments);
        let first = || come(&takes, &["-sess_out", &session]);
        let again = |config| come(config, &["-sess_in", &session, "-early_data", &early]);
        assert_eq!(first().0, Resumed::Full);
        let (resumed, text) = again(&takes);
        assert_eq!(resumed, Resumed::EarlyData);
        assert!(text.contains("Early data was accepted"), "{text}");
        // The same ticket for a second time: what is stored was taken, and a ticket brings early data once.
        let (resumed, text) = again(&takes);
        assert_eq!(resumed, replayed);
        assert!(text.contains("Early data was rejected"), "{text}");
        first();
        let (resumed, text) = again(&refuses);
        assert_eq!(resumed, Resumed::Psk);
        assert!(text.contains("Early data was rejected"), "{text}");
    }
}

/// This library's early data to OpenSSL's server.
fn we_send_early(arguments: &[&str]) -> Vec<Resumed> {
    let authority = Authority::new();
    let server = Server::start(&authority.issue(Key::P256), arguments);
    let config = ClientConfig::builder()
        .policy(Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_3]))
        .verifier(authority.verifier())
        .resumption(ClientResumption::with(Arc::new(SessionCache::default())).early_data(true));
    let config = Arc::new(config.build().unwrap());
    let mut how = Vec::new();
    let mut process = server.process;
    for number in 0..3 {
        let flight = FirstFlight::new(config.clone(), format!("early {number}\n").as_bytes());
        let mut client = flight.finish(connect(server.port));
        client.send(format!("late {number}\n").as_bytes());
        let resumed = client.info().resumed;
        if resumed == Resumed::EarlyData {
            process.wait_for_output(format!("early {number}\n").as_bytes());
        }
        process.wait_for_output(format!("late {number}\n").as_bytes());
        // The ticket came before.
        process.write(format!("answer {number}\n").as_bytes());
        client.receive_until(format!("answer {number}\n").as_bytes());
        client.close();
        how.push(resumed);
    }
    let written = process.kill();
    for (number, how) in how.iter().enumerate() {
        let heard = written.text().contains(&format!("early {number}\n"));
        assert_eq!(heard, *how == Resumed::EarlyData, "{}", written.text());
    }
    how
}

#[test]
fn openssl_server_with_early_data() {
    need!(OpenSsl);
    let taken = [Resumed::Full, Resumed::EarlyData, Resumed::EarlyData];
    assert_eq!(we_send_early(&["-early_data", "-max_early_data", "1000"]), taken);
    assert_eq!(we_send_early(&["-early_data", "-max_early_data", "1000", "-no_ticket"]), taken);
    let unasked = [Resumed::Full, Resumed::Psk, Resumed::Psk];
    assert_eq!(we_send_early(&[]), unasked, "its tickets do not allow any");
}
