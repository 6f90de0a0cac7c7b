//! Why two servers do not agree on a ClientHello: the table of all differences that there are.
use crate::{
    Answer,
    hello::{Hello, Oddity},
};
use premaster::wire::ExtensionType as Type;

/// With whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    Rustls,
    OpenSsl,
}

/// In words, and whether it is the reason of a difference: who the judge is, what was offered, and the answer of
/// whoever took it.
type Reason = (&'static str, fn(Judge, &Hello, Answer) -> bool);

/// Where the other one takes a hello and we do not.
const WE_REFUSE: [Reason; 10] = [
    (
        "they ask for another share before they look at the signature schemes, of which none fits",
        |_, hello, theirs| theirs == Answer::Retries && !hello.offer.ecdsa_p256,
    ),
    ("they chose another group, and did not look at the broken share", |_, hello, theirs| {
        theirs.version() == Some(0x0304) && hello.has(&[Oddity::ShareOfWrongLength, Oddity::ShareOfZeros])
    }),
    (
        "a certificate on a curve that the client does not support (RFC 8422 section 5.3)",
        |judge, hello, theirs| judge == Judge::Rustls && theirs == Answer::Takes(0x0303) && !hello.offer.p256,
    ),
    ("a share for a group that is not in supported_groups (RFC 9846 section 4.2.8)", |judge, hello, _| {
        judge == Judge::Rustls && hello.has(&[Oddity::ShareOfUnsupportedGroup])
    }),
    ("two shares for one group (RFC 9846 section 4.2.8)", |judge, hello, _| {
        judge == Judge::OpenSsl && hello.has(&[Oddity::ShareTwice])
    }),
    ("FALLBACK_SCSV, with a version below ours (RFC 7507)", |judge, hello, theirs| {
        judge == Judge::Rustls && theirs == Answer::Takes(0x0303) && hello.has(&[Oddity::FallbackScsv])
    }),
    ("a name that is no DNS name (RFC 6066 section 3)", |judge, hello, _| {
        let address = Oddity::ServerName("127.0.0.1");
        let names = ["", "a\0b", "a b", "-", "localhost."].map(Oddity::ServerName);
        hello.has(&[address]) || judge == Judge::OpenSsl && hello.has(&names)
    }),
    (
        "a malformed extension of TLS 1.2, which they do not read in TLS 1.3 (RFC 9846 section 6.2)",
        |judge, hello, theirs| {
            const OF_TLS12: [Type; 3] =
                [Type::EXTENDED_MASTER_SECRET, Type::EC_POINT_FORMATS, Type::RENEGOTIATION_INFO];
            let skipped = |oddity: &Oddity| malformed(*oddity).is_some_and(|kind| OF_TLS12.contains(&kind));
            judge == Judge::OpenSsl && theirs.version() == Some(0x0304) && hello.oddities.iter().any(skipped)
        },
    ),
    ("no extended_master_secret (RFC 7627), which we insist on", |_, hello, theirs| {
        theirs == Answer::Takes(0x0303) && hello.has(&[Oddity::Without(Type::EXTENDED_MASTER_SECRET)])
    }),
    ("no renegotiation_info (RFC 5746), which we insist on", |_, hello, theirs| {
        theirs == Answer::Takes(0x0303) && hello.has(&[Oddity::Without(Type::RENEGOTIATION_INFO)])
    }),
];

/// Where we take a hello and the other one does not.
const THEY_REFUSE: [Reason; 4] = [
    (
        "we ask for another share before we look at the signature schemes, of which none fits",
        |_, hello, ours| ours == Answer::Retries && !hello.offer.ecdsa_p256,
    ),
    (
        "ECDSA on P-256 with the hash of another curve, which TLS 1.2 allows (RFC 5246 section 7.4.1.4.1)",
        |judge, hello, ours| {
            judge == Judge::Rustls && ours == Answer::Takes(0x0303) && !hello.offer.ecdsa_p256
        },
    ),
    ("no supported_groups: the server may choose (RFC 8422 section 4)", |_, hello, ours| {
        ours == Answer::Takes(0x0303) && hello.has(&[Oddity::Without(Type::SUPPORTED_GROUPS)])
    }),
    (
        "a legacy_version that does not count beside supported_versions (RFC 9846 section 4.1.2)",
        |judge, hello, ours| {
            let old = [0, 0x0200, 0x0300, 0x0301, 0x0302].map(Oddity::LegacyVersion);
            judge == Judge::OpenSsl && ours.version() == Some(0x0304) && hello.has(&old)
        },
    ),
];

fn malformed(oddity: Oddity) -> Option<Type> {
    match oddity {
        Oddity::Empty(kind) | Oddity::Cut(kind) | Oddity::Longer(kind) => Some(kind),
        _ => None,
    }
}

impl Hello {
    /// Whether it has one of these oddities.
    fn has(&self, any: &[Oddity]) -> bool {
        self.oddities.iter().any(|oddity| any.contains(oddity))
    }
}

/// The reason of a difference, if it is one that is known. Two versions have none.
pub fn reason(judge: Judge, hello: &Hello, ours: Answer, theirs: Answer) -> Option<&'static str> {
    let (table, taken) = match (ours, theirs) {
        (Answer::Refuses, taken) => (&WE_REFUSE[..], taken),
        (taken, Answer::Refuses) => (&THEY_REFUSE[..], taken),
        _ => return None,
    };
    table.iter().find(|(_, applies)| applies(judge, hello, taken)).map(|(reason, _)| *reason)
}
