//! Traces of captures of every suite, whole, with holes and damaged: every byte of every record belongs to one field.
#[path = "../../premaster/tests/common/mod.rs"]
mod common;
#[path = "support/leaves.rs"]
mod leaves;
#[path = "../../premaster-capture/tests/recording/mod.rs"]
mod recording;
#[path = "../../premaster-capture/tests/tape/mod.rs"]
mod tape;

use common::Pair;
use premaster::{Policy, suite::Suite, wire::ProtocolVersion};
use premaster_capture::{Capture, KeyStore, Options};
use premaster_trace::{Recorder, Reveal, Trace, render};
use recording::{EverySuite, Log, Modern, carry, end, talk};
use std::sync::Arc;
use tape::{Dice, Link, Tape};

fn trace(capture: &[u8], keys: &KeyStore) -> Trace {
    let recorder = Arc::new(Recorder::of_capture());
    let options = Options::default().stream(0).observer(recorder.clone());
    if let Ok(sessions) = Capture::read(capture, keys, options) {
        sessions.for_each(drop);
    }
    recorder.trace("a capture", Reveal::Secrets)
}

fn records(trace: &Trace) -> usize {
    trace.flights.iter().map(|flight| flight.records.len()).sum()
}

#[test]
fn every_suite_with_and_without_keys() {
    let every = EverySuite::new();
    for (number, suite) in Suite::ALL.iter().enumerate() {
        let log = Log::default();
        let (client, server, private) = every.configurations(suite, number, &log);
        let mut tape = Tape::new(Link::ALL[number % Link::ALL.len()]);
        recording::connect(&client, &server, &mut tape);
        let mut with_key = KeyStore::new();
        with_key.add_private_keys(private).unwrap();
        for (keys, opens) in [(log.store(), true), (with_key, false), (KeyStore::new(), false)] {
            let trace = trace(&tape.pcap(), &keys);
            assert!(trace.summary.established || !opens, "{}", suite.name());
            assert!(records(&trace) > 8, "{}", suite.name());
            assert_eq!(trace.summary.cipher_suite.as_deref(), Some(suite.name()));
            leaves::cover_every_byte(&trace, suite.name());
        }
    }
}

#[test]
fn second_hello_early_hello_and_new_keys() {
    let modern = Modern::new();
    let (client, server) = modern.resuming(ProtocolVersion::TLS_1_3, false);
    let mut tape = Tape::new(Link::Ethernet);
    recording::connect(&client, &server, &mut tape);
    for policy in [Policy::MODERN, Policy::MODERN.with_key_shares(&[premaster::wire::NamedGroup::secp384r1])]
    {
        let client = modern.client(|builder| builder.policy(policy));
        let mut pair = Pair::new(client, server.clone());
        let mut tape = Tape::new(Link::Ethernet);
        tape.open();
        talk(&mut pair, &mut tape);
        pair.client.connection.update_keys(true, &mut pair.client.output).unwrap();
        carry(&mut pair, &mut tape);
        talk(&mut pair, &mut tape);
        end(&mut pair, &mut tape);
        let trace = trace(&tape.pcap(), &modern.log.store());
        assert!(trace.summary.established);
        leaves::cover_every_byte(&trace, "TLS 1.3");
    }
}

#[test]
fn with_holes_and_damage() {
    let modern = Modern::new();
    for version in [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3] {
        let policy = Policy::MODERN.with_versions(&[version]);
        let client = modern.client(|builder| builder.policy(policy));
        let mut tape = Tape::new(Link::Ethernet);
        tape.segment = 150;
        let mut pair = Pair::new(client, modern.server(|builder| builder));
        tape.open();
        carry(&mut pair, &mut tape);
        pair.client.connection.send(&[b'x'; 2000], &mut pair.client.output).unwrap();
        pair.server.connection.send(b"short", &mut pair.server.output).unwrap();
        carry(&mut pair, &mut tape);
        end(&mut pair, &mut tape);
        let keys = modern.log.store();
        for seed in 0..150 {
            let dice = &mut Dice::new(seed);
            let mut broken = tape.clone();
            for _ in 0..1 + dice.below(4) {
                let at = dice.below(broken.packets.len());
                let bytes = &mut broken.packets[at].bytes;
                let index = dice.below(bytes.len());
                match dice.below(3) {
                    0 => bytes[index] ^= 1 << dice.below(8),
                    1 => bytes.truncate(index),
                    _ => drop(broken.packets.remove(at)),
                }
            }
            let trace = trace(&broken.pcap(), &keys);
            leaves::cover_every_byte(&trace, &format!("{version} {seed}"));
            for line in render::terminal(&trace, &render::Style::plain().with_bytes(true)).lines() {
                assert!(line.chars().count() <= 80 || line.starts_with("   $ "), "{version} {seed}: {line}");
            }
            render::html(&trace).unwrap();
            render::mermaid(&trace);
        }
    }
}
