//! What a peer sends may be anything: it is told, and it does nothing.
use premaster::{
    observe::{At, Direction, Epoch, Event, Observer},
    wire::{ContentType, Side},
};
use premaster_trace::{Recorder, Reveal, Trace, diagnose::Circumstances, model::Field, render};

fn hears(recorder: &Recorder, event: Event<'_>) {
    recorder.observe(At { side: Side::Client, client_random: None }, event);
}

fn in_every_form(trace: &Trace) -> [String; 5] {
    [
        render::terminal(trace, &render::Style::plain()),
        render::terminal(trace, &render::Style::plain().with_bytes(true)),
        render::mermaid(trace),
        render::html(trace).unwrap(),
        render::json(trace).unwrap(),
    ]
}

fn vector(length: usize, contents: &[u8]) -> Vec<u8> {
    let prefix = contents.len().to_be_bytes();
    [&prefix[prefix.len() - length..], contents].concat()
}

/// A ClientHello with this server name and application protocol.
fn hello(name: &[u8], protocol: &[u8]) -> Vec<u8> {
    let name = vector(2, &vector(2, &[&[0][..], &vector(2, name)].concat()));
    let protocol = vector(2, &vector(2, &vector(1, protocol)));
    let extensions = [&[0, 0][..], &name, &[0, 16], &protocol].concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &vector(2, &extensions)].concat();
    let message = [&[1][..], &vector(3, &body)].concat();
    [&[22, 3, 1][..], &vector(2, &message)].concat()
}

#[test]
fn strings_of_the_peer_do_not_escape() {
    let evil = "<script>alert(1)</script>\u{1b}[2J\u{202e};\n    end\n    C->>S: \"'&#quot;".as_bytes();
    let recorder = Recorder::new();
    hears(&recorder, Event::Record { direction: Direction::Sent, bytes: &hello(evil, evil) });
    let trace = recorder.trace("a \u{1b}[31m title\n", Reveal::Secrets);
    assert!(trace.flights[0].records[0].messages[0].gist.iter().any(|gist| gist.contains("alert")));
    let [terminal, bytes, mermaid, html, _] = in_every_form(&trace);
    for text in [&terminal, &bytes, &mermaid] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
        assert!(!text.lines().any(|line| line.trim() == "end"));
    }
    assert!(!mermaid.contains([';', '<', '&', '"', '#']));
    assert!(!html.contains("<script>alert") && !html.contains(['\u{1b}', '\u{202e}']));
    assert_eq!(html.matches("<script>").count(), 1, "the page's own");
}

const EVIL: &str =
    "<img src=x onerror=alert(1)>\u{1b}]0;owned\u{7}\u{202e};\n    end\n'$(reboot)`reboot`\"&#x";

/// The verdict on a connection, of which this was heard.
fn verdict_on(records: &[(Direction, Vec<u8>)], circumstances: Circumstances) -> Trace {
    let recorder = Recorder::new();
    recorder.circumstances(circumstances);
    for (direction, bytes) in records {
        hears(&recorder, Event::Record { direction: *direction, bytes });
    }
    recorder.trace("hostile", Reveal::Nothing)
}

/// Nothing of it does anything in any form, and nothing stands unquoted in a command.
fn is_harmless(trace: &Trace) {
    let verdict = trace.summary.diagnosis.as_ref().expect("something failed");
    for text in in_every_form(trace) {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
    }
    let [terminal, bytes, mermaid, html, _] = in_every_form(trace);
    assert!(!html.contains("<img"), "it is text on the page");
    for text in [terminal, bytes, mermaid] {
        assert!(!text.lines().any(|line| line.trim() == "end"), "{text}");
    }
    for line in verdict.changes.iter().filter_map(|change| change.line.as_deref()) {
        // As a shell takes it: what stands between single quotes is text.
        let unquoted: String = line.replace("'\\''", "").split('\'').step_by(2).collect();
        assert!(!unquoted.contains(['$', '`', '<', '>', '&']), "{line}");
    }
}

#[test]
fn what_a_verdict_says_of_hostile_peers_is_harmless() {
    let mut ours = Circumstances::default();
    ours.server_command = Some("premaster serve".to_owned());
    let evil = EVIL.as_bytes();
    for code in [120, 112, 40, 70, 48, 42, 255] {
        let alert = vec![21, 3, 3, 0, 2, 2, code];
        let records = [(Direction::Sent, hello(evil, evil)), (Direction::Received, alert)];
        for circumstances in [Circumstances::default(), ours.clone()] {
            is_harmless(&verdict_on(&records, circumstances));
        }
    }
}

/// A certificate in whose every name somebody wrote something that they hoped would be obeyed.
#[test]
fn what_a_certificate_says_is_harmless() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    for kind in [rcgen::DnType::CommonName, rcgen::DnType::OrganizationName] {
        params.distinguished_name.push(kind, EVIL);
    }
    let email: String = EVIL.chars().filter(char::is_ascii).collect();
    for name in [email.as_str(), "$(reboot).example"] {
        let name = rcgen::string::Ia5String::try_from(name).unwrap();
        params.subject_alt_names.push(rcgen::SanType::DnsName(name.clone()));
        params.subject_alt_names.push(rcgen::SanType::URI(name));
    }
    let certificate = params.self_signed(&key).unwrap().der().to_vec();
    let message = [&[11][..], &vector(3, &vector(3, &vector(3, &certificate)))].concat();
    let server_hello = [&[2, 0, 0, 38, 3, 3][..], &[1; 32], &[0, 0xc0, 0x2b, 0]].concat();
    let flight = [&[22, 3, 3][..], &vector(2, &[server_hello, message].concat())].concat();
    for code in [42, 45, 46, 48] {
        let alert = vec![21, 3, 3, 0, 2, 2, code];
        let records = [
            (Direction::Sent, hello(b"example.org", b"h2")),
            (Direction::Received, flight.clone()),
            (Direction::Sent, alert),
        ];
        let trace = verdict_on(&records, Circumstances::default());
        is_harmless(&trace);
        let told = render::terminal(&trace, &render::Style::plain().with_bytes(true));
        assert!(told.contains("reboot") && told.contains("subjectAltName"), "it is told all the same");
    }
}

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let len = self.next() % most;
        (0..len).map(|_| (self.next() >> (self.next() % 8)) as u8).collect()
    }
}

/// Where leaves end that follow each other without a gap.
fn cover<'f>(fields: impl Iterator<Item = &'f Field>) -> usize {
    fields.flat_map(Field::leaves).fold(0, |at, leaf| {
        assert_eq!(at, leaf.offset, "{}", leaf.name);
        at + leaf.length
    })
}

#[test]
fn any_events_make_a_trace_in_which_every_byte_has_one_name() {
    let mut numbers = Numbers(3);
    for round in 0..300 {
        let recorder = Recorder::new();
        for _ in 0..numbers.next() % 20 {
            let direction = [Direction::Sent, Direction::Received][(numbers.next() % 2) as usize];
            let content_type = ContentType(20 + (numbers.next() % 5) as u8);
            let mut bytes = numbers.bytes(400);
            if let Some(first) = bytes.first_mut() {
                *first = content_type.0;
            }
            let epoch =
                [Epoch::Plaintext, Epoch::Handshake, Epoch::Application(1)][(numbers.next() % 3) as usize];
            let inner = numbers.bytes(300);
            match numbers.next() % 4 {
                0 => hears(&recorder, Event::Record { direction, bytes: &hello(&inner, b"h2") }),
                1 => hears(&recorder, Event::Record { direction, bytes: &bytes }),
                2 => hears(&recorder, Event::KeysInstalled { direction, epoch }),
                _ => {
                    let content = Event::Content { direction, content_type, plaintext: &inner, epoch };
                    let header = [&[23, 3, 3][..], &vector(2, &vec![9; inner.len() + 17])].concat();
                    let bytes: &[u8] = match epoch {
                        Epoch::Plaintext => &[&[content_type.0, 3, 3][..], &vector(2, &inner)].concat(),
                        _ => &header,
                    };
                    let record = Event::Record { direction, bytes };
                    match direction {
                        Direction::Sent => {
                            [content, record].into_iter().for_each(|event| hears(&recorder, event))
                        }
                        Direction::Received => {
                            [record, content].into_iter().for_each(|event| hears(&recorder, event));
                        }
                    }
                }
            }
        }
        let trace = recorder.trace("noise", Reveal::Secrets);
        for record in trace.flights.iter().flat_map(|flight| &flight.records) {
            let messages = record.messages.iter().flat_map(|message| &message.fields);
            let end = match record.protection {
                None => cover(record.fields.iter().chain(messages)),
                Some(_) => {
                    cover(messages.chain(&record.trailer));
                    cover(record.fields.iter())
                }
            };
            assert_eq!(end, record.length, "round {round}, record {}", record.number);
        }
        for text in in_every_form(&trace) {
            assert!(!text.contains('\u{1b}'));
        }
        assert!(render::mermaid(&trace).lines().count() <= 60);
    }
}

#[test]
fn a_recorder_keeps_within_its_limit_and_says_so() {
    let recorder = Recorder::with_limit(1000);
    for _ in 0..1000 {
        hears(
            &recorder,
            Event::Record { direction: Direction::Received, bytes: &hello(b"example.org", b"h2") },
        );
    }
    let trace = recorder.trace("long", Reveal::Nothing);
    let records: usize = trace.flights.iter().map(|flight| flight.records.len()).sum();
    assert!(records > 3 && records < 40, "{records}");
    assert!(trace.omitted.is_some());
}
