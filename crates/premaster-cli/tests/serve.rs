//! `serve`: what clients get, who may come, and how it ends.
mod support;
use premaster::{
    ClientConfig, Stream,
    identity::{ChainVerifier, Roots},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};
use support::{Certificates, Server, run};

fn stream(port: u16, ca: &str) -> Stream<TcpStream> {
    let mut roots = Roots::new();
    roots.add_pem(&fs::read(ca).unwrap()).unwrap();
    let config = ClientConfig::builder().verifier(ChainVerifier::new(roots)).build().unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    Stream::connect(Arc::new(config), "localhost".try_into().unwrap(), socket).unwrap()
}

/// Everything that the server says to these requests, each sent in a record of its own.
fn answer(port: u16, ca: &str, requests: &[&str]) -> String {
    let mut stream = stream(port, ca);
    for request in requests {
        stream.write_all(request.as_bytes()).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn the_page_comes_in_exactly_one_response() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--www {}", certificates.good()));
    for requests in [
        &["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"][..],
        &["GET / HTTP/1.0\r\n\r\n"],
        &["G", "ET /any/path?x HTTP/1.1\r\n", "Host: a\r\n", "\r\n"],
        &["GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"],
    ] {
        let answer = answer(server.port, &certificates.ca(), requests);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Connection: close"),
            "{answer}"
        );
        let length = format!("Content-Length: {}\r\n", body(&answer).len());
        assert!(answer.contains(&length) && answer.contains("TLS 1.3"), "{answer}");
    }
    let head = answer(server.port, &certificates.ca(), &["HEAD / HTTP/1.1\r\n\r\n"]);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body(&head).is_empty(), "{head}");
    let post = answer(server.port, &certificates.ca(), &["POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"]);
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("Allow: GET, HEAD"), "{post}");
    let bad = answer(server.port, &certificates.ca(), &["\x01\x02\r\n\r\n"]);
    assert!(bad.starts_with("HTTP/1.1 400 "), "{bad}");
    server.kill();
}

#[test]
fn files_and_nothing_else() {
    let certificates = Certificates::new();
    let site = certificates.dir().join("site");
    fs::create_dir(&site).unwrap();
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    fs::write(site.join("large.txt"), &large).unwrap();
    fs::write(site.join("index.html"), "<p>index</p>").unwrap();
    let server = Server::start(&format!("--root {} {}", site.display(), certificates.good()));
    let get =
        |path: &str| answer(server.port, &certificates.ca(), &[&format!("GET {path} HTTP/1.1\r\n\r\n")]);
    let index = get("/");
    assert!(index.contains("text/html") && body(&index) == "<p>index</p>", "{index}");
    assert!(body(&get("/large.txt")).as_bytes() == large);
    for path in ["/none", "/../ca.pem", "/%2e%2e/ca.pem", "/site/../../good.key"] {
        assert!(get(path).starts_with("HTTP/1.1 404 "), "{path}");
    }
    let fetched =
        run(&format!("connect localhost:{} --ca {} --get /large.txt", server.port, certificates.ca()));
    assert!(fetched.code == 0 && body(&fetched.out).as_bytes() == large);
    server.kill();
}

#[test]
fn without_a_certificate_it_makes_one() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    let server = Server::start(&format!("--www --name made.example --ca-out {}", ca.display()));
    let connect = |options: &str| run(&format!("connect 127.0.0.1:{} --brief {options}", server.port));
    connect(&format!("--ca {}", ca.display())).ended(0, "");
    connect(&format!("--ca {} --name made.example", ca.display())).ended(0, "");
    connect(&format!("--ca {} --name other.example", ca.display())).ended(5, "other.example");
    server.kill();
    let server = Server::start("--www --max-connections 1");
    run(&format!("connect 127.0.0.1:{}", server.port)).ended(5, "premaster local authority");
    let log = server.end().ended(0, "alert unknown_ca").err;
    let file = log.lines().find_map(|line| line.strip_prefix("the certificate's authority is in ")).unwrap();
    assert!(!fs::exists(file).unwrap(), "it is temporary");
}

#[test]
fn clients_show_who_they_are() {
    let certificates = Certificates::new();
    let good = certificates.good();
    let client = certificates.issue("client", &[], |_| {});
    let strangers = Certificates::of("another authority");
    let stranger = strangers.issue("stranger", &[], |_| {});
    for version in ["1.2", "1.3"] {
        let server =
            Server::start(&format!("--www {good} --client-ca {} --require-client-cert", certificates.ca()));
        let connect = |options: &str| {
            let ca = certificates.ca();
            run(&format!("connect localhost:{} --tls {version} --ca {ca} --brief {options}", server.port))
        };
        connect(&client).ended(0, "");
        connect("").ended(4, "--cert");
        connect(&stranger).ended(4, "unknown_ca");
        server.kill();
    }
    let server =
        Server::start(&format!("--www {good} --client-ca {} --max-connections 2", certificates.ca()));
    run(&format!("connect localhost:{} --ca {} {client}", server.port, certificates.ca()))
        .ended(0, "verified");
    run(&format!("connect localhost:{} --ca {}", server.port, certificates.ca())).ended(0, "verified");
    server.end().ended(0, "client CN=client, issued by CN=test authority");
}

#[test]
fn many_at_once() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--echo {}", certificates.good()));
    let mut streams: Vec<_> = (0..20).map(|_| stream(server.port, &certificates.ca())).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.write_all(format!("{number:04}").as_bytes()).unwrap();
    }
    for (number, stream) in streams.iter_mut().enumerate().rev() {
        let mut echo = [0; 4];
        stream.read_exact(&mut echo).unwrap();
        assert_eq!(echo, format!("{number:04}").as_bytes());
    }
    server.kill();
}

#[test]
fn clients_that_do_not_speak_tls_or_say_nothing() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--www {} --timeout 1 --max-connections 2", certificates.good()));
    let mut plain = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut alert = Vec::new();
    plain.read_to_end(&mut alert).unwrap();
    // A fatal alert, in a record of its own: unexpected_message.
    assert_eq!(alert, [21, 3, 3, 0, 2, 2, 10]);
    let mut silent = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).unwrap();
    let log = server.end().ended(0, "plain HTTP").err;
    assert!(log.contains("silent where ClientHello was due"), "{log}");
}

#[cfg(unix)]
#[test]
fn signals_end_it_cleanly() {
    let certificates = Certificates::new();
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(&format!("--echo {}", certificates.good()));
        let mut open = stream(server.port, &certificates.ca());
        open.write_all(b"ping").unwrap();
        let mut pong = [0; 4];
        open.read_exact(&mut pong).unwrap();
        let id = server.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        // The client hears a proper end.
        assert_eq!(open.read(&mut pong).unwrap(), 0, "{signal}");
        drop(open);
        let ran = server.end().ended(0, "closing");
        assert!(!ran.err.contains("broke"), "{ran:#?}");
    }
}

/// What the system says of the largest core dump that this process may leave.
#[cfg(target_os = "linux")]
fn core_limit(pid: u32) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
    line.split_whitespace().rev().nth(2).unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn keys_go_into_no_core_dump() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--www {}", certificates.good()));
    assert_eq!(core_limit(server.id()), "0");
    let open = Server::start(&format!("--www --debuggable {}", certificates.good()));
    assert_eq!(core_limit(open.id()), core_limit(std::process::id()));
}
