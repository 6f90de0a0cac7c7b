//! supported_groups (RFC 9846 section 4.2.7).
use super::{Extension, list_extension};
use crate::wire::{DecodeError, ExtensionType, List, NamedGroup, Reader, codec::block16};

list_extension! {
    /// The groups for key exchange that the sender supports.
    SupportedGroups = SUPPORTED_GROUPS, "supported_groups" {
        /// At least one, in the order of preference.
        named_group_list: NamedGroup, list16, block16
    }
}
