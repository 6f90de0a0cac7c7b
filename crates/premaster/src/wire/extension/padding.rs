//! padding (RFC 7685 section 3): makes a ClientHello longer.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType, Problem};

/// Zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// How many.
    pub len: usize,
}

impl Extension<'_> for Padding {
    const TYPE: ExtensionType = ExtensionType::PADDING;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        match data.iter().all(|&byte| byte == 0) {
            true => Ok(Self { len: data.len() }),
            // "The client MUST fill the padding extension completely with zero bytes"
            false => Err(DecodeError::new("padding", Problem::Illegal)),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.resize(out.len() + self.len, 0);
    }
}
