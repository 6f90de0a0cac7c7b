//! max_fragment_length (RFC 6066 section 4): shorter records, for those with little memory.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType, Problem, Reader};

/// How long the plaintext of a record may be; the same in a hello and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxFragmentLength(u8);

impl MaxFragmentLength {
    /// The code for this many bytes: 512, 1024, 2048 or 4096.
    pub const fn from_bytes(bytes: usize) -> Option<Self> {
        match bytes {
            512 => Some(Self(1)),
            1024 => Some(Self(2)),
            2048 => Some(Self(3)),
            4096 => Some(Self(4)),
            _ => None,
        }
    }

    /// How many bytes.
    pub const fn bytes(self) -> usize {
        1 << (8 + self.0)
    }
}

impl Extension<'_> for MaxFragmentLength {
    const TYPE: ExtensionType = ExtensionType::MAX_FRAGMENT_LENGTH;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "max_fragment_length");
        let code = reader.u8()?;
        reader.finish()?;
        match code {
            1..=4 => Ok(Self(code)),
            // "it MUST abort the handshake with an 'illegal_parameter' alert"
            _ => Err(DecodeError::new("max_fragment_length", Problem::Illegal)),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
}
