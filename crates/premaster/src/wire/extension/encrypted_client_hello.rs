//! encrypted_client_hello (RFC 9849), which this library carries but does not open.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType};

/// Whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedClientHello<'a> {
    /// All of it.
    pub payload: &'a [u8],
}

impl<'a> Extension<'a> for EncryptedClientHello<'a> {
    const TYPE: ExtensionType = ExtensionType::ENCRYPTED_CLIENT_HELLO;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self { payload: data })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.payload);
    }
}
