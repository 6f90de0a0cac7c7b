//! The traces of RFC 8448, byte for byte, through the library's own rooms: `exchange` makes the keys, `schedule`
//! the secrets, `record` opens each record and seals it again. The values stand in `tests/rfc8448/`.
use premaster::{
    Output, Secret,
    crypto::{
        aead::AeadAlgorithm,
        hash::HashAlgorithm,
        random::{Random, RandomFailed},
    },
    exchange::{EphemeralKey, Group, SharedSecret},
    observe::{At, Event, Observer, Tap},
    record::{Joiner, Opener, Sealer},
    schedule::{
        Kdf, Transcript,
        tls13::{EarlySecret, PskSource, ResumptionSecret, TrafficSecret},
    },
    wire::{ContentType, HandshakeType, NamedGroup, Side},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// The values of one section, by name.
struct Trace(BTreeMap<&'static str, Vec<u8>>);

impl Trace {
    fn parse(text: &'static str) -> Self {
        let mut values: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        let mut name = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix("    ") {
                Some(hex) => values.entry(name).or_default().extend(unhex(hex)),
                None => name = line,
            }
        }
        Self(values)
    }

    fn get(&self, name: &str) -> &[u8] {
        self.0.get(name).unwrap_or_else(|| panic!("{name}"))
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Randomness that is known beforehand: the private key of a trace.
struct Dealt(Vec<u8>);

impl Random for Dealt {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

/// What was derived, by the RFC's name.
#[derive(Default)]
struct Derived(Mutex<BTreeMap<&'static str, Vec<u8>>>);

impl Observer for Derived {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        if let Event::Derived { secret, value, .. } = event {
            self.0.lock().unwrap().insert(secret, value.expose().to_vec());
        }
    }
}

impl Derived {
    /// Every secret that the trace tells by a name that was derived has the trace's value.
    fn check(&self, trace: &Trace, expected: usize) {
        let derived = self.0.lock().unwrap();
        let mut checked = 0;
        for (name, value) in &trace.0 {
            if let Some(derived) = derived.get(name) {
                assert_eq!(derived, value, "{name}");
                checked += 1;
            }
        }
        assert_eq!(checked, expected, "{:?}", derived.keys());
    }
}

fn start() -> (Arc<Derived>, Kdf) {
    let derived = Arc::new(Derived::default());
    let observer: Arc<dyn Observer> = derived.clone();
    (derived, Kdf::new(HashAlgorithm::Sha256, Tap::new(Some(&observer), Side::Client)))
}

/// Both sides of the exchange, from their private keys: the shares are those on the wire, the secrets are equal.
fn exchange(trace: &Trace, group: NamedGroup) -> SharedSecret {
    let private = |side: &str| Dealt(trace.get(&format!("{side} private {group}")).to_vec());
    let group = Group::find(group).unwrap();
    let client = EphemeralKey::generate(group, &private("client")).unwrap();
    let on_wire =
        |message: &str, share: &[u8]| trace.get(message).windows(share.len()).any(|window| window == share);
    assert!(on_wire("ClientHello", client.public()));
    let (reply, servers) = group.encapsulate(client.public(), &private("server")).unwrap();
    assert!(on_wire("ServerHello", &reply));
    let clients = client.open(&reply).unwrap();
    assert_eq!(clients.input_keying_material(), servers.input_keying_material());
    clients
}

/// One direction under one key, from both its ends.
struct Direction(Sealer, Opener);

impl Direction {
    fn new(trace: &Trace, name: &str, secret: &TrafficSecret) -> Self {
        secret.with_key_and_iv(16, |key, iv| {
            assert_eq!(key, trace.get(&format!("{name} key")), "{name} key");
            assert_eq!(iv, trace.get(&format!("{name} iv")), "{name} iv");
            let algorithm = AeadAlgorithm::Aes128Gcm;
            Self(Sealer::tls13(algorithm, key, iv).unwrap(), Opener::tls13(algorithm, key, iv).unwrap())
        })
    }

    /// Opens the record, seals what is in it, and gets the record again.
    fn pass(&mut self, record: &[u8]) -> (ContentType, Vec<u8>) {
        let mut opened = record.to_vec();
        let (content_type, range) = self.1.open(&mut opened).unwrap();
        let mut sealed = Output::new();
        self.0.seal(content_type, &opened[range.clone()], 0, &mut sealed).unwrap();
        assert_eq!(sealed.as_slice(), record);
        (content_type, opened[range].to_vec())
    }

    /// A handshake record, cut into its messages.
    fn messages(&mut self, record: &[u8]) -> Vec<Vec<u8>> {
        let (content_type, plaintext) = self.pass(record);
        assert_eq!(content_type, ContentType::HANDSHAKE);
        let mut joiner = Joiner::new();
        joiner.push(&plaintext).unwrap();
        let messages: Vec<_> = std::iter::from_fn(|| joiner.pop().unwrap()).collect();
        assert!(joiner.is_empty());
        messages
    }

    fn close(&mut self, record: &[u8]) {
        // close_notify, as a warning.
        assert_eq!(self.pass(record), (ContentType::ALERT, vec![1, 0]));
    }
}

/// A message that is a Finished, whose `verify_data` is right for what came before.
fn check_finished(secret: &TrafficSecret, transcript: &Transcript, message: &[u8]) {
    assert_eq!(message[0], HandshakeType::FINISHED.0);
    assert!(secret.verify(&transcript.hash(), &message[4..]));
    assert_eq!(secret.verify_data(&transcript.hash()).as_ref(), &message[4..]);
}

/// What is the same in all three: from both hellos to close_notify. `early` is the client's early data key.
fn after_hellos(
    trace: &Trace,
    mut transcript: Transcript,
    early_secret: EarlySecret,
    shared: SharedSecret,
    early: Option<Direction>,
) -> ResumptionSecret {
    let handshake = early_secret.into_handshake(shared);
    let traffic = handshake.traffic(&transcript.hash());
    let mut server = Direction::new(trace, "server handshake", &traffic.server);
    let mut client = Direction::new(trace, "client handshake", &traffic.client);

    let flight = server.messages(trace.get("server flight record"));
    let (finished, others) = flight.split_last().unwrap();
    others.iter().for_each(|message| transcript.add(message));
    check_finished(&traffic.server, &transcript, finished);
    transcript.add(finished);

    let main = handshake.into_main();
    let application = main.application_traffic(&transcript.hash());
    main.exporter(&transcript.hash());

    if let Some(mut early) = early {
        let messages = early.messages(trace.get("EndOfEarlyData record"));
        assert_eq!(messages, [[HandshakeType::END_OF_EARLY_DATA.0, 0, 0, 0]]);
        transcript.add(&messages[0]);
    }
    let messages = client.messages(trace.get("client Finished record"));
    check_finished(&traffic.client, &transcript, &messages[0]);
    transcript.add(&messages[0]);

    let mut server = Direction::new(trace, "server application", &application.server);
    let mut client = Direction::new(trace, "client application", &application.client);
    if trace.0.contains_key("ticket record") {
        let messages = server.messages(trace.get("ticket record"));
        assert_eq!(messages[0][0], HandshakeType::NEW_SESSION_TICKET.0);
    }
    if trace.0.contains_key("client data record") {
        let data = (ContentType::APPLICATION_DATA, (0..50).collect::<Vec<u8>>());
        assert_eq!(client.pass(trace.get("client data record")), data);
        assert_eq!(server.pass(trace.get("server data record")), data);
    }
    client.close(trace.get("client close record"));
    server.close(trace.get("server close record"));
    main.into_resumption(&transcript.hash())
}

fn transcript(messages: &[&[u8]]) -> Transcript {
    let mut transcript = Transcript::new();
    messages.iter().for_each(|message| transcript.add(message));
    transcript.start_hash(HashAlgorithm::Sha256);
    transcript
}

#[test]
fn section_3_simple_1_rtt_handshake() {
    let trace = Trace::parse(include_str!("rfc8448/section3.txt"));
    let (derived, kdf) = start();
    let transcript = transcript(&[trace.get("ClientHello"), trace.get("ServerHello")]);
    let shared = exchange(&trace, NamedGroup::x25519);
    let resumption = after_hellos(&trace, transcript, EarlySecret::without_psk(kdf), shared, None);
    // The ticket's nonce is 00 00.
    assert_eq!(resumption.psk(&[0, 0]).expose(), trace.get("PSK"));
    // Every secret from early_secret to PSK.
    derived.check(&trace, 11);
}

#[test]
fn section_4_resumed_0_rtt_handshake() {
    let trace = Trace::parse(include_str!("rfc8448/section4.txt"));
    let (derived, kdf) = start();
    let hello = trace.get("ClientHello");
    let psk = Secret::from(trace.get("PSK"));
    let early_secret = EarlySecret::with_psk(kdf, psk.expose());

    // One binder of 32 bytes, with its length and that of the list.
    let (partial, binders) = hello.split_at(hello.len() - 35);
    let mut sent = Transcript::new();
    sent.add(hello);
    let partial_hash = sent.hash_without_tail(HashAlgorithm::Sha256, 35);
    assert_eq!(partial_hash.as_ref(), transcript(&[partial]).hash().as_ref());
    let binder_key = early_secret.binder_key(PskSource::Resumption);
    assert_eq!(binder_key.binder(&partial_hash).as_ref(), &binders[3..]);
    assert!(binder_key.verify(&partial_hash, &binders[3..]));
    // A binder of another source would be another one.
    let external = early_secret.binder_key(PskSource::External);
    assert!(!external.verify(&partial_hash, &binders[3..]));

    let hello_hash = transcript(&[hello]).hash();
    let early_traffic = early_secret.early_traffic(&hello_hash);
    early_secret.early_exporter(&hello_hash);
    let mut early = Direction::new(&trace, "early", &early_traffic);
    let data = early.pass(trace.get("early data record"));
    assert_eq!(data, (ContentType::APPLICATION_DATA, b"ABCDEF".to_vec()));
    // The last binder_key that was derived has to be the trace's.
    early_secret.binder_key(PskSource::Resumption);

    let transcript = transcript(&[hello, trace.get("ServerHello")]);
    let shared = exchange(&trace, NamedGroup::x25519);
    after_hellos(&trace, transcript, early_secret, shared, Some(early));
    derived.check(&trace, 11);
}

#[test]
fn section_5_hello_retry_request() {
    let trace = Trace::parse(include_str!("rfc8448/section5.txt"));
    let (derived, kdf) = start();
    // The first share was for a group that the server did not want.
    let first = Dealt(trace.get("client private x25519").to_vec());
    let first = EphemeralKey::generate(Group::find(NamedGroup::x25519).unwrap(), &first).unwrap();
    assert!(trace.get("ClientHello1").windows(32).any(|window| window == first.public()));

    let mut transcript = Transcript::new();
    transcript.add(trace.get("ClientHello1"));
    transcript.replace_with_message_hash(HashAlgorithm::Sha256);
    for message in ["HelloRetryRequest", "ClientHello", "ServerHello"] {
        transcript.add(trace.get(message));
    }
    let shared = exchange(&trace, NamedGroup::secp256r1);
    after_hellos(&trace, transcript, EarlySecret::without_psk(kdf), shared, None);
    derived.check(&trace, 9);
}
