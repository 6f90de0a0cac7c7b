//! A process that has shaken hands forks: what parent and child make from then on, from the same configurations, has
//! no public value in common.
#![cfg(all(unix, feature = "laboratory"))]
mod common;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    ClientConfig, Policy, ServerConfig,
    config::ServerSessions,
    crypto::random::{Random, RandomFailed, SystemRandom},
    exchange::{EphemeralPool, Group},
    observe::{At, Direction, Event, KeyLife, Observer},
    pki_types::UnixTime,
    resume::{MemoryStore, Rotation, TicketKeys},
    wire::{
        ExtensionType, HandshakeType, NamedGroup, ProtocolVersion,
        message::{ClientHello, ServerHello},
    },
};
use premaster_ffi::twin;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What is public and may not come twice: ephemeral keys, randoms, session IDs, tickets.
#[derive(Default)]
struct Seen(Mutex<Vec<Vec<u8>>>);

impl Seen {
    fn note(&self, value: &[u8]) {
        if !value.is_empty() {
            self.0.lock().unwrap().push(value.to_vec());
        }
    }

    fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Seen {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        match event {
            Event::EphemeralKey { public, life: KeyLife::Made, .. } => self.note(public),
            Event::Message { direction: Direction::Sent, bytes } => self.message(bytes),
            _ => {}
        }
    }
}

impl Seen {
    fn message(&self, bytes: &[u8]) {
        let Some((header, body)) = bytes.split_at_checked(4) else { return };
        match HandshakeType(header[0]) {
            HandshakeType::CLIENT_HELLO => {
                let hello = ClientHello::decode(body).unwrap();
                self.note(hello.random);
                self.note(hello.session_id);
            }
            HandshakeType::SERVER_HELLO => {
                let hello = ServerHello::decode(body).unwrap();
                self.note(hello.random);
                // In TLS 1.3 it is the client's.
                if !hello.extensions.contains(ExtensionType::SUPPORTED_VERSIONS) {
                    self.note(hello.session_id);
                }
            }
            HandshakeType::NEW_SESSION_TICKET => self.note(body),
            _ => {}
        }
    }
}

/// So many handshakes from the same configurations, and what was public in them.
fn handshakes(
    seen: &Seen,
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    count: usize,
) -> Vec<Vec<u8>> {
    for _ in 0..count {
        Pair::new(client.clone(), server.clone()).handshake().unwrap();
    }
    seen.take()
}

/// Shakes hands, makes keys ahead, forks, shakes hands in both processes, and yields how many values there were, and those that came
/// more than once.
fn repeated(
    policy: &Policy,
    random: Arc<dyn Random>,
    sessions: ServerSessions,
    (ahead, count): (usize, usize),
) -> (usize, Vec<Vec<u8>>) {
    let authority = Authority::new();
    let seen = Arc::new(Seen::default());
    let pool = Arc::new(EphemeralPool::with_random(policy.group_rows(), ahead, random.clone()));
    let client = client_config(&authority, |builder| {
        let builder = builder.policy(policy.clone()).random(random.clone()).observer(seen.clone());
        builder.ephemeral_pool(pool.clone())
    });
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let server = server_config(credential, |builder| {
        let builder = builder.policy(policy.clone()).random(random.clone()).observer(seen.clone());
        builder.ephemeral_pool(pool.clone()).sessions(sessions)
    });
    let before = handshakes(&seen, &client, &server, 2);
    // The keys that were made ahead are the parent's.
    assert_eq!(pool.fill().is_ok_and(|made| made > 0), ahead > 0);
    let run = || handshakes(&seen, &client, &server, count);
    let child = || {
        let values = run();
        let field = |value: &Vec<u8>| [&(value.len() as u32).to_be_bytes()[..], value].concat();
        values.iter().flat_map(field).collect()
    };
    let (theirs, ours) = twin::in_two(child, run).unwrap();
    let mut times: HashMap<&[u8], usize> = HashMap::new();
    let mut rest = &theirs[..];
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        let (value, behind) = behind.split_at(u32::from_be_bytes(*len) as usize);
        *times.entry(value).or_default() += 1;
        rest = behind;
    }
    // Both processes made as much.
    assert_eq!(times.values().sum::<usize>(), ours.len());
    assert!(ours.len() >= 4 * count, "{}", ours.len());
    before.iter().chain(&ours).for_each(|value| *times.entry(value).or_default() += 1);
    let again = times.iter().filter(|(_, times)| **times > 1);
    (times.len(), again.map(|(value, _)| value.to_vec()).collect())
}

/// A copy of this process has the one thread only, and waits in vain for a lock that another test holds.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keys() -> Arc<TicketKeys> {
    Arc::new(TicketKeys::rotating(Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200))))
}

#[test]
fn nothing_comes_twice_in_any_group() {
    let _alone = alone();
    for group in Group::ALL {
        let mut groups = vec![group.code, NamedGroup::secp256r1];
        groups.dedup();
        let policy = Policy::COMPATIBLE.with_versions(&[ProtocolVersion::TLS_1_3]).with_groups(&groups);
        // The larger primes take their time.
        let count = if group.published_len > 256 && !group.quantum_safe { 2 } else { 20 };
        let sessions = ServerSessions::none().with_tickets(keys());
        let (values, again) = repeated(&policy, Arc::new(SystemRandom), sessions, (3, count));
        assert!(again.is_empty(), "{}: {} of {values}: {again:02x?}", group.code, again.len());
    }
}

#[test]
fn nothing_comes_twice_in_tls12() {
    let _alone = alone();
    let store = Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now()));
    for group in [NamedGroup::x25519, NamedGroup::secp256r1] {
        let policy = Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_2]);
        let policy = policy.with_groups(&[group, NamedGroup::secp256r1]);
        // Named by session IDs.
        let sessions =
            ServerSessions::none().with_tickets(keys()).without_tickets().with_store(store.clone());
        let (values, again) = repeated(&policy, Arc::new(SystemRandom), sessions, (3, 20));
        assert!(again.is_empty(), "{group}: {} of {values}: {again:02x?}", again.len());
    }
}

/// A generator that does not notice a fork.
struct Unaware(Mutex<u64>);

impl Random for Unaware {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut state = self.0.lock().unwrap();
        for byte in out {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (*state >> 56) as u8;
        }
        Ok(())
    }
}

/// The control: with such a generator the two processes make the same keys, and the test says so.
#[test]
fn what_comes_twice_is_found() {
    let _alone = alone();
    let policy = Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_3]).with_groups(&[NamedGroup::x25519]);
    let random = Arc::new(Unaware(Mutex::new(1)));
    let (_, again) = repeated(&policy, random, ServerSessions::none(), (0, 1));
    // The randoms, the session ID, and the keys of both sides.
    assert_eq!(again.len(), 5, "{again:02x?}");
}

#[test]
fn a_child_that_fails_is_noticed() {
    let _alone = alone();
    assert!(twin::in_two(|| panic!("this is expected"), || ()).is_err());
}
