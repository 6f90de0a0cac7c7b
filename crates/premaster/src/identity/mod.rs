//! Who is it: our credential, their certificates, and the signatures that tie either to a handshake.
mod certificate;
mod chain;
mod choose;
mod compression;
mod credential;
mod credential_error;
mod distinguished_name;
mod key_usage;
mod known_signatures;
mod pem;
mod pinned;
mod proof;
mod psk;
mod roots;
mod signed;
mod signer;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests_credential;
#[cfg(test)]
mod tests_known_signatures;
#[cfg(test)]
mod tests_verifier;
mod untrusted;
mod verifier;
#[cfg(feature = "certificate-compression")]
mod zlib;

pub use crate::crypto::sign::{KeyError, KeyKind, LocalKey, PublicKey, SchemeUse};
pub use certificate::Certificate;
pub use chain::{ChainVerifier, Revocation};
pub use choose::{Ask, ByName, ChooseCredential, Credentials};
pub use compression::{CertificateCompression, CompressCertificates};
pub use credential::Credential;
pub use credential_error::CredentialError;
pub use distinguished_name::DistinguishedName;
pub use key_usage::KeyUsage;
pub use pinned::Pinned;
pub use proof::{PeerIdentity, SignatureVerified, Signed, Verified, VerifiedChain};
pub use psk::{ExternalPsk, FindPsk, PskSource};
pub use roots::Roots;
pub use signed::{CertificateVerifyContent, server_key_exchange_content};
pub use signer::Signer;
pub use verifier::{PeerCertificates, Verifier, VerifyPeer};
#[cfg(feature = "certificate-compression")]
pub use zlib::Zlib;
