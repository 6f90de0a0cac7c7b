//! What a handshake yields.
use super::{peer::Peer, sessions::Keeper};
use crate::{
    Error,
    error::Misbehaved,
    identity::{PeerIdentity, SignatureVerified, Verified, VerifiedChain},
    observe::Resumed,
    schedule::{
        tls12::MasterSecret,
        tls13::{ExporterSecret, ResumptionSecret, TrafficSecret},
    },
    suite::Suite,
    wire::{HandshakeType, NamedGroup, PerSide, ProtocolVersion, Side, SignatureScheme, message::Finished},
};
use std::sync::Arc;

/// A finished handshake. Only this yields application keys, and it takes two proofs that only the checks
/// themselves can make: that the peer is believed, and that its Finished is right.
pub(crate) struct Established {
    pub(crate) info: Box<Info>,
    pub(crate) secrets: Secrets,
    /// For tickets that a client may still be sent.
    pub(crate) keeper: Option<Box<Keeper>>,
}

impl Established {
    pub(super) fn new(
        info: Info,
        secrets: Secrets,
        keeper: Option<Box<Keeper>>,
        _believed: Believed,
        _finished: FinishedVerified,
    ) -> Self {
        Self { info: Box::new(info), secrets, keeper }
    }
}

/// Why the peer is believed to be who it is.
pub(super) enum Believed {
    /// Its certificate was judged, and it has the certificate's key. Held for what it took to make them.
    Certificate { _judged: Verified, _signed: SignatureVerified },
    /// It knows a key that nobody else knows: its Finished shows that.
    KnowsKey,
    /// It is a client that was not asked, or has no certificate and needs none.
    NotAsked,
    /// The suite authenticates nobody.
    Anonymous,
}

impl Believed {
    /// By its certificate, and a signature over the handshake.
    pub(super) fn signed(chain: VerifiedChain, signed: SignatureVerified) -> (Arc<PeerIdentity>, Self) {
        let (identity, judged) = chain.into_parts();
        (Arc::new(identity), Self::Certificate { _judged: judged, _signed: signed })
    }
}

/// Proof that the peer's Finished is right: both sides saw the same handshake.
pub(super) struct FinishedVerified(());

impl FinishedVerified {
    /// The peer's Finished in TLS 1.3 (RFC 9846 section 4.4.4).
    pub(super) async fn expect13(peer: &Peer, secret: &TrafficSecret) -> Result<Self, Error> {
        let transcript = peer.transcript_hash();
        let message = peer.expect(HandshakeType::FINISHED).await?;
        let finished = Finished::decode(message.body())?;
        match secret.verify(&transcript, finished.verify_data) {
            true => Ok(Self(())),
            false => Err(Misbehaved::WrongFinished.into()),
        }
    }

    /// The Finished of `side`, which is the peer, in TLS 1.2 (RFC 5246 section 7.4.9).
    pub(super) async fn expect12(peer: &Peer, master: &MasterSecret, side: Side) -> Result<Self, Error> {
        let transcript = peer.transcript_hash();
        let message = peer.expect(HandshakeType::FINISHED).await?;
        let finished = Finished::decode(message.body())?;
        match master.verify(side, &transcript, finished.verify_data) {
            true => Ok(Self(())),
            false => Err(Misbehaved::WrongFinished.into()),
        }
    }
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
    /// Whether the MAC of CBC records is made over the ciphertext (RFC 7366). Without CBC it never is.
    pub encrypt_then_mac: bool,
    /// Whether the peer protects against renegotiation attacks (RFC 5746).
    pub secure_renegotiation: bool,
    /// The identity of the pre-shared key from outside that the sides know each other by, in TLS 1.3.
    pub external_psk: Option<Vec<u8>>,
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
            encrypt_then_mac: false,
            secure_renegotiation: false,
            external_psk: None,
            resumed: Resumed::Full,
            hello_retry: false,
        }
    }
}
