//! The programs that tests talk to.
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A program that may or may not be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// OpenSSL's command, 3.0 or newer.
    OpenSsl,
    /// curl.
    Curl,
    /// A Redis server.
    Redis,
    /// The same under its other name.
    Valkey,
    /// Node.js with OpenSSL 3.5 or newer inside.
    Node,
    /// Python with Mbed TLS 2.28, the last that had static ECDH.
    MbedTls,
    /// tcpdump, and the permission to capture on loopback.
    Tcpdump,
    /// Wireshark's command.
    Tshark,
    /// Java with Bouncy Castle, the only one left with static Diffie-Hellman.
    BouncyCastle,
}

/// Where Debian keeps Bouncy Castle.
const CLASS_PATH: &str = "/usr/share/java/bctls.jar:/usr/share/java/bcutil.jar:/usr/share/java/bcprov.jar";

/// The directory, made by Python's `venv`, that has the peers which Debian lacks; or `none`, which leaves them out.
const PEERS: &str = "PREMASTER_PEERS";

/// `none` leaves out what captures on loopback, where nobody may.
const CAPTURE: &str = "PREMASTER_CAPTURE";

impl Program {
    /// What to call.
    pub fn command(self) -> PathBuf {
        let peer = |name: &str| match env::var_os(PEERS) {
            Some(directory) => Path::new(&directory).join("bin").join(name),
            None => name.into(),
        };
        match self {
            Self::OpenSsl => "openssl".into(),
            Self::Curl => "curl".into(),
            Self::Redis => "redis-server".into(),
            Self::Valkey => "valkey-server".into(),
            Self::Node => peer("node"),
            Self::MbedTls => peer("python3"),
            Self::BouncyCastle => "java".into(),
            Self::Tcpdump => "tcpdump".into(),
            Self::Tshark => "tshark".into(),
        }
    }

    /// What succeeds if it is there, and is the one that is wanted.
    const fn probe(self) -> &'static [&'static str] {
        match self {
            Self::OpenSsl => &["version"],
            Self::Curl | Self::Redis | Self::Valkey | Self::Tshark => &["--version"],
            // Opens the interface, prints the filter, and captures nothing.
            Self::Tcpdump => &["-i", "lo", "-d", "tcp"],
            Self::Node => &["-e", "process.exit(parseFloat(process.versions.openssl) >= 3.5 ? 0 : 1)"],
            Self::MbedTls => {
                &["-c", "from mbedtls import version, tls; assert version.version_info[:2] == (2, 28)"]
            }
            // Of the development kit, which runs a source file as it is.
            Self::BouncyCastle => &["-m", "jdk.compiler/com.sun.tools.javac.Main", "--version"],
        }
    }

    /// What comes before a script.
    pub(crate) const fn before_script(self) -> &'static [&'static str] {
        match self {
            Self::BouncyCastle => &["-cp", CLASS_PATH],
            _ => &[],
        }
    }

    const fn how_to_install(self) -> &'static str {
        match self {
            Self::OpenSsl => "on Debian `apt-get install openssl`",
            Self::Curl => "on Debian `apt-get install curl`",
            Self::Redis => "on Debian `apt-get install redis-server`",
            Self::Valkey => "on Debian `apt-get install valkey-server`",
            Self::Tcpdump => {
                "on Debian `apt-get install tcpdump`, and run as root or after \
                 `setcap cap_net_raw,cap_net_admin=eip /usr/bin/tcpdump`"
            }
            Self::Tshark => "on Debian `apt-get install tshark`",
            Self::BouncyCastle => "on Debian `apt-get install default-jdk-headless libbctls-java`",
            Self::Node | Self::MbedTls => {
                "`python3 -m venv DIRECTORY`, `DIRECTORY/bin/pip install -r interop/peers/scripts/requirements.txt`, \
                 and PREMASTER_PEERS=DIRECTORY"
            }
        }
    }

    /// Whether it runs here.
    pub fn is_installed(self) -> bool {
        self.is_there()
            && (self != Self::BouncyCastle || CLASS_PATH.split(':').all(|jar| Path::new(jar).exists()))
    }

    fn is_there(self) -> bool {
        Command::new(self.command())
            .args(self.probe())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Whether it was left out knowingly. Java is too large to be asked for: recorded sessions stand in.
    fn is_left_out(self) -> bool {
        match self {
            Self::Node | Self::MbedTls => env::var_os(PEERS).is_some_and(|peers| peers == "none"),
            Self::BouncyCastle => !self.is_there(),
            Self::Tcpdump => env::var_os(CAPTURE).is_some_and(|capture| capture == "none"),
            Self::OpenSsl | Self::Curl | Self::Redis | Self::Valkey | Self::Tshark => false,
        }
    }

    /// Whether `test` can run. If not, says how to make it.
    ///
    /// # Panics
    /// If it cannot and `PREMASTER_CI=1`: there, nothing is skipped but what was left out knowingly.
    pub fn is_ready_for(self, test: &str) -> bool {
        if !self.is_left_out() && self.is_installed() {
            return true;
        }
        let command = self.command();
        let said = format!(
            "SKIPPED {test}: `{}` is not installed, or not the right one; {}",
            command.display(),
            self.how_to_install()
        );
        let strict = env::var_os("PREMASTER_CI").is_some_and(|ci| ci == "1");
        assert!(!strict || self.is_left_out(), "{said}");
        println!("{said}");
        false
    }
}

/// Returns from the test, with a line that names it, unless this [`Program`] is installed.
#[macro_export]
macro_rules! need {
    ($program:ident) => {{
        fn here() {}
        let name = std::any::type_name_of_val(&here).trim_end_matches("::here");
        if !$crate::Program::$program.is_ready_for(name) {
            return;
        }
    }};
}

/// A [`Redis`](crate::Redis) that runs; where there is none, returns from the test as [`need!`] does.
#[macro_export]
macro_rules! redis {
    () => {{
        fn here() {}
        let name = std::any::type_name_of_val(&here).trim_end_matches("::here");
        match $crate::Redis::start(name) {
            Some(server) => server,
            None => return,
        }
    }};
}
