//! A capture of four sessions between OpenSSL and OpenSSL: what opens, and why the rest does not.
use flate2::{Compression, write::GzEncoder};
use premaster::{
    observe::{At, Event, Observer, Resumed},
    suite::KeyExchange,
    wire::{ContentType, NamedGroup, ProtocolVersion, Side},
};
use premaster_capture::{
    Capture, CaptureError, Export, HttpSummary, KeyError, KeyStore, Options, Outcome, Reason, Record,
    SecretSource, Session, embedded_secrets,
};
use std::{
    io::{Read, Write},
    sync::{Arc, Mutex},
};

const CAPTURE: &[u8] = include_bytes!("data/openssl-four-sessions.pcapng");
const KEYS: &[u8] = include_bytes!("data/openssl-four-sessions.keys");
const RSA: &[u8] = include_bytes!("data/openssl-four-sessions.rsa.key.pem");
const OTHER_RSA: &[u8] = include_bytes!("../../premaster/testdata/keys/rsa2048.pk8.der");

fn read(capture: impl Read, keys: &KeyStore) -> (Vec<Session>, Option<CaptureError>) {
    let mut sessions = Vec::new();
    let mut found = None;
    let mut options = Options::default();
    options.limits.plaintext = 1 << 20;
    match Capture::read(capture, keys, options) {
        Ok(capture) => capture.for_each(|item| match item {
            Ok(session) => sessions.push(session),
            Err(error) => found = Some(error),
        }),
        Err(error) => found = Some(error),
    }
    sessions.sort_by_key(|session| session.stream);
    (sessions, found)
}

fn key_log() -> KeyStore {
    let mut keys = KeyStore::new();
    let summary = keys.add_key_log(KEYS);
    assert_eq!((summary.secrets, summary.bad_line_count), (7, 0));
    keys
}

fn rsa() -> KeyStore {
    let mut keys = KeyStore::new();
    assert_eq!(keys.add_private_keys(RSA), Ok(1));
    keys
}

fn outcomes(keys: &KeyStore) -> Vec<Outcome> {
    let (sessions, error) = read(CAPTURE, keys);
    assert_eq!(error, None);
    sessions.into_iter().map(|session| session.outcome).collect()
}

#[test]
fn the_key_log_opens_what_it_has_lines_for() {
    let (sessions, error) = read(CAPTURE, &key_log());
    assert_eq!((sessions.len(), error), (4, None));
    let exchanges: Vec<String> = sessions.iter().map(Session::key_exchange).collect();
    assert_eq!(exchanges, ["x25519", "ECDHE_RSA x25519", "RSA", "x25519"]);
    for session in &sessions[..3] {
        assert_eq!(session.outcome, Outcome::Decrypted);
        assert_eq!(session.source, Some(SecretSource::KeyLog));
        assert_eq!(session.resumed, Some(Resumed::Full));
        assert_eq!(session.server_name.as_deref(), Some("localhost"));
        assert_eq!(session.certificate.as_deref(), Some("CN=localhost"));
        assert_eq!(session.plaintext.client, b"GET / HTTP/1.0\r\n\r\n");
        assert!(session.plaintext.server.starts_with(b"HTTP/1.0 200 ok"));
        assert_eq!(session.records.server.data, session.plaintext.server.len() as u64);
        assert!(session.losses.is_empty() && session.extended_master_secret);
    }
    let versions: Vec<_> = sessions.iter().filter_map(|session| session.version).collect();
    let (v12, v13) = (ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3);
    assert_eq!(versions, [v13, v12, v12, v13]);
    let reason = Reason::NoKeyLogLine {
        exchange: KeyExchange::Tls13,
        group: Some(NamedGroup::x25519),
        have_log: true,
    };
    assert_eq!(sessions[3].outcome, Outcome::Closed(reason));
}

#[test]
fn the_rsa_key_opens_only_what_was_encrypted_to_it() {
    let group = Some(NamedGroup::x25519);
    let ephemeral = |exchange| Outcome::Closed(Reason::EphemeralExchange { exchange, group });
    let expected = [
        ephemeral(KeyExchange::Tls13),
        ephemeral(KeyExchange::Ecdhe),
        Outcome::Decrypted,
        ephemeral(KeyExchange::Tls13),
    ];
    assert_eq!(outcomes(&rsa()), expected);
    let (sessions, _) = read(CAPTURE, &rsa());
    assert_eq!(sessions[2].source, Some(SecretSource::PrivateKey));
}

#[test]
fn without_the_right_key_the_reason_says_which() {
    let subject = || "CN=localhost".to_owned();
    let no_key = Reason::NoPrivateKey { exchange: KeyExchange::Rsa, subject: subject() };
    assert_eq!(outcomes(&KeyStore::new())[2], Outcome::Closed(no_key));
    let mut other = KeyStore::new();
    assert_eq!(other.add_private_keys(OTHER_RSA), Ok(1));
    let wrong = Reason::KeyIsNotThisCertificates { subject: subject() };
    assert_eq!(outcomes(&other)[2], Outcome::Closed(wrong));
    for outcome in outcomes(&other) {
        let reason = outcome.reason().unwrap();
        assert!(reason.needed().is_some(), "{reason}");
        assert!(!reason.is_incomplete() && !reason.to_string().is_empty());
    }
    assert_eq!(KeyStore::new().add_private_keys(b"no key"), Err(KeyError::NotAKey));
    assert_eq!(KeyStore::new().add_private_keys(b""), Err(KeyError::NotAKey));
}

#[test]
fn a_wrong_secret_is_not_taken_for_a_right_one() {
    let text = str::from_utf8(KEYS).unwrap();
    let wrong: String = text
        .lines()
        .map(|line| match line.rsplit_once(' ') {
            Some((front, secret)) if !line.starts_with('#') => {
                format!("{front} {}\n", "00".repeat(secret.len() / 2))
            }
            _ => "\r\n".to_owned(),
        })
        .collect();
    let mut keys = KeyStore::new();
    assert_eq!(keys.add_key_log(wrong.as_bytes()).secrets, 7);
    for outcome in &outcomes(&keys)[..3] {
        let reason = outcome.reason().unwrap();
        assert!(matches!(reason, Reason::WrongSecret { source: SecretSource::KeyLog, .. }), "{reason}");
    }
}

#[test]
fn a_log_that_lacks_the_handshake_still_opens_the_data() {
    let text = str::from_utf8(KEYS).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.contains("HANDSHAKE_TRAFFIC"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut keys = KeyStore::new();
    keys.add_key_log(without.as_bytes());
    let (sessions, _) = read(CAPTURE, &keys);
    assert!(matches!(sessions[0].outcome, Outcome::Partly(Reason::KeyLogLacks { .. })), "{:?}", sessions[0]);
    assert_eq!(sessions[0].plaintext.client, b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(sessions[0].records.server.data, 5190);
}

#[test]
fn compressed_and_in_small_reads() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(CAPTURE).unwrap();
    let gzip = gzip.finish().unwrap();
    let (expected, _) = read(CAPTURE, &key_log());
    for capture in [&gzip[..], CAPTURE] {
        let (sessions, error) = read(Dribble(capture, 1), &key_log());
        assert_eq!(error, None);
        assert_eq!(format!("{sessions:?}"), format!("{expected:?}"));
    }
}

/// Reads a few bytes at a time, as a pipe may.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = (self.1 * 7 + 1) % 601;
        let len = buffer.len().min(self.1 + 1);
        self.0.read(&mut buffer[..len])
    }
}

#[test]
fn a_sink_sees_every_record_and_a_summary_reads_http() {
    let keys = key_log();
    let mut records = 0;
    let mut http = HttpSummary::new();
    let take = |record: &Record<'_>| {
        records += 1;
        assert_eq!(record.stream, 1);
        assert_eq!(
            usize::from(u16::from_be_bytes([record.bytes[3], record.bytes[4]])) + 5,
            record.bytes.len()
        );
        if let (ContentType::APPLICATION_DATA, Some(data)) = (record.content_type, record.plaintext) {
            http.push(record.side, data);
        }
    };
    let sessions: Vec<_> =
        Capture::read(CAPTURE, &keys, Options::default().stream(1).sink(take)).unwrap().collect();
    assert_eq!(sessions.len(), 1);
    assert_eq!(records, 15);
    let messages = http.messages();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!((messages[0].side, &messages[0].line[..]), (Side::Client, "GET / HTTP/1.0"));
    assert_eq!(messages[1].line, "HTTP/1.0 200 ok");
    assert_eq!(messages[1].detail.as_deref(), Some("text/html"));
}

/// Writes down which secrets are derived, and what else happens.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Observer for Diary {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        assert_eq!(at.side, Side::Client);
        let text = match event {
            Event::Derived { secret, how, .. } => format!("{secret} <- {how}"),
            Event::Chose { what, .. } => format!("{what:?}"),
            Event::KeysInstalled { direction, epoch } => format!("{direction:?} {epoch:?}"),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

#[test]
fn an_observer_hears_the_derivations() {
    let keys = rsa();
    let diary = Arc::new(Diary::default());
    let options = Options::default().stream(2).observer(diary.clone());
    assert_eq!(Capture::read(CAPTURE, &keys, options).unwrap().count(), 1);
    let diary = diary.0.lock().unwrap();
    let expected = [
        "Version(TLS 1.2)",
        "CipherSuite(TLS_RSA_WITH_AES_128_GCM_SHA256)",
        "pre_master_secret <- key exchange",
        "master_secret <- PRF \"extended master secret\"",
        "key_block <- PRF \"key expansion\"",
        "client_write_MAC_key <- slice of the key block",
        "server_write_MAC_key <- slice of the key block",
        "client_write_key <- slice of the key block",
        "server_write_key <- slice of the key block",
        "client_write_IV <- slice of the key block",
        "server_write_IV <- slice of the key block",
        "Sent Application(0)",
        "client verify_data <- PRF \"client finished\"",
        "Received Application(0)",
        "server verify_data <- PRF \"server finished\"",
    ];
    assert_eq!(*diary, expected);
}

fn export(capture: &[u8], keys: &KeyStore) -> Vec<u8> {
    let mut copy = Vec::new();
    let options = Options::default().export(Export::new(&mut copy));
    Capture::read(capture, keys, options).unwrap().for_each(|session| drop(session.unwrap()));
    copy
}

#[test]
fn a_copy_carries_its_secrets() {
    for (keys, opened) in [(key_log(), 3), (rsa(), 1), (KeyStore::new(), 0)] {
        let copy = export(CAPTURE, &keys);
        let (sessions, error) = read(&copy[..], &KeyStore::new());
        assert_eq!(error, None);
        assert_eq!(sessions.iter().filter(|session| session.outcome == Outcome::Decrypted).count(), opened);
        let mut embedded = KeyStore::new();
        assert_eq!(embedded_secrets(&copy[..], &mut embedded).unwrap().bad_line_count, 0);
        assert_eq!(embedded.is_empty(), opened == 0);
    }
    assert_eq!(export(CAPTURE, &KeyStore::new()), CAPTURE);
}

#[test]
fn cut_off_anywhere() {
    let keys = key_log();
    let mut incomplete = 0;
    for len in (0..CAPTURE.len()).step_by(13) {
        let (sessions, error) = read(&CAPTURE[..len], &keys);
        assert!(sessions.len() <= 4);
        let is_incomplete = |session: &Session| session.outcome.reason().is_some_and(Reason::is_incomplete);
        incomplete += usize::from(sessions.iter().any(is_incomplete));
        match error {
            None | Some(CaptureError::Truncated { .. } | CaptureError::Empty | CaptureError::NotACapture) => {
            }
            Some(error) => panic!("{len}: {error}"),
        }
    }
    assert!(incomplete > 100, "{incomplete}");
}

#[test]
fn damaged_anywhere() {
    let mut store = key_log();
    store.merge(rsa());
    for at in (0..CAPTURE.len()).step_by(7) {
        let mut damaged = CAPTURE.to_vec();
        damaged[at] ^= 1 << (at % 8);
        let (sessions, _) = read(&damaged[..], &store);
        assert!(sessions.len() <= 8, "{at}");
    }
}

#[test]
fn secrets_are_told_when_the_ends_have_them() {
    let keys = key_log();
    let diary = Arc::new(Diary::default());
    let options = Options::default().stream(0).observer(diary.clone());
    assert_eq!(Capture::read(CAPTURE, &keys, options).unwrap().count(), 1);
    let diary = diary.0.lock().unwrap();
    let at = |start: &str| {
        diary.iter().position(|entry| entry.starts_with(start)).unwrap_or_else(|| panic!("{diary:?}"))
    };
    let order = [
        "client_handshake_traffic_secret <- key log: CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "server_handshake_traffic_secret <- key log: SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "Received Handshake",
        "finished_key",
        "client_application_traffic_secret_0 <- key log: CLIENT_TRAFFIC_SECRET_0",
        "server_application_traffic_secret_0 <- key log: SERVER_TRAFFIC_SECRET_0",
        "Received Application(0)",
        "Sent Application(0)",
    ];
    let places: Vec<usize> = order.iter().map(|entry| at(entry)).collect();
    assert!(places.is_sorted(), "{diary:?}");
    let count = |entry: &str| diary.iter().filter(|other| other.starts_with(entry)).count();
    assert_eq!((count("client_application"), count("server_application"), count("key <-")), (1, 1, 4));
}
