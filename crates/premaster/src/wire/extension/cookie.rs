//! cookie (RFC 9846 section 4.2.2): what the server wants to see again in the second ClientHello.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType, Reader, codec::put_vec16};

/// The same in HelloRetryRequest and ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// At least one byte.
    pub cookie: &'a [u8],
}

impl<'a> Extension<'a> for Cookie<'a> {
    const TYPE: ExtensionType = ExtensionType::COOKIE;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "cookie");
        let cookie = reader.some16()?;
        reader.finish()?;
        Ok(Self { cookie })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_vec16(out, self.cookie);
    }
}
