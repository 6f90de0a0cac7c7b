//! RSA without padding (RFC 8017 section 5.1): the padding belongs to whoever must not tell what it was.
pub(crate) use premaster_ffi::rsa::{PrivateKey, PublicKey};
