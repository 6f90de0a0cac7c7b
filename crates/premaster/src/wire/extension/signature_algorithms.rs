//! signature_algorithms and signature_algorithms_cert (RFC 9846 section 4.2.3).
use super::{Extension, list_extension};
use crate::wire::{DecodeError, ExtensionType, List, Reader, SignatureScheme, codec::block16};

list_extension! {
    /// What the sender accepts over the handshake, and in certificates unless it says otherwise.
    SignatureAlgorithms = SIGNATURE_ALGORITHMS, "signature_algorithms" {
        /// At least one, in the order of preference.
        supported_signature_algorithms: SignatureScheme, list16, block16
    }
}

list_extension! {
    /// What the sender accepts in certificates.
    SignatureAlgorithmsCert = SIGNATURE_ALGORITHMS_CERT, "signature_algorithms_cert" {
        /// At least one, in the order of preference.
        supported_signature_algorithms: SignatureScheme, list16, block16
    }
}
