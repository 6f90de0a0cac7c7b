//! `premaster decrypt`: what it prints, and what it ends with.
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../premaster-capture/tests/data").join(name)
}

fn capture() -> PathBuf {
    data("openssl-four-sessions.pcapng")
}

fn decrypt(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_premaster"));
    command.arg("decrypt").args(arguments.iter().map(|argument| argument.as_ref()));
    command.stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Without where lines end.
fn words(output: &Output) -> String {
    stdout(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_table_with_reasons() {
    let output = decrypt(&[&capture(), &"--rsa-key", &data("openssl-four-sessions.rsa.key.pem")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).lines().all(|line| line.chars().count() <= 80), "{}", stdout(&output));
    let text = words(&output);
    assert_eq!(text.matches("the private key signs, it does not carry the secret").count(), 3, "{text}");
    assert_eq!(text.matches("✓ decrypted").count(), 1, "{text}");
    assert!(text.contains("localhost") && text.contains("ECDHE_RSA x25519"), "{text}");
    let strict =
        decrypt(&[&capture(), &"--rsa-key", &data("openssl-four-sessions.rsa.key.pem"), &"--strict"]);
    assert_eq!(strict.status.code(), Some(1));
}

#[test]
fn json_and_one_stream() {
    let keys = data("openssl-four-sessions.keys");
    let output = decrypt(&[&capture(), &"--keylog", &keys, &"--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let results: Vec<_> = document["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["result"].as_str().unwrap())
        .collect();
    assert_eq!(results.len(), 4);
    // Written piece by piece, and yet as it would be in one.
    let pretty = serde_json::to_string_pretty(&document).unwrap();
    assert_eq!(stdout(&output).lines().count(), pretty.lines().count());
    let empty = decrypt(&[&capture(), &"--stream", &"9", &"--json"]);
    let empty: serde_json::Value = serde_json::from_slice(&empty.stdout).unwrap();
    assert_eq!((&empty["sessions"], &empty["capture"]["streams"]), (&serde_json::json!([]), &4.into()));
    assert_eq!(results.iter().filter(|result| **result == "decrypted").count(), 3);
    let one = decrypt(&[&capture(), &"--keylog", &keys, &"--stream", &"1", &"--format", &"http"]);
    let text = stdout(&one);
    assert!(text.contains("1 > GET / HTTP/1.0") && text.contains("1 < HTTP/1.0 200 ok"), "{text}");
    let hex = stdout(&decrypt(&[&capture(), &"--keylog", &keys, &"--stream", &"1", &"--format", &"hex"]));
    assert!(hex.contains("47 45 54 20 2f"), "{hex}");
}

#[test]
fn a_copy_that_opens_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.pcapng");
    let keys = data("openssl-four-sessions.keys");
    let output = decrypt(&[&capture(), &"--keylog", &keys, &"--write-pcapng", &copy]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&decrypt(&[&copy])).matches("✓ decrypted").count(), 3);
    let onto_itself = decrypt(&[&copy, &"--write-pcapng", &copy]);
    assert_eq!(onto_itself.status.code(), Some(2));
    let files = directory.path().join("files");
    decrypt(&[&copy, &"--extract", &files]);
    assert_eq!(std::fs::read(files.join("stream-0-client.bin")).unwrap(), b"GET / HTTP/1.0\r\n\r\n");
}

#[test]
fn damaged_inputs_have_their_codes() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(capture()).unwrap();
    let cut = path("cut.pcapng", &whole[..whole.len() - 10]);
    assert_eq!(decrypt(&[&cut]).status.code(), Some(7));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&whole).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(decrypt(&[&path("whole.gz", &gzip)]).status.code(), Some(0));
    for len in [9, 30, gzip.len() / 2, gzip.len() - 4] {
        assert_eq!(decrypt(&[&path("cut.gz", &gzip[..len])]).status.code(), Some(7), "{len}");
    }
    let mut damaged = gzip.clone();
    damaged[gzip.len() / 2] ^= 0xff;
    assert_eq!(decrypt(&[&path("damaged.gz", &damaged)]).status.code(), Some(6));
    let no_such = decrypt(&[&capture(), &"--stream", &"4"]);
    assert_eq!(no_such.status.code(), Some(2));
    assert_eq!(decrypt(&[&capture(), &"--ticket-keys", &path("keys", b"none")]).status.code(), Some(6));
    assert_eq!(decrypt(&[&path("text", b"this is no capture")]).status.code(), Some(6));
    assert_eq!(decrypt(&[&path("empty", b"")]).status.code(), Some(6));
    assert_eq!(decrypt(&[&directory.path().join("missing")]).status.code(), Some(2));
    assert_eq!(decrypt(&[&capture(), &"--rsa-key", &path("key", b"no key")]).status.code(), Some(6));
    let bad_log = decrypt(&[&capture(), &"--keylog", &path("log", b"# fine\r\nCLIENT_RANDOM 00\r\n")]);
    assert_eq!(bad_log.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&bad_log.stderr).contains("line 2"));
}

#[test]
fn from_stdin() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_premaster"))
        .args(["decrypt", "-", "--keylog"])
        .arg(data("openssl-four-sessions.keys"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(capture()).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output).matches("✓ decrypted").count(), 3);
}
