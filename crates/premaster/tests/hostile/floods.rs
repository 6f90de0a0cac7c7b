//! Work without end: much of what costs the sender nothing.
use super::{House, fails};
use crate::puppet::{Heard, Puppet, Say, V12, V13, rebodied};
use premaster::{
    error::Misbehaved,
    wire::{AlertDescription as Alert, ContentType, HandshakeType},
};

/// KeyUpdates cost a derivation each, and a reply each if one is asked for: a peer that never reads made others queue
/// replies until memory ran out.
#[test]
fn key_update_floods() {
    let house = House::new();
    let [.., mut client, mut server] = house.connected();
    for puppet in [&mut client, &mut server] {
        for _ in 0..32 {
            puppet.says(&[Say::KeyUpdate]);
            assert_eq!(puppet.error, None);
        }
        puppet.says(&[Say::KeyUpdate]);
        fails(puppet, Misbehaved::TooManyKeyUpdates, Alert::unexpected_message);
    }
    // However often it was asked, it answers once, and before its next data.
    let [.., mut client, _] = house.connected();
    client.listen();
    let before = client.heard.len();
    for _ in 0..10 {
        let request = rebodied(&[HandshakeType::KEY_UPDATE.0, 0, 0, 0], &[1]);
        client.say_bytes(Say::KeyUpdate, &request);
    }
    assert_eq!(client.error, None);
    client.listen();
    assert_eq!(client.heard.len(), before);
    client.victim.connection.send(b"data", &mut client.victim.output).unwrap();
    client.raw(&[]);
    client.listen();
    let heard = &client.heard[before..];
    assert_eq!(heard[0], Heard::Message(vec![HandshakeType::KEY_UPDATE.0, 0, 0, 1, 0]));
    assert!(matches!(heard[1..], [Heard::Sealed(_)]), "the data, under the next key");
    // With data between them there may be any number.
    let [.., mut server] = house.connected();
    for _ in 0..100 {
        server.says(&[Say::KeyUpdate]);
        server.record(ContentType::APPLICATION_DATA, b"x");
    }
    assert_eq!(server.error, None);
}

/// A KeyUpdate that asks for something else than yes or no (ocaml-tls, 2026, went on under the wrong keys after one from
/// the wrong side).
#[test]
fn bad_key_updates() {
    let house = House::new();
    let [.., mut client, mut server] = house.connected();
    for puppet in [&mut client, &mut server] {
        puppet.message(&[HandshakeType::KEY_UPDATE.0, 0, 0, 1, 2]);
        fails(puppet, Misbehaved::BadKeyUpdate, Alert::illegal_parameter);
    }
    for say in [Say::ServerHello, Say::CertificateVerify] {
        let mut puppet = Puppet::server(house.tls13(), house.client());
        puppet.says(&[Say::ServerHello]);
        if say == Say::CertificateVerify {
            puppet.says(&[Say::EncryptedExtensions, Say::Certificate, Say::CertificateVerify]);
        }
        puppet.says(&[Say::KeyUpdate]);
        super::unexpected(&puppet);
    }
}

/// The "SSL death alert" (2016): OpenSSL and GnuTLS worked off any number of warnings, at full load.
#[test]
fn the_ssl_death_alert() {
    let house = House::new();
    for mut puppet in house.connected() {
        let warning = match puppet.part.version {
            V12 => [1, Alert::no_renegotiation.0],
            _ => [1, Alert::user_canceled.0],
        };
        // Data between them ends a row.
        for _ in 0..3 {
            for _ in 0..4 {
                puppet.record(ContentType::ALERT, &warning);
                assert_eq!(puppet.error, None);
            }
            puppet.record(ContentType::APPLICATION_DATA, b"x");
        }
        for _ in 0..5 {
            puppet.record(ContentType::ALERT, &warning);
        }
        assert_eq!(puppet.error, Some(Misbehaved::TooManyWarnings.into()));
        assert_eq!(puppet.alert(), Some(Alert::unexpected_message));
    }
    // And in the middle of a handshake.
    let mut puppet = Puppet::client(house.tls12(), house.server());
    puppet.says(&[Say::ClientHello]);
    for _ in 0..5 {
        puppet.record(ContentType::ALERT, &[1, Alert::no_renegotiation.0]);
    }
    fails(&puppet, Misbehaved::TooManyWarnings, Alert::unexpected_message);
}

/// TLS 1.3 has no warnings: an unknown alert, whatever its level says, ends the connection (RFC 9846 section 6).
#[test]
fn warnings_of_tls13_are_fatal() {
    let house = House::new();
    for description in
        [Alert::no_renegotiation, Alert::unrecognized_name, Alert(200), Alert::handshake_failure]
    {
        for mut puppet in house.connected() {
            let tls13 = puppet.part.version == V13;
            puppet.record(ContentType::ALERT, &[1, description.0]);
            let refused = Some(premaster::Error::Refused(description));
            assert_eq!(puppet.error, if tls13 { refused } else { None });
        }
    }
    for mut puppet in house.connected() {
        puppet.record(ContentType::ALERT, &[2]);
        fails(&puppet, Misbehaved::BadAlert, Alert::decode_error);
    }
    for mut puppet in house.connected() {
        puppet.record(ContentType::ALERT, &[2, 40, 2, 40]);
        fails(&puppet, Misbehaved::BadAlert, Alert::decode_error);
    }
}

/// Empty records (OpenSSL and others, again and again): each costs a decryption, and none brings anything.
#[test]
fn empty_record_floods() {
    let house = House::new();
    for mut puppet in house.connected() {
        for _ in 0..32 {
            puppet.record(ContentType::APPLICATION_DATA, b"");
            assert_eq!(puppet.error, None);
        }
        puppet.record(ContentType::APPLICATION_DATA, b"");
        fails(&puppet, Misbehaved::TooManyEmptyRecords, Alert::unexpected_message);
    }
    // Of handshake records and alerts not even one may be empty (RFC 9846 section 5.1).
    for content_type in [ContentType::HANDSHAKE, ContentType::ALERT] {
        for mut puppet in house.connected() {
            puppet.record(content_type, b"");
            assert!(puppet.error.is_some(), "{content_type}");
        }
        let mut puppet = Puppet::client(house.tls12(), house.server());
        puppet.record(content_type, b"");
        assert!(puppet.error.is_some(), "{content_type}");
    }
}
