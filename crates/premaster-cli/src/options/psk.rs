//! Keys that both sides have had all along, from files.
use super::{fleet::refuse_readers, read};
use crate::{exit::ExitCode, failure::Failure};
use clap::Args;
use premaster::{
    Secret,
    identity::{ExternalPsk, PskSource},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// The shortest key that is taken, in bytes: RFC 9257 section 6 wants 128 bits of entropy.
const SHORTEST: usize = 16;

/// Keys that both sides have had all along.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Who this side is")]
pub struct PskOptions {
    /// Share with the other side, under this name, the key that FILE holds in
    /// hexadecimal digits (repeatable)
    #[arg(long, value_name = "IDENTITY:FILE", value_parser = parse_psk)]
    pub psk: Vec<Named>,
}

/// A key's name, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    identity: String,
    file: PathBuf,
}

impl PskOptions {
    /// Whether there are any.
    pub const fn is_any(&self) -> bool {
        !self.psk.is_empty()
    }

    /// The keys, for a client.
    pub fn keys(&self) -> Result<Vec<Arc<ExternalPsk>>, Failure> {
        self.psk
            .iter()
            .map(|named| Ok(Arc::new(ExternalPsk::new(&*named.identity, key(&named.file)?))))
            .collect()
    }

    /// The keys, for a server.
    pub fn source(&self) -> Result<PskSource, Failure> {
        let keys = self.keys()?;
        Ok(if keys.is_empty() { PskSource::None } else { PskSource::These(keys.into()) })
    }
}

fn key(path: &Path) -> Result<Secret, Failure> {
    let text = Zeroizing::new(read(path)?);
    refuse_readers(path, "the pre-shared key", "whoever has it can be either side")?;
    let malformed = |why: &str| {
        Failure::new(ExitCode::Malformed, format!("{} holds no pre-shared key", path.display()))
            .why(why)
            .remedy("make one, and copy it to the other side: openssl rand -hex 32")
    };
    let text = std::str::from_utf8(&text).map_err(|_| malformed("it is not text"))?;
    let bytes = premaster_trace::hex::decode(text.trim()).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| malformed(&error.to_string()))?;
    match bytes.len() {
        SHORTEST.. => Ok(Secret::from(&bytes[..])),
        _ => Err(malformed("it has fewer than 16 bytes, and could be guessed (RFC 9257 section 6)")),
    }
}

fn parse_psk(text: &str) -> Result<Named, String> {
    // A name may have colons in it, such as that of a host and port.
    match text.rsplit_once(':') {
        Some((identity, file)) if !identity.is_empty() && !file.is_empty() => {
            Ok(Named { identity: identity.to_owned(), file: file.into() })
        }
        _ => Err("it must be IDENTITY:FILE, the key's name and the file that holds it".into()),
    }
}
