//! What a connection can tell a listener. Off by default; an event costs one branch when nobody listens.
//!
//! Events come from a few choke points: a record or message crosses the wire, a secret is derived, a key is
//! installed, a choice is made, something fails. They borrow what they show, for the length of the call.
mod keylog;
mod receipt;
mod resumption;

use crate::{
    Error, Secret,
    wire::{
        AlertDescription, AlertLevel, CipherSuite, ContentType, NamedGroup, ProtocolVersion, Side,
        SignatureScheme,
    },
};
use pki_types::UnixTime;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

pub use keylog::KeyLog;
pub use receipt::{After, Moment, Receipt, SecretLife};
pub use resumption::{Miss, Resumed, Resumption, ScopeField};

/// Which way something crosses the wire, seen from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From this side to the peer.
    Sent,
    /// From the peer to this side.
    Received,
}

/// Which keys protect a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Epoch {
    /// None.
    Plaintext,
    /// TLS 1.3 early data.
    EarlyData,
    /// TLS 1.3 handshake.
    Handshake,
    /// Application data; in TLS 1.2 also Finished. The number counts the KeyUpdates.
    Application(u64),
}

/// Something that went into a derivation, by name.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Bytes that anybody on the wire could see, or compute from what they see.
    Public(&'static str, &'a [u8]),
    /// Another secret, by the name under which it was derived.
    Secret(&'static str),
}

/// How a key exchange went, for those who account for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyLife {
    /// A key pair was made for this handshake alone.
    Made,
    /// The agreement it was for is done, and the private half is erased.
    SpentAndErased,
    /// It went unused, and is erased.
    DiscardedAndErased,
}

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A whole record, as it stands on the wire.
    Record {
        /// Which way it goes.
        direction: Direction,
        /// Header and fragment.
        bytes: &'a [u8],
    },
    /// What a record holds. Follows `Record` when received, precedes it when sent.
    Content {
        /// Which way it goes.
        direction: Direction,
        /// The type inside the protection.
        content_type: ContentType,
        /// The plaintext.
        plaintext: &'a [u8],
        /// The keys that protect it.
        epoch: Epoch,
    },
    /// A whole handshake message, with its header of four bytes.
    Message {
        /// Which way it goes.
        direction: Direction,
        /// Header and body.
        bytes: &'a [u8],
    },
    /// A change_cipher_spec.
    ChangeCipherSpec(Direction),
    /// An alert.
    Alert {
        /// Which way it goes.
        direction: Direction,
        /// How grave it is.
        level: AlertLevel,
        /// What it says.
        description: AlertDescription,
    },
    /// Something was chosen from what both sides can do.
    Chose {
        /// What was chosen.
        what: Choice<'a>,
        /// Why this one.
        because: &'static str,
    },
    /// An ephemeral key's life.
    EphemeralKey {
        /// The group that it belongs to; none for explicit finite-field parameters.
        group: Option<NamedGroup>,
        /// Its public half.
        public: &'a [u8],
        /// What became of it.
        life: KeyLife,
    },
    /// This side signed with its long-term key.
    Signed {
        /// With which scheme.
        scheme: SignatureScheme,
        /// What was signed.
        content: &'a [u8],
        /// The signature.
        signature: &'a [u8],
    },
    /// The peer's signature was verified with the key of its certificate.
    SignatureVerified {
        /// With which scheme.
        scheme: SignatureScheme,
        /// What was signed.
        content: &'a [u8],
        /// The signature.
        signature: &'a [u8],
    },
    /// The peer's certificate was examined.
    PeerCertificate {
        /// The chain as it was sent, leaf first, each in DER.
        chain: &'a [&'a [u8]],
        /// What was wrong with it, if something was.
        verdict: Result<(), &'a Error>,
    },
    /// A secret was extracted or derived.
    Derived {
        /// Its name in the RFC.
        secret: &'static str,
        /// The function and label that made it.
        how: &'static str,
        /// What it was made from.
        inputs: &'a [Input<'a>],
        /// The value; `Debug` prints only its length.
        value: SecretRef<'a>,
    },
    /// A secret is erased that `Derived` told of, under the name that it had at the end: after a KeyUpdate that is
    /// `application_traffic_secret_N`.
    Erased {
        /// Its name in the RFC.
        secret: &'static str,
    },
    /// A direction has new keys.
    KeysInstalled {
        /// Which direction.
        direction: Direction,
        /// Which keys.
        epoch: Epoch,
    },
    /// Something weak, but permitted, is in use.
    Warning(Warning),
    /// How an attempt to resume went.
    Resumption(Resumption),
    /// This server takes a ticket of TLS 1.3, and its client says how old that is (RFC 9846 section 8.3). Where the
    /// difference is large, early data is refused: it is the measure of whether clocks and networks are well.
    TicketAge {
        /// By how many milliseconds the ClientHello came later than that says; earlier, if it is negative. Servers
        /// count whole seconds: up to a thousand milliseconds mean nothing.
        skew: i64,
    },
    /// This side keeps something beyond the connection that a session can be resumed with: in TLS 1.2 it opens this
    /// connection as well.
    Kept {
        /// What.
        what: Kept,
        /// Until when it is of use.
        until: UnixTime,
    },
    /// Both Finished messages are verified.
    Established(Established),
    /// The connection failed.
    Failed(&'a Error),
}

/// A secret's value, lent to an observer. `Debug` prints only its length.
#[derive(Clone, Copy)]
pub struct SecretRef<'a>(pub(crate) &'a [u8]);

impl SecretRef<'_> {
    /// The bytes. Every caller is worth a second look.
    pub fn expose(&self) -> &[u8] {
        self.0
    }
}

impl<'a> From<&'a Secret> for SecretRef<'a> {
    fn from(secret: &'a Secret) -> Self {
        Self(secret.expose())
    }
}

impl fmt::Debug for SecretRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// What a side keeps beyond a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kept {
    /// The key that opens a ticket of this connection, whether the server just sealed it or was shown it. With it goes
    /// the time at which it is erased.
    TicketKey,
    /// The session, in the server's store. With it goes the time at which it may not be resumed any more.
    Store,
    /// The session, in the client's cache. With it goes the time at which it is not offered any more.
    Cache,
}

/// What was chosen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Choice<'a> {
    /// The version.
    Version(ProtocolVersion),
    /// The cipher suite.
    CipherSuite(CipherSuite),
    /// The group of the key exchange.
    Group(NamedGroup),
    /// The scheme of the signature over the handshake.
    SignatureScheme(SignatureScheme),
    /// The application protocol.
    ApplicationProtocol(&'a [u8]),
    /// The certificate, leaf in DER.
    Certificate(&'a [u8]),
    /// To ask for a second ClientHello.
    HelloRetryRequest,
}

/// Something weak, but permitted, is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A suite whose key exchange RFC 10015 deprecates.
    DeprecatedKeyExchange(CipherSuite),
    /// A suite without forward secrecy for another reason: a pre-shared key is all that it has (RFC 9325 section
    /// 6.3).
    NotForwardSecret(CipherSuite),
    /// A suite that protects records with CBC and HMAC, which RFC 9325 section 4.2 discourages.
    DiscouragedRecordProtection(CipherSuite),
    /// A master secret that is not bound to the handshake (RFC 7627).
    NoExtendedMasterSecret,
    /// The peer's certificate was not verified.
    NotVerified,
    /// Neither side is authenticated.
    Anonymous,
}

/// A finished handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Established {
    /// The version.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The group, if the key exchange has one.
    pub group: Option<NamedGroup>,
    /// Whether a later theft of long-term keys leaves this connection closed.
    pub forward_secret: bool,
    /// Which side this is.
    pub side: Side,
}

impl Established {
    /// For whoever tells of a connection that is not a [`Connection`](crate::Connection), such as a recorded one.
    pub const fn new(
        version: ProtocolVersion,
        cipher_suite: CipherSuite,
        group: Option<NamedGroup>,
        forward_secret: bool,
        side: Side,
    ) -> Self {
        Self { version, cipher_suite, group, forward_secret, side }
    }
}

/// Which connection an event belongs to.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Which end of it this is.
    pub side: Side,
    /// ClientHello.random, once it is known: what the key log tells connections apart by.
    pub client_random: Option<&'a [u8; 32]>,
}

/// A listener.
pub trait Observer: Send + Sync {
    /// Called in the order in which things happen, on the thread that drives the connection.
    fn observe(&self, at: At<'_>, event: Event<'_>);
}

/// Several listeners, told in order.
impl Observer for Vec<Arc<dyn Observer>> {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        self.iter().for_each(|observer| observer.observe(at, event.clone()));
    }
}

/// A place where a listener may be attached, one for each connection.
#[derive(Clone, Default)]
pub struct Tap(Option<Arc<Attached>>);

struct Attached {
    observer: Arc<dyn Observer>,
    side: Side,
    client_random: OnceLock<[u8; 32]>,
}

impl Tap {
    /// Nobody listens.
    pub const OFF: Self = Self(None);

    /// A tap that feeds `observer` what happens at the `side` of one connection.
    pub fn new(observer: Option<&Arc<dyn Observer>>, side: Side) -> Self {
        let attach = |observer: &Arc<dyn Observer>| {
            Arc::new(Attached { observer: Arc::clone(observer), side, client_random: OnceLock::new() })
        };
        Self(observer.map(attach))
    }

    /// Whether somebody listens.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// From now on events say that they belong to the connection with this ClientHello.random.
    pub fn identify(&self, client_random: &[u8; 32]) {
        if let Some(attached) = &self.0 {
            let _ = attached.client_random.set(*client_random);
        }
    }

    /// Tells the listener, if there is one. A connection does this by itself; it is public for whoever tells
    /// of one that is not a [`Connection`](crate::Connection), such as a recorded one.
    #[inline]
    pub fn emit<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if let Some(attached) = &self.0 {
            let at = At { side: attached.side, client_random: attached.client_random.get() };
            attached.observer.observe(at, event());
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Tap(on)" } else { "Tap(off)" })
    }
}
