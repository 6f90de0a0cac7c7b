//! The options that several verbs share, and what they come to in the library's terms.
mod fleet;
mod policy;
mod psk;
mod sessions;

pub use policy::{PolicyOptions, find_group};
pub use psk::PskOptions;
pub use sessions::{ClientSessionOptions, Kept, ServerSessionOptions};

use crate::{exit::ExitCode, failure::Failure, terminal::Io};
use clap::Args;
use premaster::{
    config::ConfigError,
    identity::{ChainVerifier, Credential, Credentials, Roots, Verifier},
    observe::{KeyLog, Observer},
};
use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// Whom a client believes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Whom to believe")]
pub struct TrustOptions {
    /// Believe only what these root certificates (PEM) vouch for (repeatable)
    /// [default: the system's and Mozilla's]
    #[arg(long, value_name = "FILE")]
    pub ca: Vec<PathBuf>,
    /// Go on with a server that cannot prove who it is; the verdict is still told
    #[arg(long)]
    pub insecure: bool,
    /// Ask for, and verify, this name [default: the target's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

impl TrustOptions {
    /// The verifier that they come to.
    pub fn verifier(&self, io: &mut Io) -> Result<Verifier, Failure> {
        let roots = if self.ca.is_empty() { default_roots() } else { read_roots(&self.ca)? };
        let verifier = Verifier::from(ChainVerifier::new(roots));
        if !self.insecure {
            return Ok(verifier);
        }
        io.complain(
            "warning: --insecure: whoever stands between you and the server can read and change everything",
        );
        Ok(verifier.report_only())
    }
}

/// The operating system's roots and Mozilla's.
fn default_roots() -> Roots {
    let (mut roots, _) = Roots::native();
    roots.extend(Roots::mozilla());
    roots
}

/// The roots of these PEM files.
pub fn read_roots(files: &[PathBuf]) -> Result<Roots, Failure> {
    let mut roots = Roots::new();
    for path in files {
        let file = read(path)?;
        roots.add_pem(&file).map_err(|error| malformed(path, &error))?;
    }
    Ok(roots)
}

/// Who this side is.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Who this side is")]
pub struct CredentialOptions {
    /// The certificate chain (PEM), leaf first
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its private key (PEM, not encrypted)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

impl CredentialOptions {
    /// The credential, if one was given.
    pub fn credential(&self) -> Result<Option<Arc<Credential>>, Failure> {
        let (Some(cert), Some(key)) = (&self.cert, &self.key) else { return Ok(None) };
        let chain = read(cert)?;
        let private = Zeroizing::new(read(key)?);
        let credential =
            Credential::from_pem(&chain, &private).map_err(|error| malformed_pair(cert, key, &error))?;
        Ok(Some(Arc::new(credential)))
    }

    /// The credentials to configure a side with: one or none.
    pub fn credentials(&self) -> Result<Credentials, Failure> {
        Ok(self.credential()?.map_or_else(Credentials::none, Credentials::always))
    }
}

/// Where the secrets are logged.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What is recorded")]
pub struct KeyLogOptions {
    /// Append the connection's secrets to this file (RFC 9850): who reads it reads everything
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
}

impl KeyLogOptions {
    /// The key log, if the option or SSLKEYLOGFILE asks for one.
    pub fn observer(&self, io: &mut Io) -> Result<Option<Arc<dyn Observer>>, Failure> {
        let from_environment =
            || std::env::var_os("SSLKEYLOGFILE").filter(|value: &OsString| !value.is_empty());
        let Some(path) = self.keylog.clone().or_else(|| from_environment().map(PathBuf::from)) else {
            return Ok(None);
        };
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| {
            Failure::usage(format!("cannot write the key log {}", path.display()))
                .why(error)
                .remedy("name a file that can be written: --keylog FILE, or unset SSLKEYLOGFILE")
        })?;
        io.say(format!("the connection's secrets are appended to {}", path.display()));
        Ok(Some(Arc::new(KeyLog::new(file))))
    }
}

/// How long things may take.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "How long it may take")]
pub struct TimeOptions {
    /// Give up after this many seconds: for the connection and handshake together, then for each silence of the
    /// peer once this side has nothing more to say
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub timeout: u32,
}

impl TimeOptions {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}

/// The configuration contradicts itself.
pub fn contradictory(error: &ConfigError) -> Failure {
    Failure::usage("these options cannot work together").why(error)
}

/// The largest file that is read whole: no chain, key or set of roots comes near.
const LARGEST_FILE: u64 = 16 << 20;

/// A whole file.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::unreadable(path, &error))?;
    if metadata.len() > LARGEST_FILE {
        return Err(Failure::new(ExitCode::Malformed, format!("{} is too large", path.display()))
            .why("it has more than 16 MiB")
            .remedy("name a PEM file"));
    }
    fs::read(path).map_err(|error| Failure::unreadable(path, &error))
}

fn malformed(path: &Path, error: &premaster::identity::CredentialError) -> Failure {
    split_advice(Failure::new(ExitCode::Malformed, format!("{} cannot be used", path.display())), error)
}

fn malformed_pair(cert: &Path, key: &Path, error: &premaster::identity::CredentialError) -> Failure {
    let what = format!("the certificate {} with the key {} cannot be used", cert.display(), key.display());
    split_advice(Failure::new(ExitCode::Malformed, what), error)
}

/// The library says what is wrong and, after a colon, what to do.
fn split_advice(failure: Failure, error: &premaster::identity::CredentialError) -> Failure {
    let text = error.to_string();
    match text.rsplit_once(": ") {
        Some((why, advice)) => failure.why(why).remedy(advice),
        None => failure.why(text),
    }
}
