//! client_certificate_type and server_certificate_type (RFC 7250 section 3): X.509 or raw public keys.
use super::{Extension, choice_extension, list_extension};
use crate::wire::{CertificateType, DecodeError, Element, ExtensionType, List, Reader, codec::block8};

list_extension! {
    /// The types of certificate that the client can send, in the order of its preference.
    ClientCertificateTypes = CLIENT_CERTIFICATE_TYPE, "client_certificate_type" {
        /// At least one.
        client_certificate_types: CertificateType, list8, block8
    }
}

choice_extension! {
    /// The type of certificate that the server asks the client for.
    SelectedClientCertificateType = CLIENT_CERTIFICATE_TYPE, "client_certificate_type" {
        /// One of those that the client listed.
        client_certificate_type: CertificateType
    }
}

list_extension! {
    /// The types of certificate that the client can check, in the order of its preference.
    ServerCertificateTypes = SERVER_CERTIFICATE_TYPE, "server_certificate_type" {
        /// At least one.
        server_certificate_types: CertificateType, list8, block8
    }
}

choice_extension! {
    /// The type of certificate that the server sends.
    SelectedServerCertificateType = SERVER_CERTIFICATE_TYPE, "server_certificate_type" {
        /// One of those that the client listed.
        server_certificate_type: CertificateType
    }
}
