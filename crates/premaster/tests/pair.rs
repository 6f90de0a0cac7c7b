//! Both ends in memory: every combination of version, suite, group, key, client authentication and delivery.
mod common;

use common::{Authority, Delivery, Key, Pair, client_config, server_config};
use premaster::{
    Policy,
    config::ClientAuthentication,
    identity::Credentials,
    suite::Authentication,
    wire::{NamedGroup, ProtocolVersion, Side},
};

const KEYS: [Key; 5] = [Key::EcdsaP256, Key::EcdsaP384, Key::EcdsaP521, Key::Ed25519, Key::Rsa2048];

/// The group under test, and after it the curve of the certificate's key, which a TLS 1.2 client must support too
/// (RFC 8422 section 5.3).
fn groups(group: NamedGroup, key: Key) -> Vec<NamedGroup> {
    let certified = match key {
        Key::EcdsaP256 => Some(NamedGroup::secp256r1),
        Key::EcdsaP384 => Some(NamedGroup::secp384r1),
        Key::EcdsaP521 => Some(NamedGroup::secp521r1),
        Key::Ed25519 | Key::Rsa2048 => None,
    };
    std::iter::once(group).chain(certified.filter(|certified| *certified != group)).collect()
}

#[test]
fn every_suite_group_and_key() {
    let authority = Authority::new();
    let client_credential = authority.issue(Key::EcdsaP256, &["client"]);
    for key in KEYS {
        let credential = authority.issue(key, &["localhost"]);
        for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
            for suite in Policy::MODERN.suites(version) {
                let rsa = key == Key::Rsa2048;
                if (suite.authentication == Authentication::Rsa && !rsa)
                    || (suite.authentication == Authentication::Ecdsa && rsa)
                {
                    continue;
                }
                for group in Policy::MODERN.groups.iter().copied() {
                    if version == ProtocolVersion::TLS_1_2 && group == NamedGroup::X25519MLKEM768 {
                        continue;
                    }
                    for (authenticate, delivery) in
                        [(false, Delivery::Whole), (true, Delivery::Whole), (true, Delivery::ByteAtATime)]
                    {
                        let policy = Policy::MODERN
                            .with_versions(&[version])
                            .with_cipher_suites(&[suite.code])
                            .with_groups(&groups(group, key));
                        let client = client_config(&authority, |builder| {
                            builder
                                .policy(policy.clone())
                                .credentials(Credentials::always(client_credential.clone()))
                        });
                        let server = server_config(credential.clone(), |builder| match authenticate {
                            true => builder.policy(policy).client_authentication(
                                ClientAuthentication::Required(authority.verifier().into()),
                            ),
                            false => builder.policy(policy),
                        });
                        let what = format!("{version} {suite:?} {group} {key:?} {authenticate} {delivery:?}");
                        let pair = Pair::new(client, server).delivering(delivery).handshake();
                        let pair = pair.unwrap_or_else(|error| panic!("{what}: {error}"));
                        for end in [&pair.client, &pair.server] {
                            let info = end.connection.info().unwrap();
                            assert_eq!(info.version, version, "{what}");
                            assert_eq!(info.suite, suite, "{what}");
                            assert_eq!(info.group, Some(group), "{what}");
                            assert!(info.forward_secret && info.extended_master_secret, "{what}");
                            let knows_peer = end.connection.side() == Side::Client || authenticate;
                            assert_eq!(info.peer.is_some(), knows_peer, "{what}");
                        }
                        let export = |end: &common::End| {
                            let mut out = [0; 40];
                            end.connection.export("EXPORTER-test", Some(b"context"), &mut out).unwrap();
                            out
                        };
                        assert_eq!(export(&pair.client), export(&pair.server), "{what}");
                        pair.exchange_and_close();
                    }
                }
            }
        }
    }
}
