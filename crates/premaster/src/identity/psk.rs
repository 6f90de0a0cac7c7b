//! Keys that both sides have had all along (RFC 4279, RFC 9846 section 4.2.11, RFC 9257).
use crate::{
    BoxFuture, Secret, crypto::hash::HashAlgorithm, schedule::importer::import, wire::ProtocolVersion,
};
use std::{fmt, sync::Arc};

/// A pre-shared key.
///
/// Identities are compared whole, as bytes. In TLS 1.3 a key belongs to one hash and one direction: a
/// client's key is not accepted by the same endpoint's server (RFC 9257 section 8.1).
pub struct ExternalPsk {
    identity: Vec<u8>,
    key: Secret,
    hash: HashAlgorithm,
    imported: bool,
}

impl ExternalPsk {
    /// A key for SHA-256, unless [`with_hash`](Self::with_hash) says otherwise. `identity` has 1 to 65,535 bytes.
    pub fn new(identity: impl Into<Vec<u8>>, key: Secret) -> Self {
        Self { identity: identity.into(), key, hash: HashAlgorithm::Sha256, imported: false }
    }

    /// The hash that TLS 1.3 uses it with.
    pub fn with_hash(mut self, hash: HashAlgorithm) -> Self {
        self.hash = hash;
        self
    }

    /// Imports a key for TLS 1.3 (RFC 9258): the same external key, bound to a protocol version, a hash and a
    /// `context`, such as both sides' roles and identities, gives keys that never collide with each other or
    /// with the external one. `external` must bear the hash that it is associated with.
    ///
    /// None if the identity is empty, or with the context longer than an identity may be.
    pub fn import(external: &Self, context: &[u8], target: HashAlgorithm) -> Option<Self> {
        let target_kdf: u16 = match target {
            HashAlgorithm::Sha256 => 1,
            HashAlgorithm::Sha384 => 2,
            _ => return None,
        };
        let mut identity = Vec::new();
        for field in [&external.identity[..], context] {
            identity.extend_from_slice(&u16::try_from(field.len()).ok()?.to_be_bytes());
            identity.extend_from_slice(field);
        }
        identity.extend_from_slice(&ProtocolVersion::TLS_1_3.0.to_be_bytes());
        identity.extend_from_slice(&target_kdf.to_be_bytes());
        if external.identity.is_empty() || identity.len() > 65_535 {
            return None;
        }
        let key = import(external.key.expose(), external.hash, &identity, target);
        Some(Self { identity, key, hash: target, imported: true })
    }

    /// Its name.
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// The key. Every caller is worth a second look.
    pub fn key(&self) -> &Secret {
        &self.key
    }

    /// The hash that TLS 1.3 uses it with.
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// Whether it came out of the importer of RFC 9258, and has a binder label of its own.
    pub fn is_imported(&self) -> bool {
        self.imported
    }
}

impl fmt::Debug for ExternalPsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalPsk({}, {:?})", self.identity.escape_ascii(), self.key)
    }
}

/// Finds a server's key by its name, which may take its time.
pub trait FindPsk: Send + Sync {
    /// The key of this identity, if there is one.
    fn find<'a>(&'a self, identity: &'a [u8]) -> BoxFuture<'a, Option<Arc<ExternalPsk>>>;
}

/// The pre-shared keys of a server.
#[derive(Clone, Default)]
pub enum PskSource {
    /// None.
    #[default]
    None,
    /// These.
    These(Arc<[Arc<ExternalPsk>]>),
    /// Whatever this finds.
    Custom(Arc<dyn FindPsk>),
}

impl PskSource {
    /// Whether there are none.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) async fn find(&self, identity: &[u8]) -> Option<Arc<ExternalPsk>> {
        match self {
            Self::None => None,
            Self::These(keys) => keys.iter().find(|key| key.identity == identity).cloned(),
            Self::Custom(custom) => custom.find(identity).await,
        }
    }
}

impl fmt::Debug for PskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "PskSource::None",
            Self::These(_) => "PskSource::These",
            Self::Custom(_) => "PskSource::Custom",
        })
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, memory};
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    #[test]
    fn a_pre_shared_key_is_found_and_imported_by_what_is_public() {
        constant_time(|| {
            let key = |identity: &str| {
                let mut key = [identity.as_bytes()[0]; 32];
                memory(&mut key);
                Arc::new(ExternalPsk::new(identity, Secret::from(&key[..])))
            };
            let keys = PskSource::These([key("a sensor"), key("b sensor")].into());
            for (identity, known) in [("b sensor", true), ("c sensor", false), ("a senso", false)] {
                let find = pin!(keys.find(identity.as_bytes()));
                let Poll::Ready(found) = find.poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
                assert_eq!(found.is_some(), known, "{identity}");
            }
            let imported = ExternalPsk::import(&key("a sensor"), b"context", HashAlgorithm::Sha256);
            assert_eq!(imported.unwrap().key().len(), 32);
        });
    }
}
