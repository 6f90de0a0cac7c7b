//! Every key exchange and record protection of TLS 1.2 that OpenSSL still has, in both roles.
#![cfg(feature = "legacy")]
use premaster::{
    ClientConfig, Info, Policy, Secret, ServerConfig, Stream,
    config::{ClientAuthentication, LegacyOptIn},
    identity::{Credential, Credentials, ExternalPsk, PskSource},
    suite::{Authentication, KeyExchange, Protection, Suite},
    wire::{NamedGroup, ProtocolVersion},
};
use premaster_interop::{
    Authority, Issued, Key, Listener, connect, need,
    openssl::{self, CURVES, Client, FINITE_FIELDS, converse, dh_parameters, reversed},
};
use std::{process::Command, sync::Arc};

const PSK: [u8; 32] = [0x5a; 32];
const PSK_HEX: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
const IDENTITY: &str = "a name";
const EVERYTHING: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

/// What OpenSSL 3.0 has no suite for: it dropped the keys that agree for years, and it never had these.
fn openssl_has(suite: &Suite) -> bool {
    let is_static_dh = matches!(suite.key_exchange, KeyExchange::Dh | KeyExchange::Ecdh);
    let is_psk_aead = suite.key_exchange == KeyExchange::EcdhePsk
        && matches!(suite.protection, Protection::Aead(_))
        && !suite.openssl_name.ends_with("CHACHA20-POLY1305");
    let is_anonymous = matches!(suite.key_exchange, KeyExchange::DhAnon | KeyExchange::EcdhAnon);
    !is_static_dh && !is_psk_aead && !is_anonymous
}

fn suites(of: &[KeyExchange]) -> Vec<&'static Suite> {
    let wanted = |suite: &&Suite| of.contains(&suite.key_exchange) && openssl_has(suite);
    Suite::ALL.iter().filter(wanted).collect()
}

/// One handshake to make.
#[derive(Clone, Copy, Debug)]
struct Case {
    suite: &'static Suite,
    group: Option<NamedGroup>,
    authenticate: bool,
    encrypt_then_mac: bool,
}

impl Case {
    /// Each suite of these exchanges, over each of the groups that it takes; with the client's certificate and
    /// without; with CBC in either order.
    fn all(of: &[KeyExchange], groups: &[NamedGroup]) -> Vec<Self> {
        let mut cases = Vec::new();
        for suite in suites(of) {
            let named = suite.key_exchange.is_elliptic() || suite.key_exchange.is_finite_field();
            let groups = if named { groups.iter().copied().map(Some).collect() } else { vec![None] };
            let orders: &[bool] =
                if matches!(suite.protection, Protection::Cbc { .. }) { &[true, false] } else { &[false] };
            for group in groups {
                for encrypt_then_mac in orders.iter().copied() {
                    cases.push(Self { suite, group, authenticate: false, encrypt_then_mac });
                    // RFC 4279: with a pre-shared key no client certificate is asked for.
                    if suite.key_exchange.has_certificate() && !suite.key_exchange.has_psk() {
                        cases.push(Self { suite, group, authenticate: true, encrypt_then_mac });
                    }
                }
            }
        }
        cases
    }

    fn policy(&self) -> Policy {
        let mut groups: Vec<_> = self.group.into_iter().collect();
        // RFC 8422 section 5.1: the curve of an ECDSA certificate has to be offered as well.
        if !groups.contains(&NamedGroup::secp256r1) {
            groups.push(NamedGroup::secp256r1);
        }
        let mut policy = Policy::LEGACY
            .with_versions(&[ProtocolVersion::TLS_1_2])
            .with_cipher_suites(&[self.suite.code])
            .with_groups(&groups);
        policy.encrypt_then_mac = self.encrypt_then_mac;
        policy
    }

    /// What this side has to say of the connection.
    fn check(&self, info: &Info) {
        assert_eq!(info.suite, self.suite, "{self:?}");
        assert_eq!(info.group, self.group, "{self:?}");
        assert_eq!(info.forward_secret, self.suite.is_forward_secret(), "{self:?}");
        assert_eq!(info.encrypt_then_mac, self.encrypt_then_mac, "{self:?}");
        assert!(info.extended_master_secret, "{self:?}");
    }
}

struct House {
    authority: Authority,
    rsa: Issued,
    ec: Issued,
    client: Issued,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let [rsa, ec, client] = [Key::Rsa2048, Key::P256, Key::P256].map(|key| authority.issue(key));
        Self { rsa, ec, client, authority }
    }

    fn credential(&self, suite: &Suite) -> Credential {
        match suite.authentication {
            Authentication::Ecdsa => self.ec.credential(),
            _ => self.rsa.credential(),
        }
    }
}

fn psk() -> Arc<ExternalPsk> {
    Arc::new(ExternalPsk::new(IDENTITY, Secret::from(&PSK[..])))
}

fn opt_in() -> LegacyOptIn {
    LegacyOptIn::for_every_peer("a test of every exchange")
}

/// `s_server` with both certificates, the key, and every suite.
fn start_server(house: &House, arguments: &[&str]) -> openssl::Server {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-rev", "-tls1_2", "-cipher", EVERYTHING]);
    command.args(["-psk_identity", IDENTITY, "-psk", PSK_HEX]);
    for (flags, issued) in [(["-cert", "-key"], &house.rsa), (["-dcert", "-dkey"], &house.ec)] {
        command.arg(flags[0]).arg(&issued.certificate_file).arg(flags[1]).arg(&issued.key_file);
    }
    command.args(arguments);
    openssl::Server::listening(premaster_interop::Process::start(&mut command))
}

/// Our client and `s_server`, which writes the suite of each connection.
fn as_client(house: &House, server: &openssl::Server, nth: usize, case: &Case) {
    let mut config = ClientConfig::builder()
        .policy(case.policy())
        .verifier(house.authority.verifier())
        .external_psks([psk()])
        .allow_legacy(opt_in());
    if case.authenticate {
        config = config.credentials(Credentials::always(house.client.credential()));
    }
    let config = Arc::new(config.build().unwrap());
    let stream = Stream::connect(config, "localhost".try_into().unwrap(), connect(server.port))
        .unwrap_or_else(|error| panic!("{case:?}: {error}\n{}", server.process.written().text()));
    let info = stream.connection().info().unwrap().clone();
    case.check(&info);
    assert_eq!(info.peer.is_some_and(|peer| peer.is_verified()), case.suite.key_exchange.has_certificate());
    assert_eq!(info.own_scheme.is_some(), case.authenticate, "{case:?}");
    reversed(stream).unwrap_or_else(|error| panic!("{case:?}: {error}"));
    let theirs = server.process.wait_for("suite of this connection", |written| {
        let text = written.text();
        text.lines().filter_map(|line| line.strip_prefix("Ciphersuite: ")).nth(nth).map(str::to_owned)
    });
    assert_eq!(theirs, case.suite.openssl_name, "{case:?}");
}

/// Every case against servers that differ in what they ask of the client and in the order of CBC's two steps.
fn all_as_client(of: &[KeyExchange], groups: &[NamedGroup], parameters: Option<NamedGroup>) {
    let house = House::new();
    let ca = house.authority.file();
    let parameters = parameters.map(|group| dh_parameters(&house.authority, group));
    let mut common = Vec::new();
    if let Some(file) = &parameters {
        common.extend(["-dhparam", file.to_str().unwrap()]);
    }
    let cases = Case::all(of, groups);
    assert!(!cases.is_empty());
    for authenticate in [false, true] {
        for encrypt_then_mac in [false, true] {
            let cases: Vec<_> = cases
                .iter()
                .filter(|case| case.authenticate == authenticate && case.encrypt_then_mac == encrypt_then_mac)
                .collect();
            if cases.is_empty() {
                continue;
            }
            let mut arguments = common.clone();
            if authenticate {
                arguments.extend(["-Verify", "1", "-verify_return_error", "-CAfile", ca.to_str().unwrap()]);
            }
            // With AEAD suites the extension is for nobody; with CBC and without it, ours does not offer it.
            let server = start_server(&house, &arguments);
            for (nth, case) in cases.into_iter().enumerate() {
                as_client(&house, &server, nth, case);
            }
        }
    }
}

/// Our server and `s_client`.
fn as_server(house: &House, listener: &Listener, case: &Case) {
    let mut config = ServerConfig::builder()
        .policy(case.policy())
        .credentials(Credentials::always(house.credential(case.suite)))
        .external_psks(PskSource::These(Arc::new([psk()])))
        .psk_identity_hint("which of your keys")
        .allow_legacy(opt_in());
    if case.authenticate {
        config =
            config.client_authentication(ClientAuthentication::Required(house.authority.verifier().into()));
    }
    let cipher = format!("{}:@SECLEVEL=0", case.suite.openssl_name);
    let mut client = Client::new(&house.authority, listener.port())
        .version(ProtocolVersion::TLS_1_2)
        .arguments(&["-brief", "-cipher", &cipher, "-psk_identity", IDENTITY, "-psk", PSK_HEX]);
    if case.authenticate {
        client = client.certificate(&house.client);
    }
    let client = client.start();
    let stream = match Stream::accept(Arc::new(config.build().unwrap()), listener.accept()) {
        Ok(stream) => stream,
        Err(error) => panic!("{case:?}: {error}\n{}", client.kill().text()),
    };
    let info = stream.connection().info().unwrap().clone();
    case.check(&info);
    assert_eq!(info.peer.is_some_and(|peer| peer.is_verified()), case.authenticate, "{case:?}");
    let written = converse(stream, client).written;
    assert_eq!(written.line("Ciphersuite:").as_deref(), Some(case.suite.openssl_name), "{case:?}");
}

fn all_as_server(of: &[KeyExchange], groups: &[NamedGroup]) {
    let house = House::new();
    let listener = Listener::bind();
    let cases = Case::all(of, groups);
    assert!(!cases.is_empty());
    cases.iter().for_each(|case| as_server(&house, &listener, case));
}

const PSKS: [KeyExchange; 2] = [KeyExchange::Psk, KeyExchange::RsaPsk];

#[test]
fn the_table_misses_nothing_that_openssl_has() {
    need!(OpenSsl);
    let theirs = Command::new("openssl").args(["ciphers", EVERYTHING]).output().unwrap().stdout;
    let theirs = String::from_utf8(theirs).unwrap();
    let theirs: Vec<_> = theirs.trim().split(':').collect();
    for suite in Suite::ALL.iter().filter(|suite| suite.version() == ProtocolVersion::TLS_1_2) {
        let anonymous = suite.authentication == Authentication::Anonymous;
        let has = theirs.contains(&suite.openssl_name) && !anonymous;
        assert_eq!(openssl_has(suite), has, "{}", suite.name());
    }
}

#[test]
fn rsa_as_client() {
    need!(OpenSsl);
    all_as_client(&[KeyExchange::Rsa], &[], None);
}

#[test]
fn rsa_as_server() {
    need!(OpenSsl);
    all_as_server(&[KeyExchange::Rsa], &[]);
}

#[test]
fn ecdhe_as_client() {
    need!(OpenSsl);
    all_as_client(&[KeyExchange::Ecdhe], &CURVES, None);
}

#[test]
fn ecdhe_as_server() {
    need!(OpenSsl);
    all_as_server(&[KeyExchange::Ecdhe], &CURVES);
}

#[test]
fn dhe_as_client_with_named_groups() {
    need!(OpenSsl);
    // What OpenSSL sends as explicit parameters is recognised as the group it is.
    all_as_client(
        &[KeyExchange::Dhe, KeyExchange::DhePsk],
        &[NamedGroup::ffdhe2048],
        Some(NamedGroup::ffdhe2048),
    );
}

#[test]
fn dhe_as_client_with_larger_groups() {
    need!(OpenSsl);
    let house = House::new();
    let suite = Suite::parse("DHE-RSA-AES256-SHA256").unwrap();
    for group in FINITE_FIELDS {
        let file = dh_parameters(&house.authority, group);
        let server = start_server(&house, &["-dhparam", file.to_str().unwrap()]);
        let case = Case { suite, group: Some(group), authenticate: false, encrypt_then_mac: true };
        as_client(&house, &server, 0, &case);
    }
}

/// Without a file OpenSSL takes a group of RFC 3526: no name on the wire and none in RFC 7919, but a safe prime that
/// everybody knows. Its size is that of the certificate's strength or, without one, of the cipher's.
#[test]
fn dhe_as_client_with_explicit_parameters() {
    need!(OpenSsl);
    let house = House::new();
    let server = start_server(&house, &[]);
    let mut suites = suites(&[KeyExchange::Dhe, KeyExchange::DhePsk]);
    suites.retain(|suite| !gets_1024_bits(suite));
    for (nth, suite) in suites.into_iter().enumerate() {
        let encrypt_then_mac = matches!(suite.protection, Protection::Cbc { .. });
        as_client(&house, &server, nth, &Case { suite, group: None, authenticate: false, encrypt_then_mac });
    }
}

fn gets_1024_bits(suite: &Suite) -> bool {
    suite.key_exchange == KeyExchange::DhePsk && suite.key_block_layout().key == 16
}

#[test]
fn openssl_with_a_group_of_1024_bits_is_refused() {
    need!(OpenSsl);
    let house = House::new();
    let server = start_server(&house, &[]);
    let mut suites = suites(&[KeyExchange::DhePsk]);
    suites.retain(|suite| gets_1024_bits(suite));
    assert!(!suites.is_empty());
    for suite in suites {
        let case = Case { suite, group: None, authenticate: false, encrypt_then_mac: true };
        let config = ClientConfig::builder()
            .policy(case.policy())
            .verifier(house.authority.verifier())
            .external_psks([psk()])
            .allow_legacy(opt_in());
        let name = "localhost".try_into().unwrap();
        let config = Arc::new(config.build().unwrap());
        let error = Stream::connect(config, name, connect(server.port)).map(drop).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("group is smaller than this side's limit"), "{suite:?}: {said}");
    }
}

#[test]
fn dhe_as_server() {
    need!(OpenSsl);
    all_as_server(&[KeyExchange::Dhe, KeyExchange::DhePsk], &[NamedGroup::ffdhe2048]);
}

#[test]
fn dhe_as_server_with_larger_groups() {
    need!(OpenSsl);
    let house = House::new();
    let listener = Listener::bind();
    let suite = Suite::parse("DHE-RSA-AES256-SHA256").unwrap();
    for group in FINITE_FIELDS {
        as_server(
            &house,
            &listener,
            &Case { suite, group: Some(group), authenticate: false, encrypt_then_mac: true },
        );
    }
}

#[test]
fn psk_and_rsa_psk_as_client() {
    need!(OpenSsl);
    all_as_client(&PSKS, &[], None);
}

#[test]
fn psk_and_rsa_psk_as_server() {
    need!(OpenSsl);
    all_as_server(&PSKS, &[]);
}

#[test]
fn ecdhe_psk_as_client() {
    need!(OpenSsl);
    all_as_client(&[KeyExchange::EcdhePsk], &CURVES, None);
}

#[test]
fn ecdhe_psk_as_server() {
    need!(OpenSsl);
    all_as_server(&[KeyExchange::EcdhePsk], &CURVES);
}

#[test]
fn a_hint_changes_nothing() {
    need!(OpenSsl);
    let house = House::new();
    let parameters = dh_parameters(&house.authority, NamedGroup::ffdhe2048);
    let arguments = ["-psk_hint", "which of your keys", "-dhparam", parameters.to_str().unwrap()];
    let server = start_server(&house, &arguments);
    let wanted = [KeyExchange::Psk, KeyExchange::DhePsk, KeyExchange::EcdhePsk, KeyExchange::RsaPsk];
    for (nth, exchange) in wanted.into_iter().enumerate() {
        let suite = *suites(&[exchange]).first().unwrap();
        let group = match exchange {
            KeyExchange::EcdhePsk => Some(NamedGroup::x25519),
            KeyExchange::DhePsk => Some(NamedGroup::ffdhe2048),
            _ => None,
        };
        as_client(&house, &server, nth, &Case { suite, group, authenticate: false, encrypt_then_mac: true });
    }
}

/// Without encrypt-then-MAC because the other side does not want it, rather than because we do not.
#[test]
fn openssl_without_encrypt_then_mac() {
    need!(OpenSsl);
    let house = House::new();
    let server = start_server(&house, &["-no_etm"]);
    let config = |policy: Policy| {
        let builder = ClientConfig::builder().policy(policy).verifier(house.authority.verifier());
        Arc::new(builder.build().unwrap())
    };
    let listener = Listener::bind();
    for suite in suites(&[KeyExchange::Ecdhe]) {
        if !matches!(suite.protection, Protection::Cbc { .. }) {
            continue;
        }
        let policy =
            Policy::COMPATIBLE.with_versions(&[ProtocolVersion::TLS_1_2]).with_cipher_suites(&[suite.code]);
        let name = "localhost".try_into().unwrap();
        let stream = Stream::connect(config(policy.clone()), name, connect(server.port)).unwrap();
        assert!(!stream.connection().info().unwrap().encrypt_then_mac);
        reversed(stream).unwrap();
        let cipher = format!("{}:@SECLEVEL=0", suite.openssl_name);
        let client = Client::new(&house.authority, listener.port())
            .version(ProtocolVersion::TLS_1_2)
            .arguments(&["-no_etm", "-cipher", &cipher])
            .start();
        let server = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(house.credential(suite)))
            .build()
            .unwrap();
        let stream = Stream::accept(Arc::new(server), listener.accept()).unwrap();
        assert!(!stream.connection().info().unwrap().encrypt_then_mac);
        converse(stream, client);
    }
}
