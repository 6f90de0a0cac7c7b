//! No protection: the records before the first keys (RFC 9846 section 5.1, RFC 5246 section 6.2.1).
use super::Output;
use crate::wire::record::{HEADER_LEN, RecordHeader};
use crate::wire::{ContentType, ProtocolVersion};

/// Writes records as they are.
pub(super) struct SealPlaintext {
    /// What the headers say.
    pub(super) version: ProtocolVersion,
}

impl SealPlaintext {
    pub(super) fn seal(&self, content_type: ContentType, plaintext: &[u8], output: &mut Output) {
        let header = RecordHeader { content_type, version: self.version, length: plaintext.len() as u16 };
        let (head, body) = output.reserve_tail(HEADER_LEN + plaintext.len()).split_at_mut(HEADER_LEN);
        head.copy_from_slice(&header.encode());
        body.copy_from_slice(plaintext);
        output.commit(HEADER_LEN + plaintext.len());
    }
}
