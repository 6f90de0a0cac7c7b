//! A certificate authority for one test, and what it issues, as files that other programs read.
use premaster::{
    identity::{ChainVerifier, Credential, Roots},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The kind of key in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// RSA with 2048 bits.
    Rsa2048,
    /// ECDSA over P-256.
    P256,
    /// ECDSA over P-384.
    P384,
    /// ECDSA over P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rsa2048, Self::P256, Self::P384, Self::P521, Self::Ed25519];

    fn generate(self) -> rcgen::KeyPair {
        let algorithm = match self {
            Self::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
            Self::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::P521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            Self::Ed25519 => &rcgen::PKCS_ED25519,
        };
        rcgen::KeyPair::generate_for(algorithm).expect("the system has randomness")
    }
}

/// A certificate authority with a directory for what it issues.
pub struct Authority {
    directory: tempfile::TempDir,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    certificate: CertificateDer<'static>,
    count: AtomicUsize,
}

/// How many were made: each has a name of its own, so that one is never taken for another with another key.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A certificate with its key.
pub struct Issued {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The key, PKCS #8.
    pub key: Vec<u8>,
    /// The certificate's file.
    pub certificate_file: PathBuf,
    /// The key's file.
    pub key_file: PathBuf,
}

impl Issued {
    /// As this library's credential.
    ///
    /// # Panics
    /// If the library refuses it.
    pub fn credential(&self) -> Credential {
        Credential::new(vec![self.certificate.clone()], self.private_key()).expect("key and certificate fit")
    }

    /// The key.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }
}

impl Authority {
    /// A fresh one that signs with ECDSA.
    pub fn new() -> Self {
        Self::with_key(Key::P256)
    }

    /// A fresh one that signs with this kind of key.
    ///
    /// # Panics
    /// If there is no room for its files.
    pub fn with_key(key: Key) -> Self {
        let key = key.generate();
        let mut params = rcgen::CertificateParams::default();
        let name = format!("premaster test authority {}", MADE.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("the parameters are sound");
        let directory = tempfile::tempdir().expect("a directory can be made");
        fs::write(directory.path().join("ca.pem"), certificate.pem()).expect("there is room");
        let certificate = certificate.der().clone();
        Self { directory, issuer: rcgen::Issuer::new(params, key), certificate, count: AtomicUsize::new(0) }
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its file.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A directory for more files, gone with the authority.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Trusts what this authority issued.
    ///
    /// # Panics
    /// If the library refuses the authority's certificate.
    pub fn verifier(&self) -> ChainVerifier {
        let mut roots = Roots::new();
        roots.add(&self.certificate).expect("the authority's certificate is sound");
        ChainVerifier::new(roots)
    }

    /// A certificate for `localhost`.
    pub fn issue(&self, key: Key) -> Issued {
        self.issue_with(key, "localhost", |_| {})
    }

    /// This library's credential for `localhost`.
    pub fn credential(&self, key: Key) -> Arc<Credential> {
        Arc::new(self.issue(key).credential())
    }

    /// A certificate for this name, changed as one likes.
    ///
    /// # Panics
    /// If it cannot be made or written.
    pub fn issue_with(
        &self,
        key: Key,
        name: &str,
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> Issued {
        let key = key.generate();
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a sound name");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("the parameters are sound");
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str, content: &[u8]| {
            let path = self.directory.path().join(format!("{count}-{name}"));
            fs::write(&path, content).expect("there is room");
            path
        };
        let der = key.serialize_der();
        Issued {
            certificate_file: file("certificate.pem", certificate.pem().as_bytes()),
            key_file: match without_public_key(&der) {
                Some(der) => file("key.der", &der),
                None => file("key.pem", key.serialize_pem().as_bytes()),
            },
            certificate: certificate.der().clone(),
            key: der,
        }
    }
}

/// An Ed25519 key in the first version of PKCS #8 (RFC 5208): OpenSSL 3.0 cannot read the second, in which the
/// public key follows the private one (RFC 5958).
fn without_public_key(der: &[u8]) -> Option<Vec<u8>> {
    const SECOND: [u8; 16] = [48, 81, 2, 1, 1, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    const FIRST: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    let private = der.strip_prefix(&SECOND)?.first_chunk::<32>()?;
    Some([FIRST.as_slice(), private].concat())
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
