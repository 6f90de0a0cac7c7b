//! A certificate authority that lives as long as the process: for a server that was given no certificate.
use crate::{exit::ExitCode, failure::Failure};
use premaster::{
    identity::Credential,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::{sync::Arc, time::SystemTime};

/// A fresh authority, whose key is gone with this value.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// How long what it issues is valid. A forgotten file must not be trusted for long.
const DAYS: u64 = 7;

impl Authority {
    /// Makes a key and a self-signed certificate.
    pub fn new() -> Result<Self, Failure> {
        let make = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, "premaster local authority");
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            limit(&mut params);
            let certificate = params.self_signed(&key)?;
            let (pem, certificate) = (certificate.pem(), certificate.der().clone());
            Ok(Self { issuer: Issuer::new(params, key), certificate, pem })
        };
        make().map_err(|error| failed(&error))
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for these DNS names and IP addresses, with a fresh ECDSA P-256 key.
    pub fn issue(&self, names: &[String]) -> Result<Arc<Credential>, Failure> {
        let make = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, "premaster local server");
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            limit(&mut params);
            let certificate = params.signed_by(&key, &self.issuer)?;
            let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            Ok((certificate.der().clone(), private))
        };
        let (certificate, private) = make().map_err(|error| failed(&error))?;
        let credential = Credential::new(vec![certificate], private);
        credential.map(Arc::new).map_err(|error| {
            Failure::new(ExitCode::Bug, "the certificate made here cannot be used").why(error)
        })
    }
}

fn limit(params: &mut CertificateParams) {
    let now = SystemTime::now();
    // A peer's clock may be a little behind.
    params.not_before = (now - std::time::Duration::from_secs(3600)).into();
    params.not_after = (now + std::time::Duration::from_secs(DAYS * 86_400)).into();
}

fn failed(error: &rcgen::Error) -> Failure {
    Failure::new(ExitCode::Bug, "a certificate cannot be made").why(error)
}
