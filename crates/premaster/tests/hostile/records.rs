//! Records and bytes that are not what they say.
use super::{CLIENT12, House, SERVER12, SERVER13, fails, unexpected};
use crate::{
    common::{Delivery, Pair},
    puppet::{Puppet, Say, change_client_hello, change_server_hello, rebodied, with_extension},
};
use premaster::{
    Error,
    error::Misbehaved,
    wire::{
        AlertDescription as Alert, ContentType, ExtensionType,
        extension::{self, push_encoded},
        message::ClientHello,
    },
};

/// Heartbleed (2014): OpenSSL answered a heartbeat with as many bytes as the request said it had, out of its own
/// memory: private keys, passwords, cookies. There are no heartbeats here; and no length is believed.
#[test]
fn heartbleed() {
    let house = House::new();
    for mut puppet in house.connected() {
        puppet.raw(&[24, 3, 3, 0, 3, 1, 0x40, 0]);
        fails(&puppet, Misbehaved::UnknownContentType, Alert::unexpected_message);
    }
    // A message that says it is longer than it is, is waited for, and no more.
    let mut puppet = Puppet::client(house.tls13(), house.server());
    puppet.record(ContentType::HANDSHAKE, &[1, 0, 0x40, 0, 3, 3]);
    assert!(puppet.error.is_none() && !puppet.is_connected());
    assert_eq!(puppet.victim.connection.end_of_input(), Err(Error::Truncated));
}

/// GnuTLS, OpenSSL and others have read behind the end of messages. Bytes left over, or missing, are an error in every
/// message that has a structure.
#[test]
fn trailing_and_missing_bytes() {
    let house = House::new();
    let scripts = [(house.tls12(), &SERVER12[..4]), (house.tls13(), &SERVER13[..4])];
    for (part, script) in scripts {
        for (index, say) in script.iter().enumerate() {
            for shorter in [false, true] {
                let mut puppet = Puppet::server(part.clone(), house.client());
                puppet.says(&script[..index]);
                let message = puppet.make(*say);
                let body = match shorter {
                    true if message.len() == 4 => continue,
                    true => message[4..message.len() - 1].to_vec(),
                    false => [&message[4..], &[0]].concat(),
                };
                puppet.message(&rebodied(&message, &body));
                assert_eq!(puppet.alert(), Some(Alert::decode_error), "{say:?} {shorter} {:?}", puppet.error);
            }
        }
    }
    for (part, script) in [(house.tls12(), &CLIENT12[..2]), (house.tls13(), &CLIENT12[..1])] {
        for (index, say) in script.iter().enumerate() {
            let mut puppet = Puppet::client(part.clone(), house.server());
            puppet.says(&script[..index]);
            let message = puppet.make(*say);
            puppet.message(&rebodied(&message, &[&message[4..], &[0]].concat()));
            assert_eq!(puppet.alert(), Some(Alert::decode_error), "{say:?}");
        }
    }
}

/// An answer to a question that was never asked (RFC 9846 section 4.2). Stacks that looked away have been made to resume,
/// to compress or to leave out certificates.
#[test]
fn extensions_that_were_not_offered() {
    let house = House::new();
    for (part, kind, error) in [
        (house.tls12(), ExtensionType::ENCRYPT_THEN_MAC, Misbehaved::UnofferedExtension),
        (house.tls12(), ExtensionType::SESSION_TICKET, Misbehaved::UnofferedExtension),
        (house.tls12(), ExtensionType(0x5a5a), Misbehaved::UnofferedExtension),
        (house.tls12(), ExtensionType(15), Misbehaved::UnofferedExtension),
        (house.tls13(), ExtensionType::COOKIE, Misbehaved::ExtensionOutOfPlace),
        (house.tls13(), ExtensionType(0x5a5a), Misbehaved::UnofferedExtension),
        // Offered, but answered in the wrong message.
        (house.tls13(), ExtensionType::EXTENDED_MASTER_SECRET, Misbehaved::ExtensionOutOfPlace),
    ] {
        let mut puppet = Puppet::server(part, house.client());
        let hello = puppet.make(Say::ServerHello);
        puppet.message(&change_server_hello(&hello, |block| {
            let mut block = block.to_vec();
            push_encoded(&mut block, kind, &[]);
            block
        }));
        fails(&puppet, error, error.alert());
    }
}

/// CRIME (2012): compression before encryption gave cookies away, a byte at a time. There is none.
#[test]
fn crime() {
    let house = House::new();
    for part in [house.tls12(), house.tls13()] {
        let mut puppet = Puppet::client(part.clone(), house.server());
        let hello = puppet.make(Say::ClientHello);
        let decoded = ClientHello::decode(&hello[4..]).unwrap();
        let mut message = Vec::new();
        let deflate = ClientHello { compression_methods: &[1], ..decoded };
        premaster::wire::message::handshake::encode(&deflate, &mut message);
        puppet.message(&message);
        fails(&puppet, Misbehaved::BadCompression, Alert::illegal_parameter);
        let mut puppet = Puppet::server(part, house.client());
        let mut hello = puppet.make(Say::ServerHello);
        // legacy_version, random, session ID, suite.
        let at = 4 + 2 + 32 + 1 + usize::from(hello[38]) + 2;
        hello[at] = 1;
        puppet.message(&hello);
        fails(&puppet, Misbehaved::BadCompression, Alert::illegal_parameter);
    }
}

/// DROWN (2016): a server that still answered SSL 2.0 hellos decrypted for the attacker what other servers with the same
/// key had received. Here such a hello is recognized, and refused by name.
#[test]
fn drown_ssl2_hellos() {
    let house = House::new();
    for hello in [[0x80, 0x2e, 1, 0, 2], [0x80, 0x2e, 1, 3, 1], [0x80, 0x2e, 1, 3, 3]] {
        let mut puppet = Puppet::client(house.tls12(), house.server());
        puppet.raw(&[&hello[..], &[0; 43]].concat());
        fails(&puppet, Misbehaved::Ssl2Hello, Alert::protocol_version);
    }
}

/// What comes when somebody speaks another protocol to this port.
#[test]
fn cross_protocol_greetings() {
    let house = House::new();
    for (bytes, error) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Misbehaved::HttpOnTlsPort),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Misbehaved::PlainTextOnTlsPort),
        (b"220 mail.example ESMTP\r\n", Misbehaved::PlainTextOnTlsPort),
        (b"\x99garbage", Misbehaved::UnknownContentType),
    ] {
        let mut puppet = Puppet::server(house.tls12(), house.client());
        puppet.raw(bytes);
        fails(&puppet, error, Alert::unexpected_message);
    }
}

/// tldr.fail (2024): since the hybrid key share a ClientHello does not fit one packet, and servers of many makes broke
/// when it came in two. Here it may come in any pieces, of records and of bytes.
#[test]
fn split_client_hellos() {
    let house = House::new();
    let hello = Puppet::client(house.tls13(), house.server()).make(Say::ClientHello);
    for at in 1..hello.len() {
        let mut puppet = Puppet::client(house.tls13(), house.server());
        let hello = puppet.make(Say::ClientHello);
        puppet.record(ContentType::HANDSHAKE, &hello[..at]);
        assert!(puppet.wire.is_empty() && puppet.error.is_none());
        puppet.record(ContentType::HANDSHAKE, &hello[at..]);
        puppet.transcript.extend_from_slice(&hello);
        puppet.says(&[Say::Finished]);
        assert!(puppet.is_connected(), "at {at}: {:?}", puppet.error);
    }
    let mut puppet = Puppet::client(house.tls13(), house.server());
    let hello = puppet.make(Say::ClientHello);
    hello.iter().for_each(|byte| puppet.record(ContentType::HANDSHAKE, &[*byte]));
    puppet.transcript.extend_from_slice(&hello);
    puppet.says(&[Say::Finished]);
    assert!(puppet.is_connected());
    Pair::new(house.client(), house.server()).delivering(Delivery::ByteAtATime).handshake().unwrap();
}

/// Truncation (2013, and every few years since): a connection that is cut is taken for one that ended, and half an
/// answer, or half a Content-Length, for the whole.
#[test]
fn truncation() {
    let house = House::new();
    for mut puppet in house.connected() {
        puppet.record(ContentType::APPLICATION_DATA, b"half of");
        assert_eq!(puppet.victim.connection.end_of_input(), Err(Error::Truncated));
    }
    for mut puppet in house.connected() {
        puppet.record(ContentType::APPLICATION_DATA, b"the whole of it");
        puppet.record(ContentType::ALERT, &[1, 0]);
        assert_eq!(puppet.victim.connection.end_of_input(), Ok(()));
        // What comes behind close_notify is nobody's.
        puppet.record(ContentType::APPLICATION_DATA, b", or is it?");
        assert_eq!(puppet.victim.received, b"the whole of it");
    }
}

/// Every bit of a record is authenticated, its header too; a record that is replayed, or left out, is not opened.
#[test]
fn tampered_replayed_and_dropped_records() {
    let house = House::new();
    for index in 0..4 {
        let sealed = || {
            let mut puppet = house.connected().into_iter().nth(index).unwrap();
            let mut output = premaster::Output::new();
            for text in [&b"first"[..], b"second"] {
                puppet.sealer.seal(ContentType::APPLICATION_DATA, text, 0, &mut output).unwrap();
            }
            let bytes = output.as_slice().to_vec();
            let first = 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
            (puppet, bytes[..first].to_vec(), bytes[first..].to_vec())
        };
        let (mut puppet, first, second) = sealed();
        puppet.raw(&first);
        puppet.raw(&second);
        assert_eq!(puppet.victim.received, b"firstsecond");
        for at in 5..first.len() {
            let (mut puppet, mut first, _) = sealed();
            first[at] ^= 0x20;
            puppet.raw(&first);
            fails(&puppet, Misbehaved::BadRecordMac, Alert::bad_record_mac);
        }
        let (mut puppet, _, second) = sealed();
        puppet.raw(&second);
        fails(&puppet, Misbehaved::BadRecordMac, Alert::bad_record_mac);
        let (mut puppet, first, _) = sealed();
        puppet.raw(&first);
        puppet.raw(&first);
        assert_eq!(puppet.error, Some(Misbehaved::BadRecordMac.into()));
    }
}

/// wolfSSL, 2025: a ClientHello with hundreds of shares for one group cost the server an exchange each.
#[test]
fn duplicate_key_shares() {
    use premaster::wire::{List, NamedGroup, extension::KeyShareEntry};
    let house = House::new();
    for (count, refusal) in [
        (2, Misbehaved::DuplicateKeyShare),
        (16, Misbehaved::DuplicateKeyShare),
        (200, Misbehaved::TooManyKeyShares),
    ] {
        let shares = vec![KeyShareEntry { group: NamedGroup::x25519, key_exchange: &[9; 32] }; count];
        let mut puppet = Puppet::client(house.tls13(), house.server());
        let hello = puppet.make(Say::ClientHello);
        puppet.message(&change_client_hello(&hello, |block| {
            with_extension(block, &extension::KeyShareClientHello { client_shares: List::from(&shares) })
        }));
        fails(&puppet, refusal, Alert::illegal_parameter);
    }
    // Shares for groups that are not among those that it supports.
    let share = KeyShareEntry { group: NamedGroup::secp521r1, key_exchange: &[4; 133] };
    let mut puppet = Puppet::client(house.tls13(), house.server());
    let hello = puppet.make(Say::ClientHello);
    puppet.message(&change_client_hello(&hello, |block| {
        with_extension(block, &extension::KeyShareClientHello { client_shares: List::from(&[share]) })
    }));
    fails(&puppet, Misbehaved::ShareOfUnsupportedGroup, Alert::illegal_parameter);
}

/// OpenSSL, 2025: a compressed certificate was inflated to whatever length it claimed. A client that offered no
/// compression takes none.
#[test]
fn a_compression_bomb() {
    let house = House::new();
    let mut puppet = Puppet::server(house.tls13(), house.client());
    puppet.says(&[Say::ServerHello, Say::EncryptedExtensions]);
    puppet.message(&rebodied(&[25, 0, 0, 0], &[&[0, 1, 0xff, 0xff, 0xff, 0, 0, 9][..], &[0; 9]].concat()));
    unexpected(&puppet);
}

/// Nonce reuse (2016, hundreds of web servers; appliances of several makers): two records of AES-GCM under one nonce give
/// the authentication key away. The explicit nonces of TLS 1.2 count, and never repeat.
#[test]
fn nonce_reuse() {
    let house = House::new();
    let [mut client12, mut server12, ..] = house.connected();
    for puppet in [&mut client12, &mut server12] {
        let before = puppet.wire.len();
        for _ in 0..300 {
            puppet.victim.connection.send(b"data", &mut puppet.victim.output).unwrap();
            puppet.raw(&[]);
        }
        let nonces: Vec<u64> = (puppet.wire[before..].iter())
            .map(|record| u64::from_be_bytes(record[5..13].try_into().unwrap()))
            .collect();
        assert!(nonces.is_sorted_by(|a, b| a < b), "{nonces:?}");
        assert_eq!(nonces.len(), 300);
    }
}

/// BEAST (2011), the biases of RC4 (2013), Sweet32 (2016): ciphers that everybody still had, because some peer might want
/// them. They are not switched off here; they are not there, in any policy, with any feature.
#[test]
fn ciphers_of_old() {
    use premaster::{
        error::Incompatible,
        suite::Suite,
        wire::{CipherSuite, List},
    };
    for suite in Suite::ALL {
        for gone in ["RC4", "RC2", "DES", "NULL", "EXPORT", "MD5", "IDEA", "SEED"] {
            assert!(!suite.name().contains(gone), "{}", suite.name());
        }
    }
    // RSA_EXPORT_WITH_RC4_40_MD5, RSA_WITH_NULL_SHA, RSA_WITH_RC4_128_SHA, and with 3DES: RSA, ECDHE_RSA.
    let old = [0x0003, 0x0002, 0x0005, 0x000a, 0xc012].map(CipherSuite);
    let house = House::new();
    let mut puppet = Puppet::client(house.tls12(), house.server());
    let hello = puppet.make(Say::ClientHello);
    let hello = ClientHello { cipher_suites: List::from(&old), ..ClientHello::decode(&hello[4..]).unwrap() };
    let mut message = Vec::new();
    premaster::wire::message::handshake::encode(&hello, &mut message);
    puppet.message(&message);
    assert_eq!(puppet.alert(), Some(Alert::handshake_failure));
    assert!(
        matches!(&puppet.error, Some(Error::Incompatible(what)) if matches!(**what, Incompatible::CipherSuite { .. })),
        "{:?}",
        puppet.error
    );
    for suite in old {
        let mut puppet = Puppet::server(house.tls12(), house.client());
        let hello = puppet.make(Say::ServerHello);
        puppet.message(&crate::puppet::with_suite(&hello, suite));
        assert_eq!(puppet.alert(), Some(Alert::illegal_parameter), "{suite}: {:?}", puppet.error);
    }
}
