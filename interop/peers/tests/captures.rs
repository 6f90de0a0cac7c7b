//! Sessions of OpenSSL and curl, captured on loopback as they happen: decrypted byte for byte, as tshark does it.
use premaster::observe::Resumed;
use premaster_capture::{Capture, Export, KeyStore, Options, Outcome, SecretSource, Session};
use premaster_interop::{
    Authority, Key, Process, Program, Sniffer, need, noise, openssl::Server, tshark, tshark::Order,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What s_client says, and what `s_server -rev` answers.
const SAID: &[u8] = b"from the client\n";
const ANSWERED: &[u8] = b"tneilc eht morf\n";

/// A server, its authority, and a capture of what it says.
struct Scene {
    authority: Authority,
    server: Server,
    sniffer: Sniffer,
    key_file: PathBuf,
}

impl Scene {
    fn new(key: Key, arguments: &[&str]) -> Self {
        let authority = Authority::new();
        let issued = authority.issue(key);
        let server = Server::start(&issued, arguments);
        let sniffer = Sniffer::start(authority.directory(), server.port);
        Self { authority, server, sniffer, key_file: issued.key_file }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.authority.directory().join(name)
    }

    /// One session of s_client, which keeps a key log.
    fn talk(&self, arguments: &[&str]) {
        let mut command = Command::new(Program::OpenSsl.command());
        command.args(["s_client", "-quiet", "-no_ign_eof", "-servername", "localhost", "-CAfile"]);
        command.arg(self.authority.file()).args(["-connect", &format!("127.0.0.1:{}", self.server.port)]);
        command.arg("-keylogfile").arg(self.path("keys.txt")).args(arguments);
        let mut client = Process::start(&mut command);
        client.write(SAID);
        client.wait_for_output(ANSWERED);
        client.write(b"Q\n");
        client.finish();
    }

    /// Ends the capture.
    fn stop(self) -> Captured {
        let Self { authority, server, sniffer, key_file } = self;
        let capture = sniffer.stop();
        server.process.kill();
        let file = authority.directory().join("capture.pcap");
        fs::write(&file, &capture).unwrap();
        let key_log = authority.directory().join("keys.txt");
        Captured { capture, file, key_log, key_file, _authority: authority }
    }
}

struct Captured {
    capture: Vec<u8>,
    file: PathBuf,
    key_log: PathBuf,
    key_file: PathBuf,
    /// Has the directory.
    _authority: Authority,
}

impl Captured {
    fn key_log(&self) -> KeyStore {
        let mut keys = KeyStore::new();
        let summary = keys.add_key_log(&fs::read(&self.key_log).unwrap());
        assert!(summary.secrets > 0 && summary.bad_lines.is_empty(), "{summary:?}");
        keys
    }

    fn sessions(&self, keys: &KeyStore) -> Vec<Session> {
        read(&self.capture, keys, None)
    }

    /// The capture with the secrets inside.
    fn copy(&self, keys: &KeyStore) -> PathBuf {
        let mut copy = Vec::new();
        read(&self.capture, keys, Some(&mut copy));
        let file = self.file.with_extension("copy.pcapng");
        fs::write(&file, &copy).unwrap();
        assert!(
            read(&copy, &KeyStore::new(), None).iter().all(|session| session.outcome == Outcome::Decrypted)
        );
        file
    }
}

fn read(capture: &[u8], keys: &KeyStore, copy: Option<&mut Vec<u8>>) -> Vec<Session> {
    let mut options = Options::default();
    options.limits.plaintext = 1 << 24;
    if let Some(copy) = copy {
        options = options.export(Export::new(copy));
    }
    let sessions = Capture::read(capture, keys, options).unwrap();
    let mut sessions: Vec<Session> = sessions.map(Result::unwrap).collect();
    sessions.sort_by_key(|session| session.stream);
    sessions
}

/// In the order of [`tshark::follow`].
fn sorted(session: &Session) -> [Vec<u8>; 2] {
    let mut said = [session.plaintext.client.clone(), session.plaintext.server.clone()];
    said.sort();
    said
}

fn assert_tshark_agrees(file: &Path, key_log: Option<&Path>, session: &Session) {
    let [first, second] = [Order::AsCaptured, Order::Restored]
        .map(|order| tshark::follow(file, session.stream, key_log, order));
    let (ours, lens) = (sorted(session), [&first, &second].map(|said| said.each_ref().map(Vec::len)));
    assert!(first == ours || second == ours, "stream {}: {lens:?} bytes", session.stream);
}

/// The name of a case, arguments for both ends, what the exchange is called, and whether the private key opens it.
type Case = (&'static str, &'static [&'static str], &'static str, bool);

const CASES: [Case; 8] = [
    ("TLS 1.3", &["-tls1_3", "-groups", "X25519"], "x25519", false),
    (
        "with P-384",
        &["-tls1_3", "-groups", "P-384", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
        "secp384r1",
        false,
    ),
    (
        "with CCM",
        &["-tls1_3", "-groups", "X25519", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        "x25519",
        false,
    ),
    ("TLS 1.2", &["-tls1_2", "-groups", "X25519"], "ECDHE_RSA x25519", false),
    (
        "with CBC",
        &["-tls1_2", "-groups", "P-256", "-cipher", "ECDHE-RSA-AES128-SHA256"],
        "ECDHE_RSA secp256r1",
        false,
    ),
    ("DHE", &["-tls1_2", "-cipher", "DHE-RSA-CHACHA20-POLY1305"], "DHE_RSA", false),
    ("static RSA", &["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "RSA", true),
    ("static RSA and CBC", &["-tls1_2", "-cipher", "AES256-SHA"], "RSA", true),
];

#[test]
fn sessions_of_openssl() {
    need!(OpenSsl);
    need!(Tcpdump);
    need!(Tshark);
    for (name, arguments, exchange, is_static) in CASES {
        let scene = Scene::new(Key::Rsa2048, &[&["-rev"], arguments].concat());
        scene.talk(arguments);
        let captured = scene.stop();
        let mut stores = vec![(captured.key_log(), SecretSource::KeyLog)];
        let mut private = KeyStore::new();
        private.add_private_keys(&fs::read(&captured.key_file).unwrap()).unwrap();
        let with_private = captured.sessions(&private).remove(0);
        match is_static {
            true => stores.push((private, SecretSource::PrivateKey)),
            false => {
                assert_eq!(with_private.outcome.reason().unwrap().code(), "ephemeral_exchange", "{name}")
            }
        }
        for (keys, source) in stores {
            let sessions = captured.sessions(&keys);
            assert_eq!(sessions.len(), 1, "{name}");
            let session = &sessions[0];
            assert_eq!(session.outcome, Outcome::Decrypted, "{name}: {session:?}");
            assert_eq!(session.source, Some(source), "{name}");
            assert_eq!(session.key_exchange(), exchange, "{name}");
            assert_eq!(session.plaintext.client, SAID, "{name}");
            assert_eq!(session.plaintext.server, ANSWERED, "{name}");
            assert_tshark_agrees(&captured.file, Some(&captured.key_log), session);
            assert_tshark_agrees(&captured.copy(&keys), None, session);
        }
    }
}

#[test]
fn sessions_that_openssl_resumes() {
    need!(OpenSsl);
    need!(Tcpdump);
    need!(Tshark);
    for (version, server, how) in [
        ("-tls1_2", &["-rev"][..], Resumed::Ticket),
        ("-tls1_2", &["-rev", "-no_ticket"], Resumed::Id),
        ("-tls1_3", &["-rev"], Resumed::Psk),
    ] {
        let scene = Scene::new(Key::P256, server);
        let (file, keys) = (scene.path("session.pem"), scene.path("keys.txt"));
        let file = file.to_str().unwrap();
        scene.talk(&[version, "-sess_out", file]);
        let of_first = fs::read(&keys).unwrap();
        scene.talk(&[version, "-sess_in", file]);
        let captured = scene.stop();
        let sessions = captured.sessions(&captured.key_log());
        assert_eq!(sessions.len(), 2, "{how}");
        for (session, how) in sessions.iter().zip([Resumed::Full, how]) {
            assert_eq!(session.outcome, Outcome::Decrypted, "{session:?}");
            assert_eq!(session.resumed, Some(how));
            assert_eq!((&session.plaintext.client[..], &session.plaintext.server[..]), (SAID, ANSWERED));
            assert_tshark_agrees(&captured.file, Some(&captured.key_log), session);
        }
        // With the lines of the first session alone: TLS 1.2 goes on with its master secret, TLS 1.3 does not.
        let mut first = KeyStore::new();
        first.add_key_log(&of_first);
        let second = captured.sessions(&first).remove(1);
        match how {
            Resumed::Psk => assert_eq!(second.outcome.reason().unwrap().code(), "no_key_log_line"),
            _ => assert_eq!(
                (second.outcome, second.source),
                (Outcome::Decrypted, Some(SecretSource::Original))
            ),
        }
    }
}

#[test]
fn a_pre_shared_key_alone() {
    need!(OpenSsl);
    need!(Tcpdump);
    // Which goes with a suite of the same hash.
    let suite = ["-ciphersuites", "TLS_AES_128_GCM_SHA256"];
    let psk = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    for (arguments, server, is_open) in [
        // No group in common, so that only the key is left.
        (
            &["-tls1_3", "-groups", "X25519", "-allow_no_dhe_kex"][..],
            &["-groups", "P-256", "-allow_no_dhe_kex"][..],
            true,
        ),
        (&["-tls1_3", "-groups", "X25519"], &["-groups", "X25519"], false),
        (
            &["-tls1_2", "-cipher", "PSK-AES128-CBC-SHA256"],
            &["-tls1_2", "-cipher", "PSK-AES128-CBC-SHA256"],
            true,
        ),
        (
            &["-tls1_2", "-cipher", "DHE-PSK-AES128-CBC-SHA256"],
            &["-tls1_2", "-cipher", "DHE-PSK-AES128-CBC-SHA256"],
            false,
        ),
    ] {
        let common = [&["-psk", psk, "-psk_identity", "a name"], &suite[..]].concat();
        let scene = Scene::new(Key::P256, &[&["-rev"], &common[..], server].concat());
        scene.talk(&[&common[..], arguments].concat());
        let captured = scene.stop();
        let mut keys = KeyStore::new();
        assert_eq!(keys.add_psks(format!("a name:{psk}\n").as_bytes()), Ok(1));
        let session = captured.sessions(&keys).remove(0);
        match is_open {
            true => {
                assert_eq!(session.outcome, Outcome::Decrypted, "{arguments:?}: {session:?}");
                assert_eq!((&session.plaintext.client[..], &session.plaintext.server[..]), (SAID, ANSWERED));
                let mut wrong = KeyStore::new();
                assert_eq!(wrong.add_psks(b"a name: 00ff"), Ok(1));
                let session = captured.sessions(&wrong).remove(0);
                let code = session.outcome.reason().unwrap().code();
                assert!(["no_psk", "wrong_secret"].contains(&code), "{arguments:?}: {code}");
            }
            false => {
                let code = session.outcome.reason().unwrap().code();
                assert!(["ephemeral_beside_psk", "no_key_log_line"].contains(&code), "{arguments:?}: {code}");
            }
        }
    }
}

#[test]
fn a_download_of_curl() {
    need!(OpenSsl);
    need!(Curl);
    need!(Tcpdump);
    need!(Tshark);
    for version in ["--tlsv1.3", "--tls-max=1.2"] {
        let authority = Authority::new();
        let file = noise(3_000_000);
        fs::write(authority.directory().join("file.bin"), &file).unwrap();
        let issued = authority.issue(Key::P256);
        let mut command = Command::new(Program::OpenSsl.command());
        command.current_dir(authority.directory());
        command.args(["s_server", "-WWW", "-accept", "127.0.0.1:0", "-cert"]).arg(&issued.certificate_file);
        command.arg("-key").arg(&issued.key_file);
        let server = Server::listening(Process::start(&mut command));
        let sniffer = Sniffer::start(authority.directory(), server.port);
        let mut curl = Command::new(Program::Curl.command());
        curl.args(["-q", "--silent", "--noproxy", "*", "--max-time", "25", "--http1.0", "--cacert"]);
        curl.arg(authority.file()).args(["--resolve", &format!("localhost:{}:127.0.0.1", server.port)]);
        curl.args(version.split('=')).arg(format!("https://localhost:{}/file.bin", server.port));
        let key_log = authority.directory().join("keys.txt");
        let finished = Process::start(curl.env("SSLKEYLOGFILE", &key_log)).wait();
        assert_eq!(finished.written.stdout.len(), file.len(), "{}", finished.written.text().len());
        let scene = Scene { authority, server, sniffer, key_file: issued.key_file };
        let captured = scene.stop();
        let session = captured.sessions(&captured.key_log()).remove(0);
        assert_eq!(session.outcome, Outcome::Decrypted, "{:?}", session.outcome);
        assert!(session.plaintext.client.starts_with(b"GET /file.bin HTTP/1.0\r\n"));
        assert!(session.plaintext.server.starts_with(b"HTTP/1.0 200 ok\r\n"));
        assert!(session.plaintext.server.ends_with(&file));
        assert_tshark_agrees(&captured.file, Some(&captured.key_log), &session);
    }
}

#[test]
fn tshark_agrees_on_the_recorded_sessions_and_opens_the_copy() {
    need!(Tshark);
    const CAPTURE: &[u8] =
        include_bytes!("../../../crates/premaster-capture/tests/data/openssl-four-sessions.pcapng");
    const KEYS: &[u8] =
        include_bytes!("../../../crates/premaster-capture/tests/data/openssl-four-sessions.keys");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut keys = KeyStore::new();
    keys.add_key_log(KEYS);
    let mut copy = Vec::new();
    let sessions = read(CAPTURE, &keys, Some(&mut copy));
    fs::write(path("capture.pcapng"), CAPTURE).unwrap();
    fs::write(path("keys.txt"), KEYS).unwrap();
    fs::write(path("copy.pcapng"), copy).unwrap();
    for session in &sessions[..3] {
        assert_tshark_agrees(&path("capture.pcapng"), Some(&path("keys.txt")), session);
        assert_tshark_agrees(&path("copy.pcapng"), None, session);
    }
}
