//! renegotiation_info (RFC 5746 section 3.2), of TLS 1.2 alone.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType, Reader, codec::put_vec8};

/// The Finished messages of the handshake before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenegotiationInfo<'a> {
    /// Empty in a first handshake.
    pub renegotiated_connection: &'a [u8],
}

impl<'a> Extension<'a> for RenegotiationInfo<'a> {
    const TYPE: ExtensionType = ExtensionType::RENEGOTIATION_INFO;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "renegotiation_info");
        let renegotiated_connection = reader.vec8()?;
        reader.finish()?;
        Ok(Self { renegotiated_connection })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_vec8(out, self.renegotiated_connection);
    }
}
