//! early_data (RFC 9846 section 4.2.10).
use super::{Extension, empty_extension};
use crate::wire::{DecodeError, ExtensionType, Reader, codec::put_u32};

empty_extension! {
    /// In ClientHello: early data follows. In EncryptedExtensions: it is accepted.
    EarlyData = EARLY_DATA, "early_data"
}

/// In NewSessionTicket: early data may be sent with this ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyDataNewSessionTicket {
    /// How much, in bytes of plaintext without padding and content type.
    pub max_early_data_size: u32,
}

impl Extension<'_> for EarlyDataNewSessionTicket {
    const TYPE: ExtensionType = ExtensionType::EARLY_DATA;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "early_data");
        let max_early_data_size = reader.u32()?;
        reader.finish()?;
        Ok(Self { max_early_data_size })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.max_early_data_size);
    }
}
