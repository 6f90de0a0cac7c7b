//! psk_key_exchange_modes (RFC 9846 section 4.2.9).
use super::{Extension, list_extension};
use crate::wire::{DecodeError, ExtensionType, List, PskKeyExchangeMode, Reader, codec::block8};

list_extension! {
    /// How the client is willing to use a pre-shared key.
    PskKeyExchangeModes = PSK_KEY_EXCHANGE_MODES, "psk_key_exchange_modes" {
        /// At least one.
        ke_modes: PskKeyExchangeMode, list8, block8
    }
}
