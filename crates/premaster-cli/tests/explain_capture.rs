//! `premaster explain` on captures: the same trace as of a live connection, and the same forms.
#[path = "support/leaves.rs"]
mod leaves;

use premaster_trace::{Trace, model::Opens};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn data(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../premaster-capture/tests/data");
    directory.join(format!("openssl-four-sessions.{name}")).display().to_string()
}

fn explain(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_premaster"));
    command.arg("explain").args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn trace(arguments: &[&str]) -> Trace {
    let output = explain(&[arguments, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One session, with what is given.
fn stream(number: usize, keys: &[&str]) -> Trace {
    trace(&[&[&data("pcapng")[..], "--stream", &number.to_string()], keys].concat())
}

#[test]
fn the_same_document_as_of_a_live_connection() {
    let (capture, keys, rsa) = (data("pcapng"), data("keys"), data("rsa.key.pem"));
    let expected = [
        ("TLS 1.3", "ephemeral agreement over x25519"),
        ("TLS 1.2", "ECDHE over x25519"),
        ("TLS 1.2", "RSA"),
        ("TLS 1.3", "ephemeral agreement over x25519"),
    ];
    for (number, (version, exchange)) in expected.into_iter().enumerate() {
        for (opened, keys) in [
            (number < 3, &["--keylog", &keys[..], "--reveal"][..]),
            (number == 2, &["--rsa-key", &rsa]),
            (false, &["--redact"]),
        ] {
            let trace = stream(number, keys);
            assert!(trace.observed.is_empty());
            assert_eq!(trace.summary.version.as_deref(), Some(version));
            assert_eq!(trace.summary.key_exchange.as_deref(), Some(exchange));
            assert_eq!(trace.summary.established, opened, "{number} {keys:?}");
            assert_eq!(trace.summary.closed.is_none(), opened, "{number} {keys:?}");
            let records = || trace.flights.iter().flat_map(|flight| &flight.records);
            let closed = records().filter(|record| record.protection.is_some() && record.messages.is_empty());
            assert_eq!(closed.count() > 0, !opened, "{number} {keys:?}");
            leaves::cover_every_byte(&trace, &format!("stream {number} with {keys:?}"));
        }
    }
    let first = trace(&[&capture, "--keylog", &keys]);
    assert_eq!(first.title.split(", ").nth(1), stream(0, &[]).title.split(", ").nth(1));
}

#[test]
fn what_is_computed_from_the_capture() {
    let trace = stream(2, &["--rsa-key", &data("rsa.key.pem"), "--reveal"]);
    let names: Vec<&str> = trace.secrets.iter().map(|secret| &secret.name[..]).collect();
    assert_eq!(names[..3], ["pre_master_secret", "master_secret", "key_block"]);
    let commands = trace.secrets.iter().filter(|secret| !secret.commands.is_empty()).count();
    assert!(commands >= 4, "master_secret, key_block, both verify_data: {commands}");
    let leak = trace.exposure.iter().find(|exposure| exposure.leak == "the server's certificate key");
    assert_eq!(leak.unwrap().opens, Opens::EveryConnection);
    assert_eq!(trace.summary.forward_secret, Some(false));
    // Nobody has the keys of application data before the server has finished.
    let tls13 = stream(0, &["--keylog", &data("keys")]);
    let after = |name: &str| tls13.secrets.iter().find(|secret| secret.name == name).unwrap().after_record;
    assert!(after("server_handshake_traffic_secret") < after("client_application_traffic_secret_0"));
    let logged = stream(1, &["--keylog", &data("keys"), "--reveal"]);
    let master = logged.secrets.iter().find(|secret| secret.name == "master_secret").unwrap();
    assert_eq!(master.formula, "key log: CLIENT_RANDOM");
}

#[test]
fn every_form_and_eighty_columns() {
    let (capture, keys) = (data("pcapng"), data("keys"));
    for number in ["0", "1", "2", "3"] {
        for extra in [&[][..], &["--bytes", "--reveal"]] {
            let all = [&[&capture[..], "--keylog", &keys, "--stream", number], extra].concat();
            let output = explain(&all);
            assert_eq!(output.status.code(), Some(0));
            for line in text(&output.stdout).lines().filter(|line| !line.starts_with("   $ ")) {
                assert!(line.chars().count() <= 80, "{number}: {line}");
            }
            let mermaid = text(&explain(&[&all[..], &["--format", "mermaid"]].concat()).stdout);
            assert!(mermaid.contains("sequenceDiagram") && mermaid.contains("ServerHello"), "{mermaid}");
            let page = text(&explain(&[&all[..], &["--format", "html"]].concat()).stdout);
            assert!(page.trim_end().ends_with("</html>"));
            assert_eq!(page.contains("id=\"closed\""), number == "3");
        }
    }
}

#[test]
fn what_stays_closed_says_why_and_hides_names_when_asked() {
    let output = explain(&[&data("pcapng"), "--stream", "2"]);
    let told = text(&output.stdout);
    assert!(told.contains("What stays closed") && told.contains("CN=localhost"), "{told}");
    assert!(told.trim_end().lines().rev().take(2).any(|line| line.starts_with("Not decrypted: ")), "{told}");
    let redacted = text(&explain(&[&data("pcapng"), "--stream", "2", "--redact"]).stdout);
    assert!(redacted.contains("no_private_key") && !redacted.contains("localhost"), "{redacted}");
    assert!(!redacted.contains("127.0.0.1"), "{redacted}");
}

#[test]
fn from_stdin_and_compressed() {
    let whole = std::fs::read(data("pcapng")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_premaster"))
        .args(["explain", "-", "--keylog", &data("keys"), "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&whole).unwrap();
    let output = child.wait_with_output().unwrap();
    let piped: Trace = serde_json::from_slice(&output.stdout).unwrap();
    assert!(text(&output.stderr).starts_with("4 TLS sessions are in the capture"), "{output:?}");
    let file = stream(0, &["--keylog", &data("keys")]);
    assert_eq!((&piped.flights, &piped.secrets), (&file.flights, &file.secrets));
}

#[test]
fn the_secrets_inside() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.pcapng").display().to_string();
    let made = Command::new(env!("CARGO_BIN_EXE_premaster"))
        .args(["decrypt", &data("pcapng"), "--keylog", &data("keys"), "--write-pcapng", &copy])
        .output()
        .unwrap();
    assert_eq!(made.status.code(), Some(0));
    for number in ["0", "1", "2"] {
        let inside = trace(&[&copy, "--stream", number]);
        let given = trace(&[&data("pcapng"), "--stream", number, "--keylog", &data("keys")]);
        assert!(inside.summary.established);
        assert_eq!((&inside.flights, &inside.steps), (&given.flights, &given.steps));
    }
}

#[test]
fn what_cannot_be_explained() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> String {
        let path: PathBuf = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let whole = std::fs::read(data("pcapng")).unwrap();
    // What there is of it is told, and then that it is cut off.
    let cut = explain(&[&write("cut.pcapng", &whole[..whole.len() - 10]), "--keylog", &data("keys")]);
    assert_eq!(cut.status.code(), Some(7));
    assert!(text(&cut.stdout).contains("m1 ClientHello"));
    for (code, arguments) in [
        (2, &[&data("pcapng")[..], "--stream", "4"][..]),
        (2, &["nowhere.pcapng"]),
        (2, &["--stream", "1"]),
        (2, &["example.org", "--keylog", &data("keys")]),
        (6, &[&write("text.pcap", b"this is no capture")]),
        (6, &[&write("empty.pcap", b"")]),
        (6, &[&data("pcapng"), "--rsa-key", &write("key", b"no key")]),
    ] {
        let output = explain(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && output.stderr.starts_with(b"error: "), "{arguments:?}");
    }
}
