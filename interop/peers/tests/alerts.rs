//! The alerts that OpenSSL hears from this library, when it refuses what OpenSSL does.
use premaster::{
    ClientConfig, Error, Policy, ServerConfig, Stream,
    config::{ClientAuthentication, ServerConfigBuilder},
    identity::Credentials,
    wire::{CipherSuite, NamedGroup, ProtocolVersion},
};
use premaster_interop::{
    Authority, Issued, Key, Listener, connect, need,
    openssl::{Client, Server, version_flag},
};
use std::{io::Read, net::TcpStream, sync::Arc};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];

/// A client of ours refuses OpenSSL's server, which hears `alert`.
fn client_refuses(authority: &Authority, issued: &Issued, name: &'static str, alert: &str) {
    for version in VERSIONS {
        let server = Server::start(issued, &["-naccept", "1", version_flag(version)]);
        let config = ClientConfig::builder().verifier(authority.verifier()).build().unwrap();
        let transport = connect(server.port);
        let error = Stream::connect(Arc::new(config), name.try_into().unwrap(), transport).map(drop);
        let error = error.unwrap_err();
        let error = Stream::<TcpStream>::error(&error).unwrap();
        assert!(matches!(error, Error::Untrusted(_)), "{version}: {error}");
        let said = server.process.finish().written.text();
        assert!(said.contains(alert), "{version}: {error}; not {alert}:\n{said}");
    }
}

#[test]
fn expired_certificate() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue_with(Key::P256, "localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    client_refuses(&authority, &issued, "localhost", "alert certificate expired");
}

#[test]
fn unknown_authority() {
    need!(OpenSsl);
    let stranger = Authority::new();
    client_refuses(&Authority::new(), &stranger.issue(Key::P256), "localhost", "alert unknown ca");
}

#[test]
fn wrong_name() {
    need!(OpenSsl);
    let authority = Authority::new();
    client_refuses(&authority, &authority.issue(Key::P256), "elsewhere.example", "alert bad certificate");
}

#[test]
fn certificate_for_another_purpose() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue_with(Key::P256, "localhost", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    client_refuses(&authority, &issued, "localhost", "alert unsupported certificate");
}

/// A server of ours refuses OpenSSL's client, which hears `alert`.
fn server_refuses(
    authority: &Authority,
    change: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    client: impl FnOnce(Client) -> Client,
    alert: &str,
) {
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    let builder = ServerConfig::builder().credentials(Credentials::always(credential));
    let config = Arc::new(change(builder).build().unwrap());
    let client = client(Client::new(authority, listener.port())).start();
    let error = Stream::accept(config, listener.accept())
        .and_then(|mut stream| stream.read(&mut [0; 1]).map(drop))
        .unwrap_err();
    let finished = client.wait();
    assert!(!finished.status.success());
    let said = finished.written.text();
    assert!(said.contains(alert), "{error}; not {alert}:\n{said}");
}

#[test]
fn no_common_version() {
    need!(OpenSsl);
    let policy = || Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_3]);
    let authority = Authority::new();
    let change = |builder: ServerConfigBuilder| builder.policy(policy());
    server_refuses(&authority, change, |client| client.arguments(&["-tls1_2"]), "alert protocol version");
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    server_refuses(&authority, |builder| builder, |client| client.arguments(&old), "alert protocol version");
}

#[test]
fn no_common_suite() {
    need!(OpenSsl);
    let authority = Authority::new();
    let policy = Policy::MODERN.with_cipher_suites(&[
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ]);
    for arguments in [
        ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ] {
        let change = |builder: ServerConfigBuilder| builder.policy(policy.clone());
        server_refuses(&authority, change, |client| client.arguments(&arguments), "alert handshake failure");
    }
}

#[test]
fn no_common_group() {
    need!(OpenSsl);
    let authority = Authority::new();
    for version in ["-tls1_3", "-tls1_2"] {
        let policy = Policy::MODERN.with_groups(&[NamedGroup::secp384r1]);
        server_refuses(
            &authority,
            |builder| builder.policy(policy),
            |client| client.arguments(&[version, "-groups", "X25519:P-256"]),
            "alert handshake failure",
        );
    }
}

#[test]
fn no_common_application_protocol() {
    need!(OpenSsl);
    let authority = Authority::new();
    for version in ["-tls1_3", "-tls1_2"] {
        server_refuses(
            &authority,
            |builder| builder.alpn(["h2"]),
            |client| client.arguments(&[version, "-alpn", "gopher"]),
            "alert no application protocol",
        );
    }
}

#[test]
fn client_certificates_that_are_not_accepted() {
    need!(OpenSsl);
    let authority = Authority::new();
    let elsewhere = Authority::new();
    let stranger = elsewhere.issue(Key::P256);
    let expired = authority.issue_with(Key::P256, "client", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let missing = [("-tls1_3", "alert certificate required"), ("-tls1_2", "alert handshake failure")];
    for (version, missing) in missing {
        let required = |builder: ServerConfigBuilder| {
            builder.client_authentication(ClientAuthentication::Required(authority.verifier().into()))
        };
        server_refuses(&authority, required, |client| client.arguments(&[version]), missing);
        for (issued, alert) in [(&stranger, "alert unknown ca"), (&expired, "alert certificate expired")] {
            let optional = |builder: ServerConfigBuilder| {
                builder.client_authentication(ClientAuthentication::Optional(authority.verifier().into()))
            };
            server_refuses(
                &authority,
                optional,
                |client| client.arguments(&[version]).certificate(issued),
                alert,
            );
        }
    }
}
