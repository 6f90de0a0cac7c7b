//! `connect` against servers that do what they should, and against some that do not.
mod support;
use premaster::{
    ServerConfig, Stream,
    identity::{Credential, Credentials},
};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::JoinHandle,
};
use support::{Certificates, Server, premaster, run, run_with};

/// A server of one connection that does whatever `serve` does.
fn peer<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, std::thread::spawn(move || serve(listener.accept().unwrap().0)))
}

fn server_config(certificates: &Certificates) -> Arc<ServerConfig> {
    certificates.good();
    let read = |name: &str| fs::read(certificates.path(name)).unwrap();
    let credential = Credential::from_pem(&read("good.pem"), &read("good.key")).unwrap();
    Arc::new(ServerConfig::builder().credentials(Credentials::always(credential)).build().unwrap())
}

#[test]
fn both_directions_at_once() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--echo {}", certificates.good()));
    let data: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for version in ["1.2", "1.3"] {
        let line = format!("connect 127.0.0.1:{} --tls {version} --ca {} -q", server.port, certificates.ca());
        let mut child = premaster(line.split(' ')).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let sent = data.clone();
        let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stdout == data, "{version}: {} bytes came back", output.stdout.len());
    }
    server.kill();
}

#[test]
fn closed_stdin_ends() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--echo {}", certificates.good()));
    let ran = run(&format!("connect 127.0.0.1:{} --ca {}", server.port, certificates.ca()));
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:#?}");
    assert!(ran.err.contains("forward secret") && ran.err.contains("verified"), "{ran:#?}");
    server.kill();
}

#[test]
fn certificates_that_are_not_believed() {
    let certificates = Certificates::new();
    let expired = certificates.issue("expired", &["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let other = certificates.issue("other", &["other.example"], |_| {});
    let good = certificates.good();
    for (credential, ca, why, remedy) in [
        (&expired, Some(certificates.ca()), "expired", "renew"),
        (&other, Some(certificates.ca()), "not for localhost, but for other.example", "--name"),
        (&good, None, "issuer is not trusted: CN=test authority", "--ca"),
    ] {
        let server = Server::start(&format!("--www {credential}"));
        let ca = ca.map_or_else(String::new, |ca| format!("--ca {ca}"));
        let ran = run(&format!("connect localhost:{} {ca} --brief", server.port)).ended(5, why);
        assert!(ran.err.contains("certificate: CN="), "{ran:#?}");
        assert!(ran.out.is_empty() && ran.err.contains(remedy) && ran.err.contains("rule: RFC "), "{ran:#?}");
        // Whoever insists gets the connection, and the verdict all the same.
        let ran = run(&format!("connect localhost:{} {ca} --brief --insecure", server.port)).ended(0, why);
        assert!(ran.err.contains("warning: --insecure") && ran.out.contains(" not-verified"), "{ran:#?}");
        server.kill();
    }
    let server = Server::start(&format!("--www {other} --max-connections 1"));
    let line = format!("connect localhost:{} --ca {} --name other.example", server.port, certificates.ca());
    run(&line).ended(0, ": verified");
    let log = server.end().ended(0, "name=other.example").err;
    assert!(!log.contains("failed"), "{log}");
}

#[test]
fn json_is_all_there_is_on_stdout() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--www {} --alpn http/1.1", certificates.good()));
    let line = format!(
        "connect 127.0.0.1:{} --ca {} --json --alpn http/1.1 --group secp384r1 --get /",
        server.port,
        certificates.ca()
    );
    let document = run(&line).ended(0, "").json();
    assert_eq!(document["schema_version"], 1);
    assert_eq!((&document["result"], &document["exit_code"]), (&"ok".into(), &0.into()));
    let handshake = &document["handshake"];
    assert_eq!((&handshake["version"], &handshake["group"]), (&"TLS 1.3".into(), &"secp384r1".into()));
    assert_eq!((&handshake["alpn"], &handshake["forward_secret"]), (&"http/1.1".into(), &true.into()));
    assert_eq!(document["peer"]["chain"][0]["subject"], "CN=good");
    assert_eq!(document["response"]["status"], 200);
    server.kill();
}

#[test]
fn nothing_in_common_shows_both_lists() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--www {} --group secp384r1 --tls 1.3", certificates.good()));
    let connect = |options: &str| {
        run(&format!("connect localhost:{} --ca {} {options}", server.port, certificates.ca()))
    };
    let ran =
        connect("--group x25519 --tls 1.3").ended(4, "the peer refused with the alert handshake_failure");
    assert!(ran.err.contains("--group"), "{ran:#?}");
    connect("--tls 1.2").ended(4, "protocol_version");
    // A group that has to be asked for with a HelloRetryRequest is one in common.
    connect("--group x25519 --group secp384r1").ended(0, "secp384r1");
    server.kill();
}

#[test]
fn peers_that_do_not_speak_tls() {
    let (port, server) = peer(|mut socket| {
        let mut hello = [0; 1024];
        let _ = socket.read(&mut hello).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").unwrap();
    });
    run(&format!("connect 127.0.0.1:{port}")).ended(4, "plain HTTP");
    server.join().unwrap();

    let (port, server) = peer(drop);
    let ran = run(&format!("connect 127.0.0.1:{port}"));
    assert!([3, 4].contains(&ran.code), "closed or reset, by the kernel's choice: {ran:#?}");
    assert!(ran.err.contains("try:"), "{ran:#?}");
    server.join().unwrap();

    let (port, server) = peer(|mut socket| {
        let mut everything = Vec::new();
        // Until the client has had enough.
        let _ = socket.read_to_end(&mut everything);
        everything
    });
    run(&format!("connect 127.0.0.1:{port} --timeout 1")).ended(3, "silent where ServerHello was due");
    assert_eq!(server.join().unwrap()[0], 22);
}

#[test]
fn a_peer_that_is_cut_off() {
    let certificates = Certificates::new();
    let config = server_config(&certificates);
    let (port, server) = peer(move |socket| {
        let mut stream = Stream::accept(config, socket).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this").unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).unwrap();
        // Closed without close_notify.
        drop(stream);
    });
    let ran = run(&format!("connect localhost:{port} --ca {} --get /", certificates.ca()));
    assert!(ran.out.ends_with("only this"), "{ran:#?}");
    ran.ended(7, "without close_notify");
    server.join().unwrap();
}

#[test]
fn a_server_that_does_not_close_is_left() {
    let certificates = Certificates::new();
    let config = server_config(&certificates);
    let (port, server) = peer(move |socket| {
        let mut stream = Stream::accept(config, socket).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut rest = Vec::new();
        // Hears the client's close_notify, and keeps the socket open until the client is gone.
        stream.read_to_end(&mut rest).unwrap();
        let _ = stream.get_mut().read_to_end(&mut Vec::new());
        rest
    });
    let line = format!("connect localhost:{port} --ca {} --timeout 1", certificates.ca());
    let ran = run_with(&line, b"to the server").ended(0, "has not closed");
    assert_eq!(ran.out, "hello");
    assert_eq!(server.join().unwrap(), b"to the server");
}

#[test]
fn the_key_log_has_the_secrets_of_both_versions() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--www {}", certificates.good()));
    let keys = certificates.path("keys");
    let base = format!("connect localhost:{} --ca {}", server.port, certificates.ca());
    run(&format!("{base} --tls 1.2 --keylog {keys}")).ended(0, "secrets are appended");
    let line = format!("{base} --tls 1.3");
    let output = premaster(line.split(' ')).env("SSLKEYLOGFILE", &keys).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log = fs::read_to_string(&keys).unwrap();
    let labels: Vec<&str> = log.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "CLIENT_RANDOM",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    ];
    assert_eq!(labels, expected, "{log}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    }
    server.kill();
}

#[test]
fn what_a_peer_says_cannot_drive_the_terminal() {
    let certificates = Certificates::new();
    let evil = certificates.issue("evil", &["localhost"], |params| {
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "\u{1b}]0;owned\u{7}\u{202e}");
    });
    let server = Server::start(&format!("--www {evil}"));
    let ran = run(&format!("connect localhost:{} --ca {}", server.port, certificates.ca())).ended(0, "owned");
    assert!(!ran.err.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{ran:#?}");
    server.kill();
}

#[test]
fn deprecated_exchanges_work_and_warn() {
    let certificates = Certificates::new();
    let rsa = certificates.issue_with_key("rsa", &["localhost"], &rcgen::PKCS_RSA_SHA256, |params| {
        params.key_usages =
            vec![rcgen::KeyUsagePurpose::DigitalSignature, rcgen::KeyUsagePurpose::KeyEncipherment];
    });
    let server = Server::start(&format!("--www {rsa} --policy legacy --legacy"));
    let connect = |options: &str| {
        run(&format!("connect localhost:{} --ca {} --brief {options}", server.port, certificates.ca()))
    };
    let ran = connect("--kx rsa --legacy").ended(0, "RFC 10015");
    assert!(ran.out.contains("TLS_RSA_WITH_") && ran.out.contains("not-forward-secret"), "{ran:#?}");
    let ran = connect("--kx dhe --group ffdhe3072 --tls 1.2").ended(0, "");
    assert!(ran.out.contains("TLS_DHE_RSA_WITH_") && ran.out.contains("ffdhe3072"), "{ran:#?}");
    let ran = connect("--suite ECDHE-RSA-AES128-SHA").ended(0, "RFC 9325");
    assert!(ran.out.contains("CBC_SHA ") && ran.out.contains(" forward-secret"), "{ran:#?}");
    // Without permission nothing weak is offered, whatever the server would take.
    let ran = connect("").ended(0, "");
    assert!(ran.out.contains("TLS1.3") && ran.err.is_empty(), "{ran:#?}");
    server.kill();
}
