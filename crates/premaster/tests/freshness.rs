//! No public value comes twice: over thousands of handshakes, in parallel, for every ephemeral exchange; and a
//! source of randomness that repeats itself ends the handshake.
mod common;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    Error, Policy, Secret,
    config::LegacyOptIn,
    crypto::random::{Random, RandomFailed, SystemRandom},
    error::Failure,
    exchange::{EphemeralKey, Group, GroupKind},
    identity::{ExternalPsk, PskSource},
    observe::{At, Event, KeyLife, Observer},
    suite::KeyExchange,
    wire::{NamedGroup, ProtocolVersion},
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    thread,
};

/// The public values and the randoms of every handshake.
#[derive(Default)]
struct Seen(Mutex<(HashSet<Vec<u8>>, usize)>);

impl Seen {
    fn note(&self, value: &[u8]) {
        let mut seen = self.0.lock().unwrap();
        seen.1 += 1;
        assert!(seen.0.insert(value.to_vec()), "this came before: {value:02x?}");
    }
}

impl Observer for Seen {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        if let Event::EphemeralKey { public, life: KeyLife::Made, .. } = event {
            self.note(public);
        }
    }
}

/// Makes this many keys on two threads, through the door that handshakes use.
fn keys(group: NamedGroup, count: usize) {
    let (group, seen) = (Group::find(group).unwrap(), Seen::default());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..count / 2 {
                    seen.note(EphemeralKey::generate(group, &SystemRandom).unwrap().public());
                }
            });
        }
    });
    assert_eq!(seen.0.lock().unwrap().0.len(), count);
}

/// What comes to this exchange.
fn policy(group: NamedGroup, version: ProtocolVersion) -> Policy {
    let certified = if version == ProtocolVersion::TLS_1_2 { NamedGroup::secp256r1 } else { group };
    let mut groups = vec![group, certified];
    groups.dedup();
    let policy = Policy::COMPATIBLE.with_versions(&[version]).with_groups(&groups);
    match (version, Group::find(group).unwrap().kind) {
        (ProtocolVersion::TLS_1_2, GroupKind::FiniteField) => {
            let suites = policy.suites(version).filter(|suite| suite.key_exchange == KeyExchange::Dhe);
            let suites: Vec<_> = suites.map(|suite| suite.code).collect();
            policy.with_cipher_suites(&suites)
        }
        _ => policy,
    }
}

/// Runs this many handshakes on two threads that share the configurations.
fn handshakes(group: NamedGroup, policy: &Policy, count: usize) {
    let authority = Authority::new();
    let opt_in = || LegacyOptIn::for_every_peer("a test of every ephemeral exchange");
    let (mut suites, mut psks) = (policy.suites(policy.newest()), policy.suites(ProtocolVersion::TLS_1_2));
    // TLS 1.2 signs an exchange in a finite field with RSA only.
    let key = match suites.all(|suite| suite.key_exchange == KeyExchange::Dhe) {
        true => Key::Rsa2048,
        false => Key::EcdsaP256,
    };
    let psk = psks.any(|suite| suite.key_exchange.has_psk());
    let psk = psk.then(|| Arc::new(ExternalPsk::new("a name", Secret::from(&[1; 32][..]))));
    let psks = psk.iter().cloned().collect();
    let seen = Arc::new(Seen::default());
    let client = client_config(&authority, |builder| {
        let builder = builder.policy(policy.clone()).external_psks(psk).observer(seen.clone());
        builder.allow_legacy(opt_in())
    });
    let credential = authority.issue(key, &["localhost"]);
    let server = server_config(credential, |builder| {
        let builder = builder.policy(policy.clone()).external_psks(PskSource::These(psks));
        builder.allow_legacy(opt_in()).observer(seen.clone())
    });
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..count / 2 {
                    let pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
                    assert_eq!(pair.client.connection.info().unwrap().group, Some(group));
                }
            });
        }
    });
    let (values, total) = &*seen.0.lock().unwrap();
    // A client that also shares a key of the certificate's group publishes more.
    assert!(*total >= 2 * count, "{total}");
    assert_eq!(values.len(), *total);
}

/// How many of each exchange. A build that is not optimised makes a few, so that nobody waits for it.
const MANY: usize = if cfg!(debug_assertions) { 300 } else { 10_000 };

/// Handshakes, of `count` at most. Over the larger primes, which go the same way through the code, there are fewer than
/// [`MANY`] unless `PREMASTER_THOROUGH=1`, and as many keys without a handshake as are missing.
fn thorough(count: usize) -> usize {
    match std::env::var_os("PREMASTER_THOROUGH") {
        Some(_) => MANY,
        None => count.min(MANY),
    }
}

macro_rules! fresh {
    ($($test:ident: $group:ident $version:ident $count:expr;)*) => {
        $(
            #[test]
            fn $test() {
                let count = thorough($count);
                let policy = policy(NamedGroup::$group, ProtocolVersion::$version);
                handshakes(NamedGroup::$group, &policy, count);
                keys(NamedGroup::$group, MANY - count);
            }
        )*

        /// The list above has every group of the library.
        #[test]
        fn no_group_is_missing() {
            let tested = [$(NamedGroup::$group),*];
            for group in Group::ALL {
                assert!(tested.contains(&group.code), "{}", group.code);
            }
        }
    };
}

fresh! {
    x25519: x25519 TLS_1_3 MANY;
    secp256r1: secp256r1 TLS_1_3 MANY;
    secp384r1: secp384r1 TLS_1_3 MANY;
    secp521r1: secp521r1 TLS_1_3 MANY;
    mlkem768: MLKEM768 TLS_1_3 MANY;
    mlkem1024: MLKEM1024 TLS_1_3 MANY;
    x25519_mlkem768: X25519MLKEM768 TLS_1_3 MANY;
    secp256r1_mlkem768: SecP256r1MLKEM768 TLS_1_3 MANY;
    secp384r1_mlkem1024: SecP384r1MLKEM1024 TLS_1_3 MANY;
    ffdhe2048: ffdhe2048 TLS_1_3 MANY;
    ffdhe3072: ffdhe3072 TLS_1_3 200;
    ffdhe4096: ffdhe4096 TLS_1_3 200;
    ffdhe6144: ffdhe6144 TLS_1_3 50;
    ffdhe8192: ffdhe8192 TLS_1_3 50;
    tls12_x25519: x25519 TLS_1_2 MANY;
    tls12_secp256r1: secp256r1 TLS_1_2 MANY;
    tls12_ffdhe2048: ffdhe2048 TLS_1_2 MANY;
}

/// The exchanges of TLS 1.2 that are in no policy.
#[cfg(feature = "laboratory")]
mod without_certificates {
    use super::*;
    use premaster::wire::CipherSuite;

    fn run(suite: CipherSuite, group: NamedGroup) {
        let policy = Policy::COMPATIBLE.with_versions(&[ProtocolVersion::TLS_1_2]);
        handshakes(group, &policy.with_cipher_suites(&[suite]).with_groups(&[group]), MANY);
    }

    #[test]
    fn ecdhe_psk() {
        run(CipherSuite::TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, NamedGroup::x25519);
    }

    #[test]
    fn dhe_psk() {
        run(CipherSuite::TLS_DHE_PSK_WITH_AES_128_GCM_SHA256, NamedGroup::ffdhe2048);
    }

    #[test]
    fn ecdh_anon() {
        run(CipherSuite::TLS_ECDH_anon_WITH_AES_128_CBC_SHA, NamedGroup::x25519);
    }

    #[test]
    fn dh_anon() {
        run(CipherSuite::TLS_DH_anon_WITH_AES_128_GCM_SHA256, NamedGroup::ffdhe2048);
    }
}

/// Hands out what the system drew for `before`, and from the `stuck`th draw on the same again and again.
struct Stuck {
    draws: Mutex<usize>,
    stuck: usize,
}

impl Random for Stuck {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut draws = self.draws.lock().unwrap();
        *draws += 1;
        if *draws < self.stuck {
            return SystemRandom.fill(out);
        }
        out.iter_mut().zip(0..).for_each(|(byte, at)| *byte = at);
        Ok(())
    }
}

#[test]
fn a_source_that_repeats_ends_the_handshake() {
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let repeats = |stuck| Arc::new(Stuck { draws: Mutex::default(), stuck });
    for stuck in 1..4 {
        let client = client_config(&authority, |builder| builder.random(repeats(stuck)));
        let server = server_config(credential.clone(), |builder| builder);
        // The first of the equal draws may be used for one connection, but no second one follows it.
        let run = || -> Result<(), Error> {
            for _ in 0..2 {
                let mut output = premaster::Output::new();
                let name = "localhost".try_into().unwrap();
                premaster::Connection::client(client.clone(), name, &mut output)?;
            }
            Ok(())
        };
        assert_eq!(run(), Err(Error::Failed(Failure::Random)), "{stuck}");
        drop(server);

        let client = client_config(&authority, |builder| builder);
        let server = server_config(credential.clone(), |builder| builder.random(repeats(stuck)));
        let run = || -> Result<(), Error> {
            for _ in 0..3 {
                Pair::new(client.clone(), server.clone()).handshake()?;
            }
            Ok(())
        };
        assert_eq!(run(), Err(Error::Failed(Failure::Random)), "{stuck}");
    }
}
