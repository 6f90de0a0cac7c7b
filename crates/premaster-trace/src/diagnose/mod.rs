//! Why a handshake failed: one verdict from both hellos, the alerts, the error of whoever found one, how the
//! transport ended, and what further ClientHellos brought to light.
//!
//! Everything here is a pure function of what was seen, so that a live connection, a capture and a test come to the
//! same verdict.
mod advice;
mod certificate;
mod found;
mod lists;
mod lost;
mod probe;
mod refused;
mod seen;

pub use lists::quoted;
pub(crate) use lost::turn;
pub(crate) use probe::offers;
pub use probe::{Answer, Offer, Probed};
pub(crate) use seen::Seen;

use crate::model::{Diagnosis, Side};

/// What is known of a connection that its events do not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Circumstances {
    /// The command that runs the client, if it is known: what mends a failure is appended to it.
    pub client_command: Option<String>,
    /// The same for the server.
    pub server_command: Option<String>,
    /// How the transport ended, if it did, and at which end that was noticed.
    pub lost: Option<(Side, Lost)>,
    /// What other ClientHellos were answered with.
    pub probed: Vec<Probed>,
}

/// How a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The peer closed it.
    Closed,
    /// It was reset.
    Reset,
    /// Nothing came in time.
    Silent,
    /// The recording ends, and does not show how the connection went on.
    Unrecorded,
}

/// The verdict; none if nothing failed.
///
/// Whoever found the error itself is the best witness, then whoever was told by an alert, then the transport.
pub(crate) fn diagnose(seen: &Seen<'_>) -> Option<Diagnosis> {
    let mut diagnosis = found::judge(seen)
        .or_else(|| refused::renegotiation(seen))
        .or_else(|| refused::judge(seen))
        .or_else(|| lost::judge(seen))
        .or_else(|| refused::early_data(seen))?;
    // A peer's words may stand in any of them.
    let texts = [&mut diagnosis.what, &mut diagnosis.field, &mut diagnosis.rfc].into_iter();
    let lists = diagnosis.client.iter_mut().chain(&mut diagnosis.server);
    let changes = diagnosis
        .changes
        .iter_mut()
        .flat_map(|change| std::iter::once(&mut change.what).chain(change.line.as_mut()));
    for text in texts.chain(lists).chain(changes) {
        *text = crate::sanitize::text(text);
    }
    Some(diagnosis)
}
