//! What the hellos say that matters to somebody who listens.
use crate::report::Session;
use premaster::wire::{
    CipherSuite, DecodeError, ExtensionType, NamedGroup, ProtocolVersion,
    extension::{
        KeyShareHelloRetryRequest, KeyShareServerHello, PreSharedKeyServerHello, SelectedProtocolName,
        ServerName, SupportedVersionsServerHello,
    },
    message::{ClientHello, ServerHello, handshake},
};

/// What a ClientHello says.
#[derive(Debug)]
pub(super) struct ClientFacts {
    pub(super) random: [u8; 32],
    /// The version in the old field, which RSA key transport checks.
    pub(super) offered: ProtocolVersion,
    /// The TLS 1.2 ticket, if there is one.
    pub(super) ticket: Option<Vec<u8>>,
    pub(super) early_data: bool,
}

/// Reads a ClientHello, header included, and notes in the report what belongs there.
pub(super) fn client(message: &[u8], session: &mut Session) -> Result<ClientFacts, DecodeError> {
    let (_, body) = handshake::decode(message)?;
    let hello = ClientHello::decode(body)?;
    session.client_random = Some(*hello.random);
    if let Ok(Some(name)) = hello.extensions.get::<ServerName<'_>>() {
        session.server_name = Some(String::from_utf8_lossy(name.host_name).into_owned());
    }
    let ticket = hello.extensions.find(ExtensionType::SESSION_TICKET).filter(|ticket| !ticket.is_empty());
    Ok(ClientFacts {
        random: *hello.random,
        offered: hello.legacy_version,
        ticket: ticket.map(<[u8]>::to_vec),
        early_data: hello.extensions.contains(ExtensionType::EARLY_DATA),
    })
}

/// What a ServerHello says.
#[derive(Debug)]
pub(super) struct ServerFacts {
    pub(super) version: ProtocolVersion,
    pub(super) random: [u8; 32],
    pub(super) session_id: Vec<u8>,
    pub(super) is_retry: bool,
    pub(super) is_compressed: bool,
    pub(super) extended_master_secret: bool,
    pub(super) encrypt_then_mac: bool,
    /// Whether it will give a TLS 1.2 ticket.
    pub(super) session_ticket: bool,
    pub(super) cipher_suite: CipherSuite,
    pub(super) group: Option<NamedGroup>,
    /// Which of the client's pre-shared keys is used.
    pub(super) selected_psk: Option<u16>,
}

/// Reads a ServerHello, header included, and notes in the report what belongs there.
pub(super) fn server(message: &[u8], session: &mut Session) -> Result<ServerFacts, DecodeError> {
    let (_, body) = handshake::decode(message)?;
    let hello = ServerHello::decode(body)?;
    let extensions = &hello.extensions;
    let version = match extensions.get::<SupportedVersionsServerHello>()? {
        Some(chosen) => chosen.selected_version,
        None => hello.legacy_version,
    };
    let is_retry = hello.is_hello_retry_request();
    let group = match is_retry {
        true => extensions.get::<KeyShareHelloRetryRequest>()?.map(|request| request.selected_group),
        false => extensions.get::<KeyShareServerHello<'_>>()?.map(|share| share.server_share.group),
    };
    session.version = Some(version);
    if let Ok(Some(alpn)) = extensions.get::<SelectedProtocolName<'_>>() {
        session.alpn = Some(alpn.protocol_name.0.to_vec());
    }
    let selected = extensions.get::<PreSharedKeyServerHello>().ok().flatten();
    Ok(ServerFacts {
        version,
        random: *hello.random,
        session_id: hello.session_id.to_vec(),
        is_retry,
        is_compressed: hello.compression_method != 0,
        extended_master_secret: extensions.contains(ExtensionType::EXTENDED_MASTER_SECRET),
        encrypt_then_mac: extensions.contains(ExtensionType::ENCRYPT_THEN_MAC),
        session_ticket: extensions.contains(ExtensionType::SESSION_TICKET),
        cipher_suite: hello.cipher_suite,
        group,
        selected_psk: selected.map(|selected| selected.selected_identity),
    })
}
