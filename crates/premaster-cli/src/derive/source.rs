//! Where inputs come from: what is public from the command line, what is secret from a file or stdin.
use crate::{exit::ExitCode, failure::Failure, options};
use premaster_trace::hex;
use std::{io::Read, path::PathBuf, str::FromStr};
use zeroize::Zeroizing;

/// More is no key.
const LARGEST: u64 = 1 << 16;

/// Where a secret is read from.
#[derive(Clone, Debug)]
pub(super) enum Secret {
    File(PathBuf),
    Stdin,
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@') {
            Some(path) if !path.is_empty() => Ok(Self::File(path.into())),
            _ if text == "-" => Ok(Self::Stdin),
            _ => {
                Err("a secret comes from a file (@FILE) or from stdin (-), never from the command line"
                    .into())
            }
        }
    }
}

impl Secret {
    /// The bytes, from hexadecimal digits.
    pub(super) fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let text = self.text()?;
        hex::decode(&text).map(Zeroizing::new).map_err(|error| self.malformed(error))
    }

    /// A number in decimal digits.
    pub(super) fn number(&self) -> Result<u64, Failure> {
        let text = self.text()?;
        text.trim().parse().map_err(|error| self.malformed(error))
    }

    fn malformed(&self, error: impl std::fmt::Display) -> Failure {
        Failure::new(ExitCode::Malformed, format!("{} cannot be used", self.name())).why(error)
    }

    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "stdin".to_owned(),
        }
    }

    fn text(&self) -> Result<Zeroizing<String>, Failure> {
        let bytes = Zeroizing::new(match self {
            Self::File(path) => options::read(path)?,
            Self::Stdin => {
                let mut bytes = Vec::new();
                let read = std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
                read.map_err(|error| Failure::usage("cannot read stdin").why(error))?;
                bytes
            }
        });
        if bytes.len() as u64 > LARGEST {
            return Err(self.malformed("it has more than 64 KiB"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| self.malformed("it is not text"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

/// Bytes that anybody may see.
#[derive(Clone, Debug)]
pub(super) struct Public(pub(super) Vec<u8>);

impl FromStr for Public {
    type Err = hex::BadHex;

    fn from_str(text: &str) -> Result<Self, hex::BadHex> {
        hex::decode(text).map(Self)
    }
}
