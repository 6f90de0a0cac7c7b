//! CertificateStatus (RFC 6066 section 8), a message in TLS 1.2 and an extension in TLS 1.3.
use super::Body;
use crate::wire::{
    DecodeError, HandshakeType, Problem, Reader,
    codec::{put_u8, put_vec24},
    extension::OCSP,
};

/// What the certificate's authority says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateStatus<'a> {
    /// `OCSPResponse<1..2^24-1>`, in DER.
    pub ocsp_response: &'a [u8],
}

impl<'a> CertificateStatus<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be; if it is of another kind than `ocsp`, which is the only one
    /// that this library asks for.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "CertificateStatus");
        if reader.u8()? != OCSP {
            return Err(reader.error(Problem::Illegal));
        }
        let ocsp_response = reader.some24()?;
        reader.finish()?;
        Ok(Self { ocsp_response })
    }
}

impl Body for CertificateStatus<'_> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_STATUS;

    fn encode(&self, out: &mut Vec<u8>) {
        put_u8(out, OCSP);
        put_vec24(out, self.ocsp_response);
    }
}
