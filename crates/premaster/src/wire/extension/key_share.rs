//! key_share (RFC 9846 section 4.2.8): public keys for the groups that they belong to.
use super::{Extension, choice_extension};
use crate::wire::{
    DecodeError, Element, ExtensionType, List, NamedGroup, Reader,
    codec::{block16, put_u16, put_vec16},
};

/// A public key, or an encapsulated secret, with its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShareEntry<'a> {
    /// Which group.
    pub group: NamedGroup,
    /// `<1..2^16-1>`, in the encoding of the group.
    pub key_exchange: &'a [u8],
}

impl<'a> Element<'a> for KeyShareEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { group: NamedGroup(reader.u16()?), key_exchange: reader.some16()? })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_u16(out, self.group.0);
        put_vec16(out, self.key_exchange);
    }
}

/// In ClientHello. That no group is there twice, and that each is among supported_groups, is for the receiver
/// to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShareClientHello<'a> {
    /// In the order of preference. Empty asks for a HelloRetryRequest.
    pub client_shares: List<'a, KeyShareEntry<'a>>,
}

impl<'a> Extension<'a> for KeyShareClientHello<'a> {
    const TYPE: ExtensionType = ExtensionType::KEY_SHARE;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "key_share");
        let client_shares = List::decode(reader.vec16()?, "key_share")?;
        reader.finish()?;
        Ok(Self { client_shares })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        block16(out, |out| self.client_shares.encode(out));
    }
}

choice_extension! {
    /// In HelloRetryRequest.
    KeyShareHelloRetryRequest = KEY_SHARE, "key_share" {
        /// The group that the server wants a share for.
        selected_group: NamedGroup
    }
}

/// In ServerHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShareServerHello<'a> {
    /// In one of the groups for which the client sent a share.
    pub server_share: KeyShareEntry<'a>,
}

impl<'a> Extension<'a> for KeyShareServerHello<'a> {
    const TYPE: ExtensionType = ExtensionType::KEY_SHARE;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "key_share");
        let server_share = KeyShareEntry::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { server_share })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.server_share.put(out);
    }
}
