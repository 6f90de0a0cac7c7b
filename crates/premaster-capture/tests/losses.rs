//! Captures with holes: what comes after them is read wherever the protocol allows it.
#[path = "../../premaster/tests/common/mod.rs"]
mod common;
mod recording;
mod tape;

use common::{Key, Pair};
use premaster::{
    Policy, ServerConfig,
    config::LegacyOptIn,
    identity::Credentials,
    observe::KeyLog,
    suite::Suite,
    wire::{ProtocolVersion, Side},
};
use premaster_capture::{Capture, KeyStore, Options, Outcome, Reason, Session};
use recording::{Log, Modern, assert_open, carry, connect, end, known, one};
use std::{collections::HashSet, sync::Arc};
use tape::{Dice, Link, Tape};

const RECORDS: usize = 12;

/// A connection in which each end says numbered sentences of different lengths, a record each.
fn numbered(pair: &mut Pair, tape: &mut Tape) {
    tape.open();
    carry(pair, tape);
    for number in 0..RECORDS {
        let client = sentence("client", number);
        pair.client.connection.send(client.as_bytes(), &mut pair.client.output).unwrap();
        let server = sentence("server", number);
        pair.server.connection.send(server.as_bytes(), &mut pair.server.output).unwrap();
        carry(pair, tape);
    }
    end(pair, tape);
}

fn sentence(side: &str, number: usize) -> String {
    format!("<{side} {number}{}>", ".".repeat(number * 37))
}

/// Which of a side's sentences were read.
fn heard(session: &Session, side: Side) -> HashSet<usize> {
    let (name, said) = match side {
        Side::Client => ("client", &session.plaintext.client),
        Side::Server => ("server", &session.plaintext.server),
    };
    let text = String::from_utf8(said.clone()).unwrap();
    (0..RECORDS).filter(|number| text.contains(&sentence(name, *number))).collect()
}

/// With each packet missing in turn, everything is read but the records that it carried a part of.
fn without_each_packet(name: &str, tape: &Tape, keys: &KeyStore) {
    let whole = one(&tape.pcap(), keys);
    assert_eq!(whole.outcome, Outcome::Decrypted, "{name}");
    let mut read_on = 0;
    for at in 0..tape.packets.len() {
        let mut lossy = tape.clone();
        let packet = lossy.packets.remove(at);
        let session = one(&lossy.pcap(), keys);
        let (side, other) = match packet.from_client {
            true => (Side::Client, Side::Server),
            false => (Side::Server, Side::Client),
        };
        if session.losses.is_empty() {
            // The SYN, the FIN, or the end of the stream.
            assert!(heard(&session, side).len() + 1 >= RECORDS, "{name} {at}: {session:?}");
            continue;
        }
        let reason = session.outcome.reason().unwrap_or_else(|| panic!("{name} {at}: {session:?}"));
        if session.source.is_none() {
            // A hello, which says what keys there are.
            assert!(at < 20 && reason.is_incomplete(), "{name} {at}: {reason:?}");
            continue;
        }
        assert!(matches!(reason, Reason::LostSegment { .. }), "{name} {at}: {reason:?}");
        assert_eq!(heard(&session, other).len(), RECORDS, "{name} {at}: {reason:?}");
        // 200 bytes reach over at most so many of the shortest.
        assert!(heard(&session, side).len() + 4 >= RECORDS, "{name} {at}: {session:?}");
        read_on += 1;
    }
    assert!(read_on > 30, "{name}: {read_on}");
}

#[test]
fn tls13_is_read_on_after_any_loss() {
    for suite in Suite::ALL.iter().filter(|suite| suite.version() == ProtocolVersion::TLS_1_3) {
        let modern = Modern::new();
        let policy =
            Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_3]).with_cipher_suites(&[suite.code]);
        let client = modern.client(|builder| builder.policy(policy.clone()));
        let mut pair = Pair::new(client, modern.server(|builder| builder.policy(policy)));
        let mut tape = Tape::new(Link::Ethernet);
        tape.segment = 200;
        numbered(&mut pair, &mut tape);
        without_each_packet(suite.name(), &tape, &modern.log.store());
    }
}

#[test]
fn tls12_is_read_on_after_any_loss() {
    for (name, encrypt_then_mac) in [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", false),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", false),
        ("ECDHE-ECDSA-AES128-CCM8", false),
        ("ECDHE-ECDSA-AES128-SHA", false),
        ("ECDHE-ECDSA-AES256-SHA384", true),
    ] {
        let modern = Modern::new();
        let mut policy = Policy::LEGACY
            .with_versions(&[ProtocolVersion::TLS_1_2])
            .with_cipher_suites(&[Suite::parse(name).unwrap().code]);
        policy.encrypt_then_mac = encrypt_then_mac;
        let because = || LegacyOptIn::for_every_peer("a test");
        let client = modern.client(|builder| builder.policy(policy.clone()).allow_legacy(because()));
        let server = modern.server(|builder| builder.policy(policy).allow_legacy(because()));
        let mut pair = Pair::new(client, server);
        let mut tape = Tape::new(Link::EthernetV6);
        tape.segment = 200;
        numbered(&mut pair, &mut tape);
        without_each_packet(name, &tape, &modern.log.store());
    }
}

#[test]
fn a_key_update_among_what_is_missing() {
    let modern = Modern::new();
    let mut pair = Pair::new(modern.client(|builder| builder), modern.server(|builder| builder));
    let mut tape = Tape::new(Link::Ethernet);
    tape.open();
    carry(&mut pair, &mut tape);
    let say = |pair: &mut Pair, tape: &mut Tape, text: &[u8]| {
        pair.client.connection.send(text, &mut pair.client.output).unwrap();
        carry(pair, tape);
    };
    say(&mut pair, &mut tape, b"before;");
    let mut lost = Vec::new();
    for updates in 1..=2 {
        let from = tape.packets.len();
        for _ in 0..updates {
            pair.client.connection.update_keys(false, &mut pair.client.output).unwrap();
            carry(&mut pair, &mut tape);
        }
        lost.push(from..tape.packets.len());
        say(&mut pair, &mut tape, b"between;");
        // Again, with the secret that was looked for in vain or not.
        pair.client.connection.update_keys(false, &mut pair.client.output).unwrap();
        say(&mut pair, &mut tape, b"after;");
    }
    end(&mut pair, &mut tape);
    let keys = modern.log.store();
    assert_open(&one(&tape.pcap(), &keys), &pair);
    let without = |range: &std::ops::Range<usize>| {
        let mut lossy = tape.clone();
        lossy.packets.drain(range.clone());
        one(&lossy.pcap(), &keys)
    };
    let one_update = without(&lost[0]);
    assert!(matches!(one_update.outcome.reason(), Some(Reason::LostSegment { .. })), "{one_update:?}");
    assert_eq!(one_update.plaintext.client, pair.server.received);
    assert_eq!(one_update.key_updates.client, 5);
    // Two in one hole are more than is looked for, and the reason says so.
    let two_updates = without(&lost[1]);
    let reason = two_updates.outcome.reason();
    assert_eq!(reason, Some(&Reason::KeyUpdate { side: Side::Client }), "{two_updates:?}");
    assert_eq!(two_updates.plaintext.client, b"before;between;after;");
    assert_eq!(two_updates.plaintext.server, pair.client.received);
}

#[test]
fn without_keys_the_reason_stays_the_key() {
    let modern = Modern::new();
    let mut pair = Pair::new(modern.client(|builder| builder), modern.server(|builder| builder));
    let mut tape = Tape::new(Link::Ethernet);
    tape.segment = 200;
    numbered(&mut pair, &mut tape);
    let at = tape.packets.len() / 2;
    tape.packets.remove(at);
    let session = one(&tape.pcap(), &KeyStore::new());
    assert!(matches!(session.outcome, Outcome::Closed(Reason::NoKeyLogLine { .. })), "{session:?}");
}

#[test]
fn a_private_key_after_a_loss() {
    let modern = Modern::new();
    let (credential, private) = known(&modern.authority, Key::Rsa2048);
    for bound in [true, false] {
        let mut policy = Policy::LEGACY
            .with_versions(&[ProtocolVersion::TLS_1_2])
            .with_cipher_suites(&[Suite::parse("AES128-GCM-SHA256").unwrap().code]);
        policy.require_extended_master_secret = bound;
        let because = || LegacyOptIn::for_every_peer("a test");
        let log = Log::default();
        let client = modern.client(|builder| {
            let builder = builder.policy(policy.clone()).allow_legacy(because());
            builder.observer(Arc::new(KeyLog::new(log.clone())))
        });
        let server = ServerConfig::builder().policy(policy).allow_legacy(because());
        let server = server.credentials(Credentials::always(credential.clone())).build().unwrap();
        let mut pair = Pair::new(client, Arc::new(server));
        let mut tape = Tape::new(Link::Ethernet);
        tape.segment = 200;
        numbered(&mut pair, &mut tape);
        let mut keys = KeyStore::new();
        keys.add_private_keys(&private).unwrap();
        let mut seen = HashSet::new();
        for at in 0..tape.packets.len() {
            let mut lossy = tape.clone();
            lossy.packets.remove(at);
            let session = one(&lossy.pcap(), &keys);
            match session.outcome.reason() {
                Some(reason) => seen.insert(reason.code()),
                None => continue,
            };
            let whole = one(&lossy.pcap(), &log.store());
            if whole.suite.is_some() && !whole.losses.is_empty() {
                assert!(heard(&whole, Side::Client).len() + 4 >= RECORDS, "{at}: {whole:?}");
            }
        }
        assert!(seen.contains("lost_segment"), "{seen:?}");
    }
}

#[test]
fn holes_at_random() {
    let modern = Modern::new();
    let mut pair = Pair::new(modern.client(|builder| builder), modern.server(|builder| builder));
    let mut tape = Tape::new(Link::Ethernet);
    tape.segment = 61;
    numbered(&mut pair, &mut tape);
    let keys = modern.log.store();
    for seed in 0..200 {
        let dice = &mut Dice::new(seed);
        let mut lossy = tape.clone();
        for _ in 0..1 + dice.below(20) {
            lossy.packets.remove(dice.below(lossy.packets.len()));
        }
        for session in recording::read(&lossy.pcap(), &keys) {
            for side in [Side::Client, Side::Server] {
                let said = match side {
                    Side::Client => &session.plaintext.client,
                    Side::Server => &session.plaintext.server,
                };
                // Nothing is made up: whole sentences, in order.
                let text = str::from_utf8(said).unwrap();
                let mut rest: &str = text;
                for number in 0..RECORDS {
                    rest = rest.strip_prefix(&sentence(side.name(), number)[..]).unwrap_or(rest);
                }
                assert!(rest.is_empty(), "{seed}: {text}");
            }
        }
    }
}

#[test]
fn packets_in_pieces() {
    for link in [Link::Ethernet, Link::EthernetV6, Link::Sll2] {
        let modern = Modern::new();
        let (client, server) = (modern.client(|builder| builder), modern.server(|builder| builder));
        let mut tape = Tape::new(link);
        let pair = connect(&client, &server, &mut tape);
        for seed in 0..6 {
            let dice = &mut Dice::new(seed);
            let mut pieces = tape.clone();
            pieces.fragment(576 + 8 * dice.below(60));
            if seed > 0 {
                // What opens the connection says whose is whose.
                pieces.packets[2..].chunks_mut(2 + dice.below(5)).for_each(|packets| dice.shuffle(packets));
            }
            assert!(pieces.packets.len() > tape.packets.len() + 20);
            let keys = modern.log.store();
            let capture = pieces.pcap();
            let mut options = Options::default();
            options.limits.plaintext = 1 << 20;
            let mut capture = Capture::read(&capture[..], &keys, options).unwrap();
            let sessions: Vec<Session> = capture.by_ref().map(Result::unwrap).collect();
            assert_open(sessions.last().unwrap(), &pair);
            let statistics = capture.statistics();
            assert!(statistics.fragments > 20);
            assert_eq!(statistics.fragments, statistics.fragments_joined);
        }
        let mut pieces = tape.clone();
        pieces.fragment(576);
        let lost = pieces.packets.iter().rposition(|packet| packet.bytes.len() > 570).unwrap();
        pieces.packets.remove(lost);
        let session = one(&pieces.pcap(), &modern.log.store());
        assert!(matches!(session.outcome.reason(), Some(Reason::LostSegment { .. })), "{session:?}");
    }
}
