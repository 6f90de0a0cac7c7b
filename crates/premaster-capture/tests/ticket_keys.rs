//! What the keys of a server's tickets open, and what they do not.
#[path = "../../premaster/tests/common/mod.rs"]
mod common;
mod recording;
mod tape;

use premaster::{
    crypto::SystemRandom,
    observe::Resumed,
    pki_types::UnixTime,
    resume::{Rotation, TicketKeys},
    wire::ProtocolVersion,
};
use premaster_capture::{KeyError, KeyStore, Outcome, Reason, SecretSource};
use recording::{Modern, assert_open, connect, read};
use std::{path::Path, sync::Arc, time::Duration};
use tape::{Link, Tape};

/// Tickets under keys in a file; and, to wait for nothing, keys that ceased to open long ago.
fn with_key_file(path: &Path) -> Modern {
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    let keys = TicketKeys::from_file(path, Some(rotation), UnixTime::now(), &SystemRandom).unwrap();
    Modern { tickets: Arc::new(keys), ..Modern::new() }
}

/// The file as it was, with every time in it long past.
fn aged(file: &str) -> String {
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [id, key, _, _, _] if id.len() == 32 => format!("{id} {key} 1000 2000 3000\n"),
        _ => format!("{line}\n"),
    };
    file.lines().map(line).collect()
}

fn store(file: &str) -> KeyStore {
    let mut keys = KeyStore::new();
    assert!(keys.is_empty());
    assert!(keys.add_ticket_keys(file.as_bytes()).unwrap() >= 1);
    assert!(!keys.is_empty());
    keys
}

#[test]
fn in_tls12_they_open_the_first_session_and_those_that_resume_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tickets");
    let modern = with_key_file(&path);
    let (client, server) = modern.resuming(ProtocolVersion::TLS_1_2, false);
    let mut tape = Tape::new(Link::Ethernet);
    let first = connect(&client, &server, &mut tape);
    let split = tape.packets.len();
    let second = connect(&client, &server, &mut tape);
    let file = std::fs::read_to_string(&path).unwrap();
    for file in [aged(&file), file] {
        let sessions = read(&tape.pcap(), &store(&file));
        assert_open(&sessions[0], &first);
        assert_open(&sessions[1], &second);
        assert_eq!(sessions[0].source, Some(SecretSource::Ticket));
        assert_eq!((sessions[0].resumed, sessions[1].resumed), (Some(Resumed::Full), Some(Resumed::Ticket)));
        let mut only_second = tape.clone();
        only_second.packets.drain(..split);
        let session = read(&only_second.pcap(), &store(&file)).remove(0);
        assert_open(&session, &second);
        assert_eq!(session.source, Some(SecretSource::Ticket));
    }
    let other = directory.path().join("other");
    with_key_file(&other);
    let others = store(&std::fs::read_to_string(&other).unwrap());
    let sessions = read(&tape.pcap(), &others);
    assert!(matches!(sessions[0].outcome, Outcome::Closed(Reason::NoKeyLogLine { .. })), "{sessions:?}");
    let how = Resumed::Ticket;
    assert_eq!(sessions[1].outcome, Outcome::Closed(Reason::TicketDoesNotOpen { how }));
}

#[test]
fn in_tls13_an_ephemeral_exchange_goes_in_beside_the_ticket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tickets");
    let modern = with_key_file(&path);
    let (client, server) = modern.resuming(ProtocolVersion::TLS_1_3, false);
    let mut tape = Tape::new(Link::Ethernet);
    connect(&client, &server, &mut tape);
    connect(&client, &server, &mut tape);
    let sessions = read(&tape.pcap(), &store(&std::fs::read_to_string(&path).unwrap()));
    assert!(matches!(sessions[0].outcome, Outcome::Closed(Reason::NoKeyLogLine { .. })), "{sessions:?}");
    assert_eq!(sessions[1].resumed, Some(Resumed::Psk));
    let (group, source) = (sessions[1].group, SecretSource::Ticket);
    assert!(group.is_some());
    assert_eq!(sessions[1].outcome, Outcome::Closed(Reason::EphemeralBesidePsk { group, source }));
}

#[test]
fn what_is_no_file_of_ticket_keys() {
    let file = "premaster ticket keys, format 1\n";
    for (bytes, line) in [
        (&b""[..], 1),
        (b"\xff\xfe", 1),
        (b"premaster ticket keys, format 2\n", 1),
        (&[file.as_bytes(), b"# fine\nnot a key\n"].concat(), 3),
        (&[file.as_bytes(), b"# fine\n\xff\n"].concat(), 2),
        (&vec![b'\n'; 1 << 17], 1),
    ] {
        let mut keys = KeyStore::new();
        assert_eq!(keys.add_ticket_keys(bytes), Err(KeyError::BadTicketKeys { line }));
    }
}
