//! A server's configuration.
use super::{Clock, ConfigError, LegacyOptIn, Limits, Policy, ServerSessions, SystemClock};
use crate::{
    crypto::random::{Random, SystemRandom, Watched},
    exchange::{EphemeralPool, Keys},
    identity::{CertificateCompression, Credentials, PskSource, Verifier},
    observe::Observer,
    resume::{ClientAsked, Scope},
    wire::record::MAX_PLAINTEXT,
};
use std::{fmt, sync::Arc};

/// Whether a server asks for the client's certificate.
#[derive(Clone, Debug, Default)]
pub enum ClientAuthentication {
    /// It does not ask.
    #[default]
    None,
    /// It asks; a client without a certificate is let in, one with a wrong certificate is not.
    Optional(Verifier),
    /// It asks, and insists.
    Required(Verifier),
}

impl ClientAuthentication {
    pub(crate) fn verifier(&self) -> Option<&Verifier> {
        match self {
            Self::None => None,
            Self::Optional(verifier) | Self::Required(verifier) => Some(verifier),
        }
    }

    pub(crate) const fn is_required(&self) -> bool {
        matches!(self, Self::Required(_))
    }
}

/// What a server is willing to do. Build it once, share it as an `Arc`.
#[derive(Clone)]
pub struct ServerConfig {
    pub(crate) policy: Arc<Policy>,
    pub(crate) credentials: Credentials,
    pub(crate) external_psks: PskSource,
    pub(crate) psk_identity_hint: Vec<u8>,
    pub(crate) legacy: Vec<LegacyOptIn>,
    pub(crate) sessions: ServerSessions,
    /// What sessions are bound to of all this.
    pub(crate) scope: Scope,
    pub(crate) allow_psk_ke: bool,
    pub(crate) client_authentication: ClientAuthentication,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) ignore_unknown_alpn: bool,
    pub(crate) limits: Arc<Limits>,
    pub(crate) max_fragment: usize,
    pub(crate) certificate_compression: CertificateCompression,
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) grease: bool,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) ephemeral_pool: Option<Arc<EphemeralPool>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl ServerConfig {
    /// Where its handshakes have their ephemeral keys from.
    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys { pool: self.ephemeral_pool.as_deref(), random: &*self.random }
    }

    /// Starts from `Policy::MODERN`, with no certificate.
    pub fn builder() -> ServerConfigBuilder {
        ServerConfigBuilder {
            config: Self {
                policy: Arc::new(Policy::MODERN),
                credentials: Credentials::none(),
                external_psks: PskSource::None,
                psk_identity_hint: Vec::new(),
                legacy: Vec::new(),
                sessions: ServerSessions::none(),
                scope: Scope::default(),
                allow_psk_ke: false,
                client_authentication: ClientAuthentication::None,
                alpn: Vec::new(),
                ignore_unknown_alpn: false,
                limits: Arc::default(),
                max_fragment: MAX_PLAINTEXT,
                random: Arc::new(Watched::new(Arc::new(SystemRandom))),
                ephemeral_pool: None,
                certificate_compression: CertificateCompression::none(),
                record_size_limit: None,
                grease: false,
                clock: Arc::new(SystemClock),
                observer: None,
            },
        }
    }

    /// The same configuration, of whose connections `observer` hears as well: a listener for one connection alone.
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(super::listens_too(self.observer, observer));
        self
    }

    /// The limits on what a client may send.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the server is willing to speak.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig").field("policy", &self.policy.name).finish_non_exhaustive()
    }
}

/// Builds a [`ServerConfig`].
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Clone, Debug)]
pub struct ServerConfigBuilder {
    config: ServerConfig,
}

impl ServerConfigBuilder {
    /// What is spoken. Default [`Policy::MODERN`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.config.policy = Arc::new(policy);
        self
    }

    /// The certificates and keys: one, several by name, or whatever a `ChooseCredential` says.
    pub fn credentials(mut self, credentials: impl Into<Credentials>) -> Self {
        self.config.credentials = credentials.into();
        self
    }

    /// Permits what RFC 10015 deprecates, as far as the policy names it: see [`LegacyOptIn`]. Using it warns.
    pub fn allow_legacy(mut self, opt_in: LegacyOptIn) -> Self {
        self.config.legacy.push(opt_in);
        self
    }

    /// Keys that clients share with this server.
    pub fn external_psks(mut self, keys: PskSource) -> Self {
        self.config.external_psks = keys;
        self
    }

    /// Whether clients are asked for a certificate. Default no.
    pub fn client_authentication(mut self, authentication: ClientAuthentication) -> Self {
        self.config.client_authentication = authentication;
        self
    }

    /// What TLS 1.2 servers may say to help clients choose a key (RFC 4279 section 5.2). Default nothing.
    pub fn psk_identity_hint(mut self, hint: impl Into<Vec<u8>>) -> Self {
        self.config.psk_identity_hint = hint.into();
        self
    }

    /// Whether TLS 1.3 may use a pre-shared key without a key exchange (psk_ke). Default no: whoever steals the
    /// key later reads what was recorded today.
    pub fn allow_psk_ke(mut self, allow: bool) -> Self {
        self.config.allow_psk_ke = allow;
        self
    }

    /// Application protocols, in order of preference (RFC 7301). With a list, a client that offers only others
    /// is refused (no_application_protocol); one that offers none is served.
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.config.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Serves clients that offer only other application protocols, as if they had offered none. Default no:
    /// RFC 7301 section 3.2 wants them refused, which keeps one protocol from being taken for another.
    pub fn ignore_unknown_alpn(mut self, ignore: bool) -> Self {
        self.config.ignore_unknown_alpn = ignore;
        self
    }

    /// How certificates of TLS 1.3 may be compressed, this side's and the client's (RFC 8879). Default not at all.
    pub fn certificate_compression(mut self, compression: CertificateCompression) -> Self {
        self.config.certificate_compression = compression;
        self
    }

    /// How large a record of a client's may be, in bytes, 64 to 16385, where the client knows of limits (RFC 8449). It
    /// counts the data, and in TLS 1.3 the content type and padding as well. Default as large as the protocol allows.
    /// The limit that a client sets is kept to in any case.
    pub fn record_size_limit(mut self, limit: u16) -> Self {
        self.config.record_size_limit = Some(limit);
        self
    }

    /// Whether tickets of TLS 1.3 bear an extension that nobody knows (RFC 8701 section 4), so that clients stay
    /// used to ignoring what they do not know. Default no.
    pub fn grease(mut self, grease: bool) -> Self {
        self.config.grease = grease;
        self
    }

    /// Where sessions are kept, and what they are bound to. Default: none are kept.
    pub fn sessions(mut self, sessions: ServerSessions) -> Self {
        self.config.sessions = sessions;
        self
    }

    /// What a client may send at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = Arc::new(limits);
        self
    }

    /// How many bytes of plaintext a record holds at most when this side sends: 1 to 16,384, the default. Short
    /// records reach the peer's application sooner, and cost more.
    pub fn max_fragment(mut self, max_fragment: usize) -> Self {
        self.config.max_fragment = max_fragment;
        self
    }

    /// Where randomness comes from. Default the operating system, through AWS-LC's generator. A draw of 16 bytes
    /// or more that comes a second time fails the handshake: no two connections share a key.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.config.random = Arc::new(Watched::new(random));
        self
    }

    /// Where ephemeral keys come from that were made ahead; those that it does not have are made when they are needed.
    /// Default none are made ahead. [`EphemeralPool`] says what it trades.
    pub fn ephemeral_pool(mut self, pool: Arc<EphemeralPool>) -> Self {
        self.config.ephemeral_pool = Some(pool);
        self
    }

    /// Where time comes from. Default the operating system.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.config.clock = clock;
        self
    }

    /// Who hears what happens on the connections. Default nobody.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.config.observer = Some(observer);
        self
    }

    /// The configuration, if it can work.
    ///
    /// # Errors
    /// [`ConfigError`] says what is missing or contradictory.
    pub fn build(mut self) -> Result<ServerConfig, ConfigError> {
        self.config.policy.check(&self.config.legacy)?;
        check_alpn(&self.config.alpn)?;
        check_max_fragment(self.config.max_fragment)?;
        check_record_size(self.config.record_size_limit)?;
        if self.config.credentials.is_none()
            && self.config.external_psks.is_none()
            && self.config.policy.needs_certificate()
        {
            return Err(ConfigError::NoCredential);
        }
        self.config.scope = self.config.scope();
        Ok(self.config)
    }
}

pub(super) const fn check_max_fragment(max_fragment: usize) -> Result<(), ConfigError> {
    match max_fragment {
        1..=MAX_PLAINTEXT => Ok(()),
        _ => Err(ConfigError::BadLimit("max_fragment")),
    }
}

impl ServerConfig {
    fn scope(&self) -> Scope {
        let asked = match &self.client_authentication {
            ClientAuthentication::None => ClientAsked::No,
            ClientAuthentication::Optional(_) => ClientAsked::Optional,
            ClientAuthentication::Required(_) => ClientAsked::Required,
        };
        let verifier = self.client_authentication.verifier();
        let authorities = verifier.map(Verifier::fingerprint).unwrap_or_default();
        Scope::default()
            .client_authentication(asked, &authorities)
            .verified_identity(verifier.is_some_and(|verifier| !verifier.is_report_only()))
            .alpn(&self.alpn)
            .trust_epoch(self.sessions.trust_epoch)
            .application(&self.sessions.context)
    }
}

pub(super) fn check_alpn(protocols: &[Vec<u8>]) -> Result<(), ConfigError> {
    match protocols.iter().all(|name| (1..=255).contains(&name.len())) {
        true => Ok(()),
        false => Err(ConfigError::BadApplicationProtocol),
    }
}

/// RFC 8449 section 4: at least 64, and no more than TLS 1.3 allows.
pub(super) fn check_record_size(limit: Option<u16>) -> Result<(), ConfigError> {
    match limit.is_none_or(|limit| (64..=(1 << 14) + 1).contains(&limit)) {
        true => Ok(()),
        false => Err(ConfigError::BadLimit("record_size_limit")),
    }
}
