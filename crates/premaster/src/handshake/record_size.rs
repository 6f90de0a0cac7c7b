//! How large the peers' records may be: record_size_limit (RFC 8449), and max_fragment_length (RFC 6066 section 4),
//! which it replaced.
use super::peer::Peer;
use crate::{
    Error,
    config::{ClientConfig, ServerConfig},
    error::Misbehaved,
    wire::{
        ProtocolVersion,
        extension::{Extensions, MaxFragmentLength, RecordSizeLimit, push},
        message::ClientHello,
        record::MAX_PLAINTEXT,
    },
};

/// The smallest limit there is (RFC 8449 section 4).
const LEAST: u16 = 64;

/// The most that a record holds, as the extension counts: with the content type in TLS 1.3.
const fn most(version: ProtocolVersion) -> u16 {
    MAX_PLAINTEXT as u16 + counted(version) as u16
}

/// How many bytes of what the limit counts are no data: the content type in TLS 1.3.
const fn counted(version: ProtocolVersion) -> usize {
    if version.0 == ProtocolVersion::TLS_1_3.0 { 1 } else { 0 }
}

/// What a client asks for.
pub(super) fn push_limits(out: &mut Vec<u8>, config: &ClientConfig) {
    if let Some(record_size_limit) = config.record_size_limit {
        push(out, &RecordSizeLimit { record_size_limit });
    }
    if let Some(length) = &config.max_fragment_length {
        push(out, length);
    }
}

/// What a server made of it; from here on both keep to it, if there is an answer.
pub(super) fn answered(
    peer: &Peer,
    version: ProtocolVersion,
    config: &ClientConfig,
    extensions: &Extensions<'_>,
) -> Result<(), Error> {
    let (limit, length) = (extensions.get::<RecordSizeLimit>()?, extensions.get::<MaxFragmentLength>()?);
    match (limit, length) {
        // RFC 8449 section 5: a client MUST treat both in one answer as a fatal error.
        (Some(_), Some(_)) => return Err(Misbehaved::BothRecordLimits.into()),
        (Some(theirs), None) => {
            if let Some(own) = config.record_size_limit {
                keep_to(peer, version, own, theirs)?;
            }
        }
        // RFC 6066 section 4: another length than was asked for MUST be refused.
        (None, Some(theirs)) if config.max_fragment_length != Some(theirs) => {
            return Err(Misbehaved::BadMaxFragmentLength.into());
        }
        (None, Some(theirs)) => peer.limit_records(theirs.bytes(), theirs.bytes()),
        (None, None) => {}
    }
    Ok(())
}

fn keep_to(peer: &Peer, version: ProtocolVersion, own: u16, theirs: RecordSizeLimit) -> Result<(), Error> {
    // RFC 8449 section 4: a smaller one MUST be refused; a larger one than the protocol allows is no fault.
    if theirs.record_size_limit < LEAST {
        return Err(Misbehaved::BadRecordSizeLimit.into());
    }
    let data = |limit: u16| usize::from(limit.min(most(version))) - counted(version);
    peer.limit_records(data(theirs.record_size_limit), data(own));
    Ok(())
}

/// What a server answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// Nothing: the client did not ask.
    None,
    /// Its own limit.
    Limit(RecordSizeLimit),
    /// The client's, said again.
    Fragment(MaxFragmentLength),
}

impl Answer {
    /// Reads what the client asks for. From here on both keep to it.
    pub(super) fn to(
        peer: &Peer,
        version: ProtocolVersion,
        config: &ServerConfig,
        hello: &ClientHello<'_>,
    ) -> Result<Self, Error> {
        if let Some(theirs) = hello.extensions.get::<RecordSizeLimit>()? {
            let own = config.record_size_limit.unwrap_or(most(version)).min(most(version));
            keep_to(peer, version, own, theirs)?;
            // RFC 8449 section 5: max_fragment_length is then left alone.
            return Ok(Self::Limit(RecordSizeLimit { record_size_limit: own }));
        }
        let Some(length) = hello.extensions.get::<MaxFragmentLength>()? else { return Ok(Self::None) };
        peer.limit_records(length.bytes(), length.bytes());
        Ok(Self::Fragment(length))
    }

    /// Writes it.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Limit(limit) => push(out, &limit),
            Self::Fragment(length) => push(out, &length),
        }
    }
}
