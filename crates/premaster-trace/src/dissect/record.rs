//! A record as it stands on the wire (RFC 9846 section 5, RFC 5246 section 6.2).
use super::walker::scope;
use crate::model::Field;
use premaster::{
    suite::{Protection as Cipher, Suite},
    wire::{ContentType, ProtocolVersion, record::HEADER_LEN},
};

/// How a record is protected.
#[derive(Clone, Copy, Debug)]
pub struct Protection {
    /// The version.
    pub version: ProtocolVersion,
    /// The cipher suite, if it is known.
    pub suite: Option<&'static Suite>,
}

const RFC: &str = "RFC 9846 section 5.1";

/// The fields of the header of a record. Fewer bytes than it has are named as far as they go.
pub fn header(record: &[u8]) -> Vec<Field> {
    let header = record.get(..HEADER_LEN).unwrap_or(record);
    scope(header, 0, RFC, |walker| {
        walker.code::<ContentType>(
            1,
            "type",
            "What the record holds; application_data on all that TLS 1.3 protects.",
        )?;
        walker.code::<ProtocolVersion>(
            2,
            "legacy_record_version",
            "Always TLS 1.2, or TLS 1.0 on a first ClientHello; it decides nothing any more.",
        )?;
        walker.number(2, "length", "How many bytes follow in this record.")?;
        Some(())
    })
}

/// The fields of a protected record after its header.
pub fn protected(record: &[u8], protection: Option<Protection>) -> Vec<Field> {
    let fragment = record.get(HEADER_LEN..).unwrap_or_default();
    scope(fragment, HEADER_LEN.min(record.len()), "RFC 9846 section 5.2", |walker| {
        let Some(Protection { version, suite }) = protection else {
            walker.rest("encrypted_record", "Ciphertext: nobody here has the keys that open it.")?;
            return Some(());
        };
        if version != ProtocolVersion::TLS_1_3 {
            walker.rfc("RFC 5246 section 6.2.3");
        }
        let (nonce, tag) = layout(version, suite);
        if nonce.1 > 0 {
            walker.take(nonce.1.min(walker.left()), nonce.0, nonce.2)?;
        }
        let body = walker.left().saturating_sub(tag);
        if body > 0 {
            let what = if tag > 0 {
                "The plaintext, encrypted."
            } else {
                "The plaintext, its MAC and padding, encrypted."
            };
            walker.take(body, "ciphertext", what)?;
        }
        walker.rest("tag", "Proves that neither the record nor its header or number was changed.")?;
        Some(())
    })
}

/// The nonce that a record brings along: its name, length and meaning; and the length of the tag.
fn layout(
    version: ProtocolVersion,
    suite: Option<&'static Suite>,
) -> ((&'static str, usize, &'static str), usize) {
    const NONE: (&str, usize, &str) = ("", 0, "");
    let Some(suite) = suite else { return (NONE, 0) };
    match suite.protection {
        Cipher::Aead(algorithm) if version == ProtocolVersion::TLS_1_3 => (NONE, algorithm.tag_len()),
        Cipher::Aead(premaster::crypto::aead::AeadAlgorithm::ChaCha20Poly1305) => (NONE, 16),
        Cipher::Aead(algorithm) => (
            ("nonce_explicit", 8, "The half of the nonce that changes; the other half is write_IV."),
            algorithm.tag_len(),
        ),
        Cipher::Cbc { .. } => (("IV", 16, "The initialization vector of CBC, random for each record."), 0),
    }
}

/// What TLS 1.3 puts behind the content inside the protection: the true type, and zeros that hide the length.
pub fn trailer(content_type: ContentType, padding: usize, offset: usize) -> Vec<Field> {
    let mut bytes = vec![content_type.0];
    bytes.resize(1 + padding, 0);
    scope(&bytes, offset, "RFC 9846 section 5.2", |walker| {
        walker.code::<ContentType>(1, "type", "What the record really holds.")?;
        walker.rest("zeros", "Padding that hides how long the content is.")?;
        Some(())
    })
}
