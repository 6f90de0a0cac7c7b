//! certificate_authorities (RFC 9846 section 4.2.4): the authorities whose certificates are accepted.
use super::{Extension, list_extension, opaque_element};
use crate::wire::{
    DecodeError, Element, ExtensionType, List, Reader,
    codec::{block16, put_vec16},
};

opaque_element! {
    /// `opaque DistinguishedName<1..2^16-1>`, in DER.
    DistinguishedName, some16, put_vec16
}

list_extension! {
    /// The authorities that the sender trusts.
    CertificateAuthorities = CERTIFICATE_AUTHORITIES, "certificate_authorities" {
        /// At least one name.
        authorities: DistinguishedName<'a>, list16, block16
    }
}
