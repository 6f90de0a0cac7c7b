//! session_ticket (RFC 5077 section 3.2), of TLS 1.2 alone.
use super::{Extension, empty_extension};
use crate::wire::{DecodeError, ExtensionType, Reader};

/// In ClientHello: a ticket, or, if empty, the wish for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTicket<'a> {
    /// All of the extension's data; no length of its own stands before it.
    pub ticket: &'a [u8],
}

impl<'a> Extension<'a> for SessionTicket<'a> {
    const TYPE: ExtensionType = ExtensionType::SESSION_TICKET;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self { ticket: data })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.ticket);
    }
}

empty_extension! {
    /// In ServerHello: a NewSessionTicket will come.
    SessionTicketServerHello = SESSION_TICKET, "session_ticket"
}
