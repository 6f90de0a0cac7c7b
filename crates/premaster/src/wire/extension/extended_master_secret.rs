//! extended_master_secret (RFC 7627 section 5.1), of TLS 1.2 alone.
use super::{Extension, empty_extension};
use crate::wire::{DecodeError, ExtensionType, Reader};

empty_extension! {
    /// The master secret is bound to the whole handshake.
    ExtendedMasterSecret = EXTENDED_MASTER_SECRET, "extended_master_secret"
}
