//! What is signed: the content of CertificateVerify and of ServerKeyExchange.
use crate::wire::Side;
use std::ops::Deref;

const SPACES: usize = 64;
const CONTEXT: usize = b"TLS 1.3, server CertificateVerify".len();
const LONGEST_HASH: usize = 64;

/// What a TLS 1.3 CertificateVerify signs (RFC 9846 section 4.4.3).
///
/// ```text
/// 64 spaces, "TLS 1.3, server CertificateVerify" or "TLS 1.3, client CertificateVerify", a zero byte,
/// Transcript-Hash(Handshake Context, Certificate)
/// ```
/// The spaces keep a signature from being taken for one of TLS 1.2, which began with random bytes that a peer
/// could choose; the name keeps one side's from being taken for the other's.
#[derive(Clone)]
pub struct CertificateVerifyContent {
    bytes: [u8; SPACES + CONTEXT + 1 + LONGEST_HASH],
    len: usize,
}

impl CertificateVerifyContent {
    /// The content that `side` signs, for the hash of the transcript up to and with its Certificate.
    ///
    /// None if the hash is longer than any that TLS uses (64 bytes).
    pub fn new(side: Side, transcript_hash: &[u8]) -> Option<Self> {
        let context: &[u8; CONTEXT] = match side {
            Side::Client => b"TLS 1.3, client CertificateVerify",
            Side::Server => b"TLS 1.3, server CertificateVerify",
        };
        let mut bytes = [b' '; SPACES + CONTEXT + 1 + LONGEST_HASH];
        let (_, rest) = bytes.split_at_mut(SPACES);
        let (name, rest) = rest.split_at_mut(CONTEXT);
        let (zero, rest) = rest.split_at_mut(1);
        name.copy_from_slice(context);
        zero.fill(0);
        rest.get_mut(..transcript_hash.len())?.copy_from_slice(transcript_hash);
        Some(Self { bytes, len: SPACES + CONTEXT + 1 + transcript_hash.len() })
    }
}

impl Deref for CertificateVerifyContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What a TLS 1.2 ServerKeyExchange signs: both randoms and the parameters as they stand in the message
/// (RFC 5246 section 7.4.3, RFC 8422 section 5.4).
pub fn server_key_exchange_content(
    client_random: &[u8; 32],
    server_random: &[u8; 32],
    params: &[u8],
) -> Vec<u8> {
    [client_random, server_random, params].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9846 section 4.4.3: a transcript hash of 32 bytes of 0x01.
    #[test]
    fn content_of_the_rfc() {
        let content = CertificateVerifyContent::new(Side::Server, &[1; 32]).unwrap();
        let mut expected = vec![0x20; 64];
        expected.extend_from_slice(b"TLS 1.3, server CertificateVerify\0");
        expected.extend_from_slice(&[1; 32]);
        assert_eq!(&content[..], &expected[..]);
        assert_eq!(&expected[64..80], b"\x54\x4c\x53\x20\x31\x2e\x33\x2c\x20\x73\x65\x72\x76\x65\x72\x20");
    }

    #[test]
    fn sides_differ_and_lengths_are_bounded() {
        let client = CertificateVerifyContent::new(Side::Client, &[1; 48]).unwrap();
        let server = CertificateVerifyContent::new(Side::Server, &[1; 48]).unwrap();
        assert_ne!(client[..], server[..]);
        assert_eq!(client.len(), 64 + 33 + 1 + 48);
        assert_eq!(CertificateVerifyContent::new(Side::Client, &[1; 64]).unwrap().len(), 162);
        assert!(CertificateVerifyContent::new(Side::Client, &[1; 65]).is_none());
    }

    #[test]
    fn key_exchange_content_is_in_order() {
        let content = server_key_exchange_content(&[1; 32], &[2; 32], &[3, 4]);
        assert_eq!((content[0], content[32], &content[64..]), (1, 2, &[3, 4][..]));
    }
}
