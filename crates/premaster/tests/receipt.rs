//! The receipt of a connection: every secret of it was made, and was erased when its time came.
mod common;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    Policy,
    observe::{Receipt, SecretLife},
    wire::{NamedGroup, ProtocolVersion, Side},
};
use std::sync::Arc;

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
    assert_eq!(life("ephemeral key, secp256r1").unwrap().erased, Some("ServerHello"));
    assert_eq!(life("shared_secret").unwrap().erased, Some("ServerHello"));
    assert_eq!(life("handshake_secret").unwrap().erased, Some("ServerHello"));
    assert_eq!(life("server_handshake_traffic_secret").unwrap().made, Some("ServerHello"));
    assert_eq!(life("server_handshake_traffic_secret").unwrap().erased, Some("Finished"));
    assert!(after.iter().all(|life| life.erased.is_some()), "{after:#?}");
}

#[test]
fn a_key_update_ends_the_old_ones() {
    let (alive, _) = receipts(ProtocolVersion::TLS_1_3, true);
    let life = |secret: &str| alive.iter().find(|life| life.side == Side::Client && life.secret == secret);
    assert_eq!(life("client_application_traffic_secret_0").unwrap().erased, Some("KeyUpdate"));
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
