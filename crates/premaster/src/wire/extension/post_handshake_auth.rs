//! post_handshake_auth (RFC 9846 section 4.2.6).
use super::{Extension, empty_extension};
use crate::wire::{DecodeError, ExtensionType, Reader};

empty_extension! {
    /// The client is willing to authenticate itself after the handshake.
    PostHandshakeAuth = POST_HANDSHAKE_AUTH, "post_handshake_auth"
}
