//! supported_versions (RFC 9846 section 4.2.1).
use super::{Extension, choice_extension, list_extension};
use crate::wire::{DecodeError, Element, ExtensionType, List, ProtocolVersion, Reader, codec::block8};

list_extension! {
    /// In ClientHello.
    SupportedVersionsClientHello = SUPPORTED_VERSIONS, "supported_versions" {
        /// At least one, in the order of preference.
        versions: ProtocolVersion, list8, block8
    }
}

choice_extension! {
    /// In ServerHello and HelloRetryRequest.
    SupportedVersionsServerHello = SUPPORTED_VERSIONS, "supported_versions" {
        /// TLS 1.3 or later.
        selected_version: ProtocolVersion
    }
}
