//! CertificateRequest (RFC 5246 section 7.4.4, RFC 9846 section 4.3.2).
use super::Body;
use crate::wire::{
    ClientCertificateType, DecodeError, HandshakeType, List, Reader, SignatureScheme,
    codec::{block8, block16, put_vec8},
    extension::{DistinguishedName, Extensions},
};

/// The TLS 1.2 server wants to know who the client is.
///
/// ```text
/// struct {
///     ClientCertificateType certificate_types<1..2^8-1>;
///     SignatureAndHashAlgorithm supported_signature_algorithms<2..2^16-2>;
///     DistinguishedName certificate_authorities<0..2^16-1>;
/// } CertificateRequest;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest12<'a> {
    /// The kinds of certificate that will do.
    pub certificate_types: List<'a, ClientCertificateType>,
    /// The signatures that the server can check, in the order of preference.
    pub supported_signature_algorithms: List<'a, SignatureScheme>,
    /// The authorities that it trusts; none if it does not say.
    pub certificate_authorities: List<'a, DistinguishedName<'a>>,
}

impl<'a> CertificateRequest12<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "CertificateRequest");
        let certificate_types = reader.list8()?;
        let supported_signature_algorithms = reader.list16()?;
        let certificate_authorities = List::decode(reader.vec16()?, "certificate_authorities")?;
        reader.finish()?;
        Ok(Self { certificate_types, supported_signature_algorithms, certificate_authorities })
    }
}

impl Body for CertificateRequest12<'_> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;

    fn encode(&self, out: &mut Vec<u8>) {
        block8(out, |out| self.certificate_types.encode(out));
        block16(out, |out| self.supported_signature_algorithms.encode(out));
        block16(out, |out| self.certificate_authorities.encode(out));
    }
}

/// The TLS 1.3 server wants to know who the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest13<'a> {
    /// Empty in a handshake; after it, what tells this request from others. At most 255 bytes.
    pub certificate_request_context: &'a [u8],
    /// Which signatures and authorities will do. Must hold signature_algorithms, which the receiver has to
    /// check.
    pub extensions: Extensions<'a>,
}

impl<'a> CertificateRequest13<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "CertificateRequest");
        let certificate_request_context = reader.vec8()?;
        let extensions = Extensions::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { certificate_request_context, extensions })
    }
}

impl Body for CertificateRequest13<'_> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;

    fn encode(&self, out: &mut Vec<u8>) {
        put_vec8(out, self.certificate_request_context);
        self.extensions.encode(out);
    }
}
