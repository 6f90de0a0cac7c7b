//! KeyUpdate (RFC 9846 section 4.6.3), of TLS 1.3 alone.
use super::Body;
use crate::wire::{DecodeError, Element, HandshakeType, KeyUpdateRequest, Reader};

/// The sender's next record is under new keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUpdate {
    /// Whether the receiver has to follow. Values that the RFC does not know are for the receiver to refuse.
    pub request_update: KeyUpdateRequest,
}

impl KeyUpdate {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is not one byte.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "KeyUpdate");
        let request_update = KeyUpdateRequest::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { request_update })
    }
}

impl Body for KeyUpdate {
    const TYPE: HandshakeType = HandshakeType::KEY_UPDATE;

    fn encode(&self, out: &mut Vec<u8>) {
        self.request_update.put(out);
    }
}
