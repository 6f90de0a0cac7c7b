//! The header of a record, and what else may come in its place (RFC 9846 section 5.1, RFC 5246 section 6.2.1).
use super::{ContentType, ProtocolVersion};

/// Length of a record's header, in bytes.
pub const HEADER_LEN: usize = 5;

/// The longest plaintext of a record, in bytes (RFC 9846 section 5.1).
pub const MAX_PLAINTEXT: usize = 1 << 14;

/// The longest protected fragment of TLS 1.3, in bytes (RFC 9846 section 5.2).
pub const MAX_CIPHERTEXT_13: usize = MAX_PLAINTEXT + 256;

/// The longest protected fragment of TLS 1.2, in bytes (RFC 5246 section 6.2.3).
pub const MAX_CIPHERTEXT_12: usize = MAX_PLAINTEXT + 2048;

/// What stands before each fragment:
///
/// ```text
/// struct {
///     ContentType type;
///     ProtocolVersion legacy_record_version;
///     uint16 length;
///     opaque fragment[length];
/// } TLSPlaintext;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// `type`; `application_data` on everything that TLS 1.3 protects.
    pub content_type: ContentType,
    /// `legacy_record_version`: TLS 1.2, or TLS 1.0 on a first ClientHello.
    pub version: ProtocolVersion,
    /// Length of the fragment, in bytes.
    pub length: u16,
}

impl RecordHeader {
    /// Reads a header. Nothing in it is judged yet.
    pub const fn decode(bytes: &[u8; HEADER_LEN]) -> Self {
        let [content_type, major, minor, high, low] = *bytes;
        Self {
            content_type: ContentType(content_type),
            version: ProtocolVersion(u16::from_be_bytes([major, minor])),
            length: u16::from_be_bytes([high, low]),
        }
    }

    /// Writes a header.
    pub const fn encode(self) -> [u8; HEADER_LEN] {
        let [major, minor] = self.version.0.to_be_bytes();
        let [high, low] = self.length.to_be_bytes();
        [self.content_type.0, major, minor, high, low]
    }
}

/// What some other protocol's first bytes are, where a record's header should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impostor {
    /// A request or response of HTTP.
    Http,
    /// The greeting of a protocol that speaks plain text, such as SSH, SMTP, FTP, IMAP or POP3.
    PlainText,
    /// A hello of SSL 2.0.
    Ssl2,
}

impl Impostor {
    /// Recognizes another protocol by the bytes that should be a header.
    pub fn recognize(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        match bytes {
            b"GET /" | b"GET h" | b"POST " | b"HEAD " | b"PUT /" | b"HTTP/" | b"PRI *" => Some(Self::Http),
            b"CONNE" | b"OPTIO" | b"DELET" | b"PATCH" | b"TRACE" => Some(Self::Http),
            [b'S', b'S', b'H', b'-', _] | b"* OK " | [b'+', b'O', b'K', ..] => Some(Self::PlainText),
            [b'2', b'2', b'0', b' ' | b'-', _] => Some(Self::PlainText),
            // The first bit says that the length has two bytes; then come CLIENT-HELLO and the version, which
            // is SSL 2.0's or what a client of old was also ready to speak (RFC 5246 appendix E.2).
            [0x80..=0xff, _, 1, 0, 2] | [0x80..=0xff, _, 1, 3, _] => Some(Self::Ssl2),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let bytes = [22, 3, 1, 0x12, 0x34];
        let header = RecordHeader::decode(&bytes);
        assert_eq!(
            header,
            RecordHeader {
                content_type: ContentType::HANDSHAKE,
                version: ProtocolVersion::TLS_1_0,
                length: 0x1234
            }
        );
        assert_eq!(header.encode(), bytes);
        assert_eq!(Impostor::recognize(&bytes), None);
    }

    #[test]
    fn other_protocols() {
        for (bytes, expected) in [
            (b"GET /", Impostor::Http),
            (b"HTTP/", Impostor::Http),
            (b"CONNE", Impostor::Http),
            (b"SSH-2", Impostor::PlainText),
            (b"220 m", Impostor::PlainText),
            (b"220-m", Impostor::PlainText),
            (b"+OK P", Impostor::PlainText),
            (b"\x80\x2e\x01\x00\x02", Impostor::Ssl2),
            (b"\x80\x67\x01\x03\x01", Impostor::Ssl2),
        ] {
            assert_eq!(Impostor::recognize(bytes), Some(expected), "{}", bytes.escape_ascii());
        }
        assert_eq!(Impostor::recognize(b"\x17\x03\x03\x00\x02"), None);
        assert_eq!(Impostor::recognize(b"\x80\x2e\x02\x00\x02"), None);
    }
}
