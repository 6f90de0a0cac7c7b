//! Certificates for tests.
use super::{Credential, PeerCertificates};
use crate::wire::{CertificateType, Side};
use pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// 2026-01-01, in seconds since 1970.
pub(crate) const NOW: u64 = 1_767_225_600;

/// An authority that issues certificates.
pub(crate) struct Authority {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = Self::params(name);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn params(name: &str) -> CertificateParams {
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    /// An authority that this one issued.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = Self::params(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key.
    pub(crate) fn issue(&self, params: &CertificateParams) -> Issued {
        self.issue_for(params, KeyPair::generate().unwrap())
    }

    /// A certificate for this key.
    pub(crate) fn issue_for(&self, params: &CertificateParams, key: KeyPair) -> Issued {
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Issued { certificate, key }
    }
}

pub(crate) struct Issued {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

impl Issued {
    pub(crate) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }

    pub(crate) fn credential(&self) -> Arc<Credential> {
        Arc::new(Credential::new(vec![self.certificate.clone()], self.key_der()).unwrap())
    }
}

/// A leaf's parameters.
pub(crate) fn named(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from_slice(&[7]));
    params
}

/// What a verifier is asked about a server's chain.
pub(crate) fn server<'a>(
    chain: &'a Arc<[CertificateDer<'static>]>,
    name: Option<&'a ServerName<'a>>,
) -> PeerCertificates<'a> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let certificate_type = CertificateType::X509;
    PeerCertificates { certificate_type, chain, name, side: Side::Server, ocsp: &[], scts: &[], now }
}

/// Polls to the end, with no executor.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("still pending");
}
