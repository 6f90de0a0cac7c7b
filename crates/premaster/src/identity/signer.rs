//! A key that is elsewhere.
use super::SchemeUse;
use crate::{BoxFuture, error::Failure, wire::SignatureScheme};

/// Signs with a key that this process does not hold, and may take its time.
pub trait Signer: Send + Sync {
    /// The schemes that it can sign with, the most preferred first.
    fn schemes(&self) -> &[SignatureScheme];

    /// Signs `message`, which is not hashed yet. An ECDSA signature is DER, as TLS sends it.
    ///
    /// Fails with [`Failure::Signing`], which aborts the handshake.
    fn sign<'a>(
        &'a self,
        scheme: SignatureScheme,
        usage: SchemeUse,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, Failure>>;
}
