//! Captures of our own connections: every version, suite and exchange; resumed, early, updated; shuffled and
//! damaged.
#[path = "../../premaster/tests/common/mod.rs"]
mod common;
mod recording;
mod tape;

use common::{Authority, Key, Pair};
use premaster::{
    Policy, ServerConfig,
    config::{LegacyOptIn, ServerSessions},
    observe::{KeyLog, Resumed},
    suite::{KeyExchange, Suite},
    wire::{NamedGroup, ProtocolVersion, Side, record::Impostor},
};
use premaster_capture::{Capture, KeyStore, Options, Outcome, Reason};
use recording::{EverySuite, Log, Modern, assert_open, connect, end, known, one, read, talk, with_psk};
use std::{io, sync::Arc};
use tape::{ACK, Dice, Link, Tape};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

#[test]
fn every_tls12_suite_and_exchange() {
    let every = EverySuite::new();
    let mut number = 0;
    for suite in Suite::ALL.iter().filter(|suite| suite.version() == V12) {
        number += 1;
        let log = Log::default();
        let (client, server, private) = every.configurations(suite, number, &log);
        let link = Link::ALL[number % Link::ALL.len()];
        let mut tape = Tape::new(link);
        let pair = connect(&client, &server, &mut tape);
        let capture = if number % 2 == 0 { tape.pcap() } else { tape.pcapng() };
        assert_open(&one(&capture, &log.store()), &pair);
        let mut keys = KeyStore::new();
        let closed = one(&capture, &keys).outcome;
        assert_closed(suite, &closed);
        assert_eq!(keys.add_private_keys(private), Ok(1));
        with_psk(&mut keys);
        let session = one(&capture, &keys);
        match suite.key_exchange {
            KeyExchange::Rsa
            | KeyExchange::Dh
            | KeyExchange::Ecdh
            | KeyExchange::Psk
            | KeyExchange::RsaPsk => {
                assert_open(&session, &pair);
            }
            exchange => {
                let reason = session.outcome.reason().unwrap();
                let expected = Reason::EphemeralExchange { exchange, group: session.group };
                assert_eq!(*reason, expected, "{}", suite.name());
            }
        }
    }
    assert!(number > 90);
}

/// Without any key, for the right reason.
fn assert_closed(suite: &Suite, outcome: &Outcome) {
    let Outcome::Closed(reason) = outcome else { panic!("{}: {outcome:?}", suite.name()) };
    let fits = match suite.key_exchange {
        KeyExchange::Rsa | KeyExchange::Dh | KeyExchange::Ecdh | KeyExchange::RsaPsk => {
            matches!(reason, Reason::NoPrivateKey { .. })
        }
        KeyExchange::Psk => matches!(reason, Reason::NoPsk { identity } if identity == b"a name"),
        _ => matches!(reason, Reason::NoKeyLogLine { have_log: false, .. }),
    };
    assert!(fits, "{}: {reason:?}", suite.name());
}

#[test]
fn every_tls13_suite_with_a_second_hello_and_new_keys() {
    let modern = Modern::new();
    for suite in Suite::ALL.iter().filter(|suite| suite.version() == V13) {
        for (groups, shares) in [
            (&[NamedGroup::x25519][..], &[NamedGroup::x25519][..]),
            (&[NamedGroup::X25519MLKEM768], &[NamedGroup::X25519MLKEM768]),
            (&[NamedGroup::secp384r1, NamedGroup::x25519], &[NamedGroup::x25519]),
        ] {
            let policy = Policy::MODERN.with_versions(&[V13]).with_cipher_suites(&[suite.code]);
            let policy = policy.with_groups(groups).with_key_shares(shares);
            let client = modern.client(|builder| builder.policy(policy.clone()));
            let server = modern.server(|builder| builder.policy(policy.with_groups(&groups[..1])));
            let mut pair = Pair::new(client, server);
            let mut tape = Tape::new(Link::Ethernet);
            tape.open();
            talk(&mut pair, &mut tape);
            pair.client.connection.update_keys(true, &mut pair.client.output).unwrap();
            recording::carry(&mut pair, &mut tape);
            talk(&mut pair, &mut tape);
            end(&mut pair, &mut tape);
            let session = one(&tape.pcap(), &modern.log.store());
            assert_open(&session, &pair);
            assert_eq!(session.group, Some(groups[0]));
            assert_eq!(session.hello_retry, groups.len() > 1);
            assert_eq!((session.key_updates.client, session.key_updates.server), (1, 1));
            let without = one(&tape.pcap(), &modern.log.without("SERVER_TRAFFIC_SECRET_0"));
            let lacks = Reason::KeyLogLacks { label: "SERVER_TRAFFIC_SECRET_0" };
            assert_eq!(without.outcome, Outcome::Partly(lacks));
            assert_eq!(without.plaintext.client, pair.server.received);
        }
    }
}

#[test]
fn resumed_sessions_go_back_to_their_original() {
    for (version, how) in [(V12, Resumed::Ticket), (V13, Resumed::Psk)] {
        let modern = Modern::new();
        let (client, server) = modern.resuming(version, false);
        let mut tape = Tape::new(Link::Ethernet);
        let first = connect(&client, &server, &mut tape);
        let of_first = modern.log.store();
        let split = tape.packets.len();
        let second = connect(&client, &server, &mut tape);
        let sessions = read(&tape.pcap(), &modern.log.store());
        assert_open(&sessions[0], &first);
        assert_open(&sessions[1], &second);
        assert_eq!((sessions[0].resumed, sessions[1].resumed), (Some(Resumed::Full), Some(how)));
        // With what is known of the first alone.
        let sessions = read(&tape.pcap(), &of_first);
        match version {
            V12 => assert_open(&sessions[1], &second),
            _ => assert!(matches!(sessions[1].outcome, Outcome::Closed(Reason::NoKeyLogLine { .. }))),
        }
        let mut only_second = tape.clone();
        only_second.packets.drain(..split);
        if version == V12 {
            let reason = |tape: &Tape, keys: &KeyStore| read(&tape.pcap(), keys).pop().unwrap().outcome;
            let not_captured = Outcome::Closed(Reason::OriginalNotCaptured { how });
            assert_eq!(reason(&only_second, &of_first), not_captured);
            let not_opened = Outcome::Closed(Reason::OriginalNotOpened { how });
            assert_eq!(reason(&tape, &KeyStore::new()), not_opened);
        }
        assert_open(&one(&only_second.pcap(), &modern.log.store()), &second);
    }
}

#[test]
fn early_data() {
    let modern = Modern::new();
    let (client, closed) = modern.resuming(V13, true);
    let store =
        Arc::new(premaster::resume::MemoryStore::new(100, 1 << 20, premaster::pki_types::UnixTime::now()));
    let sessions = ServerSessions::none().with_store(store);
    let open = modern.server(|builder| builder.sessions(sessions.early_data(1 << 14)));
    let early = |server: &Arc<ServerConfig>| {
        let mut pair = Pair::new(client.clone(), server.clone());
        let mut tape = Tape::new(Link::Ethernet);
        tape.open();
        pair.client.connection.send_early(b"GET / early", &mut pair.client.output).unwrap();
        talk(&mut pair, &mut tape);
        end(&mut pair, &mut tape);
        (pair, tape.pcap())
    };
    connect(&client, &open, &mut Tape::new(Link::Ethernet));
    let (pair, capture) = early(&open);
    let session = one(&capture, &modern.log.store());
    assert_eq!(session.resumed, Some(Resumed::EarlyData));
    assert_open(&session, &pair);
    let without = one(&capture, &modern.log.without("CLIENT_EARLY"));
    assert_eq!(without.outcome, Outcome::Partly(Reason::EarlyData));
    assert_eq!(without.plaintext.server, pair.client.received);
    let (pair, capture) = early(&closed);
    let refused = one(&capture, &modern.log.without("CLIENT_EARLY"));
    assert_eq!(refused.plaintext.server, pair.client.received);
    assert_eq!(refused.outcome, Outcome::Partly(Reason::EarlyData));
}

fn simple() -> (Modern, Tape, Pair) {
    let modern = Modern::new();
    let (client, server) = (modern.client(|builder| builder), modern.server(|builder| builder));
    let mut tape = Tape::new(Link::Ethernet);
    tape.segment = 200;
    let pair = connect(&client, &server, &mut tape);
    (modern, tape, pair)
}

#[test]
fn packets_in_another_order() {
    let (modern, tape, pair) = simple();
    let keys = modern.log.store();
    for seed in 0..20 {
        let dice = &mut Dice::new(seed);
        let mut tape = tape.clone();
        tape.packets.chunks_mut(2 + dice.below(40)).for_each(|packets| dice.shuffle(packets));
        for _ in 0..10 {
            let again = tape.packets[dice.below(tape.packets.len())].clone();
            tape.packets.insert(dice.below(tape.packets.len()), again);
        }
        // What opens the connection says whose is whose.
        tape.packets.insert(0, simple_syn(&tape));
        assert_open(&one(&tape.pcap(), &keys), &pair);
    }
    for server_first in [true, false] {
        let mut tape = tape.clone();
        tape.packets.sort_by_key(|packet| packet.from_client == server_first);
        let sessions = read(&tape.pcap(), &keys);
        assert_open(sessions.last().unwrap(), &pair);
    }
}

fn simple_syn(tape: &Tape) -> tape::Packet {
    let syn =
        tape.packets.iter().find(|packet| packet.from_client && packet.bytes[14 + 20 + 13] == tape::SYN);
    syn.unwrap().clone()
}

#[test]
fn a_lost_segment_is_named() {
    let (modern, tape, pair) = simple();
    let last =
        tape.packets.iter().rposition(|packet| !packet.from_client && packet.bytes.len() > 200).unwrap();
    let mut lossy = tape.clone();
    lossy.packets.remove(last - 20);
    let session = one(&lossy.pcap(), &modern.log.store());
    let Outcome::Partly(Reason::LostSegment { side: Side::Server, loss }) = session.outcome else {
        panic!("{session:?}")
    };
    assert_eq!(loss.len, 200);
    assert_eq!(session.losses, [(Side::Server, loss)]);
    assert_eq!(session.plaintext.client, pair.server.received);
    assert!(pair.client.received.starts_with(&session.plaintext.server));
}

#[test]
fn packets_cut_short_are_named() {
    let (modern, mut tape, _) = simple();
    tape.packets.iter_mut().for_each(|packet| packet.bytes.truncate(96));
    let session = one(&tape.pcapng(), &modern.log.store());
    let reason = session.outcome.reason().unwrap();
    assert!(matches!(reason, Reason::TruncatedCapture { side: Side::Client, .. }), "{reason:?}");
}

#[test]
fn without_its_start_nothing_can_be_told() {
    let (modern, mut tape, _) = simple();
    // To where the server has begun a record of its long answer.
    let at = tape.packets.iter().rposition(|packet| packet.bytes.len() < 250 && !packet.from_client).unwrap();
    tape.packets.drain(..at - 3);
    for session in read(&tape.pcap(), &modern.log.store()) {
        let reason = session.outcome.reason().unwrap();
        assert!(matches!(reason, Reason::HandshakeNotCaptured | Reason::NotTls { .. }), "{reason:?}");
    }
    let (modern, mut tape, _) = simple();
    tape.packets.truncate(5);
    let session = one(&tape.pcap(), &modern.log.store());
    assert!(session.outcome.reason().unwrap().is_incomplete(), "{session:?}");
}

#[test]
fn the_extended_master_secret_needs_every_message() {
    let authority = Authority::new();
    let (credential, private) = known(&authority, Key::Rsa2048);
    let suite = Suite::parse("AES128-GCM-SHA256").unwrap();
    let policy = Policy::LEGACY.with_versions(&[V12]).with_cipher_suites(&[suite.code]);
    let because = || LegacyOptIn::for_every_peer("a test");
    let log = Log::default();
    let observer = Arc::new(KeyLog::new(log.clone()));
    let client = common::client_config(&authority, |builder| {
        builder.policy(policy.clone()).allow_legacy(because()).observer(observer)
    });
    let server = common::server_config(credential, |builder| builder.policy(policy).allow_legacy(because()));
    let mut tape = Tape::new(Link::Ethernet);
    tape.open();
    let mut pair = Pair::new(client, server);
    let hello = pair.client.output.as_slice().to_vec();
    pair.client.output.clear();
    tape.say(true, &hello);
    pair.server.take(&hello).unwrap();
    let flight = pair.server.output.as_slice().to_vec();
    pair.server.output.clear();
    // A record and a packet for each message, which changes nothing.
    for message in messages(&flight) {
        let header = [22, 3, 3, 0, 0];
        let mut record = [&header[..], &message].concat();
        record[3..5].copy_from_slice(&(message.len() as u16).to_be_bytes());
        tape.say(false, &record);
    }
    let done = tape.packets.len() - 1;
    pair.client.take(&flight).unwrap();
    talk(&mut pair, &mut tape);
    end(&mut pair, &mut tape);
    let mut keys = KeyStore::new();
    keys.add_private_keys(&private).unwrap();
    assert_open(&one(&tape.pcap(), &keys), &pair);
    tape.packets.remove(done);
    let session = one(&tape.pcap(), &keys);
    assert_eq!(session.outcome.reason(), Some(&Reason::ExtendedMasterSecretNeedsHandshake));
    // The key log needs no messages.
    let session = one(&tape.pcap(), &log.store());
    assert!(matches!(session.outcome, Outcome::Partly(Reason::LostSegment { .. })), "{session:?}");
    assert_eq!(session.plaintext.client, pair.server.received);
}

/// The handshake messages of a flight in the clear.
fn messages(mut records: &[u8]) -> Vec<Vec<u8>> {
    let mut joined = Vec::new();
    while let [22, _, _, high, low, rest @ ..] = records {
        let (fragment, after) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        joined.extend_from_slice(fragment);
        records = after;
    }
    let mut messages = Vec::new();
    while let [_, a, b, c, ..] = joined[..] {
        let len = 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        messages.push(joined.drain(..len).collect());
    }
    messages
}

#[test]
fn what_is_not_tls_is_named() {
    let keys = KeyStore::new();
    for (client, server, expected) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], &b"HTTP/1.1 200 OK\r\n\r\n"[..], Some(Impostor::Http)),
        (b"EHLO me\r\n", b"220 mail\r\n", Some(Impostor::PlainText)),
        (b"\x80\x2e\x01\x00\x02\x00\x00", b"", Some(Impostor::Ssl2)),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07", b"", None),
    ] {
        let mut tape = Tape::new(Link::Raw);
        tape.open();
        tape.say(false, server);
        tape.say(true, client);
        tape.close();
        let session = one(&tape.pcap(), &keys);
        assert_eq!(session.outcome, Outcome::Closed(Reason::NotTls { instead: expected }));
    }
}

#[test]
fn after_starttls() {
    let modern = Modern::new();
    let (client, server) = (modern.client(|builder| builder), modern.server(|builder| builder));
    let mut tape = Tape::new(Link::Ethernet);
    let mut pair = Pair::new(client, server);
    tape.open();
    tape.say(false, b"220 mail.example ESMTP\r\n");
    tape.say(true, b"STARTTLS\r\n");
    tape.say(false, b"220 go ahead\r\n");
    talk(&mut pair, &mut tape);
    end(&mut pair, &mut tape);
    let session = one(&tape.pcap(), &modern.log.store());
    assert_eq!(session.plaintext.client, pair.server.received);
    assert_eq!(session.plaintext.server, pair.client.received);
    assert_eq!(session.outcome, Outcome::Decrypted);
}

#[test]
fn hostile_streams_and_packets() {
    let (modern, tape, _) = simple();
    let keys = modern.log.store();
    for seed in 0..300 {
        let dice = &mut Dice::new(seed);
        let mut tape = tape.clone();
        for _ in 0..1 + dice.below(6) {
            let at = dice.below(tape.packets.len());
            let bytes = &mut tape.packets[at].bytes;
            let index = dice.below(bytes.len());
            match dice.below(3) {
                0 => bytes[index] = dice.below(256) as u8,
                1 => bytes.truncate(index),
                _ => bytes.extend_from_slice(&[0xff; 40]),
            }
        }
        for session in read(&tape.pcap(), &keys) {
            assert!(session.plaintext.client.len() < 1000);
        }
    }
    let mut noise = Tape::new(Link::Ethernet);
    noise.open();
    let dice = &mut Dice::new(1);
    for _ in 0..2000 {
        let len = dice.below(60);
        let mut bytes: Vec<u8> = (0..len).map(|_| dice.below(256) as u8).collect();
        bytes.splice(0..0, [22, 3, 3, 0, len as u8, 1 + dice.below(3) as u8]);
        noise.packet(dice.below(2) == 0, ACK, &bytes);
    }
    read(&noise.pcap(), &keys);
    let mut garbage = KeyStore::new();
    let bytes: Vec<u8> = (0..100_000).map(|_| dice.below(256) as u8).collect();
    garbage.add_key_log(&bytes);
    assert!(garbage.add_private_keys(&bytes).is_err());
    assert!(garbage.add_psks(&bytes).is_err());
}

/// A capture that never ends in memory: one stream whose first segment is missing, and one with records that
/// cannot be opened.
struct Endless {
    block: Vec<u8>,
    left: usize,
    at: usize,
}

impl io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.left -= 1;
            // The sequence number of each packet: after the pcap header or not, always at the same place.
            let at = self.block.len() - 1400 - 16;
            let sequence = u32::from_be_bytes(self.block[at..at + 4].try_into().unwrap());
            self.block[at..at + 4].copy_from_slice(&sequence.wrapping_add(1400).to_be_bytes());
            self.at = 0;
        }
        let len = buffer.len().min(self.block.len() - self.at);
        buffer[..len].copy_from_slice(&self.block[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}

#[test]
fn memory_stays_bounded() {
    let mut tape = Tape::new(Link::Raw);
    tape.open();
    let start = tape.pcap();
    tape.packets.clear();
    tape.packet(true, ACK, &[0x16; 1400]);
    let block = tape.pcap()[24..].to_vec();
    let left = 40_000;
    let source = io::Read::chain(&start[..], Endless { at: block.len(), block, left });
    let keys = KeyStore::new();
    let mut most = 0;
    let mut options = Options::default();
    options.limits.reassembly = 1 << 18;
    let mut capture = Capture::read(source, &keys, options).unwrap();
    let last = capture.by_ref().map(Result::unwrap).last().unwrap();
    most = most.max(capture.held());
    assert!(most <= 1 << 19, "{most}");
    assert_eq!(capture.statistics().packets, left as u64 + 2);
    assert!(last.losses.len() <= 64);
}

#[test]
fn too_many_connections_at_a_time() {
    let modern = Modern::new();
    let (client, server) = (modern.client(|builder| builder), modern.server(|builder| builder));
    for is_over in [true, false] {
        let mut tape = Tape::new(Link::Ethernet);
        for _ in 0..6 {
            let mut pair = connect(&client, &server, &mut tape);
            if !is_over {
                // Its FINs.
                tape.packets.truncate(tape.packets.len() - 2);
            }
            pair.client.received.clear();
        }
        let keys = modern.log.store();
        let mut options = Options::default();
        options.limits.streams = 2;
        let capture = tape.pcap();
        let mut capture = Capture::read(&capture[..], &keys, options).unwrap();
        let decrypted =
            capture.by_ref().filter(|session| session.as_ref().unwrap().outcome == Outcome::Decrypted);
        assert_eq!(decrypted.count(), 6);
        assert_eq!(capture.statistics().given_up, if is_over { 0 } else { 4 });
    }
}
