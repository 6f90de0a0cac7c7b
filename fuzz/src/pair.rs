//! Two real ends, and somebody between them who changes, drops, repeats and reorders what they say.
use crate::{
    common::{Authority, Key, Pair, client_config, server_config},
    script::Script,
};
use premaster::{
    ClientConfig, Connection, Policy, Secret, ServerConfig,
    config::{ClientAuthentication, ClientResumption, ServerSessions},
    identity::{Credential, Credentials, ExternalPsk, PskSource},
    observe::{At, Direction, Event, Observer},
    resume::{Rotation, SessionCache, TicketKeys},
    wire::{NamedGroup, ProtocolVersion, Side},
};
use std::{
    collections::VecDeque,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

/// A client and the server that it is for.
type Couple = (Arc<ClientConfig>, Arc<ServerConfig>);

static COUPLES: LazyLock<Vec<Couple>> = LazyLock::new(couples);
static SERVERS: LazyLock<Vec<Arc<ServerConfig>>> =
    LazyLock::new(|| COUPLES.iter().map(|(_, server)| server.clone()).collect());

/// Servers of several kinds.
pub(crate) fn servers() -> &'static [Arc<ServerConfig>] {
    &SERVERS
}

fn couples() -> Vec<Couple> {
    let authority = Authority::new();
    let ec = authority.issue(Key::EcdsaP256, &["localhost"]);
    let own = authority.issue(Key::Ed25519, &["client"]);
    let versions = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];
    let mut all = Vec::new();
    for version in versions {
        all.push(plain(&authority, &ec, version));
        all.push(mutual(&authority, &ec, &own, version));
        all.push(resuming(&authority, &ec, version));
    }
    all.push(retried(&authority, &ec));
    all.push(with_psk(&authority, &ec));
    all
}

fn plain(authority: &Authority, ec: &Arc<Credential>, version: ProtocolVersion) -> Couple {
    let policy = Policy::MODERN.with_versions(&[version]);
    let client = client_config(authority, |builder| builder.policy(policy).alpn([b"h2", &b"http/1.1"[..]]));
    let server = server_config(ec.clone(), |builder| builder.alpn([&b"http/1.1"[..]]));
    (client, server)
}

fn mutual(
    authority: &Authority,
    ec: &Arc<Credential>,
    own: &Arc<Credential>,
    version: ProtocolVersion,
) -> Couple {
    let policy = Policy::MODERN.with_versions(&[version]);
    let asks = ClientAuthentication::Required(authority.verifier().without_name_check().into());
    let own = Credentials::always(own.clone());
    let client = client_config(authority, |builder| builder.policy(policy).credentials(own));
    (client, server_config(ec.clone(), |builder| builder.client_authentication(asks)))
}

fn resuming(authority: &Authority, ec: &Arc<Credential>, version: ProtocolVersion) -> Couple {
    let policy = Policy::MODERN.with_versions(&[version]);
    let sessions = ClientResumption::with(Arc::new(SessionCache::new(4, 4)));
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    let tickets = ServerSessions::none().with_tickets(Arc::new(TicketKeys::rotating(rotation)));
    let client = client_config(authority, |builder| builder.policy(policy).resumption(sessions));
    (client, server_config(ec.clone(), |builder| builder.sessions(tickets)))
}

fn retried(authority: &Authority, ec: &Arc<Credential>) -> Couple {
    let groups = [NamedGroup::x25519, NamedGroup::secp384r1];
    let client = client_config(authority, |builder| builder.policy(Policy::MODERN.with_groups(&groups)));
    let policy = Policy::MODERN.with_groups(&groups[1..]);
    (client, server_config(ec.clone(), |builder| builder.policy(policy)))
}

fn with_psk(authority: &Authority, ec: &Arc<Credential>) -> Couple {
    let psk = Arc::new(ExternalPsk::new("fuzz", Secret::from(&[0x42; 32][..])));
    let client = client_config(authority, |builder| builder.external_psks([psk.clone()]));
    let keys = PskSource::These(Arc::new([psk]));
    (client, server_config(ec.clone(), |builder| builder.external_psks(keys)))
}

/// One direction of the link.
#[derive(Default)]
struct Lane {
    /// Records under way.
    records: VecDeque<Vec<u8>>,
    /// One that arrived before.
    old: Vec<u8>,
    /// All data that was sent.
    said: Vec<u8>,
}

/// The ends, and what lies between them.
struct Link {
    pair: Pair,
    /// To the server, to the client.
    lanes: [Lane; 2],
    failed: [bool; 2],
}

const TO_SERVER: usize = 0;
const MOST_STEPS: usize = 200;

impl Link {
    fn new((client, server): &Couple) -> Self {
        let pair = Pair::new(client.clone(), server.clone());
        let mut link = Self { pair, lanes: Default::default(), failed: [false; 2] };
        link.collect();
        link
    }

    /// Cuts what the ends have sent into records.
    fn collect(&mut self) {
        for (end, lane) in [&mut self.pair.client, &mut self.pair.server].into_iter().zip(&mut self.lanes) {
            let output = end.output.as_slice().to_vec();
            end.output.clear();
            let mut rest = &output[..];
            while let Some(header) = rest.get(..5) {
                let length = 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
                lane.records.push_back(rest[..length].to_vec());
                rest = &rest[length..];
            }
            assert!(rest.is_empty(), "an end sends whole records");
        }
    }

    fn deliver(&mut self, lane: usize, bytes: &[u8]) {
        let end = if lane == TO_SERVER { &mut self.pair.server } else { &mut self.pair.client };
        let taken = end.take(bytes);
        if self.failed[lane] {
            assert!(taken.is_err(), "it stays closed");
        }
        if end.closed {
            // What comes after close_notify is not looked at.
            end.input.clear();
        }
        self.failed[lane] |= taken.is_err();
        self.collect();
    }

    /// Carries everything both ways until nothing moves.
    fn settle(&mut self) {
        while let Some(lane) = (0..2).find(|lane| !self.lanes[*lane].records.is_empty()) {
            let record = self.lanes[lane].records.pop_front().unwrap_or_default();
            self.deliver(lane, &record);
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let lane = script.below(2);
        let action = script.byte() % 16;
        let next = match action {
            5..=12 => self.lanes[lane].records.pop_front().unwrap_or_default(),
            _ => Vec::new(),
        };
        match action {
            0 => self.settle(),
            1 => self.speak(lane, script),
            2 => {
                let connection = self.speaker(lane);
                let mut output = premaster::Output::new();
                let _ = connection.0.update_keys(script.byte() & 1 == 0, &mut output);
                connection.1.extend(output.as_slice());
            }
            3 => {
                let (connection, output) = self.speaker(lane);
                connection.close(output);
            }
            4 => self.deliver(lane, script.bytes()),
            // It is lost.
            5 => {}
            6 => {
                self.deliver(lane, &next);
                self.deliver(lane, &next);
            }
            7 => {
                let after = self.lanes[lane].records.pop_front().unwrap_or_default();
                self.deliver(lane, &after);
                self.deliver(lane, &next);
            }
            // It comes back to whoever sent it.
            8 => self.deliver(1 - lane, &next),
            9 | 10 => {
                let mut next = next;
                script.edit(&mut next);
                self.deliver(lane, &next);
            }
            11 => {
                let at = usize::from(script.word()) % (next.len() + 1);
                self.deliver(lane, &next[..at]);
                self.deliver(lane, &next[at..]);
            }
            12 => {
                self.deliver(lane, &next);
                self.lanes[lane].old = next;
            }
            13 => {
                let old = self.lanes[lane].old.clone();
                self.deliver(lane, &old);
            }
            _ => {
                let next = self.lanes[lane].records.pop_front().unwrap_or_default();
                self.deliver(lane, &next);
            }
        }
        self.collect();
    }

    fn speaker(&mut self, lane: usize) -> (&mut Connection, &mut premaster::Output) {
        let end = if lane == TO_SERVER { &mut self.pair.client } else { &mut self.pair.server };
        (&mut end.connection, &mut end.output)
    }

    fn speak(&mut self, lane: usize, script: &mut Script<'_>) {
        let data = script.bytes();
        let (connection, output) = self.speaker(lane);
        if connection.send(data, output).is_ok() {
            self.lanes[lane].said.extend_from_slice(data);
        }
    }

    /// Whoever is between them may stop them, and that is all.
    fn check(&self) {
        let (client, server) = (&self.pair.client, &self.pair.server);
        assert!(
            self.lanes[TO_SERVER].said.starts_with(&server.received),
            "data that the client did not send"
        );
        assert!(self.lanes[1].said.starts_with(&client.received), "data that the server did not send");
        let (Some(one), Some(other)) = (client.connection.info(), server.connection.info()) else { return };
        assert_eq!((one.version, one.suite.code, one.group), (other.version, other.suite.code, other.group));
        assert_eq!(one.alpn, other.alpn);
        let exported = [client, server].map(|end| {
            let mut out = [0; 32];
            end.connection.export("EXPORTER-fuzz", None, &mut out).map(|()| out)
        });
        assert_eq!(exported[0], exported[1], "both have the same keys");
    }
}

/// Connects the couple that the first byte names, through whoever does what the others say.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let couple = script.choose(&COUPLES);
    let mut link = Link::new(couple);
    for _ in 0..MOST_STEPS {
        if script.is_over() || link.failed == [true; 2] {
            break;
        }
        link.step(&mut script);
        link.check();
    }
    link.settle();
    link.check();
}

/// Each couple left in peace; and with data, new keys and an end.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for couple in 0..COUPLES.len() as u8 {
        seeds.push(vec![couple, 0, 0]);
        seeds.push(vec![couple, 0, 0, 0, 1, 3, b'o', b'n', b'e', 1, 1, 3, b't', b'w', b'o', 0, 0]);
        seeds.push(vec![couple, 0, 0, 0, 2, 0, 0, 1, 2, 7, 7, 1, 2, 1, 0, 0, 0, 3, 1, 3, 0, 0]);
        let one_by_one = (0..30).flat_map(|at| [at % 2, 14]);
        seeds.push(std::iter::once(couple).chain(one_by_one).collect());
        let kept = (0..30).flat_map(|at| [at % 2, 12]);
        seeds.push(std::iter::once(couple).chain(kept).chain([0, 13]).collect());
    }
    seeds
}

/// Remembers the handshake messages that one side sends.
#[derive(Default)]
struct Ear(Mutex<Vec<Vec<u8>>>);

impl Observer for Ear {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        if let Event::Message { direction: Direction::Sent, bytes } = event
            && let Ok(mut heard) = self.0.lock()
        {
            heard.push(bytes.to_vec());
        }
    }
}

/// The handshake messages of a connection of each kind, and whether it is TLS 1.3.
pub(crate) fn messages() -> Vec<(bool, Vec<Vec<u8>>)> {
    let mut all = Vec::new();
    for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
        let ear = Arc::new(Ear::default());
        let authority = Authority::new();
        let ec = authority.issue(Key::EcdsaP256, &["localhost"]);
        let asks = ClientAuthentication::Required(authority.verifier().without_name_check().into());
        let policy = Policy::MODERN.with_versions(&[version]);
        let own = Credentials::always(ec.clone());
        let client = client_config(&authority, |builder| {
            builder.policy(policy).credentials(own).alpn([&b"h2"[..]]).observer(ear.clone())
        });
        let server = server_config(ec, |builder| {
            builder.client_authentication(asks).alpn([&b"h2"[..]]).observer(ear.clone())
        });
        let pair = Pair::new(client, server).handshake();
        assert!(pair.is_ok_and(|pair| pair.client.connection.side() == Side::Client));
        let heard = ear.0.lock().map(|heard| heard.clone()).unwrap_or_default();
        all.push((version == ProtocolVersion::TLS_1_3, heard));
    }
    all
}
