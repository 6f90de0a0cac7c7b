//! Trust in one certificate or key, known beforehand, whoever issued it.
use super::{Certificate, PeerCertificates};
use crate::{crypto::sign::fingerprint, error::Untrusted, wire::CertificateType};

/// Believes a peer whose leaf certificate, or its key, is one of those that are pinned.
///
/// Names and issuers are not looked at: the pin says more than they could. Dates are, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Pinned {
    certificates: Vec<[u8; 32]>,
    keys: Vec<[u8; 32]>,
    any_date: bool,
    certificate_types: &'static [CertificateType],
}

impl Default for Pinned {
    /// Nothing is pinned yet, and nobody believed.
    fn default() -> Self {
        let certificate_types = &[CertificateType::X509];
        Self { certificates: Vec::new(), keys: Vec::new(), any_date: false, certificate_types }
    }
}

impl Pinned {
    /// Pins this very certificate.
    pub fn certificate(certificate: &[u8]) -> Self {
        Self::default().or_certificate(certificate)
    }

    /// Pins a key by the SHA-256 of its SubjectPublicKeyInfo, which outlives a certificate that is renewed.
    pub fn key(spki_sha256: [u8; 32]) -> Self {
        Self::default().or_key(spki_sha256)
    }

    /// Pins a key, and wants to see just that instead of a certificate (RFC 7250): the SHA-256 of its
    /// SubjectPublicKeyInfo.
    pub fn raw_public_key(spki_sha256: [u8; 32]) -> Self {
        Self { certificate_types: &[CertificateType::RawPublicKey], ..Self::key(spki_sha256) }
    }

    /// Pins this certificate too.
    pub fn or_certificate(mut self, certificate: &[u8]) -> Self {
        self.certificates.push(fingerprint(certificate));
        self
    }

    /// Pins this key too: the next one, before the change.
    pub fn or_key(mut self, spki_sha256: [u8; 32]) -> Self {
        self.keys.push(spki_sha256);
        self
    }

    /// Accepts a certificate that is not valid yet or no more.
    pub fn at_any_date(mut self) -> Self {
        self.any_date = true;
        self
    }

    /// Accepts a pinned key bare or in a certificate, whichever the peer has, and prefers it bare (RFC 7250).
    pub fn raw_or_certified(mut self) -> Self {
        self.certificate_types = &[CertificateType::RawPublicKey, CertificateType::X509];
        self
    }

    pub(super) const fn certificate_types(&self) -> &'static [CertificateType] {
        self.certificate_types
    }

    /// The SHA-256 of a certificate's SubjectPublicKeyInfo, to pin. None if it is no certificate.
    pub fn key_of(certificate: &[u8]) -> Option<[u8; 32]> {
        Some(fingerprint(Certificate::parse(certificate)?.spki()))
    }

    /// Says whom it trusts, for a fingerprint.
    pub(super) fn describe(&self, out: &mut Vec<u8>) {
        self.certificates.iter().chain(&self.keys).for_each(|pin| out.extend_from_slice(pin));
    }

    /// Verifies, without waiting.
    pub fn verify(&self, peer: &PeerCertificates<'_>) -> Result<(), Untrusted> {
        let leaf = peer.chain.first().ok_or(Untrusted::BadEncoding)?;
        if peer.certificate_type == CertificateType::RawPublicKey {
            return match self.keys.contains(&fingerprint(leaf)) {
                true => Ok(()),
                false => Err(Untrusted::NotPinned),
            };
        }
        let parsed = Certificate::parse(leaf).ok_or(Untrusted::BadEncoding)?;
        let known =
            self.certificates.contains(&fingerprint(leaf)) || self.keys.contains(&fingerprint(parsed.spki()));
        if !known {
            return Err(Untrusted::NotPinned);
        }
        let now = peer.now.as_secs();
        match self.any_date {
            true => Ok(()),
            false if now < parsed.not_before() => {
                Err(Untrusted::NotYetValid { not_before: parsed.not_before(), now })
            }
            false if now > parsed.not_after() => {
                Err(Untrusted::Expired { not_after: parsed.not_after(), now })
            }
            false => Ok(()),
        }
    }
}
