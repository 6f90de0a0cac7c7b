//! Static Diffie-Hellman (RFC 5246 section 8.1.2) with Bouncy Castle, in both roles.
//!
//! With `PREMASTER_BLESS=1` it records its sessions for the library's own test `static_dh`, which replays them where
//! there is no Java.
#![cfg(feature = "legacy")]
use premaster::{
    ClientConfig, Policy, ServerConfig, Stream,
    config::LegacyOptIn,
    crypto::random::{Random, RandomFailed},
    identity::{ChainVerifier, Credential, Credentials, Roots},
    suite::{KeyExchange, Protection, Suite},
    wire::ProtocolVersion,
};
use premaster_interop::{Listener, Program, connect, need};
use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// Where the library's tests keep the certificate, its key, and the recordings.
fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/premaster/testdata/static").join(name)
}

/// 0, 1, 2, ...: the recordings are replayed with the same.
#[derive(Default)]
struct Counting(Mutex<u8>);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut next = self.0.lock().unwrap();
        for byte in out {
            *byte = *next;
            *next = next.wrapping_add(1);
        }
        Ok(())
    }
}

/// A transport that remembers what passed, in hexadecimal, a line whenever the direction changes.
struct Recorded<T> {
    transport: T,
    text: String,
    last: &'static str,
}

impl<T> Recorded<T> {
    fn new(transport: T) -> Self {
        Self { transport, text: String::new(), last: "" }
    }

    fn note(&mut self, direction: &'static str, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.last != direction {
            let end = if self.text.is_empty() { "" } else { "\n" };
            let _ = write!(self.text, "{end}{direction} ");
            self.last = direction;
        }
        bytes.iter().for_each(|byte| {
            let _ = write!(self.text, "{byte:02x}");
        });
    }
}

impl<T: Read> Read for Recorded<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.transport.read(buffer)?;
        self.note("theirs", &buffer[..read]);
        Ok(read)
    }
}

impl<T: Write> Write for Recorded<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.transport.write(bytes)?;
        self.note("ours", &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.transport.flush()
    }
}

fn keep(role: &str, suite: &Suite, text: &str) {
    // CBC draws its initialisation vectors from the system alone, so that it could not be replayed.
    let repeatable = matches!(suite.protection, Protection::Aead(_));
    if repeatable && std::env::var_os("PREMASTER_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(testdata(&format!("{role}-{}.hex", suite.openssl_name)), format!("{text}\n")).unwrap();
    }
}

fn suites() -> impl Iterator<Item = &'static Suite> {
    Suite::ALL.iter().filter(|suite| suite.key_exchange == KeyExchange::Dh)
}

fn policy(suite: &Suite) -> Policy {
    Policy::LEGACY.with_versions(&[ProtocolVersion::TLS_1_2]).with_cipher_suites(&[suite.code])
}

fn opt_in() -> LegacyOptIn {
    LegacyOptIn::for_every_peer("a test of static DH")
}

fn check(info: &premaster::Info, suite: &Suite) {
    assert_eq!(info.suite, suite);
    assert!(!info.forward_secret && info.extended_master_secret);
    assert_eq!(info.encrypt_then_mac, matches!(suite.protection, Protection::Cbc { .. }));
}

/// A line in, a line out, and both close.
fn close(mut stream: BufReader<Stream<Recorded<std::net::TcpStream>>>) -> String {
    stream.get_mut().close().unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    std::mem::take(&mut stream.get_mut().get_mut().text)
}

#[test]
fn every_suite_as_client() {
    need!(BouncyCastle);
    let mut roots = Roots::new();
    roots.add_pem(&fs::read(testdata("authority.pem")).unwrap()).unwrap();
    for suite in suites() {
        let code = format!("{:04x}", suite.code.0);
        let (certificate, key) = (testdata("dh.pem"), testdata("dh.key.pem"));
        let arguments = ["server", &code, certificate.to_str().unwrap(), key.to_str().unwrap()];
        let server = Program::BouncyCastle.run_script("BouncyCastlePeer.java", arguments);
        let port = server.wait_for_line("ACCEPT ").parse().unwrap();
        let config = ClientConfig::builder()
            .policy(policy(suite))
            .verifier(ChainVerifier::new(roots.clone()))
            .random(Arc::new(Counting::default()))
            .allow_legacy(opt_in())
            .build()
            .unwrap();
        let transport = Recorded::new(connect(port));
        let stream = Stream::connect(Arc::new(config), "localhost".try_into().unwrap(), transport)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", suite.name(), server.written().text()));
        check(stream.connection().info().unwrap(), suite);
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(b"from premaster\n").unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "retsamerp morf\n");
        keep("client", suite, &close(stream));
    }
}

#[test]
fn every_suite_as_server() {
    need!(BouncyCastle);
    let listener = Listener::bind();
    let read = |name| fs::read(testdata(name)).unwrap();
    let credential = Arc::new(Credential::from_pem(&read("dh.pem"), &read("dh.key.pem")).unwrap());
    for suite in suites() {
        let config = ServerConfig::builder()
            .policy(policy(suite))
            .credentials(Credentials::always(credential.clone()))
            .random(Arc::new(Counting::default()))
            .allow_legacy(opt_in())
            .build()
            .unwrap();
        let code = format!("{:04x}", suite.code.0);
        let port = listener.port().to_string();
        let client = Program::BouncyCastle.run_script("BouncyCastlePeer.java", ["client", &code, &port]);
        let stream = Stream::accept(Arc::new(config), Recorded::new(listener.accept()))
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", suite.name(), client.written().text()));
        check(stream.connection().info().unwrap(), suite);
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "from Bouncy Castle\n");
        stream.get_mut().write_all(b"from premaster\n").unwrap();
        client.wait_for_line("RECEIVED from premaster");
        keep("server", suite, &close(stream));
    }
}
