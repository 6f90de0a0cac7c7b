//! OpenSSL's `s_client` and `s_server`.
use crate::{Authority, Case, Issued, Process, Program, process::Finished};
use premaster::{
    Stream,
    wire::{NamedGroup, ProtocolVersion},
};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::Command,
};

/// `openssl s_server` on a free port of loopback.
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub port: u16,
}

impl Server {
    /// Starts it, and waits until it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(issued: &Issued, arguments: &[&str]) -> Self {
        let mut command = Command::new(Program::OpenSsl.command());
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cert"]).arg(&issued.certificate_file);
        command.arg("-key").arg(&issued.key_file).args(arguments);
        Self::listening(Process::start(&mut command))
    }

    /// Waits until it listens.
    ///
    /// # Panics
    /// If it does not say where.
    pub fn listening(process: Process) -> Self {
        let address = process.wait_for_line("ACCEPT ");
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
        Self { process, port: port.unwrap_or_else(|| panic!("no port in «{address}»")) }
    }
}

/// `openssl s_client`, about to start.
pub struct Client(Command);

impl Client {
    /// For the server of this name at this port, whose certificate it verifies.
    pub fn new(authority: &Authority, port: u16) -> Self {
        let mut command = Command::new(Program::OpenSsl.command());
        command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost"]);
        command.args(["-verify_return_error", "-verify_hostname", "localhost", "-CAfile"]);
        command.arg(authority.file());
        Self(command)
    }

    /// Narrows it down to one case.
    pub fn case(self, case: &Case) -> Self {
        let mut groups = vec![group_name(case.group)];
        groups.extend(case.certificate_group().filter(|group| *group != case.group).map(group_name));
        let groups = groups.join(":");
        let client = self.version(case.version()).arguments(&["-groups", &groups]);
        match case.version() {
            ProtocolVersion::TLS_1_3 => client.arguments(&["-ciphersuites", case.suite.openssl_name]),
            _ => {
                let cipher = format!("{}:@SECLEVEL=0", case.suite.openssl_name);
                client.arguments(&["-cipher", &cipher])
            }
        }
    }

    /// One version only.
    pub fn version(self, version: ProtocolVersion) -> Self {
        self.arguments(&[version_flag(version)])
    }

    /// With a certificate of its own.
    pub fn certificate(mut self, issued: &Issued) -> Self {
        self.0.arg("-cert").arg(&issued.certificate_file).arg("-key").arg(&issued.key_file);
        self
    }

    /// With these arguments as well.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Process {
        Process::start(&mut self.0)
    }
}

/// The flag for one version only.
pub fn version_flag(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLS_1_3 => "-tls1_3",
        _ => "-tls1_2",
    }
}

/// The name of a group in OpenSSL's lists.
///
/// # Panics
/// If OpenSSL 3.0 does not have it.
pub fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::x25519 => "X25519",
        NamedGroup::secp256r1 => "P-256",
        NamedGroup::secp384r1 => "P-384",
        NamedGroup::secp521r1 => "P-521",
        NamedGroup::ffdhe2048 => "ffdhe2048",
        NamedGroup::ffdhe3072 => "ffdhe3072",
        NamedGroup::ffdhe4096 => "ffdhe4096",
        NamedGroup::ffdhe6144 => "ffdhe6144",
        NamedGroup::ffdhe8192 => "ffdhe8192",
        other => panic!("OpenSSL 3.0 has no group {other}"),
    }
}

/// The groups of elliptic curves that OpenSSL 3.0 and this library share.
pub const CURVES: [NamedGroup; 4] =
    [NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1];

/// The groups of RFC 7919, which both have.
pub const FINITE_FIELDS: [NamedGroup; 5] = [
    NamedGroup::ffdhe2048,
    NamedGroup::ffdhe3072,
    NamedGroup::ffdhe4096,
    NamedGroup::ffdhe6144,
    NamedGroup::ffdhe8192,
];

/// A file with the parameters of a group of RFC 7919, for `s_server -dhparam`.
///
/// # Panics
/// If OpenSSL does not have the group.
pub fn dh_parameters(authority: &Authority, group: NamedGroup) -> PathBuf {
    let file = authority.directory().join(format!("{group}.pem"));
    let mut command = Command::new(Program::OpenSsl.command());
    command.args(["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt"]);
    command.arg(format!("group:{}", group_name(group))).arg("-out").arg(&file);
    let done = command.output().expect("it is installed");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    file
}

/// A line there, a line back, and a clean end that this side begins.
///
/// # Panics
/// If any of it goes wrong.
pub fn converse(stream: Stream<impl Read + Write>, mut client: Process) -> Finished {
    client.write(b"from the client\n");
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert_eq!(line, "from the client\n");
    stream.get_mut().write_all(b"from the server\n").unwrap();
    client.wait_for_output(b"from the server\n");
    stream.get_mut().close().unwrap();
    // The client answers our close_notify with its own, and then waits for the end of the transport.
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    drop(stream);
    let finished = client.wait();
    assert!(finished.status.success(), "{}", finished.written.text());
    finished
}

/// `s_server -rev` sends each line back reversed: both directions work, and then both close.
///
/// # Errors
/// The transport's, or the library's inside an [`io::Error`].
///
/// # Panics
/// If the line comes back as anything else.
pub fn reversed(stream: Stream<impl Read + Write>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"from the client\n")?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    assert_eq!(line, "tneilc eht morf\n");
    stream.get_mut().close()?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest)?;
    assert!(rest.is_empty());
    Ok(())
}
