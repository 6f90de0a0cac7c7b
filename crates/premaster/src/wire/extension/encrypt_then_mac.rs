//! encrypt_then_mac (RFC 7366 section 2), of TLS 1.2 alone.
use super::{Extension, empty_extension};
use crate::wire::{DecodeError, ExtensionType, Reader};

empty_extension! {
    /// The MAC of CBC suites covers the ciphertext.
    EncryptThenMac = ENCRYPT_THEN_MAC, "encrypt_then_mac"
}
