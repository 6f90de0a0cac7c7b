//! Who we say we are: a certificate chain, and something that signs with the key of its leaf.
use super::{
    Certificate, CompressCertificates, CredentialError, KeyError, KeyKind, KeyUsage, LocalKey, PublicKey,
    SchemeUse, Signer, pem,
};
use crate::{
    crypto::sign,
    error::Failure,
    exchange::{KeyLimits, StaticKey, StaticPublicKey},
    wire::{CertificateCompressionAlgorithm, CertificateType, SignatureScheme},
};
use pki_types::{CertificateDer, PrivateKeyDer};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use zeroize::Zeroize;

/// A certificate chain with its private key, and what is stapled to it; or a private key whose public half is
/// shown as it is (RFC 7250).
///
/// Share it in an `Arc`. That key and certificate belong together is checked when it is made, not in the
/// middle of a handshake.
pub struct Credential {
    certificate_type: CertificateType,
    chain: Vec<CertificateDer<'static>>,
    /// Of the leaf.
    fingerprint: [u8; 32],
    key: PublicKey,
    key_usage: KeyUsage,
    names: Vec<String>,
    issuers: Vec<Vec<u8>>,
    signing: Signing,
    schemes: Vec<SignatureScheme>,
    ocsp: Option<Vec<u8>>,
    scts: Option<Vec<u8>>,
    static_key: Option<StaticKey>,
    compressed: Mutex<Vec<Compressed>>,
}

/// A Certificate message, compressed once and sent again and again.
struct Compressed {
    algorithm: CertificateCompressionAlgorithm,
    /// Whether the OCSP response and the SCTs are in it.
    stapled: [bool; 2],
    uncompressed_length: u32,
    bytes: Arc<[u8]>,
}

enum Signing {
    Local(LocalKey),
    Remote(Arc<dyn Signer>),
    /// A key that agrees and does not sign.
    None,
}

impl Credential {
    /// A credential whose key is here. `chain` begins with the leaf; the root may be left out.
    ///
    /// The key's bytes are overwritten.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        mut key: PrivateKeyDer<'static>,
    ) -> Result<Self, CredentialError> {
        let made = Self::with_local_key(chain, &key);
        key.zeroize();
        made
    }

    fn with_local_key(
        chain: Vec<CertificateDer<'static>>,
        der: &PrivateKeyDer<'_>,
    ) -> Result<Self, CredentialError> {
        let static_key = static_key(der);
        let leaf_kind =
            chain.first().and_then(|leaf| Certificate::parse(leaf)?.public_key().ok()).map(|key| key.kind());
        if leaf_kind == Some(KeyKind::Dh) {
            return Self::with_static_key(chain, static_key);
        }
        let key = LocalKey::from_der(der).map_err(CredentialError::Key)?;
        let own = sign::schemes;
        let mut credential = Self::assemble(chain, Signing::Local(key), |leaf| own(leaf).to_vec())?;
        if let Signing::Local(key) = &credential.signing
            && !key.fits(&credential.key)
        {
            return Err(mismatch(&credential.chain, key));
        }
        credential.static_key = static_key;
        Ok(credential)
    }

    /// One for the static DH exchange: its key agrees and does not sign.
    fn with_static_key(
        chain: Vec<CertificateDer<'static>>,
        key: Option<StaticKey>,
    ) -> Result<Self, CredentialError> {
        let key = key.ok_or(CredentialError::Key(KeyError::Unsupported))?;
        let leaf = chain.first().and_then(|leaf| Certificate::parse(leaf));
        let public = leaf.and_then(|leaf| StaticPublicKey::from_spki(leaf.spki(), &ANY_SIZE).ok());
        if !public.is_some_and(|public| key.matches(&public)) {
            return Err(CredentialError::Key(KeyError::Malformed));
        }
        let mut credential = Self::assemble(chain, Signing::None, |_| Vec::new())?;
        credential.static_key = Some(key);
        Ok(credential)
    }

    /// A credential whose key is elsewhere: in a signing service, a smart card, another process.
    ///
    /// That the key is the leaf's cannot be checked here, so that every signature is verified before it is
    /// sent.
    pub fn with_signer(
        chain: Vec<CertificateDer<'static>>,
        signer: Arc<dyn Signer>,
    ) -> Result<Self, CredentialError> {
        let schemes = signer.schemes().to_vec();
        Self::assemble(chain, Signing::Remote(signer), |_| schemes)?.with_fitting_schemes()
    }

    /// Itself, if its signer's schemes are for its key.
    fn with_fitting_schemes(self) -> Result<Self, CredentialError> {
        let fits = |scheme| {
            [SchemeUse::Tls12, SchemeUse::Tls13].into_iter().any(|usage| self.key.fits(scheme, usage))
        };
        match self.schemes.iter().all(|&scheme| fits(scheme)) && !self.schemes.is_empty() {
            true => Ok(self),
            false => Err(CredentialError::NoScheme),
        }
    }

    /// A key that is shown without a certificate, to peers that know it beforehand (RFC 7250). It has no names,
    /// no issuer and no end: who is to accept it has to be told its SubjectPublicKeyInfo, which [`leaf`] yields.
    ///
    /// The key's bytes are overwritten.
    ///
    /// [`leaf`]: Self::leaf
    pub fn raw_public_key(mut key: PrivateKeyDer<'static>) -> Result<Self, CredentialError> {
        let local = LocalKey::from_der(&key);
        key.zeroize();
        let local = local.map_err(CredentialError::Key)?;
        let (spki, schemes) = (local.public_key_spki(), local.schemes().to_vec());
        Self::bare(spki, Signing::Local(local), schemes)
    }

    /// A raw public key whose private half is elsewhere. `spki` is its SubjectPublicKeyInfo in DER.
    pub fn raw_public_key_with_signer(
        spki: Vec<u8>,
        signer: Arc<dyn Signer>,
    ) -> Result<Self, CredentialError> {
        let schemes = signer.schemes().to_vec();
        Self::bare(spki, Signing::Remote(signer), schemes)?.with_fitting_schemes()
    }

    fn bare(spki: Vec<u8>, signing: Signing, schemes: Vec<SignatureScheme>) -> Result<Self, CredentialError> {
        let key = PublicKey::from_spki(&spki).map_err(CredentialError::CertificateKey)?;
        Ok(Self {
            certificate_type: CertificateType::RawPublicKey,
            fingerprint: sign::fingerprint(&spki),
            chain: vec![CertificateDer::from(spki)],
            key,
            key_usage: KeyUsage::ANY,
            names: Vec::new(),
            issuers: Vec::new(),
            signing,
            schemes,
            ocsp: None,
            scts: None,
            static_key: None,
            compressed: Mutex::default(),
        })
    }

    /// Reads a chain and its key from PEM. Both may stand in one file.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CredentialError> {
        Self::new(pem::certificates(chain)?, pem::private_key(key)?)
    }

    fn assemble(
        chain: Vec<CertificateDer<'static>>,
        signing: Signing,
        schemes: impl FnOnce(KeyKind) -> Vec<SignatureScheme>,
    ) -> Result<Self, CredentialError> {
        let mut issuers = Vec::with_capacity(chain.len());
        for (index, certificate) in chain.iter().enumerate() {
            let parsed = Certificate::parse(certificate).ok_or(CredentialError::BadCertificate { index })?;
            issuers.push(parsed.issuer_der().to_vec());
        }
        let leaf = chain.first().ok_or(CredentialError::NoCertificate)?;
        let leaf = Certificate::parse(leaf).ok_or(CredentialError::BadCertificate { index: 0 })?;
        let key = leaf.public_key().map_err(CredentialError::CertificateKey)?;
        let (key_usage, names) = (leaf.key_usage(), leaf.names().collect());
        let schemes = schemes(key.kind());
        let fingerprint = sign::fingerprint(chain.first().map_or(&[][..], |leaf| leaf));
        Ok(Self {
            certificate_type: CertificateType::X509,
            chain,
            fingerprint,
            key,
            key_usage,
            names,
            issuers,
            signing,
            schemes,
            ocsp: None,
            scts: None,
            static_key: None,
            compressed: Mutex::default(),
        })
    }

    /// Staples an OCSP response (RFC 6066 section 8), in DER.
    pub fn with_ocsp(mut self, response: Vec<u8>) -> Result<Self, CredentialError> {
        // OCSPResponse<1..2^24-1>, in a Certificate message of at most that length itself.
        if response.is_empty() || response.len() >= 1 << 24 {
            return Err(CredentialError::BadStaple);
        }
        self.ocsp = Some(response);
        self.compressed = Mutex::default();
        Ok(self)
    }

    /// Adds signed certificate timestamps: a `SignedCertificateTimestampList` as RFC 6962 section 3.3 encodes
    /// it, its length included.
    pub fn with_scts(mut self, list: Vec<u8>) -> Result<Self, CredentialError> {
        let mut reader = crate::wire::Reader::new(&list, "SignedCertificateTimestampList");
        match reader.vec16() {
            Ok(contents) if !contents.is_empty() && reader.is_empty() => self.scts = Some(list),
            _ => return Err(CredentialError::BadStaple),
        }
        self.compressed = Mutex::default();
        Ok(self)
    }

    /// Signs with these schemes alone, the first the most preferred.
    pub fn with_schemes(mut self, schemes: &[SignatureScheme]) -> Result<Self, CredentialError> {
        let able = std::mem::take(&mut self.schemes);
        self.schemes = schemes.iter().copied().filter(|scheme| able.contains(scheme)).collect();
        match self.schemes.is_empty() {
            true => Err(CredentialError::NoScheme),
            false => Ok(self),
        }
    }

    /// What it shows: X.509 certificates, or a raw public key.
    pub const fn certificate_type(&self) -> CertificateType {
        self.certificate_type
    }

    /// The certificates, leaf first; for a raw public key its SubjectPublicKeyInfo alone.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The leaf certificate, or the raw public key's SubjectPublicKeyInfo, in DER.
    pub fn leaf(&self) -> &[u8] {
        self.chain.first().map_or(&[], |leaf| leaf.as_ref())
    }

    /// What the leaf's key is.
    pub fn key_kind(&self) -> KeyKind {
        self.key.kind()
    }

    /// The leaf's public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// What the leaf's key may be used for. A static exchange has to ask before it is chosen.
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// The DNS names and IP addresses that the leaf is for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The issuers of the chain's certificates, as names in DER, for `certificate_authorities` (RFC 9846
    /// section 4.2.4).
    pub fn issuers(&self) -> impl Iterator<Item = &[u8]> {
        self.issuers.iter().map(|issuer| &issuer[..])
    }

    /// SHA-256 of the leaf.
    pub(crate) const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The schemes that it signs with, the most preferred first.
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// The scheme to sign with: the first of its own that the peer accepts and that this version allows.
    pub fn choose_scheme(&self, theirs: &[SignatureScheme], usage: SchemeUse) -> Option<SignatureScheme> {
        // RFC 9846 section 4.4.2.2, RFC 5246 section 7.4.2: the key usage MUST allow a signature.
        let may_sign = self.key_usage.digital_signature;
        let mut schemes = self.schemes.iter().copied().filter(|_| may_sign);
        schemes.find(|scheme| theirs.contains(scheme) && self.key.fits(*scheme, usage))
    }

    /// The OCSP response to staple.
    pub fn ocsp(&self) -> Option<&[u8]> {
        self.ocsp.as_deref()
    }

    /// The `SignedCertificateTimestampList` to send.
    pub fn scts(&self) -> Option<&[u8]> {
        self.scts.as_deref()
    }

    /// Its Certificate message compressed, and how long it was before. `certificate` makes the message's body, and is
    /// asked once for each algorithm and choice of staples.
    pub(crate) fn compressed(
        &self,
        way: &dyn CompressCertificates,
        stapled: [bool; 2],
        certificate: impl FnOnce() -> Vec<u8>,
    ) -> Option<(Arc<[u8]>, u32)> {
        let algorithm = way.algorithm();
        let mut kept = self.compressed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.iter().find(|own| own.algorithm == algorithm && own.stapled == stapled) {
            return Some((Arc::clone(&known.bytes), known.uncompressed_length));
        }
        let certificate = certificate();
        let uncompressed_length = u32::try_from(certificate.len()).ok()?;
        let bytes: Arc<[u8]> = way.compress(&certificate)?.into();
        kept.push(Compressed { algorithm, stapled, uncompressed_length, bytes: Arc::clone(&bytes) });
        Some((bytes, uncompressed_length))
    }

    /// Whether its key may decrypt or agree by itself: it is here, and the leaf's key usage allows it.
    pub fn may_be_static(&self) -> bool {
        let allowed = match self.key_kind() {
            KeyKind::Rsa => self.key_usage.key_encipherment,
            _ => self.key_usage.key_agreement,
        };
        allowed && self.static_key.is_some()
    }

    /// The private key, for a static key exchange. None if it is elsewhere, or if the library was built without
    /// the feature `legacy`.
    pub(crate) fn static_key(&self) -> Option<StaticKey> {
        self.static_key.clone()
    }

    /// Signs a handshake's content. Waits only if the key is elsewhere.
    pub async fn sign(
        &self,
        scheme: SignatureScheme,
        usage: SchemeUse,
        content: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        match &self.signing {
            Signing::None => Err(Failure::Signing),
            Signing::Local(key) => key.sign(scheme, usage, content),
            Signing::Remote(signer) => {
                let signature = signer.sign(scheme, usage, content).await?;
                // A wrong RSA signature made with the CRT tells a prime, and a service may hold another key.
                match self.key.verify(scheme, usage, content, &signature) {
                    Ok(()) => Ok(signature),
                    Err(_) => Err(Failure::Signing),
                }
            }
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("key", &self.key)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// How large a static key may be is for the handshake's policy to say.
const ANY_SIZE: KeyLimits = KeyLimits { min_rsa_bits: 1024, min_dh_bits: 1024, ..KeyLimits::STANDARD };

/// Only the static exchanges decrypt or agree with a long-term key, and they are behind `legacy`.
fn static_key(key: &PrivateKeyDer<'_>) -> Option<StaticKey> {
    match cfg!(feature = "legacy") {
        true => StaticKey::from_der(key.secret_der(), &ANY_SIZE).ok(),
        false => None,
    }
}

/// Says which mistake it probably is.
fn mismatch(chain: &[CertificateDer<'_>], key: &LocalKey) -> CredentialError {
    let holder = chain.iter().position(|certificate| {
        let public = Certificate::parse(certificate).and_then(|parsed| parsed.public_key().ok());
        public.is_some_and(|public| key.fits(&public))
    });
    match holder {
        Some(index) => CredentialError::LeafNotFirst { index },
        None => CredentialError::KeyMismatch { key: key.kind() },
    }
}
