//! CertificateVerify (RFC 9846 section 4.4.3, RFC 5246 section 7.4.8).
use super::Body;
use crate::wire::{
    DecodeError, Element, HandshakeType, Reader, SignatureScheme,
    codec::{put_u16, put_vec16},
};

/// Proof that the sender has the certificate's private key; the same bytes in both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateVerify<'a> {
    /// How it is signed.
    pub scheme: SignatureScheme,
    /// `<0..2^16-1>`, in the encoding of the scheme.
    pub signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "CertificateVerify");
        let scheme = SignatureScheme::read(&mut reader)?;
        let signature = reader.vec16()?;
        reader.finish()?;
        Ok(Self { scheme, signature })
    }
}

impl Body for CertificateVerify<'_> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_VERIFY;

    fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.scheme.0);
        put_vec16(out, self.signature);
    }
}
