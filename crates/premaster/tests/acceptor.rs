//! A ClientHello seen before a configuration is chosen for it.
mod common;

use common::{Authority, Key, client_config, server_config};
use premaster::{
    Connection, Content, Error, Output, Policy,
    connection::{Accepted, Acceptor},
    error::Misbehaved,
    observe::{At, Event, Observer},
    wire::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme},
};
use std::sync::{Arc, Mutex};

fn hello(authority: &Authority) -> (Connection, Vec<u8>) {
    let config = client_config(authority, |builder| builder.alpn(["h2", "http/1.1"]));
    let mut output = Output::new();
    let connection = Connection::client(config, "LocalHost".try_into().unwrap(), &mut output).unwrap();
    (connection, output.as_slice().to_vec())
}

fn accept(records: &[u8]) -> Accepted {
    let (consumed, accepted) = Acceptor::new().receive(records, &mut Output::new()).unwrap();
    assert_eq!(consumed, records.len());
    accepted.unwrap()
}

/// The same message in records of `size` bytes.
fn split(records: &[u8], size: usize) -> Vec<u8> {
    let fragment = |part: &[u8]| [&[22, 3, 1, 0, part.len() as u8], part].concat();
    records[5..].chunks(size).flat_map(fragment).collect()
}

#[test]
fn what_the_client_says() {
    let (_, records) = hello(&Authority::new());
    let accepted = accept(&records);
    let hello = accepted.client_hello();
    assert_eq!(hello.server_name(), Some("localhost"));
    assert_eq!(hello.alpn().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
    assert_eq!(hello.versions(), [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2]);
    assert!(hello.cipher_suites().contains(&CipherSuite::TLS_AES_128_GCM_SHA256));
    assert_eq!(hello.named_groups(), Policy::MODERN.groups.as_ref());
    assert!(hello.named_groups().contains(&NamedGroup::x25519));
    assert!(hello.signature_schemes().contains(&SignatureScheme::ecdsa_secp256r1_sha256));
    assert_eq!(hello.as_bytes(), &records[5..]);
}

/// Records and messages that a server receives.
#[derive(Default)]
struct Seen(Mutex<Vec<u8>>, Mutex<Vec<u8>>);

impl Observer for Seen {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        use premaster::observe::Direction::Received;
        match event {
            Event::Record { direction: Received, bytes } => self.0.lock().unwrap().extend_from_slice(bytes),
            Event::Message { direction: Received, bytes } => self.1.lock().unwrap().extend_from_slice(bytes),
            _ => {}
        }
    }
}

#[test]
fn the_connection_goes_on_where_the_acceptor_stopped() {
    let authority = Authority::new();
    for size in [1, 100, 255] {
        let (mut client, records) = hello(&authority);
        let records = split(&records, size);
        let (mut acceptor, mut output) = (Acceptor::new(), Output::new());
        let mut accepted = None;
        let mut pending = Vec::new();
        for byte in &records {
            assert!(accepted.is_none());
            pending.push(*byte);
            let (consumed, now) = acceptor.receive(&pending, &mut output).unwrap();
            pending.drain(..consumed);
            accepted = now;
        }
        let seen = Arc::new(Seen::default());
        let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
        let config =
            server_config(credential, |builder| builder.alpn(["http/1.1"]).observer(Arc::clone(&seen) as _));
        let mut server = accepted.unwrap().into_connection(config, &mut output).unwrap();
        assert_eq!(*seen.0.lock().unwrap(), records, "the observer sees the records as they came");
        assert_eq!(seen.1.lock().unwrap()[0], 1);

        let mut from_server = output.as_slice().to_vec();
        let mut from_client = Output::new();
        let mut input = from_server.as_mut_slice();
        while !input.is_empty() {
            let consumed = client.receive(input, &mut from_client).unwrap().consumed;
            input = &mut input[consumed..];
        }
        let mut from_client = from_client.as_slice().to_vec();
        let mut input = from_client.as_mut_slice();
        while !input.is_empty() {
            let received = server.receive(input, &mut output).unwrap();
            assert_eq!(received.content, Content::Progress);
            let consumed = received.consumed;
            input = &mut input[consumed..];
        }
        for end in [&client, &server] {
            assert_eq!(end.info().unwrap().alpn.as_deref(), Some(&b"http/1.1"[..]));
        }
    }
}

#[test]
fn the_configuration_may_refuse() {
    let authority = Authority::new();
    let (_, records) = hello(&authority);
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let config = server_config(credential, |builder| builder.alpn(["imap"]));
    let mut output = Output::new();
    let error = accept(&records).into_connection(config, &mut output).unwrap_err();
    assert_eq!(error.alert(), Some(AlertDescription::no_application_protocol));
    assert_eq!(output.as_slice(), [21, 3, 3, 0, 2, 2, AlertDescription::no_application_protocol.0]);
}

#[test]
fn what_is_not_a_client_hello_is_refused() {
    let too_long = [22, 3, 1, 0, 4, 1, 1, 0, 1];
    let cases: [(&[u8], Error); 7] = [
        (b"GET / HTTP/1.1\r\n", Misbehaved::HttpOnTlsPort.into()),
        (&[21, 3, 1, 0, 2, 2, 80], Error::Refused(AlertDescription::internal_error)),
        (&[21, 3, 1, 0, 1, 2], Misbehaved::BadAlert.into()),
        (&[20, 3, 1, 0, 1, 1], Error::Unexpected { expected: "ClientHello", got: "change_cipher_spec" }),
        (&[22, 3, 1, 0, 0], Misbehaved::EmptyHandshakeRecord.into()),
        (&[22, 3, 1, 0, 4, 2, 0, 0, 0], Error::Unexpected { expected: "ClientHello", got: "ServerHello" }),
        (&too_long, Misbehaved::MessageTooLong.into()),
    ];
    for (input, expected) in cases {
        let (mut acceptor, mut output) = (Acceptor::new(), Output::new());
        assert_eq!(acceptor.receive(input, &mut output).unwrap_err(), expected);
        let alert = expected.alert().map(|alert| vec![21, 3, 3, 0, 2, 2, alert.0]).unwrap_or_default();
        assert_eq!(output.as_slice(), alert, "{expected}");
        assert_eq!(acceptor.receive(&[], &mut output).unwrap_err(), expected, "it stays failed");
    }
}

#[test]
fn tiny_records_do_not_take_more_memory() {
    let mut acceptor = Acceptor::new();
    let mut record: &[u8] = &[22, 3, 1, 0, 4, 1, 0, 0xff, 0xff];
    let mut received = 0;
    let error = loop {
        match acceptor.receive(record, &mut Output::new()) {
            Ok((consumed, None)) => received += consumed,
            Ok((_, Some(_))) => panic!("that was no ClientHello"),
            Err(error) => break error,
        }
        record = &[22, 3, 1, 0, 1, 0];
    };
    assert_eq!(error, Misbehaved::MessageTooLong.into());
    assert!(received <= 1 << 17, "{received}");
}

#[test]
fn connections_go_between_threads() {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Connection>();
    is_send_and_sync::<Acceptor>();
    is_send_and_sync::<Accepted>();
}
