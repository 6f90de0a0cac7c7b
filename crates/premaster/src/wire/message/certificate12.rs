//! Certificate of TLS 1.2 (RFC 5246 section 7.4.2, RFC 7250 section 3).
use super::Body;
use crate::wire::{
    DecodeError, Element, HandshakeType, List, Reader,
    codec::{block24, put_vec24},
    extension::opaque_element,
};

opaque_element! {
    /// `opaque ASN.1Cert<1..2^24-1>`: an X.509 certificate in DER.
    Asn1Cert, some24, put_vec24
}

/// A chain of X.509 certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate12<'a> {
    /// The sender's own first, each certified by the next. A client that has none sends an empty list.
    pub certificate_list: List<'a, Asn1Cert<'a>>,
}

impl<'a> Certificate12<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "Certificate");
        let certificate_list = List::decode(reader.vec24()?, "certificate_list")?;
        reader.finish()?;
        Ok(Self { certificate_list })
    }
}

impl Body for Certificate12<'_> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;

    fn encode(&self, out: &mut Vec<u8>) {
        block24(out, |out| self.certificate_list.encode(out));
    }
}

/// What Certificate holds in TLS 1.2 when raw public keys were agreed on: no list, but one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPublicKey12<'a> {
    /// `ASN.1_subjectPublicKeyInfo<1..2^24-1>`, in DER.
    pub subject_public_key_info: &'a [u8],
}

impl<'a> RawPublicKey12<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "Certificate");
        let subject_public_key_info = reader.some24()?;
        reader.finish()?;
        Ok(Self { subject_public_key_info })
    }
}

impl Body for RawPublicKey12<'_> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;

    fn encode(&self, out: &mut Vec<u8>) {
        put_vec24(out, self.subject_public_key_info);
    }
}
