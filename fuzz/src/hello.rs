//! ClientHellos that are well formed, and say anything: to the acceptor, and to servers.
use crate::{common::End, pair};
use arbitrary::{Arbitrary, Unstructured};
use premaster::{
    Connection, Output,
    connection::Acceptor,
    suite::Suite,
    wire::{
        CipherSuite, ExtensionType, List, NamedGroup, ProtocolVersion, SignatureScheme,
        extension::{
            self, Extensions, KeyShareEntry, ProtocolName, PskBinderEntry, PskIdentity, push, push_encoded,
        },
        message::{self, handshake},
    },
};

/// A code point: one of those that mean something, or any.
#[derive(Arbitrary, Debug)]
enum Code {
    Known(u8),
    Any(u16),
}

impl Code {
    fn of(&self, known: &[u16]) -> u16 {
        match self {
            Self::Known(index) => known[usize::from(*index) % known.len()],
            Self::Any(code) => *code,
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Piece {
    ServerName(Vec<u8>),
    Versions(Vec<Code>),
    Groups(Vec<Code>),
    Schemes(Vec<Code>),
    Shares(Vec<(Code, Vec<u8>)>),
    Modes(Vec<u8>),
    Psk(Vec<(Vec<u8>, u32)>, Vec<Vec<u8>>),
    Alpn(Vec<Vec<u8>>),
    Ticket(Vec<u8>),
    Cookie(Vec<u8>),
    Renegotiation(Vec<u8>),
    EarlyData,
    ExtendedMasterSecret,
    EncryptThenMac,
    RecordSizeLimit(u16),
    Other(Code, Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Hello {
    server: u8,
    legacy_version: Code,
    random: [u8; 32],
    session_id: Vec<u8>,
    suites: Vec<Code>,
    compression_methods: Vec<u8>,
    pieces: Vec<Piece>,
}

const VERSIONS: [u16; 6] = [0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 0x7f1c];
const GROUPS: [u16; 10] = [0x11ec, 29, 30, 23, 24, 25, 256, 257, 0x11eb, 0x11ed];
const SCHEMES: [u16; 8] = [0x0403, 0x0503, 0x0603, 0x0804, 0x0401, 0x0807, 0x0201, 0x0203];

fn codes<T: From<u16>>(codes: &[Code], known: &[u16]) -> Vec<T> {
    codes.iter().map(|code| code.of(known).into()).collect()
}

fn at_most(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[..bytes.len().min(most)]
}

fn put(out: &mut Vec<u8>, piece: &Piece) {
    match piece {
        Piece::ServerName(name) => push(out, &extension::ServerName { host_name: at_most(name, 300) }),
        Piece::Versions(versions) => {
            let versions: Vec<ProtocolVersion> = codes(at_most_of(versions, 127), &VERSIONS);
            push(out, &extension::SupportedVersionsClientHello { versions: List::from(&versions) });
        }
        Piece::Groups(groups) => {
            let groups: Vec<NamedGroup> = codes(groups, &GROUPS);
            push(out, &extension::SupportedGroups { named_group_list: List::from(&groups) });
        }
        Piece::Schemes(schemes) => {
            let schemes: Vec<SignatureScheme> = codes(schemes, &SCHEMES);
            push(
                out,
                &extension::SignatureAlgorithms { supported_signature_algorithms: List::from(&schemes) },
            );
        }
        Piece::Shares(shares) => {
            let shares: Vec<_> = shares
                .iter()
                .map(|(group, key)| KeyShareEntry { group: group.of(&GROUPS).into(), key_exchange: key })
                .collect();
            push(out, &extension::KeyShareClientHello { client_shares: List::from(&shares) });
        }
        Piece::Modes(modes) => {
            let modes: Vec<_> = at_most(modes, 255).iter().map(|mode| (*mode).into()).collect();
            push(out, &extension::PskKeyExchangeModes { ke_modes: List::from(&modes) });
        }
        Piece::Psk(identities, binders) => {
            let identities: Vec<_> = identities
                .iter()
                .map(|(identity, age)| PskIdentity { identity, obfuscated_ticket_age: *age })
                .collect();
            let binders: Vec<_> = binders.iter().map(|binder| PskBinderEntry(at_most(binder, 255))).collect();
            let (identities, binders) = (List::from(&identities[..]), List::from(&binders[..]));
            push(out, &extension::PreSharedKeyClientHello { identities, binders });
        }
        Piece::Alpn(names) => {
            let names: Vec<_> = names.iter().map(|name| ProtocolName(at_most(name, 255))).collect();
            push(out, &extension::ProtocolNameList { protocol_name_list: List::from(&names) });
        }
        Piece::Ticket(ticket) => push(out, &extension::SessionTicket { ticket }),
        Piece::Cookie(cookie) => push(out, &extension::Cookie { cookie }),
        Piece::Renegotiation(info) => {
            push(out, &extension::RenegotiationInfo { renegotiated_connection: at_most(info, 255) });
        }
        Piece::EarlyData => push(out, &extension::EarlyData),
        Piece::ExtendedMasterSecret => push(out, &extension::ExtendedMasterSecret),
        Piece::EncryptThenMac => push(out, &extension::EncryptThenMac),
        Piece::RecordSizeLimit(limit) => {
            push(out, &extension::RecordSizeLimit { record_size_limit: *limit });
        }
        Piece::Other(kind, data) => push_encoded(out, ExtensionType(kind.of(&[18, 21, 27, 44, 58])), data),
    }
}

fn at_most_of<T>(all: &[T], most: usize) -> &[T] {
    &all[..all.len().min(most)]
}

impl Hello {
    /// The message, header included.
    fn encode(&self) -> Vec<u8> {
        let known: Vec<u16> = Suite::ALL.iter().map(|suite| suite.code.0).collect();
        let suites: Vec<CipherSuite> = codes(&self.suites, &known);
        let mut block = Vec::new();
        self.pieces.iter().for_each(|piece| put(&mut block, piece));
        let hello = message::ClientHello {
            legacy_version: self.legacy_version.of(&VERSIONS).into(),
            random: &self.random,
            session_id: at_most(&self.session_id, 40),
            cipher_suites: List::from(&suites),
            compression_methods: at_most(&self.compression_methods, 255),
            extensions: Extensions::from_encoded(&block),
        };
        let mut out = Vec::new();
        handshake::encode(&hello, &mut out);
        out
    }
}

/// Says the ClientHello that the bytes describe.
pub fn run(data: &[u8]) {
    // What does not fit its vectors, or a message, cannot be said.
    if data.len() > 1 << 13 {
        return;
    }
    let Ok(hello) = Hello::arbitrary_take_rest(Unstructured::new(data)) else { return };
    say(usize::from(hello.server), &hello.encode());
}

fn say(server: usize, message: &[u8]) {
    let mut output = Output::new();
    let config = pair::servers()[server % pair::servers().len()].clone();
    let records = record(message);
    let mut end = End::new(Connection::server(config.clone()), Output::new());
    let direct = end.take(&records);
    let accepted = Acceptor::new().receive(&records, &mut output);
    match accepted {
        Ok((consumed, Some(accepted))) => {
            assert_eq!(consumed, records.len());
            let seen = accepted.client_hello();
            assert!(seen.server_name().is_none_or(|name| name.is_ascii()));
            let through = accepted.into_connection(config, &mut Output::new());
            assert_eq!(through.map(|_| ()), direct, "the same hello, the same answer");
        }
        Ok((_, None)) => panic!("it was whole"),
        Err(error) => {
            assert!(direct.is_err(), "what is refused without a configuration is refused with any");
            assert!(error.alert().is_some());
            assert_eq!(output.as_slice().first(), Some(&21));
        }
    }
    assert!(end.received.is_empty() && end.connection.info().is_none());
}

/// Records that hold a message.
fn record(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for fragment in message.chunks(1 << 14) {
        out.extend_from_slice(&[22, 3, 1]);
        out.extend_from_slice(&(fragment.len() as u16).to_be_bytes());
        out.extend_from_slice(fragment);
    }
    out
}

/// Structure comes from the fuzzer here: noise of several lengths is as good a start as any.
pub fn seeds() -> Vec<Vec<u8>> {
    (4..11_u32)
        .map(|bits| (0..1 << bits).map(|at: u32| (at.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect())
        .collect()
}
