//! What each step of a connection leaves on the stack: nothing. The stack below a step is painted before it and read
//! after it, for every suite, group and kind of key, on both sides. What is neither paint nor zeros was written and not
//! wiped: the depths in `crypto/wipe.rs` are held to what is used. Only addresses may stand there, since wiping is a call
//! as well.
#![cfg(all(target_os = "linux", feature = "laboratory"))]
mod common;

use common::{Authority, Key};
use premaster::{
    ClientConfig, Connection, Content, Output, Policy, Secret, ServerConfig,
    config::{ClientAuthentication, ClientResumption, LegacyOptIn, ServerSessions},
    exchange::{Group, GroupKind},
    identity::{ChainVerifier, Credential, Credentials, ExternalPsk, PskSource, Roots, Verifier},
    observe::Resumed,
    resume::{Rotation, SessionCache, TicketKeys},
    suite::{Authentication, KeyExchange, Suite},
    wire::{NamedGroup, ProtocolVersion},
};
use std::{fs::File, hint::black_box, ops::Range, os::unix::fs::FileExt, sync::Arc, time::Duration};

/// What the stack is painted with, down to which depth.
const PAINT: u8 = 0xa5;
const DEPTH: usize = 1 << 20;

/// What of it is above all that is wiped: the frame of the method that was called, which wipes what is below it.
const CALLED: usize = if cfg!(debug_assertions) { 16 << 10 } else { 4 << 10 };

/// Room for the paint, and for what is above it.
const STACK: usize = 4 * DEPTH;

/// Looks at its own thread's stack.
struct Painter {
    memory: File,
    seen: Vec<u8>,
    /// Where code and stack are.
    mapped: Vec<Range<u64>>,
}

impl Painter {
    fn new() -> Self {
        let local = 0_u8;
        let here = std::ptr::from_ref(black_box(&local)).addr() as u64;
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mapped = maps.lines().filter_map(|line| {
            let (range, rest) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let number = |digits| u64::from_str_radix(digits, 16).unwrap();
            let range = number(start)..number(end);
            (rest.starts_with("r-x") || range.contains(&here)).then_some(range)
        });
        Self { memory: File::open("/proc/self/mem").unwrap(), seen: vec![0; DEPTH], mapped: mapped.collect() }
    }

    /// Takes a step, and looks at what it has left.
    #[inline(never)]
    fn step<T>(&mut self, what: &dyn std::fmt::Debug, step: impl FnOnce() -> T) -> T {
        let here = 0_u8;
        let top = std::ptr::from_ref(black_box(&here)).addr() & !7;
        paint();
        let made = one_frame_down(step);
        self.memory.read_exact_at(&mut self.seen, (top - DEPTH) as u64).unwrap();
        let (words, _) = self.seen.as_chunks();
        let left = words.iter().position(|word| {
            let address = u64::from_ne_bytes(*word);
            let wiped = word.iter().all(|&byte| byte == 0 || byte == PAINT);
            !wiped && !self.mapped.iter().any(|range| range.contains(&address))
        });
        let depth = DEPTH - 8 * left.unwrap_or(words.len());
        assert!(depth <= CALLED, "{what:?}: something is left {depth} bytes down");
        made
    }
}

#[inline(never)]
fn paint() {
    black_box(&mut [PAINT; DEPTH]);
}

#[inline(never)]
fn one_frame_down<T>(step: impl FnOnce() -> T) -> T {
    step()
}

/// The painter sees what is left, however deep it is.
#[test]
fn what_is_left_is_seen() {
    #[inline(never)]
    fn dive(depth: usize) -> u8 {
        let frame = black_box([7_u8; 1024]);
        if depth > 0 { dive(depth - 1).wrapping_add(frame[depth]) } else { frame[0] }
    }
    for depth in [10, 500] {
        let dived = std::thread::Builder::new().stack_size(STACK).spawn(move || {
            Painter::new().step(&"a dive", || black_box(dive(black_box(depth))));
        });
        assert!(dived.unwrap().join().is_err());
    }
}

/// Certificates and keys of every kind.
struct House {
    authority: Authority,
    signing: Vec<(Key, Arc<Credential>)>,
    dh: Arc<Credential>,
    client: Arc<Credential>,
    roots: Verifier,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let mut roots = Roots::new();
        roots.add(&authority.certificate).unwrap();
        roots.add_pem(include_bytes!("../testdata/static/authority.pem")).unwrap();
        let dh = Credential::from_pem(
            include_bytes!("../testdata/static/dh.pem"),
            include_bytes!("../testdata/static/dh.key.pem"),
        );
        let keys = [Key::EcdsaP256, Key::EcdsaP384, Key::EcdsaP521, Key::Ed25519, Key::Rsa2048];
        Self {
            signing: keys.map(|key| (key, authority.issue(key, &["localhost"]))).to_vec(),
            client: authority.issue(Key::EcdsaP256, &["client"]),
            dh: Arc::new(dh.unwrap()),
            roots: ChainVerifier::new(roots).into(),
            authority,
        }
    }

    fn signing(&self, wanted: Key) -> Arc<Credential> {
        self.signing.iter().find(|(key, _)| *key == wanted).unwrap().1.clone()
    }

    fn configs(&self, case: Case) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
        let certified = [NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1];
        let mut groups: Vec<_> = case.group.into_iter().collect();
        if case.suite.version() == ProtocolVersion::TLS_1_2 {
            groups.extend(certified);
        }
        let policy = Policy::LEGACY
            .with_versions(&[case.suite.version()])
            .with_cipher_suites(&[case.suite.code])
            .with_groups(&groups);
        let credential = match (case.suite.key_exchange, case.suite.authentication) {
            (KeyExchange::Dh, _) => self.dh.clone(),
            (KeyExchange::Ecdh, _) => self.signing(Key::EcdsaP256),
            (_, Authentication::Ecdsa | Authentication::Tls13) => self.signing(case.key),
            _ => self.signing(Key::Rsa2048),
        };
        let because = || LegacyOptIn::for_every_peer("a test of every exchange");
        let psk = || Arc::new(ExternalPsk::new("a name", Secret::from(&[0x5a; 32][..])));
        let client = ClientConfig::builder()
            .policy(policy.clone())
            .verifier(self.roots.clone())
            .credentials(Credentials::always(self.client.clone()))
            .resumption(ClientResumption::with(Arc::new(SessionCache::new(8, 8))))
            .allow_legacy(because());
        let hour = Duration::from_secs(3600);
        let tickets = Arc::new(TicketKeys::rotating(Rotation::new(hour, 2 * hour)));
        let mut server = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(credential))
            .sessions(ServerSessions::none().with_tickets(tickets))
            .allow_legacy(because());
        let external = case.suite.version() == ProtocolVersion::TLS_1_2;
        let client = if external { client.external_psks([psk()]) } else { client };
        if external {
            server = server.external_psks(PskSource::These(Arc::new([psk()])));
        }
        if case.authenticate {
            let verifier = self.authority.verifier().into();
            server = server.client_authentication(ClientAuthentication::Required(verifier));
        }
        (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()))
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    suite: &'static Suite,
    group: Option<NamedGroup>,
    key: Key,
    authenticate: bool,
}

/// One end, and what it is called in a complaint.
struct End {
    name: &'static str,
    connection: Connection,
    output: Output,
}

impl End {
    /// Takes a flight.
    fn take(&mut self, painter: &mut Painter, case: Case, flight: &mut [u8]) {
        let Self { name, connection, output } = self;
        let mut rest = flight;
        while !rest.is_empty() {
            let before = connection.waiting_for();
            let what = (case, *name, before);
            let consumed = painter.step(&what, || {
                let received = connection.receive(rest, output).unwrap();
                assert!(!matches!(received.content, Content::NeedMore(_) | Content::Waiting));
                received.consumed
            });
            rest = &mut rest[consumed..];
        }
    }

    fn flight(&mut self) -> Vec<u8> {
        let flight = self.output.as_slice().to_vec();
        self.output.clear();
        flight
    }
}

fn carry(painter: &mut Painter, case: Case, [client, server]: &mut [End; 2]) {
    loop {
        let (mut to_server, mut to_client) = (client.flight(), server.flight());
        if to_server.is_empty() && to_client.is_empty() {
            return;
        }
        server.take(painter, case, &mut to_server);
        client.take(painter, case, &mut to_client);
    }
}

/// A connection, and a second one that resumes it.
fn run(painter: &mut Painter, house: &House, case: Case) {
    let (client_config, server_config) = house.configs(case);
    for resumed in [false, true] {
        let mut output = Output::new();
        let (config, name) = (client_config.clone(), "localhost".try_into().unwrap());
        let connection =
            painter.step(&(case, "client"), || Connection::client(config, name, &mut output).unwrap());
        let server = Connection::server(server_config.clone());
        let mut ends = [
            End { name: "client", connection, output },
            End { name: "server", connection: server, output: Output::new() },
        ];
        carry(painter, case, &mut ends);
        for end in &ends {
            let info = end.connection.info().unwrap();
            assert_eq!(info.suite, case.suite);
            let resumes =
                case.suite.key_exchange.has_certificate() || info.version == ProtocolVersion::TLS_1_3;
            assert!(!resumes || (info.resumed != Resumed::Full) == resumed, "{case:?}: {:?}", info.resumed);
        }
        for index in [0, 1] {
            let End { name, connection, output } = &mut ends[index];
            painter.step(&(case, *name, "export"), || {
                connection.export("EXPORTER-test", None, &mut [0; 40]).unwrap();
            });
            painter.step(&(case, *name, "send"), || connection.send(&[7; 40_000], output).unwrap());
            if case.suite.version() == ProtocolVersion::TLS_1_3 {
                painter.step(&(case, *name, "update"), || connection.update_keys(true, output).unwrap());
            }
            carry(painter, case, &mut ends);
            let End { name, connection, output } = &mut ends[index];
            connection.compact();
            painter.step(&(case, *name, "send again"), || connection.send(&[7; 100], output).unwrap());
            carry(painter, case, &mut ends);
        }
    }
}

const LARGE: [NamedGroup; 4] =
    [NamedGroup::ffdhe3072, NamedGroup::ffdhe4096, NamedGroup::ffdhe6144, NamedGroup::ffdhe8192];

/// The cases of `suite`: over every group, and with keys of every kind where the suite leaves the choice.
fn cases(suite: &'static Suite) -> Vec<Case> {
    let tls13 = suite.version() == ProtocolVersion::TLS_1_3;
    let exchange = suite.key_exchange;
    let reaches = |group: &&Group| match group.kind {
        GroupKind::Curve => tls13 || exchange.is_elliptic(),
        GroupKind::FiniteField => tls13 || exchange.is_finite_field(),
        _ => tls13,
    };
    let has_group =
        tls13 || (exchange.is_ephemeral() && (exchange.is_elliptic() || exchange.is_finite_field()));
    let mut groups: Vec<_> = match has_group {
        true => Group::ALL.iter().filter(reaches).map(|group| Some(group.code)).collect(),
        false => vec![None],
    };
    // The larger finite fields take long, and come with TLS 1.3.
    groups.retain(|group| tls13 || !LARGE.iter().any(|large| *group == Some(*large)));
    // What groups do to the stack does not depend on the protection of records.
    let first = Suite::ALL.iter().find(|other| {
        (other.version(), other.key_exchange, other.authentication)
            == (suite.version(), exchange, suite.authentication)
    });
    let is_first = first == Some(suite);
    if !is_first {
        groups.truncate(1);
    }
    let free = is_first && matches!(suite.authentication, Authentication::Ecdsa | Authentication::Tls13);
    let keys = [Key::EcdsaP256, Key::EcdsaP384, Key::EcdsaP521, Key::Ed25519, Key::Rsa2048];
    let keys = keys.into_iter().filter(|key| *key != Key::Rsa2048 || tls13);
    let keys: Vec<_> = keys.take(if free { 5 } else { 1 }).collect();
    let mut cases = Vec::new();
    for (index, group) in groups.into_iter().enumerate() {
        for key in keys.iter().take(if index == 0 { 5 } else { 1 }) {
            cases.push(Case { suite, group, key: *key, authenticate: index == 0 });
        }
    }
    cases
}

fn every_suite(version: ProtocolVersion) {
    let work = move || {
        let (house, mut painter) = (House::new(), Painter::new());
        let suites = Suite::ALL.iter().filter(|suite| suite.version() == version);
        suites.flat_map(cases).for_each(|case| run(&mut painter, &house, case));
    };
    std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap();
}

#[test]
fn tls13() {
    every_suite(ProtocolVersion::TLS_1_3);
}

#[test]
fn tls12() {
    every_suite(ProtocolVersion::TLS_1_2);
}
