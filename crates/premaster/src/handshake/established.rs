//! What a handshake yields.
use super::sessions::Keeper;
use crate::{
    identity::PeerIdentity,
    observe::Resumed,
    schedule::{
        tls12::MasterSecret,
        tls13::{ExporterSecret, ResumptionSecret, TrafficSecret},
    },
    suite::Suite,
    wire::{NamedGroup, PerSide, ProtocolVersion, SignatureScheme},
};
use std::sync::Arc;

/// A finished handshake: both Finished messages are verified. Only this yields application keys.
pub(crate) struct Established {
    pub(crate) info: Box<Info>,
    pub(crate) secrets: Secrets,
    /// For tickets that a client may still be sent.
    pub(crate) keeper: Option<Box<Keeper>>,
}

/// What the connection goes on with.
pub(crate) enum Secrets {
    /// TLS 1.2: everything else can be derived again.
    Tls12 {
        /// The master secret.
        master: MasterSecret,
        /// Both randoms.
        randoms: Box<PerSide<[u8; 32]>>,
    },
    /// TLS 1.3.
    Tls13 {
        /// Both directions' secrets, for KeyUpdate.
        traffic: PerSide<TrafficSecret>,
        /// For exported keying material.
        exporter: ExporterSecret,
        /// For the tickets to come, at a client that keeps sessions.
        resumption: Option<ResumptionSecret>,
    },
}

/// What was negotiated, and with whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// The version.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub suite: &'static Suite,
    /// The group of the key exchange, if it has one with a name.
    pub group: Option<NamedGroup>,
    /// The scheme that the peer signed with, if it did.
    pub peer_scheme: Option<SignatureScheme>,
    /// The scheme that this side signed with, if it did.
    pub own_scheme: Option<SignatureScheme>,
    /// The application protocol (RFC 7301).
    pub alpn: Option<Vec<u8>>,
    /// The name that the client asked for (RFC 6066 section 3).
    pub server_name: Option<String>,
    /// Who the peer is, if it sent a certificate.
    pub peer: Option<Arc<PeerIdentity>>,
    /// Whether a later theft of long-term keys leaves this connection closed.
    pub forward_secret: bool,
    /// Whether the master secret is bound to the handshake (RFC 7627); always so in TLS 1.3.
    pub extended_master_secret: bool,
    /// Whether the peer protects against renegotiation attacks (RFC 5746).
    pub secure_renegotiation: bool,
    /// What the handshake started from.
    pub resumed: Resumed,
    /// Whether a HelloRetryRequest cost a second round trip.
    pub hello_retry: bool,
}

impl Info {
    /// What every handshake knows once the suite is chosen.
    pub(super) const fn new(suite: &'static Suite) -> Self {
        Self {
            version: suite.version(),
            suite,
            group: None,
            peer_scheme: None,
            own_scheme: None,
            alpn: None,
            server_name: None,
            peer: None,
            forward_secret: suite.is_forward_secret(),
            extended_master_secret: false,
            secure_renegotiation: false,
            resumed: Resumed::Full,
            hello_retry: false,
        }
    }
}
