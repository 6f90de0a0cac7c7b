//! compress_certificate (RFC 8879 section 3): the sender can decompress certificates.
use super::{Extension, list_extension};
use crate::wire::{CertificateCompressionAlgorithm, DecodeError, ExtensionType, List, Reader, codec::block8};

list_extension! {
    /// What the sender can decompress.
    CompressCertificate = COMPRESS_CERTIFICATE, "compress_certificate" {
        /// At least one.
        algorithms: CertificateCompressionAlgorithm, list8, block8
    }
}
