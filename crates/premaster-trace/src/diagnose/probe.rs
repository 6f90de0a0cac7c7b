//! What a server would have said to another ClientHello.
//!
//! An alert names no list. A ClientHello that differs from the refused one in a single field, and is answered, names
//! the field and what the server wants in it. Nothing more than the answer is looked at: no such handshake goes on.
use super::{Seen, found, lists, seen::Hello};
use crate::{
    build::messages_of,
    model::{Diagnosis, Kind, Side},
    recorder::Recorder,
};
use premaster::{
    exchange::Group,
    observe::{At, Direction, Event, Observer},
    suite::{Protection, Suite},
    wire::{
        CipherSuite, ContentType, ExtensionType as E, HandshakeType, NamedGroup, ProtocolVersion,
        SignatureScheme,
        codec::{block8, block16, put_u16, put_vec8},
        extension::push_encoded,
        record::{HEADER_LEN, RecordHeader},
    },
};

/// In what a ClientHello differs from the one that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Widened {
    CipherSuites,
    Groups,
    Schemes,
    Versions,
    Everything,
    /// As clients wrote before TLS 1.3, with everything that existed then.
    Tls12,
}

/// A ClientHello to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    widened: Widened,
    versions: Vec<ProtocolVersion>,
    suites: Vec<CipherSuite>,
    groups: Vec<NamedGroup>,
    schemes: Vec<SignatureScheme>,
    protocols: Vec<Vec<u8>>,
    name: Option<String>,
}

/// A ClientHello that was tried, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// What was offered.
    pub offer: Offer,
    /// What came back.
    pub answer: Answer,
}

/// What came back for a ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// A ServerHello or HelloRetryRequest, and for TLS 1.2 and before what follows it in the clear.
    Chosen(Chosen),
    /// An alert.
    Refused(String),
    /// Nothing, or nothing that makes sense.
    Nothing,
}

/// What a server chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chosen {
    /// The version.
    pub version: String,
    /// The cipher suite.
    pub suite: String,
    /// The group, if there is one.
    pub group: Option<String>,
    /// The length of the prime in bits, in Diffie-Hellman without a named group.
    pub prime_bits: Option<usize>,
    /// The scheme that it signed with, if that can be seen.
    pub scheme: Option<String>,
}

/// Suites that nobody should use, and that some servers still have nothing better than: RC4 and 3DES.
const OLD_SUITES: [u16; 6] = [0x0004, 0x0005, 0x000a, 0x0013, 0x0016, 0xc012];
const OLD_SCHEMES: [u16; 3] = [0x0201, 0x0202, 0x0203];

impl Offer {
    fn like(hello: &Hello) -> Self {
        fn codes<T>(names: &[String], parse: impl Fn(&str) -> Option<T>, code: impl Fn(u16) -> T) -> Vec<T> {
            let hex = |name: &str| u16::from_str_radix(name.strip_prefix("0x")?, 16).ok();
            names.iter().filter_map(|name| parse(name).or_else(|| hex(name).map(&code))).collect()
        }
        Self {
            widened: Widened::Everything,
            versions: codes(&hello.versions, ProtocolVersion::from_name, ProtocolVersion),
            suites: codes(&hello.suites, CipherSuite::from_name, CipherSuite),
            groups: codes(&hello.groups, NamedGroup::from_name, NamedGroup),
            schemes: codes(&hello.schemes, SignatureScheme::from_name, SignatureScheme),
            protocols: hello.protocols.iter().map(|name| name.clone().into_bytes()).collect(),
            name: hello.name.clone(),
        }
    }

    fn widen(mut self, widened: Widened) -> Self {
        self.widened = widened;
        let all = matches!(widened, Widened::Everything | Widened::Tls12);
        let add = |codes: &mut Vec<u16>, more: &mut dyn Iterator<Item = u16>| {
            for code in more {
                if !codes.contains(&code) {
                    codes.push(code);
                }
            }
        };
        // A suite belongs to a version: more versions are of no use without their suites.
        if all || matches!(widened, Widened::CipherSuites | Widened::Versions) {
            let mut codes: Vec<u16> = self.suites.iter().map(|code| code.0).collect();
            let mut known: Vec<&Suite> =
                Suite::ALL.iter().filter(|suite| suite.key_exchange.has_certificate()).collect();
            // The best first: many servers leave the choice to the client.
            known.sort_by_key(|suite| {
                (!suite.is_forward_secret(), matches!(suite.protection, Protection::Cbc { .. }))
            });
            add(&mut codes, &mut known.iter().map(|suite| suite.code.0).chain(OLD_SUITES));
            self.suites = codes.into_iter().map(CipherSuite).collect();
        }
        if all || widened == Widened::Groups {
            let mut codes: Vec<u16> = self.groups.iter().map(|code| code.0).collect();
            add(&mut codes, &mut Group::ALL.iter().map(|group| group.code.0));
            self.groups = codes.into_iter().map(NamedGroup).collect();
        }
        if all || widened == Widened::Schemes {
            let mut codes: Vec<u16> = self.schemes.iter().map(|code| code.0).collect();
            add(&mut codes, &mut SignatureScheme::KNOWN.iter().map(|code| code.0).chain(OLD_SCHEMES));
            self.schemes = codes.into_iter().map(SignatureScheme).collect();
        }
        if all || widened == Widened::Versions {
            self.versions = [0x0304, 0x0303, 0x0302, 0x0301].map(ProtocolVersion).to_vec();
        }
        if widened == Widened::Tls12 {
            self.versions.retain(|version| *version < ProtocolVersion::TLS_1_3);
        }
        self
    }

    /// The record to send. It has no key share, so that no key is made for it.
    pub fn record(&self, random: &[u8; 32]) -> Vec<u8> {
        let mut message = vec![HandshakeType::CLIENT_HELLO.0, 0, 0, 0];
        put_u16(&mut message, ProtocolVersion::TLS_1_2.0);
        message.extend_from_slice(random);
        put_vec8(&mut message, &[]);
        block16(&mut message, |out| self.suites.iter().for_each(|code| put_u16(out, code.0)));
        put_vec8(&mut message, &[0]);
        block16(&mut message, |out| self.extensions(out));
        let length = (message.len() - 4).to_be_bytes();
        if let (Some(into), [.., a, b, c]) = (message.get_mut(1..4), length) {
            into.copy_from_slice(&[a, b, c]);
        }
        let header = RecordHeader {
            content_type: ContentType::HANDSHAKE,
            version: ProtocolVersion::TLS_1_0,
            length: u16::try_from(message.len()).unwrap_or(u16::MAX),
        };
        [&header.encode()[..], &message].concat()
    }

    fn extensions(&self, out: &mut Vec<u8>) {
        let mut data = Vec::new();
        let mut push = |kind: E, write: &dyn Fn(&mut Vec<u8>)| {
            data.clear();
            write(&mut data);
            push_encoded(out, kind, &data);
        };
        if let Some(name) = &self.name {
            push(E::SERVER_NAME, &|out| {
                block16(out, |out| {
                    out.push(0);
                    block16(out, |out| out.extend_from_slice(name.as_bytes()));
                });
            });
        }
        if !self.groups.is_empty() {
            let list = |out: &mut Vec<u8>| self.groups.iter().for_each(|code| put_u16(out, code.0));
            push(E::SUPPORTED_GROUPS, &|out| block16(out, list));
            push(E::EC_POINT_FORMATS, &|out| put_vec8(out, &[0]));
        }
        if !self.schemes.is_empty() {
            let list = |out: &mut Vec<u8>| self.schemes.iter().for_each(|code| put_u16(out, code.0));
            push(E::SIGNATURE_ALGORITHMS, &|out| block16(out, list));
        }
        if !self.protocols.is_empty() {
            let list = |out: &mut Vec<u8>| self.protocols.iter().for_each(|name| put_vec8(out, name));
            push(E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, &|out| block16(out, list));
        }
        push(E::EXTENDED_MASTER_SECRET, &|_| ());
        push(E::RENEGOTIATION_INFO, &|out| put_vec8(out, &[]));
        if self.versions.contains(&ProtocolVersion::TLS_1_3) {
            let list = |out: &mut Vec<u8>| self.versions.iter().for_each(|code| put_u16(out, code.0));
            push(E::SUPPORTED_VERSIONS, &|out| block8(out, list));
            push(E::PSK_KEY_EXCHANGE_MODES, &|out| put_vec8(out, &[1]));
            push(E::KEY_SHARE, &|out| block16(out, |_| ()));
        }
    }
}

/// How much of an answer is looked at, in bytes: a chain of certificates may stand before what is of interest.
const MOST: usize = 1 << 16;

impl Answer {
    /// What these bytes of the server's say; none if more are needed.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let recorder = Recorder::new();
        let mut rest = bytes.get(..MOST).unwrap_or(bytes);
        while let Some(header) = rest.first_chunk::<HEADER_LEN>().map(RecordHeader::decode) {
            let known = [ContentType::HANDSHAKE, ContentType::ALERT, ContentType::CHANGE_CIPHER_SPEC];
            if !known.contains(&header.content_type) {
                return Some(Self::Nothing);
            }
            let Some((record, after)) = rest.split_at_checked(HEADER_LEN + usize::from(header.length)) else {
                break;
            };
            let at = At { side: premaster::wire::Side::Client, client_random: None };
            recorder.observe(at, Event::Record { direction: Direction::Received, bytes: record });
            rest = after;
        }
        recorder.with_logs(|logs| {
            let messages = messages_of(logs);
            if let Some(alert) = messages.iter().find(|whole| whole.is("Alert")) {
                let description = alert.find("description").and_then(|leaf| leaf.decoded.clone());
                return Some(Self::Refused(description.unwrap_or_default()));
            }
            let find = |name: &str| messages.iter().find(|whole| whole.is(name));
            let hello = find("ServerHello").or_else(|| find("HelloRetryRequest"))?;
            let says = |name: &str| hello.find(name).and_then(|leaf| leaf.decoded.clone());
            let mut chosen = Chosen {
                version: says("selected_version").or_else(|| says("legacy_version")).unwrap_or_default(),
                suite: says("cipher_suite").unwrap_or_default(),
                group: says("selected_group").or_else(|| says("group")),
                ..Chosen::default()
            };
            if let Some(exchange) = find("ServerKeyExchange") {
                chosen.group = exchange.find("namedcurve").and_then(|leaf| leaf.decoded.clone());
                chosen.scheme = exchange.find("algorithm").and_then(|leaf| leaf.decoded.clone());
                chosen.prime_bits = exchange.find("dh_p").map(|leaf| 8 * leaf.length);
            }
            let whole =
                chosen.version == "TLS 1.3" || find("ServerHelloDone").is_some() || bytes.len() >= MOST;
            whole.then_some(Self::Chosen(chosen))
        })
    }
}

/// What is worth trying when a ClientHello got no answer, in this order and until one is answered.
pub(crate) fn offers(seen: &Seen<'_>) -> Vec<Offer> {
    let unanswered = seen.observed == [Side::Client] && !seen.has_server_hello();
    let asked = seen.lost.is_some() || seen.refusal.is_some_and(|(by, _)| by == Side::Server);
    let Some(hello) = seen.hello().filter(|_| unanswered && asked && seen.found.is_none()) else {
        return Vec::new();
    };
    let fields = [Widened::Groups, Widened::Schemes, Widened::CipherSuites, Widened::Versions];
    let fields = fields.into_iter().filter(|_| seen.refusal.is_some());
    let all = fields.chain([Widened::Everything, Widened::Tls12]);
    all.map(|widened| Offer::like(&hello).widen(widened)).collect()
}

fn answered<'a>(seen: &Seen<'a>, widened: Widened) -> Option<&'a Chosen> {
    let probed = seen.circumstances.probed.iter().find(|probed| probed.offer.widened == widened)?;
    match &probed.answer {
        Answer::Chosen(chosen) => Some(chosen),
        _ => None,
    }
}

/// The field that had to be widened for the server to answer, and what it wants in it.
pub(super) fn compare(seen: &Seen<'_>) -> Option<Diagnosis> {
    let hello = seen.hello()?;
    let widened =
        [Widened::Groups, Widened::Schemes, Widened::CipherSuites, Widened::Versions, Widened::Everything];
    let (widened, chosen) =
        widened.into_iter().find_map(|widened| Some((widened, answered(seen, widened)?)))?;
    if let Some(bits) = chosen.prime_bits.filter(|bits| *bits < 2048) {
        return Some(found::weak_dh(seen, Some(bits)));
    }
    if !hello.versions.contains(&chosen.version) {
        return Some(lists::version(seen, hello.versions, vec![chosen.version.clone()]));
    }
    if !hello.suites.contains(&chosen.suite) {
        return Some(lists::suite(seen, hello.suites, vec![chosen.suite.clone()], ""));
    }
    if let Some(group) = chosen.group.as_ref().filter(|group| !hello.groups.contains(group)) {
        return Some(lists::group(seen, hello.groups, vec![group.clone()]));
    }
    let signs = chosen.scheme.iter().cloned().collect();
    (widened == Widened::Schemes).then(|| lists::scheme(seen, Side::Server, hello.schemes, signs))
}

/// The server answers only to a ClientHello that is older, or smaller.
pub(super) fn intolerance(seen: &Seen<'_>) -> Option<Diagnosis> {
    let hello = seen.hello()?;
    if answered(seen, Widened::Everything).is_some() {
        let large = hello.length > super::lost::ONE_PACKET && seen.lost.is_some();
        return large.then(|| super::lost::large(seen, hello.length, &hello.shares));
    }
    let chosen = answered(seen, Widened::Tls12)?;
    let what = format!(
        "the server cannot cope with a ClientHello that offers {}: to one that does not it answers with {}",
        hello.versions.first().map_or("a newer version", String::as_str),
        chosen.version
    );
    let diagnosis = super::advice::verdict(
        Kind::VersionIntolerance,
        Side::Server,
        "supported_versions",
        "RFC 9846 section 4.2.1",
        what,
    )
    .change(
        seen,
        Side::Server,
        "update it, or what stands before it: it has to ignore extensions that it does not know",
        super::advice::How::Words,
    );
    let diagnosis = super::advice::version(diagnosis, seen, Side::Client, &chosen.version);
    Some(diagnosis.lists(hello.versions, vec![chosen.version.clone()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnose::seen::names, dissect};

    #[test]
    fn an_offer_is_a_client_hello_that_differs_in_one_field() {
        let hello = Hello {
            versions: vec!["TLS 1.3".into(), "TLS 1.2".into()],
            suites: vec!["TLS_AES_128_GCM_SHA256".into(), "0xc0ff".into()],
            groups: vec!["x25519".into()],
            schemes: vec!["ed25519".into()],
            name: Some("example.org".into()),
            ..Hello::default()
        };
        let read = |widened| {
            let record = Offer::like(&hello).widen(widened).record(&[7; 32]);
            assert!(record.len() < super::super::lost::ONE_PACKET, "{widened:?}: {}", record.len());
            let mut context = dissect::Context::default();
            let dissected = dissect::handshake(&record[5..], &mut context, premaster::wire::Side::Client);
            let list = |name: &str| dissected.fields.iter().find_map(|field| field.find(name)).map(names);
            (list("versions"), list("cipher_suites"), list("named_group_list"))
        };
        let (versions, suites, groups) = read(Widened::CipherSuites);
        assert_eq!((versions, groups), (Some(hello.versions.clone()), Some(hello.groups.clone())));
        assert!(suites.unwrap().len() > 50);
        let (versions, suites, groups) = read(Widened::Groups);
        assert_eq!((versions.unwrap(), suites.unwrap().len()), (hello.versions.clone(), 2));
        assert!(groups.unwrap().len() > 5);
        assert_eq!(read(Widened::Tls12).0, None);
        assert_eq!(read(Widened::Everything).0.unwrap().last().unwrap(), "TLS 1.0");
    }

    #[test]
    fn an_answer_is_read_as_far_as_it_has_come() {
        assert_eq!(Answer::read(b""), None);
        assert_eq!(Answer::read(b"HTTP/1.1 400"), Some(Answer::Nothing));
        assert_eq!(Answer::read(&[21, 3, 3, 0, 2, 2]), None);
        assert_eq!(Answer::read(&[21, 3, 3, 0, 2, 2, 40]), Some(Answer::Refused("handshake_failure".into())));
        let hello = [&[2, 0, 0, 38, 3, 1][..], &[1; 32], &[0, 0, 0x2f, 0]].concat();
        let done = [14, 0, 0, 0];
        let record = |bytes: &[u8]| [&[22, 3, 1, 0, bytes.len() as u8][..], bytes].concat();
        assert_eq!(Answer::read(&record(&hello)), None);
        let Some(Answer::Chosen(chosen)) = Answer::read(&[record(&hello), record(&done)].concat()) else {
            panic!()
        };
        assert_eq!(
            (chosen.version.as_str(), chosen.suite.as_str()),
            ("TLS 1.0", "TLS_RSA_WITH_AES_128_CBC_SHA")
        );
    }
}
