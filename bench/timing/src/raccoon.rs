//! The classes of Raccoon (Merget and others 2021): secrets of a finite-field exchange with zeros in front, which
//! TLS 1.2 strips off and TLS 1.3 keeps.
//!
//! To have such secrets at will, the server's key is the number 2 and the client's public value a square root: of
//! `y < 2^1024` the square is less than the prime. The value that is sent is `p - y`, as long as the prime.
use crate::door::{Bank, Door, Kind, timed};
use fastrand::Rng;
use premaster::{
    crypto::SystemRandom,
    exchange::{KeyLimits, SharedSecret, StaticKey},
    observe::Tap,
    record::HashAlgorithm,
    schedule::{Kdf, tls12::PremasterSecret, tls13::EarlySecret},
    wire::ProtocolVersion,
};

const LEN: usize = 256;

/// With nine bytes less the hash has a block less to do, or would have.
const ZEROS: &[usize] = &[0, 1, 2, 9];

/// A safe prime: 2^2048 - 1942289.
fn prime() -> [u8; LEN] {
    let mut p = [0xff; LEN];
    p[LEN - 4..].copy_from_slice(&(u32::MAX - 1_942_288).to_be_bytes());
    p
}

/// An element in DER.
fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = (contents.len() as u16).to_be_bytes();
    match contents.len() {
        len @ 0..0x80 => [&[tag, len as u8], &contents[..]].concat(),
        len @ 0x80..0x100 => [&[tag, 0x81, len as u8], &contents[..]].concat(),
        _ => [&[tag, 0x82], &length[..], &contents].concat(),
    }
}

/// A private key of PKCS #3, in PKCS #8 (RFC 5958 section 2), whose secret is 2.
fn key() -> StaticKey {
    let (p, two) = (element(2, &[&[0], &prime()]), element(2, &[&[2]]));
    let oid = element(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1]]);
    let algorithm = element(0x30, &[&oid, &element(0x30, &[&p, &two])]);
    let info = element(0x30, &[&element(2, &[&[0]]), &algorithm, &element(4, &[&two])]);
    StaticKey::from_der(&info, &KeyLimits::STANDARD).unwrap()
}

/// A public value whose square has so many zero bytes in front.
fn public(zeros: usize, random: &mut Rng) -> Vec<u8> {
    let mut y = [0; LEN];
    // The square has 2048 - 8 * zeros bits, or one fewer.
    let bits = LEN * 4 - 4 * zeros;
    let front = LEN - bits.div_ceil(8);
    y[front..].iter_mut().for_each(|byte| *byte = random.u8(..));
    match bits % 8 {
        0 => y[front] |= 0x80,
        _ => y[front] = y[front] & 0x0f | 0x08,
    }
    let mut borrow = 0;
    for (byte, of_p) in y.iter_mut().zip(prime()).rev() {
        let difference = i16::from(of_p) - i16::from(*byte) - borrow;
        (*byte, borrow) = (difference as u8, i16::from(difference < 0));
    }
    y.to_vec()
}

/// What comes out of the exchange, for each number of zeros.
struct Source {
    key: StaticKey,
    bank: Bank,
}

impl Source {
    fn new() -> Self {
        let bank = Bank::new(ZEROS.len(), |class, random| public(ZEROS[class], random));
        let mut source = Self { key: key(), bank };
        for (class, &zeros) in ZEROS.iter().chain(&ZEROS[..1]).enumerate() {
            let found = source
                .shared(class)
                .input_keying_material()
                .iter()
                .take_while(|&&byte| byte == 0)
                .count();
            assert_eq!(found, zeros);
        }
        source
    }

    fn shared(&mut self, class: usize) -> SharedSecret {
        self.key
            .open(self.bank.draw(class), ProtocolVersion::TLS_1_2, &SystemRandom)
            .unwrap()
    }
}

fn door<T: 'static>(name: &'static str, kind: Kind, derive: impl Fn(SharedSecret) -> T + 'static) -> Door {
    let mut source = Source::new();
    Door {
        name,
        kind,
        classes: ZEROS
            .iter()
            .map(|zeros| format!("{zeros} zero bytes in front"))
            .collect(),
        measure: Box::new(move |class| {
            let shared = source.shared(class);
            timed(|| derive(shared))
        }),
    }
}

fn master(hash: HashAlgorithm) -> impl Fn(SharedSecret) -> premaster::schedule::tls12::MasterSecret {
    move |shared| PremasterSecret::from(shared).into_master(Kdf::new(hash, Tap::OFF), &[1; 32], &[2; 32])
}

/// TLS 1.2, with the hash of most suites.
pub fn sha256() -> Door {
    let derive = master(HashAlgorithm::Sha256);
    door(
        "DHE in TLS 1.2, shared secret to master secret, SHA-256",
        Kind::Real,
        derive,
    )
}

/// TLS 1.2, with the other one.
pub fn sha384() -> Door {
    let derive = master(HashAlgorithm::Sha384);
    door(
        "DHE in TLS 1.2, shared secret to master secret, SHA-384",
        Kind::Real,
        derive,
    )
}

/// TLS 1.3 keeps the zeros (RFC 9846 section 7.4.1).
pub fn tls13() -> Door {
    door(
        "DHE in TLS 1.3, shared secret to handshake secret",
        Kind::Real,
        |shared| EarlySecret::without_psk(Kdf::new(HashAlgorithm::Sha256, Tap::OFF)).into_handshake(shared),
    )
}

/// What TLS 1.2's must not be.
pub fn twin() -> Door {
    door(
        "DHE in TLS 1.2, a twin that takes one zero off after the other",
        Kind::Control,
        |shared| {
            let mut secret = shared.input_keying_material().to_vec();
            while secret.first() == Some(&0) {
                secret.remove(0);
            }
            let premaster = PremasterSecret::new(secret[..].into());
            premaster.into_master(Kdf::new(HashAlgorithm::Sha256, Tap::OFF), &[1; 32], &[2; 32])
        },
    )
}
