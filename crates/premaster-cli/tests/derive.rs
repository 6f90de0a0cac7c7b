//! `premaster derive`: against published vectors, against OpenSSL, and against what a handshake really used.
use premaster_interop::Program;
use premaster_trace::Trace;
use std::{
    collections::HashSet,
    io::Write,
    process::{Command, Stdio},
};

fn derive(arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_premaster"))
        .arg("derive")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that fails before it reads has closed its end.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn values(arguments: &[&str], stdin: &str) -> Vec<(String, String)> {
    let (code, out, err) = derive(&[arguments, &["--json"]].concat(), stdin);
    assert_eq!(code, Some(0), "{arguments:?}: {err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    report["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (text(&value["name"]), text(&value["value"])))
        .collect()
}

fn demo(name: &str) -> Trace {
    let output = Command::new(env!("CARGO_BIN_EXE_premaster"))
        .args(["explain", "--demo", name, "--reveal", "--format", "json"])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The vector posted to the IETF's TLS list in 2008.
#[test]
fn the_published_prf_vector() {
    let arguments = ["prf", "--secret", "-", "--label", "test label", "--length", "20", "--seed"];
    let values = values(
        &[&arguments[..], &["a0ba9f936cda311827a6f796ffd5198c"]].concat(),
        "9bbe436ba940f017b17652849a71db35",
    );
    assert_eq!(values[0].1, "e3f229ba727be17b8d122620557cd453c2aab21d");
}

#[test]
fn the_toy_of_every_textbook() {
    let directory = tempfile::tempdir().unwrap();
    let secret = |name: &str, number: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, number).unwrap();
        format!("@{}", path.display())
    };
    let (a, b) = (secret("a", "6"), secret("b", "15\n"));
    let values = values(&["dh", "--p", "23", "--g", "5", "--client", &a, "--server", &b], "");
    let numbers: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(numbers, ["6", "15", "8", "19", "2", "2"]);
    let (_, text, _) = derive(&["rsa", "--steps"], "");
    assert!(text.contains("2753") && text.contains("2790") && text.contains("toy sizes"), "{text}");
}

/// RFC 7748 section 6.1.
#[test]
fn the_published_x25519_vector() {
    let directory = tempfile::tempdir().unwrap();
    let bob = directory.path().join("bob");
    std::fs::write(&bob, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb").unwrap();
    let bob = format!("@{}", bob.display());
    let values = values(&["ecdh", "--server", &bob], "");
    let public = values.iter().find(|(name, _)| name == "server's public key").unwrap();
    assert_eq!(public.1, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let shared: Vec<&str> = values
        .iter()
        .filter(|(name, _)| name.starts_with("shared_secret"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(shared[0], shared[1]);
}

#[test]
fn every_group_agrees() {
    for group in ["x25519", "secp256r1", "secp384r1", "secp521r1", "ffdhe2048", "X25519MLKEM768"] {
        let values = values(&["ecdh", "--group", group], "");
        let shared: Vec<&str> = values
            .iter()
            .filter(|(name, _)| name.starts_with("shared_secret"))
            .map(|(_, value)| value.as_str())
            .collect();
        assert!(shared.len() == 2 && shared[0] == shared[1], "{group}");
    }
}

#[test]
fn what_a_handshake_of_tls_1_2_used() {
    let trace = demo("ecdhe");
    let secret = |name: &str| {
        let node = trace.secrets.iter().find(|node| node.name == name).unwrap();
        node.value.clone().unwrap()
    };
    let input = |name: &str, wanted: &str| {
        let node = trace.secrets.iter().find(|node| node.name == name).unwrap();
        let inputs = serde_json::to_value(&node.inputs).unwrap();
        let found = inputs.as_array().unwrap().iter().find(|input| input["name"] == wanted).unwrap();
        found["value"].as_str().unwrap().to_owned()
    };
    let (client, server) =
        (input("key_block", "ClientHello.random"), input("key_block", "ServerHello.random"));
    let hash = input("master_secret", "session_hash");
    let suite = "ECDHE-RSA-AES128-GCM-SHA256";
    let arguments = [
        "tls12",
        "--pre-master",
        "-",
        "--suite",
        suite,
        "--client-random",
        &client,
        "--server-random",
        &server,
        "--session-hash",
        &hash,
    ];
    for (name, value) in values(&arguments, &secret("pre_master_secret")) {
        assert_eq!(value, secret(&name), "{name}");
    }
}

#[test]
fn what_a_handshake_of_tls_1_3_used() {
    let trace = demo("tls13");
    let secret =
        |name: &str| trace.secrets.iter().find(|node| node.name == name).and_then(|node| node.value.clone());
    let hash = |name: &str| {
        let node = trace.secrets.iter().find(|node| node.name == name).unwrap();
        let inputs = serde_json::to_value(&node.inputs).unwrap();
        inputs[1]["value"].as_str().unwrap().to_owned()
    };
    let (hello, finished) =
        (hash("client_handshake_traffic_secret"), hash("client_application_traffic_secret_0"));
    let arguments = [
        "tls13",
        "--shared-secret",
        "-",
        "--suite",
        "TLS_AES_128_GCM_SHA256",
        "--hello-hash",
        &hello,
        "--server-finished-hash",
        &finished,
    ];
    let mut compared = 0;
    for (name, value) in values(&arguments, &secret("shared_secret").unwrap()) {
        if let Some(used) = secret(&name).filter(|_| name != "derived_secret") {
            assert_eq!(value, used, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 7, "{compared}");
}

/// Each card's two commands give the bytes on the card.
#[test]
fn the_commands_on_the_cards() {
    let own = format!("| '{}' ", env!("CARGO_BIN_EXE_premaster"));
    let has_openssl =
        Program::OpenSsl.is_ready_for("the half of the_commands_on_the_cards that is openssl's");
    let directory = tempfile::tempdir().unwrap();
    let list = Command::new(env!("CARGO_BIN_EXE_premaster")).args(["explain", "--demo", "list"]).output();
    let list = String::from_utf8(list.unwrap().stdout).unwrap();
    let mut ran = HashSet::new();
    // The experiments, which have no trace, follow an empty line.
    let demos = list.lines().take_while(|line| !line.is_empty());
    for name in demos.filter_map(|line| line.split(' ').next()) {
        let trace = demo(name);
        let before = ran.len();
        for node in &trace.secrets {
            assert!(matches!(node.commands.len(), 0 | 2), "{name}: {}", node.id);
            for command in &node.commands {
                // Both ends compute the same, and most demonstrations begin alike.
                if !ran.insert(command.line.clone()) {
                    continue;
                }
                let line = match command.program.as_str() {
                    "premaster" => command.line.replace("| premaster ", &own),
                    _ if has_openssl => command.line.clone(),
                    _ => continue,
                };
                let output = Command::new("sh").args(["-c", &line]).current_dir(directory.path()).output();
                let output = output.unwrap();
                let text = String::from_utf8_lossy(&output.stdout).to_lowercase().replace(':', "");
                let last = text.split_whitespace().last().unwrap_or_default();
                let error = String::from_utf8_lossy(&output.stderr);
                assert_eq!(Some(last), node.value.as_deref(), "{name}: {line}: {error}");
            }
        }
        let calculated = trace.secrets.iter().any(|node| node.name.ends_with("verify_data"));
        assert!(!calculated || ran.len() >= before + 5, "{name}: {} commands", ran.len() - before);
    }
}

#[test]
fn what_cannot_be_used_is_refused() {
    let refused = |arguments: &[&str], stdin: &str, code: i32| {
        let (ended, out, err) = derive(arguments, stdin);
        assert_eq!(ended, Some(code), "{arguments:?}: {err}");
        assert!(out.is_empty() && !err.is_empty());
    };
    refused(&["prf", "--secret", "00ff", "--label", "x", "--seed", "00", "--length", "1"], "", 2);
    refused(&["prf", "--secret", "-", "--label", "x", "--seed", "0", "--length", "1"], "00", 2);
    refused(&["prf", "--secret", "-", "--label", "x", "--seed", "00", "--length", "1"], "zz", 6);
    refused(&["prf", "--secret", "@/nowhere/at/all", "--label", "x", "--seed", "00", "--length", "1"], "", 2);
    refused(&["dh", "--p", "24", "--g", "5"], "", 2);
    refused(&["rsa", "--p", "61", "--q", "61"], "", 2);
    refused(&["ecdh", "--client", "-"], "00", 6);
    refused(&["ecdh", "--group", "nothing"], "", 2);
    refused(&["tls13", "--suite", "TLS_AES_128_GCM_SHA256"], "", 2);
}
