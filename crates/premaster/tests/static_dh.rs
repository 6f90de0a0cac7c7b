//! Sessions with static Diffie-Hellman that were recorded with Bouncy Castle: the same randomness gives the same bytes,
//! and what it sent is believed.
#![cfg(feature = "legacy")]
mod common;

use common::End;
use premaster::{
    ClientConfig, Connection, Output, Policy, ServerConfig,
    config::{Clock, LegacyOptIn},
    crypto::random::{Random, RandomFailed},
    identity::{ChainVerifier, Credential, Credentials, Roots},
    pki_types::UnixTime,
    suite::{KeyExchange, Protection, Suite},
    wire::{ProtocolVersion, Side},
};
use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

/// 0, 1, 2, ...: what the recordings were made with.
#[derive(Default)]
struct Counting(Mutex<u8>);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut next = self.0.lock().unwrap();
        for byte in out {
            *byte = *next;
            *next = next.wrapping_add(1);
        }
        Ok(())
    }
}

/// The first of January, 2027.
struct Then;

impl Clock for Then {
    fn now(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(1_798_761_600)))
    }
}

fn testdata(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/static/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// This side, as it was.
fn end(side: Side, suite: &Suite) -> End {
    let policy = Policy::LEGACY.with_versions(&[ProtocolVersion::TLS_1_2]).with_cipher_suites(&[suite.code]);
    let opt_in = LegacyOptIn::for_every_peer("a recording of static DH");
    let mut output = Output::new();
    let connection = match side {
        Side::Client => {
            let mut roots = Roots::new();
            roots.add_pem(&testdata("authority.pem")).unwrap();
            let builder = ClientConfig::builder().policy(policy).verifier(ChainVerifier::new(roots));
            let builder = builder.random(Arc::new(Counting::default())).clock(Arc::new(Then));
            let config = Arc::new(builder.allow_legacy(opt_in).build().unwrap());
            Connection::client(config, "localhost".try_into().unwrap(), &mut output).unwrap()
        }
        Side::Server => {
            let credential = Credential::from_pem(&testdata("dh.pem"), &testdata("dh.key.pem")).unwrap();
            let builder = ServerConfig::builder().policy(policy).credentials(Credentials::always(credential));
            let builder = builder.random(Arc::new(Counting::default())).clock(Arc::new(Then));
            Connection::server(Arc::new(builder.allow_legacy(opt_in).build().unwrap()))
        }
    };
    End::new(connection, output)
}

/// Says what this side said then, when it said it.
fn converse(end: &mut End, said: &mut bool) {
    let (first, expected): (bool, &[u8]) = match end.connection.side() {
        Side::Client => (true, b"retsamerp morf\n"),
        Side::Server => (false, b"from Bouncy Castle\n"),
    };
    let heard = end.received == expected;
    if !*said && !end.connection.is_handshaking() && (first || heard) {
        *said = true;
        end.connection.send(b"from premaster\n", &mut end.output).unwrap();
    }
    if *said && heard && !end.closed {
        end.connection.close(&mut end.output);
    }
}

fn replay(side: Side) {
    let mut replayed = 0;
    // CBC draws its initialisation vectors from the system alone, and does not repeat itself.
    let recorded = |suite: &&Suite| {
        suite.key_exchange == KeyExchange::Dh && matches!(suite.protection, Protection::Aead(_))
    };
    for suite in Suite::ALL.iter().filter(recorded) {
        let recording = testdata(&format!("{}-{}.hex", side.name(), suite.openssl_name));
        let recording = String::from_utf8(recording).unwrap();
        let (mut end, mut said, mut expected) = (end(side, suite), false, Vec::new());
        for line in recording.lines() {
            match line.split_once(' ').unwrap() {
                ("ours", bytes) => expected.extend(unhex(bytes)),
                (_, bytes) => {
                    assert_eq!(end.output.as_slice(), expected, "{}", suite.name());
                    end.take(&unhex(bytes)).unwrap_or_else(|error| panic!("{}: {error}", suite.name()));
                    converse(&mut end, &mut said);
                }
            }
        }
        assert_eq!(end.output.as_slice(), expected, "{}", suite.name());
        assert!(said && end.closed, "{}", suite.name());
        assert_eq!(end.connection.info().unwrap().suite, suite);
        replayed += 1;
    }
    assert_eq!(replayed, 2);
}

#[test]
fn as_client() {
    replay(Side::Client);
}

#[test]
fn as_server() {
    replay(Side::Server);
}
