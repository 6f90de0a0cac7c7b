//! record_size_limit (RFC 8449 section 4): how large a record the sender can receive.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType, Reader, codec::put_u16};

/// Each side says its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSizeLimit {
    /// In bytes of plaintext; in TLS 1.3 the content type and padding count. At least 64, which whoever
    /// receives it has to check.
    pub record_size_limit: u16,
}

impl Extension<'_> for RecordSizeLimit {
    const TYPE: ExtensionType = ExtensionType::RECORD_SIZE_LIMIT;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "record_size_limit");
        let record_size_limit = reader.u16()?;
        reader.finish()?;
        Ok(Self { record_size_limit })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.record_size_limit);
    }
}
