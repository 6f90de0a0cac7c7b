//! The same ClientHellos to three servers: this one, rustls and OpenSSL. Where one takes a hello and another does not, or
//! they choose different versions, there is a reason, and it is in the table.
#![allow(unreachable_pub, missing_docs, reason = "a test")]
mod hello;
mod reasons;
#[path = "../with_rustls/mod.rs"]
mod with_rustls;

use hello::{Dice, Hello};
use premaster::{
    Connection, Output, Policy, ServerConfig,
    identity::Credentials,
    wire::{extension, message::ServerHello},
};
use premaster_interop::{Authority, Key, connect, need, openssl};
use reasons::{Judge, reason};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    sync::Arc,
};

/// What a server makes of a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// A ServerHello of this version.
    Takes(u16),
    /// A HelloRetryRequest: TLS 1.3, and the rest of the hello may not have been looked at yet.
    Retries,
    /// An alert, or nothing.
    Refuses,
}

impl Answer {
    /// The version that it goes on with.
    pub fn version(self) -> Option<u16> {
        match self {
            Self::Takes(version) => Some(version),
            Self::Retries => Some(0x0304),
            Self::Refuses => None,
        }
    }
}

/// From the first record that a server sends.
fn answer(record: &[u8]) -> Answer {
    if record.first() != Some(&22) {
        return Answer::Refuses;
    }
    // Several messages may share the record.
    let length = usize::from(u16::from_be_bytes([record[7], record[8]]));
    let hello = ServerHello::decode(&record[9..9 + length]).expect("a ServerHello");
    if hello.is_hello_retry_request() {
        return Answer::Retries;
    }
    let version = hello.extensions.get::<extension::SupportedVersionsServerHello>().unwrap();
    Answer::Takes(version.map_or(hello.legacy_version, |version| version.selected_version).0)
}

fn ours(config: &Arc<ServerConfig>, record: &[u8]) -> Answer {
    let (mut output, mut record) = (Output::new(), record.to_vec());
    let _ = Connection::server(config.clone()).receive(&mut record, &mut output);
    answer(output.as_slice())
}

fn of_rustls(config: &Arc<rustls::ServerConfig>, record: &[u8]) -> Answer {
    let mut server = rustls::ServerConnection::new(config.clone()).unwrap();
    server.read_tls(&mut &*record).unwrap();
    // It may have begun to answer before it sees that it cannot.
    let refused = server.process_new_packets().is_err();
    let mut out = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut out).unwrap();
    }
    if refused { Answer::Refuses } else { answer(&out) }
}

fn of_openssl(port: u16, record: &[u8]) -> Answer {
    let mut stream = connect(port);
    stream.write_all(record).unwrap();
    let mut header = [0; 5];
    if stream.read_exact(&mut header).is_err() {
        return Answer::Refuses;
    }
    let mut body = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    match stream.read_exact(&mut body) {
        Ok(()) => answer(&[&header[..], &body].concat()),
        Err(_) => Answer::Refuses,
    }
}

fn hellos(count: usize) -> impl Iterator<Item = Hello> {
    let mut dice = Dice(2026);
    std::iter::repeat_with(move || Hello::random(&mut dice)).flatten().take(count)
}

/// Compares, and says how often they differ for each reason.
fn compare(judge: Judge, answers: impl Iterator<Item = (Hello, Answer, Answer)>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut taken, mut refused, mut unexplained) = (0, 0, Vec::new());
    for (hello, ours, theirs) in answers {
        match ours {
            Answer::Refuses => refused += 1,
            _ => taken += 1,
        }
        // Each has its own order of groups: whether one asks for another share is no difference.
        if ours.version() == theirs.version() {
            continue;
        }
        match reason(judge, &hello, ours, theirs) {
            Some(reason) => *counts.entry(reason).or_default() += 1,
            None => unexplained
                .push(format!("{:?} of {:?}: we {ours:?}, they {theirs:?}", hello.oddities, hello.offer)),
        }
    }
    println!("{taken} taken, {refused} refused here; {judge:?} differs on");
    counts.iter().for_each(|(reason, count)| println!("  {count:4} {reason}"));
    unexplained.sort();
    assert!(unexplained.is_empty(), "{} without a reason:\n{}", unexplained.len(), unexplained.join("\n"));
    assert!(taken >= 100 && refused >= 100, "{taken} {refused}");
}

const HELLOS: usize = 1000;

fn our_server(authority: &Authority, key: Key) -> Arc<ServerConfig> {
    let credential = authority.credential(key);
    let groups = [with_rustls::GROUPS[1], with_rustls::GROUPS[2], with_rustls::GROUPS[3]];
    let policy = Policy::MODERN.with_groups(&groups);
    Arc::new(
        ServerConfig::builder().policy(policy).credentials(Credentials::always(credential)).build().unwrap(),
    )
}

#[test]
fn rustls_as_the_judge() {
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let server = our_server(&authority, Key::P256);
    let provider = with_rustls::provider(&[], &with_rustls::GROUPS[1..]);
    let builder = rustls::ServerConfig::builder_with_provider(provider);
    let builder =
        builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]).unwrap();
    let mut theirs = builder
        .with_no_client_auth()
        .with_single_cert(vec![issued.certificate.clone()], issued.private_key())
        .unwrap();
    theirs.require_ems = true;
    let theirs = Arc::new(theirs);
    compare(
        Judge::Rustls,
        hellos(HELLOS).map(|hello| {
            let record = hello.record();
            let answers = (ours(&server, &record), of_rustls(&theirs, &record));
            (hello, answers.0, answers.1)
        }),
    );
}

#[test]
fn openssl_as_the_judge() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let server = our_server(&authority, Key::P256);
    let groups = ["-groups", "X25519:P-256:P-384", "-cipher", "ECDHE+AESGCM:ECDHE+CHACHA20", "-no_tls1_1"];
    let theirs = openssl::Server::start(&issued, &[&groups[..], &["-rev", "-no_tls1"]].concat());
    compare(
        Judge::OpenSsl,
        hellos(HELLOS).map(|hello| {
            let record = hello.record();
            let answers = (ours(&server, &record), of_openssl(theirs.port, &record));
            (hello, answers.0, answers.1)
        }),
    );
}
