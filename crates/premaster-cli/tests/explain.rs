//! `premaster explain` on connections that are really made.
use premaster_trace::{
    Trace,
    model::{Side, Until},
};
use std::{net::TcpListener, process::Command};

fn explain(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_premaster")).arg("explain").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn both_ends_inside_this_process() {
    for arguments in [
        &["--tls", "1.3"][..],
        &["--tls", "1.2"],
        &["--tls", "1.2", "--group", "secp256r1", "--suite", "ECDHE-ECDSA-AES256-GCM-SHA384"],
        &["--group", "x25519", "--suite", "TLS_CHACHA20_POLY1305_SHA256"],
    ] {
        let (code, out, err) = explain(&[arguments, &["--format", "json"]].concat());
        assert_eq!(code, Some(0), "{arguments:?}: {err}");
        let trace: Trace = serde_json::from_str(&out).unwrap();
        assert_eq!(trace.observed, [Side::Client, Side::Server]);
        assert!(trace.summary.established && trace.summary.forward_secret == Some(true), "{arguments:?}");
        assert!(trace.secrets.iter().all(|secret| secret.agrees != Some(false)));
        assert!(
            trace.secrets.iter().all(|secret| secret.public || secret.value.is_none()),
            "nothing was revealed"
        );
        let (_, told, _) = explain(arguments);
        assert!(
            told.trim_end().lines().rev().take(3).any(|line| line.starts_with("Forward secret")),
            "{told}"
        );
    }
}

#[test]
fn nobody_there() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, out, err) = explain(&[&address]);
    assert_eq!(code, Some(3));
    assert!(out.is_empty() && err.starts_with("error: "), "{err}");
}

#[test]
fn what_contradicts_itself() {
    assert_eq!(explain(&["--demo", "tls13", "example.org"]).0, Some(2));
    assert_eq!(explain(&["--reveal", "--redact"]).0, Some(2));
    assert_eq!(explain(&["--demo", "nothing"]).0, Some(2));
}

/// Nothing of a connection that is over is left, and no key made for it outlived the agreement.
#[test]
fn the_receipt_tells_when_each_secret_was_erased() {
    for version in ["1.2", "1.3"] {
        let output = Command::new(env!("CARGO_BIN_EXE_premaster"))
            .args(["explain", "--receipt", "--tls", version])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        let (head, receipt) = told.split_once("The receipt: ").unwrap();
        assert!(!head.contains("ClientHello"), "the story is left out: {head}");
        assert!(
            receipt.contains("ephemeral key, ") && receipt.contains("What opens if it leaks"),
            "{receipt}"
        );
        assert!(receipt.contains("held by nobody: the client erased it after m"), "{receipt}");
        assert!(!receipt.contains("held still"), "{receipt}");
        assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    }
}

/// What the page and the terminal show is in the trace: when, in messages and in time.
#[test]
fn the_trace_has_the_receipt() {
    for version in ["1.2", "1.3"] {
        let (code, out, err) = explain(&["--tls", version, "--format", "json"]);
        assert_eq!(code, Some(0), "{err}");
        let trace: Trace = serde_json::from_str(&out).unwrap();
        let lives = &trace.receipt.secrets;
        for side in [Side::Client, Side::Server] {
            assert!(lives.iter().filter(|life| life.side == side).count() >= 4, "{version}: {lives:?}");
        }
        for life in lives {
            let erased = life.erased.as_ref().unwrap();
            assert!(life.made.microseconds.unwrap() <= erased.microseconds.unwrap(), "{life:?}");
            let messages =
                || trace.flights.iter().flat_map(|flight| &flight.records).flat_map(|r| &r.messages);
            assert!(messages().any(|message| Some(&message.id) == erased.message.as_ref()), "{life:?}");
        }
        let ephemeral = trace.exposure.iter().find(|e| e.leak == "one ephemeral private key").unwrap();
        assert_eq!(ephemeral.held.as_ref().unwrap().until, Until::Erased);
    }
}
