//! What is examined: which software, on which side, with which exchange.
use premaster::{
    Policy,
    exchange::Group,
    suite::Suite,
    wire::{NamedGroup, ProtocolVersion, Side},
};
use premaster_interop::Key;
use std::fmt;

/// The software under examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// This library, with its blocking stream.
    Premaster,
    /// This library, over tokio.
    PremasterTokio,
    /// rustls over AWS-LC.
    Rustls,
    /// OpenSSL's commands.
    OpenSsl,
}

impl Software {
    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Premaster => "premaster",
            Self::PremasterTokio => "premaster-tokio",
            Self::Rustls => "rustls",
            Self::OpenSsl => "OpenSSL",
        }
    }

    /// Whether it is this project's.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Premaster | Self::PremasterTokio)
    }
}

/// One examination.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is examined.
    pub software: Software,
    /// Which side it is.
    pub side: Side,
    /// The suite.
    pub suite: &'static Suite,
    /// The group, for the exchanges that have one.
    pub group: Option<NamedGroup>,
    /// Whether sessions can be resumed.
    pub tickets: bool,
}

impl Case {
    /// The version, which the suite determines.
    pub const fn version(&self) -> ProtocolVersion {
        self.suite.version()
    }

    /// The lists with which both sides come to this suite and group.
    pub fn policy(&self) -> Policy {
        let base = if cfg!(feature = "legacy") { Policy::LEGACY } else { Policy::COMPATIBLE };
        let mut groups: Vec<NamedGroup> = self.group.into_iter().collect();
        // The curve of the certificate, which TLS 1.2 looks for in the same list.
        if self.version() == ProtocolVersion::TLS_1_2 && !groups.contains(&NamedGroup::secp256r1) {
            groups.push(NamedGroup::secp256r1);
        }
        let policy = base.with_versions(&[self.version()]).with_cipher_suites(&[self.suite.code]);
        policy.with_groups(&groups)
    }

    /// The key of the server's certificate.
    pub fn key(&self) -> Key {
        use premaster::suite::{Authentication, KeyExchange};
        match (self.suite.key_exchange, self.suite.authentication) {
            (KeyExchange::Ecdh | KeyExchange::Tls13, _) | (_, Authentication::Ecdsa) => Key::P256,
            _ => Key::Rsa2048,
        }
    }

    /// The exchange, in the words of the table.
    pub fn exchange(&self) -> String {
        match (self.version(), self.group) {
            (ProtocolVersion::TLS_1_3, Some(group)) => group.to_string(),
            (_, Some(group)) => format!("{:?} {group}", self.suite.key_exchange),
            (_, None) => format!("{:?}", self.suite.key_exchange),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let tickets = if self.tickets { "tickets" } else { "no tickets" };
        let (name, version) = (self.software.name(), self.version());
        write!(f, "{name} {side}, {version}, {}, {}, {tickets}", self.exchange(), self.suite.openssl_name)
    }
}

fn suite(name: &str) -> &'static Suite {
    Suite::parse(name).expect("a suite of the library's table")
}

/// Every exchange, with the suite it is examined with.
fn exchanges() -> Vec<(&'static Suite, Option<NamedGroup>)> {
    let tls13 = Group::ALL.iter().map(|group| (suite("TLS_AES_128_GCM_SHA256"), Some(group.code)));
    let mut all: Vec<_> = tls13.collect();
    // The other protections of records.
    for name in ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"] {
        all.push((suite(name), Some(NamedGroup::x25519)));
    }
    for group in [NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::secp521r1] {
        all.push((suite("ECDHE-RSA-AES128-GCM-SHA256"), Some(group)));
    }
    for name in [
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-CCM",
        "ECDHE-RSA-AES128-SHA256",
    ] {
        all.push((suite(name), Some(NamedGroup::x25519)));
    }
    all.push((suite("DHE-RSA-AES128-GCM-SHA256"), Some(NamedGroup::ffdhe2048)));
    if cfg!(feature = "legacy") {
        for name in ["AES128-GCM-SHA256", "AES128-SHA256", "ECDH-ECDSA-AES128-GCM-SHA256"] {
            all.extend(Suite::parse(name).map(|suite| (suite, None)));
        }
    }
    all
}

/// What a peer may know of the list above.
fn knows(software: Software, suite: &Suite, group: Option<NamedGroup>) -> bool {
    let group = group.and_then(Group::find);
    let tls13 = suite.version() == ProtocolVersion::TLS_1_3;
    match software {
        Software::Premaster => true,
        Software::PremasterTokio => {
            // The stream makes no difference to an exchange: one of each family.
            let few = [
                NamedGroup::X25519MLKEM768,
                NamedGroup::x25519,
                NamedGroup::ffdhe2048,
                NamedGroup::secp256r1,
            ];
            group.is_none_or(|group| few.contains(&group.code))
        }
        Software::Rustls => {
            let few = [
                NamedGroup::X25519MLKEM768,
                NamedGroup::x25519,
                NamedGroup::secp256r1,
                NamedGroup::secp384r1,
            ];
            group.is_some_and(|group| few.contains(&group.code))
                && (tls13 || suite.openssl_name.starts_with("ECDHE"))
                && !suite.openssl_name.contains("CCM")
                && suite.openssl_name != "ECDHE-RSA-AES128-SHA256"
        }
        Software::OpenSsl => {
            // OpenSSL 3.0 has no ML-KEM, and static Diffie-Hellman no more.
            let of_certificate = suite.openssl_name.starts_with("ECDH-");
            group.is_none_or(|group| !group.quantum_safe) && !of_certificate
        }
    }
}

/// Every case of `software`.
pub fn cases(software: Software) -> Vec<Case> {
    let mut all = Vec::new();
    for (suite, group) in exchanges() {
        if !knows(software, suite, group) {
            continue;
        }
        for side in [Side::Server, Side::Client] {
            for tickets in [true, false] {
                all.push(Case { software, side, suite, group, tickets });
            }
        }
    }
    all
}

impl Case {
    /// As one word, for the command line of the examined process.
    pub fn to_word(&self) -> String {
        let side = if self.side == Side::Client { "client" } else { "server" };
        let group = self.group.map_or(0, |group| group.0);
        format!("{}:{side}:{:04x}:{group}:{}", self.software.name(), self.suite.code.0, self.tickets)
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        let fields: Vec<&str> = word.split(':').collect();
        let [software, side, suite, group, tickets] = fields[..] else { return None };
        let all = [Software::Premaster, Software::PremasterTokio, Software::Rustls, Software::OpenSsl];
        let group: u16 = group.parse().ok()?;
        Some(Self {
            software: all.into_iter().find(|one| one.name() == software)?,
            side: if side == "client" { Side::Client } else { Side::Server },
            suite: Suite::parse(suite)?,
            group: (group != 0).then_some(NamedGroup(group)),
            tickets: tickets.parse().ok()?,
        })
    }
}
