//! The receipt of a connection: every secret of it was made, and was erased when its time came.
mod common;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    Policy,
    observe::{Event, KeyLife, Observer, Receipt, SecretLife, Tap},
    wire::{NamedGroup, ProtocolVersion, Side},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// The receipt while the connection lives, and after it.
fn receipts(version: ProtocolVersion, update: bool) -> (Vec<SecretLife>, Vec<SecretLife>) {
    let authority = Authority::new();
    let receipt = Arc::new(Receipt::default());
    let policy = Policy::MODERN.with_versions(&[version]).with_groups(&[NamedGroup::secp256r1]);
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let client =
        client_config(&authority, |builder| builder.policy(policy.clone()).observer(receipt.clone()));
    let server = server_config(credential, |builder| builder.policy(policy).observer(receipt.clone()));
    let mut pair = Pair::new(client, server).handshake().unwrap();
    if update {
        pair.client.connection.update_keys(true, &mut pair.client.output).unwrap();
        pair.run().unwrap();
    }
    let alive = receipt.lives();
    pair.exchange_and_close();
    (alive, receipt.lives())
}

/// The message after which it was erased.
fn erased(life: Option<&SecretLife>) -> Option<&'static str> {
    Some(life.unwrap().erased?.after?.message)
}

fn names(lives: &[SecretLife], side: Side) -> Vec<&str> {
    let of = lives.iter().filter(|life| life.side == side && life.erased.is_none());
    of.map(|life| life.secret.as_str()).collect()
}

#[test]
fn tls13() {
    let (alive, after) = receipts(ProtocolVersion::TLS_1_3, false);
    for side in [Side::Client, Side::Server] {
        let left = names(&alive, side);
        let expected =
            ["client_application_traffic_secret_0", "server_application_traffic_secret_0", "exporter_secret"];
        assert_eq!(left, expected, "{side:?}");
    }
    let life = |secret: &str| alive.iter().find(|life| life.side == Side::Client && life.secret == secret);
    assert_eq!(erased(life("ephemeral key, secp256r1")), Some("ServerHello"));
    assert_eq!(erased(life("shared_secret")), Some("ServerHello"));
    assert_eq!(erased(life("handshake_secret")), Some("ServerHello"));
    let handshake_traffic = life("server_handshake_traffic_secret").unwrap();
    assert_eq!(handshake_traffic.made.after.unwrap().message, "ServerHello");
    let finished = handshake_traffic.erased.unwrap().after.unwrap();
    // The client's own, after its ClientHello, is the last message that goes under them.
    assert_eq!((finished.message, finished.sender, finished.number), ("Finished", Side::Client, 2));
    assert!(after.iter().all(|life| life.erased.is_some()), "{after:#?}");
    let last = after.iter().find(|life| life.secret == "exporter_secret").unwrap().erased.unwrap();
    assert!(last.after.is_some_and(|after| after.is_alert && after.message == "close_notify"), "{last:?}");
    assert!(after.iter().all(|life| life.made.elapsed.is_none()), "there was no clock");
}

#[test]
fn a_key_update_ends_the_old_ones() {
    let (alive, _) = receipts(ProtocolVersion::TLS_1_3, true);
    let life = |secret: &str| alive.iter().find(|life| life.side == Side::Client && life.secret == secret);
    assert_eq!(erased(life("client_application_traffic_secret_0")), Some("KeyUpdate"));
    assert_eq!(life("application_traffic_secret_N").unwrap().erased, None);
}

#[test]
fn tls12() {
    let (alive, after) = receipts(ProtocolVersion::TLS_1_2, false);
    for side in [Side::Client, Side::Server] {
        assert_eq!(names(&alive, side), ["master_secret"], "{side:?}");
    }
    let life = |secret: &str| alive.iter().find(|life| life.side == Side::Server && life.secret == secret);
    assert!(life("pre_master_secret").unwrap().erased.is_some());
    assert!(life("key_block").unwrap().erased.is_some());
    assert!(after.iter().all(|life| life.erased.is_some()), "{after:#?}");
}

#[test]
fn a_clock_counts_from_the_first_event() {
    let ticks = AtomicU64::new(1_000_000);
    let receipt = Arc::new(Receipt::timed(move || Duration::from_micros(ticks.fetch_add(1, Relaxed))));
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let client = client_config(&authority, |builder| builder.observer(receipt.clone()));
    let server = server_config(credential, |builder| builder.observer(receipt.clone()));
    Pair::new(client, server).handshake().unwrap().exchange_and_close();
    let lives = receipt.lives();
    assert!(lives.iter().any(|life| life.made.elapsed < Some(Duration::from_micros(9))), "{receipt}");
    for life in lives {
        let (made, erased) = (life.made.elapsed.unwrap(), life.erased.unwrap().elapsed.unwrap());
        assert!(made < erased && erased < Duration::from_millis(100), "{receipt}");
    }
    assert!(receipt.to_string().contains("ServerHello +0.0"), "{receipt}");
}

#[test]
fn very_many_secrets_are_counted_and_not_kept() {
    let receipt = Arc::new(Receipt::default());
    let observer: Arc<dyn Observer> = receipt.clone();
    let tap = Tap::new(Some(&observer), Side::Client);
    for _ in 0..5000 {
        let (group, public) = (Some(NamedGroup::x25519), &[][..]);
        tap.emit(|| Event::EphemeralKey { group, public, life: KeyLife::Made });
    }
    assert_eq!(receipt.lives().len() + receipt.omitted(), 5000);
    assert!(receipt.lives().len() <= 1024);
}
