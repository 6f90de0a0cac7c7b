//! Certificates sent in fewer bytes (RFC 8879): the algorithms, and what each must promise.
use crate::wire::CertificateCompressionAlgorithm;
use std::{fmt, sync::Arc};

/// One way to compress certificates.
pub trait CompressCertificates: Send + Sync {
    /// Its code point.
    fn algorithm(&self) -> CertificateCompressionAlgorithm;

    /// Compresses the body of a Certificate message. None sends it as it is.
    fn compress(&self, certificate: &[u8]) -> Option<Vec<u8>>;

    /// Decompresses. None if what comes out does not have just `length` bytes, which is within this side's
    /// limit already. The peer chose these bytes: no more than `length` may ever be allocated for them.
    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>>;
}

/// The ways in which this side compresses and decompresses, the most preferred first.
///
/// It speaks them all in both directions: what it offers it can read, and of what the peer offers it uses its own
/// first.
#[derive(Clone, Default)]
pub struct CertificateCompression(Vec<Arc<dyn CompressCertificates>>);

impl CertificateCompression {
    /// Certificates come and go as they are.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// By zlib (RFC 1950).
    #[cfg(feature = "certificate-compression")]
    pub fn zlib() -> Self {
        Self::none().or(Arc::new(super::Zlib))
    }

    /// This way too, if no other is liked better.
    pub fn or(mut self, way: Arc<dyn CompressCertificates>) -> Self {
        self.0.retain(|own| own.algorithm() != way.algorithm());
        self.0.push(way);
        self
    }

    /// What it speaks, for compress_certificate.
    pub fn algorithms(&self) -> Vec<CertificateCompressionAlgorithm> {
        self.0.iter().map(|way| way.algorithm()).collect()
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn find(
        &self,
        mut wanted: impl FnMut(CertificateCompressionAlgorithm) -> bool,
    ) -> Option<&dyn CompressCertificates> {
        self.0.iter().find(|way| wanted(way.algorithm())).map(|way| &**way)
    }
}

impl fmt::Debug for CertificateCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.algorithms()).finish()
    }
}
