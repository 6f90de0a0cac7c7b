//! The programs that tests talk to.
use std::process::{Command, Stdio};

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
}

impl Program {
    /// What to call.
    pub const fn command(self) -> &'static str {
        match self {
            Self::OpenSsl => "openssl",
            Self::Curl => "curl",
            Self::Redis => "redis-server",
            Self::Valkey => "valkey-server",
        }
    }

    const fn version_argument(self) -> &'static str {
        match self {
            Self::OpenSsl => "version",
            Self::Curl | Self::Redis | Self::Valkey => "--version",
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Self::OpenSsl => "openssl",
            Self::Curl => "curl",
            Self::Redis => "redis-server",
            Self::Valkey => "valkey-server",
        }
    }

    /// Whether it runs here.
    pub fn is_installed(self) -> bool {
        Command::new(self.command())
            .arg(self.version_argument())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Whether `test` can run. If not, says how to make it.
    ///
    /// # Panics
    /// If it cannot and `PREMASTER_CI=1`: there, nothing is skipped.
    pub fn is_ready_for(self, test: &str) -> bool {
        if self.is_installed() {
            return true;
        }
        let command = self.command();
        let said = format!(
            "SKIPPED {test}: `{command}` is not installed; on Debian `apt-get install {}`",
            self.package()
        );
        assert!(std::env::var_os("PREMASTER_CI").is_none_or(|ci| ci != "1"), "{said}");
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
