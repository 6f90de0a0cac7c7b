//! Keys and certificates that are the same in every run, and trusted by the demonstrations alone.
use crate::{exit::ExitCode, failure::Failure};
use premaster::identity::{ChainVerifier, Credential, Roots};
use std::sync::Arc;

/// 2027-01-01, when the demonstrations take place.
pub(super) const NOW: u64 = 1_798_761_600;

macro_rules! pair {
    ($cert:literal, $key:literal) => {
        (
            include_bytes!(concat!("../../fixtures/demo/", $cert, ".pem")),
            include_bytes!(concat!("../../fixtures/demo/", $key, ".key")),
        )
    };
}

/// One of the credentials.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Ed25519,
    Rsa,
    P256,
    Client,
    Expired,
    UnknownIssuer,
    StaticDh,
}

pub(super) fn credential(who: Who) -> Result<Arc<Credential>, Failure> {
    let (chain, key): (&[u8], &[u8]) = match who {
        Who::Ed25519 => pair!("ed25519", "ed25519"),
        Who::Rsa => pair!("rsa", "rsa"),
        Who::P256 => pair!("p256", "p256"),
        Who::Client => pair!("client", "client"),
        Who::Expired => pair!("expired", "ed25519"),
        Who::StaticDh => pair!("dh", "dh"),
        Who::UnknownIssuer => pair!("unknown", "ed25519"),
    };
    let credential = Credential::from_pem(chain, key);
    credential
        .map(Arc::new)
        .map_err(|error| Failure::new(ExitCode::Bug, "a fixture cannot be used").why(error))
}

/// Trusts the demonstrations' authority, and nobody else.
pub(super) fn verifier() -> Result<ChainVerifier, Failure> {
    let mut roots = Roots::new();
    let authorities: [&[u8]; 2] =
        [include_bytes!("../../fixtures/demo/ca.pem"), include_bytes!("../../fixtures/demo/dh-ca.pem")];
    for authority in authorities {
        let added = roots.add_pem(authority);
        added.map_err(|error| Failure::new(ExitCode::Bug, "a fixture cannot be used").why(error))?;
    }
    Ok(ChainVerifier::new(roots))
}
