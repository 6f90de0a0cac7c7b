//! ec_point_formats (RFC 8422 section 5.1.2), of TLS 1.2 alone.
use super::{Extension, list_extension};
use crate::wire::{DecodeError, EcPointFormat, ExtensionType, List, Reader, codec::block8};

list_extension! {
    /// The formats that the sender can parse.
    EcPointFormats = EC_POINT_FORMATS, "ec_point_formats" {
        /// Must contain `uncompressed`, which whoever receives it has to check.
        ec_point_format_list: EcPointFormat, list8, block8
    }
}
