//! Whether a peer is believed, and the proofs that it was asked.
use super::{
    Certificate, ChainVerifier, DistinguishedName, KeyError, KeyUsage, PeerIdentity, Pinned, PublicKey,
    VerifiedChain,
};
use crate::{
    BoxFuture, Error,
    crypto::sign,
    error::{Misbehaved, Untrusted},
    observe::{Event, Tap, Warning},
    wire::{CertificateType, Side},
};
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::{fmt, sync::Arc};

/// What a peer showed, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct PeerCertificates<'a> {
    /// What it showed: X.509 certificates, or a raw public key. One of those that the verifier names as its
    /// [`certificate_types`](VerifyPeer::certificate_types).
    pub certificate_type: CertificateType,
    /// Its certificates as it sent them, leaf first; of a raw public key the SubjectPublicKeyInfo alone.
    pub chain: &'a Arc<[CertificateDer<'static>]>,
    /// The name that was asked for, if it is a server.
    pub name: Option<&'a ServerName<'a>>,
    /// Whose they are.
    pub side: Side,
    /// The OCSP response that came with the leaf; empty if none did.
    pub ocsp: &'a [u8],
    /// The `SignedCertificateTimestampList` that came with the leaf; empty if none did.
    pub scts: &'a [u8],
    /// The time to verify at.
    pub now: UnixTime,
}

/// An application's own judgement, which may take its time.
pub trait VerifyPeer: Send + Sync {
    /// Says whether the peer is believed. The signature over the handshake is verified afterwards, with the
    /// leaf's key, and is no concern of this function.
    fn verify<'a>(&'a self, peer: &'a PeerCertificates<'a>) -> BoxFuture<'a, Result<(), Untrusted>>;

    /// The authorities to name when asking for a certificate (RFC 9846 section 4.2.4). None means any.
    fn authorities(&self) -> &[DistinguishedName] {
        &[]
    }

    /// The types of certificate that it can judge, the most preferred first (RFC 7250). Default X.509 alone.
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }
}

/// Who decides.
#[derive(Clone)]
pub struct Verifier {
    judge: Judge,
    report_only: bool,
    fingerprint: [u8; 32],
}

#[derive(Clone)]
enum Judge {
    Chain(Arc<ChainVerifier>),
    Pinned(Arc<Pinned>),
    Custom(Arc<dyn VerifyPeer>),
}

impl Judge {
    fn fingerprint(&self) -> [u8; 32] {
        let mut trusted = Vec::new();
        match self {
            Self::Chain(chain) => chain.roots().describe(&mut trusted),
            Self::Pinned(pinned) => pinned.describe(&mut trusted),
            Self::Custom(custom) => {
                custom.authorities().iter().for_each(|name| trusted.extend_from_slice(name.as_der()));
            }
        }
        trusted.extend(self.certificate_types().iter().map(|of| of.0));
        sign::fingerprint(&trusted)
    }

    fn certificate_types(&self) -> &[CertificateType] {
        match self {
            Self::Chain(_) => &[CertificateType::X509],
            Self::Pinned(pinned) => pinned.certificate_types(),
            Self::Custom(custom) => custom.certificate_types(),
        }
    }
}

impl From<ChainVerifier> for Verifier {
    fn from(chain: ChainVerifier) -> Self {
        Self::new(Judge::Chain(Arc::new(chain)))
    }
}

impl From<Pinned> for Verifier {
    fn from(pinned: Pinned) -> Self {
        Self::new(Judge::Pinned(Arc::new(pinned)))
    }
}

impl Verifier {
    fn new(judge: Judge) -> Self {
        let fingerprint = judge.fingerprint();
        Self { judge, report_only: false, fingerprint }
    }

    /// The application's own.
    pub fn custom(verifier: Arc<dyn VerifyPeer>) -> Self {
        Self::new(Judge::Custom(verifier))
    }

    /// Judges, reports the verdict to the observer, and goes on whatever it is. The connection is then open to
    /// anybody who stands between; [`PeerIdentity::doubt`] says what was wrong.
    pub fn report_only(mut self) -> Self {
        self.report_only = true;
        self
    }

    /// Whether it only reports.
    pub const fn is_report_only(&self) -> bool {
        self.report_only
    }

    /// What sessions that rest on its judgement are bound to: whom it trusts. An application's own verifier is
    /// told apart by what it names as authorities; whatever else it depends on belongs into the sessions'
    /// context.
    pub(crate) const fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The authorities to name when asking for a certificate.
    pub fn authorities(&self) -> &[DistinguishedName] {
        match &self.judge {
            Judge::Chain(chain) => chain.roots().names(),
            Judge::Pinned(_) => &[],
            Judge::Custom(custom) => custom.authorities(),
        }
    }

    /// The types of certificate that it can judge, the most preferred first (RFC 7250).
    pub fn certificate_types(&self) -> &[CertificateType] {
        self.judge.certificate_types()
    }

    /// Asks. Waits only for an application's own verifier.
    ///
    /// [`Misbehaved::NoCertificate`] if the chain is empty, otherwise what the verifier says. Even a verifier
    /// that only reports needs a leaf whose key can verify signatures.
    pub async fn verify(&self, peer: &PeerCertificates<'_>, tap: &Tap) -> Result<VerifiedChain, Error> {
        let leaf = peer.chain.first().ok_or(Misbehaved::NoCertificate)?;
        // Whoever is asked, the signature over the handshake needs the leaf's key.
        let (key, key_usage) = match peer.certificate_type {
            CertificateType::RawPublicKey => (PublicKey::from_spki(leaf), KeyUsage::ANY),
            _ => {
                let parsed = Certificate::parse(leaf).ok_or(Misbehaved::BadLeafEncoding)?;
                (parsed.public_key(), parsed.key_usage())
            }
        };
        if key == Err(KeyError::Malformed) && peer.certificate_type == CertificateType::RawPublicKey {
            return Err(Misbehaved::BadRawPublicKey.into());
        }
        let verdict = match &self.judge {
            // One that knows only certificates is not asked about anything else.
            _ if !self.certificate_types().contains(&peer.certificate_type) => {
                return Err(Misbehaved::UnofferedCertificateType.into());
            }
            Judge::Chain(chain) => chain.verify(peer),
            Judge::Pinned(pinned) => pinned.verify(peer),
            Judge::Custom(custom) => custom.verify(peer).await,
        };
        let verdict = verdict.map_err(Error::from);
        report(tap, peer.chain, verdict.as_ref().map(|_| ()));
        let verdict = match verdict {
            Ok(()) => None,
            Err(error) if self.report_only => {
                tap.emit(|| Event::Warning(Warning::NotVerified));
                match error {
                    Error::Untrusted(untrusted) => Some(Arc::from(untrusted)),
                    error => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let key = key.map_err(|_| Untrusted::UnsupportedKey)?;
        let identity = PeerIdentity::judged(peer.certificate_type, peer.chain.clone(), verdict);
        Ok(VerifiedChain::new(identity, key, key_usage))
    }
}

fn report(tap: &Tap, chain: &[CertificateDer<'_>], verdict: Result<(), &Error>) {
    if tap.is_on() {
        let chain: Vec<&[u8]> = chain.iter().map(|certificate| certificate.as_ref()).collect();
        tap.emit(|| Event::PeerCertificate { chain: &chain, verdict });
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.judge {
            Judge::Chain(chain) => chain.fmt(f)?,
            Judge::Pinned(pinned) => pinned.fmt(f)?,
            Judge::Custom(_) => f.write_str("Custom")?,
        }
        f.write_str(if self.report_only { ", report only" } else { "" })
    }
}
