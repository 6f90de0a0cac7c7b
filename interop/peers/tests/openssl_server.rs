//! This library's client and OpenSSL's server.
use premaster::{
    ClientConfig, Error, Policy, Stream,
    config::ClientConfigBuilder,
    identity::Credentials,
    observe::{At, Direction, Event, Observer},
    wire::{ContentType, NamedGroup, ProtocolVersion, extension::MaxFragmentLength},
};
use premaster_interop::{
    Authority, Case, Key, Trickle, connect, need, noise,
    openssl::{self, CURVES, reversed},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];

fn config(
    authority: &Authority,
    change: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
) -> Arc<ClientConfig> {
    Arc::new(change(ClientConfig::builder().verifier(authority.verifier())).build().unwrap())
}

fn every_suite_and_group(key: Key) {
    let authority = Authority::new();
    let issued = authority.issue(key);
    let client = Arc::new(authority.issue(Key::Ed25519).credential());
    let ca = authority.file();
    let asking = ["-rev", "-Verify", "1", "-verify_return_error", "-CAfile", ca.to_str().unwrap()];
    let plain = openssl::Server::start(&issued, &["-rev"]);
    let asking = openssl::Server::start(&issued, &asking);
    let cases = Case::all(&Policy::MODERN, key, &CURVES);
    assert!(cases.len() >= 24, "{}", cases.len());
    for case in cases {
        for (server, authenticate) in [(&plain, false), (&asking, true)] {
            let policy = case.client_policy(Policy::MODERN);
            let config = config(&authority, |builder| match authenticate {
                true => builder.policy(policy).credentials(Credentials::always(client.clone())),
                false => builder.policy(policy),
            });
            let stream = Stream::connect(config, "localhost".try_into().unwrap(), connect(server.port))
                .unwrap_or_else(|error| panic!("{case:?}: {error}\n{}", server.process.written().text()));
            let info = stream.connection().info().unwrap().clone();
            assert_eq!((info.version, info.suite), (case.version(), case.suite), "{case:?}");
            assert_eq!(info.group, Some(case.group), "{case:?}");
            assert!(info.peer.is_some_and(|peer| peer.is_verified()), "{case:?}");
            assert_eq!(info.own_scheme.is_some(), authenticate, "{case:?}");
            assert!(info.forward_secret && info.extended_master_secret, "{case:?}");
            reversed(stream).unwrap_or_else(|error| panic!("{case:?}: {error}"));
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
    let ca = authority.file();
    let arguments = ["-rev", "-Verify", "1", "-verify_return_error", "-CAfile", ca.to_str().unwrap()];
    let server = openssl::Server::start(&authority.issue(Key::P256), &arguments);
    for key in Key::ALL {
        let credential = authority.credential(key);
        for version in VERSIONS {
            let policy = Policy::MODERN.with_versions(&[version]);
            let config = config(&authority, |builder| {
                builder.policy(policy).credentials(Credentials::always(credential.clone()))
            });
            let stream = Stream::connect(config, "localhost".try_into().unwrap(), connect(server.port));
            let stream = stream.unwrap_or_else(|error| panic!("{key:?} {version}: {error}"));
            assert!(stream.connection().info().unwrap().own_scheme.is_some(), "{key:?} {version}");
            reversed(stream).unwrap();
        }
    }
}

#[test]
fn a_client_certificate_that_is_missing_is_refused() {
    need!(OpenSsl);
    let authority = Authority::new();
    let ca = authority.file();
    let arguments = ["-rev", "-Verify", "1", "-CAfile", ca.to_str().unwrap()];
    let server = openssl::Server::start(&authority.issue(Key::P256), &arguments);
    for version in VERSIONS {
        let config = config(&authority, |builder| builder.policy(Policy::MODERN.with_versions(&[version])));
        let name = "localhost".try_into().unwrap();
        let refused = Stream::connect(config, name, connect(server.port)).and_then(reversed).unwrap_err();
        let refused = Stream::<std::net::TcpStream>::error(&refused).unwrap().to_string();
        // OpenSSL says certificate_required in TLS 1.3, handshake_failure in TLS 1.2.
        let alert =
            if version == ProtocolVersion::TLS_1_3 { "certificate_required" } else { "handshake_failure" };
        assert!(refused.contains(alert), "{version}: {refused}");
    }
}

#[test]
fn byte_at_a_time() {
    need!(OpenSsl);
    let authority = Authority::new();
    let ca = authority.file();
    let arguments = ["-rev", "-verify", "1", "-CAfile", ca.to_str().unwrap()];
    let server = openssl::Server::start(&authority.issue(Key::Rsa2048), &arguments);
    let credential = authority.credential(Key::Rsa2048);
    for version in VERSIONS {
        let config = config(&authority, |builder| {
            builder
                .policy(Policy::MODERN.with_versions(&[version]))
                .credentials(Credentials::always(credential.clone()))
        });
        let transport = Trickle(connect(server.port));
        reversed(Stream::connect(config, "localhost".try_into().unwrap(), transport).unwrap()).unwrap();
    }
}

#[test]
fn hello_retry_request() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    for wanted in CURVES.into_iter().skip(1) {
        let server = openssl::Server::start(&issued, &["-rev", "-groups", openssl::group_name(wanted)]);
        for offered in [NamedGroup::x25519, NamedGroup::X25519MLKEM768] {
            // Shares for a group that the server does not have, or for none.
            for shares in [&[offered][..], &[]] {
                let policy = Policy::MODERN.with_groups(&[offered, wanted]).with_key_shares(shares);
                let config = config(&authority, |builder| builder.policy(policy));
                let name = "localhost".try_into().unwrap();
                let stream = Stream::connect(config, name, connect(server.port)).unwrap();
                let info = stream.connection().info().unwrap();
                assert!(info.hello_retry && info.version == ProtocolVersion::TLS_1_3);
                assert_eq!(info.group, Some(wanted));
                reversed(stream).unwrap();
            }
        }
    }
}

#[test]
fn ten_megabytes_down() {
    need!(OpenSsl);
    let authority = Authority::new();
    let content = noise(10 << 20);
    let file = authority.directory().join("noise");
    std::fs::write(&file, &content).unwrap();
    let issued = authority.issue(Key::P256);
    let mut command = std::process::Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-WWW", "-cert"]).arg(&issued.certificate_file);
    command.arg("-key").arg(&issued.key_file).current_dir(authority.directory());
    let server = openssl::Server::listening(premaster_interop::Process::start(&mut command));
    for version in VERSIONS {
        let config = config(&authority, |builder| builder.policy(Policy::MODERN.with_versions(&[version])));
        let transport = connect(server.port);
        let mut stream = Stream::connect(config, "localhost".try_into().unwrap(), transport).unwrap();
        stream.write_all(b"GET /noise HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.0 200 ok"), "{version}");
        assert!(answer.ends_with(&content), "{version}: {} bytes", answer.len());
    }
}

#[test]
fn ten_megabytes_up_with_key_updates() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    let content = noise(10 << 20);
    for version in VERSIONS {
        let server = openssl::Server::start(&issued, &["-naccept", "1"]);
        let config = config(&authority, |builder| builder.policy(Policy::MODERN.with_versions(&[version])));
        let transport = connect(server.port);
        let mut stream = Stream::connect(config, "localhost".try_into().unwrap(), transport).unwrap();
        for (index, part) in content.chunks(1 << 20).enumerate() {
            stream.write_all(part).unwrap();
            if version == ProtocolVersion::TLS_1_3 {
                // Every other time the server has to update its keys too; it does with its next byte.
                stream.update_keys(index % 2 == 0).unwrap();
            }
        }
        stream.close().unwrap();
        // s_server says so in the middle of the data when a record, such as KeyUpdate, holds none.
        let written = server.process.wait().written.without(b"Read BLOCK\n");
        assert!(written.has_output(&content), "{version}: {} bytes", written.stdout.len());
    }
}

#[test]
fn the_server_updates_its_keys() {
    need!(OpenSsl);
    let authority = Authority::new();
    let mut server = openssl::Server::start(&authority.issue(Key::P256), &["-naccept", "1"]);
    let config = config(&authority, |builder| {
        builder.policy(Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_3]))
    });
    let stream = Stream::connect(config, "localhost".try_into().unwrap(), connect(server.port)).unwrap();
    let mut stream = BufReader::new(stream);
    // `k`: new keys for its own direction; `K`: and asks for ours.
    for (command, line) in [("k\n", "one\n"), ("K\n", "two\n"), ("K\n", "three\n")] {
        // s_server obeys a command only as the whole of one read.
        server.process.write(command.as_bytes());
        stream.get_mut().write_all(line.as_bytes()).unwrap();
        server.process.wait_for_output(line.as_bytes());
        server.process.write(line.as_bytes());
        let mut echoed = String::new();
        stream.read_line(&mut echoed).unwrap();
        assert_eq!(echoed, line);
    }
    stream.get_mut().close().unwrap();
}

#[test]
fn exported_keying_material() {
    need!(OpenSsl);
    let authority = Authority::new();
    let issued = authority.issue(Key::P256);
    for version in VERSIONS {
        let arguments = ["-keymatexport", "EXPORTER-premaster", "-keymatexportlen", "50", "-naccept", "1"];
        let server = openssl::Server::start(&issued, &arguments);
        let config = config(&authority, |builder| builder.policy(Policy::MODERN.with_versions(&[version])));
        let transport = connect(server.port);
        let mut stream = Stream::connect(config, "localhost".try_into().unwrap(), transport).unwrap();
        let theirs = server.process.wait_for_line("    Keying material: ");
        let mut ours = [0; 50];
        stream.connection().export("EXPORTER-premaster", None, &mut ours).unwrap();
        let ours: String = ours.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(ours, theirs, "{version}");
        stream.close().unwrap();
    }
}

#[test]
fn application_protocol_and_server_name() {
    need!(OpenSsl);
    let authority = Authority::new();
    let (one, other) = (authority.issue(Key::P256), authority.issue_with(Key::P256, "other.example", |_| {}));
    let (certificate, key) = (other.certificate_file.to_str().unwrap(), other.key_file.to_str().unwrap());
    let arguments =
        ["-rev", "-alpn", "http/1.1,h2", "-servername", "other.example", "-cert2", certificate, "-key2", key];
    let server = openssl::Server::start(&one, &arguments);
    for version in VERSIONS {
        // The context of s_server's second name has no application protocols.
        for (name, leaf, alpn) in [
            ("localhost", &one.certificate, Some(&b"http/1.1"[..])),
            ("other.example", &other.certificate, None),
        ] {
            let config = config(&authority, |builder| {
                builder.policy(Policy::MODERN.with_versions(&[version])).alpn(["h2", "http/1.1"])
            });
            let stream = Stream::connect(config, name.try_into().unwrap(), connect(server.port)).unwrap();
            let info = stream.connection().info().unwrap();
            assert_eq!(info.peer.as_ref().unwrap().leaf(), leaf.as_ref(), "{version} {name}");
            assert_eq!(info.alpn.as_deref(), alpn, "{version} {name}");
            reversed(stream).unwrap();
        }
    }
}

#[test]
fn a_handshake_that_openssl_refuses_says_why() {
    need!(OpenSsl);
    let authority = Authority::new();
    let server = openssl::Server::start(&authority.issue(Key::P256), &["-rev", "-tls1_2"]);
    let policy = Policy::MODERN.with_versions(&[ProtocolVersion::TLS_1_3]);
    let config = config(&authority, |builder| builder.policy(policy));
    let name = "localhost".try_into().unwrap();
    let error = Stream::connect(config, name, connect(server.port)).map(drop).unwrap_err();
    let error = Stream::<std::net::TcpStream>::error(&error).unwrap();
    assert!(matches!(error, Error::Refused(alert) if alert.to_string() == "protocol_version"), "{error}");
}

/// How long the longest record was that came with application data.
#[derive(Default)]
struct Longest(AtomicUsize);

impl Observer for Longest {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        if let Event::Content {
            direction: Direction::Received,
            content_type: ContentType::APPLICATION_DATA,
            plaintext,
            ..
        } = event
        {
            self.0.fetch_max(plaintext.len(), Ordering::Relaxed);
        }
    }
}

#[test]
fn the_servers_records_are_as_short_as_max_fragment_length_asks() {
    need!(OpenSsl);
    let authority = Authority::new();
    let server = openssl::Server::start(&authority.issue(Key::P256), &["-rev"]);
    for version in VERSIONS {
        for bytes in [512, 1024, 2048, 4096] {
            let longest = Arc::new(Longest::default());
            let config = config(&authority, |builder| {
                builder
                    .policy(Policy::MODERN.with_versions(&[version]))
                    .max_fragment_length(MaxFragmentLength::from_bytes(bytes).unwrap())
                    .observer(longest.clone())
            });
            let mut stream =
                Stream::connect(config, "localhost".try_into().unwrap(), connect(server.port)).unwrap();
            let line = "x".repeat(10_000) + "\n";
            stream.write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            BufReader::new(&mut stream).read_line(&mut answer).unwrap();
            assert_eq!(answer, line);
            assert_eq!(longest.0.load(Ordering::Relaxed), bytes, "{version}");
        }
    }
}
