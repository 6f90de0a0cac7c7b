//! The classes of Bleichenbacher (1998) and Marvin (2023): what is wrong with an EncryptedPreMasterSecret.
use crate::door::{Bank, Door, Kind, timed};
use bench_pki::RsaServer;
use fastrand::Rng;
use premaster::{
    ClientConfig, Connection, Content, Output, Policy, ServerConfig,
    config::LegacyOptIn,
    crypto::{Random, SystemRandom},
    exchange::{KeyLimits, StaticKey},
    identity::{ChainVerifier, Credential, Credentials, Roots},
    pki_types::{PrivateKeyDer, pem::PemObject},
    wire::{CipherSuite, ProtocolVersion},
};
use premaster_ffi::rsa::{PrivateKey, PublicKey};
use std::sync::Arc;

const OFFERED: ProtocolVersion = ProtocolVersion::TLS_1_2;
const PREMASTER_LEN: usize = 48;

/// What the encrypted message is.
#[derive(Clone, Copy)]
enum Class {
    WellFormed,
    WrongVersion,
    NoSeparator,
    Short,
    Empty,
    WrongBlockType,
    ZeroInPadding,
    SmallNumber,
}

const ALL: [Class; 8] = [
    Class::WellFormed,
    Class::WrongVersion,
    Class::NoSeparator,
    Class::Short,
    Class::Empty,
    Class::WrongBlockType,
    Class::ZeroInPadding,
    Class::SmallNumber,
];

impl Class {
    fn name(self) -> String {
        match self {
            Self::WellFormed => "well-formed",
            Self::WrongVersion => "wrong version",
            Self::NoSeparator => "no 00 before the premaster secret, nor in it",
            Self::Short => "premaster secret of 47 bytes",
            Self::Empty => "premaster secret of 0 bytes",
            Self::WrongBlockType => "block type 01",
            Self::ZeroInPadding => "00 in the padding",
            Self::SmallNumber => "a small number: 100 bytes of 00",
        }
        .to_owned()
    }

    /// `00 02 PS 00 version random`, or what this class makes of it.
    fn message(self, len: usize, random: &mut Rng) -> Vec<u8> {
        let mut message: Vec<u8> = (0..len).map(|_| random.u8(1..)).collect();
        let separator = len - PREMASTER_LEN - 1;
        (message[0], message[1], message[separator]) = (0, 2, 0);
        message[separator + 1..separator + 3].copy_from_slice(&OFFERED.0.to_be_bytes());
        match self {
            Self::WellFormed => {}
            Self::WrongVersion => message[separator + 1] = 2,
            Self::NoSeparator => message[separator] = 0x55,
            Self::Short => (message[separator], message[separator + 1]) = (0x55, 0),
            Self::Empty => (message[separator], message[len - 1]) = (0x55, 0),
            Self::WrongBlockType => message[1] = 1,
            Self::ZeroInPadding => message[2 + random.usize(..8)] = 0,
            Self::SmallNumber => message[..100].fill(0),
        }
        message
    }
}

/// A server's key, and messages that were encrypted to it.
struct Keys {
    server: RsaServer,
    der: PrivateKeyDer<'static>,
    public: PublicKey,
}

impl Keys {
    fn new() -> Self {
        let server = RsaServer::make();
        let der = PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).unwrap();
        let public = PublicKey::from_spki(&server.spki).unwrap();
        Self { server, der, public }
    }

    fn private(&self) -> PrivateKey {
        PrivateKey::from_der(self.der.secret_der()).unwrap()
    }

    fn bank(&self, classes: &[Class], wrap: impl Fn(&[u8]) -> Vec<u8>) -> Bank {
        let private = self.private();
        Bank::new(classes.len(), |class, random| {
            let message = classes[class].message(self.public.len(), random);
            let (mut encrypted, mut back) = (vec![0; message.len()], vec![0; message.len()]);
            self.public.encrypt_raw(&message, &mut encrypted).unwrap();
            private.decrypt_raw(&encrypted, &mut back).unwrap();
            assert_eq!(message, back);
            wrap(&encrypted)
        })
    }
}

fn names(classes: &[Class]) -> Vec<String> {
    classes.iter().map(|class| class.name()).collect()
}

/// Where a server opens what a client encrypted to its certificate.
pub fn open() -> Door {
    let keys = Keys::new();
    let key = StaticKey::from_der(keys.der.secret_der(), &KeyLimits::STANDARD).unwrap();
    let mut bank = keys.bank(&ALL, <[u8]>::to_vec);
    Door {
        name: "RSA key exchange, StaticKey::open",
        kind: Kind::Real,
        classes: names(&ALL),
        measure: Box::new(move |class| {
            let reply = bank.draw(class);
            timed(|| key.open(reply, OFFERED, &SystemRandom).unwrap())
        }),
    }
}

/// A whole step of a server's: from the record with ClientKeyExchange to the keys of the connection.
pub fn step() -> Door {
    let classes = [
        Class::WellFormed,
        Class::WrongVersion,
        Class::NoSeparator,
        Class::WrongBlockType,
        Class::SmallNumber,
    ];
    let keys = Keys::new();
    let mut bank = keys.bank(&classes, client_key_exchange);
    let (hello, config) = hello_and_server(&keys.server);
    let mut output = Output::new();
    let mut flight = hello.clone();
    Door {
        name: "RSA key exchange, a server's whole step with ClientKeyExchange",
        kind: Kind::Real,
        classes: names(&classes),
        measure: Box::new(move |class| {
            let mut server = Connection::server(config.clone());
            flight.copy_from_slice(&hello);
            let read = server.receive(&mut flight, &mut output).unwrap().consumed;
            assert!(read == flight.len() && server.is_handshaking() && !output.is_empty());
            output.clear();
            let record = bank.draw(class);
            // Whatever it was, nothing is said before Finished.
            timed(|| {
                let received = server.receive(record, &mut output).unwrap();
                assert!(matches!(received.content, Content::Progress) && output.is_empty());
                server
            })
        }),
    }
}

/// A record with a ClientKeyExchange (RFC 5246 sections 6.2.1, 7.4 and 7.4.7.1).
fn client_key_exchange(encrypted: &[u8]) -> Vec<u8> {
    let lengths = [6, 2, 0]
        .map(|more| (encrypted.len() + more) as u16)
        .map(u16::to_be_bytes);
    [
        &[22, 3, 3],
        &lengths[0][..],
        &[16, 0],
        &lengths[1],
        &lengths[2],
        encrypted,
    ]
    .concat()
}

/// A client's first flight, and the configuration of who answers it with RSA key exchange.
fn hello_and_server(server: &RsaServer) -> (Vec<u8>, Arc<ServerConfig>) {
    let policy = Policy::LEGACY
        .with_versions(&[ProtocolVersion::TLS_1_2])
        .with_cipher_suites(&[CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256]);
    let opt_in = LegacyOptIn::for_every_peer("to measure whether its time tells anything");
    let credential = Credential::from_pem(server.leaf_pem.as_bytes(), server.key_pem.as_bytes()).unwrap();
    let builder = ServerConfig::builder()
        .policy(policy.clone())
        .allow_legacy(opt_in.clone());
    let config = builder.credentials(Credentials::always(credential)).build().unwrap();
    let mut roots = Roots::new();
    roots.add_pem(server.root_pem.as_bytes()).unwrap();
    let builder = ClientConfig::builder().policy(policy).allow_legacy(opt_in);
    let client = builder.verifier(ChainVerifier::new(roots)).build().unwrap();
    let mut output = Output::new();
    Connection::client(Arc::new(client), "server.test".try_into().unwrap(), &mut output).unwrap();
    (output.as_slice().to_vec(), Arc::new(config))
}

/// What [`open`] must not be.
pub fn twin() -> Door {
    let classes = [Class::WellFormed, Class::WrongBlockType];
    let keys = Keys::new();
    let key = keys.private();
    let mut bank = keys.bank(&classes, <[u8]>::to_vec);
    Door {
        name: "RSA key exchange, a twin that stops at what is wrong and only then draws a secret",
        kind: Kind::Control,
        classes: names(&classes),
        measure: Box::new(move |class| {
            let reply = bank.draw(class);
            timed(|| {
                let mut message = vec![0; key.len()];
                key.decrypt_raw(reply, &mut message).unwrap();
                believed(&message).unwrap_or_else(|| {
                    let mut premaster = vec![0; PREMASTER_LEN];
                    SystemRandom.fill(&mut premaster).unwrap();
                    premaster
                })
            })
        }),
    }
}

fn believed(message: &[u8]) -> Option<Vec<u8>> {
    let padded = message.strip_prefix(&[0, 2])?;
    let end = padded.iter().position(|&byte| byte == 0)?;
    let premaster = &padded[end + 1..];
    let version = premaster.first_chunk()?;
    (premaster.len() == PREMASTER_LEN && *version == OFFERED.0.to_be_bytes()).then(|| premaster.to_vec())
}
