//! Trust in a chain of certificates that ends in a root (RFC 5280 section 6), by rustls-webpki.
use super::{
    Certificate, CredentialError, PeerCertificates, Roots,
    known_signatures::{KnownSignatures, Remembering},
    pem,
    untrusted::{untrusted, wrong_name},
};
use crate::{
    crypto::sign::ECDSA_CERTIFICATES,
    error::Untrusted,
    identity::{KeyError, KeyKind, PublicKey},
    wire::Side,
};
use pki_types::{CertificateRevocationListDer, SignatureVerificationAlgorithm};
use std::{array, fmt, sync::Arc};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, aws_lc_rs as algorithms,
};

/// The algorithms that a certificate may be signed with: no MD5, no SHA-1, no RSA below 2048 bits (RFC 9325
/// section 4.5, RFC 9155).
static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 22] = [
    ECDSA_CERTIFICATES[0],
    ECDSA_CERTIFICATES[1],
    ECDSA_CERTIFICATES[2],
    ECDSA_CERTIFICATES[3],
    ECDSA_CERTIFICATES[4],
    ECDSA_CERTIFICATES[5],
    ECDSA_CERTIFICATES[6],
    ECDSA_CERTIFICATES[7],
    ECDSA_CERTIFICATES[8],
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::ED25519,
    algorithms::ML_DSA_44,
    algorithms::ML_DSA_65,
    algorithms::ML_DSA_87,
];

/// The smallest RSA key that a peer may prove itself with (RFC 9325 section 4.5).
const LEAST_RSA_BITS: u32 = 2048;

/// Believes a chain that ends in one of its roots, is valid now, is for this purpose and, if it is a server's,
/// for the name that was asked for.
pub struct ChainVerifier {
    roots: Roots,
    lists: Vec<CertRevocationList<'static>>,
    revocation: Revocation,
    names_matter: bool,
    pub(super) known: Option<Arc<KnownSignatures>>,
}

/// What the revocation lists have to say, once there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whether the authorities' certificates are looked up too, or the leaf's alone.
    pub whole_chain: bool,
    /// Whether a certificate passes that no list covers.
    pub allow_unknown: bool,
    /// Whether a list counts whose next update is overdue.
    pub allow_stale: bool,
}

impl Default for Revocation {
    /// The whole chain, with a current list for every issuer.
    fn default() -> Self {
        Self { whole_chain: true, allow_unknown: false, allow_stale: false }
    }
}

impl ChainVerifier {
    /// Trusts these roots.
    pub fn new(roots: Roots) -> Self {
        Self { roots, lists: Vec::new(), revocation: Revocation::default(), names_matter: true, known: None }
    }

    /// Looks certificates up in these revocation lists (RFC 5280 section 5).
    pub fn with_revocation_lists<'a>(
        mut self,
        lists: impl IntoIterator<Item = CertificateRevocationListDer<'a>>,
        revocation: Revocation,
    ) -> Result<Self, CredentialError> {
        for (index, list) in lists.into_iter().enumerate() {
            let list = OwnedCertRevocationList::from_der(&list)
                .map_err(|_| CredentialError::BadRevocationList { index })?;
            self.lists.push(list.into());
        }
        self.revocation = revocation;
        Ok(self)
    }

    /// Looks certificates up in the revocation lists of a PEM file.
    pub fn with_revocation_lists_pem(
        self,
        file: &[u8],
        revocation: Revocation,
    ) -> Result<Self, CredentialError> {
        self.with_revocation_lists(pem::revocation_lists(file)?, revocation)
    }

    /// Lets a server have any name. Whoever holds any certificate of these roots can then be that server, so
    /// that they had better be roots of one's own.
    pub fn without_name_check(mut self) -> Self {
        self.names_matter = false;
        self
    }

    /// Verifies no signature of a certificate or a revocation list a second time, if it is one of the `most` last that
    /// were right: saves some 35 us a certificate, and takes about 100 bytes for each.
    ///
    /// Everything else is done each time: the path to a root, dates, names, usage, revocation, sizes of keys; and the
    /// signature over the handshake, which is never the same twice. What is remembered is that a signature of these
    /// bytes by this key is right, which is true for any name, root and date.
    ///
    /// Off unless asked for, because of what it trades: who measures how long the client takes can tell whether it has
    /// verified this chain before, and a memory that somebody else can write to is believed.
    pub fn remember_signatures(mut self, most: usize) -> Self {
        self.known = (most > 0).then(|| Arc::new(KnownSignatures::new(most)));
        self
    }

    /// The roots.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Verifies, without waiting.
    pub fn verify(&self, peer: &PeerCertificates<'_>) -> Result<(), Untrusted> {
        let (first, intermediates) = peer.chain.split_first().ok_or(Untrusted::BadEncoding)?;
        let leaf = Certificate::parse(first).ok_or(Untrusted::BadEncoding)?;
        let end_entity = EndEntityCert::try_from(first).map_err(|_| Untrusted::BadEncoding)?;
        let explain = |error| untrusted(&error, peer, &leaf, &self.roots);
        let usage = match peer.side {
            Side::Server => webpki::KeyUsage::server_auth(),
            Side::Client => webpki::KeyUsage::client_auth(),
        };
        let lists: Vec<_> = self.lists.iter().collect();
        let verify = |algorithms: &[&dyn SignatureVerificationAlgorithm]| {
            let revocation = self.revocation_options(&lists);
            let (anchors, now) = (&self.roots.anchors, peer.now);
            end_entity
                .verify_for_usage(algorithms, anchors, intermediates, now, usage, revocation, None)
                .map(drop)
        };
        match &self.known {
            None => verify(&ALGORITHMS),
            Some(known) => {
                let remembering: [_; ALGORITHMS.len()] =
                    array::from_fn(|index| Remembering { index, algorithm: ALGORITHMS[index], known });
                let algorithms = remembering.each_ref().map(|algorithm| algorithm as _);
                verify(&algorithms)
            }
        }
        .map_err(explain)?;
        check_key(&leaf)?;
        match (peer.side, peer.name) {
            (Side::Server, Some(name)) if self.names_matter => {
                end_entity.verify_is_valid_for_subject_name(name).map_err(explain)
            }
            // A chain alone does not make a server the one that was meant.
            (Side::Server, None) if self.names_matter => Err(wrong_name(peer, &leaf)),
            _ => Ok(()),
        }
    }

    fn revocation_options<'a>(
        &self,
        lists: &'a [&'a CertRevocationList<'a>],
    ) -> Option<RevocationOptions<'a>> {
        let policy = self.revocation;
        let options = RevocationOptionsBuilder::new(lists).ok()?;
        let options = options.with_depth(match policy.whole_chain {
            true => RevocationCheckDepth::Chain,
            false => RevocationCheckDepth::EndEntity,
        });
        let options = options.with_status_policy(match policy.allow_unknown {
            true => UnknownStatusPolicy::Allow,
            false => UnknownStatusPolicy::Deny,
        });
        let options = options.with_expiration_policy(match policy.allow_stale {
            true => ExpirationPolicy::Ignore,
            false => ExpirationPolicy::Enforce,
        });
        Some(options.build())
    }
}

impl fmt::Debug for ChainVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainVerifier({} roots, {} revocation lists)", self.roots.len(), self.lists.len())
    }
}

/// Path validation looks at the keys of issuers; the leaf's is left to whoever uses it.
fn check_key(leaf: &Certificate<'_>) -> Result<(), Untrusted> {
    match PublicKey::kind_and_bits(leaf.spki()) {
        Ok((KeyKind::Rsa | KeyKind::RsaPss, bits @ ..LEAST_RSA_BITS)) => Err(Untrusted::WeakKey { bits }),
        Ok(_) => Ok(()),
        Err(KeyError::TooSmall { bits, .. }) => Err(Untrusted::WeakKey { bits }),
        Err(_) => Err(Untrusted::UnsupportedKey),
    }
}
