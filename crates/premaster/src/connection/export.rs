//! Keying material for the application (RFC 5705, RFC 9846 section 7.5).
use super::{Connection, State};
use crate::{Error, crypto::wipe, error::Misuse, schedule::tls13::ExporterSecret};

impl Connection {
    /// Keying material that both sides can compute and nobody else (RFC 5705, RFC 9846 section 7.5).
    ///
    /// # Errors
    /// [`Misuse::NoExporter`] before the handshake is finished, in TLS 1.2 without extended master secret, for
    /// a context of more than 65,535 bytes or an output of more than 255 hash lengths.
    pub fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        let exported = match &self.state {
            State::Established(traffic) => traffic.export(label, context, out),
            _ => Err(Misuse::NoExporter.into()),
        };
        wipe::after_handshake();
        exported
    }

    /// Keying material of early data (RFC 9846 section 7.5), which a client has as soon as it has offered early
    /// data and a server once it has accepted it; both keep it after the handshake.
    ///
    /// It comes from the ticket and the ClientHello alone: without forward secrecy, and the same each time that
    /// the ClientHello is replayed. What [`export`](Self::export) gives after the handshake is neither.
    ///
    /// # Errors
    /// [`Misuse::NoExporter`] without early data, at a client also once the server has rejected it; and for a
    /// context or an output that `export` would not take.
    pub fn export_early(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        let exported = match &self.state {
            State::Handshaking(handshaking) => {
                early(handshaking.peer.mailbox().early_exporter.as_deref(), label, context, out)
            }
            State::Established(traffic) => early(traffic.early_exporter(), label, context, out),
            State::Failed(error) => Err((**error).clone()),
        };
        wipe::after_handshake();
        exported
    }
}

fn early(
    exporter: Option<&ExporterSecret>,
    label: &str,
    context: Option<&[u8]>,
    out: &mut [u8],
) -> Result<(), Error> {
    let exporter = exporter.ok_or(Misuse::NoExporter)?;
    check(exporter.output_len(), label, context, out)?;
    exporter.export(label, context.unwrap_or_default(), out);
    Ok(())
}

/// Whether this can be exported with a hash of so many bytes.
pub(super) fn check(hash_len: usize, label: &str, context: Option<&[u8]>, out: &[u8]) -> Result<(), Misuse> {
    let too_long = out.len() > 255 * hash_len || context.is_some_and(|context| context.len() > 65_535);
    match too_long || label.len() > 249 {
        true => Err(Misuse::NoExporter),
        false => Ok(()),
    }
}
