//! ServerHello (RFC 9846 section 4.1.3, RFC 5246 section 7.4.1.3) and HelloRetryRequest (RFC 9846 section 4.1.4).
use super::{Body, client_hello::session_id};
use crate::wire::{
    CipherSuite, DecodeError, Element, HandshakeType, ProtocolVersion, Reader,
    codec::{put_u8, put_u16, put_vec8},
    extension::Extensions,
};

/// The random that makes a ServerHello a HelloRetryRequest: the SHA-256 of "HelloRetryRequest".
pub const HELLO_RETRY_REQUEST_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The last eight bytes of the random of a TLS 1.3 server that negotiates TLS 1.2.
pub const DOWNGRADE_TLS12: [u8; 8] = *b"DOWNGRD\x01";

/// The last eight bytes of the random of a TLS 1.2 or 1.3 server that negotiates TLS 1.1 or below.
pub const DOWNGRADE_TLS11: [u8; 8] = *b"DOWNGRD\x00";

/// What the server chose.
///
/// ```text
/// struct {
///     ProtocolVersion legacy_version = 0x0303;
///     Random random;
///     opaque legacy_session_id_echo<0..32>;
///     CipherSuite cipher_suite;
///     uint8 legacy_compression_method = 0;
///     Extension extensions<6..2^16-1>;
/// } ServerHello;
/// ```
/// TLS 1.2 calls the fields server_version, session_id and compression_method, and lets the extensions be left
/// out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// The version up to TLS 1.2; supported_versions overrides it.
    pub legacy_version: ProtocolVersion,
    /// 32 bytes that the server has drawn at random; or [`HELLO_RETRY_REQUEST_RANDOM`].
    pub random: &'a [u8; 32],
    /// The name of the session in TLS 1.2, an echo in TLS 1.3. At most 32 bytes.
    pub session_id: &'a [u8],
    /// One of those that the client offered.
    pub cipher_suite: CipherSuite,
    /// 0, or else wrong.
    pub compression_method: u8,
    /// The rest.
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "ServerHello");
        let legacy_version = ProtocolVersion::read(&mut reader)?;
        let random = reader.array()?;
        let session_id = session_id(&mut reader)?;
        let cipher_suite = CipherSuite::read(&mut reader)?;
        let compression_method = reader.u8()?;
        let extensions = Extensions::read_optional(&mut reader)?;
        reader.finish()?;
        Ok(Self { legacy_version, random, session_id, cipher_suite, compression_method, extensions })
    }

    /// Whether this is in truth a HelloRetryRequest.
    pub fn is_hello_retry_request(&self) -> bool {
        *self.random == HELLO_RETRY_REQUEST_RANDOM
    }

    /// Whether the random ends in `sentinel`: [`DOWNGRADE_TLS12`] or [`DOWNGRADE_TLS11`].
    pub fn bears(&self, sentinel: &[u8; 8]) -> bool {
        self.random.ends_with(sentinel)
    }
}

impl Body for ServerHello<'_> {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO;

    fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.legacy_version.0);
        out.extend_from_slice(self.random);
        put_vec8(out, self.session_id);
        put_u16(out, self.cipher_suite.0);
        put_u8(out, self.compression_method);
        self.extensions.encode_optional(out);
    }
}
