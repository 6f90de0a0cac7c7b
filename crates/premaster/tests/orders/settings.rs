//! Version x key exchange x client authentication x resumption, each with the rules of its orders.
use crate::{
    common::{Authority, Key, client_config, server_config, sessions::Careless},
    grammar::Piece::{self, Either, Many, Maybe, One},
    puppet::{Part, Puppet, Resumable, Say, V12, V13},
};
use premaster::{
    ClientConfig, Policy, Secret, ServerConfig,
    config::{
        ClientAuthentication, ClientConfigBuilder, ClientResumption, ServerConfigBuilder, ServerSessions,
    },
    identity::{Credential, Credentials, ExternalPsk, PskSource},
    resume::{Rotation, SessionCache, TicketKeys},
    suite::{KeyExchange, Suite},
    wire::{NamedGroup, Side},
};
use std::{sync::Arc, time::Duration};

enum Victim {
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

/// A puppet, its victim, and the orders in which the puppet may speak.
pub(crate) struct Setting {
    pub(crate) name: String,
    /// The puppet's.
    pub(crate) side: Side,
    pub(crate) part: Part,
    pub(crate) rules: Vec<Piece>,
    victim: Victim,
}

impl Setting {
    pub(crate) fn puppet(&self) -> Puppet {
        match &self.victim {
            Victim::Client(config) => Puppet::server(self.part.clone(), config.clone()),
            Victim::Server(config) => Puppet::client(self.part.clone(), config.clone()),
        }
    }

    fn client(name: impl Into<String>, part: Part, server: Arc<ServerConfig>, rules: Vec<Piece>) -> Self {
        Self { name: name.into(), side: Side::Client, part, rules, victim: Victim::Server(server) }
    }

    fn server(name: impl Into<String>, part: Part, client: Arc<ClientConfig>, rules: Vec<Piece>) -> Self {
        Self { name: name.into(), side: Side::Server, part, rules, victim: Victim::Client(client) }
    }
}

struct House {
    authority: Authority,
    ec: (Part, Arc<Credential>),
    rsa: (Part, Arc<Credential>),
    client: Arc<Credential>,
    psk: Arc<ExternalPsk>,
}

/// The suites, one for each exchange.
fn exchanges() -> Vec<&'static Suite> {
    let mut names = vec![
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_PSK_WITH_AES_128_GCM_SHA256",
        "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256",
    ];
    if cfg!(feature = "legacy") {
        names.extend([
            "TLS_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256",
        ]);
    }
    names.into_iter().map(|name| Suite::parse(name).unwrap_or_else(|| panic!("{name}"))).collect()
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let both = |key| {
            let (chain, key) = authority.issue_der(key, &["localhost"], |_| {});
            let credential = Arc::new(Credential::new(chain.clone(), key.clone_key()).unwrap());
            (Part::tls12().with_chain(chain, key), credential)
        };
        Self {
            ec: both(Key::EcdsaP256),
            rsa: both(Key::Rsa2048),
            client: authority.issue(Key::EcdsaP256, &["client"]),
            psk: Arc::new(ExternalPsk::new("a name", Secret::from(&[7; 32][..]))),
            authority,
        }
    }

    fn of(&self, suite: &Suite) -> &(Part, Arc<Credential>) {
        use premaster::suite::Authentication;
        let rsa = suite.authentication == Authentication::Rsa || suite.key_exchange == KeyExchange::RsaPsk;
        if rsa { &self.rsa } else { &self.ec }
    }

    fn part12(&self, suite: &'static Suite) -> Part {
        self.of(suite).0.clone().but(|part| {
            part.suites = vec![suite.code];
            part.psk = Some(self.psk.clone());
            if suite.key_exchange.is_finite_field() {
                part.group = NamedGroup::ffdhe2048;
            }
        })
    }

    fn part13(&self) -> Part {
        Part::tls13().but(|part| {
            part.chain = self.ec.0.chain.clone();
            part.key = self.ec.0.key.clone();
        })
    }

    fn policy12(suite: &Suite) -> Policy {
        let base = if cfg!(feature = "legacy") { Policy::LEGACY } else { Policy::COMPATIBLE };
        let groups = [NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::ffdhe2048];
        let mut policy = base.with_versions(&[V12]).with_cipher_suites(&[suite.code]).with_groups(&groups);
        policy.require_extended_master_secret = true;
        policy
    }

    fn client12(
        &self,
        suite: &Suite,
        more: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
    ) -> Arc<ClientConfig> {
        client_config(&self.authority, |builder| {
            more(legacy_client(builder.policy(Self::policy12(suite)).external_psks([self.psk.clone()])))
        })
    }

    fn server12(
        &self,
        suite: &Suite,
        more: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    ) -> Arc<ServerConfig> {
        let keys = PskSource::These(Arc::new([self.psk.clone()]));
        server_config(self.of(suite).1.clone(), |builder| {
            more(legacy_server(builder.policy(Self::policy12(suite)).external_psks(keys)))
        })
    }

    fn asks(&self) -> ClientAuthentication {
        ClientAuthentication::Optional(self.authority.verifier().into())
    }
}

#[cfg(feature = "legacy")]
fn legacy_client(builder: ClientConfigBuilder) -> ClientConfigBuilder {
    builder.allow_legacy(premaster::config::LegacyOptIn::for_every_peer("a test"))
}

#[cfg(feature = "legacy")]
fn legacy_server(builder: ServerConfigBuilder) -> ServerConfigBuilder {
    builder.allow_legacy(premaster::config::LegacyOptIn::for_every_peer("a test"))
}

#[cfg(not(feature = "legacy"))]
fn legacy_client(builder: ClientConfigBuilder) -> ClientConfigBuilder {
    builder
}

#[cfg(not(feature = "legacy"))]
fn legacy_server(builder: ServerConfigBuilder) -> ServerConfigBuilder {
    builder
}

fn maybe(say: Say) -> Piece {
    Maybe(vec![One(say)])
}

/// What a server of TLS 1.2 says in a full handshake (RFC 5246 section 7.3, figure 1; RFC 5077 section 3.1).
fn server_rules12(suite: &Suite, staples: bool, ticket: bool) -> Vec<Piece> {
    let exchange = suite.key_exchange;
    let mut rules = vec![One(Say::ServerHello)];
    if exchange.has_certificate() {
        rules.push(One(Say::Certificate));
        // RFC 6066 section 8: having said that it would, the server may still leave it out.
        rules.extend(staples.then(|| maybe(Say::CertificateStatus)));
    }
    if exchange.is_ephemeral() {
        rules.push(One(Say::ServerKeyExchange));
    } else if exchange.has_psk() {
        rules.push(maybe(Say::ServerKeyExchange));
    }
    if exchange.has_certificate() {
        rules.push(maybe(Say::CertificateRequest));
    }
    rules.push(One(Say::ServerHelloDone));
    rules.extend(ticket.then_some(One(Say::NewSessionTicket)));
    rules.extend([One(Say::ChangeCipherSpec), One(Say::Finished)]);
    rules
}

fn abbreviated_server_rules12(ticket: bool) -> Vec<Piece> {
    let mut rules = vec![One(Say::ServerHello)];
    rules.extend(ticket.then_some(One(Say::NewSessionTicket)));
    rules.extend([One(Say::ChangeCipherSpec), One(Say::Finished)]);
    rules
}

/// The client's side of the same figure.
fn client_rules12(asked: bool) -> Vec<Piece> {
    let exchange = Say::ClientKeyExchange;
    let middle = match asked {
        false => vec![One(exchange)],
        true => vec![Either(vec![
            vec![One(Say::EmptyCertificate), One(exchange)],
            vec![One(Say::Certificate), One(exchange), One(Say::CertificateVerify)],
        ])],
    };
    [vec![One(Say::ClientHello)], middle, vec![One(Say::ChangeCipherSpec), One(Say::Finished)]].concat()
}

pub(crate) fn servers12() -> Vec<Setting> {
    let house = House::new();
    let mut all = Vec::new();
    for (index, suite) in exchanges().into_iter().enumerate() {
        let variants: &[(bool, bool)] = match index {
            0 => &[(false, false), (true, false), (false, true)],
            _ => &[(false, false)],
        };
        for (staples, ticket) in variants.iter().copied() {
            let part = house.part12(suite).but(|part| (part.staples, part.ticket) = (staples, ticket));
            let client = house.client12(suite, |builder| {
                let builder = builder.credentials(Credentials::always(house.client.clone()));
                let sessions = Arc::new(SessionCache::new(4, 4));
                if ticket { builder.resumption(ClientResumption::with(sessions)) } else { builder }
            });
            let name = format!("server, {}, staples {staples}, ticket {ticket}", suite.name());
            all.push(Setting::server(name, part, client, server_rules12(suite, staples, ticket)));
        }
    }
    for ticket in [false, true] {
        all.push(resuming_client12(&house, ticket));
    }
    all
}

/// A client that has a session of the puppet's; and the puppet resumes it, with a new ticket or without.
fn resuming_client12(house: &House, ticket: bool) -> Setting {
    let suite = exchanges()[0];
    // It keeps its session through all the failures to come, as none should.
    let sessions = Arc::new(Careless::default());
    let client = house.client12(suite, |builder| builder.resumption(ClientResumption::with(sessions)));
    let part = house.part12(suite).but(|part| part.ticket = true);
    let mut first = Puppet::server(part.clone(), client.clone());
    use Say::*;
    let full = [
        ServerHello,
        Certificate,
        ServerKeyExchange,
        ServerHelloDone,
        NewSessionTicket,
        ChangeCipherSpec,
        Finished,
    ];
    first.says(&full);
    assert!(first.is_connected(), "{:?}", first.error);
    let master = first.state().master.as_ref().unwrap().secret().expose().to_vec();
    let part = part.but(|part| {
        part.ticket = ticket;
        part.session = Some(Resumable { id: Vec::new(), ticket: b"a ticket".to_vec(), master });
    });
    let name = format!("server, abbreviated, ticket {ticket}");
    Setting::server(name, part, client, abbreviated_server_rules12(ticket))
}

pub(crate) fn clients12() -> Vec<Setting> {
    let house = House::new();
    let mut all = Vec::new();
    for suite in exchanges() {
        for asked in [false, true] {
            if asked && !suite.key_exchange.has_certificate() {
                continue;
            }
            let part = house.part12(suite).but(|part| {
                part.chain = house.ec.0.chain.clone();
                part.key = house.ec.0.key.clone();
            });
            let server = house.server12(suite, |builder| match asked {
                true => builder.client_authentication(house.asks()),
                false => builder,
            });
            let name = format!("client, {}, asked {asked}", suite.name());
            all.push(Setting::client(name, part, server, client_rules12(asked)));
        }
    }
    all.push(resuming_server12(&house));
    all
}

/// A server that takes its own tickets back.
fn resuming_server12(house: &House) -> Setting {
    let suite = exchanges()[0];
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    let keys = Arc::new(TicketKeys::rotating(rotation));
    let server = house.server12(suite, |builder| builder.sessions(ServerSessions::none().with_tickets(keys)));
    let part = house.part12(suite).but(|part| part.ticket = true);
    let mut first = Puppet::client(part.clone(), server.clone());
    first.says(&[Say::ClientHello, Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished]);
    assert!(first.is_connected(), "{:?}", first.error);
    let master = first.state().master.as_ref().unwrap().secret().expose().to_vec();
    let ticket = first.state().ticket.clone().expect("a ticket");
    let part = part.but(|part| part.session = Some(Resumable { id: Vec::new(), ticket, master }));
    let rules = vec![One(Say::ClientHello), One(Say::ChangeCipherSpec), One(Say::Finished)];
    Setting::client("client, abbreviated", part, server, rules)
}

/// RFC 9846 section 2, figures 1 and 2.
pub(crate) fn servers13() -> Vec<Setting> {
    let house = House::new();
    let policy = || Policy::MODERN.with_groups(&[NamedGroup::x25519, NamedGroup::secp256r1]);
    let certified = vec![maybe(Say::CertificateRequest), One(Say::Certificate), One(Say::CertificateVerify)];
    let tail = vec![One(Say::Finished), Many(vec![Say::NewSessionTicket, Say::KeyUpdate])];
    let mut all = Vec::new();
    for retry in [false, true] {
        for psk in [false, true] {
            let mut part = house.part13();
            let mut rules = Vec::new();
            if retry {
                part.group = NamedGroup::secp256r1;
                rules.push(One(Say::HelloRetryRequest));
            }
            rules.extend([One(Say::ServerHello), One(Say::EncryptedExtensions)]);
            if psk {
                part.psk = Some(house.psk.clone());
            } else {
                rules.extend(certified.clone());
            }
            rules.extend(tail.clone());
            let client = client_config(&house.authority, |builder| {
                let builder = builder.policy(policy()).credentials(Credentials::always(house.client.clone()));
                if psk { builder.external_psks([house.psk.clone()]) } else { builder }
            });
            all.push(Setting::server(format!("server, retry {retry}, psk {psk}"), part, client, rules));
        }
    }
    all
}

pub(crate) fn clients13() -> Vec<Setting> {
    let house = House::new();
    let mut all = Vec::new();
    for retry in [false, true] {
        for (psk, asked) in [(false, false), (false, true), (true, false)] {
            let mut part = house.part13();
            let mut rules = vec![One(Say::ClientHello)];
            if retry {
                part.wants_retry = true;
                // The second has a share; as the first hello of all it needs no retry.
                rules = vec![Either(vec![
                    vec![One(Say::ClientHello), One(Say::SecondClientHello)],
                    vec![One(Say::SecondClientHello)],
                ])];
            }
            if psk {
                part.psk = Some(house.psk.clone());
            }
            if asked {
                rules.push(Either(vec![
                    vec![One(Say::EmptyCertificate)],
                    vec![One(Say::Certificate), One(Say::CertificateVerify)],
                ]));
            }
            rules.extend([One(Say::Finished), Many(vec![Say::KeyUpdate])]);
            let keys = PskSource::These(Arc::new([house.psk.clone()]));
            let server = server_config(house.ec.1.clone(), |builder| {
                let builder = builder.policy(Policy::MODERN.with_versions(&[V13])).external_psks(keys);
                if asked { builder.client_authentication(house.asks()) } else { builder }
            });
            all.push(Setting::client(
                format!("client, retry {retry}, psk {psk}, asked {asked}"),
                part,
                server,
                rules,
            ));
        }
    }
    all
}
