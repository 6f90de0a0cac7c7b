//! What goes wrong before a connection is made, and how the command says so.
mod support;
use std::{fs, net::TcpListener};
use support::{Certificates, premaster, run};

#[test]
fn usage_errors() {
    for line in [
        "",
        "nothing",
        "connect",
        "connect example.org --tls 1.1",
        "connect example.org --suite TLS_NULL_WITH_NULL_NULL",
        "connect example.org --group secp192r1",
        "connect example.org --cert a.pem",
        "connect example.org --timeout 0",
        "connect example.org --brief --json",
        "connect example.org --get nowhere",
        "connect http://example.org",
        "connect example.org:99999",
        "serve --www --echo",
        "serve --listen nowhere",
        "serve --require-client-cert",
        "completions tcsh",
        "man nothing",
        "suite TLS_NULL_WITH_NULL_NULL",
        "group secp192r1",
    ] {
        let ran = run(line);
        assert_eq!(ran.code, 2, "{line}: {ran:#?}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{line}: {ran:#?}");
        assert!(!ran.err.contains("panicked") && !ran.err.contains("bug:"), "{line}: {ran:#?}");
    }
}

#[test]
fn suites_that_contradict_the_version() {
    run("connect example.org --tls 1.3 --suite ECDHE-RSA-AES128-GCM-SHA256")
        .ended(2, "none of the cipher suites");
    run("connect example.org --policy modern --kx dhe --tls 1.2").ended(2, "none of the cipher suites");
    run("connect example.org --suite 0x1301 --kx rsa --legacy").ended(2, "nothing is left");
}

#[test]
fn the_deprecated_exchanges_need_permission() {
    for line in
        ["connect localhost:1 --kx rsa", "serve --policy legacy", "connect localhost:1 --suite AES128-SHA"]
    {
        run(line).ended(2, "--legacy");
    }
    // With permission the next thing that fails is the connection.
    run("connect localhost:1 --kx rsa --legacy --insecure").ended(3, "cannot connect");
}

#[test]
fn names_that_do_not_resolve() {
    run("connect nothing.invalid").ended(3, "does not resolve");
}

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = run(&format!("connect 127.0.0.1:{port} --json --ca /dev/null"));
    ran.ended(6, "no certificate");
    let ran = run(&format!("connect 127.0.0.1:{port} --json")).ended(3, "cannot connect");
    assert_eq!((&ran.json()["result"], &ran.json()["exit_code"]), (&"failed".into(), &3.into()));
}

#[test]
fn port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = run(&format!("serve --listen {}", taken.local_addr().unwrap())).ended(3, "cannot listen on");
    assert_eq!(ran.err.lines().filter(|line| line.starts_with("error:")).count(), 1, "{ran:#?}");
}

#[test]
fn files_that_cannot_be_used() {
    let certificates = Certificates::new();
    let good = certificates.good();
    certificates.issue("other", &["localhost"], |_| {});
    let path = |name: &str| certificates.path(name);
    certificates.write("garbage.pem", b"\x00\x01garbage");
    let half = fs::read_to_string(path("good.pem")).unwrap();
    certificates.write("half.pem", &half.as_bytes()[..half.len() / 2]);
    certificates.write("empty.pem", b"");
    let serve = |cert: &str, key: &str| run(&format!("serve --cert {} --key {}", path(cert), path(key)));
    serve("good.pem", "other.key").ended(6, "does not belong to the certificate");
    serve("garbage.pem", "good.key").ended(6, "there is no certificate");
    serve("half.pem", "good.key").ended(6, "damaged");
    serve("good.pem", "empty.pem").ended(6, "there is no private key");
    serve("none.pem", "good.key").ended(2, "cannot read");
    run(&format!("connect localhost --ca {}", path("none.pem"))).ended(2, "cannot read");
    run(&format!("connect localhost --ca {}", path("garbage.pem"))).ended(6, "cannot be used");
    run(&format!("connect localhost --ca {}", certificates.dir().display())).ended(2, "cannot read");
    run(&format!("serve {good} --root {}", path("good.pem"))).ended(2, "cannot read");
    run(&format!("serve {good} --keylog {}", path("none/keys"))).ended(2, "key log");
    run(&format!("serve --ca-out {}", path("none/ca.pem"))).ended(2, "cannot write");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = premaster(["suite"]).spawn().unwrap();
    drop(child.stdout.take());
    let ran = support::Ran::from(child.wait_with_output().unwrap());
    assert!(ran.code == 0 && ran.err.is_empty(), "{ran:#?}");
}
