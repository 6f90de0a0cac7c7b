//! Clients that are broken, as `serve` sees them.
use super::{relay::Relay, rsa};
use crate::support::{Certificates, Server, run};
use premaster_interop::{Process, Program, need};
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

/// What a server's log says of one client.
struct Logged(&'static str, &'static str, &'static str);

/// A server for one connection, and what it says of it.
#[track_caller]
fn check(case: &str, options: &str, expected: &Logged, client: impl FnOnce(u16)) {
    let server = Server::start(&format!("{options} --max-connections 1 --timeout 2"));
    client(server.port);
    let log = server.end().err;
    let Logged(verdict, field, change) = expected;
    for wanted in [format!(" {verdict}"), format!("field: {field}\n"), (*change).to_owned()] {
        assert!(log.contains(&wanted), "{case}: no «{wanted}» in {log}");
    }
}

fn openssl_client(port: u16, options: &str) {
    let mut command = Command::new(Program::OpenSsl.command());
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost"]);
    command.args(options.split_whitespace());
    Process::start(&mut command).finish();
}

#[test]
fn clients_of_openssl() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let stranger = Certificates::of("an authority of its own");
    let (good, ca) = (certificates.good(), certificates.ca());
    let rsa_key = rsa(&certificates).replace("-cert", "--cert").replace("-key", "--key");
    let expired = certificates.issue("expired", &["client"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let required = format!("{good} --client-ca {ca} --require-client-cert");
    let cases = [
        (
            "no shared suite",
            &rsa_key,
            "-tls1_2 -cipher AES128-GCM-SHA256".to_owned(),
            Logged(
                "no cipher suite in common",
                "cipher_suites",
                "--suite TLS_RSA_WITH_AES_128_GCM_SHA256 --legacy",
            ),
        ),
        (
            "no shared version",
            &good,
            "-tls1_1 -cipher DEFAULT:@SECLEVEL=0".to_owned(),
            Logged("no version in common", "supported_versions", "curl --tlsv1.3"),
        ),
        (
            "no shared group",
            &format!("{good} --group x25519"),
            "-groups P-384".to_owned(),
            Logged("no group in common", "supported_groups", "--group secp384r1"),
        ),
        (
            "an ECDSA key for a client of RSA",
            &format!("{good} --tls 1.3"),
            "-tls1_3 -sigalgs RSA-PSS+SHA256".to_owned(),
            Logged("cannot verify any signature", "signature_algorithms", "openssl req -newkey rsa:2048"),
        ),
        (
            "an ECDSA key for a client of RSA, TLS 1.2",
            &format!("{good} --tls 1.2"),
            "-tls1_2 -sigalgs RSA+SHA256".to_owned(),
            Logged("cannot verify any signature", "signature_algorithms", "openssl req -newkey rsa:2048"),
        ),
        (
            "an ECDSA key for suites of RSA",
            &format!("{good} --tls 1.2"),
            "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256".to_owned(),
            Logged("needs an RSA key in the certificate", "cipher_suites", "openssl req -newkey rsa:2048"),
        ),
        (
            "no shared protocol",
            &format!("{good} --alpn h2"),
            "-alpn http/1.1".to_owned(),
            Logged(
                "no application protocol in common",
                "application_layer_protocol_negotiation",
                "--alpn http/1.1",
            ),
        ),
        (
            "a client that does not trust",
            &good,
            format!("-verify_return_error -CAfile {}", stranger.ca()),
            Logged("does not trust CN=test authority", "issuer", "curl --cacert ca.pem"),
        ),
        (
            "a client that wants another name",
            &good,
            format!("-verify_return_error -CAfile {ca} -verify_hostname other.example"),
            Logged("refused the server's certificate", "certificate_list", "--cert new.pem --key new.key"),
        ),
        (
            "no client certificate, TLS 1.3",
            &required,
            "-tls1_3".to_owned(),
            Logged("insists on a client certificate", "certificate_list", "curl --cert client.pem"),
        ),
        (
            "no client certificate, TLS 1.2",
            &required,
            "-tls1_2".to_owned(),
            Logged("insists on a client certificate", "certificate_list", "curl --cert client.pem"),
        ),
        (
            "a client of another authority",
            &required,
            stranger.good().replace("--", "-"),
            Logged("does not trust CN=an authority of its own", "issuer", "--client-ca ca.pem"),
        ),
        (
            "a client whose certificate has expired",
            &required,
            expired.replace("--", "-"),
            Logged("the client's certificate expired", "notAfter", "renew the certificate"),
        ),
    ];
    for (case, server, client, expected) in &cases {
        check(case, server, expected, |port| openssl_client(port, client));
    }
}

#[test]
fn a_client_that_renegotiates() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let expected = Logged("the client wants another handshake", "ClientHello", "do not renegotiate");
    check("renegotiation", &format!("{} --echo", certificates.good()), &expected, |port| {
        let mut command = Command::new(Program::OpenSsl.command());
        command.args(["s_client", "-tls1_2", "-connect", &format!("127.0.0.1:{port}")]);
        let mut client = Process::start(&mut command);
        client.write(b"hello\n");
        client.wait_for_output(b"\nhello");
        client.write(b"R\n");
        client.finish();
    });
}

fn raw(port: u16, bytes: &[u8]) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.write_all(bytes).unwrap();
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let _ = socket.read_to_end(&mut Vec::new());
}

#[test]
fn clients_that_are_none() {
    let certificates = Certificates::new();
    let good = certificates.good();
    let ssl2 = b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80\x04\x00\x80\x05\x00\x80\x06\x00\x40\x07\x00\xc0";
    for (case, bytes, expected) in [
        ("SSL 2.0", &ssl2[..], Logged("SSL 2.0", "version", "curl --tlsv1.2")),
        (
            "plain HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            Logged("plain HTTP", "type", "curl https://HOST/"),
        ),
        (
            "a plaintext alert",
            b"\x15\x03\x03\x00\x02\x02\x28",
            Logged("the client refused with handshake_failure", "ClientHello", "log"),
        ),
        ("closed at once", b"", Logged("closed the connection without an alert", "ClientHello", "port scan")),
        (
            "half a hello",
            b"\x16\x03\x01\x02\x00\x01",
            Logged("closed the connection without an alert", "ClientHello", "port scan"),
        ),
    ] {
        check(case, &good, &expected, |port| raw(port, bytes));
    }
    check("silence", &good, &Logged("said nothing in time", "ClientHello", "--timeout 60"), |port| {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    });
}

/// The signature of the server no longer fits what the client sent.
fn change_random(bytes: &mut [u8]) {
    if bytes.starts_with(&[22, 3, 1]) && bytes.len() > 100 {
        bytes[20] ^= 1;
    }
}

#[test]
fn somebody_in_between() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("{} --www --max-connections 1", certificates.good()));
    let relay = Relay::to(server.port, change_random);
    let line =
        format!("connect localhost:{} --ca {} --tls 1.2 --json --no-probe", relay.port, certificates.ca());
    let verdict = run(&line).json()["diagnosis"].clone();
    super::Expected::new("wrong_signature", "server", "signature").check("a changed random", &verdict);
    relay.end();
    let log = server.end().err;
    assert!(log.contains("decrypt_error") && log.contains("whose turn:"), "{log}");
}
