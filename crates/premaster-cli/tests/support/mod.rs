//! Runs the command, and makes what it needs: certificates, servers, peers that misbehave.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::JoinHandle,
};
use tempfile::TempDir;

/// The command, with an environment that does not depend on whose machine this is.
pub fn premaster<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_premaster"));
    command.args(args).env_remove("SSLKEYLOGFILE").env_remove("NO_COLOR").env_remove("COLUMNS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ends the command"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// With this exit code, and this in what it says on stderr.
    #[track_caller]
    pub fn ended(self, code: i32, err: &str) -> Self {
        assert!(self.code == code && self.err.contains(err), "not {code} with {err:?}: {self:#?}");
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Runs a command line of words without spaces.
pub fn run(line: &str) -> Ran {
    premaster(line.split_whitespace()).output().unwrap().into()
}

/// Runs it, with this on stdin.
pub fn run_with(line: &str, input: &[u8]) -> Ran {
    let mut child = premaster(line.split_whitespace()).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The command may end before it has read everything.
        let _ = stdin.write_all(&input);
    });
    let ran = child.wait_with_output().unwrap().into();
    writer.join().unwrap();
    ran
}

/// A directory of certificates: an authority and what it issued.
pub struct Certificates {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    pub fn new() -> Self {
        Self::of("test authority")
    }

    pub fn of(authority: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, authority);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn ca(&self) -> String {
        self.path("ca.pem")
    }

    /// Writes NAME.pem and NAME.key, and gives the options that use them.
    pub fn issue(&self, name: &str, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> String {
        self.issue_with_key(name, names, &rcgen::PKCS_ECDSA_P256_SHA256, change)
    }

    /// The same, with a key of another kind.
    pub fn issue_with_key(
        &self,
        name: &str,
        names: &[&str],
        algorithm: &'static rcgen::SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> String {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.write(&format!("{name}.pem"), certificate.pem().as_bytes());
        self.write(&format!("{name}.key"), key.serialize_pem().as_bytes());
        format!("--cert {} --key {}", self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")))
    }

    /// A certificate for localhost with which nothing is wrong.
    pub fn good(&self) -> String {
        self.issue("good", &["localhost", "127.0.0.1"], |_| {})
    }

    pub fn write(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// A running `premaster serve`, killed when dropped.
pub struct Server {
    child: Option<Child>,
    pub port: u16,
    log: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts it on a free port, and returns when it listens.
    pub fn start(options: &str) -> Self {
        let listen = if options.contains("--listen") { "" } else { "--listen 127.0.0.1:0" };
        let words = ["serve"].into_iter().chain(listen.split_whitespace()).chain(options.split_whitespace());
        let mut child = premaster(words).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let port = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended: {log}");
            log.push_str(&line);
            if let Some(address) = line.strip_prefix("listening on ") {
                break address.trim().rsplit(':').next().unwrap().parse().unwrap();
            }
        };
        let log = std::thread::spawn(move || {
            // Whoever writes into the pipe must not have to wait.
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        Self { child: Some(child), port, log: Some(log) }
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits until it ends by itself.
    pub fn end(mut self) -> Ran {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        let mut ran = Ran::from(output);
        ran.err = self.log();
        ran
    }

    /// Ends it, and gives what it said.
    pub fn kill(mut self) -> String {
        self.stop();
        self.log()
    }

    fn log(&mut self) -> String {
        self.log.take().unwrap().join().unwrap()
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
