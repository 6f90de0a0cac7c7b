//! pre_shared_key (RFC 9846 section 4.2.11): keys that both sides may have.
use super::Extension;
use crate::wire::{
    DecodeError, Element, ExtensionType, List, Problem, Reader,
    codec::{block16, put_u16, put_u32, put_vec8, put_vec16},
};

/// A key's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PskIdentity<'a> {
    /// `<1..2^16-1>`: a ticket, or a label agreed on elsewhere.
    pub identity: &'a [u8],
    /// The ticket's age in milliseconds, plus ticket_age_add, modulo 2^32; 0 for an external key.
    pub obfuscated_ticket_age: u32,
}

impl<'a> Element<'a> for PskIdentity<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { identity: reader.some16()?, obfuscated_ticket_age: reader.u32()? })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_vec16(out, self.identity);
        put_u32(out, self.obfuscated_ticket_age);
    }
}

/// `opaque PskBinderEntry<32..255>`: proof that the client has the key, bound to this ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PskBinderEntry<'a>(pub &'a [u8]);

impl<'a> Element<'a> for PskBinderEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let binder = reader.vec8()?;
        match binder.len() {
            32.. => Ok(Self(binder)),
            _ => Err(reader.error(Problem::BadLength)),
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_vec8(out, self.0);
    }
}

/// In ClientHello, as its last extension: `OfferedPsks`. That there are as many binders as identities is for
/// the receiver to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreSharedKeyClientHello<'a> {
    /// At least one.
    pub identities: List<'a, PskIdentity<'a>>,
    /// One for each identity, in the same order.
    pub binders: List<'a, PskBinderEntry<'a>>,
}

impl PreSharedKeyClientHello<'_> {
    /// How many bytes the binders take at the end of the ClientHello, with the length before them: what a
    /// binder covers is the message without these (RFC 9846 section 4.2.11.2).
    pub fn binders_len(&self) -> usize {
        2 + self.binders.iter().map(|binder| 1 + binder.0.len()).sum::<usize>()
    }
}

impl<'a> Extension<'a> for PreSharedKeyClientHello<'a> {
    const TYPE: ExtensionType = ExtensionType::PRE_SHARED_KEY;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "pre_shared_key");
        let identities = reader.list16()?;
        let binders = reader.list16()?;
        reader.finish()?;
        Ok(Self { identities, binders })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        block16(out, |out| self.identities.encode(out));
        block16(out, |out| self.binders.encode(out));
    }
}

/// In ServerHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreSharedKeyServerHello {
    /// Which of the client's identities, counted from 0.
    pub selected_identity: u16,
}

impl Extension<'_> for PreSharedKeyServerHello {
    const TYPE: ExtensionType = ExtensionType::PRE_SHARED_KEY;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "pre_shared_key");
        let selected_identity = reader.u16()?;
        reader.finish()?;
        Ok(Self { selected_identity })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.selected_identity);
    }
}
