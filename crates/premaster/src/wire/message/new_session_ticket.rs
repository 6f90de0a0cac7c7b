//! NewSessionTicket (RFC 5077 section 3.3, RFC 9846 section 4.6.1).
use super::Body;
use crate::wire::{
    DecodeError, HandshakeType, Reader,
    codec::{put_u32, put_vec8, put_vec16},
    extension::Extensions,
};

/// A TLS 1.2 session, to be kept by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSessionTicket12<'a> {
    /// In seconds; 0 if the server does not say.
    pub lifetime_hint: u32,
    /// At most 2^16-1 bytes that only the server understands. Empty if it has changed its mind.
    pub ticket: &'a [u8],
}

impl<'a> NewSessionTicket12<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "NewSessionTicket");
        let lifetime_hint = reader.u32()?;
        let ticket = reader.vec16()?;
        reader.finish()?;
        Ok(Self { lifetime_hint, ticket })
    }
}

impl Body for NewSessionTicket12<'_> {
    const TYPE: HandshakeType = HandshakeType::NEW_SESSION_TICKET;

    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.lifetime_hint);
        put_vec16(out, self.ticket);
    }
}

/// A pre-shared key for a TLS 1.3 connection to come.
///
/// ```text
/// struct {
///     uint32 ticket_lifetime;
///     uint32 ticket_age_add;
///     opaque ticket_nonce<0..255>;
///     opaque ticket<1..2^16-1>;
///     Extension extensions<0..2^16-1>;
/// } NewSessionTicket;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSessionTicket13<'a> {
    /// In seconds, at most seven days, which the receiver has to check.
    pub ticket_lifetime: u32,
    /// Added to the ticket's age, so that nobody can link it to this connection.
    pub ticket_age_add: u32,
    /// Tells the keys of one connection's tickets apart. At most 255 bytes.
    pub ticket_nonce: &'a [u8],
    /// The key's name.
    pub ticket: &'a [u8],
    /// early_data, and whatever else.
    pub extensions: Extensions<'a>,
}

impl<'a> NewSessionTicket13<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "NewSessionTicket");
        let ticket_lifetime = reader.u32()?;
        let ticket_age_add = reader.u32()?;
        let ticket_nonce = reader.vec8()?;
        let ticket = reader.some16()?;
        let extensions = Extensions::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { ticket_lifetime, ticket_age_add, ticket_nonce, ticket, extensions })
    }
}

impl Body for NewSessionTicket13<'_> {
    const TYPE: HandshakeType = HandshakeType::NEW_SESSION_TICKET;

    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.ticket_lifetime);
        put_u32(out, self.ticket_age_add);
        put_vec8(out, self.ticket_nonce);
        put_vec16(out, self.ticket);
        self.extensions.encode(out);
    }
}
