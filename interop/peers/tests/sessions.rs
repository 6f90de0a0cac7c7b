//! Sessions that OpenSSL and rustls resume with this library, in both roles and both versions.
use premaster::{
    ClientConfig, Policy, ServerConfig, Stream,
    config::{ClientResumption, ServerSessions},
    identity::Credentials,
    pki_types::UnixTime,
    resume::{MemoryStore, Resumed, Rotation, SessionCache, TicketKeys},
    wire::ProtocolVersion,
};
use premaster_interop::{
    Authority, Key, Listener, connect, need,
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
    let config = ServerConfig::builder()
        .policy(Policy::MODERN.with_versions(&[version]))
        .credentials(Credentials::always(authority.credential(Key::P256)))
        .sessions(sessions.clone());
    let config = Arc::new(config.build().unwrap());
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
