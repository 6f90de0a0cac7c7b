//! What a server keeps of a handshake, or gives the client to keep.
use super::{
    Miss, Scope, ScopePolicy, SessionBytes,
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

const MAGIC: &[u8; 4] = b"pmS\0";

/// Changes with every change of the encoding. Another format is no error: it is not read.
const FORMAT: u8 = 1;

/// What a server keeps of a handshake, or seals into a ticket.
///
/// The encoding, integers big-endian, `<n>` being a vector with a length of n bytes:
///
/// ```text
/// "pmS" 0, format u8 = 1,
/// cipher suite u16, secret <1>, extended master secret u8,
/// authenticated u64, created u64, lifetime u32, age_add u32, max_early_data u32,
/// alpn <1>, server name <2>, scope [160],
/// client: u8 (0 none, 1 not verified, 2 verified; 3 and 4 a raw public key), and unless none <3> of
/// certificates <3>
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct ServerSession {
    /// The cipher suite; the version follows from it.
    pub suite: &'static Suite,
    /// TLS 1.2: the master secret. TLS 1.3: the PSK that the resumption secret and the ticket's nonce give.
    pub secret: Secret,
    /// Whether the master secret is bound to the handshake (RFC 7627); always so in TLS 1.3.
    pub extended_master_secret: bool,
    /// When the peers last authenticated each other with a full handshake. Resuming does not renew it.
    pub authenticated: UnixTime,
    /// When this session was made.
    pub created: UnixTime,
    /// For how many seconds from then on it may be resumed.
    pub lifetime: u32,
    /// What the client adds to the ticket's age (RFC 9846 section 4.6.1).
    pub age_add: u32,
    /// How much early data it allows, in bytes; 0 for none.
    pub max_early_data: u32,
    /// The application protocol, which early data is for.
    pub alpn: Option<Vec<u8>>,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// The client, if it showed a certificate.
    pub client: Option<Arc<PeerIdentity>>,
    /// The circumstances.
    pub scope: Scope,
}

/// What a session is held against.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The time.
    pub now: UnixTime,
    /// The version of this handshake.
    pub version: ProtocolVersion,
    /// TLS 1.2: whether the client offers, and the server allows, this very suite. TLS 1.3: whether it has the
    /// hash of the suite that was chosen.
    pub accepts: &'a (dyn Fn(&'static Suite) -> bool + Sync),
    /// Whether this handshake would bind the master secret (RFC 7627); always so in TLS 1.3.
    pub extended_master_secret: bool,
    /// The circumstances. What was negotiated need not be said.
    pub scope: &'a Scope,
    /// Which differences in circumstances do not matter.
    pub policy: ScopePolicy,
    /// For how many seconds after a full handshake its certificates are believed, however often the session is
    /// resumed meanwhile.
    pub max_authentication_age: u32,
}

impl ServerSession {
    /// The version.
    pub const fn version(&self) -> ProtocolVersion {
        self.suite.version()
    }

    /// Whether it may be resumed; if not, why.
    ///
    /// RFC 7627 section 5.3 wants more than a full handshake in one case: a client that bound the secret of the
    /// session and does not offer to bind the next one is to be refused. That is the caller's to see to, on
    /// [`Miss::ExtendedMasterSecret`] with [`extended_master_secret`](Self::extended_master_secret) set.
    pub fn check(&self, asked: &Asked<'_>) -> Result<(), Miss> {
        // RFC 9846 section 4.2.11, RFC 5246 section 7.4.1.2: a session is of one version and one suite. Looked
        // at first, so that the secret of one version can never get into the schedule of the other.
        if self.version() != asked.version {
            return Err(Miss::Version);
        }
        if is_expired(asked.now, self.created, self.lifetime)
            || is_expired(asked.now, self.authenticated, asked.max_authentication_age)
        {
            return Err(Miss::ExpiredSession);
        }
        if !(asked.accepts)(self.suite) {
            return Err(Miss::Suite);
        }
        // RFC 7627 section 5.3: never across a change, in either direction.
        if self.extended_master_secret != asked.extended_master_secret {
            return Err(Miss::ExtendedMasterSecret);
        }
        let hash = self.suite.hash;
        let of = |scope: &Scope, version, bound| scope.negotiated(version, hash, bound);
        let made = of(&self.scope, self.version(), self.extended_master_secret);
        let asked_for = of(asked.scope, asked.version, asked.extended_master_secret);
        made.mismatch(&asked_for, asked.policy).map_or(Ok(()), |field| Err(Miss::Scope(field)))
    }

    /// Written down. None if it is too large to be kept: the client's chain is too long.
    pub fn to_bytes(&self) -> Option<SessionBytes> {
        let name = self.server_name.as_deref().unwrap_or_default();
        let alpn = self.alpn.as_deref().unwrap_or_default();
        let fixed = 4 + 1 + 2 + 1 + 1 + 8 + 8 + 12 + 1 + 2 + Scope::LEN;
        let len = fixed + self.secret.len() + alpn.len() + name.len() + identity_len(self.client.as_deref());
        if len > MAX_ENCODED || alpn.len() > 255 {
            return None;
        }
        Some(SessionBytes::write(len, |out| {
            out.extend_from_slice(MAGIC);
            put_u8(out, FORMAT);
            put_secret(out, self.suite, &self.secret);
            put_u8(out, self.extended_master_secret.into());
            put_time(out, self.authenticated);
            put_time(out, self.created);
            put_lifetime(out, self.lifetime, self.age_add, self.max_early_data);
            put_vec8(out, alpn);
            put_vec16(out, name.as_bytes());
            self.scope.encode(out);
            put_identity(out, self.client.as_deref());
        }))
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. None if it is anything else, or of another format.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_ENCODED {
            return None;
        }
        let mut reader = Reader::new(bytes, "session");
        read_start(&mut reader, MAGIC, FORMAT)?;
        let (suite, secret) = read_secret(&mut reader)?;
        let session = Self {
            suite,
            secret,
            extended_master_secret: match reader.u8().ok()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            authenticated: read_time(&mut reader)?,
            created: read_time(&mut reader)?,
            lifetime: reader.u32().ok()?,
            age_add: reader.u32().ok()?,
            max_early_data: reader.u32().ok()?,
            alpn: read_some(reader.vec8().ok()?),
            server_name: match read_some(reader.vec16().ok()?) {
                Some(name) => Some(String::from_utf8(name).ok()?),
                None => None,
            },
            scope: Scope::decode(reader.array().ok()?),
            client: read_identity(&mut reader)?,
        };
        reader.finish().ok()?;
        Some(session)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        crypto::hash::HashAlgorithm,
        resume::{ClientAsked, MAX_LIFETIME, ScopeField},
        wire::{CertificateType, CipherSuite},
    };
    use std::time::Duration;

    pub(crate) fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    pub(crate) fn suite(code: CipherSuite) -> &'static Suite {
        Suite::find(code).unwrap()
    }

    pub(crate) fn session(code: CipherSuite) -> ServerSession {
        let suite = suite(code);
        let chain = vec![vec![0x30, 1, 2, 3].into(), vec![0x30; 700].into()];
        ServerSession {
            suite,
            secret: Secret::from(&[0x5a; 48][..super::super::session::secret_len(suite)]),
            extended_master_secret: true,
            authenticated: at(900),
            created: at(1000),
            lifetime: 100,
            age_add: 0xdead_beef,
            max_early_data: 16_384,
            alpn: Some(b"h2".to_vec()),
            server_name: Some("a.example".into()),
            client: Some(Arc::new(PeerIdentity::remembered(CertificateType::X509, chain.into(), true))),
            scope: Scope::default().server_name(Some("a.example")),
        }
    }

    const ALL: [CipherSuite; 3] = [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];

    #[test]
    fn what_is_written_is_read_back() {
        for code in ALL {
            for (bare, is_verified) in [(false, true), (false, false), (true, true)] {
                let mut session = session(code);
                let chain = session.client.as_ref().unwrap().chain().clone();
                session.client =
                    Some(Arc::new(PeerIdentity::remembered(CertificateType::X509, chain, is_verified)));
                if bare {
                    (session.alpn, session.server_name, session.client) = (None, None, None);
                    session.extended_master_secret = false;
                }
                let bytes = session.to_bytes().unwrap();
                assert_eq!(ServerSession::from_bytes(bytes.expose()), Some(session));
            }
        }
    }

    #[test]
    fn nothing_shorter_longer_or_of_another_format_is_read() {
        let bytes = session(ALL[0]).to_bytes().unwrap();
        let bytes = bytes.expose();
        for len in 0..bytes.len() {
            assert_eq!(ServerSession::from_bytes(&bytes[..len]), None, "{len}");
        }
        assert_eq!(ServerSession::from_bytes(&[bytes, &[0]].concat()), None);
        let with = |at: usize, value: u8| {
            let mut changed = bytes.to_vec();
            changed[at] = value;
            ServerSession::from_bytes(&changed)
        };
        assert_eq!(with(0, b'q'), None);
        assert_eq!(with(4, 2), None);
        // A suite that nobody knows, and one whose hash is longer than the secret.
        assert_eq!((with(5, 0x77), with(6, 0x02)), (None, None));
        // Flags have two values.
        assert_eq!(with(8 + 32, 2), None);
        assert!(with(8 + 32, 0).is_some());
        assert_eq!(ServerSession::from_bytes(&vec![0; MAX_ENCODED + 1]), None);
    }

    #[test]
    fn a_tls13_session_never_reads_as_one_of_tls12() {
        // RFC 8446's SHA-384 PSK and a master secret have the same length: the version keeps them apart.
        let psk = session(CipherSuite::TLS_AES_256_GCM_SHA384);
        let accepts = |_: &'static Suite| true;
        let asked = Asked { version: ProtocolVersion::TLS_1_2, ..asked(&accepts, &psk.scope) };
        assert_eq!(psk.check(&asked), Err(Miss::Version));
    }

    #[test]
    fn a_chain_that_is_too_long_is_not_kept() {
        let mut session = session(ALL[0]);
        session.client = Some(Arc::new(PeerIdentity::remembered(
            CertificateType::X509,
            vec![vec![0; MAX_ENCODED].into()].into(),
            true,
        )));
        assert!(session.to_bytes().is_none());
    }

    fn asked<'a>(accepts: &'a (dyn Fn(&'static Suite) -> bool + Sync), scope: &'a Scope) -> Asked<'a> {
        Asked {
            now: at(1050),
            version: ProtocolVersion::TLS_1_3,
            accepts,
            extended_master_secret: true,
            scope,
            policy: ScopePolicy::STRICT,
            max_authentication_age: MAX_LIFETIME,
        }
    }

    #[test]
    fn every_reason_to_decline_has_its_name() {
        let session = session(CipherSuite::TLS_AES_128_GCM_SHA256);
        let yes = |_: &'static Suite| true;
        let hash = |suite: &'static Suite| suite.hash == HashAlgorithm::Sha384;
        let same = asked(&yes, &session.scope);
        assert_eq!(session.check(&same), Ok(()));
        assert_eq!(session.check(&Asked { now: at(1099), ..same }), Ok(()));
        assert_eq!(session.check(&Asked { now: at(1100), ..same }), Err(Miss::ExpiredSession));
        let young = Asked { max_authentication_age: 150, ..same };
        assert_eq!(session.check(&young), Err(Miss::ExpiredSession));
        assert_eq!(session.check(&Asked { accepts: &hash, ..same }), Err(Miss::Suite));
        let unbound = Asked { extended_master_secret: false, ..same };
        assert_eq!(session.check(&unbound), Err(Miss::ExtendedMasterSecret));
        let other = session.scope.client_authentication(ClientAsked::Required, b"roots");
        let declined = Err(Miss::Scope(ScopeField::ClientAuthentication));
        assert_eq!(session.check(&Asked { scope: &other, ..same }), declined);
        let other = session.scope.server_name(None);
        let declined = Err(Miss::Scope(ScopeField::ServerName));
        assert_eq!(session.check(&Asked { scope: &other, ..same }), declined);
        let policy = ScopePolicy::STRICT.ignoring(ScopeField::ServerName).unwrap();
        assert_eq!(session.check(&Asked { scope: &other, policy, ..same }), Ok(()));
    }
}
