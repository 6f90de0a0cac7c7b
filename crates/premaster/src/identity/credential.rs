//! Who we say we are: a certificate chain, and something that signs with the key of its leaf.
use super::{Certificate, CredentialError, KeyKind, KeyUsage, LocalKey, PublicKey, SchemeUse, Signer, pem};
use crate::{crypto::sign, error::Failure, secret::Secret, wire::SignatureScheme};
use pki_types::{CertificateDer, PrivateKeyDer};
use std::{fmt, sync::Arc};
use zeroize::Zeroize;

/// A certificate chain with its private key, and what is stapled to it.
///
/// Share it in an `Arc`. That key and certificate belong together is checked when it is made, not in the
/// middle of a handshake.
pub struct Credential {
    chain: Vec<CertificateDer<'static>>,
    key: PublicKey,
    key_usage: KeyUsage,
    names: Vec<String>,
    issuers: Vec<Vec<u8>>,
    signing: Signing,
    schemes: Vec<SignatureScheme>,
    ocsp: Option<Vec<u8>>,
    scts: Option<Vec<u8>>,
    private_key: Option<PrivateKey>,
}

enum Signing {
    Local(LocalKey),
    Remote(Arc<dyn Signer>),
}

/// The private key's DER, kept where a static key exchange may need it.
struct PrivateKey {
    encoding: Encoding,
    der: Secret,
}

enum Encoding {
    Pkcs1,
    Sec1,
    Pkcs8,
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
        let key = LocalKey::from_der(der).map_err(CredentialError::Key)?;
        let private_key = PrivateKey::kept(der);
        let own = sign::schemes;
        let mut credential = Self::assemble(chain, Signing::Local(key), |leaf| own(leaf).to_vec())?;
        if let Signing::Local(key) = &credential.signing
            && !key.fits(&credential.key)
        {
            return Err(mismatch(&credential.chain, key));
        }
        credential.private_key = private_key;
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
        let credential = Self::assemble(chain, Signing::Remote(signer), |_| schemes)?;
        let fits = |scheme| {
            [SchemeUse::Tls12, SchemeUse::Tls13].into_iter().any(|usage| credential.key.fits(scheme, usage))
        };
        match credential.schemes.iter().all(|&scheme| fits(scheme)) && !credential.schemes.is_empty() {
            true => Ok(credential),
            false => Err(CredentialError::NoScheme),
        }
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
        let (ocsp, scts, private_key) = (None, None, None);
        Ok(Self { chain, key, key_usage, names, issuers, signing, schemes, ocsp, scts, private_key })
    }

    /// Staples an OCSP response (RFC 6066 section 8), in DER.
    pub fn with_ocsp(mut self, response: Vec<u8>) -> Result<Self, CredentialError> {
        // OCSPResponse<1..2^24-1>, in a Certificate message of at most that length itself.
        if response.is_empty() || response.len() >= 1 << 24 {
            return Err(CredentialError::BadStaple);
        }
        self.ocsp = Some(response);
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

    /// The certificates, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The leaf certificate in DER.
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

    /// The private key in DER, for a static key exchange. None if it is elsewhere, or if the library was
    /// built without the feature `legacy`, in which case no copy is kept.
    pub(crate) fn private_key_der(&self) -> Option<PrivateKeyDer<'_>> {
        let key = self.private_key.as_ref()?;
        let der = key.der.expose();
        Some(match key.encoding {
            Encoding::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
            Encoding::Sec1 => PrivateKeyDer::Sec1(der.into()),
            Encoding::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
        })
    }

    /// Signs a handshake's content. Waits only if the key is elsewhere.
    pub async fn sign(
        &self,
        scheme: SignatureScheme,
        usage: SchemeUse,
        content: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        match &self.signing {
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

impl PrivateKey {
    fn kept(key: &PrivateKeyDer<'_>) -> Option<Self> {
        // Only the static exchanges decrypt or agree with a long-term key, and they are behind `legacy`.
        if !cfg!(feature = "legacy") {
            return None;
        }
        let encoding = match key {
            PrivateKeyDer::Pkcs1(_) => Encoding::Pkcs1,
            PrivateKeyDer::Sec1(_) => Encoding::Sec1,
            PrivateKeyDer::Pkcs8(_) => Encoding::Pkcs8,
            _ => return None,
        };
        Some(Self { encoding, der: Secret::from(key.secret_der()) })
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
