//! Keys that are used twice, known to others, or not random.
use super::{House, fails};
use crate::{
    common::Pair,
    puppet::{Puppet, Say, V13, change_client_hello, change_server_hello, with_extension},
};
use premaster::{
    Connection, Error, Output, Policy, Secret,
    crypto::{
        Random, RandomFailed, SystemRandom,
        hash::{HashAlgorithm, digest},
    },
    error::{Failure, Misbehaved},
    exchange::Group,
    observe::Tap,
    schedule::{Kdf, tls12::PremasterSecret},
    wire::{
        AlertDescription as Alert, List, NamedGroup,
        extension::{self, KeyShareEntry},
        message::{ClientHello, ServerHello},
    },
};
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Raccoon (2020) and every attack on a reused (EC)DH or ML-KEM key (F5, OpenSSL of old) starts with a key that answers
/// more than once. Each key here is made for one handshake.
#[test]
fn key_reuse() {
    let house = House::new();
    let (client, server) = (house.client(), house.server());
    let mut seen = HashSet::new();
    let mut keys = 0;
    for _ in 0..500 {
        let mut output = Output::new();
        let _client =
            Connection::client(client.clone(), "localhost".try_into().unwrap(), &mut output).unwrap();
        let hello = ClientHello::decode(&output.as_slice()[9..]).unwrap();
        assert!(seen.insert(hello.random.to_vec()));
        let shares = hello.extensions.get::<extension::KeyShareClientHello<'_>>().unwrap().unwrap();
        for share in shares.client_shares {
            keys += 1;
            assert!(seen.insert(share.key_exchange.to_vec()), "{}", share.group);
        }
    }
    for _ in 0..500 {
        let mut puppet = Puppet::client(house.tls13(), server.clone());
        puppet.says(&[Say::ClientHello]);
        let hello = ServerHello::decode(&puppet.wire[0][9..]).unwrap();
        assert!(seen.insert(hello.random.to_vec()));
        let share = hello.extensions.get::<extension::KeyShareServerHello<'_>>().unwrap().unwrap();
        keys += 1;
        assert!(seen.insert(share.server_share.key_exchange.to_vec()));
    }
    assert_eq!(keys, 1500);
}

/// ML-KEM's encapsulation key has coefficients below 3329; FIPS 203 section 7.2 wants that checked. A stack that reduces
/// instead lets a peer probe it. And what is too short, or too long, is no key.
#[test]
fn unreduced_encapsulation_keys() {
    let house = House::new();
    let group = Group::find(NamedGroup::X25519MLKEM768).unwrap();
    let policy = Policy::MODERN.with_versions(&[V13]).with_groups(&[group.code]);
    let server = house.server_with(|builder| builder.policy(policy.clone()));
    let part = house.tls13().but(|part| part.group = group.code);
    let shared = |share: &[u8]| {
        let mut puppet = Puppet::client(part.clone(), server.clone());
        let hello = puppet.make(Say::ClientHello);
        let share = KeyShareEntry { group: group.code, key_exchange: share };
        puppet.message(&change_client_hello(&hello, |block| {
            with_extension(block, &extension::KeyShareClientHello { client_shares: List::from(&[share]) })
        }));
        puppet
    };
    for share in [
        vec![0xff; group.published_len],
        vec![7; group.published_len - 1],
        vec![7; group.published_len + 1],
        vec![7; 32],
    ] {
        fails(&shared(&share), Misbehaved::BadEncapsulationKey, Alert::illegal_parameter);
    }
    for len in [group.reply_len - 1, group.reply_len + 1, 32] {
        let client = house.client_with(|builder| builder.policy(policy.clone()));
        let mut puppet = Puppet::server(part.clone(), client);
        let hello = puppet.make(Say::ServerHello);
        let reply = vec![9; len];
        let server_share = KeyShareEntry { group: group.code, key_exchange: &reply };
        puppet.message(&change_server_hello(&hello, |block| {
            with_extension(block, &extension::KeyShareServerHello { server_share })
        }));
        fails(&puppet, Misbehaved::BadShare, Alert::illegal_parameter);
    }
}

/// Triple Handshake (2014), which worked against every stack of its time: a man in the middle who relays the RSA
/// ciphertext and the randoms had the same master secret with both, and could resume one with the other. Bound to the
/// messages (RFC 7627), among them two different certificates, the two secrets differ.
#[test]
fn triple_handshake() {
    let kdf = || Kdf::new(HashAlgorithm::Sha256, Tap::OFF);
    let premaster = || PremasterSecret::new(Secret::from(&[3; 48][..]));
    let messages = |certificate: &[u8]| digest(HashAlgorithm::Sha256, &[b"hellos", certificate, b"exchange"]);
    let plain = || premaster().into_master(kdf(), &[1; 32], &[2; 32]);
    assert_eq!(plain().secret().expose(), plain().secret().expose(), "which is the attack");
    let left = premaster().into_extended_master(kdf(), &messages(b"the attacker's"));
    let right = premaster().into_extended_master(kdf(), &messages(b"the server's"));
    assert_ne!(left.secret().expose(), right.secret().expose());
}

/// Works for a number of calls, and then no more.
struct Failing(AtomicUsize);

impl Random for Failing {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.checked_sub(1).ok_or(RandomFailed)?, Ordering::Relaxed);
        SystemRandom.fill(out)
    }
}

/// Debian (2008), Android (2013) and appliances without end: the generator had failed, nobody looked, and keys were
/// made of nothing. At whatever draw it fails here, the handshake does.
#[test]
fn randomness_that_fails() {
    let house = House::new();
    let mut refused = 0;
    for version in [crate::puppet::V12, V13] {
        let policy = Policy::MODERN.with_versions(&[version]);
        for draws in 0..20 {
            let failing = || Arc::new(Failing(AtomicUsize::new(draws)));
            let client = |random: Option<Arc<Failing>>| {
                house.client_with(|builder| {
                    let builder = builder.policy(policy.clone());
                    random.into_iter().fold(builder, |builder, random| builder.random(random))
                })
            };
            let mut output = Output::new();
            let name = "localhost".try_into().unwrap();
            if let Err(error) = Connection::client(client(Some(failing())), name, &mut output) {
                assert_eq!(error, Error::Failed(Failure::Random));
                assert!(output.is_empty() || output.as_slice()[0] == 21, "no hello leaves this side");
                refused += 1;
            } else {
                let run = Pair::new(client(Some(failing())), house.server()).run();
                assert!(matches!(run, Ok(()) | Err(Error::Failed(Failure::Random))), "{run:?}");
                refused += usize::from(run.is_err());
            }
            let server = house.server_with(|builder| builder.random(failing()));
            let run = Pair::new(client(None), server).run();
            assert!(matches!(run, Ok(()) | Err(Error::Failed(Failure::Random))), "{run:?}");
            refused += usize::from(run.is_err());
        }
    }
    assert!(refused >= 6, "{refused}");
}

/// Lenstra (1996), and "Factoring RSA keys with TLS perfect forward secrecy" (2015): a signature that a faulty computation
/// made with the Chinese remainder theorem gives the factors away. A key with a wrong bit anywhere is refused, or signs as
/// if it were right; no wrong signature leaves this side.
#[test]
fn a_fault_in_an_rsa_key() {
    use premaster::{
        identity::{LocalKey, PublicKey, SchemeUse},
        pki_types::PrivateKeyDer,
        wire::SignatureScheme,
    };
    let house = House::new();
    let (_, key) = house.authority.issue_der(crate::common::Key::Rsa2048, &["localhost"], |_| {});
    let public = PublicKey::from_spki(&LocalKey::from_der(&key).unwrap().public_key_spki()).unwrap();
    let scheme = SignatureScheme::rsa_pss_rsae_sha256;
    let sign = |der: &[u8]| {
        let key = LocalKey::from_der(&PrivateKeyDer::Pkcs8(der.to_vec().into())).ok()?;
        key.sign(scheme, SchemeUse::Tls13, b"content").ok()
    };
    let der = key.secret_der();
    assert!(sign(der).is_some_and(|signature| {
        public.verify(scheme, SchemeUse::Tls13, b"content", &signature).is_ok()
    }));
    let mut refused = 0;
    for at in (30..der.len()).step_by(29) {
        let mut faulty = der.to_vec();
        faulty[at] ^= 1 << (at % 8);
        match sign(&faulty) {
            None => refused += 1,
            Some(signature) => {
                let verified = public.verify(scheme, SchemeUse::Tls13, b"content", &signature);
                assert!(verified.is_ok(), "a wrong signature, after a fault at {at}");
            }
        }
    }
    assert!(refused >= 30, "{refused}");
}
