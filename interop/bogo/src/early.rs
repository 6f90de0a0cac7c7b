//! Why early data was accepted or not, in the runner's words.
use crate::{connect::Part, failure::Failure, state::Happened};
use premaster::{
    Info,
    observe::{Miss, Resumed, ScopeField},
    wire::{ExtensionType, ProtocolVersion, message::ClientHello},
};

/// The reason, from what the connection, its events and its hello say.
pub(crate) fn reason(part: &Part<'_>, info: &Info, happened: &Happened) -> Result<&'static str, Failure> {
    let (settings, tls13) = (part.settings, info.version == ProtocolVersion::TLS_1_3);
    let enabled = settings.has("-enable-early-data");
    if info.resumed == Resumed::EarlyData {
        return Ok("accept");
    }
    if settings.has("-server") {
        return server(enabled, tls13, info, happened);
    }
    let session = part.shared.kept.offered();
    let of_tls13 = |version| version == ProtocolVersion::TLS_1_3;
    Ok(match session {
        _ if !enabled => "disabled",
        _ if settings.code("-max-version")?.is_some_and(|most| most < ProtocolVersion::TLS_1_3.0) => {
            "protocol_version"
        }
        None => "no_session_offered",
        Some(session) if session.max_early_data == 0 || !of_tls13(session.version()) => {
            "unsupported_for_session"
        }
        Some(session) if !is_spoken(settings.bytes("-advertise-alpn"), session.alpn.as_deref()) => {
            "alpn_mismatch"
        }
        _ if info.hello_retry => "hello_retry_request",
        _ if !tls13 => "protocol_version",
        _ if info.resumed.is_resumed() => "peer_declined",
        _ => "session_not_resumed",
    })
}

/// Whether a session's protocol is among those that are on offer now.
fn is_spoken(offered: Option<&[u8]>, protocol: Option<&[u8]>) -> bool {
    let Some(protocol) = protocol else { return true };
    offered.is_some_and(|list| list.windows(protocol.len()).any(|name| name == protocol))
}

fn server(enabled: bool, tls13: bool, info: &Info, happened: &Happened) -> Result<&'static str, Failure> {
    let hello = ClientHello::decode(&happened.client_hello).map_err(premaster::Error::from)?;
    Ok(match happened.early_data_refused {
        _ if !tls13 => "protocol_version",
        _ if !enabled => "disabled",
        _ if !hello.extensions.contains(ExtensionType::PRE_SHARED_KEY) => "no_session_offered",
        _ if !info.resumed.is_resumed() => "session_not_resumed",
        Some(Miss::Scope(ScopeField::Alpn)) => "alpn_mismatch",
        Some(Miss::NotFresh) => "ticket_age_skew",
        _ if info.hello_retry => "hello_retry_request",
        Some(_) => "unsupported_for_session",
        None => "peer_declined",
    })
}
