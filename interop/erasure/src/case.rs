//! What is examined: which software, on which side, with which exchange.
use crate::software::Software;
use premaster::{
    Policy,
    suite::{Authentication, KeyExchange, Suite},
    wire::{CipherSuite, NamedGroup, ProtocolVersion, Side},
};
use std::fmt;

/// How a handshake of TLS 1.3 begins. What one of TLS 1.2 begins with, the suite says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With a share of the group.
    Share,
    /// With a share of the group, whose key was made ahead.
    Pool,
    /// With a share of another group, so that the server asks again.
    Retry,
    /// With an external pre-shared key and a share (psk_dhe_ke).
    PskDheKe,
    /// With an external pre-shared key alone (psk_ke): there is no group in common.
    PskKe,
}

impl Opening {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Share, Self::Pool, Self::Retry, Self::PskDheKe, Self::PskKe];

    /// Whether there is an external pre-shared key.
    pub const fn has_psk(self) -> bool {
        matches!(self, Self::PskDheKe | Self::PskKe)
    }
}

/// What makes the secret, and what protects records with it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// The suite.
    pub suite: &'static Suite,
    /// The group of the exchange or of the certificate that agrees, for the exchanges that have one.
    pub group: Option<NamedGroup>,
    /// How it begins.
    pub opening: Opening,
}

/// One examination.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is examined.
    pub software: Software,
    /// Which side it is.
    pub side: Side,
    /// With what.
    pub exchange: Exchange,
    /// Whether sessions can be resumed.
    pub tickets: bool,
}

/// What the server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// A key of this kind, by the authority of the examination.
    Issued(premaster_interop::Key),
    /// A static Diffie-Hellman key.
    Dh,
}

impl Exchange {
    /// The version, which the suite determines.
    pub const fn version(&self) -> ProtocolVersion {
        self.suite.version()
    }

    /// Whether it is TLS 1.3.
    pub fn is_tls13(&self) -> bool {
        self.version() == ProtocolVersion::TLS_1_3
    }

    /// Whether an external pre-shared key takes part.
    pub fn has_psk(&self) -> bool {
        self.opening.has_psk() || self.suite.key_exchange.has_psk()
    }

    /// Whether the server shows a certificate.
    pub fn has_certificate(&self) -> bool {
        !self.opening.has_psk() && self.suite.key_exchange.has_certificate()
    }

    /// The lists with which a side comes to this suite and group. The examined side of TLS 1.2 speaks both versions,
    /// as most do.
    pub fn policy(&self, side: Side, examined: bool) -> Policy {
        let base = if cfg!(feature = "legacy") { Policy::LEGACY } else { Policy::COMPATIBLE };
        let groups = self.groups(side);
        match (self.is_tls13(), examined) {
            (false, true) => base
                .with_versions(&[ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2])
                .with_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256, self.suite.code])
                .with_groups(&groups),
            _ => base
                .with_versions(&[self.version()])
                .with_cipher_suites(&[self.suite.code])
                .with_groups(&groups),
        }
    }

    /// The groups that a side knows. A client sends a share for the first.
    pub fn groups(&self, side: Side) -> Vec<NamedGroup> {
        let alone = match side {
            Side::Client => NamedGroup::x25519,
            Side::Server => NamedGroup::secp521r1,
        };
        let alone = (self.opening == Opening::PskKe).then_some(alone);
        let refused =
            (self.opening == Opening::Retry && side == Side::Client).then_some(NamedGroup::secp384r1);
        let mut groups: Vec<NamedGroup> = alone.into_iter().chain(refused).chain(self.group).collect();
        // The curve of the certificate, which TLS 1.2 looks for in the same list.
        if !self.is_tls13() && !groups.contains(&NamedGroup::secp256r1) {
            groups.push(NamedGroup::secp256r1);
        }
        groups
    }

    /// The server's certificate.
    pub fn certificate(&self) -> Certificate {
        use premaster_interop::Key;
        Certificate::Issued(match (self.suite.key_exchange, self.suite.authentication, self.group) {
            (KeyExchange::Dh, ..) => return Certificate::Dh,
            (KeyExchange::Ecdh, _, Some(NamedGroup::secp384r1)) => Key::P384,
            (KeyExchange::Ecdh, _, Some(NamedGroup::secp521r1)) => Key::P521,
            (KeyExchange::Ecdh | KeyExchange::Tls13, ..) | (_, Authentication::Ecdsa, _) => Key::P256,
            _ => Key::Rsa2048,
        })
    }

    /// In the words of the table.
    pub fn name(&self) -> String {
        let name = match (self.suite.key_exchange, self.opening) {
            (KeyExchange::Tls13, Opening::Share) => None,
            (KeyExchange::Tls13, Opening::Pool) => Some("pool"),
            (KeyExchange::Tls13, Opening::Retry) => Some("retry"),
            (KeyExchange::Tls13, Opening::PskDheKe) => Some("psk_dhe_ke"),
            (KeyExchange::Tls13, Opening::PskKe) => Some("psk_ke"),
            (exchange, _) => Some(exchange.name()),
        };
        let group = self.group.map(|group| group.to_string());
        name.map(str::to_owned).into_iter().chain(group).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let tickets = if self.tickets { "tickets" } else { "no tickets" };
        let (software, exchange) = (self.software.name(), self.exchange);
        let (version, name, suite) = (exchange.version(), exchange.name(), exchange.suite.openssl_name);
        write!(f, "{software} {side}, {version}, {name}, {suite}, {tickets}")
    }
}

impl Case {
    /// As one word, for the command line of the examined process.
    pub fn to_word(&self) -> String {
        let side = if self.side == Side::Client { "client" } else { "server" };
        let group = self.exchange.group.map_or(0, |group| group.0);
        let opening = self.exchange.opening;
        let (name, code) = (self.software.name(), self.exchange.suite.code.0);
        format!("{name}:{side}:{code:04x}:{group}:{opening:?}:{}", self.tickets)
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        let fields: Vec<&str> = word.split(':').collect();
        let [software, side, suite, group, opening, tickets] = fields[..] else { return None };
        let group: u16 = group.parse().ok()?;
        Some(Self {
            software: Software::ALL.into_iter().find(|one| one.name() == software)?,
            side: if side == "client" { Side::Client } else { Side::Server },
            exchange: Exchange {
                suite: Suite::parse(suite)?,
                group: (group != 0).then_some(NamedGroup(group)),
                opening: Opening::ALL.into_iter().find(|one| format!("{one:?}") == opening)?,
            },
            tickets: tickets.parse().ok()?,
        })
    }
}
