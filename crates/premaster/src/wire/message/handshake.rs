//! The header that every handshake message has (RFC 9846 section 4).
//!
//! ```text
//! struct {
//!     HandshakeType msg_type;
//!     uint24 length;
//!     ...
//! } Handshake;
//! ```
use crate::wire::{
    DecodeError, HandshakeType, Reader,
    codec::{block24, put_u8},
};

/// How many bytes the header has.
pub const HEADER_LEN: usize = 4;

/// What stands after the header.
pub trait Body {
    /// The type in the header.
    const TYPE: HandshakeType;

    /// Writes the body.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Writes a message: header and body.
pub fn encode<B: Body>(body: &B, out: &mut Vec<u8>) {
    put_u8(out, B::TYPE.0);
    block24(out, |out| body.encode(out));
}

/// Takes a message apart into type and body.
///
/// # Errors
/// If `message` is not one message, the whole of it and nothing else.
pub fn decode(message: &[u8]) -> Result<(HandshakeType, &[u8]), DecodeError> {
    let mut reader = Reader::new(message, "Handshake");
    let msg_type = HandshakeType(reader.u8()?);
    let body = reader.vec24()?;
    reader.finish()?;
    Ok((msg_type, body))
}
