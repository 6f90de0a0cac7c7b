//! ClientHello (RFC 9846 section 4.1.2, RFC 5246 section 7.4.1.2).
use super::Body;
use crate::wire::{
    CipherSuite, DecodeError, Element, HandshakeType, List, Problem, ProtocolVersion, Reader,
    codec::{block16, put_u16, put_vec8},
    extension::Extensions,
};

/// What the client offers.
///
/// ```text
/// struct {
///     ProtocolVersion legacy_version = 0x0303;
///     Random random;
///     opaque legacy_session_id<0..32>;
///     CipherSuite cipher_suites<2..2^16-2>;
///     opaque legacy_compression_methods<1..2^8-1>;
///     Extension extensions<8..2^16-1>;
/// } ClientHello;
/// ```
/// TLS 1.2 calls the fields client_version, session_id and compression_methods, and lets the extensions be
/// left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The highest version up to TLS 1.2; supported_versions speaks for the rest.
    pub legacy_version: ProtocolVersion,
    /// 32 bytes that the client has drawn at random.
    pub random: &'a [u8; 32],
    /// The session to resume in TLS 1.2; noise in TLS 1.3. At most 32 bytes.
    pub session_id: &'a [u8],
    /// At least one, in the order of preference.
    pub cipher_suites: List<'a, CipherSuite>,
    /// At least one; 0 is no compression.
    pub compression_methods: &'a [u8],
    /// The rest.
    pub extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "ClientHello");
        let legacy_version = ProtocolVersion::read(&mut reader)?;
        let random = reader.array()?;
        let session_id = session_id(&mut reader)?;
        let cipher_suites = List::decode(reader.some16()?, "cipher_suites")?;
        let compression_methods = reader.some8()?;
        let extensions = Extensions::read_optional(&mut reader)?;
        reader.finish()?;
        Ok(Self { legacy_version, random, session_id, cipher_suites, compression_methods, extensions })
    }
}

impl Body for ClientHello<'_> {
    const TYPE: HandshakeType = HandshakeType::CLIENT_HELLO;

    fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.legacy_version.0);
        out.extend_from_slice(self.random);
        put_vec8(out, self.session_id);
        block16(out, |out| self.cipher_suites.encode(out));
        put_vec8(out, self.compression_methods);
        self.extensions.encode_optional(out);
    }
}

/// `opaque session_id<0..32>`.
pub(super) fn session_id<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    match reader.vec8()? {
        session_id if session_id.len() <= 32 => Ok(session_id),
        _ => Err(DecodeError::new("session_id", Problem::BadLength)),
    }
}
