//! What holds for every connection: how its bytes are cut does not matter, and no key is there twice.
mod common;

use common::{Authority, End, Key, Pair, client_config, server_config};
use premaster::{
    ClientConfig, Connection, Error, Output, Policy, ServerConfig,
    config::{ClientAuthentication, ClientResumption, ServerSessions},
    crypto::{Random, RandomFailed},
    identity::Credentials,
    observe::{At, Event, Observer},
    resume::{Rotation, SessionCache, TicketKeys},
    wire::{ProtocolVersion, Side},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// SplitMix64: as randomness of an end it makes a handshake repeatable, since Ed25519 and AES-GCM draw nothing.
struct Seeded(Mutex<u64>);

impl Seeded {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(seed)))
    }

    fn number(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&self, limit: usize) -> usize {
        self.number() as usize % limit.max(1)
    }
}

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        out.iter_mut().for_each(|byte| *byte = self.number() as u8);
        Ok(())
    }
}

/// Writes down all events.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Observer for Diary {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        self.0.lock().unwrap().push(format!("{:?} {event:?}", at.side));
    }
}

/// Configurations that make the same connection each time.
struct Stage {
    authority: Authority,
    credentials: [Arc<premaster::identity::Credential>; 2],
    version: ProtocolVersion,
}

impl Stage {
    fn new(version: ProtocolVersion) -> Self {
        let authority = Authority::new();
        let credentials = ["localhost", "client"].map(|name| authority.issue(Key::Ed25519, &[name]));
        Self { authority, credentials, version }
    }

    fn client(&self, diary: Arc<Diary>) -> Arc<ClientConfig> {
        client_config(&self.authority, |builder| {
            builder
                .policy(Policy::MODERN.with_versions(&[self.version]))
                .credentials(Credentials::always(self.credentials[1].clone()))
                .random(Seeded::new(1))
                .observer(diary)
        })
    }

    fn server(&self, diary: Arc<Diary>) -> Arc<ServerConfig> {
        let verifier = self.authority.verifier().without_name_check();
        server_config(self.credentials[0].clone(), |builder| {
            builder
                .client_authentication(ClientAuthentication::Required(verifier.into()))
                .random(Seeded::new(2))
                .observer(diary)
        })
    }

    fn victim(&self, side: Side, diary: Arc<Diary>) -> End {
        match side {
            Side::Server => End::new(Connection::server(self.server(diary)), Output::new()),
            Side::Client => {
                let mut output = Output::new();
                let name = "localhost".try_into().unwrap();
                let connection = Connection::client(self.client(diary), name, &mut output).unwrap();
                End::new(connection, output)
            }
        }
    }

    /// What the other end sends, flight by flight, with some data and an end after the handshake.
    fn flights(&self, to: Side) -> Vec<Vec<u8>> {
        let mut pair = Pair::new(self.client(Arc::default()), self.server(Arc::default()));
        let mut flights = Vec::new();
        for round in 0..8 {
            for side in [Side::Client, Side::Server] {
                let (from, into) = match side {
                    Side::Client => (&mut pair.client, &mut pair.server),
                    Side::Server => (&mut pair.server, &mut pair.client),
                };
                if round == 5 {
                    from.connection.send(&[0x5a; 300], &mut from.output).unwrap();
                    let _ = from.connection.update_keys(false, &mut from.output);
                    from.connection.send(b"under new keys", &mut from.output).unwrap();
                    from.connection.close(&mut from.output);
                }
                let bytes = from.output.as_slice().to_vec();
                from.output.clear();
                into.take(&bytes).unwrap();
                if side == to.peer() && !bytes.is_empty() {
                    flights.push(bytes);
                }
            }
        }
        flights
    }

    /// What a victim makes of the flights if each comes in such pieces.
    fn play(&self, side: Side, flights: &[Vec<u8>], mut piece: impl FnMut() -> usize) -> Played {
        let diary = Arc::new(Diary::default());
        let mut victim = self.victim(side, diary.clone());
        let mut result = Ok(());
        for flight in flights {
            let mut rest = &flight[..];
            while !rest.is_empty() && result.is_ok() {
                let (now, later) = rest.split_at(piece().clamp(1, rest.len()));
                result = victim.take(now);
                rest = later;
            }
        }
        let events = std::mem::take(&mut *diary.0.lock().unwrap());
        Played { result, output: victim.output.as_slice().to_vec(), received: victim.received, events }
    }
}

/// All that can be seen of a victim.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    result: Result<(), Error>,
    output: Vec<u8>,
    received: Vec<u8>,
    events: Vec<String>,
}

/// A transport may cut the bytes as it likes: the same events, the same answers, the same data, the same error.
#[test]
fn chunking_does_not_matter() {
    for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
        let stage = Stage::new(version);
        for side in [Side::Server, Side::Client] {
            let flights = stage.flights(side);
            let whole = stage.play(side, &flights, || usize::MAX);
            assert_eq!(whole.result, Ok(()));
            assert!(whole.received.ends_with(b"under new keys") && whole.events.len() > 20);
            let dice = Seeded::new(3);
            for most in [1, 2, 5, 7, 64, 1500] {
                let cut = stage.play(side, &flights, || 1 + dice.below(most));
                assert!(cut == whole, "{version} {side:?}, pieces of up to {most}");
            }
            let total: usize = flights.iter().map(Vec::len).sum();
            for _ in 0..60 {
                let mut broken = flights.clone();
                let at = dice.below(total);
                let mut places = broken.iter_mut().flatten();
                *places.nth(at).unwrap() ^= 1 << dice.below(8);
                let whole = stage.play(side, &broken, || usize::MAX);
                let cut = stage.play(side, &broken, || 1 + dice.below(40));
                assert_eq!(cut.result, whole.result, "{version} {side:?}, broken at {at}");
                assert!(cut == whole, "{version} {side:?}, broken at {at}");
            }
        }
    }
}

/// The keys of records, with the side that derived them.
#[derive(Default)]
struct Keys(Mutex<Vec<(Side, &'static str, Vec<u8>)>>);

impl Observer for Keys {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        if let Event::Derived { secret, value, .. } = event
            && (secret.contains("traffic_secret") || secret.ends_with("write_key"))
        {
            self.0.lock().unwrap().push((at.side, secret, value.expose().to_vec()));
        }
    }
}

/// A nonce is a record's number under a key; numbers only grow, and here no key is there twice: not in two connections,
/// not in both directions of one, not after a KeyUpdate, not in a session that is resumed again and again.
#[test]
fn no_two_connections_have_a_key_in_common() {
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    // Whose each key is: the connection and its name there.
    let mut owners: HashMap<Vec<u8>, (usize, &str)> = HashMap::new();
    let mut connections = 0;
    for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
        let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
        let tickets = Arc::new(TicketKeys::rotating(rotation));
        let sessions = Arc::new(SessionCache::new(4, 4));
        for resumes in [false, true] {
            for _ in 0..15 {
                let keys = Arc::new(Keys::default());
                let client = client_config(&authority, |builder| {
                    let builder =
                        builder.policy(Policy::MODERN.with_versions(&[version])).observer(keys.clone());
                    match resumes {
                        true => builder.resumption(ClientResumption::with(sessions.clone())),
                        false => builder,
                    }
                });
                let server = server_config(credential.clone(), |builder| {
                    builder
                        .sessions(ServerSessions::none().with_tickets(tickets.clone()))
                        .observer(keys.clone())
                });
                let mut pair = Pair::new(client, server).handshake().unwrap();
                for _ in 0..3 {
                    let _ = pair.client.connection.update_keys(true, &mut pair.client.output);
                    pair.run().unwrap();
                    pair.server.connection.send(b"x", &mut pair.server.output).unwrap();
                    pair.run().unwrap();
                }
                connections += 1;
                let derived = std::mem::take(&mut *keys.0.lock().unwrap());
                assert!(derived.len() >= 4, "{derived:?}");
                let mut seen = HashMap::new();
                for (side, name, key) in derived {
                    // Each side derives it once, and both the same.
                    assert!(seen.insert((side, key.clone()), name).is_none(), "{side:?} has {name} twice");
                    let owner = *owners.entry(key).or_insert((connections, name));
                    assert_eq!(owner, (connections, name), "another had it before");
                }
            }
        }
    }
    assert!(owners.len() >= 30 * 2 + 30 * 8, "{} keys", owners.len());
}
