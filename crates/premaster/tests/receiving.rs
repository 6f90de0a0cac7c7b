//! Where application data goes: in place, or straight to where the caller wants it.
#![cfg(unix)]
mod common;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    Content, Error, Policy, Stream,
    error::Misbehaved,
    suite::{Protection, Suite},
    wire::ProtocolVersion,
};
use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    thread,
};

/// A pair that has shaken hands, under each protection.
fn pairs() -> impl Iterator<Item = Pair> {
    let suites = [
        (ProtocolVersion::TLS_1_3, "TLS_AES_128_GCM_SHA256"),
        (ProtocolVersion::TLS_1_3, "TLS_CHACHA20_POLY1305_SHA256"),
        (ProtocolVersion::TLS_1_2, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        (ProtocolVersion::TLS_1_2, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    ];
    suites.into_iter().map(|(version, suite)| {
        let authority = Authority::new();
        let suite = Suite::parse(suite).unwrap().code;
        let policy = Policy::COMPATIBLE.with_versions(&[version]).with_cipher_suites(&[suite]);
        let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
        let server = server_config(credential, |builder| builder.policy(policy.clone()));
        let client = client_config(&authority, |builder| builder.policy(policy));
        Pair::new(client, server).handshake().unwrap()
    })
}

#[test]
fn data_goes_where_it_is_wanted_if_there_is_room() {
    for mut pair in pairs() {
        let suite = pair.server.connection.info().unwrap().suite;
        let is_aead = matches!(suite.protection, Protection::Aead(_));
        for len in [1, 100, 1 << 14] {
            let message: Vec<u8> = (0..len).map(|n| n as u8).collect();
            for room in [0, len - 1, len, len + 512] {
                pair.client.connection.send(&message, &mut pair.client.output).unwrap();
                let mut input = pair.client.output.as_slice().to_vec();
                pair.client.output.clear();
                let mut data = vec![0xee; room];
                let (wire, wanted) = (input.as_ptr_range(), data.as_ptr());
                let (server, whole) = (&mut pair.server, input.len());
                let received =
                    server.connection.receive_to(&mut input, &mut data, &mut server.output).unwrap();
                assert_eq!(received.consumed, whole);
                let Content::Data(plaintext) = received.content else { panic!("{received:?}") };
                assert_eq!(plaintext, message);
                match room >= whole - 5 && is_aead {
                    true => assert_eq!(plaintext.as_ptr(), wanted),
                    false => assert!(wire.contains(&plaintext.as_ptr())),
                }
            }
        }
    }
}

#[test]
fn what_is_no_data_does_its_work_all_the_same() {
    for mut pair in pairs() {
        let mut data = vec![0; 1 << 15];
        // New keys in TLS 1.3, and the end.
        let _ = pair.client.connection.update_keys(true, &mut pair.client.output);
        pair.client.connection.send(b"after it", &mut pair.client.output).unwrap();
        pair.client.connection.close(&mut pair.client.output);
        let (mut input, mut at) = (pair.client.output.as_slice().to_vec(), 0);
        let (mut heard, mut closed) = (Vec::new(), false);
        while at < input.len() {
            let server = &mut pair.server;
            let received =
                server.connection.receive_to(&mut input[at..], &mut data, &mut server.output).unwrap();
            match received.content {
                Content::Data(plaintext) => heard.extend_from_slice(plaintext),
                Content::Closed => closed = true,
                Content::Progress => {}
                other => panic!("{other:?}"),
            }
            at += received.consumed;
        }
        assert_eq!((&heard[..], closed), (&b"after it"[..], true));
    }
}

#[test]
fn a_forgery_is_refused() {
    for mut pair in pairs() {
        let message = [0x5a; 1000];
        pair.client.connection.send(&message, &mut pair.client.output).unwrap();
        let mut input = pair.client.output.as_slice().to_vec();
        *input.last_mut().unwrap() ^= 1;
        let mut data = vec![0; 1 << 15];
        let server = &mut pair.server;
        let refused = server.connection.receive_to(&mut input, &mut data, &mut server.output);
        assert!(matches!(refused, Err(Error::Misbehaved(Misbehaved::BadRecordMac))), "{refused:?}");
    }
}

/// Gives as many bytes as come at a time, and no more.
struct Slowly(UnixStream, usize);

impl Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.1);
        self.0.read(&mut buffer[..len])
    }
}

impl Write for Slowly {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn a_blocking_stream_gives_what_was_sent_whatever_is_asked_for() {
    let authority = Authority::new();
    let message: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    for (asked, at_once) in [(1 << 16, 1 << 20), (1 << 14, 10_000), (1000, 100_000), (17_000, 3)] {
        let server = server_config(authority.issue(Key::EcdsaP256, &["localhost"]), |builder| builder);
        let client = client_config(&authority, |builder| builder);
        let (near, far) = UnixStream::pair().unwrap();
        let reading = thread::spawn(move || {
            let mut stream = Stream::accept(server, Slowly(far, at_once)).unwrap();
            let (mut heard, mut buffer) = (Vec::new(), vec![0; asked]);
            loop {
                match stream.read(&mut buffer).unwrap() {
                    0 => break heard,
                    n => heard.extend_from_slice(&buffer[..n]),
                }
            }
        });
        let mut stream = Stream::connect(client, "localhost".try_into().unwrap(), near).unwrap();
        for piece in message.chunks(70_001) {
            stream.write_all(piece).unwrap();
        }
        stream.close().unwrap();
        assert!(reading.join().unwrap() == message);
    }
}
