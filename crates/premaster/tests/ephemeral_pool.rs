//! Handshakes with keys that were made ahead are the same handshakes, and no key serves two.
mod common;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    Policy,
    exchange::{EphemeralPool, Group},
    observe::{At, Event, KeyLife, Observer},
    wire::{NamedGroup, ProtocolVersion},
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

/// The public values, by whom they were made, and how many were erased.
#[derive(Default)]
struct Seen(Mutex<(HashSet<Vec<u8>>, usize, usize)>);

impl Observer for Seen {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let mut seen = self.0.lock().unwrap();
        match event {
            Event::EphemeralKey { public, life: KeyLife::Made, .. } => {
                assert!(seen.0.insert(public.to_vec()), "{:?} had this key before", at.side);
                seen.1 += 1;
            }
            Event::EphemeralKey { .. } => seen.2 += 1,
            _ => {}
        }
    }
}

/// Runs handshakes with a pool on both sides, which is filled now and then. Says how many keys each pool gave.
fn handshakes(code: NamedGroup, version: ProtocolVersion) -> [usize; 2] {
    let group = Group::find(code).unwrap();
    let authority = Authority::new();
    let dhe = version == ProtocolVersion::TLS_1_2 && group.dh_parameters().is_some();
    let policy = Policy::COMPATIBLE.with_versions(&[version]).with_groups(&[code, NamedGroup::secp256r1]);
    let policy = match dhe {
        true => {
            let suites = policy.suites(version).filter(|suite| suite.openssl_name.starts_with("DHE-"));
            let suites: Vec<_> = suites.map(|suite| suite.code).collect();
            policy.with_cipher_suites(&suites)
        }
        false => policy,
    };
    let key = if dhe { Key::Rsa2048 } else { Key::EcdsaP256 };
    let seen = Arc::new(Seen::default());
    let pools = [(); 2].map(|()| Arc::new(EphemeralPool::new([group], 3)));
    let [client, server] = &pools;
    let client = client_config(&authority, |builder| {
        builder.policy(policy.clone()).observer(seen.clone()).ephemeral_pool(client.clone())
    });
    let credential = authority.issue(key, &["localhost"]);
    let server = server_config(credential, |builder| {
        builder.policy(policy).observer(seen.clone()).ephemeral_pool(server.clone())
    });
    let mut given = [0; 2];
    for round in 0..12 {
        // Three rounds with keys that were made ahead, three without.
        if round % 6 == 0 {
            pools.iter().for_each(|pool| assert!(pool.fill().is_ok() && pool.len(group) == 3));
        }
        let before = pools.each_ref().map(|pool| pool.len(group));
        let pair = Pair::new(client.clone(), server.clone()).handshake().unwrap();
        assert_eq!(pair.client.connection.info().unwrap().group, Some(code));
        for (given, (before, pool)) in given.iter_mut().zip(before.iter().zip(&pools)) {
            *given += before - pool.len(group);
        }
    }
    let (publics, made, erased) = &*seen.0.lock().unwrap();
    assert_eq!((publics.len(), *erased), (*made, *made), "{code}");
    assert!(*made >= 24);
    given
}

#[test]
fn every_exchange_takes_what_there_is() {
    use NamedGroup as G;
    for code in [G::x25519, G::secp256r1, G::secp384r1, G::ffdhe2048] {
        for version in [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3] {
            assert_eq!(handshakes(code, version), [6, 6], "{code} {version}");
        }
    }
}

/// Whoever replies to ML-KEM encapsulates to the key of the other: nothing of that can be made ahead.
#[test]
fn a_server_makes_no_keys_ahead_for_ml_kem() {
    for code in [NamedGroup::X25519MLKEM768, NamedGroup::SecP256r1MLKEM768] {
        assert_eq!(handshakes(code, ProtocolVersion::TLS_1_3), [6, 0], "{code}");
    }
}
