//! The fence around the exchanges that RFC 10015 deprecates.
//!
//! They need three things: the cargo feature `legacy`, a policy that names them, and an opt-in that says for
//! whom, until when and why. The feature alone, which another crate may turn on, enables nothing.
use crate::suite::{KeyExchange, Suite};
use pki_types::{ServerName, UnixTime};

/// Permission to use what [`is_fenced`] says is fenced, and to speak TLS 1.2 without extended master secret.
///
/// ```
/// use premaster::config::LegacyOptIn;
/// let one_device = LegacyOptIn::for_peer("printer.example", "its firmware knows RSA key transport only");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyOptIn {
    peer: Option<String>,
    until: Option<UnixTime>,
    because: String,
}

impl LegacyOptIn {
    /// For the one server of this name.
    pub fn for_peer(name: impl Into<String>, because: impl Into<String>) -> Self {
        Self { peer: Some(name.into()), until: None, because: because.into() }
    }

    /// For every peer: the only choice that a server has, which does not know who comes.
    pub fn for_every_peer(because: impl Into<String>) -> Self {
        Self { peer: None, until: None, because: because.into() }
    }

    /// Lapses at this time. From then on the connection is made without the fenced exchanges, or not at all.
    pub fn until(mut self, time: UnixTime) -> Self {
        self.until = Some(time);
        self
    }

    /// Why it was given.
    pub fn because(&self) -> &str {
        &self.because
    }

    /// Whether it holds for this peer now. A clock that cannot be read ends it.
    pub(crate) fn holds(&self, peer: Option<&ServerName<'_>>, now: Option<UnixTime>) -> bool {
        let for_peer = self
            .peer
            .as_ref()
            .is_none_or(|own| peer.is_some_and(|name| own.eq_ignore_ascii_case(&name.to_str())));
        let in_time = self.until.is_none_or(|until| now.is_some_and(|now| now.as_secs() < until.as_secs()));
        cfg!(feature = "legacy") && for_peer && in_time
    }
}

/// Whether a suite stands behind the fence: its secret is made with the certificate's key, so that whoever
/// steals that key later reads what was recorded today, or it has no authentication.
pub const fn is_fenced(suite: &Suite) -> bool {
    suite.key_exchange.is_static() || is_anonymous(suite)
}

/// Whether a suite authenticates nobody. Those belong into the laboratory.
pub const fn is_anonymous(suite: &Suite) -> bool {
    matches!(suite.key_exchange, KeyExchange::DhAnon | KeyExchange::EcdhAnon)
}
