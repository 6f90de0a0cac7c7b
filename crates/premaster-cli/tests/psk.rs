//! `--psk`: connections between those who share a key.
mod support;
use std::{fs, path::Path};
use support::{Certificates, Server, run};

/// A file with this key, for its owner alone.
fn key(certificates: &Certificates, name: &str, digits: &str) -> String {
    let path = certificates.write(name, digits.as_bytes());
    owner_alone(&path);
    path.to_str().unwrap().to_owned()
}

#[cfg(unix)]
fn owner_alone(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn owner_alone(_: &Path) {}

const DIGITS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

#[test]
fn both_versions_and_every_exchange() {
    let certificates = Certificates::new();
    let file = key(&certificates, "psk", DIGITS);
    // Of what both sides can do in TLS 1.2 a server with keys prefers the exchanges with keys.
    let rsa = certificates.issue_with_key("rsa", &["localhost"], &rcgen::PKCS_RSA_SHA256, |_| {});
    for (server, client, expected) in [
        (
            "",
            "--tls 1.3",
            "TLSv1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768 forward-secret no-certificate psk=a:b",
        ),
        ("", "--tls 1.2", "TLSv1.2 TLS_ECDHE_PSK_WITH_"),
        ("--kx psk", "--kx psk", "TLSv1.2 TLS_PSK_WITH_"),
        ("--kx dhe-psk", "--kx dhe-psk", "TLSv1.2 TLS_DHE_PSK_WITH_"),
        ("--kx ecdhe-psk", "--kx ecdhe-psk", "TLSv1.2 TLS_ECDHE_PSK_WITH_"),
    ] {
        let options = format!("--echo --psk a:b:{file} {} {server}", certificates.good());
        let server = Server::start(&options);
        let ran = run(&format!("connect 127.0.0.1:{} --brief --psk a:b:{file} {client}", server.port));
        assert!(ran.code == 0 && ran.out.contains(&expected.replace("TLSv", "TLS")), "{client}: {ran:#?}");
        assert!(ran.out.contains("no-certificate"), "{client}: {ran:#?}");
        server.kill();
    }
    let server = Server::start(&format!("--echo --psk a:b:{file} {rsa} --kx rsa-psk --legacy"));
    let line = format!("connect 127.0.0.1:{} --brief --psk a:b:{file} --kx rsa-psk", server.port);
    run(&line).ended(2, "is not permitted");
    let line =
        format!("{line} --legacy --legacy-because firmware --ca {} --name localhost", certificates.ca());
    let ran = run(&line);
    assert!(ran.code == 0 && ran.out.contains("TLS_RSA_PSK_WITH_"), "{ran:#?}");
    assert!(ran.err.contains("deprecated exchanges are permitted: firmware"), "{ran:#?}");
    server.kill();
}

#[test]
fn another_key_of_the_same_name() {
    let certificates = Certificates::new();
    let (one, other) = (key(&certificates, "one", DIGITS), key(&certificates, "other", &"ab".repeat(32)));
    let server = Server::start(&format!("--echo --psk me:{one} {}", certificates.good()));
    for version in ["1.3", "1.2 --kx psk"] {
        let ran = run(&format!("connect 127.0.0.1:{} --brief --psk me:{other} --tls {version}", server.port));
        assert!(ran.code != 0 && ran.out.is_empty(), "{version}: {ran:#?}");
    }
    server.kill();
}

#[test]
fn files_that_hold_no_key() {
    let certificates = Certificates::new();
    for digits in ["0001020304", "not hexadecimal", ""] {
        let file = key(&certificates, "bad", digits);
        let ran = run(&format!("connect 127.0.0.1:9 --brief --psk me:{file}"));
        assert!(ran.code != 0 && ran.err.contains("holds no pre-shared key"), "{ran:#?}");
    }
    run("connect 127.0.0.1:9 --psk nothing").ended(2, "IDENTITY:FILE");
    run("connect 127.0.0.1:9 --psk me:/no/such/file").ended(2, "cannot read");
    run("connect 127.0.0.1:9 --kx psk").ended(2, "--psk IDENTITY:FILE");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_none() {
    use std::os::unix::fs::PermissionsExt;
    let certificates = Certificates::new();
    let file = key(&certificates, "open", DIGITS);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    run(&format!("connect 127.0.0.1:9 --psk me:{file}")).ended(2, "others can read the pre-shared key");
}
