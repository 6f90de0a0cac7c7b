//! Version x mechanism x client authentication x (the same circumstances, or one of them changed): resumed exactly
//! when it should be, and if not, the server knows why.
mod common;

use common::{
    Authority, Key, Pair,
    sessions::{Attempts, Careless},
};
use premaster::{
    ClientConfig, Policy, ServerConfig,
    config::{ClientAuthentication, ClientResumption, ServerConfigBuilder, ServerSessions},
    identity::{Credential, Credentials},
    observe::{Miss, Resumed, ScopeField},
    pki_types::UnixTime,
    resume::{MemoryStore, Rotation, ScopePolicy, TicketKeys},
    wire::{CipherSuite, ProtocolVersion},
};
use std::{sync::Arc, time::Duration};

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    Ticket,
    Store,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    Optional,
    Required,
}

/// What is different when the client comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Name,
    Credential,
    ClientAuthentication,
    TrustedAuthorities,
    VerifiedIdentity,
    Alpn,
    TrustEpoch,
    Context,
    Version,
    Suite,
}

const CHANGES: [Change; 11] = [
    Change::Nothing,
    Change::Name,
    Change::Credential,
    Change::ClientAuthentication,
    Change::TrustedAuthorities,
    Change::VerifiedIdentity,
    Change::Alpn,
    Change::TrustEpoch,
    Change::Context,
    Change::Version,
    Change::Suite,
];

struct Fixture {
    authority: Authority,
    credentials: [Arc<Credential>; 2],
    client: Arc<Credential>,
    keys: Arc<TicketKeys>,
    store: Arc<MemoryStore>,
    heard: Arc<Attempts>,
}

impl Fixture {
    fn new() -> Self {
        let authority = Authority::new();
        let names = ["localhost", "other.example"];
        let credentials = [(); 2].map(|()| authority.issue(Key::EcdsaP256, &names));
        let client = authority.issue(Key::EcdsaP256, &["client"]);
        let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
        Self {
            credentials,
            client,
            authority,
            keys: Arc::new(TicketKeys::rotating(rotation)),
            store: Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now())),
            heard: Arc::default(),
        }
    }

    fn server(
        &self,
        mechanism: Mechanism,
        asked: Asked,
        change: Change,
        policy: ScopePolicy,
    ) -> Arc<ServerConfig> {
        let mut sessions = ServerSessions::none().with_tickets(self.keys.clone()).scope(policy);
        if mechanism == Mechanism::Store {
            sessions = sessions.with_store(self.store.clone()).without_tickets();
        }
        sessions = match change {
            Change::TrustEpoch => sessions.trust_epoch(1),
            Change::Context => sessions.context(*b"other"),
            _ => sessions,
        };
        let alpn: &[&str] = if change == Change::Alpn { &["http/1.1", "h2"] } else { &["h2", "http/1.1"] };
        let builder = ServerConfig::builder()
            .credentials(Credentials::always(
                self.credentials[usize::from(change == Change::Credential)].clone(),
            ))
            .alpn(alpn.iter().copied())
            .sessions(sessions)
            .observer(self.heard.clone());
        Arc::new(self.authentication(builder, asked, change).build().unwrap())
    }

    fn authentication(
        &self,
        builder: ServerConfigBuilder,
        asked: Asked,
        change: Change,
    ) -> ServerConfigBuilder {
        let mut trusted = self.authority.verifier();
        if change == Change::TrustedAuthorities {
            let mut roots = premaster::identity::Roots::new();
            roots.add(&self.authority.certificate).unwrap();
            roots.add(&Authority::new().certificate).unwrap();
            trusted = premaster::identity::ChainVerifier::new(roots);
        }
        let asked = match (change, asked) {
            (Change::ClientAuthentication, Asked::No | Asked::Optional) => Asked::Required,
            (Change::ClientAuthentication, Asked::Required) => Asked::Optional,
            _ => asked,
        };
        let mut verifier = premaster::identity::Verifier::from(trusted);
        if change == Change::VerifiedIdentity {
            verifier = verifier.report_only();
        }
        builder.client_authentication(match asked {
            Asked::No => ClientAuthentication::None,
            Asked::Optional => ClientAuthentication::Optional(verifier),
            Asked::Required => ClientAuthentication::Required(verifier),
        })
    }

    fn client(
        &self,
        sessions: &Arc<Careless>,
        version: ProtocolVersion,
        change: Change,
    ) -> Arc<ClientConfig> {
        let version = match change {
            Change::Version if version == V12 => V13,
            Change::Version => V12,
            _ => version,
        };
        let mut policy = Policy::MODERN.with_versions(&[version]);
        if change == Change::Suite {
            // Of another hash, so that TLS 1.3 cannot go on with the key either.
            policy = policy.with_cipher_suites(&[
                CipherSuite::TLS_AES_256_GCM_SHA384,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            ]);
        }
        let config = ClientConfig::builder()
            .policy(policy)
            .verifier(self.authority.verifier())
            .credentials(Credentials::always(self.client.clone()))
            .alpn(["h2", "http/1.1"])
            .resumption(ClientResumption::with(sessions.clone()));
        Arc::new(config.build().unwrap())
    }
}

fn connect(name: &str, client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Resumed {
    let pair = Pair::named(name, client, server).handshake().unwrap();
    let info = pair.server.connection.info().unwrap();
    assert_eq!(info.resumed, pair.client.connection.info().unwrap().resumed);
    let resumed = info.resumed;
    pair.exchange_and_close();
    resumed
}

/// What the server should say, if it is asked at all: a client does not offer what it cannot go on with.
fn expected(change: Change, asked: Asked) -> Option<ScopeField> {
    match change {
        Change::Name => Some(ScopeField::ServerName),
        Change::Credential => Some(ScopeField::Credential),
        Change::ClientAuthentication => Some(ScopeField::ClientAuthentication),
        Change::TrustedAuthorities if asked != Asked::No => Some(ScopeField::ClientAuthentication),
        Change::VerifiedIdentity if asked != Asked::No => Some(ScopeField::VerifiedIdentity),
        Change::Alpn => Some(ScopeField::Alpn),
        Change::TrustEpoch => Some(ScopeField::TrustEpoch),
        Change::Context => Some(ScopeField::Application),
        _ => None,
    }
}

#[test]
fn resumed_exactly_when_it_should_be() {
    let fixture = Fixture::new();
    for version in [V12, V13] {
        for mechanism in [Mechanism::Ticket, Mechanism::Store] {
            for asked in [Asked::No, Asked::Optional, Asked::Required] {
                for change in CHANGES {
                    let what = format!("{version} {mechanism:?} {asked:?} {change:?}");
                    let sessions = Arc::new(Careless::default());
                    let server = |change| fixture.server(mechanism, asked, change, ScopePolicy::STRICT);
                    let first = fixture.client(&sessions, version, Change::Nothing);
                    assert_eq!(connect("localhost", first, server(Change::Nothing)), Resumed::Full, "{what}");
                    fixture.heard.take();
                    let name = if change == Change::Name { "other.example" } else { "localhost" };
                    let again = fixture.client(&sessions, version, change);
                    let resumed = connect(name, again, server(change));
                    let same = change == Change::Nothing
                        || asked == Asked::No
                            && matches!(change, Change::TrustedAuthorities | Change::VerifiedIdentity);
                    assert_eq!(resumed.is_resumed(), same, "{what}");
                    let missed = fixture.heard.misses();
                    if let Some(field) = expected(change, asked) {
                        assert_eq!(missed, [Miss::Scope(field)], "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_field_that_is_explicitly_ignored_does_not_matter_and_the_others_do() {
    let fixture = Fixture::new();
    let widened = [
        (Change::Name, ScopeField::ServerName),
        (Change::Credential, ScopeField::Credential),
        (Change::Alpn, ScopeField::Alpn),
        (Change::TrustEpoch, ScopeField::TrustEpoch),
        (Change::Context, ScopeField::Application),
    ];
    for version in [V12, V13] {
        for (ignored, field) in widened {
            let policy = ScopePolicy::STRICT.ignoring(field).unwrap();
            for change in CHANGES {
                let sessions = Arc::new(Careless::default());
                let server = |change| fixture.server(Mechanism::Ticket, Asked::Required, change, policy);
                let client = |change| fixture.client(&sessions, version, change);
                connect("localhost", client(Change::Nothing), server(Change::Nothing));
                let name = if change == Change::Name { "other.example" } else { "localhost" };
                let resumed = connect(name, client(change), server(change)).is_resumed();
                let should = change == Change::Nothing || change == ignored;
                assert_eq!(resumed, should, "{version} {ignored:?} {change:?}");
            }
        }
    }
}
