//! What the forward-secrecy window means: a recorded TLS 1.2 connection, and a thief of the ticket key.
mod common;

use common::{Authority, Key, Pair, sessions::Hand};
use premaster::{
    ClientConfig, Policy, Secret, ServerConfig,
    config::{ClientResumption, Clock, ServerSessions},
    identity::Credentials,
    observe::Tap,
    pki_types::UnixTime,
    record::{Joiner, Opener},
    resume::{KEY_ID_LEN, KEY_LEN, SessionCache, TicketKey, TicketKeys, Window},
    schedule::{Kdf, tls12::MasterSecret},
    suite::{Protection, Suite},
    wire::{
        ContentType, HandshakeType, ProtocolVersion, Side,
        message::{ClientHello, NewSessionTicket12, ServerHello},
    },
};
use std::{sync::Arc, time::Duration};

/// What crossed the wire, each way.
#[derive(Default)]
struct Recording {
    client: Vec<u8>,
    server: Vec<u8>,
}

impl Recording {
    /// Carries bytes both ways until nothing moves, and keeps a copy.
    fn run(&mut self, pair: &mut Pair) {
        loop {
            let (up, down) = (pair.client.output.as_slice().to_vec(), pair.server.output.as_slice().to_vec());
            pair.client.output.clear();
            pair.server.output.clear();
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.client.extend_from_slice(&up);
            self.server.extend_from_slice(&down);
            pair.server.take(&up).unwrap();
            pair.client.take(&down).unwrap();
        }
    }

    /// What can be read by somebody who has nothing but this and the keys.
    fn decrypt(&self, keys: &TicketKeys, now: UnixTime) -> Option<[Vec<u8>; 2]> {
        let (from_client, from_server) = (Messages::of(&self.client), Messages::of(&self.server));
        let body = |messages: &Messages, wanted: HandshakeType| {
            let found = messages.plain.iter().find(|message| message[0] == wanted.0);
            found.map(|message| message[4..].to_vec()).unwrap()
        };
        let client_hello = body(&from_client, HandshakeType::CLIENT_HELLO);
        let client_random = *ClientHello::decode(&client_hello).unwrap().random;
        let server_hello = body(&from_server, HandshakeType::SERVER_HELLO);
        let server_hello = ServerHello::decode(&server_hello).unwrap();
        let ticket = body(&from_server, HandshakeType::NEW_SESSION_TICKET);
        let ticket = NewSessionTicket12::decode(&ticket).unwrap().ticket;
        // From here on it takes the key.
        let session = keys.open(now, ticket).ok()?;
        let suite = Suite::find(server_hello.cipher_suite).unwrap();
        let master =
            MasterSecret::from_session(Kdf::new(suite.hash, Tap::OFF), Secret::from(session.secret.expose()));
        let block = master.key_block(suite.key_block_layout(), &client_random, server_hello.random);
        let Protection::Aead(aead) = suite.protection else { panic!("no AEAD") };
        let read = |messages: Messages, side| {
            let keys = block.keys(side);
            let mut opener = Opener::tls12_aead(aead, keys.key, keys.iv).unwrap();
            let mut data = Vec::new();
            for mut record in messages.protected {
                let (content_type, range) = opener.open(&mut record).expect("the right key");
                if content_type == ContentType::APPLICATION_DATA {
                    data.extend_from_slice(&record[range]);
                }
            }
            data
        };
        Some([read(from_client, Side::Client), read(from_server, Side::Server)])
    }
}

/// The handshake messages before change_cipher_spec, and the records after it.
struct Messages {
    plain: Vec<Vec<u8>>,
    protected: Vec<Vec<u8>>,
}

impl Messages {
    fn of(mut bytes: &[u8]) -> Self {
        let (mut joiner, mut protected, mut has_changed) = (Joiner::new(), Vec::new(), false);
        while let [content_type, _, _, high, low, ..] = *bytes {
            let (record, rest) = bytes.split_at(5 + usize::from(u16::from_be_bytes([high, low])));
            bytes = rest;
            match ContentType(content_type) {
                ContentType::CHANGE_CIPHER_SPEC => has_changed = true,
                _ if has_changed => protected.push(record.to_vec()),
                _ => joiner.push(&record[5..]).unwrap(),
            }
        }
        let plain = std::iter::from_fn(|| joiner.pop().unwrap()).collect();
        Self { plain, protected }
    }
}

#[test]
fn the_ticket_key_opens_a_recorded_connection_within_its_window_and_nothing_does_after_it() {
    let (authority, clock) = (Authority::new(), Hand::new());
    let start = clock.now().unwrap().as_secs();
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(start + seconds));
    let window = Window { not_before: at(0), encrypt_until: at(3600), decrypt_until: at(3 * 3600) };
    let key = || {
        let secret: Vec<u8> = (0..KEY_LEN as u8).collect();
        TicketKey::new([9; KEY_ID_LEN], Secret::from(&secret[..]), window).unwrap()
    };
    let keys = Arc::new(TicketKeys::held([key()]));
    let server = ServerConfig::builder()
        .credentials(Credentials::always(authority.issue(Key::EcdsaP256, &["localhost"])))
        .sessions(ServerSessions::none().with_tickets(keys.clone()))
        .clock(clock.clone());
    let client = ClientConfig::builder()
        .policy(Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_2]))
        .verifier(authority.verifier())
        .resumption(ClientResumption::with(Arc::new(SessionCache::default())));
    let mut pair = Pair::new(Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()));
    let mut recording = Recording::default();
    recording.run(&mut pair);
    assert!(pair.server.connection.info().unwrap().forward_secret, "by its exchange, that is");
    pair.client.connection.send(b"my password", &mut pair.client.output).unwrap();
    pair.server.connection.send(b"your balance", &mut pair.server.output).unwrap();
    recording.run(&mut pair);
    drop(pair);

    // Who copies the key in its window reads it all, and who has another key nothing.
    let thief = TicketKeys::held([key()]);
    let read = recording.decrypt(&thief, clock.now().unwrap()).unwrap();
    assert_eq!(read, [b"my password".to_vec(), b"your balance".to_vec()]);
    let other = TicketKey::new([9; KEY_ID_LEN], Secret::from(&[[1; 16], [2; 16]].concat()[..]), window);
    assert!(recording.decrypt(&TicketKeys::held([other.unwrap()]), clock.now().unwrap()).is_none());
    let exposure = keys.forward_secrecy_window().as_secs();
    assert_eq!(exposure, 3 * 3600);
    clock.forward(exposure - 1);
    assert!(recording.decrypt(&keys, clock.now().unwrap()).is_some(), "until the last second");

    // After it the process has nothing any more that would, whatever time one tells it.
    clock.forward(1);
    assert!(recording.decrypt(&keys, clock.now().unwrap()).is_none());
    keys.maintain(clock.now().unwrap(), None);
    assert!(keys.status(clock.now().unwrap()).is_empty(), "the key is erased");
    assert!(recording.decrypt(&keys, at(1)).is_none());
}
