//! Broken peers, and the verdict on each: whose turn it is, which field, and what mends it. Where the verdict names a
//! command of ours, it is run, and works.
#[path = "../support/mod.rs"]
mod support;
#[path = "../../../premaster-capture/tests/tape/mod.rs"]
mod tape;

mod certificates;
mod library;
mod lists;
mod recorded;
mod relay;
mod scripted;
mod serving;

use premaster_interop::{Process, Program, openssl};
use serde_json::Value;
use std::process::Command;
use support::{Certificates, Ran, premaster, run};

/// What a verdict has to say.
#[derive(Clone, Copy, Default)]
struct Expected {
    kind: &'static str,
    side: &'static str,
    field: &'static str,
    /// In the client's list.
    client: &'static str,
    /// In the server's.
    server: &'static str,
    /// The end of a line that mends it, on one of the sides.
    line: &'static str,
}

impl Expected {
    const fn new(kind: &'static str, side: &'static str, field: &'static str) -> Self {
        Self { kind, side, field, client: "", server: "", line: "" }
    }

    const fn client(mut self, name: &'static str) -> Self {
        self.client = name;
        self
    }

    const fn server(mut self, name: &'static str) -> Self {
        self.server = name;
        self
    }

    const fn line(mut self, line: &'static str) -> Self {
        self.line = line;
        self
    }

    #[track_caller]
    fn check(&self, case: &str, verdict: &Value) {
        let said = format!("{case}: {verdict:#}");
        assert_eq!(verdict["kind"], self.kind, "{said}");
        assert_eq!(verdict["side"], self.side, "{said}");
        assert_eq!(verdict["field"], self.field, "{said}");
        for (list, name) in [("client", self.client), ("server", self.server)] {
            let names = verdict[list].as_array().unwrap();
            assert!(name.is_empty() || names.iter().any(|own| own == name), "no {name} in {said}");
        }
        let changes = verdict["changes"].as_array().unwrap();
        assert!(!changes.is_empty(), "nothing mends {said}");
        let ends = |change: &Value| change["line"].as_str().is_some_and(|line| line.ends_with(self.line));
        assert!(self.line.is_empty() || changes.iter().any(ends), "no {} in {said}", self.line);
        assert!(verdict["rfc"].as_str().unwrap().starts_with("RFC "), "{said}");
        assert!(!verdict["what"].as_str().unwrap().is_empty(), "{said}");
    }
}

/// The verdict that `connect` comes to.
fn verdict_of(line: &str) -> Value {
    let document = run(&format!("connect {line} --json")).json();
    assert!(!document["diagnosis"].is_null(), "no verdict: {document:#}");
    document["diagnosis"].clone()
}

/// Runs the command that the verdict recommends for our side: it ends well.
#[track_caller]
fn mends(case: &str, verdict: &Value) {
    let changes = verdict["changes"].as_array().unwrap();
    let mut lines = changes.iter().filter_map(|change| change["line"].as_str());
    let line = lines.find(|line| line.starts_with("premaster connect "));
    let words = line.unwrap_or_else(|| panic!("{case}: no command in {verdict:#}")).split(' ').skip(1);
    let ran = Ran::from(premaster(words).output().unwrap());
    assert_eq!(ran.code, 0, "{case}: {line:?}: {ran:#?}");
}

/// `openssl s_server` with these arguments.
fn openssl_server(arguments: &str) -> openssl::Server {
    let mut command = Command::new(Program::OpenSsl.command());
    command.args(["s_server", "-accept", "127.0.0.1:0"]).args(arguments.split_whitespace());
    openssl::Server::listening(Process::start(&mut command))
}

/// Runs `openssl` to its end.
fn openssl(certificates: &Certificates, arguments: &str) {
    let output = Command::new(Program::OpenSsl.command())
        .args(arguments.split_whitespace())
        .current_dir(certificates.dir())
        .output()
        .unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Parameters of 1024 bits for Diffie-Hellman, the second group of RFC 2409: where they are.
fn weak_parameters(certificates: &Certificates) -> String {
    const PRIME: &str = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD\
        3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF";
    let parameters = format!("asn1=SEQUENCE:dh\n[dh]\np=INTEGER:0x{PRIME}\ng=INTEGER:2\n");
    certificates.write("weak.conf", parameters.as_bytes());
    openssl(certificates, "asn1parse -genconf weak.conf -noout -out weak.der");
    openssl(certificates, "dhparam -inform DER -in weak.der -out weak.pem");
    certificates.path("weak.pem")
}

/// An RSA certificate for localhost, as OpenSSL's options.
fn rsa(certificates: &Certificates) -> String {
    let options = certificates.issue_with_key("rsa", &["localhost"], &rcgen::PKCS_RSA_SHA256, |params| {
        params.key_usages =
            vec![rcgen::KeyUsagePurpose::DigitalSignature, rcgen::KeyUsagePurpose::KeyEncipherment];
    });
    options.replace("--", "-")
}
