//! What a hostile peer can make a connection do: each limit by itself, as a value that was set, with a ceiling on the
//! memory that may be taken before it is reached. Counted is what Rust allocates on the victim's thread; work is counted
//! where it can be, in lookups, and never in seconds.
#![cfg(feature = "legacy")]
#![allow(missing_docs, reason = "a test")]
mod common;
mod puppet;

use common::{Authority, Key, client_config, server_config};
use premaster::{
    BoxFuture, ClientConfig, Connection, Content, Error, Output, ServerConfig,
    config::{ClientResumption, Limits},
    connection::Acceptor,
    error::{Failure, Misbehaved},
    identity::{Credential, ExternalPsk, FindPsk, PskSource},
    resume::SessionCache,
    wire::{
        AlertDescription as Alert, ContentType, ExtensionType, HandshakeType, List, NamedGroup,
        PskKeyExchangeMode,
        extension::{self, Extensions, KeyShareEntry, PskBinderEntry, PskIdentity, push_encoded},
        message::{Asn1Cert, Certificate12, Certificate13, CertificateEntry, NewSessionTicket13, handshake},
        record::{HEADER_LEN, RecordHeader},
    },
};
use puppet::{Part, Puppet, Say, change_client_hello, with_extension};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const KIB: u64 = 1 << 10;

/// Certificates, and configurations with limits.
struct House {
    authority: Authority,
    credential: Arc<Credential>,
    part: Part,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let (chain, key) = authority.issue_der(Key::EcdsaP256, &["localhost"], |_| {});
        let credential = Arc::new(Credential::new(chain.clone(), key.clone_key()).unwrap());
        Self { authority, credential, part: Part::tls13().with_chain(chain, key) }
    }

    fn tls12(&self) -> Part {
        Part { version: puppet::V12, suites: Part::tls12().suites, ..self.part.clone() }
    }

    fn client(&self, limits: Limits) -> Arc<ClientConfig> {
        client_config(&self.authority, |builder| builder.limits(limits))
    }

    fn server(&self, limits: Limits) -> Arc<ServerConfig> {
        server_config(self.credential.clone(), |builder| builder.limits(limits))
    }
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// What some input did to a connection.
struct Outcome {
    error: Option<Error>,
    /// The most that it held at a time, in bytes, beyond what it had before; the alert in the output is part of it.
    peak: u64,
    /// How many records it took.
    records: usize,
}

/// Gives `input` to a connection, record by record, in a buffer that is the caller's: never more than one, so that
/// records can be counted.
fn feed(connection: &mut Connection, input: &[u8]) -> Outcome {
    let mut buffer = vec![0; 1 << 15];
    let (mut error, mut records, mut rest) = (None, 0, input);
    let measured = allocation_counter::measure(|| {
        let mut output = Output::new();
        while !rest.is_empty() {
            let length = record(rest).min(buffer.len());
            let (now, _) = buffer.split_at_mut(length);
            now.copy_from_slice(&rest[..length]);
            match connection.receive(now, &mut output) {
                Err(failed) => {
                    error = Some(failed);
                    break;
                }
                Ok(received) => {
                    if matches!(received.content, Content::NeedMore(_)) {
                        break;
                    }
                    rest = &rest[received.consumed..];
                    records += 1;
                }
            }
        }
    });
    Outcome { error, peak: measured.bytes_max, records }
}

/// How long the first of some records is, or what there is of it.
fn record(bytes: &[u8]) -> usize {
    let header = bytes.first_chunk().map(RecordHeader::decode);
    let length = header.map_or(bytes.len(), |header| HEADER_LEN + usize::from(header.length));
    length.min(bytes.len())
}

/// A message in plaintext records.
fn plain(message: &[u8]) -> Vec<u8> {
    let records = message.chunks(1 << 14);
    records.flat_map(|part| [&[22, 3, 3][..], &(part.len() as u16).to_be_bytes(), part].concat()).collect()
}

/// Records under the puppet's key that the victim has not seen yet.
fn sealed(puppet: &mut Puppet, content_type: ContentType, plaintexts: &[Vec<u8>]) -> Vec<u8> {
    let mut output = Output::new();
    for plaintext in plaintexts {
        if plaintext.is_empty() {
            puppet.sealer.seal(content_type, &[], 0, &mut output).unwrap();
        }
        puppet.sealer.seal_all(content_type, plaintext, 1 << 14, &mut output).unwrap();
    }
    output.as_slice().to_vec()
}

#[track_caller]
fn refused(outcome: &Outcome, misbehaved: Misbehaved, most: u64) {
    assert_eq!(outcome.error, Some(misbehaved.into()), "after {} records", outcome.records);
    assert!(outcome.peak <= most, "{} bytes at a time", outcome.peak);
}

/// A message says how long it is before it is there. What is too long takes no memory at all; what is not takes what
/// came, and not what was promised.
#[test]
fn handshake_message() {
    let house = House::new();
    let limits = limits(|limits| limits.handshake_message = 8 << 10);
    for claimed in [(8 << 10) + 1, 0xff_ffff_u32] {
        let [_, header @ ..] = claimed.to_be_bytes();
        let message = [&[HandshakeType::CLIENT_HELLO.0][..], &header, &[0; 4096]].concat();
        let outcome = feed(&mut Connection::server(house.server(limits.clone())), &plain(&message[..4]));
        refused(&outcome, Misbehaved::MessageTooLong, 2 * KIB);
        let outcome = feed(&mut Connection::server(house.server(limits.clone())), &plain(&message));
        refused(&outcome, Misbehaved::MessageTooLong, 8 * KIB);
    }
    // The promise of a message within the limit, a byte a record.
    let mut connection = Connection::server(house.server(limits));
    let trickle = [&[HandshakeType::CLIENT_HELLO.0, 0, 0x1f, 0xff][..], &[0; 2000]].concat();
    let trickle: Vec<u8> = trickle.iter().flat_map(|byte| plain(&[*byte])).collect();
    let outcome = feed(&mut connection, &trickle);
    assert_eq!((outcome.error, outcome.records), (None, 2004));
    assert!((2000..=8 * KIB).contains(&outcome.peak), "what came, and not much more: {}", outcome.peak);
}

/// Several messages, each within its limit.
#[test]
fn handshake_total() {
    let house = House::new();
    let limits = limits(|limits| limits.handshake_total = 1000);
    let mut puppet = Puppet::server(house.tls12(), house.client(limits));
    puppet.says(&[Say::ServerHello]);
    assert_eq!(puppet.error, None);
    let chain = vec![Asn1Cert(&[0x30; 300]); 4];
    let mut message = Vec::new();
    handshake::encode(&Certificate12 { certificate_list: List::from(&chain) }, &mut message);
    refused(&feed(&mut puppet.victim.connection, &plain(&message)), Misbehaved::MessageTooLong, 16 * KIB);
}

#[test]
fn chain_length() {
    let house = House::new();
    let limits = limits(|limits| limits.chain_length = 3);
    for count in [4, 5000] {
        let mut message = Vec::new();
        let chain = vec![Asn1Cert(&[0x30; 8]); count];
        handshake::encode(&Certificate12 { certificate_list: List::from(&chain) }, &mut message);
        let mut puppet = Puppet::server(house.tls12(), house.client(limits.clone()));
        puppet.says(&[Say::ServerHello]);
        let outcome = feed(&mut puppet.victim.connection, &plain(&message));
        refused(&outcome, Misbehaved::MessageTooLong, 4 * message.len() as u64 + 16 * KIB);

        let mut message = Vec::new();
        let entry = CertificateEntry { data: &[0x30; 8], extensions: Extensions::from_encoded(&[]) };
        let chain = vec![entry; count];
        let chain = Certificate13 { certificate_request_context: &[], certificate_list: List::from(&chain) };
        handshake::encode(&chain, &mut message);
        let mut puppet = Puppet::server(house.part.clone(), house.client(limits.clone()));
        puppet.says(&[Say::ServerHello, Say::EncryptedExtensions]);
        let records = sealed(&mut puppet, ContentType::HANDSHAKE, &[message.clone()]);
        let outcome = feed(&mut puppet.victim.connection, &records);
        refused(&outcome, Misbehaved::MessageTooLong, 4 * message.len() as u64 + 16 * KIB);
    }
}

/// A ClientHello with this many extensions that nobody knows, besides its own.
fn with_unknown(hello: &[u8], count: u16) -> Vec<u8> {
    change_client_hello(hello, |block| {
        let mut out = Vec::new();
        (0..count).for_each(|at| push_encoded(&mut out, ExtensionType(0x4000 + at), &[]));
        out.extend_from_slice(block);
        out
    })
}

#[test]
fn extensions() {
    let house = House::new();
    let mut puppet = Puppet::client(house.part.clone(), house.server(Limits::default()));
    let hello = puppet.make(Say::ClientHello);
    let outcome =
        feed(&mut Connection::server(house.server(Limits::default())), &plain(&with_unknown(&hello, 100)));
    assert_eq!(outcome.error, None);
    for count in [129, 15_000] {
        let hello = with_unknown(&hello, count);
        let outcome = feed(&mut Connection::server(house.server(Limits::default())), &plain(&hello));
        refused(&outcome, Misbehaved::TooManyExtensions, 4 * hello.len() as u64 + 16 * KIB);
    }
    let strict = limits(|limits| limits.extensions = 3);
    let outcome = feed(&mut Connection::server(house.server(strict)), &plain(&hello));
    refused(&outcome, Misbehaved::TooManyExtensions, 8 * KIB);
}

/// wolfSSL, 2025: each share cost an exchange, or a walk through all the others.
#[test]
fn key_shares() {
    let house = House::new();
    let mut puppet = Puppet::client(house.part.clone(), house.server(Limits::default()));
    let hello = puppet.make(Say::ClientHello);
    let with_shares = |count: u16| {
        let groups: Vec<NamedGroup> = (0..count).map(|at| NamedGroup(0x4000 + at)).collect();
        let shares: Vec<_> =
            groups.iter().map(|group| KeyShareEntry { group: *group, key_exchange: &[7] }).collect();
        change_client_hello(&hello, |block| {
            let supported = extension::SupportedGroups { named_group_list: List::from(&groups) };
            let block = with_extension(block, &supported);
            with_extension(&block, &extension::KeyShareClientHello { client_shares: List::from(&shares) })
        })
    };
    for count in [17, 8000] {
        let hello = with_shares(count);
        let outcome = feed(&mut Connection::server(house.server(Limits::default())), &plain(&hello));
        refused(&outcome, Misbehaved::TooManyKeyShares, 4 * hello.len() as u64 + 16 * KIB);
    }
    // Sixteen are no reason to refuse.
    let outcome = feed(&mut Connection::server(house.server(Limits::default())), &plain(&with_shares(16)));
    assert_ne!(outcome.error, Some(Misbehaved::TooManyKeyShares.into()));
    let none = limits(|limits| limits.key_shares = 0);
    let outcome = feed(&mut Connection::server(house.server(none)), &plain(&hello));
    refused(&outcome, Misbehaved::TooManyKeyShares, 8 * KIB);
}

/// Counts how often it is asked.
#[derive(Default)]
struct Asked(AtomicUsize);

impl FindPsk for Asked {
    fn find<'a>(&'a self, _: &'a [u8]) -> BoxFuture<'a, Option<Arc<ExternalPsk>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { None })
    }
}

#[test]
fn pre_shared_keys() {
    let house = House::new();
    for most in [5, 2] {
        let asked = Arc::new(Asked::default());
        let limits = limits(|limits| limits.pre_shared_keys = most);
        let server = server_config(house.credential.clone(), |builder| {
            builder.limits(limits).external_psks(PskSource::Custom(asked.clone()))
        });
        let mut puppet = Puppet::client(house.part.clone(), server.clone());
        let hello = puppet.make(Say::ClientHello);
        let identities = vec![PskIdentity { identity: b"x", obfuscated_ticket_age: 0 }; 1500];
        let binders = vec![PskBinderEntry(&[0; 32]); 1500];
        let hello = change_client_hello(&hello, |block| {
            let modes = [PskKeyExchangeMode::psk_dhe_ke];
            let modes = extension::PskKeyExchangeModes { ke_modes: List::from(&modes) };
            let offer = extension::PreSharedKeyClientHello {
                identities: List::from(&identities),
                binders: List::from(&binders),
            };
            with_extension(&with_extension(block, &modes), &offer)
        });
        let outcome = feed(&mut Connection::server(server), &plain(&hello));
        assert_eq!(outcome.error, None);
        assert_eq!(asked.0.load(Ordering::Relaxed), most);
        assert!(outcome.peak <= 4 * hello.len() as u64 + 32 * KIB, "{}", outcome.peak);
    }
}

/// A connected puppet, and a victim with these limits.
fn connected(house: &House, limits: &Limits) -> [Puppet; 2] {
    let mut client = Puppet::client(house.part.clone(), house.server(limits.clone()));
    client.says(&[Say::ClientHello, Say::Finished]);
    let mut server = Puppet::server(house.part.clone(), house.client(limits.clone()));
    server.says(&[
        Say::ServerHello,
        Say::EncryptedExtensions,
        Say::Certificate,
        Say::CertificateVerify,
        Say::Finished,
    ]);
    assert!(client.is_connected() && server.is_connected());
    [client, server]
}

/// So many records reach a connection, and the next is refused; with little memory.
#[track_caller]
fn flood(puppet: &mut Puppet, content_type: ContentType, plaintext: &[u8], most: usize, error: Misbehaved) {
    let records = sealed(puppet, content_type, &vec![plaintext.to_vec(); most + 1000]);
    let outcome = feed(&mut puppet.victim.connection, &records);
    assert_eq!(outcome.records, most);
    refused(&outcome, error, 4 * KIB);
}

#[test]
fn empty_records_and_warnings() {
    let house = House::new();
    let limits = limits(|limits| (limits.empty_records, limits.warnings) = (7, 3));
    for mut puppet in connected(&house, &limits) {
        flood(&mut puppet, ContentType::APPLICATION_DATA, &[], 7, Misbehaved::TooManyEmptyRecords);
    }
    for mut puppet in connected(&house, &limits) {
        let warning = [1, Alert::user_canceled.0];
        flood(&mut puppet, ContentType::ALERT, &warning, 3, Misbehaved::TooManyWarnings);
    }
}

#[test]
fn key_updates() {
    let house = House::new();
    let limits = limits(|limits| limits.key_updates = 5);
    for mut puppet in connected(&house, &limits) {
        let request = [HandshakeType::KEY_UPDATE.0, 0, 0, 1, 1];
        let mut total = 0;
        for round in 0..6 {
            let record = sealed(&mut puppet, ContentType::HANDSHAKE, &[request.to_vec()]);
            let outcome = feed(&mut puppet.victim.connection, &record);
            total += outcome.peak;
            match round {
                0..5 => assert_eq!(outcome.error, None),
                _ => refused(&outcome, Misbehaved::TooManyKeyUpdates, 4 * KIB),
            }
            // The puppet's own key moves on.
            puppet.error = None;
            puppet.update_write13();
        }
        assert!(total < 64 * KIB);
    }
}

#[test]
fn change_cipher_specs() {
    let house = House::new();
    let limits = limits(|limits| limits.change_cipher_specs = 2);
    let mut puppet = Puppet::client(house.part.clone(), house.server(limits));
    puppet.says(&[Say::ClientHello]);
    let outcome = feed(&mut puppet.victim.connection, &[20, 3, 3, 0, 1, 1].repeat(1000));
    assert_eq!(outcome.records, 2);
    refused(&outcome, Misbehaved::TooManyChangeCipherSpecs, 2 * KIB);
}

/// Those that come together are counted one by one.
#[test]
fn records_of_one_call() {
    let house = House::new();
    for (records, refused) in [(2, false), (3, true), (1000, true)] {
        let limits = limits(|limits| limits.change_cipher_specs = 2);
        let mut puppet = Puppet::client(house.part.clone(), house.server(limits));
        puppet.says(&[Say::ClientHello]);
        let mut input = [20, 3, 3, 0, 1, 1].repeat(records);
        // The start of the next one stays with the caller.
        input.extend([20, 3]);
        let received = puppet.victim.connection.receive(&mut input, &mut Output::new());
        match refused {
            true => assert_eq!(received.unwrap_err(), Misbehaved::TooManyChangeCipherSpecs.into()),
            false => {
                let received = received.unwrap();
                assert_eq!((received.consumed, received.content), (6 * records, Content::Progress));
            }
        }
    }
}

/// A server that sends tickets without end fills neither the cache nor the memory.
#[test]
fn tickets() {
    let house = House::new();
    for most in [2, 8] {
        let sessions = Arc::new(SessionCache::new(100, 100));
        let limits = limits(|limits| limits.tickets = most);
        let client = client_config(&house.authority, |builder| {
            builder.limits(limits).resumption(ClientResumption::with(sessions.clone()))
        });
        let mut puppet = Puppet::server(house.part.clone(), client);
        use Say::*;
        puppet.says(&[ServerHello, EncryptedExtensions, Certificate, CertificateVerify, Finished]);
        let mut message = Vec::new();
        let ticket = NewSessionTicket13 {
            ticket_lifetime: 60,
            ticket_age_add: 1,
            ticket_nonce: &[0],
            ticket: &[7; 5000],
            extensions: Extensions::from_encoded(&[]),
        };
        handshake::encode(&ticket, &mut message);
        let records = sealed(&mut puppet, ContentType::HANDSHAKE, &vec![message; 1000]);
        let outcome = feed(&mut puppet.victim.connection, &records);
        assert_eq!((outcome.error, outcome.records), (None, 1000));
        assert_eq!(sessions.len(), most as usize);
        assert!(outcome.peak <= u64::from(most) * 16 * KIB + 64 * KIB, "{}", outcome.peak);
    }
}

/// Early data for which there is no key.
#[test]
fn skipped_early_data() {
    let house = House::new();
    let limits = limits(|limits| limits.skipped_early_data = 10_000);
    let part = house.part.clone().but(|part| push_encoded(&mut part.more, ExtensionType::EARLY_DATA, &[]));
    let key = Arc::new(ExternalPsk::new("nobody's", premaster::Secret::from(&[1; 32][..])));
    let mut puppet = Puppet::client(part.but(|part| part.psk = Some(key)), house.server(limits));
    puppet.says(&[Say::ClientHello]);
    assert_eq!(puppet.error, None);
    let record = [&[23, 3, 3, 3, 0xe8][..], &[5; 1000]].concat();
    let outcome = feed(&mut puppet.victim.connection, &record.repeat(1000));
    assert_eq!(outcome.records, 9);
    refused(&outcome, Misbehaved::TooMuchEarlyData, 4 * KIB);
}

/// The core has no clock; whoever has one tells it, and the peer hears.
#[test]
fn handshake_time() {
    let house = House::new();
    let mut connection = Connection::server(house.server(Limits::default()));
    let mut output = Output::new();
    assert_eq!(connection.time_out(&mut output), Failure::Deadline.into());
    assert_eq!(connection.receive(&mut [22], &mut output).unwrap_err(), Failure::Deadline.into());
    assert_eq!(output.as_slice().first(), Some(&21));
}

/// Half a record costs nothing, however long the connection is held open.
#[test]
fn half_a_record_is_the_callers() {
    let house = House::new();
    let mut connection = Connection::server(house.server(Limits::default()));
    for length in 1..5 {
        let outcome = feed(&mut connection, &[22, 3, 1, 0x3f, 0xff][..length]);
        assert_eq!((outcome.error, outcome.records, outcome.peak), (None, 0, 0));
    }
}

/// Before a configuration is chosen: records that are all header, and a ClientHello that never ends.
#[test]
fn the_acceptor() {
    let limits = limits(|limits| limits.handshake_message = 8 << 10);
    let mut acceptor = Acceptor::with_limits(limits);
    let trickle = plain(&[HandshakeType::CLIENT_HELLO.0, 0, 0x1f, 0xff]);
    let trickle = [trickle, plain(&[0]).repeat(1 << 20)].concat();
    let mut result = Ok((0, None));
    let measured = allocation_counter::measure(|| result = acceptor.receive(&trickle, &mut Output::new()));
    assert_eq!(result.map(|_| ()).unwrap_err(), Misbehaved::MessageTooLong.into());
    assert!(measured.bytes_max <= 128 * KIB, "{}", measured.bytes_max);
}
