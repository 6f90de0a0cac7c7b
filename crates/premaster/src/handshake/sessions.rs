//! Sessions on both sides: found, held against the circumstances of this connection, and made anew.
use super::{established::Info, peer::Peer};
use crate::{
    Error, Secret,
    config::{ClientConfig, ServerConfig, ServerSessions},
    error::Failure,
    identity::Credential,
    observe::{Event, Kept, Miss, Resumption, Tap},
    resume::{ClientSession, Scope, ServerSession, SessionKey, lifetime_within},
    schedule::tls13::ResumptionSecret,
    wire::{
        ExtensionType, PskKeyExchangeMode,
        extension::{self, Extensions},
        grease,
        message::{ClientHello, NewSessionTicket13},
    },
};
use pki_types::{ServerName, UnixTime};
use std::{sync::Arc, time::Duration};

/// The circumstances of a server's connection, as far as they are not negotiated; nothing where no session is kept.
pub(super) fn server_scope(
    config: &ServerConfig,
    name: Option<&str>,
    credential: Option<&Credential>,
) -> Scope {
    if config.sessions.is_off() {
        return Scope::default();
    }
    let leaf = credential.map_or(&[][..], |credential| credential.fingerprint());
    config.scope.server_name(name).credential(leaf)
}

/// What a client's sessions with this server are kept under: its name, and what this client asks of it.
pub(super) fn session_key(config: &ClientConfig, name: &ServerName<'_>) -> SessionKey {
    SessionKey { server: name.to_str().to_ascii_lowercase(), policy: config.session_policy }
}

/// The session that a ticket holds, or that is stored under it.
pub(super) async fn find(config: &ServerConfig, ticket: &[u8], now: UnixTime) -> Result<ServerSession, Miss> {
    let sessions = &config.sessions;
    match sessions.has_tickets() {
        true => sessions.vault.open_ticket(now, &*config.random, ticket).await,
        false => sessions.vault.take(now, &*config.random, ticket).await,
    }
}

/// Tells an observer until when the key of a ticket can open it.
pub(super) fn tell_ticket_key(peer: &Peer, config: &ServerConfig, ticket: &[u8]) {
    let keys = config.sessions.vault.ticket_keys();
    if peer.tap().is_on()
        && let Some(until) = keys.and_then(|keys| keys.opens_until(ticket))
    {
        peer.tap().emit(|| Event::Kept { what: Kept::TicketKey, until });
    }
}

/// Tells an observer that a server has stored a session, or found it there.
pub(super) fn tell_stored(peer: &Peer, session: &ServerSession) {
    peer.tap().emit(|| Event::Kept { what: Kept::Store, until: after(session.created, session.lifetime) });
}

fn after(start: UnixTime, seconds: u32) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(start.as_secs().saturating_add(seconds.into())))
}

/// Tells an observer why a session does not serve.
pub(super) fn missed(peer: &Peer, miss: Miss) {
    peer.tap().emit(|| Event::Resumption(Resumption::Missed(miss)));
}

/// Sends the client's tickets after a TLS 1.3 handshake (RFC 9846 section 4.6.1). Those that are names of what was
/// stored are returned.
pub(super) async fn send_tickets(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    secret: &ResumptionSecret,
    made: Made<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut stored = Vec::new();
    let sessions = &config.sessions;
    let modes = hello.extensions.get::<extension::PskKeyExchangeModes<'_>>()?;
    let usable = modes.is_some_and(|modes| {
        modes.ke_modes.contains(PskKeyExchangeMode::psk_dhe_ke)
            || (config.allow_psk_ke && modes.ke_modes.contains(PskKeyExchangeMode::psk_ke))
    });
    if sessions.is_off() || !usable {
        // RFC 9846 section 4.2.9: servers SHOULD NOT send tickets that no mode of the client's goes with.
        return Ok(stored);
    }
    for nonce in 0..ticket_count(sessions, hello, made.info)? {
        let mut age_add = [0; 4];
        config.random.fill(&mut age_add).map_err(|_| Failure::Random)?;
        let age_add = u32::from_be_bytes(age_add);
        let nonce = [nonce];
        let session = made.session(config, secret.psk(&nonce), age_add);
        if session.lifetime == 0 {
            break;
        }
        let Some(ticket) = keep(peer, config, &session).await else { break };
        let mut extensions = Vec::new();
        if session.max_early_data > 0 {
            let early = extension::EarlyDataNewSessionTicket { max_early_data_size: session.max_early_data };
            extension::push(&mut extensions, &early);
        }
        if config.grease {
            // RFC 8701 section 4: a ticket may bear an extension that nobody knows.
            let [.., seed] = age_add.to_be_bytes();
            extension::push_encoded(&mut extensions, ExtensionType(grease(seed)), &[]);
        }
        peer.send(&NewSessionTicket13 {
            ticket_lifetime: session.lifetime,
            ticket_age_add: age_add,
            ticket_nonce: &nonce,
            ticket: &ticket,
            extensions: Extensions::from_encoded(&extensions),
        });
        if !sessions.has_tickets() {
            stored.push(ticket);
        }
    }
    Ok(stored)
}

/// How many tickets will come, if the client said how many it wants (RFC 9149 section 3).
pub(super) fn ticket_answer(
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    info: &Info,
) -> Result<Option<extension::TicketRequestEncryptedExtensions>, Error> {
    let asked = hello.extensions.contains(ExtensionType::TICKET_REQUEST);
    if !asked || config.sessions.is_off() {
        return Ok(None);
    }
    let expected_count = ticket_count(&config.sessions, hello, info)?;
    Ok(Some(extension::TicketRequestEncryptedExtensions { expected_count }))
}

/// RFC 9149: the client may say how many it wants; more than the server's own limit it does not get.
fn ticket_count(sessions: &ServerSessions, hello: &ClientHello<'_>, info: &Info) -> Result<u8, Error> {
    let most = sessions.tickets_per_handshake;
    Ok(match hello.extensions.get::<extension::TicketRequestClientHello>()? {
        Some(request) if info.resumed.is_resumed() => request.resumption_count.min(most.max(1)),
        Some(request) => request.new_session_count.min(most.max(4)),
        // A ticket was used up: one takes its place.
        None if info.resumed.is_resumed() => most.min(1),
        None => most,
    })
}

/// Seals a session into a ticket, or stores it under a name.
async fn keep(peer: &Peer, config: &ServerConfig, session: &ServerSession) -> Option<Vec<u8>> {
    let (vault, now, random) = (&config.sessions.vault, session.created, &*config.random);
    if config.sessions.has_tickets() {
        let ticket = vault.seal_ticket(now, random, session).await?;
        tell_ticket_key(peer, config, &ticket);
        return Some(ticket);
    }
    let mut id = vec![0; 32];
    random.fill(&mut id).ok()?;
    vault.put(now, random, &id, session).await.ok()?;
    tell_stored(peer, session);
    Some(id)
}

/// What a handshake leaves behind.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) info: &'a Info,
    pub(super) scope: &'a Scope,
    pub(super) now: UnixTime,
    /// When the peers last showed certificates to each other.
    pub(super) authenticated: UnixTime,
}

impl Made<'_> {
    /// The session that a server makes of it.
    pub(super) fn session(&self, config: &ServerConfig, secret: Secret, age_add: u32) -> ServerSession {
        let info = self.info;
        let scope = self.scope.negotiated(info.version, info.suite.hash, info.extended_master_secret);
        ServerSession {
            suite: info.suite,
            secret,
            extended_master_secret: info.extended_master_secret,
            authenticated: self.authenticated,
            created: self.now,
            lifetime: lifetime_within(self.now, config.sessions.lifetime, info.peer.as_deref()),
            age_add,
            max_early_data: config.sessions.max_early_data,
            alpn: info.alpn.clone(),
            server_name: info.server_name.clone(),
            client: info.peer.clone(),
            scope,
        }
    }
}

/// Tells an observer that a client's cache has a session.
pub(super) fn tell_cached(session: &ClientSession, tap: &Tap) {
    tap.emit(|| Event::Kept { what: Kept::Cache, until: after(session.received, session.lifetime) });
}

/// What a client needs to keep sessions of an established connection.
pub(crate) struct Keeper {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) key: SessionKey,
}

impl Keeper {
    pub(super) fn new(config: &Arc<ClientConfig>, name: &ServerName<'_>) -> Option<Box<Self>> {
        config.resumption.sessions.as_ref()?;
        Some(Box::new(Self { config: Arc::clone(config), key: session_key(config, name) }))
    }

    /// Keeps a session.
    pub(crate) fn keep(&self, session: ClientSession, tap: &Tap) {
        if let Some(sessions) = &self.config.resumption.sessions {
            tell_cached(&session, tap);
            sessions.put(session);
        }
    }
}
