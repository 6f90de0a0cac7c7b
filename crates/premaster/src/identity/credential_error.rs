//! What is wrong with a credential, or with the roots to trust, and what to do about it.
use super::{KeyError, KeyKind};
use std::fmt;

/// Why a chain and a key make no credential, or a file holds no certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    /// There is no certificate.
    NoCertificate,
    /// There is no private key.
    NoKey,
    /// The private key is encrypted.
    EncryptedKey,
    /// The file is DER, and should be PEM.
    NotPem,
    /// The file is not valid PEM.
    BadPem {
        /// Which section is at fault, counted from 1.
        section: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate could not be parsed.
    BadCertificate {
        /// Its place in the chain; the leaf is 0.
        index: usize,
    },
    /// A certificate revocation list could not be parsed.
    BadRevocationList {
        /// Its place among the lists; the first is 0.
        index: usize,
    },
    /// The private key is of no use.
    Key(KeyError),
    /// The leaf's public key is of no use.
    CertificateKey(KeyError),
    /// The private key belongs to no certificate of the chain.
    KeyMismatch {
        /// What the private key is.
        key: KeyKind,
    },
    /// The private key belongs to a certificate that is not the first.
    LeafNotFirst {
        /// Its place in the chain; the first is 0.
        index: usize,
    },
    /// The key can make none of the signature schemes.
    NoScheme,
    /// An OCSP response or a list of certificate timestamps is empty, too long, or not encoded as TLS does.
    BadStaple,
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => write!(
                f,
                "there is no certificate: the file needs a section that begins with -----BEGIN CERTIFICATE-----"
            ),
            Self::NoKey => write!(
                f,
                "there is no private key: the file needs a section that begins with -----BEGIN PRIVATE KEY-----"
            ),
            Self::EncryptedKey => write!(
                f,
                "the private key is encrypted, which is not supported: decrypt it with `openssl pkey -in key.pem -out plain.pem`"
            ),
            Self::NotPem => write!(
                f,
                "the file is DER, not PEM: convert it with `openssl x509 -inform DER` or `openssl pkey -inform DER`"
            ),
            Self::BadPem { section, problem } => {
                write!(f, "section {section} of the PEM file is damaged ({problem}): copy the file again")
            }
            Self::BadCertificate { index } => {
                write!(f, "certificate {} of the chain cannot be parsed: have it issued anew", index + 1)
            }
            Self::BadRevocationList { index } => {
                write!(f, "revocation list {} cannot be parsed: fetch it again from its authority", index + 1)
            }
            Self::Key(error) => write!(f, "the private key cannot be used: {error}"),
            Self::CertificateKey(error) => write!(f, "the certificate's key cannot be used: {error}"),
            Self::KeyMismatch { key } => write!(
                f,
                "the {key} private key does not belong to the certificate: use the key that the certificate was requested with"
            ),
            Self::LeafNotFirst { index } => write!(
                f,
                "the private key belongs to certificate {} of the chain, not to the first: put the leaf certificate first, then its issuer",
                index + 1
            ),
            Self::NoScheme => {
                write!(f, "the key can make none of the signature schemes: allow one that fits it")
            }
            Self::BadStaple => write!(
                f,
                "the OCSP response or the list of certificate timestamps is empty or not encoded as TLS sends it"
            ),
        }
    }
}

impl std::error::Error for CredentialError {}
