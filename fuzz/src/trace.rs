//! The dissector and the recorder: every byte has a name, and no form of a trace lets a peer's bytes escape.
use crate::{pair, script::Script};
use premaster::{
    observe::{At, Direction, Epoch, Event, Observer},
    suite::Suite,
    wire::{ContentType, ProtocolVersion, Side},
};
use premaster_trace::{Recorder, Reveal, dissect, model::Field, render};

/// The leaves lie side by side, from the first byte to the last.
fn covers(fields: &[Field], len: usize) {
    let end = fields.iter().flat_map(Field::leaves).fold(0, |at, leaf| {
        assert_eq!(leaf.offset, at, "{}", leaf.name);
        at + leaf.length
    });
    assert_eq!(end, len);
}

/// Dissects the bytes, and records the events that they describe.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let suite = script.choose(Suite::ALL);
    let version = [None, Some(ProtocolVersion::TLS_1_2), Some(ProtocolVersion::TLS_1_3)][script.below(3)];
    let mut context = dissect::Context { version, suite: Some(suite) };
    let events = script.rest();
    covers(&dissect::handshake(events, &mut context, Side::Client).fields, events.len());
    covers(&dissect::alert(events).fields, events.len());
    covers(&dissect::change_cipher_spec(events, &context).fields, events.len());
    record(events);
}

fn record(events: &[u8]) {
    let recorder = Recorder::with_limit(1 << 14);
    let mut script = Script::new(events);
    while !script.is_over() {
        let side = [Side::Client, Side::Server][script.below(2)];
        let direction = [Direction::Sent, Direction::Received][script.below(2)];
        let epoch = [Epoch::Plaintext, Epoch::Handshake, Epoch::Application(1)][script.below(3)];
        let content_type = ContentType(20 + script.byte() % 5);
        let kind = script.below(5);
        let bytes = script.bytes();
        let event = match kind {
            0 => Event::Message { direction, bytes },
            1 => Event::KeysInstalled { direction, epoch },
            2 => Event::Content { direction, content_type, plaintext: bytes, epoch },
            3 => Event::ChangeCipherSpec(direction),
            _ => Event::Record { direction, bytes },
        };
        recorder.observe(At { side, client_random: None }, event);
    }
    let trace = recorder.trace("fuzz", Reveal::Secrets);
    let texts = [
        render::terminal(&trace, &render::Style::plain().with_bytes(true)),
        render::mermaid(&trace),
        render::html(&trace).expect("a page"),
        render::json(&trace).expect("a document"),
    ];
    texts.iter().for_each(|text| assert!(!text.contains(['\u{1b}', '\u{202e}'])));
}

/// The messages of real handshakes, alone and in records.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (tls13, messages) in pair::messages() {
        for message in messages {
            seeds.push([&[0, 1 + u8::from(tls13)], &message[..]].concat());
            let plain = &message[..message.len().min(250)];
            let record = [&[22, 3, 3, 0, plain.len() as u8], plain].concat();
            let mut events = vec![0, 0, 0, 0, 0, 2, 2, plain.len() as u8];
            events.extend_from_slice(plain);
            events.extend([0, 0, 0, 2, 4, record.len() as u8]);
            events.extend(record);
            seeds.push(events);
        }
    }
    seeds
}
