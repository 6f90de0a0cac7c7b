//! CompressedCertificate (RFC 8879 section 4), of TLS 1.3 alone.
use super::Body;
use crate::wire::{
    CertificateCompressionAlgorithm, DecodeError, Element, HandshakeType, Reader,
    codec::{put_u16, put_u24, put_vec24},
};

/// A Certificate, compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressedCertificate<'a> {
    /// How.
    pub algorithm: CertificateCompressionAlgorithm,
    /// How many bytes the body of the Certificate has, below 2^24. To be checked against this side's limit
    /// before anything is decompressed, and against what comes out.
    pub uncompressed_length: u32,
    /// `<1..2^24-1>`.
    pub compressed_certificate_message: &'a [u8],
}

impl<'a> CompressedCertificate<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "CompressedCertificate");
        let algorithm = CertificateCompressionAlgorithm::read(&mut reader)?;
        let uncompressed_length = reader.u24()?;
        let compressed_certificate_message = reader.some24()?;
        reader.finish()?;
        Ok(Self { algorithm, uncompressed_length, compressed_certificate_message })
    }
}

impl Body for CompressedCertificate<'_> {
    const TYPE: HandshakeType = HandshakeType::COMPRESSED_CERTIFICATE;

    fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.algorithm.0);
        put_u24(out, self.uncompressed_length);
        put_vec24(out, self.compressed_certificate_message);
    }
}
