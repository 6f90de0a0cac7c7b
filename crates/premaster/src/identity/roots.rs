//! The authorities that are trusted.
use super::{Certificate, CredentialError, DistinguishedName, pem};
use crate::crypto::sign::der;
use pki_types::{CertificateDer, TrustAnchor};

/// A set of root certificates.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    names: Vec<DistinguishedName>,
}

impl Roots {
    /// None: nobody is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mozilla's, as they were when the library was built.
    #[cfg(feature = "webpki-roots")]
    pub fn mozilla() -> Self {
        let mut roots = Self::new();
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned().for_each(|anchor| roots.push(anchor));
        roots
    }

    /// The operating system's, and how many of its certificates could not be read or used.
    ///
    /// Reads files, and honours `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    #[cfg(feature = "native-roots")]
    pub fn native() -> (Self, usize) {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = Self::new();
        let unusable = found.certs.iter().filter(|root| roots.add(root).is_err()).count();
        (roots, unusable + found.errors.len())
    }

    /// Trusts this certificate's key to issue others. Its dates and its signature are not looked at.
    pub fn add(&mut self, root: &CertificateDer<'_>) -> Result<(), CredentialError> {
        let bad = CredentialError::BadCertificate { index: 0 };
        let anchor = webpki::anchor_from_trusted_cert(root).map_err(|_| bad)?.to_owned();
        self.push(anchor);
        Ok(())
    }

    /// Trusts every certificate of a PEM file, and says how many there were.
    pub fn add_pem(&mut self, file: &[u8]) -> Result<usize, CredentialError> {
        let certificates = pem::certificates(file)?;
        for (index, root) in certificates.iter().enumerate() {
            self.add(root).map_err(|_| CredentialError::BadCertificate { index })?;
        }
        Ok(certificates.len())
    }

    /// Trusts those of `others` too.
    pub fn extend(&mut self, others: Self) {
        self.anchors.extend(others.anchors);
        self.names.extend(others.names);
    }

    fn push(&mut self, anchor: TrustAnchor<'static>) {
        self.names.push(DistinguishedName::from_contents(&anchor.subject));
        self.anchors.push(anchor);
    }

    /// Says whom it trusts, for a fingerprint.
    pub(super) fn describe(&self, out: &mut Vec<u8>) {
        for anchor in &self.anchors {
            out.extend_from_slice(&anchor.subject);
            out.extend_from_slice(&anchor.subject_public_key_info);
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Their names.
    pub fn names(&self) -> &[DistinguishedName] {
        &self.names
    }

    /// Whether this very name and key are trusted.
    pub(super) fn holds(&self, certificate: &Certificate<'_>) -> bool {
        let subject = der::only(certificate.subject_der(), der::SEQUENCE).unwrap_or_default();
        let spki = der::only(certificate.spki(), der::SEQUENCE).unwrap_or_default();
        let is_it = |anchor: &TrustAnchor<'_>| {
            *anchor.subject == *subject && *anchor.subject_public_key_info == *spki
        };
        self.anchors.iter().any(is_it)
    }
}
