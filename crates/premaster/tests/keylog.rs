//! The key log of both ends of a connection agrees, line by line.
mod common;
use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{Policy, observe::KeyLog, wire::ProtocolVersion};
use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex},
};

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
    fn lines(&self) -> BTreeSet<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

/// (what the client logs, what the server logs) of a connection with a KeyUpdate each way, where there are any.
fn logs(version: ProtocolVersion) -> (BTreeSet<String>, BTreeSet<String>) {
    let (client, server) = (Shared::default(), Shared::default());
    let authority = Authority::new();
    let policy = Policy::MODERN.with_versions(&[version]);
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let client_config = client_config(&authority, |builder| {
        builder.policy(policy.clone()).observer(Arc::new(KeyLog::new(client.clone())))
    });
    let server_config = server_config(credential, |builder| {
        builder.policy(policy.clone()).observer(Arc::new(KeyLog::new(server.clone())))
    });
    let mut pair = Pair::new(client_config, server_config).handshake().unwrap();
    if version == ProtocolVersion::TLS_1_3 {
        for _ in 0..2 {
            pair.client.connection.update_keys(true, &mut pair.client.output).unwrap();
            pair.run().unwrap();
            pair.server.connection.send(b"data", &mut pair.server.output).unwrap();
            pair.run().unwrap();
        }
        pair.client.received.clear();
    }
    pair.exchange_and_close();
    (client.lines(), server.lines())
}

fn labels(lines: &BTreeSet<String>) -> Vec<&str> {
    lines.iter().map(|line| line.split(' ').next().unwrap()).collect()
}

#[test]
fn tls13() {
    let (client, server) = logs(ProtocolVersion::TLS_1_3);
    assert_eq!(client, server);
    let expected = [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "CLIENT_TRAFFIC_SECRET_1",
        "CLIENT_TRAFFIC_SECRET_2",
        "EXPORTER_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_1",
        "SERVER_TRAFFIC_SECRET_2",
    ];
    assert_eq!(labels(&client), expected);
    for line in &client {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!((fields.len(), fields[1].len(), fields[2].len()), (3, 64, 64), "{line}");
    }
}

#[test]
fn tls12() {
    let (client, server) = logs(ProtocolVersion::TLS_1_2);
    assert_eq!(client, server);
    assert_eq!(labels(&client), ["CLIENT_RANDOM"]);
    let line = client.first().unwrap();
    assert_eq!(line.split(' ').nth(2).unwrap().len(), 96);
}
