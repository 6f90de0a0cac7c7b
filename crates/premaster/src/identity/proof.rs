//! Proofs that a peer was judged and that it holds its key: values that only this room can make, and without
//! which no connection is established.
use super::{Certificate, KeyUsage, PublicKey, SchemeUse};
use crate::{
    Error,
    error::{Misbehaved, Untrusted},
    observe::{Event, Tap},
    wire::{CertificateType, SignatureScheme},
};
use pki_types::CertificateDer;
use std::sync::Arc;

/// Proof that a verifier was asked, and said yes or was told only to report.
#[derive(Debug)]
pub struct Verified(());

/// Proof that the peer holds the private key of its certificate.
#[derive(Debug)]
pub struct SignatureVerified(());

impl SignatureVerified {
    /// For the static exchanges of TLS 1.2, in which nothing is signed: who computes Finished has the key that
    /// the premaster secret went to (RFC 5246 section 7.4.7). The chain is asked for as a reminder that there
    /// must be one.
    pub(crate) fn left_to_finished(_chain: &VerifiedChain) -> Self {
        Self(())
    }
}

/// A peer's certificates and what was thought of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    certificate_type: CertificateType,
    chain: Arc<[CertificateDer<'static>]>,
    verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Believed,
    Doubted(Arc<Untrusted>),
    /// In an earlier handshake, of which this is the resumption.
    DoubtedBefore,
}

impl PeerIdentity {
    pub(super) fn judged(
        certificate_type: CertificateType,
        chain: Arc<[CertificateDer<'static>]>,
        doubt: Option<Arc<Untrusted>>,
    ) -> Self {
        Self { certificate_type, chain, verdict: doubt.map_or(Verdict::Believed, Verdict::Doubted) }
    }

    /// As a stored session remembers it.
    pub(crate) fn remembered(
        certificate_type: CertificateType,
        chain: Arc<[CertificateDer<'static>]>,
        is_verified: bool,
    ) -> Self {
        let verdict = match is_verified {
            true => Verdict::Believed,
            false => Verdict::DoubtedBefore,
        };
        Self { certificate_type, chain, verdict }
    }

    /// What it showed: X.509 certificates, or a raw public key (RFC 7250).
    pub const fn certificate_type(&self) -> CertificateType {
        self.certificate_type
    }

    /// The SubjectPublicKeyInfo of its key, in DER: what a raw public key is, and what a certificate has in it.
    /// None if the leaf is no certificate, which no verifier believes.
    pub fn spki(&self) -> Option<&[u8]> {
        match self.certificate_type {
            CertificateType::RawPublicKey => Some(self.leaf()),
            _ => Certificate::parse(self.leaf()).map(|leaf| leaf.spki()),
        }
    }

    /// The certificates as the peer sent them, leaf first; of a raw public key the SubjectPublicKeyInfo alone. Of
    /// an unverified peer they prove only that it has the leaf's key.
    pub fn chain(&self) -> &Arc<[CertificateDer<'static>]> {
        &self.chain
    }

    /// The leaf certificate, or the raw public key, in DER.
    pub fn leaf(&self) -> &[u8] {
        self.chain.first().map_or(&[], |leaf| leaf.as_ref())
    }

    /// Whether the verifier believed it; false only if it was told to report and no more.
    pub fn is_verified(&self) -> bool {
        matches!(self.verdict, Verdict::Believed)
    }

    /// Why it was not believed, if the verifier was told to report and no more. Not kept across resumption.
    pub fn doubt(&self) -> Option<&Untrusted> {
        match &self.verdict {
            Verdict::Doubted(doubt) => Some(doubt),
            Verdict::Believed | Verdict::DoubtedBefore => None,
        }
    }
}

/// A peer's chain after a verifier judged it, and the key that its leaf speaks for.
#[derive(Debug)]
pub struct VerifiedChain {
    identity: PeerIdentity,
    key: PublicKey,
    key_usage: KeyUsage,
    proof: Verified,
}

impl VerifiedChain {
    pub(super) fn new(identity: PeerIdentity, key: PublicKey, key_usage: KeyUsage) -> Self {
        Self { identity, key, key_usage, proof: Verified(()) }
    }

    /// Who the peer is.
    pub fn identity(&self) -> &PeerIdentity {
        &self.identity
    }

    /// The leaf's key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What the leaf lets it be used for.
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// The identity and the proof that it was judged.
    pub fn into_parts(self) -> (PeerIdentity, Verified) {
        (self.identity, self.proof)
    }

    /// Verifies what the peer signed to show that the key is its own.
    ///
    /// `offered` is this side's list of schemes. [`Misbehaved::UnofferedScheme`], [`Misbehaved::KeyUsageForbids`],
    /// [`Misbehaved::SchemeForOtherKey`] or [`Misbehaved::BadSignature`] (RFC 9846 section 4.4.3, RFC 5246
    /// section 7.4.3).
    pub fn verify_signature(
        &self,
        signed: &Signed<'_>,
        offered: &[SignatureScheme],
        tap: &Tap,
    ) -> Result<SignatureVerified, Error> {
        let &Signed { scheme, usage, content, signature } = signed;
        // RFC 9846 section 4.4.3: the algorithm MUST be one offered in signature_algorithms.
        if !offered.contains(&scheme) {
            return Err(Misbehaved::UnofferedScheme.into());
        }
        // RFC 9846 section 4.4.2.2: digitalSignature MUST be set if the extension is there.
        if !self.key_usage.digital_signature {
            return Err(Misbehaved::KeyUsageForbids.into());
        }
        self.key.verify(scheme, usage, content, signature)?;
        tap.emit(|| Event::SignatureVerified { scheme, content, signature });
        Ok(SignatureVerified(()))
    }
}

/// A signature over a handshake, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The scheme that the peer names.
    pub scheme: SignatureScheme,
    /// Which version's rules it is read by.
    pub usage: SchemeUse,
    /// What must have been signed.
    pub content: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}
