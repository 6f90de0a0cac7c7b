//! Importing external PSKs for TLS 1.3 (RFC 9258).
use super::kdf::{expand_label, extract};
use crate::{
    Secret,
    crypto::hash::{HashAlgorithm, HmacKey, digest},
};

/// ipskx of RFC 9258 section 5.1: the key that goes with `imported_identity`, as long as `target`'s output.
/// `hash` is the one that the external key is associated with, SHA-256 where nothing else is known.
pub fn import(
    external_key: &[u8],
    hash: HashAlgorithm,
    imported_identity: &[u8],
    target: HashAlgorithm,
) -> Secret {
    let zeros = [0; 64];
    let extracted = extract(hash, &zeros[..hash.output_len()], external_key);
    let keyed = HmacKey::new(hash, &extracted[..hash.output_len()]);
    let context = digest(hash, &[imported_identity]);
    Secret::fill(target.output_len(), |out| expand_label(&keyed, "derived psk", context.as_ref(), out))
}
