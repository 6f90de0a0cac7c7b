//! What an observer remembers of a connection that its end does not tell: what is weak in it, why a session did
//! not serve, whose certificates were refused.
use crate::peer::Shown;
use premaster::{
    identity::Certificate,
    observe::{At, Event, Observer, Resumption, Warning},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Notes on one connection after another.
#[derive(Default)]
pub struct Notes(Mutex<Taken>);

/// What was noted of a connection.
#[derive(Debug, Default)]
pub struct Taken {
    /// What is weak in it, but permitted.
    pub warnings: Vec<String>,
    /// Why sessions did not serve.
    pub misses: Vec<String>,
    /// The certificates that the peer showed, if they were not believed.
    pub refused: Vec<Shown>,
}

impl Notes {
    /// Hands out the notes, for the next connection to begin without.
    pub fn take(&self) -> Taken {
        std::mem::take(&mut *self.taken())
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Notes {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        match event {
            Event::Warning(warning) => self.taken().warnings.extend(text(warning)),
            Event::Resumption(Resumption::Missed(miss)) => self.taken().misses.push(miss.to_string()),
            Event::Resumption(Resumption::EarlyDataRefused(miss)) => {
                self.taken().misses.push(format!("early data: {miss}"));
            }
            Event::PeerCertificate { chain, verdict: Err(_) } => {
                let parsed = chain.iter().filter_map(|der| Certificate::parse(der));
                self.taken().refused = parsed.map(Shown::from).collect();
            }
            _ => {}
        }
    }
}

fn text(warning: Warning) -> Option<String> {
    Some(match warning {
        Warning::DeprecatedKeyExchange(code) => {
            format!("{code} is in use, whose key exchange RFC 10015 deprecates")
        }
        Warning::NotForwardSecret(code) => {
            format!("{code} is in use, which is not forward secret (RFC 9325 section 6.3)")
        }
        Warning::DiscouragedRecordProtection(code) => {
            format!("{code} is in use, whose record protection RFC 9325 discourages")
        }
        Warning::NoExtendedMasterSecret => {
            "the master secret is not bound to the handshake (RFC 7627): the peer cannot do better".into()
        }
        Warning::Anonymous => "neither side has shown who it is".into(),
        // The verdict says it, and why.
        _ => return None,
    })
}
