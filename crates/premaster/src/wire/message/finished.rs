//! Finished (RFC 9846 section 4.4.4, RFC 5246 section 7.4.9).
use super::Body;
use crate::wire::{DecodeError, HandshakeType};

/// Proof that the sender saw the same handshake and has its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished<'a> {
    /// The whole body: 12 bytes in TLS 1.2, those of a hash in TLS 1.3. Compare it in constant time, together
    /// with its length.
    pub verify_data: &'a [u8],
}

impl<'a> Finished<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Never: every body is some verify_data.
    pub const fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self { verify_data: body })
    }
}

impl Body for Finished<'_> {
    const TYPE: HandshakeType = HandshakeType::FINISHED;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.verify_data);
    }
}
