//! Certificate of TLS 1.3 (RFC 9846 section 4.4.2).
use super::Body;
use crate::wire::{
    DecodeError, Element, HandshakeType, List, Reader,
    codec::{block24, put_vec8, put_vec24},
    extension::Extensions,
};

/// A certificate, or a raw public key, and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEntry<'a> {
    /// `cert_data` or `ASN1_subjectPublicKeyInfo`, `<1..2^24-1>`, in DER.
    pub data: &'a [u8],
    /// OCSP response and timestamps.
    pub extensions: Extensions<'a>,
}

impl<'a> Element<'a> for CertificateEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { data: reader.some24()?, extensions: Extensions::read(reader)? })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_vec24(out, self.data);
        self.extensions.encode(out);
    }
}

/// Who the sender is.
///
/// ```text
/// struct {
///     opaque certificate_request_context<0..2^8-1>;
///     CertificateEntry certificate_list<0..2^24-1>;
/// } Certificate;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate13<'a> {
    /// That of the CertificateRequest; empty from a server.
    pub certificate_request_context: &'a [u8],
    /// The sender's own first. A client that has none sends an empty list.
    pub certificate_list: List<'a, CertificateEntry<'a>>,
}

impl<'a> Certificate13<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "Certificate");
        let certificate_request_context = reader.vec8()?;
        let certificate_list = List::decode(reader.vec24()?, "certificate_list")?;
        reader.finish()?;
        Ok(Self { certificate_request_context, certificate_list })
    }
}

impl Body for Certificate13<'_> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;

    fn encode(&self, out: &mut Vec<u8>) {
        put_vec8(out, self.certificate_request_context);
        block24(out, |out| self.certificate_list.encode(out));
    }
}
