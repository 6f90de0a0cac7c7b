//! OpenSSL's client and this library's server.
use premaster::{
    Error, Policy, ServerConfig, Stream,
    config::{ClientAuthentication, ServerConfigBuilder},
    identity::{ByName, Credential, Credentials},
    wire::{ProtocolVersion, SignatureScheme},
};
use premaster_interop::{
    Authority, Case, Issued, Key, Listener, Trickle, need, noise,
    openssl::{CURVES, Client, converse, group_name},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    sync::Arc,
    thread,
};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];

fn config(
    credential: impl Into<Arc<Credential>>,
    change: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder().credentials(Credentials::always(credential));
    Arc::new(change(builder).build().unwrap())
}

fn only(version: ProtocolVersion) -> Policy {
    Policy::MODERN.with_versions(&[version])
}

fn every_suite_and_group(key: Key) {
    let authority = Authority::new();
    let credential = authority.credential(key);
    let client_certificate = authority.issue(Key::Ed25519);
    let listener = Listener::bind();
    for case in Case::all(&Policy::MODERN, key, &CURVES) {
        for authenticate in [false, true] {
            let config = config(credential.clone(), |builder| {
                let builder = builder.policy(case.policy(Policy::MODERN));
                match authenticate {
                    true => builder
                        .client_authentication(ClientAuthentication::Required(authority.verifier().into())),
                    false => builder,
                }
            });
            let client = Client::new(&authority, listener.port()).case(&case).arguments(&["-brief"]);
            let client = match authenticate {
                true => client.certificate(&client_certificate).start(),
                false => client.start(),
            };
            let stream = match Stream::accept(config, listener.accept()) {
                Ok(stream) => stream,
                Err(error) => panic!("{case:?} {authenticate}: {error}\n{}", client.kill().text()),
            };
            let info = stream.connection().info().unwrap().clone();
            assert_eq!((info.suite, info.group), (case.suite, Some(case.group)), "{case:?}");
            assert_eq!(info.peer.is_some_and(|peer| peer.is_verified()), authenticate, "{case:?}");
            assert!(info.forward_secret && info.extended_master_secret, "{case:?}");
            let written = converse(stream, client).written;
            assert_eq!(written.line("Ciphersuite:").as_deref(), Some(case.suite.openssl_name));
            assert_eq!(written.line("Verification:").as_deref(), Some("OK"), "{case:?}");
        }
    }
}

#[test]
fn every_suite_and_group_with_rsa() {
    need!(OpenSsl);
    every_suite_and_group(Key::Rsa2048);
}

#[test]
fn every_suite_and_group_with_p256() {
    need!(OpenSsl);
    every_suite_and_group(Key::P256);
}

#[test]
fn every_suite_and_group_with_p384() {
    need!(OpenSsl);
    every_suite_and_group(Key::P384);
}

#[test]
fn every_suite_and_group_with_p521() {
    need!(OpenSsl);
    every_suite_and_group(Key::P521);
}

#[test]
fn every_suite_and_group_with_ed25519() {
    need!(OpenSsl);
    every_suite_and_group(Key::Ed25519);
}

#[test]
fn every_kind_of_client_certificate() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    for key in Key::ALL {
        let issued = authority.issue(key);
        for version in VERSIONS {
            let config = config(credential.clone(), |builder| {
                builder
                    .policy(only(version))
                    .client_authentication(ClientAuthentication::Required(authority.verifier().into()))
            });
            let client =
                Client::new(&authority, listener.port()).version(version).certificate(&issued).start();
            let stream = Stream::accept(config, listener.accept()).unwrap();
            let peer = stream.connection().info().unwrap().peer.clone().unwrap();
            assert_eq!(peer.leaf(), issued.certificate.as_ref(), "{key:?} {version}");
            converse(stream, client);
        }
    }
}

#[test]
fn byte_at_a_time() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::Rsa2048);
    let issued = authority.issue(Key::Rsa2048);
    let listener = Listener::bind();
    for version in VERSIONS {
        let config = config(credential.clone(), |builder| {
            builder
                .policy(only(version))
                .client_authentication(ClientAuthentication::Optional(authority.verifier().into()))
        });
        let client = Client::new(&authority, listener.port()).version(version).certificate(&issued).start();
        converse(Stream::accept(config, Trickle(listener.accept())).unwrap(), client);
    }
}

#[test]
fn hello_retry_request() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    for wanted in CURVES {
        for offered in CURVES.into_iter().filter(|offered| *offered != wanted) {
            // The client sends a share for the first of its groups only.
            let groups = format!("{}:{}", group_name(offered), group_name(wanted));
            let client = Client::new(&authority, listener.port()).arguments(&["-groups", &groups]).start();
            let config =
                config(credential.clone(), |builder| builder.policy(Policy::MODERN.with_groups(&[wanted])));
            let stream = Stream::accept(config, listener.accept()).unwrap();
            let info = stream.connection().info().unwrap();
            assert!(info.hello_retry && info.group == Some(wanted), "{offered} {wanted}");
            converse(stream, client);
        }
    }
}

#[test]
fn ten_megabytes_down() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    let content = noise(10 << 20);
    for version in VERSIONS {
        let config = config(credential.clone(), |builder| builder.policy(only(version)));
        let client = Client::new(&authority, listener.port()).version(version);
        let client = client.arguments(&["-quiet"]).start();
        let mut stream = Stream::accept(config, listener.accept()).unwrap();
        for (index, part) in content.chunks(1 << 20).enumerate() {
            stream.write_all(part).unwrap();
            if version == ProtocolVersion::TLS_1_3 {
                stream.update_keys(index % 2 == 0).unwrap();
            }
        }
        stream.close().unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        drop(stream);
        assert!(client.wait().written.stdout == content, "{version}");
    }
}

#[test]
fn ten_megabytes_up() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    let content = noise(10 << 20);
    for version in VERSIONS {
        let config = config(credential.clone(), |builder| builder.policy(only(version)));
        let client = Client::new(&authority, listener.port()).version(version);
        // `-quiet` also keeps it from taking data for commands, and from leaving at the end of its input.
        let mut client = client.arguments(&["-quiet"]).start();
        let mut stdin = client.take_stdin().unwrap();
        let to_send = content.clone();
        let writer = thread::spawn(move || stdin.write_all(&to_send));
        let mut stream = Stream::accept(config, listener.accept()).unwrap();
        let mut received = vec![0; content.len()];
        stream.read_exact(&mut received).unwrap();
        writer.join().unwrap().unwrap();
        assert!(received == content, "{version}");
        stream.close().unwrap();
        drop(stream);
        assert!(client.wait().status.success());
    }
}

#[test]
fn the_client_updates_its_keys() {
    need!(OpenSsl);
    let authority = Authority::new();
    let listener = Listener::bind();
    let config =
        config(authority.credential(Key::P256), |builder| builder.policy(only(ProtocolVersion::TLS_1_3)));
    let mut client = Client::new(&authority, listener.port()).start();
    let mut stream = BufReader::new(Stream::accept(config, listener.accept()).unwrap());
    // `k`: new keys for its own direction; `K`: and asks for ours. It obeys a command only as the whole of
    // one read, and says so.
    for (round, (command, line)) in
        [("k\n", "one\n"), ("K\n", "two\n"), ("K\n", "three\n")].iter().enumerate()
    {
        client.write(command.as_bytes());
        client.wait_for("KEYUPDATE", |written| {
            (written.text().matches("KEYUPDATE").count() > round).then_some(())
        });
        client.write(line.as_bytes());
        let mut received = String::new();
        stream.read_line(&mut received).unwrap();
        assert_eq!(received, *line);
        stream.get_mut().write_all(line.as_bytes()).unwrap();
        client.wait_for_output(line.as_bytes());
    }
    stream.get_mut().close().unwrap();
    drop(stream);
    assert!(client.wait().status.success());
}

#[test]
fn exported_keying_material() {
    need!(OpenSsl);
    let authority = Authority::new();
    let credential = authority.credential(Key::P256);
    let listener = Listener::bind();
    for version in VERSIONS {
        let config = config(credential.clone(), |builder| builder.policy(only(version)));
        let client = Client::new(&authority, listener.port()).version(version);
        let client =
            client.arguments(&["-keymatexport", "EXPORTER-premaster", "-keymatexportlen", "50"]).start();
        let stream = Stream::accept(config, listener.accept()).unwrap();
        let mut ours = [0; 50];
        stream.connection().export("EXPORTER-premaster", None, &mut ours).unwrap();
        let ours: String = ours.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(client.wait_for_line("    Keying material: "), ours, "{version}");
        converse(stream, client);
    }
}

#[test]
fn application_protocol_and_server_name() {
    need!(OpenSsl);
    let authority = Authority::new();
    let one = authority.issue(Key::P256);
    let other = authority.issue_with(Key::Rsa2048, "other.example", |_| {});
    let names = ByName::new()
        .with("localhost", Arc::new(one.credential()))
        .with("other.example", Arc::new(other.credential()));
    let listener = Listener::bind();
    for version in VERSIONS {
        for (name, issued) in [("localhost", &one), ("other.example", &other)] {
            let builder = ServerConfig::builder().credentials(Credentials::by_name(names.clone()));
            let config = builder.policy(only(version)).alpn(["h2", "http/1.1"]).build().unwrap();
            let client = Client::new(&authority, listener.port()).version(version).arguments(&[
                "-servername",
                name,
                "-verify_hostname",
                name,
                "-alpn",
                "http/1.1,h2",
            ]);
            let client = client.start();
            let stream = Stream::accept(Arc::new(config), listener.accept()).unwrap();
            let info = stream.connection().info().unwrap();
            assert_eq!(info.alpn.as_deref(), Some(&b"h2"[..]), "{version}");
            assert_eq!(info.server_name.as_deref(), Some(name), "{version}");
            let written = converse(stream, client).written;
            assert_eq!(written.line("ALPN protocol:").as_deref(), Some("h2"), "{version}");
            let subject = format!("subject=CN = {name}");
            assert!(written.text().contains(&subject), "{version} {:?}", issued.certificate_file);
        }
    }
}

#[test]
fn stapled_ocsp_response() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    // The smallest OCSPResponse there is: tryLater (RFC 6960 section 4.2.1).
    let response = vec![0x30, 0x03, 0x0a, 0x01, 0x03];
    let listener = Listener::bind();
    for version in VERSIONS {
        let credential = issued.credential().with_ocsp(response.clone()).unwrap();
        let config = config(credential, |builder| builder.policy(only(version)));
        let client =
            Client::new(&authority, listener.port()).version(version).arguments(&["-status"]).start();
        let stream = Stream::accept(config, listener.accept()).unwrap();
        assert_eq!(client.wait_for_line("    OCSP Response Status:"), "trylater (0x3)", "{version}");
        converse(stream, client);
    }
}

/// What the client is told, and what this side makes of it, when it does not believe this server.
fn refused(authority: &Authority, issued: &Issued, alert: &str) {
    let listener = Listener::bind();
    for version in VERSIONS {
        let config = config(issued.credential(), |builder| builder.policy(only(version)));
        let client = Client::new(authority, listener.port()).version(version).start();
        // In TLS 1.3 the client's refusal may come only after the handshake: reading finds it.
        let error = Stream::accept(config, listener.accept())
            .and_then(|mut stream| stream.read(&mut [0; 1]).map(drop))
            .unwrap_err();
        let error = Stream::<std::net::TcpStream>::error(&error).unwrap();
        assert!(
            matches!(error, Error::Refused(said) if said.to_string() == alert),
            "{version}: {error}, not {alert}"
        );
        assert!(!client.wait().status.success());
    }
}

#[test]
fn a_client_that_does_not_believe_us_says_why() {
    need!(OpenSsl);
    let authority = Authority::new();
    let expired = authority.issue_with(Key::P256, "localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    refused(&authority, &expired, "certificate_expired");
    let stranger = Authority::new();
    refused(&authority, &stranger.issue(Key::P256), "unknown_ca");
}

/// In TLS 1.2 an ECDSA scheme names a hash alone: whichever the client offers goes with every curve.
#[test]
fn every_curve_signs_with_every_hash_in_tls12() {
    need!(OpenSsl);
    let authority = Authority::new();
    let listener = Listener::bind();
    for key in [Key::P256, Key::P384, Key::P521] {
        let credential = authority.credential(key);
        for (hash, scheme) in [
            ("ECDSA+SHA256", SignatureScheme::ecdsa_secp256r1_sha256),
            ("ECDSA+SHA384", SignatureScheme::ecdsa_secp384r1_sha384),
            ("ECDSA+SHA512", SignatureScheme::ecdsa_secp521r1_sha512),
        ] {
            let config = config(credential.clone(), |builder| builder.policy(only(ProtocolVersion::TLS_1_2)));
            let client = Client::new(&authority, listener.port()).version(ProtocolVersion::TLS_1_2);
            let client = client.arguments(&["-brief", "-sigalgs", hash]).start();
            let stream = match Stream::accept(config, listener.accept()) {
                Ok(stream) => stream,
                Err(error) => panic!("{key:?} {hash}: {error}\n{}", client.kill().text()),
            };
            assert_eq!(stream.connection().info().unwrap().own_scheme, Some(scheme), "{key:?}");
            let written = converse(stream, client).written;
            assert_eq!(written.line("Verification:").as_deref(), Some("OK"), "{key:?} {hash}");
        }
    }
}
