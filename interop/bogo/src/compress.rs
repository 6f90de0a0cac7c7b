//! The runner's ways to compress certificates, which are none: two bytes less, four bytes more, one byte of chance.
use crate::{failure::Failure, settings::Settings};
use premaster::{
    crypto::{SystemRandom, random::Random},
    identity::{CertificateCompression, CompressCertificates},
    wire::CertificateCompressionAlgorithm,
};
use std::sync::Arc;

#[derive(Clone, Copy)]
enum Way {
    Shrinking,
    Expanding,
    Random,
}

/// As the runner expects a shim to prefer them.
const ALL: [Way; 3] = [Way::Expanding, Way::Shrinking, Way::Random];

const CUT_OFF: &[u8] = &[0, 0];
const PUT_BEFORE: &[u8] = &[1, 2, 3, 4];

impl CompressCertificates for Way {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm(match self {
            Self::Shrinking => 0xff01,
            Self::Expanding => 0xff02,
            Self::Random => 0xff03,
        })
    }

    fn compress(&self, certificate: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Shrinking => certificate.strip_prefix(CUT_OFF).map(<[u8]>::to_vec),
            Self::Expanding => Some([PUT_BEFORE, certificate].concat()),
            Self::Random => {
                let mut byte = [0];
                SystemRandom.fill(&mut byte).ok()?;
                Some([&byte, certificate].concat())
            }
        }
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        let certificate = match self {
            Self::Shrinking => [CUT_OFF, compressed].concat(),
            Self::Expanding => compressed.strip_prefix(PUT_BEFORE)?.to_vec(),
            Self::Random => compressed.get(1..)?.to_vec(),
        };
        (certificate.len() == length).then_some(certificate)
    }
}

/// Those that the flags install.
pub(crate) fn compression(settings: &Settings) -> Result<CertificateCompression, Failure> {
    let only = settings.code("-install-one-cert-compression-alg")?;
    let installs = |way: &Way| match only {
        Some(code) => way.algorithm().0 == code,
        None => settings.has("-install-cert-compression-algs"),
    };
    let ways = ALL.into_iter().filter(installs);
    Ok(ways.fold(CertificateCompression::none(), |ways, way| ways.or(Arc::new(way))))
}
