//! ClientHellos of random configurations, with something odd about them.
use premaster::{
    ClientConfig, Connection, Output, Policy,
    identity::{ChainVerifier, Roots},
    wire::{
        CipherSuite, ExtensionType, List, NamedGroup, ProtocolVersion, SignatureScheme,
        extension::{Extensions, KeyShareClientHello, KeyShareEntry, push, push_encoded},
        message::{ClientHello, handshake},
    },
};
use std::sync::Arc;

/// SplitMix64: the same hellos in every run, but for their keys.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % limit.max(1)
    }

    /// At least one of them, in their order.
    fn some<T: Copy>(&mut self, all: &[T]) -> Vec<T> {
        let kept: Vec<T> = all.iter().copied().filter(|_| self.below(3) > 0).collect();
        if kept.is_empty() { vec![all[self.below(all.len())]] } else { kept }
    }
}

/// What can be odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Oddity {
    Without(ExtensionType),
    Empty(ExtensionType),
    Cut(ExtensionType),
    Longer(ExtensionType),
    Twice(ExtensionType),
    Unknown,
    Reversed,
    NoExtensions,
    LegacyVersion(u16),
    SessionId(usize),
    Compression(&'static [u8]),
    NoSuites,
    FallbackScsv,
    TrailingByte,
    ShareTwice,
    ShareOfUnsupportedGroup,
    ShareOfWrongLength,
    ShareOfZeros,
    ServerName(&'static str),
    Renegotiates,
    NoUncompressedPoints,
    UnaskedCookie,
    EarlyDataWithoutKey,
}

/// TLS_ECDHE_ECDSA with AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305.
const ECDSA: [u16; 3] = [0xc02b, 0xc02c, 0xcca9];
const COMPRESSIONS: [&[u8]; 4] = [&[], &[1], &[1, 0], &[0, 1, 64]];
const VERSIONS: [u16; 7] = [0, 0x0200, 0x0300, 0x0301, 0x0302, 0x0304, 0x7f7f];
const NAMES: [&str; 7] = ["", "127.0.0.1", "a\0b", "LOCALHOST", "localhost.", "a b", "-"];

/// What a configuration offers of what the servers have: P-256 certificates, and X25519, P-256 and P-384.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub tls13: bool,
    pub tls12: bool,
    pub suites13: bool,
    pub suites12: bool,
    pub ecdsa_p256: bool,
    pub p256: bool,
    pub a_group: bool,
    pub a_share: bool,
}

/// A ClientHello, in parts.
#[derive(Clone)]
pub struct Hello {
    pub offer: Offer,
    pub oddities: Vec<Oddity>,
    legacy_version: u16,
    random: [u8; 32],
    session_id: Vec<u8>,
    suites: Vec<CipherSuite>,
    compression_methods: Vec<u8>,
    extensions: Vec<(ExtensionType, Vec<u8>)>,
    no_extensions: bool,
    trailing: bool,
}

impl Hello {
    /// Of a random configuration; none if that has no suite for its versions.
    pub fn random(dice: &mut Dice) -> Option<Self> {
        let versions = match dice.below(4) {
            0 => vec![ProtocolVersion::TLS_1_2],
            1 => vec![ProtocolVersion::TLS_1_3],
            _ => vec![ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2],
        };
        let modern = Policy::MODERN;
        let suites: Vec<CipherSuite> =
            versions.iter().flat_map(|version| modern.suites(*version)).map(|suite| suite.code).collect();
        let groups = dice.some(&[
            NamedGroup::x25519,
            NamedGroup::secp256r1,
            NamedGroup::secp384r1,
            NamedGroup::secp521r1,
        ]);
        let (suites, shares) = (dice.some(&suites), dice.some(&groups));
        let schemes = dice.some(&Policy::MODERN.signature_schemes);
        let is13 = |suite: &CipherSuite| suite.0 >> 8 == 0x13;
        let common = |groups: &[NamedGroup]| groups.iter().any(|group| *group != NamedGroup::secp521r1);
        let offer = Offer {
            tls13: versions.contains(&ProtocolVersion::TLS_1_3),
            tls12: versions.contains(&ProtocolVersion::TLS_1_2),
            suites13: suites.iter().any(is13),
            suites12: suites.iter().any(|suite| ECDSA.contains(&suite.0)),
            ecdsa_p256: schemes.contains(&SignatureScheme::ecdsa_secp256r1_sha256),
            p256: groups.contains(&NamedGroup::secp256r1),
            a_group: common(&groups),
            a_share: common(&shares),
        };
        let policy = modern
            .with_versions(&versions)
            .with_cipher_suites(&suites)
            .with_groups(&groups)
            .with_key_shares(&shares)
            .with_signature_schemes(&schemes);
        let builder = ClientConfig::builder().policy(policy).verifier(ChainVerifier::new(Roots::mozilla()));
        let config = builder.build().ok()?;
        let mut output = Output::new();
        Connection::client(Arc::new(config), "localhost".try_into().unwrap(), &mut output).ok()?;
        let hello = ClientHello::decode(&output.as_slice()[9..]).unwrap();
        let mut own = Self {
            offer,
            oddities: Vec::new(),
            legacy_version: hello.legacy_version.0,
            random: *hello.random,
            session_id: hello.session_id.to_vec(),
            suites: hello.cipher_suites.iter().collect(),
            compression_methods: hello.compression_methods.to_vec(),
            extensions: hello.extensions.iter().map(|(kind, data)| (kind, data.to_vec())).collect(),
            no_extensions: false,
            trailing: false,
        };
        for _ in 0..dice.below(3) {
            own.make_odd(dice);
        }
        Some(own)
    }

    fn make_odd(&mut self, dice: &mut Dice) {
        let at = dice.below(self.extensions.len());
        let Some((kind, data)) = self.extensions.get_mut(at) else { return };
        let kind = *kind;
        let oddity = match dice.below(24) {
            0 | 1 => {
                self.extensions.remove(at);
                Oddity::Without(kind)
            }
            2 => {
                data.clear();
                Oddity::Empty(kind)
            }
            3 => {
                data.pop();
                Oddity::Cut(kind)
            }
            4 => {
                data.push(0);
                Oddity::Longer(kind)
            }
            5 => {
                let again = self.extensions[at].clone();
                self.extensions.push(again);
                Oddity::Twice(kind)
            }
            6 => self.extend(0x4a4a, &[1, 2, 3], Oddity::Unknown),
            7 => {
                self.extensions.reverse();
                Oddity::Reversed
            }
            8 => {
                self.no_extensions = true;
                Oddity::NoExtensions
            }
            9 | 10 => {
                self.legacy_version = VERSIONS[dice.below(VERSIONS.len())];
                Oddity::LegacyVersion(self.legacy_version)
            }
            11 => {
                let len = [0, 5, 31, 33][dice.below(4)];
                self.session_id = vec![7; len];
                Oddity::SessionId(len)
            }
            12 => {
                let methods = COMPRESSIONS[dice.below(COMPRESSIONS.len())];
                self.compression_methods = methods.to_vec();
                Oddity::Compression(methods)
            }
            13 => {
                self.suites.clear();
                Oddity::NoSuites
            }
            14 => {
                self.suites.push(CipherSuite::TLS_FALLBACK_SCSV);
                Oddity::FallbackScsv
            }
            15 => {
                self.trailing = true;
                Oddity::TrailingByte
            }
            16 => self.shares(Oddity::ShareTwice),
            17 => self.shares(Oddity::ShareOfUnsupportedGroup),
            18 => self.shares(Oddity::ShareOfWrongLength),
            19 => self.shares(Oddity::ShareOfZeros),
            20 | 21 => {
                let name = NAMES[dice.below(NAMES.len())];
                self.extensions.retain(|(kind, _)| *kind != ExtensionType::SERVER_NAME);
                let len = name.len() as u8;
                let body = [&[0, len + 3, 0, 0, len], name.as_bytes()].concat();
                self.extend(0, &body, Oddity::ServerName(name))
            }
            22 => match dice.below(3) {
                0 => {
                    self.extensions.retain(|(kind, _)| *kind != ExtensionType::RENEGOTIATION_INFO);
                    self.extend(0xff01, &[2, 9, 9], Oddity::Renegotiates)
                }
                1 => {
                    self.extensions.retain(|(kind, _)| *kind != ExtensionType::EC_POINT_FORMATS);
                    self.extend(11, &[1, 1], Oddity::NoUncompressedPoints)
                }
                _ => self.extend(44, &[0, 1, 9], Oddity::UnaskedCookie),
            },
            _ => self.extend(42, &[], Oddity::EarlyDataWithoutKey),
        };
        self.oddities.push(oddity);
    }

    fn extend(&mut self, kind: u16, data: &[u8], oddity: Oddity) -> Oddity {
        self.extensions.insert(0, (ExtensionType(kind), data.to_vec()));
        oddity
    }

    /// Changes the key shares, if there are any.
    fn shares(&mut self, oddity: Oddity) -> Oddity {
        let place = self.extensions.iter().position(|(kind, _)| *kind == ExtensionType::KEY_SHARE);
        let Some(place) = place else { return oddity };
        let data = self.extensions[place].1.clone();
        let Ok(old) = <KeyShareClientHello<'_> as premaster::wire::extension::Extension>::decode(&data)
        else {
            return oddity;
        };
        let Some(first) = old.client_shares.first() else { return oddity };
        let mut shares = old.client_shares.to_vec();
        let zeros = vec![0; first.key_exchange.len()];
        match oddity {
            Oddity::ShareTwice => shares.push(first),
            Oddity::ShareOfUnsupportedGroup => {
                shares.insert(0, KeyShareEntry { group: NamedGroup::x448, key_exchange: &[9; 56] });
            }
            Oddity::ShareOfWrongLength => shares[0].key_exchange = &first.key_exchange[1..],
            _ => shares[0].key_exchange = &zeros,
        }
        let mut block = Vec::new();
        push(&mut block, &KeyShareClientHello { client_shares: List::from(&shares) });
        self.extensions[place].1 = block[4..].to_vec();
        oddity
    }

    /// One record.
    pub fn record(&self) -> Vec<u8> {
        let mut block = Vec::new();
        self.extensions.iter().for_each(|(kind, data)| push_encoded(&mut block, *kind, data));
        let extensions =
            if self.no_extensions { Extensions::ABSENT } else { Extensions::from_encoded(&block) };
        let hello = ClientHello {
            legacy_version: self.legacy_version.into(),
            random: &self.random,
            session_id: &self.session_id,
            cipher_suites: List::from(&self.suites),
            compression_methods: &self.compression_methods,
            extensions,
        };
        let mut message = Vec::new();
        handshake::encode(&hello, &mut message);
        if self.trailing {
            message.push(0);
            let [_, length @ ..] = (message.len() as u32 - 4).to_be_bytes();
            message[1..4].copy_from_slice(&length);
        }
        [&[22, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat()
    }
}
