//! signed_certificate_timestamp (RFC 6962 section 3.3): proof that a certificate was logged.
use super::{Extension, empty_extension, list_extension, opaque_element};
use crate::wire::{
    DecodeError, Element, ExtensionType, List, Reader,
    codec::{block16, put_vec16},
};

empty_extension! {
    /// In ClientHello or CertificateRequest: the sender wants timestamps.
    SignedCertificateTimestampRequest = SIGNED_CERTIFICATE_TIMESTAMP, "signed_certificate_timestamp"
}

opaque_element! {
    /// `opaque SerializedSCT<1..2^16-1>`.
    SerializedSct, some16, put_vec16
}

list_extension! {
    /// In the ServerHello of TLS 1.2 or an entry of a TLS 1.3 Certificate.
    SignedCertificateTimestampList = SIGNED_CERTIFICATE_TIMESTAMP, "signed_certificate_timestamp" {
        /// At least one.
        sct_list: SerializedSct<'a>, list16, block16
    }
}
