//! What a client keeps of a handshake.
use super::{
    SessionBytes,
    session::{
        MAX_ENCODED, identity_len, is_expired, put_identity, put_lifetime, put_secret, put_time,
        read_identity, read_secret, read_some, read_start, read_time,
    },
};
use crate::{
    Secret,
    identity::PeerIdentity,
    suite::Suite,
    wire::{
        ProtocolVersion, Reader,
        codec::{put_u8, put_vec8, put_vec16},
    },
};
use pki_types::UnixTime;
use std::sync::Arc;

const MAGIC: &[u8; 4] = b"pmC\0";

/// Changes with every change of the encoding. Another format is no error: it is not read.
const FORMAT: u8 = 1;

/// What a client looks its sessions up by: whom it talks to, and what it thinks of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The server's name or address; with a port, if servers on different ports are to be different.
    pub server: String,
    /// What the client's configuration would have asked of the server: the digest of a [`Scope`](super::Scope)
    /// that says which authorities were trusted, which credential the client showed, and so on. A session that
    /// a careless configuration made is no use to a careful one.
    pub policy: [u8; 32],
}

/// What the server calls a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionName {
    /// TLS 1.2: session_id of ServerHello (RFC 5246 section 7.4.1.3). At most 32 bytes.
    Id(Vec<u8>),
    /// The ticket: TLS 1.2's (RFC 5077) or TLS 1.3's.
    Ticket(Vec<u8>),
}

impl SessionName {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Id(bytes) | Self::Ticket(bytes) => bytes,
        }
    }
}

/// What a client keeps of a handshake.
///
/// The encoding, integers big-endian, `<n>` being a vector with a length of n bytes:
///
/// ```text
/// "pmC" 0, format u8 = 1,
/// server <2>, policy [32],
/// cipher suite u16, secret <1>, extended master secret u8,
/// received u64, lifetime u32, age_add u32, max_early_data u32, alpn <1>,
/// name: u8 (0 session ID, 1 ticket), <2>,
/// server's identity: u8 (0 none, 1 not verified, 2 verified; 3 and 4 a raw public key), and unless none <3> of
/// certificates <3>
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct ClientSession {
    /// What it is looked up by.
    pub key: SessionKey,
    /// The cipher suite; the version follows from it.
    pub suite: &'static Suite,
    /// TLS 1.2: the master secret. TLS 1.3: the PSK that the resumption secret and the ticket's nonce give.
    pub secret: Secret,
    /// Whether the master secret is bound to the handshake (RFC 7627); always so in TLS 1.3.
    pub extended_master_secret: bool,
    /// When it came.
    pub received: UnixTime,
    /// For how many seconds from then on it may be offered.
    pub lifetime: u32,
    /// What is added to the ticket's age (RFC 9846 section 4.6.1).
    pub age_add: u32,
    /// How much early data it allows, in bytes; 0 for none.
    pub max_early_data: u32,
    /// The application protocol, which early data is for.
    pub alpn: Option<Vec<u8>>,
    /// What the server calls it.
    pub name: SessionName,
    /// Who the server is, since a handshake that resumes does not say it again.
    pub server: Option<Arc<PeerIdentity>>,
}

impl ClientSession {
    /// The version.
    pub const fn version(&self) -> ProtocolVersion {
        self.suite.version()
    }

    /// Whether it may be offered once only, so that nobody can tell that two connections are of the same client
    /// (RFC 9846 appendix C.4).
    pub fn is_single_use(&self) -> bool {
        self.version() == ProtocolVersion::TLS_1_3
    }

    /// Whether it is too old to be offered.
    pub fn is_expired(&self, now: UnixTime) -> bool {
        is_expired(now, self.received, self.lifetime)
    }

    /// The ticket's age as it is sent, in milliseconds (RFC 9846 section 4.2.11.1).
    pub fn obfuscated_ticket_age(&self, now: UnixTime) -> u32 {
        let age = now.as_secs().saturating_sub(self.received.as_secs()).saturating_mul(1000);
        // Modulo 2^32, as the RFC has it.
        (age as u32).wrapping_add(self.age_add)
    }

    /// Written down. None if it is too large to be kept.
    pub fn to_bytes(&self) -> Option<SessionBytes> {
        let alpn = self.alpn.as_deref().unwrap_or_default();
        let (server, name) = (self.key.server.as_bytes(), self.name.bytes());
        let variable = self.secret.len() + alpn.len() + server.len() + name.len();
        let fixed = 4 + 1 + 2 + 32 + 2 + 1 + 1 + 8 + 12 + 1 + 1 + 2;
        let len = fixed + variable + identity_len(self.server.as_deref());
        if len > MAX_ENCODED || alpn.len() > 255 {
            return None;
        }
        Some(SessionBytes::write(len, |out| {
            out.extend_from_slice(MAGIC);
            put_u8(out, FORMAT);
            put_vec16(out, server);
            out.extend_from_slice(&self.key.policy);
            put_secret(out, self.suite, &self.secret);
            put_u8(out, self.extended_master_secret.into());
            put_time(out, self.received);
            put_lifetime(out, self.lifetime, self.age_add, self.max_early_data);
            put_vec8(out, alpn);
            put_u8(out, matches!(self.name, SessionName::Ticket(_)).into());
            put_vec16(out, name);
            put_identity(out, self.server.as_deref());
        }))
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. None if it is anything else, or of another format.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_ENCODED {
            return None;
        }
        let mut reader = Reader::new(bytes, "session");
        read_start(&mut reader, MAGIC, FORMAT)?;
        let server = String::from_utf8(reader.vec16().ok()?.to_vec()).ok()?;
        let key = SessionKey { server, policy: *reader.array().ok()? };
        let (suite, secret) = read_secret(&mut reader)?;
        let session = Self {
            key,
            suite,
            secret,
            extended_master_secret: match reader.u8().ok()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            received: read_time(&mut reader)?,
            lifetime: reader.u32().ok()?,
            age_add: reader.u32().ok()?,
            max_early_data: reader.u32().ok()?,
            alpn: read_some(reader.vec8().ok()?),
            name: match (reader.u8().ok()?, read_some(reader.vec16().ok()?)?) {
                (0, id) if id.len() <= 32 && suite.version() == ProtocolVersion::TLS_1_2 => {
                    SessionName::Id(id)
                }
                (1, ticket) => SessionName::Ticket(ticket),
                _ => return None,
            },
            server: read_identity(&mut reader)?,
        };
        reader.finish().ok()?;
        Some(session)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        resume::server_session::tests::{at, suite},
        wire::{CertificateType, CipherSuite},
    };

    pub(crate) fn session(code: CipherSuite, server: &str, name: SessionName) -> ClientSession {
        let suite = suite(code);
        let chain = vec![vec![0x30, 1, 2, 3].into(), vec![0x30; 700].into()];
        ClientSession {
            key: SessionKey { server: server.into(), policy: [7; 32] },
            suite,
            secret: Secret::from(&[0x5a; 48][..super::super::session::secret_len(suite)]),
            extended_master_secret: true,
            received: at(1000),
            lifetime: 100,
            age_add: 0xffff_ff00,
            max_early_data: 0,
            alpn: Some(b"h2".to_vec()),
            name,
            server: Some(Arc::new(PeerIdentity::remembered(CertificateType::X509, chain.into(), true))),
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is() {
        let ticket = || SessionName::Ticket(vec![9; 200]);
        let sessions = [
            session(CipherSuite::TLS_AES_128_GCM_SHA256, "a", ticket()),
            session(CipherSuite::TLS_AES_256_GCM_SHA384, "b.example:443", ticket()),
            session(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "", ticket()),
            session(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "c", SessionName::Id(vec![3; 32])),
        ];
        for session in sessions {
            let bytes = session.to_bytes().unwrap();
            let bytes = bytes.expose();
            for len in 0..bytes.len() {
                assert_eq!(ClientSession::from_bytes(&bytes[..len]), None, "{len}");
            }
            assert_eq!(ClientSession::from_bytes(&[bytes, &[0]].concat()), None);
            let mut newer = bytes.to_vec();
            newer[4] = 2;
            assert_eq!(ClientSession::from_bytes(&newer), None);
            assert_eq!(ClientSession::from_bytes(bytes), Some(session));
        }
    }

    #[test]
    fn an_id_is_never_of_tls13_nor_longer_than_the_rfc_allows() {
        let id = |len| SessionName::Id(vec![3; len]);
        let (v12, v13) =
            (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_AES_128_GCM_SHA256);
        for (code, len) in [(v13, 32), (v12, 33), (v12, 0)] {
            let bytes = session(code, "a", id(len)).to_bytes().unwrap();
            assert_eq!(ClientSession::from_bytes(bytes.expose()), None, "{code} {len}");
        }
    }

    #[test]
    fn the_age_is_hidden_modulo_two_to_the_thirty_second() {
        let session = session(CipherSuite::TLS_AES_128_GCM_SHA256, "a", SessionName::Ticket(vec![9]));
        assert_eq!(session.obfuscated_ticket_age(at(1000)), 0xffff_ff00);
        assert_eq!(session.obfuscated_ticket_age(at(1001)), 1000 - 0x100);
        assert_eq!(session.obfuscated_ticket_age(at(0)), 0xffff_ff00);
        assert_eq!(session.obfuscated_ticket_age(at(u64::MAX)), 0xffff_feff);
        assert!(!session.is_expired(at(1099)) && session.is_expired(at(1100)));
    }

    /// What hides the age is a secret that the ticket came with.
    #[cfg(all(feature = "memcheck", not(debug_assertions)))]
    #[test]
    fn the_age_is_hidden_in_constant_time() {
        use crate::crypto::judge::{constant_time, public, secret_number};
        constant_time(|| {
            let mut session = session(CipherSuite::TLS_AES_128_GCM_SHA256, "a", SessionName::Ticket(vec![9]));
            let expected = session.obfuscated_ticket_age(at(1001));
            session.age_add = secret_number(session.age_add as usize) as u32;
            let age = session.obfuscated_ticket_age(at(1001)).to_ne_bytes();
            assert_eq!(public(std::hint::black_box(age)), expected.to_ne_bytes());
        });
    }
}
