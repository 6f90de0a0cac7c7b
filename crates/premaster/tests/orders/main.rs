//! Every legal order of messages, and every order that is one step away from a legal one.
//!
//! For each version, key exchange, client authentication and way to resume, a grammar generates the legal orders. Then
//! each message is left out, doubled, swapped with its neighbour, cut, lengthened, replaced by each other type, sent early
//! and late, with data squeezed in before it; in both roles. What is still legal must connect, and nothing else may: it
//! ends with the alert that the RFC asks for. The puppet owns its keys and signs the transcript as it really was, so
//! that no refusal is owed to a wrong Finished.
#![cfg(feature = "legacy")]
#![allow(missing_docs, reason = "a test")]
#[path = "../common/mod.rs"]
mod common;
#[path = "../puppet/mod.rs"]
mod puppet;

mod grammar;
mod settings;

use grammar::{Piece, Reading, may_come, may_end, read, sentences, states_after};
use premaster::{
    Error,
    wire::{AlertDescription as Alert, ContentType, HandshakeType, Side},
};
use puppet::{Puppet, Say, V12, V13, rebodied, retyped};
use settings::Setting;

/// What is done to an order.
#[derive(Clone, Debug)]
enum Mutation {
    /// Nothing, or something that only changes the sequence.
    Sequence(Vec<Say>),
    /// The message at this place loses so many bytes at its end, and its header knows.
    Cut(usize, usize),
    /// It gets so many bytes more.
    Longer(usize, usize),
    /// It comes under another type.
    Retyped(usize, u8),
    /// Application data comes before it.
    Data(usize),
    /// An empty handshake record comes before it.
    Empty(usize),
}

const CUTS: [usize; 8] = [1, 2, 3, 5, 8, 13, 21, usize::MAX];
const LONGER: [usize; 5] = [1, 2, 4, 16, 1000];

/// The type on the wire; what is no handshake message has one that no message has.
fn kind(say: Say) -> u8 {
    let kind = match say {
        Say::ClientHello | Say::SecondClientHello => HandshakeType::CLIENT_HELLO,
        Say::HelloRetryRequest | Say::ServerHello => HandshakeType::SERVER_HELLO,
        Say::EncryptedExtensions => HandshakeType::ENCRYPTED_EXTENSIONS,
        Say::Certificate | Say::EmptyCertificate => HandshakeType::CERTIFICATE,
        Say::CertificateStatus => HandshakeType::CERTIFICATE_STATUS,
        Say::ServerKeyExchange => HandshakeType::SERVER_KEY_EXCHANGE,
        Say::CertificateRequest => HandshakeType::CERTIFICATE_REQUEST,
        Say::ServerHelloDone => HandshakeType::SERVER_HELLO_DONE,
        Say::ClientKeyExchange => HandshakeType::CLIENT_KEY_EXCHANGE,
        Say::CertificateVerify => HandshakeType::CERTIFICATE_VERIFY,
        Say::NewSessionTicket => HandshakeType::NEW_SESSION_TICKET,
        Say::Finished => HandshakeType::FINISHED,
        Say::KeyUpdate => HandshakeType::KEY_UPDATE,
        Say::EndOfEarlyData => HandshakeType::END_OF_EARLY_DATA,
        Say::HelloRequest => HandshakeType::HELLO_REQUEST,
        Say::ChangeCipherSpec => HandshakeType(0xf0),
    };
    kind.0
}

fn sequences(order: &[Say], repertoire: &[Say]) -> Vec<Vec<Say>> {
    let mut all = vec![order.to_vec()];
    for at in 0..order.len() {
        let mut dropped = order.to_vec();
        let gone = dropped.remove(at);
        for place in 0..=dropped.len() {
            // Early, late, or swapped with a neighbour.
            if place != at {
                let mut moved = dropped.clone();
                moved.insert(place, gone);
                all.push(moved);
            }
        }
        all.push(dropped);
        let mut doubled = order.to_vec();
        doubled.insert(at, order[at]);
        all.push(doubled);
        for other in repertoire {
            let mut replaced = order.to_vec();
            replaced[at] = *other;
            all.push(replaced);
            let mut inserted = order.to_vec();
            inserted.insert(at, *other);
            all.push(inserted);
        }
    }
    for other in repertoire {
        all.push([order, &[*other]].concat());
    }
    all
}

fn mutations(order: &[Say], repertoire: &[Say]) -> Vec<Mutation> {
    let mut all: Vec<_> = sequences(order, repertoire).into_iter().map(Mutation::Sequence).collect();
    for (at, said) in order.iter().enumerate() {
        all.extend(CUTS.map(|bytes| Mutation::Cut(at, bytes)));
        all.extend(LONGER.map(|bytes| Mutation::Longer(at, bytes)));
        let others = (0..=26).chain([67, 100, 254, 255]).filter(|other| *other != kind(*said));
        if *said != Say::ChangeCipherSpec {
            all.extend(others.map(|other| Mutation::Retyped(at, other)));
        }
        all.push(Mutation::Data(at));
        all.push(Mutation::Empty(at));
    }
    all
}

/// What must become of the victim.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Connected,
    Waiting,
    /// With one of these alerts; with any, if there are none.
    Fails(Vec<Alert>),
}

struct Case<'a> {
    setting: &'a Setting,
    order: &'a [Say],
    mutation: Mutation,
}

impl Case<'_> {
    fn side(&self) -> Side {
        self.setting.side
    }

    /// RFC 5246 section 7.4.1.1: a client may ignore HelloRequest in the middle of a handshake; and as long as no version
    /// is chosen, that one may yet be TLS 1.2.
    fn is_ignored(&self, index: usize, say: Say) -> bool {
        say == Say::HelloRequest
            && self.side() == Side::Server
            && (self.setting.part.version == V12 || index == 0)
    }

    fn states(&self, at: usize) -> Vec<Vec<Piece>> {
        states_after(&self.setting.rules, &self.order[..at])
    }

    fn verdict(&self) -> Verdict {
        let malformed =
            || Verdict::Fails(vec![Alert::decode_error, Alert::illegal_parameter, Alert::decrypt_error]);
        match &self.mutation {
            Mutation::Sequence(sequence) => self.verdict_on_sequence(sequence),
            Mutation::Cut(..) | Mutation::Longer(..) => malformed(),
            Mutation::Retyped(at, other) => {
                let is_request = *other == 0 && self.side() == Side::Server;
                let may = may_come(&self.states(*at), self.repertoire(), |say| kind(say) == *other);
                match may || is_request {
                    true => Verdict::Fails(Vec::new()),
                    false => Verdict::Fails(vec![Alert::unexpected_message]),
                }
            }
            Mutation::Data(_) | Mutation::Empty(_) => Verdict::Fails(vec![Alert::unexpected_message]),
        }
    }

    fn repertoire(&self) -> &'static [Say] {
        Puppet::repertoire(self.side(), self.setting.part.version)
    }

    fn verdict_on_sequence(&self, sequence: &[Say]) -> Verdict {
        let every: Vec<Say> = [self.repertoire(), &[Say::SecondClientHello]].concat();
        let ignored = |index, say| self.is_ignored(index, say);
        match read(&self.setting.rules, sequence, kind, ignored, &every) {
            Reading::Whole => Verdict::Connected,
            Reading::Prefix => Verdict::Waiting,
            Reading::Misplaced(_) => Verdict::Fails(Vec::new()),
            Reading::Wrong(at) => {
                // RFC 5746 section 4.5: whoever begins anew after the handshake is told by name that it may not.
                let before = &sequence[..at];
                let connected = self.verdict_on_sequence(before) == Verdict::Connected;
                let renegotiates =
                    connected && sequence[at] == Say::ClientHello && self.setting.part.version == V12;
                Verdict::Fails(vec![if renegotiates {
                    Alert::no_renegotiation
                } else {
                    Alert::unexpected_message
                }])
            }
        }
    }

    /// Says it all; none if the mutation does not apply.
    fn run(&self) -> Option<Puppet> {
        if let Mutation::Data(at) = self.mutation
            && self.states(at).iter().any(|state| may_end(state))
        {
            // After the handshake that is what it is for.
            return None;
        }
        let mut puppet = self.setting.puppet();
        let sequence = match &self.mutation {
            Mutation::Sequence(sequence) => sequence,
            _ => self.order,
        };
        for (index, say) in sequence.iter().enumerate() {
            if puppet.error.is_some() {
                break;
            }
            let bytes = puppet.make(*say);
            match self.mutation {
                Mutation::Cut(at, cut) if at == index => {
                    let header = if *say == Say::ChangeCipherSpec { 0 } else { 4 };
                    let body = bytes.get(header..)?;
                    if body.is_empty() || (cut > body.len() && cut != usize::MAX) {
                        return None;
                    }
                    let body = &body[..body.len().saturating_sub(cut)];
                    let cut = if header == 0 { body.to_vec() } else { rebodied(&bytes, body) };
                    puppet.say_bytes(*say, &cut);
                }
                Mutation::Longer(at, more) if at == index => {
                    let header = if *say == Say::ChangeCipherSpec { 0 } else { 4 };
                    let body = [&bytes[header..], &vec![0; more]].concat();
                    let longer = if header == 0 { body } else { rebodied(&bytes, &body) };
                    puppet.say_bytes(*say, &longer);
                }
                Mutation::Retyped(at, other) if at == index => {
                    if other == 0 && bytes.len() == 4 {
                        // Nothing is left of it but a HelloRequest, which is ignored.
                        return None;
                    }
                    puppet.say_bytes(*say, &retyped(&bytes, HandshakeType(other)));
                }
                Mutation::Data(at) if at == index => puppet.record(ContentType::APPLICATION_DATA, b"data"),
                Mutation::Empty(at) if at == index => puppet.record(ContentType::HANDSHAKE, b""),
                _ => puppet.say_bytes(*say, &bytes),
            }
        }
        puppet.listen();
        Some(puppet)
    }

    /// Whether the mutation applied.
    fn check(&self) -> bool {
        let Some(mut puppet) = self.run() else { return false };
        let what = || format!("{}: {:?} of {:?}", self.setting.name, self.mutation, self.order);
        assert!(puppet.victim.received.is_empty(), "{}", what());
        match self.verdict() {
            Verdict::Connected => {
                assert!(puppet.is_connected(), "{}: {:?}", what(), puppet.error);
                assert!(!puppet.misheard, "{}", what());
            }
            Verdict::Waiting => {
                assert_eq!(puppet.error, None, "{}", what());
                assert!(!puppet.is_connected(), "{}", what());
                assert_eq!(puppet.victim.connection.end_of_input(), Err(Error::Truncated), "{}", what());
            }
            Verdict::Fails(alerts) => {
                let error = puppet.error.clone().unwrap_or_else(|| panic!("no error: {}", what()));
                let alert = error.alert().unwrap_or_else(|| panic!("{error}: {}", what()));
                assert!(alerts.is_empty() || alerts.contains(&alert), "{error} {alert}: {}", what());
                assert!(!puppet.is_connected());
                // The peer was told: in the clear, or in a record that could be opened or not.
                let last = puppet.wire.last().map(|record| record[0]);
                assert!(matches!(last, Some(21 | 23)), "{}", what());
                assert_eq!(
                    puppet.victim.take(&[23, 3, 3, 0, 1, 0]),
                    Err(error),
                    "it stays closed: {}",
                    what()
                );
            }
        }
        true
    }
}

/// Runs every mutation of every order of every setting; the number of cases.
fn run(settings: Vec<Setting>, at_least: usize) {
    let mut cases = 0;
    for setting in &settings {
        let repertoire = Puppet::repertoire(setting.side, setting.part.version);
        for order in sentences(&setting.rules) {
            for mutation in mutations(&order, repertoire) {
                cases += usize::from(Case { setting, order: &order, mutation }.check());
            }
        }
    }
    println!("{cases} cases");
    assert!(cases >= at_least, "{cases}");
}

#[test]
fn clients_of_tls12_against_a_server() {
    run(settings::clients12(), 4000);
}

#[test]
fn servers_of_tls12_against_a_client() {
    run(settings::servers12(), 6000);
}

#[test]
fn clients_of_tls13_against_a_server() {
    run(settings::clients13(), 4000);
}

#[test]
fn servers_of_tls13_against_a_client() {
    run(settings::servers13(), 6000);
}

/// Both versions and both sides are there.
#[test]
fn settings_cover_what_they_say() {
    let all = [settings::clients12(), settings::servers12(), settings::clients13(), settings::servers13()];
    let all: Vec<_> = all.into_iter().flatten().collect();
    for (side, version) in
        [(Side::Client, V12), (Side::Server, V12), (Side::Client, V13), (Side::Server, V13)]
    {
        let found = all.iter().filter(|one| one.side == side && one.part.version == version).count();
        assert!(found >= 3, "{side:?} {version} {found}");
    }
}
