//! Extensions (RFC 9846 section 4.2): the block that holds them, and a file for each that this library speaks.
//!
//! ```text
//! struct {
//!     ExtensionType extension_type;
//!     opaque extension_data<0..2^16-1>;
//! } Extension;
//! ```
//! Where an extension looks different from message to message, each form is a type of its own.
mod block;
mod form;
mod place;

mod application_layer_protocol_negotiation;
mod certificate_authorities;
mod certificate_type;
mod compress_certificate;
mod cookie;
mod early_data;
mod ec_point_formats;
mod encrypt_then_mac;
mod encrypted_client_hello;
mod extended_master_secret;
mod key_share;
mod max_fragment_length;
mod oid_filters;
mod padding;
mod post_handshake_auth;
mod pre_shared_key;
mod psk_key_exchange_modes;
mod record_size_limit;
mod renegotiation_info;
mod server_name;
mod session_ticket;
mod signature_algorithms;
mod signed_certificate_timestamp;
mod status_request;
mod supported_groups;
mod supported_versions;
mod ticket_request;

pub use application_layer_protocol_negotiation::*;
pub use block::{Extensions, ExtensionsIter};
pub use certificate_authorities::*;
pub use certificate_type::*;
pub use compress_certificate::*;
pub use cookie::*;
pub use early_data::*;
pub use ec_point_formats::*;
pub use encrypt_then_mac::*;
pub use encrypted_client_hello::*;
pub use extended_master_secret::*;
pub use form::check_forms;
pub use key_share::*;
pub use max_fragment_length::*;
pub use oid_filters::*;
pub use padding::*;
pub use place::{Place, allowed_in};
pub use post_handshake_auth::*;
pub use pre_shared_key::*;
pub use psk_key_exchange_modes::*;
pub use record_size_limit::*;
pub use renegotiation_info::*;
pub use server_name::*;
pub use session_ticket::*;
pub use signature_algorithms::*;
pub use signed_certificate_timestamp::*;
pub(super) use status_request::OCSP;
pub use status_request::*;
pub use supported_groups::*;
pub use supported_versions::*;
pub use ticket_request::*;

use super::{
    DecodeError, ExtensionType,
    codec::{block16, put_u16},
};

/// One form of one extension: the contents of its `extension_data`.
pub trait Extension<'a>: Sized {
    /// Its code point.
    const TYPE: ExtensionType;

    /// Reads the whole of `extension_data`.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be, including bytes left over.
    fn decode(data: &'a [u8]) -> Result<Self, DecodeError>;

    /// Writes `extension_data`, without its length.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Writes an extension, with its type and length, at the end of a block that is being built in `out`.
pub fn push<'a, E: Extension<'a>>(out: &mut Vec<u8>, extension: &E) {
    put_u16(out, E::TYPE.0);
    block16(out, |out| extension.encode(out));
}

/// Writes an extension whose `extension_data` is already encoded.
pub fn push_encoded(out: &mut Vec<u8>, extension_type: ExtensionType, data: &[u8]) {
    put_u16(out, extension_type.0);
    block16(out, |out| out.extend_from_slice(data));
}

/// An extension that says all it has to say by being there.
macro_rules! empty_extension {
    ($(#[$doc:meta])* $name:ident = $type:ident, $text:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl Extension<'_> for $name {
            const TYPE: ExtensionType = ExtensionType::$type;

            fn decode(data: &[u8]) -> Result<Self, DecodeError> {
                Reader::new(data, $text).finish().map(|()| Self)
            }

            fn encode(&self, _: &mut Vec<u8>) {}
        }
    };
}
use empty_extension;

/// An extension that is one list, of at least one element.
macro_rules! list_extension {
    ($(#[$doc:meta])* $name:ident = $type:ident, $text:literal {
        $(#[$field_doc:meta])* $field:ident: $element:ty, $list:ident, $block:ident
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            $(#[$field_doc])*
            pub $field: List<'a, $element>,
        }

        impl<'a> Extension<'a> for $name<'a> {
            const TYPE: ExtensionType = ExtensionType::$type;

            fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader::new(data, $text);
                let $field = reader.$list()?;
                reader.finish()?;
                Ok(Self { $field })
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $block(out, |out| self.$field.encode(out));
            }
        }
    };
}
use list_extension;

/// An extension that is one code point.
macro_rules! choice_extension {
    ($(#[$doc:meta])* $name:ident = $type:ident, $text:literal { $(#[$field_doc:meta])* $field:ident: $point:ty }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $(#[$field_doc])*
            pub $field: $point,
        }

        impl Extension<'_> for $name {
            const TYPE: ExtensionType = ExtensionType::$type;

            fn decode(data: &[u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader::new(data, $text);
                let $field = <$point>::read(&mut reader)?;
                reader.finish()?;
                Ok(Self { $field })
            }

            fn encode(&self, out: &mut Vec<u8>) {
                self.$field.put(out);
            }
        }
    };
}
use choice_extension;

/// An element that is one opaque vector of at least one byte.
macro_rules! opaque_element {
    ($(#[$doc:meta])* $name:ident, $some:ident, $put:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a>(pub &'a [u8]);

        impl<'a> Element<'a> for $name<'a> {
            fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                reader.$some().map(Self)
            }

            fn put(&self, out: &mut Vec<u8>) {
                $put(out, self.0);
            }
        }
    };
}
pub(super) use opaque_element;

#[cfg(test)]
mod tests;
