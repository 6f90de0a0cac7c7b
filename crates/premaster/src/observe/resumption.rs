//! How attempts to resume go, and why they fail. A miss is never an error: it costs a full handshake.
use std::fmt;

/// How an attempt to resume went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resumption {
    /// The handshake is decided: told once for each connection.
    Done(Resumed),
    /// A session was offered, or looked for, and does not serve. There may be several before `Done`.
    Missed(Miss),
    /// Early data was offered and is not taken, although the session may be.
    EarlyDataRefused(Miss),
}

/// What a handshake started from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resumed {
    /// Nothing: a full handshake.
    #[default]
    Full,
    /// A session that the server stored under its TLS 1.2 session ID.
    Id,
    /// A session that the TLS 1.2 ticket brought along (RFC 5077).
    Ticket,
    /// A TLS 1.3 pre-shared key of an earlier connection (RFC 9846 section 2.2).
    Psk,
    /// As `Psk`, with early data accepted (RFC 9846 section 2.3).
    EarlyData,
}

impl Resumed {
    /// A word for tables and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Id => "id",
            Self::Ticket => "ticket",
            Self::Psk => "psk",
            Self::EarlyData => "early_data",
        }
    }

    /// Whether an earlier handshake was built upon.
    pub const fn is_resumed(self) -> bool {
        !matches!(self, Self::Full)
    }
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a session does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Miss {
    /// The ticket is not one of ours: it is too short, was changed, or its contents do not read.
    Malformed,
    /// No key that is held has the ticket's key name.
    UnknownKey,
    /// The key that the ticket was sealed with may not be used any more.
    ExpiredKey,
    /// The session is older than it was allowed to become, or a certificate that it rests on has expired.
    ExpiredSession,
    /// The session was made under other circumstances than those of this connection.
    Scope(ScopeField),
    /// The session's cipher suite is not offered or not allowed, or its hash is not that of the chosen suite.
    Suite,
    /// The one handshake binds the master secret (RFC 7627), the other does not.
    ExtendedMasterSecret,
    /// The session is of another version.
    Version,
    /// The store did not answer in time.
    StoreTimedOut,
    /// The store could not be reached, or answered nonsense.
    StoreFailed,
    /// The store does not have the session.
    StoreMiss,
    /// What was offered has been used before.
    Replay,
    /// The ClientHello did not arrive when its ticket's age says it was sent (RFC 9846 section 8.3).
    NotFresh,
    /// The configuration does not want it.
    Declined,
}

impl Miss {
    /// A word for tables and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::ExpiredKey => "expired_key",
            Self::ExpiredSession => "expired_session",
            Self::Scope(_) => "scope_mismatch",
            Self::Suite => "suite",
            Self::ExtendedMasterSecret => "extended_master_secret",
            Self::Version => "version",
            Self::StoreTimedOut => "store_timeout",
            Self::StoreFailed => "store_failed",
            Self::StoreMiss => "store_miss",
            Self::Replay => "replay",
            Self::NotFresh => "not_fresh",
            Self::Declined => "declined_by_policy",
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(field) => write!(f, "{}: {field}", self.name()),
            _ => f.pad(self.name()),
        }
    }
}

/// One of the circumstances that a session is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScopeField {
    /// The version of the protocol.
    Version,
    /// The hash of the cipher suite.
    SuiteHash,
    /// Whether the master secret is bound to the handshake (RFC 7627).
    ExtendedMasterSecret,
    /// The name that the client asked for (RFC 6066 section 3).
    ServerName,
    /// The credential that the server showed.
    Credential,
    /// Whether a client certificate is asked for, and whom it may come from.
    ClientAuthentication,
    /// Whether the peer's identity has to be a verified one.
    VerifiedIdentity,
    /// The application protocols on offer (RFC 7301).
    Alpn,
    /// The number that the operator changes to end every earlier session.
    TrustEpoch,
    /// Whatever the application added.
    Application,
}

impl ScopeField {
    /// Every field, in the order in which they are compared.
    pub const ALL: [Self; 10] = [
        Self::Version,
        Self::SuiteHash,
        Self::ExtendedMasterSecret,
        Self::ServerName,
        Self::Credential,
        Self::ClientAuthentication,
        Self::VerifiedIdentity,
        Self::Alpn,
        Self::TrustEpoch,
        Self::Application,
    ];

    /// A word for tables and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::SuiteHash => "suite_hash",
            Self::ExtendedMasterSecret => "extended_master_secret",
            Self::ServerName => "server_name",
            Self::Credential => "credential",
            Self::ClientAuthentication => "client_authentication",
            Self::VerifiedIdentity => "verified_identity",
            Self::Alpn => "alpn",
            Self::TrustEpoch => "trust_epoch",
            Self::Application => "application",
        }
    }
}

impl fmt::Display for ScopeField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
