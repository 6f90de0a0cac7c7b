//! Certificates, keys and revocation lists from PEM (RFC 7468), with errors that say which section is at fault.
use super::CredentialError;
use pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
    pem::{Error, PemObject, SectionKind},
};
use zeroize::Zeroize;

type Section = (SectionKind, Vec<u8>);

/// Every certificate of a file, in order. At least one.
pub(super) fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let mut certificates = Vec::new();
    each(file, |kind, der| {
        match kind {
            SectionKind::Certificate => certificates.push(CertificateDer::from(der)),
            _ => wipe(der),
        }
        true
    })?;
    match certificates.is_empty() {
        true => Err(CredentialError::NoCertificate),
        false => Ok(certificates),
    }
}

/// Every revocation list of a file.
pub(super) fn revocation_lists(
    file: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, CredentialError> {
    let mut lists = Vec::new();
    each(file, |kind, der| {
        match kind {
            SectionKind::Crl => lists.push(CertificateRevocationListDer::from(der)),
            _ => wipe(der),
        }
        true
    })?;
    Ok(lists)
}

/// The first private key of a file.
pub(super) fn private_key(file: &[u8]) -> Result<PrivateKeyDer<'static>, CredentialError> {
    let mut key = None;
    let read = each(file, |kind, der| {
        match kind {
            SectionKind::PrivateKey => key = Some(PrivateKeyDer::Pkcs8(der.into())),
            SectionKind::RsaPrivateKey => key = Some(PrivateKeyDer::Pkcs1(der.into())),
            SectionKind::EcPrivateKey => key = Some(PrivateKeyDer::Sec1(der.into())),
            _ => wipe(der),
        }
        key.is_none()
    });
    if let Some(key) = key {
        return Ok(key);
    }
    // "ENCRYPTED PRIVATE KEY" of PKCS #8, or "Proc-Type: 4,ENCRYPTED" of the older forms.
    if contains(file, b"ENCRYPTED") {
        return Err(CredentialError::EncryptedKey);
    }
    read?;
    Err(CredentialError::NoKey)
}

/// Hands out the sections until it is told to stop.
fn each(file: &[u8], mut take: impl FnMut(SectionKind, Vec<u8>) -> bool) -> Result<(), CredentialError> {
    // A SEQUENCE, which is what every certificate and key in DER begins with; 0x30 is also the digit 0, but
    // what follows is not text.
    if let [0x30, length, ..] = file
        && (*length >= 0x80 || *length < 0x20)
    {
        return Err(CredentialError::NotPem);
    }
    for (index, section) in Section::pem_slice_iter(file).enumerate() {
        let problem = match section {
            Ok((kind, der)) => match take(kind, der) {
                true => continue,
                false => break,
            },
            Err(Error::MissingSectionEnd { .. }) => "its -----END line is missing".to_owned(),
            Err(Error::IllegalSectionStart { .. }) => "its -----BEGIN line is not complete".to_owned(),
            Err(Error::Base64Decode(problem)) => format!("its base64 does not decode: {problem}"),
            Err(Error::SectionTooLarge) => "it is too long".to_owned(),
            Err(_) => "it cannot be read".to_owned(),
        };
        return Err(CredentialError::BadPem { section: index + 1, problem });
    }
    Ok(())
}

/// What is not wanted may still be a key.
fn wipe(mut der: Vec<u8>) {
    der.zeroize();
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
