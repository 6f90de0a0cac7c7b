//! ticket_request (RFC 9149 section 3): how many tickets the client has a use for.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType, Reader, codec::put_u8};

/// In ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketRequestClientHello {
    /// If the handshake makes a new session.
    pub new_session_count: u8,
    /// If it resumes one.
    pub resumption_count: u8,
}

impl Extension<'_> for TicketRequestClientHello {
    const TYPE: ExtensionType = ExtensionType::TICKET_REQUEST;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "ticket_request");
        let (new_session_count, resumption_count) = (reader.u8()?, reader.u8()?);
        reader.finish()?;
        Ok(Self { new_session_count, resumption_count })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u8(out, self.new_session_count);
        put_u8(out, self.resumption_count);
    }
}

/// In EncryptedExtensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketRequestEncryptedExtensions {
    /// How many the server means to send.
    pub expected_count: u8,
}

impl Extension<'_> for TicketRequestEncryptedExtensions {
    const TYPE: ExtensionType = ExtensionType::TICKET_REQUEST;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "ticket_request");
        let expected_count = reader.u8()?;
        reader.finish()?;
        Ok(Self { expected_count })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u8(out, self.expected_count);
    }
}
