//! Certificates compressed by zlib (RFC 1950), the one algorithm of RFC 8879 that every implementation has.
use super::CompressCertificates;
use crate::wire::CertificateCompressionAlgorithm;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// zlib.
#[derive(Clone, Copy, Debug)]
pub struct Zlib;

impl CompressCertificates for Zlib {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::zlib
    }

    fn compress(&self, certificate: &[u8]) -> Option<Vec<u8>> {
        // There is room for what is worth sending, and no more.
        let mut out = vec![0; certificate.len().saturating_sub(1)];
        let mut stream = Compress::new(Compression::best(), true);
        match stream.compress(certificate, &mut out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => {
                out.truncate(usize::try_from(stream.total_out()).ok()?);
                Some(out)
            }
            _ => None,
        }
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        // One byte more than is due, to see whether more would have come.
        let mut out = vec![0; length.checked_add(1)?];
        let mut stream = Decompress::new(true);
        let status = stream.decompress(compressed, &mut out, FlushDecompress::Finish).ok()?;
        let whole = status == Status::StreamEnd
            && stream.total_out() == length as u64
            && stream.total_in() == compressed.len() as u64;
        out.truncate(length);
        whole.then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_what_went_in_and_has_the_length_that_was_said() {
        let certificate: Vec<u8> = (0..3000_u16).map(|i| (i % 97) as u8).collect();
        let compressed = Zlib.compress(&certificate).unwrap();
        assert!(compressed.len() < certificate.len());
        assert_eq!(Zlib.decompress(&compressed, 3000), Some(certificate));
        for wrong in [0, 1, 2999, 3001, 1 << 16] {
            assert_eq!(Zlib.decompress(&compressed, wrong), None, "{wrong}");
        }
        for cut in 0..compressed.len() {
            assert_eq!(Zlib.decompress(&compressed[..cut], 3000), None, "{cut}");
        }
        assert_eq!(Zlib.decompress(&[&compressed[..], &[0]].concat(), 3000), None, "bytes left over");
    }

    #[test]
    fn a_bomb_is_put_out_at_the_length_that_was_said() {
        let bomb = Zlib.compress(&vec![0; 10_000_000]).unwrap();
        assert!(bomb.len() < 20_000);
        assert_eq!(Zlib.decompress(&bomb, 1000), None);
        assert_eq!(Zlib.compress(b"no"), None, "not worth it");
    }
}
