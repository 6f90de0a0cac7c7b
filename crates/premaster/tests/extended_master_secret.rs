//! Peers that do not bind the master secret to the handshake (RFC 7627): refused, unless a policy lets them and an
//! opt-in says for whom; and then warned of.
#![cfg(feature = "legacy")]
#![allow(missing_docs, reason = "a test")]
mod common;
mod puppet;

use common::{Authority, Key};
use premaster::{
    ClientConfig, Error, Policy, ServerConfig,
    config::LegacyOptIn,
    error::Misbehaved,
    identity::{Credential, Credentials},
    observe::{At, Event, Observer, Warning},
    pki_types::UnixTime,
};
use puppet::{Part, Puppet, Say, V12};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// The warnings.
#[derive(Default)]
struct Warnings(Mutex<Vec<Warning>>);

impl Observer for Warnings {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        if let Event::Warning(warning) = event {
            self.0.lock().unwrap().push(warning);
        }
    }
}

struct House {
    authority: Authority,
    part: Part,
    credential: Arc<Credential>,
    warnings: Arc<Warnings>,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let (chain, key) = authority.issue_der(Key::EcdsaP256, &["localhost"], |_| {});
        let credential = Arc::new(Credential::new(chain.clone(), key.clone_key()).unwrap());
        let part = Part::tls12().with_chain(chain, key).but(|part| part.extended_master_secret = false);
        Self { authority, part, credential, warnings: Arc::default() }
    }

    /// A whole handshake with a server that lacks it.
    fn as_client(&self, policy: &Policy, opt_in: &LegacyOptIn) -> Puppet {
        let config = ClientConfig::builder()
            .policy(policy.clone())
            .verifier(self.authority.verifier())
            .observer(self.warnings.clone())
            .allow_legacy(opt_in.clone());
        let mut puppet = Puppet::server(self.part.clone(), Arc::new(config.build().unwrap()));
        puppet.says(&[Say::ServerHello, Say::Certificate, Say::ServerKeyExchange, Say::ServerHelloDone]);
        if puppet.error.is_none() {
            puppet.says(&[Say::ChangeCipherSpec, Say::Finished]);
        }
        puppet
    }

    /// And with a client that does.
    fn as_server(&self, policy: &Policy, opt_in: &LegacyOptIn) -> Puppet {
        let config = ServerConfig::builder()
            .policy(policy.clone())
            .credentials(Credentials::always(self.credential.clone()))
            .observer(self.warnings.clone())
            .allow_legacy(opt_in.clone());
        let mut puppet = Puppet::client(self.part.clone(), Arc::new(config.build().unwrap()));
        puppet.says(&[Say::ClientHello]);
        if puppet.error.is_none() {
            puppet.says(&[Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished]);
        }
        puppet
    }
}

fn opt_in() -> LegacyOptIn {
    LegacyOptIn::for_every_peer("a test of peers without extended master secret")
}

fn policy(named: Policy) -> Policy {
    named.with_versions(&[V12])
}

#[test]
fn legacy_with_an_opt_in_lets_them_and_warns() {
    let house = House::new();
    for puppet in [
        house.as_client(&policy(Policy::LEGACY), &opt_in()),
        house.as_server(&policy(Policy::LEGACY), &opt_in()),
    ] {
        assert!(puppet.is_connected(), "{:?}", puppet.error);
        assert!(!puppet.victim.connection.info().unwrap().extended_master_secret);
    }
    assert_eq!(*house.warnings.0.lock().unwrap(), [Warning::NoExtendedMasterSecret; 2]);
}

#[track_caller]
fn is_refused(puppet: &Puppet) {
    let expected = Error::from(Misbehaved::ExtendedMasterSecretMissing);
    assert_eq!(puppet.error.as_ref().map(ToString::to_string), Some(expected.to_string()));
}

#[test]
fn no_other_policy_does() {
    let house = House::new();
    for named in [Policy::MODERN, Policy::COMPATIBLE] {
        is_refused(&house.as_client(&policy(named.clone()), &opt_in()));
        is_refused(&house.as_server(&policy(named), &opt_in()));
    }
}

#[test]
fn nor_legacy_for_another_peer_or_after_its_time() {
    let house = House::new();
    let past = opt_in().until(UnixTime::since_unix_epoch(Duration::from_secs(1)));
    is_refused(&house.as_client(&policy(Policy::LEGACY), &past));
    is_refused(&house.as_server(&policy(Policy::LEGACY), &past));
    let other = LegacyOptIn::for_peer("printer.example", "it is another");
    is_refused(&house.as_client(&policy(Policy::LEGACY), &other));
}
