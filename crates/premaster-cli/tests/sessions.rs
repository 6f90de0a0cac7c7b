//! What one connection leaves behind for the next.
mod support;
use std::fs;
use support::{Certificates, Ran, Server, run};

fn attempts(ran: &Ran) -> Vec<(String, u64)> {
    let document = ran.json();
    let attempts = document["attempts"].as_array().unwrap();
    let of = |attempt: &serde_json::Value| {
        (attempt["resumed"].as_str().unwrap().to_owned(), attempt["round_trips"].as_u64().unwrap())
    };
    attempts.iter().map(of).collect()
}

#[test]
fn every_connection_after_the_first_resumes() {
    let certificates = Certificates::new();
    let good = certificates.good();
    for (sessions, version, resumed, full, again) in [
        ("tickets", "1.3", "psk", 1, 1),
        ("tickets", "1.2", "ticket", 2, 1),
        ("memory", "1.3", "psk", 1, 1),
        ("none", "1.3", "full", 1, 1),
        ("none", "1.2", "full", 2, 2),
    ] {
        let server = Server::start(&format!("--www {good} --sessions {sessions}"));
        let base = format!(
            "connect localhost:{} --ca {} --tls {version} --resume 2",
            server.port,
            certificates.ca()
        );
        let ran = run(&format!("{base} --json")).ended(0, "");
        let expected = [("full", full), (resumed, again), (resumed, again)];
        let expected = expected.map(|(resumed, trips)| (resumed.to_owned(), trips));
        assert_eq!(attempts(&ran), expected, "{sessions} {version}");
        let table = run(&base).ended(0, "").out;
        assert_eq!(table.lines().count(), 1 + 3, "{table}");
        assert!(table.lines().last().unwrap().contains(resumed), "{table}");
        server.kill();
    }
}

#[test]
fn sessions_outlive_the_process() {
    let certificates = Certificates::new();
    let good = certificates.good();
    let (file, keys) = (certificates.path("sessions"), certificates.path("ticket-keys"));
    let connect = |port: u16| {
        run(&format!("connect localhost:{port} --ca {} --session {file} --json", certificates.ca()))
            .ended(0, "")
    };
    let server = Server::start(&format!("--www {good} --ticket-keys {keys}"));
    assert_eq!(attempts(&connect(server.port))[0].0, "full");
    assert_eq!(attempts(&connect(server.port))[0].0, "psk");
    let port = server.port;
    server.kill();
    // The same keys at another process; another port is another server.
    let server = Server::start(&format!("--www {good} --ticket-keys {keys} --listen 127.0.0.1:{port}"));
    assert_eq!(attempts(&connect(server.port))[0].0, "psk");
    server.kill();
    fs::write(&file, "nonsense").unwrap();
    run(&format!("connect localhost:{port} --session {file}")).ended(6, "holds no sessions");
    fs::write(&keys, "nonsense").unwrap();
    run(&format!("serve {good} --ticket-keys {keys}")).ended(6, "ticket keys");
}

#[test]
fn early_data_carries_the_request() {
    let certificates = Certificates::new();
    let good = certificates.good();
    let server = Server::start(&format!("--www {good} --sessions memory --early-data 4096"));
    let line = format!(
        "connect localhost:{} --ca {} --resume 2 --get / --early-data --json",
        server.port,
        certificates.ca()
    );
    let ran = run(&line).ended(0, "");
    let kinds: Vec<String> = attempts(&ran).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds[0], "full");
    assert!(kinds[1..].iter().all(|kind| ["psk", "early_data"].contains(&kind.as_str())), "{kinds:?}");
    assert_eq!(ran.json()["response"]["status"], 200);
    server.kill();
    run(&format!("serve {good} --early-data 1")).ended(2, "--sessions memory");
}
