//! application_layer_protocol_negotiation (RFC 7301 section 3.1): the names of what is spoken above TLS.
use super::{Extension, list_extension, opaque_element};
use crate::wire::{
    DecodeError, Element, ExtensionType, List, Reader,
    codec::{block16, put_vec8},
};

opaque_element! {
    /// `opaque ProtocolName<1..2^8-1>`, such as `h2`.
    ProtocolName, some8, put_vec8
}

list_extension! {
    /// What the client speaks, in the order of its preference.
    ProtocolNameList = APPLICATION_LAYER_PROTOCOL_NEGOTIATION, "application_layer_protocol_negotiation" {
        /// At least one name.
        protocol_name_list: ProtocolName<'a>, list16, block16
    }
}

/// What the server chose: a list that "MUST contain exactly one" name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedProtocolName<'a> {
    /// The name.
    pub protocol_name: ProtocolName<'a>,
}

impl<'a> Extension<'a> for SelectedProtocolName<'a> {
    const TYPE: ExtensionType = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "application_layer_protocol_negotiation");
        let mut list = Reader::new(reader.some16()?, "protocol_name_list");
        let protocol_name = ProtocolName::read(&mut list)?;
        list.finish()?;
        reader.finish()?;
        Ok(Self { protocol_name })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        block16(out, |out| self.protocol_name.put(out));
    }
}
