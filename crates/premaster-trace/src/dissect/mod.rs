//! Bytes to fields: every byte of a record belongs to exactly one leaf, whatever the bytes are.
//!
//! The library's own decoder stops at the first error, and rightly so; this one goes on, and names what it cannot
//! read "undecoded".
mod certificate;
mod der;
mod exchange;
mod extension;
mod hello;
mod message;
mod ocsp;
mod oid;
mod record;
mod walker;
mod x509;

pub use message::{Context, Dissected, alert, application_data, change_cipher_spec, handshake, opaque};
pub use record::{Protection, header, protected, trailer};

use crate::model::Field;

/// The part of `fields` that lies between `from` and `to`, with offsets that count from `from` plus `base`: a record
/// may hold a part of a message. A leaf that is cut keeps its name.
pub fn clip(fields: &[Field], from: usize, to: usize, base: usize) -> Vec<Field> {
    fields.iter().filter_map(|field| clip_one(field, from, to, base)).collect()
}

fn clip_one(field: &Field, from: usize, to: usize, base: usize) -> Option<Field> {
    let start = field.offset.max(from);
    let end = (field.offset + field.length).min(to);
    if start >= end {
        return None;
    }
    let mut clipped = field.clone();
    clipped.offset = start - from + base;
    clipped.length = end - start;
    clipped.children = clip(&field.children, from, to, base);
    if let Some(value) = &field.value {
        let digits = value.get(2 * (start - field.offset)..2 * (end - field.offset));
        clipped.value = digits.map(str::to_owned);
    }
    if clipped.length < field.length && field.is_leaf() {
        clipped.decoded = Some(format!("{} of {} bytes", clipped.length, field.length));
    }
    Some(clipped)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_der;
