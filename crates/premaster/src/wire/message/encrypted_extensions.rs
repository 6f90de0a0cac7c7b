//! EncryptedExtensions (RFC 9846 section 4.3.1), of TLS 1.3 alone.
use super::Body;
use crate::wire::{DecodeError, HandshakeType, Reader, extension::Extensions};

/// The server's answers that no key depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedExtensions<'a> {
    /// All there is.
    pub extensions: Extensions<'a>,
}

impl<'a> EncryptedExtensions<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "EncryptedExtensions");
        let extensions = Extensions::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { extensions })
    }
}

impl Body for EncryptedExtensions<'_> {
    const TYPE: HandshakeType = HandshakeType::ENCRYPTED_EXTENSIONS;

    fn encode(&self, out: &mut Vec<u8>) {
        self.extensions.encode(out);
    }
}
