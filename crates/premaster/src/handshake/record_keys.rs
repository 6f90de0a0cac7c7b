//! From secrets to the keys of records, for both versions.
use crate::{
    Error,
    record::{Opener, Sealer},
    schedule::{
        tls12::{KeyBlock, MasterSecret, WriteKeys},
        tls13::TrafficSecret,
    },
    suite::{Protection, Suite},
    wire::{PerSide, Side},
};

/// The keys that records are sealed with under a TLS 1.3 traffic secret (RFC 9846 section 7.3).
pub(crate) fn sealer13(suite: &Suite, secret: &TrafficSecret) -> Result<Sealer, Error> {
    match suite.protection {
        Protection::Aead(aead) => {
            secret.with_key_and_iv(aead.key_len(), |key, iv| Sealer::tls13(aead, key, iv))
        }
        Protection::Cbc { .. } => Err(crate::error::Failure::Configuration.into()),
    }
}

/// The keys that records are opened with under a TLS 1.3 traffic secret.
pub(crate) fn opener13(suite: &Suite, secret: &TrafficSecret) -> Result<Opener, Error> {
    match suite.protection {
        Protection::Aead(aead) => {
            secret.with_key_and_iv(aead.key_len(), |key, iv| Opener::tls13(aead, key, iv))
        }
        Protection::Cbc { .. } => Err(crate::error::Failure::Configuration.into()),
    }
}

/// Lends the key of a TLS 1.3 traffic secret to `wake`, which expands it again.
pub(crate) fn key_again13(
    suite: &Suite,
    secret: &TrafficSecret,
    wake: impl FnOnce(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    match suite.protection {
        Protection::Aead(aead) => secret.with_key_and_iv(aead.key_len(), |key, _| wake(key)),
        Protection::Cbc { .. } => Err(crate::error::Failure::Configuration.into()),
    }
}

/// Lends the key that `side` sends TLS 1.2 records under to `wake`, which expands it again.
pub(crate) fn key_again12(
    suite: &Suite,
    master: &MasterSecret,
    randoms: &PerSide<[u8; 32]>,
    side: Side,
    wake: impl FnOnce(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let block = master.key_block(suite.key_block_layout(), &randoms.client, &randoms.server);
    wake(block.keys(side).key)
}

/// The keys that `side` seals TLS 1.2 records with.
pub(super) fn sealer12(
    suite: &Suite,
    block: &KeyBlock,
    side: Side,
    order: crate::record::CbcOrder,
) -> Result<Sealer, Error> {
    let WriteKeys { mac_key, key, iv } = block.keys(side);
    match suite.protection {
        Protection::Aead(aead) => Sealer::tls12_aead(aead, key, iv),
        Protection::Cbc { cipher, mac } => Sealer::tls12_cbc(cipher, mac, key, mac_key, order),
    }
}

/// The keys that the peer of `side`'s records, sent by `side`, are opened with.
pub(super) fn opener12(
    suite: &Suite,
    block: &KeyBlock,
    side: Side,
    order: crate::record::CbcOrder,
) -> Result<Opener, Error> {
    let WriteKeys { mac_key, key, iv } = block.keys(side);
    match suite.protection {
        Protection::Aead(aead) => Opener::tls12_aead(aead, key, iv),
        Protection::Cbc { cipher, mac } => Opener::tls12_cbc(cipher, mac, key, mac_key, order),
    }
}
