//! A client's configuration.
use super::{ClientResumption, Clock, ConfigError, LegacyOptIn, Limits, Policy, SystemClock};
use crate::{
    crypto::random::{Random, SystemRandom, Watched},
    exchange::{EphemeralPool, Keys},
    identity::{CertificateCompression, ChainVerifier, Credentials, ExternalPsk, Roots, Verifier},
    observe::Observer,
    resume::{ClientAsked, Scope},
    wire::{extension::MaxFragmentLength, record::MAX_PLAINTEXT},
};
use std::{fmt, sync::Arc};

/// What a client is willing to do. Build it once, share it as an `Arc`.
#[derive(Clone)]
pub struct ClientConfig {
    pub(crate) policy: Arc<Policy>,
    pub(crate) verifier: Verifier,
    pub(crate) credentials: Credentials,
    pub(crate) external_psks: Vec<Arc<ExternalPsk>>,
    pub(crate) legacy: Vec<LegacyOptIn>,
    pub(crate) resumption: ClientResumption,
    /// What this client asks of a server, for its sessions to be kept under.
    pub(crate) session_policy: [u8; 32],
    pub(crate) allow_psk_ke: bool,
    pub(crate) insist_on_certificate: bool,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) send_server_name: bool,
    pub(crate) request_ocsp: bool,
    pub(crate) request_scts: bool,
    pub(crate) certificate_compression: CertificateCompression,
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) max_fragment_length: Option<MaxFragmentLength>,
    pub(crate) grease: bool,
    pub(crate) permute_extensions: bool,
    pub(crate) middlebox_compatibility: bool,
    pub(crate) fallback_scsv: bool,
    pub(crate) limits: Arc<Limits>,
    pub(crate) max_fragment: usize,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) ephemeral_pool: Option<Arc<EphemeralPool>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl ClientConfig {
    /// Where its handshakes have their ephemeral keys from.
    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys { pool: self.ephemeral_pool.as_deref(), random: &*self.random }
    }

    /// Starts from `Policy::MODERN`, with nothing to verify the server with.
    pub fn builder() -> ClientConfigBuilder {
        ClientConfigBuilder {
            verifier: None,
            config: Self {
                policy: Arc::new(Policy::MODERN),
                verifier: Verifier::from(ChainVerifier::new(Roots::new())),
                credentials: Credentials::none(),
                external_psks: Vec::new(),
                legacy: Vec::new(),
                resumption: ClientResumption::none(),
                session_policy: [0; 32],
                allow_psk_ke: false,
                insist_on_certificate: false,
                alpn: Vec::new(),
                send_server_name: true,
                request_ocsp: true,
                request_scts: false,
                certificate_compression: CertificateCompression::none(),
                record_size_limit: None,
                max_fragment_length: None,
                grease: false,
                permute_extensions: false,
                middlebox_compatibility: true,
                fallback_scsv: false,
                limits: Arc::default(),
                max_fragment: MAX_PLAINTEXT,
                random: Arc::new(Watched::new(Arc::new(SystemRandom))),
                ephemeral_pool: None,
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

    /// The limits on what the server may send.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the client is willing to speak.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The same configuration with other application protocols.
    pub fn with_alpn<P: Into<Vec<u8>>>(
        mut self,
        protocols: impl IntoIterator<Item = P>,
    ) -> Result<Self, ConfigError> {
        self.alpn = protocols.into_iter().map(Into::into).collect();
        super::server::check_alpn(&self.alpn)?;
        self.session_policy = self.session_policy();
        Ok(self)
    }

    fn session_policy(&self) -> [u8; 32] {
        let scope = Scope::default()
            .client_authentication(ClientAsked::No, &self.verifier.fingerprint())
            .verified_identity(!self.verifier.is_report_only())
            .alpn(&self.alpn)
            .credential(&self.credentials.fingerprint())
            .application(&self.resumption.context);
        scope.digest()
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").field("policy", &self.policy.name).finish_non_exhaustive()
    }
}

/// Builds a [`ClientConfig`].
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Clone, Debug)]
pub struct ClientConfigBuilder {
    verifier: Option<Verifier>,
    config: ClientConfig,
}

impl ClientConfigBuilder {
    /// What is spoken. Default [`Policy::MODERN`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.config.policy = Arc::new(policy);
        self
    }

    /// What the server's certificate is verified with. There is no default.
    pub fn verifier(mut self, verifier: impl Into<Verifier>) -> Self {
        self.verifier = Some(verifier.into());
        self
    }

    /// How the client shows who it is, if the server asks.
    pub fn credentials(mut self, credentials: impl Into<Credentials>) -> Self {
        self.config.credentials = credentials.into();
        self
    }

    /// Permits what RFC 10015 deprecates, as far as the policy names it: see [`LegacyOptIn`]. Using it warns.
    pub fn allow_legacy(mut self, opt_in: LegacyOptIn) -> Self {
        self.config.legacy.push(opt_in);
        self
    }

    /// Keys that the server shares with this client. TLS 1.2's PSK suites use the first.
    pub fn external_psks(mut self, keys: impl IntoIterator<Item = Arc<ExternalPsk>>) -> Self {
        self.config.external_psks = keys.into_iter().collect();
        self
    }

    /// Whether TLS 1.3 may use a pre-shared key without a key exchange (psk_ke). Default no: whoever steals the
    /// key later reads what was recorded today.
    pub fn allow_psk_ke(mut self, allow: bool) -> Self {
        self.config.allow_psk_ke = allow;
        self
    }

    /// Whether the client gives up when the server asks for a certificate and none of its own fits. Default no:
    /// it goes on without one, and hears from the server, if at all, that it is not welcome.
    pub fn insist_on_certificate(mut self, insist: bool) -> Self {
        self.config.insist_on_certificate = insist;
        self
    }

    /// Application protocols, in order of preference (RFC 7301). Default none.
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.config.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the server's name is sent (RFC 6066 section 3). Default yes; an IP address never is.
    pub fn send_server_name(mut self, send: bool) -> Self {
        self.config.send_server_name = send;
        self
    }

    /// Whether a stapled OCSP response is asked for (RFC 6066 section 8). Default yes.
    pub fn request_ocsp(mut self, request: bool) -> Self {
        self.config.request_ocsp = request;
        self
    }

    /// Whether signed certificate timestamps are asked for (RFC 6962). Default no.
    pub fn request_scts(mut self, request: bool) -> Self {
        self.config.request_scts = request;
        self
    }

    /// How certificates of TLS 1.3 may be compressed, this side's and the server's (RFC 8879). Default not at all.
    pub fn certificate_compression(mut self, compression: CertificateCompression) -> Self {
        self.config.certificate_compression = compression;
        self
    }

    /// How large a record of the server's may be, in bytes, 64 to 16385 (RFC 8449): for a client with little memory.
    /// It counts the data, and in TLS 1.3 the content type and padding as well. Default none is asked for.
    pub fn record_size_limit(mut self, limit: u16) -> Self {
        self.config.record_size_limit = Some(limit);
        self
    }

    /// Asks for records with no more data than this, both ways (RFC 6066 section 4): 512, 1024, 2048 or 4096 bytes. For
    /// servers that do not know [`record_size_limit`](Self::record_size_limit), which replaced it; of one that knows
    /// both, that is what counts. Default none is asked for.
    pub fn max_fragment_length(mut self, length: MaxFragmentLength) -> Self {
        self.config.max_fragment_length = Some(length);
        self
    }

    /// Whether the hello offers code points that nobody knows (RFC 8701), so that servers stay used to ignoring
    /// what they do not know. Default no.
    pub fn grease(mut self, grease: bool) -> Self {
        self.config.grease = grease;
        self
    }

    /// Whether the hello's extensions come in another order on each connection, so that nobody comes to depend on
    /// one. Default no.
    pub fn permute_extensions(mut self, permute: bool) -> Self {
        self.config.permute_extensions = permute;
        self
    }

    /// Whether TLS 1.3 looks like a resumed TLS 1.2 to middleboxes (RFC 9846 appendix E.4). Default yes.
    pub fn middlebox_compatibility(mut self, compatible: bool) -> Self {
        self.config.middlebox_compatibility = compatible;
        self
    }

    /// Whether the hello says that this is a second try with a lower version (RFC 7507). Default no.
    pub fn fallback_scsv(mut self, send: bool) -> Self {
        self.config.fallback_scsv = send;
        self
    }

    /// Where sessions are kept, and whether early data may be sent. Default: none are kept.
    pub fn resumption(mut self, resumption: ClientResumption) -> Self {
        self.config.resumption = resumption;
        self
    }

    /// What the server may send at most.
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
    pub fn build(mut self) -> Result<ClientConfig, ConfigError> {
        self.config.policy.check(&self.config.legacy)?;
        super::server::check_alpn(&self.config.alpn)?;
        super::server::check_max_fragment(self.config.max_fragment)?;
        super::server::check_record_size(self.config.record_size_limit)?;
        match self.verifier {
            Some(verifier) => self.config.verifier = verifier,
            // Where only a pre-shared key can authenticate the server there is no certificate to verify.
            None if self.config.policy.needs_certificate() => return Err(ConfigError::NoVerifier),
            None => {}
        }
        self.config.session_policy = self.config.session_policy();
        Ok(self.config)
    }
}
