//! One short script for each way in which a TLS stack has failed, named after the attack. Each says who fell to it and
//! what it cost, or would have.
//!
//! What needs a table of cases has a file of its own:
//!
//! * `oracles.rs`: Bleichenbacher, ROBOT, version rollback in the premaster secret, ciphertexts cut short; Lucky Thirteen,
//!   POODLE, Zombie POODLE and GOLDENDOODLE, as far as they can be seen on the wire
//! * `refusals.rs`: Logjam, primes with a back door, small subgroups, points that are on no curve or of small order, SLOTH,
//!   downgrades, FALLBACK_SCSV, ALPACA (no common application protocol), a master secret without its extension
//! * `orders/`: every order of messages, and every order one step away from a legal one
//! * `limits.rs`: what costs memory or work: long messages, chains, extensions, key shares, names of keys, floods
//! * `session_scope.rs`, `stored_sessions.rs`, `resumption.rs`: tickets across configurations, early data that is replayed,
//!   ticket keys that outlive their window
//! * in the library's own tests: Raccoon (secrets with leading zeros, in `exchange`), ticket keys of zeros (in `resume`)
//!
//! What has no script, and why:
//!
//! * Marvin, Lucky Thirteen and Minerva as timing: no test here asserts a time. The primitives are AWS-LC's; what is built
//!   on them here is straight-line code (`crypto::constant_time`, `record::padding12`).
//! * Secrets that stay in memory: that is for a look at a process from outside.
//! * Encrypted ClientHello (HelloRetryRequest, GREASE, retry configurations): there is none yet.
//! * A stapled response that speaks of several certificates: staples are handed to verifiers, and the one that is
//!   built in does not read them.
//! * Static Diffie-Hellman certificates of clients: there is no code for them; the script of key compromise impersonation
//!   shows that asking is in vain.
#![cfg(feature = "legacy")]
#![allow(missing_docs, reason = "a test")]
#[path = "../common/mod.rs"]
mod common;
#[path = "../puppet/mod.rs"]
mod puppet;

mod certificates;
mod floods;
mod keys;
mod psks;
mod records;
mod resumption;
mod retries;
mod states;

use common::{Authority, Key, client_config, server_config};
use premaster::{
    ClientConfig, Error, ServerConfig,
    config::{ClientConfigBuilder, ServerConfigBuilder},
    identity::Credential,
    wire::{AlertDescription, CipherSuite},
};
use puppet::{Part, Puppet, Say, V13};
use std::sync::Arc;

/// Certificates for both sides, and configurations that use them.
struct House {
    authority: Authority,
    ec: Part,
    credential: Arc<Credential>,
}

/// What a puppet says to finish a handshake without resumption and client authentication.
const SERVER12: [Say; 6] = [
    Say::ServerHello,
    Say::Certificate,
    Say::ServerKeyExchange,
    Say::ServerHelloDone,
    Say::ChangeCipherSpec,
    Say::Finished,
];
const CLIENT12: [Say; 4] = [Say::ClientHello, Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished];
const SERVER13: [Say; 5] =
    [Say::ServerHello, Say::EncryptedExtensions, Say::Certificate, Say::CertificateVerify, Say::Finished];
const CLIENT13: [Say; 2] = [Say::ClientHello, Say::Finished];

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let (chain, key) = authority.issue_der(Key::EcdsaP256, &["localhost"], |_| {});
        let credential = Arc::new(Credential::new(chain.clone(), key.clone_key()).unwrap());
        Self { authority, ec: Part::tls12().with_chain(chain, key), credential }
    }

    fn tls12(&self) -> Part {
        self.ec.clone()
    }

    fn tls13(&self) -> Part {
        Part { suites: vec![CipherSuite::TLS_AES_128_GCM_SHA256], version: V13, ..self.ec.clone() }
    }

    fn client(&self) -> Arc<ClientConfig> {
        self.client_with(|builder| builder)
    }

    fn client_with(
        &self,
        change: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
    ) -> Arc<ClientConfig> {
        client_config(&self.authority, change)
    }

    fn server(&self) -> Arc<ServerConfig> {
        self.server_with(|builder| builder)
    }

    fn server_with(
        &self,
        change: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    ) -> Arc<ServerConfig> {
        server_config(self.credential.clone(), change)
    }

    /// Connected puppets, as client and as server, in both versions.
    fn connected(&self) -> [Puppet; 4] {
        let mut all = [
            (Puppet::client(self.tls12(), self.server()), &CLIENT12[..]),
            (Puppet::server(self.tls12(), self.client()), &SERVER12),
            (Puppet::client(self.tls13(), self.server()), &CLIENT13),
            (Puppet::server(self.tls13(), self.client()), &SERVER13),
        ];
        for (puppet, script) in &mut all {
            puppet.says(script);
            assert!(puppet.is_connected(), "{:?} {:?}", puppet.side, puppet.error);
        }
        all.map(|(puppet, _)| puppet)
    }
}

#[track_caller]
fn fails(puppet: &Puppet, error: impl Into<Error>, alert: AlertDescription) {
    assert_eq!(puppet.error, Some(error.into()));
    assert_eq!(puppet.alert(), Some(alert));
    assert!(!puppet.is_connected() && puppet.victim.received.is_empty());
}

#[track_caller]
fn unexpected(puppet: &Puppet) {
    assert_eq!(puppet.alert(), Some(AlertDescription::unexpected_message), "{:?}", puppet.error);
    assert!(!puppet.is_connected() && puppet.victim.received.is_empty());
}
