//! What is known of a session.
use crate::{
    reason::{Reason, SecretSource},
    reassembly::Loss,
};
use premaster::{
    observe::{Epoch, Resumed},
    suite::Suite,
    wire::{AlertDescription, AlertLevel, ContentType, NamedGroup, PerSide, ProtocolVersion, Side},
};
use std::{net::SocketAddr, time::Duration};

/// A TCP connection of a capture, and what became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// Its number: TCP connections are counted from 0, in the order in which they appear.
    pub stream: u32,
    /// Who sent ClientHello; or, as long as nobody did, who opened the connection.
    pub client: SocketAddr,
    /// The other end.
    pub server: SocketAddr,
    /// When the first and the last packet were captured, since 1970.
    pub time: (Duration, Duration),
    /// ClientHello.random.
    pub client_random: Option<[u8; 32]>,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// The application protocol, if it can be seen or was decrypted.
    pub alpn: Option<Vec<u8>>,
    /// The version that was agreed on.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite, if it is one that this library knows.
    pub suite: Option<&'static Suite>,
    /// The group of the key exchange.
    pub group: Option<NamedGroup>,
    /// Whether and how an earlier session is resumed. None as long as that is not clear.
    pub resumed: Option<Resumed>,
    /// Whether a pre-shared key takes the place of a certificate in TLS 1.3 (with the exchange or, without a
    /// group, alone).
    pub psk: bool,
    /// Whether a HelloRetryRequest cost a second round trip.
    pub hello_retry: bool,
    /// Whether the master secret is bound to the handshake (RFC 7627); always so in TLS 1.3.
    pub extended_master_secret: bool,
    /// Whom the server's certificate is for, if it can be seen or was decrypted.
    pub certificate: Option<String>,
    /// How many records there are.
    pub records: PerSide<Traffic>,
    /// How often keys were updated.
    pub key_updates: PerSide<u32>,
    /// The alerts that could be read.
    pub alerts: Vec<(Side, AlertLevel, AlertDescription)>,
    /// What is missing from the streams.
    pub losses: Vec<(Side, Loss)>,
    /// Which end was the first to end the TCP connection, and how; none if the capture does not show it.
    pub ended: Option<(Side, Ending)>,
    /// Where the secret is from, if there is one.
    pub source: Option<SecretSource>,
    /// What became of it.
    pub outcome: Outcome,
    /// Application data, if it was asked for, up to the limit.
    pub plaintext: PerSide<Vec<u8>>,
}

/// How an end ended a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a FIN.
    Closed,
    /// With an RST.
    Reset,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Records.
    pub records: u64,
    /// Those of them that are encrypted.
    pub protected: u64,
    /// Those of the encrypted ones that were opened.
    pub opened: u64,
    /// Bytes of application data.
    pub data: u64,
}

/// What became of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every record is open.
    Decrypted,
    /// Some records are open.
    Partly(Reason),
    /// No encrypted record is open.
    Closed(Reason),
}

impl Outcome {
    /// Why it is not decrypted, or not all of it.
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Decrypted => None,
            Self::Partly(reason) | Self::Closed(reason) => Some(reason),
        }
    }

    /// Whether it is TLS at all.
    pub const fn is_tls(&self) -> bool {
        !matches!(self, Self::Closed(Reason::NotTls { .. }))
    }
}

impl Session {
    pub(crate) fn new(stream: u32, client: SocketAddr, server: SocketAddr, time: Duration) -> Self {
        Self {
            stream,
            client,
            server,
            time: (time, time),
            client_random: None,
            server_name: None,
            alpn: None,
            version: None,
            suite: None,
            group: None,
            resumed: None,
            psk: false,
            hello_retry: false,
            extended_master_secret: false,
            certificate: None,
            records: PerSide { client: Traffic::default(), server: Traffic::default() },
            key_updates: PerSide { client: 0, server: 0 },
            alerts: Vec::new(),
            losses: Vec::new(),
            ended: None,
            source: None,
            outcome: Outcome::Closed(Reason::NotTls { instead: None }),
            plaintext: PerSide { client: Vec::new(), server: Vec::new() },
        }
    }

    /// The key exchange in one short text: `ECDHE_RSA x25519`, `RSA`, `X25519MLKEM768`, `PSK`.
    pub fn key_exchange(&self) -> String {
        use premaster::suite::{Authentication, KeyExchange};
        let Some(suite) = self.suite else { return String::new() };
        let mut text = match (suite.key_exchange, suite.authentication, self.group) {
            (KeyExchange::Tls13, _, Some(group)) if self.psk => return format!("PSK {group}"),
            (KeyExchange::Tls13, _, Some(group)) => return group.to_string(),
            (KeyExchange::Tls13, _, None) if self.psk => return "PSK".to_owned(),
            (KeyExchange::Tls13, ..) => return String::new(),
            (exchange @ (KeyExchange::Dhe | KeyExchange::Ecdhe), Authentication::Rsa, _) => {
                format!("{}_RSA", exchange.name())
            }
            (exchange @ (KeyExchange::Dhe | KeyExchange::Ecdhe), Authentication::Ecdsa, _) => {
                format!("{}_ECDSA", exchange.name())
            }
            (exchange, ..) => exchange.name().to_owned(),
        };
        if let Some(group) = self.group {
            text.push(' ');
            text.push_str(&group.to_string());
        }
        text
    }
}

/// A record, as a [`Sink`] sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The number of its TCP connection.
    pub stream: u32,
    /// Who sent it.
    pub side: Side,
    /// When its last byte was captured, since 1970.
    pub time: Duration,
    /// Where in its stream it starts.
    pub offset: u64,
    /// Header and fragment, as they were on the wire.
    pub bytes: &'a [u8],
    /// The type of what it holds: inside the protection, if that could be opened.
    pub content_type: ContentType,
    /// What it holds, if that could be read.
    pub plaintext: Option<&'a [u8]>,
    /// Which keys protect it, as far as can be told.
    pub epoch: Epoch,
}

/// Takes records in the order in which they can be read. Nothing is kept for it: a long connection costs no
/// memory.
pub trait Sink {
    /// A record, opened or not.
    fn record(&mut self, record: &Record<'_>);
}

/// Takes nothing.
impl Sink for () {
    fn record(&mut self, _: &Record<'_>) {}
}

impl<F: FnMut(&Record<'_>)> Sink for F {
    fn record(&mut self, record: &Record<'_>) {
        self(record);
    }
}
