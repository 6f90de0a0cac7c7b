//! oid_filters (RFC 9846 section 4.2.5): what the client's certificate has to say of itself.
use super::Extension;
use crate::wire::{
    DecodeError, Element, ExtensionType, List, Reader,
    codec::{block16, put_vec8, put_vec16},
};

/// A certificate extension, and the values of it that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OidFilter<'a> {
    /// `<1..2^8-1>`, in DER.
    pub certificate_extension_oid: &'a [u8],
    /// In DER; empty if any value will do.
    pub certificate_extension_values: &'a [u8],
}

impl<'a> Element<'a> for OidFilter<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { certificate_extension_oid: reader.some8()?, certificate_extension_values: reader.vec16()? })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_vec8(out, self.certificate_extension_oid);
        put_vec16(out, self.certificate_extension_values);
    }
}

/// In CertificateRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OidFilters<'a> {
    /// All of them have to match.
    pub filters: List<'a, OidFilter<'a>>,
}

impl<'a> Extension<'a> for OidFilters<'a> {
    const TYPE: ExtensionType = ExtensionType::OID_FILTERS;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "oid_filters");
        let filters = List::decode(reader.vec16()?, "oid_filters")?;
        reader.finish()?;
        Ok(Self { filters })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        block16(out, |out| self.filters.encode(out));
    }
}
