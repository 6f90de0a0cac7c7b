//! The libraries under examination, and how each is started.
use crate::case::{Case, Opening};
use premaster::wire::{ProtocolVersion, Side};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The software under examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// This library, with its blocking stream.
    Premaster,
    /// This library, over tokio.
    PremasterTokio,
    /// rustls over AWS-LC.
    Rustls,
    /// OpenSSL's commands.
    OpenSsl,
    /// BoringSSL, in a program of its own.
    Boring,
    /// s2n-tls over AWS-LC, in a program of its own.
    S2n,
}

impl Software {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Premaster, Self::PremasterTokio, Self::Rustls, Self::OpenSsl, Self::Boring, Self::S2n];

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Premaster => "premaster",
            Self::PremasterTokio => "premaster-tokio",
            Self::Rustls => "rustls",
            Self::OpenSsl => "OpenSSL",
            Self::Boring => "BoringSSL",
            Self::S2n => "s2n-tls",
        }
    }

    /// Whether it is this project's.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Premaster | Self::PremasterTokio)
    }

    /// Whether it takes orders on standard input, or is a command that does one thing.
    pub const fn obeys(self) -> bool {
        !matches!(self, Self::OpenSsl)
    }

    /// The program, which for two of them is built apart from this workspace; `own` is this package's.
    ///
    /// # Errors
    /// In words, that it is not there.
    pub fn program(self, own: &Path) -> Result<PathBuf, String> {
        let name = match self {
            Self::OpenSsl => return Ok("openssl".into()),
            Self::Boring => "erasure-boring",
            Self::S2n => "erasure-s2n",
            _ => return Ok(own.to_owned()),
        };
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/target/release");
        let directory = env::var_os("PREMASTER_ERASURE_PEERS").map_or_else(|| built.into(), PathBuf::from);
        let program = directory.join(name);
        match program.is_file() {
            true => Ok(program),
            false => Err(format!(
                "{} is left out: there is no {name}. Build it (`cargo build --release` in \
                 interop/erasure/peers), and say where in PREMASTER_ERASURE_PEERS",
                self.name()
            )),
        }
    }
}

/// The files of a case, as arguments.
pub struct Files {
    /// The authority's certificate.
    pub ca: String,
    /// The server's certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The pre-shared key.
    pub psk: Vec<u8>,
}

impl Files {
    /// From a command line.
    pub fn parse([ca, certificate, key, psk]: [&str; 4]) -> Self {
        let [ca, certificate, key] = [ca, certificate, key].map(str::to_owned);
        let byte = |at| u8::from_str_radix(psk.get(at..at + 2)?, 16).ok();
        Self { ca, certificate, key, psk: (0..psk.len()).step_by(2).filter_map(byte).collect() }
    }

    fn psk_digits(&self) -> String {
        self.psk.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The name of the pre-shared key.
pub const PSK_IDENTITY: &str = "a name";

/// The command line of the process under examination. `port` is where a client finds this process's server.
pub fn command(case: &Case, program: &Path, files: &Files, port: u16, keep: bool) -> Command {
    let mut command = Command::new(program);
    let exchange = &case.exchange;
    let files_of = [&files.ca, &files.certificate, &files.key];
    match case.software {
        Software::OpenSsl => openssl(case, files, port, &mut command),
        Software::Boring | Software::S2n => {
            command.arg(if case.side == Side::Client { "client" } else { "server" });
            command.arg(if exchange.is_tls13() { "1.3" } else { "1.2" });
            command.arg(exchange.suite.openssl_name);
            command.arg(exchange.group.and_then(|group| group.name()).unwrap_or("-"));
            command.arg(if case.tickets { "tickets" } else { "no-tickets" }).args(files_of);
        }
        _ => {
            command.args(["child", &case.to_word()]).args(files_of).arg(files.psk_digits());
            if keep {
                command.arg("keep");
            }
        }
    }
    command
}

fn openssl(case: &Case, files: &Files, port: u16, command: &mut Command) {
    let exchange = &case.exchange;
    match case.side {
        Side::Server => {
            command.args(["s_server", "-accept", "127.0.0.1:0", "-rev", "-no_cache"]);
            match exchange.has_certificate() {
                true => command.args(["-cert", &files.certificate, "-key", &files.key]),
                false => command.arg("-nocert"),
            };
            if !case.tickets {
                command.args(["-no_ticket", "-num_tickets", "0"]);
            }
        }
        Side::Client => {
            let address = format!("127.0.0.1:{port}");
            command.args(["s_client", "-connect", &address, "-CAfile", &files.ca]);
            command.args(["-servername", "localhost", "-quiet"]);
            if !case.tickets {
                command.arg("-no_ticket");
            }
        }
    }
    if exchange.has_psk() {
        command.args(["-psk_identity", PSK_IDENTITY, "-psk", &files.psk_digits()]);
    }
    if exchange.opening == Opening::PskKe {
        command.arg("-allow_no_dhe_kex");
    }
    match exchange.version() {
        ProtocolVersion::TLS_1_3 => command.args(["-tls1_3", "-ciphersuites", exchange.suite.name()]),
        _ => command.args(["-tls1_2", "-cipher", exchange.suite.openssl_name]),
    };
    if let Some(&group) = exchange.groups(case.side).first() {
        let name = premaster_interop::openssl::group_name(group);
        let groups =
            if name == "P-256" || exchange.is_tls13() { name.to_owned() } else { format!("{name}:P-256") };
        // OpenSSL takes DHE's prime from elsewhere in TLS 1.2.
        if exchange.is_tls13() || !groups.starts_with("ffdhe") {
            command.args(["-groups", &groups]);
        }
    }
}
