//! Servers that no TLS library makes: what they say stands in the test.
use super::{Expected, mends, openssl_server, relay::Relay, rsa, verdict_of};
use crate::support::{Certificates, Server, run};
use premaster_interop::need;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

/// A server that plays the same scene with every client, until the test ends.
fn scripted(scene: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            scene(socket);
        }
    });
    port
}

/// The whole first record.
fn hello(socket: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 5];
    if socket.read_exact(&mut header).is_err() {
        return Vec::new();
    }
    let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    socket.read_exact(&mut hello).unwrap();
    hello
}

/// Says this, and listens until the client has gone, so that nothing is reset.
fn say_and_wait(mut socket: TcpStream, bytes: &[u8]) {
    socket.write_all(bytes).unwrap();
    wait(socket);
}

fn wait(mut socket: TcpStream) {
    while let Ok(1..) = socket.read(&mut [0; 4096]) {}
}

fn handshake(message: &[u8]) -> Vec<u8> {
    [&[22, 3, 3][..], &(message.len() as u16).to_be_bytes(), message].concat()
}

/// ServerHello of TLS 1.2 with this suite, and ServerHelloDone.
fn hello12(suite: [u8; 2]) -> Vec<u8> {
    let body = [&[3, 3][..], &[5; 32], &[0], &suite, &[0], &[0, 5, 0xff, 1, 0, 1, 0]].concat();
    let hello = [&[2, 0, 0, body.len() as u8][..], &body].concat();
    handshake(&[hello, vec![14, 0, 0, 0]].concat())
}

const SUITE: [u8; 2] = [0xc0, 0x2f];

fn has_supported_versions(hello: &[u8]) -> bool {
    hello.windows(4).any(|window| window[..3] == [0, 0x2b, 0])
}

#[test]
fn what_does_not_speak_tls() {
    let http = scripted(|mut socket| {
        hello(&mut socket);
        say_and_wait(socket, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    Expected::new("plain_http", "server", "type").check("HTTP", &verdict_of(&format!("localhost:{http}")));
    let smtp = scripted(|socket| say_and_wait(socket, b"220 mail.example ESMTP ready\r\n"));
    Expected::new("plain_text", "server", "type")
        .line("openssl s_client -starttls smtp -connect HOST:25")
        .check("SMTP", &verdict_of(&format!("localhost:{smtp}")));
}

#[test]
fn what_cannot_cope() {
    let certificates = Certificates::new();
    let intolerant = scripted(|mut socket| match has_supported_versions(&hello(&mut socket)) {
        true => say_and_wait(socket, &[21, 3, 1, 0, 2, 2, 50]),
        false => say_and_wait(socket, &hello12(SUITE)),
    });
    Expected::new("version_intolerance", "server", "supported_versions")
        .client("TLS 1.3")
        .server("TLS 1.2")
        .line("--tls 1.2")
        .check("version intolerance", &verdict_of(&format!("localhost:{intolerant}")));
    let hangs_up = scripted(|mut socket| match has_supported_versions(&hello(&mut socket)) {
        true => {}
        false => say_and_wait(socket, &hello12(SUITE)),
    });
    Expected::new("version_intolerance", "server", "supported_versions")
        .check("version intolerance without a word", &verdict_of(&format!("localhost:{hangs_up}")));
    // A server behind something that loses what does not fit into one packet.
    let server = Server::start(&format!("--www {}", certificates.good()));
    let behind = server.port;
    let drops = scripted(move |socket| {
        let mut front = [0; 1400];
        let peeked = socket.peek(&mut front).unwrap();
        if peeked == front.len() {
            return drop(std::thread::spawn(move || wait(socket)));
        }
        let server = TcpStream::connect(("127.0.0.1", behind)).unwrap();
        for (mut from, mut to) in
            [(socket.try_clone().unwrap(), server.try_clone().unwrap()), (server, socket)]
        {
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    let verdict = verdict_of(&format!("localhost:{drops} --ca {} --timeout 1", certificates.ca()));
    Expected::new("large_hello_dropped", "network", "key_share")
        .line("--group x25519")
        .check("large hello", &verdict);
    assert_eq!(verdict["certain"], true);
    mends("large hello", &verdict);
    server.kill();
}

#[test]
fn what_breaks_off() {
    let closed = scripted(|mut socket| {
        hello(&mut socket);
        socket.write_all(&hello12(SUITE)[..40]).unwrap();
        let _ = socket.shutdown(std::net::Shutdown::Write);
        wait(socket);
    });
    Expected::new("closed_in_handshake", "server", "ClientHello")
        .check("closed in the middle", &verdict_of(&format!("localhost:{closed}")));
    let reset = scripted(|mut socket| {
        // What was not read when a socket is closed makes it a reset.
        let _ = socket.read(&mut [0]);
    });
    Expected::new("reset_in_handshake", "network", "ClientHello")
        .check("reset", &verdict_of(&format!("localhost:{reset}")));
    let silent = scripted(|socket| drop(std::thread::spawn(move || wait(socket))));
    let verdict = verdict_of(&format!("localhost:{silent} --timeout 1 --group x25519"));
    Expected::new("silence", "network", "ClientHello").line("--timeout 60").check("silence", &verdict);
}

#[test]
fn what_refuses_in_one_word() {
    let alert = |code: u8| {
        scripted(move |mut socket| {
            hello(&mut socket);
            say_and_wait(socket, &[21, 3, 3, 0, 2, 2, code]);
        })
    };
    let name = "unrecognized_name";
    for (case, code, expected) in [
        (
            "unrecognized_name",
            112,
            Expected::new(name, "both", "server_name").client("localhost").line("server_name NAME;"),
        ),
        ("inappropriate_fallback", 86, Expected::new("inappropriate_fallback", "network", "cipher_suites")),
        ("unknown_psk_identity", 115, Expected::new("wrong_psk", "both", "identity")),
        ("internal_error", 80, Expected::new("refused", "both", "ClientHello")),
    ] {
        expected.check(case, &verdict_of(&format!("localhost:{}", alert(code))));
    }
    // What comes before the server's hello decides nothing: the client offered no TLS 1.1.
    let downgrade = scripted(|mut socket| {
        hello(&mut socket);
        let body = [&[3, 2][..], &[5; 32], &[0], &[0xc0, 0x13], &[0]].concat();
        say_and_wait(socket, &handshake(&[&[2, 0, 0, body.len() as u8][..], &body].concat()));
    });
    Expected::new("no_shared_version", "server", "supported_versions")
        .server("TLS 1.1")
        .check("a hello of TLS 1.1", &verdict_of(&format!("localhost:{downgrade}")));
    let sentinel = scripted(|mut socket| {
        hello(&mut socket);
        let random = [&[5; 24][..], b"DOWNGRD\x01"].concat();
        let body = [&[3, 3][..], &random, &[0], &SUITE, &[0]].concat();
        say_and_wait(socket, &handshake(&[&[2, 0, 0, body.len() as u8][..], &body].concat()));
    });
    Expected::new("downgrade", "network", "random")
        .check("downgrade", &verdict_of(&format!("localhost:{sentinel}")));
    let unoffered = scripted(|mut socket| {
        hello(&mut socket);
        say_and_wait(socket, &hello12([0, 0x2f]));
    });
    Expected::new("protocol_violation", "server", "cipher_suite")
        .check("a suite that was not offered", &verdict_of(&format!("localhost:{unoffered}")));
}

/// Renames extended_master_secret, so that the two ends see different handshakes and yet the same keys.
fn hide_extended_master_secret(bytes: &mut [u8]) {
    if let Some(at) = bytes.windows(4).position(|window| window == [0, 0x17, 0, 0]) {
        bytes[at..at + 2].copy_from_slice(&[0xfe, 0xed]);
    }
}

#[test]
fn a_handshake_that_somebody_changes() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let server = openssl_server(&format!("{} -tls1_2 -www", rsa(&certificates)));
    let relay = Relay::to(server.port, hide_extended_master_secret);
    let options = format!("--ca {} --policy legacy --legacy --tls 1.2 --no-probe", certificates.ca());
    let verdict = verdict_of(&format!("localhost:{} {options}", relay.port));
    Expected::new("wrong_finished", "network", "verify_data")
        .check("wrong Finished, as the server says", &verdict);
    relay.end();
}

#[test]
fn renegotiation() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let mut server = openssl_server(&format!("{} -tls1_2", rsa(&certificates)));
    let line =
        format!("connect localhost:{} --ca {} --get / --json --no-probe", server.port, certificates.ca());
    let client = std::thread::spawn(move || run(&line));
    server.process.wait_for_output(b"GET / HTTP/1.1");
    server.process.write(b"r\n");
    // OpenSSL goes on without; the second time is as good as the first.
    let document = client.join().unwrap().json();
    Expected::new("renegotiation_wanted", "server", "HelloRequest")
        .line("ssl_verify_client optional;")
        .check("renegotiation", &document["diagnosis"]);
}

#[test]
fn early_data_that_is_not_taken() {
    let certificates = Certificates::new();
    let good = certificates.good();
    let (file, keys) = (certificates.path("sessions"), certificates.path("ticket-keys"));
    let connect = |port: u16, options: &str| {
        let base =
            format!("connect localhost:{port} --ca {} --session {file} --get / --json", certificates.ca());
        run(&format!("{base} {options}")).ended(0, "").json()
    };
    let with = format!("--www {good} --ticket-keys {keys} --sessions memory");
    let server = Server::start(&format!("{with} --early-data 16384"));
    let port = server.port;
    assert!(connect(port, "")["diagnosis"].is_null());
    server.kill();
    let server = Server::start(&format!("{with} --listen 127.0.0.1:{port}"));
    let document = connect(port, "--early-data");
    assert_eq!(document["result"], "ok");
    Expected::new("early_data_refused", "server", "early_data")
        .line("ssl_early_data on;")
        .check("0-RTT", &document["diagnosis"]);
    server.kill();
}
