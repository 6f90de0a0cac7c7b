//! A source of randomness that fails, that is stuck or that starts again ends the handshake, whichever of its draws it
//! is and for whatever it was: a random, a session ID, each ephemeral key, the premaster secret of RSA and its padding.
//! What costs no more than a ticket costs the ticket.
mod common;

use common::{Authority, End, Key, Pair};
use premaster::{
    ClientConfig, Connection, Error, Output, Policy, ServerConfig,
    config::{ClientResumption, ServerSessions},
    crypto::random::{Random, RandomFailed, SystemRandom},
    error::Failure,
    exchange::{Group, GroupKind},
    identity::{Credential, Credentials},
    pki_types::UnixTime,
    resume::{ClientSession, ClientSessions, Rotation, SessionKey, SessionName, TicketKeys},
    wire::{NamedGroup, ProtocolVersion},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// The shortest draw that a key, a nonce or a random is made of. Shorter ones may come twice by chance.
const KEY_SIZED: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It fails, and leaves zeros behind.
    Fails,
    /// It says that all is well, and gives zeros.
    Zeros,
    /// It gives what it gave before, like one that was set back.
    Again,
}

/// The system's, until it goes wrong, for good.
#[derive(Default)]
struct Faulty {
    draws: Mutex<Vec<Vec<u8>>>,
    fault: Option<(usize, Fault)>,
}

impl Faulty {
    fn lens(&self) -> Vec<usize> {
        self.draws.lock().unwrap().iter().map(Vec::len).collect()
    }
}

impl Random for Faulty {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut draws = self.draws.lock().unwrap();
        SystemRandom.fill(out)?;
        // The padding of RSA draws again for each zero: without any, every run makes the same draws.
        out.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 1);
        match self.fault.filter(|(at, _)| *at <= draws.len()) {
            None => {}
            Some((_, Fault::Fails)) => {
                out.fill(0);
                return Err(RandomFailed);
            }
            Some((_, Fault::Zeros)) => out.fill(0),
            Some((_, Fault::Again)) => {
                if let Some(before) = draws.iter().find(|draw| draw.len() == out.len()) {
                    out.copy_from_slice(before);
                }
            }
        }
        draws.push(out.to_vec());
        Ok(())
    }
}

/// Counts the sessions that a client is given, and offers none.
#[derive(Default)]
struct Given(AtomicUsize);

impl ClientSessions for Given {
    fn put(&self, _: ClientSession) {
        self.0.fetch_add(1, Relaxed);
    }

    fn take(&self, _: &SessionKey, _: UnixTime) -> Option<Arc<ClientSession>> {
        None
    }

    fn forget(&self, _: &SessionKey, _: &SessionName) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// A kind of handshake.
struct Case {
    name: String,
    authority: Authority,
    credential: Arc<Credential>,
    policy: Policy,
}

/// What came of two handshakes with the same configurations.
struct Ran {
    outcome: Result<(), Error>,
    /// How many tickets the client was given by the last of them.
    tickets: usize,
    /// How long the draws of the side that was looked at were, and how many of them the first handshake made.
    lens: Vec<usize>,
    first: usize,
}

impl Case {
    fn new(name: impl Into<String>, key: Key, policy: Policy) -> Self {
        let authority = Authority::new();
        let credential = authority.issue(key, &["localhost"]);
        Self { name: name.into(), authority, credential, policy }
    }

    /// Two handshakes, in which the source of this side goes wrong with the draw of this number.
    fn run(&self, side: Side, fault: Option<(usize, Fault)>) -> Ran {
        let source = Arc::new(Faulty { fault, ..Faulty::default() });
        let other = Arc::new(Faulty::default());
        let [of_client, of_server] = match side {
            Side::Client => [source.clone(), other],
            Side::Server => [other, source.clone()],
        };
        let (given, hour) = (Arc::new(Given::default()), Duration::from_secs(3600));
        let keys = TicketKeys::rotating(Rotation::new(hour, hour));
        let client = ClientConfig::builder()
            .policy(self.policy.clone())
            .verifier(self.authority.verifier())
            .resumption(ClientResumption::with(given.clone()))
            .random(of_client);
        let server = ServerConfig::builder()
            .policy(self.policy.clone())
            .credentials(Credentials::always(self.credential.clone()))
            .sessions(ServerSessions::none().with_tickets(Arc::new(keys)).tickets_per_handshake(1))
            .random(of_server);
        #[cfg(feature = "legacy")]
        let (client, server) = {
            let opt_in = premaster::config::LegacyOptIn::for_every_peer("to see what bad randomness does");
            (client.allow_legacy(opt_in.clone()), server.allow_legacy(opt_in))
        };
        let (client, server) = (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()));
        let mut ran = Ran { outcome: Ok(()), tickets: 0, lens: Vec::new(), first: 0 };
        for _ in 0..2 {
            ran.first = source.lens().len();
            let before = given.0.load(Relaxed);
            ran.outcome = connect(client.clone(), server.clone());
            ran.tickets = given.0.load(Relaxed) - before;
            // Where the fault has shown itself, the next handshake has nothing to say.
            if ran.outcome.is_err() || fault.is_some_and(|(at, _)| at < source.lens().len()) {
                break;
            }
        }
        ran.lens = source.lens();
        ran
    }

    /// The source of either side goes wrong in each way, at each draw.
    fn check(&self) {
        for side in [Side::Client, Side::Server] {
            let honest = self.run(side, None);
            assert_eq!((honest.outcome, honest.tickets), (Ok(()), 1), "{}", self.name);
            // A random, and what a key or the premaster secret is made of.
            let long = honest.lens[honest.first..].iter().filter(|&&len| len >= KEY_SIZED).count();
            assert!(long >= 2, "{}, {side:?}: {:?}", self.name, honest.lens);
            for (at, &len) in honest.lens.iter().enumerate() {
                let second = at >= honest.first;
                let faults: &[Fault] = if second { &[Fault::Again] } else { &[Fault::Fails, Fault::Zeros] };
                for &fault in faults.iter().filter(|&&fault| len >= KEY_SIZED || fault == Fault::Fails) {
                    let ran = self.run(side, Some((at, fault)));
                    let what = format!("{}, {side:?}, draw {at} of {:?}, {fault:?}", self.name, honest.lens);
                    match ran.outcome {
                        Err(error) => assert_eq!(error, Error::Failed(Failure::Random), "{what}"),
                        // Only what tickets are sealed with: without it there is none.
                        Ok(()) => assert_eq!((side, ran.tickets), (Side::Server, 0), "{what}"),
                    }
                }
            }
        }
    }
}

fn connect(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Result<(), Error> {
    let mut output = Output::new();
    let client = Connection::client(client, "localhost".try_into().unwrap(), &mut output)?;
    let server = End::new(Connection::server(server), Output::new());
    let client = End::new(client, output);
    let delivery = common::Delivery::Whole;
    Pair { client, server, delivery, bytes_to_server: 0, bytes_to_client: 0 }.handshake().map(drop)
}

/// Those that differ in nothing but the prime's size are as good as one.
fn groups() -> impl Iterator<Item = &'static Group> {
    let is_large =
        |group: &Group| group.kind == GroupKind::FiniteField && group.code != NamedGroup::ffdhe2048;
    Group::ALL.iter().filter(move |group| !is_large(group))
}

#[test]
fn every_group_of_tls13() {
    for group in groups() {
        let policy = Policy::COMPATIBLE.with_versions(&[ProtocolVersion::TLS_1_3]).with_groups(&[group.code]);
        Case::new(format!("TLS 1.3, {}", group.code), Key::Ed25519, policy).check();
    }
}

#[test]
fn a_second_client_hello() {
    let groups = [NamedGroup::x25519, NamedGroup::secp256r1];
    let policy = Policy::COMPATIBLE.with_versions(&[ProtocolVersion::TLS_1_3]).with_groups(&groups);
    Case::new("TLS 1.3, after HelloRetryRequest", Key::Ed25519, policy.with_key_shares(&[])).check();
}

#[test]
fn every_curve_of_tls12() {
    for group in groups().filter(|group| group.kind == GroupKind::Curve) {
        let groups = [group.code, NamedGroup::secp256r1];
        let groups = if group.code == NamedGroup::secp256r1 { &groups[..1] } else { &groups };
        let policy = Policy::COMPATIBLE.with_versions(&[ProtocolVersion::TLS_1_2]).with_groups(groups);
        Case::new(format!("TLS 1.2, {}", group.code), Key::EcdsaP256, policy).check();
    }
}

#[test]
fn finite_field_of_tls12() {
    let version = ProtocolVersion::TLS_1_2;
    let policy = Policy::COMPATIBLE.with_versions(&[version]).with_groups(&[NamedGroup::ffdhe2048]);
    let suites = policy.suites(version).filter(|suite| suite.key_exchange.is_finite_field());
    let suites: Vec<_> = suites.map(|suite| suite.code).collect();
    Case::new("TLS 1.2, ffdhe2048", Key::Rsa2048, policy.with_cipher_suites(&suites)).check();
}

#[cfg(feature = "legacy")]
#[test]
fn rsa_of_tls12() {
    let suites = [premaster::wire::CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256];
    let policy = Policy::LEGACY.with_versions(&[ProtocolVersion::TLS_1_2]).with_cipher_suites(&suites);
    Case::new("TLS 1.2, RSA", Key::Rsa2048, policy).check();
}
