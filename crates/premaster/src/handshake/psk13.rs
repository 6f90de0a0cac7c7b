//! Pre-shared keys in TLS 1.3 (RFC 9846 sections 4.2.9 to 4.2.11): those of tickets, and those from outside.
use super::{established::Info, peer::Peer, sessions};
use crate::{
    Error,
    config::ServerConfig,
    crypto::hash::HashAlgorithm,
    error::Misbehaved,
    identity::ExternalPsk,
    observe::{Event, Miss, Resumed, Resumption, ScopeField},
    resume::{Asked, ClientSession, Freshness, Scope, ServerSession},
    schedule::{
        Kdf,
        tls13::{EarlySecret, PskSource},
    },
    wire::{
        ExtensionType, List, ProtocolVersion, PskKeyExchangeMode,
        extension::{self, PreSharedKeyClientHello, PskBinderEntry, PskIdentity},
        message::ClientHello,
    },
};
use pki_types::UnixTime;
use std::sync::Arc;

/// A key as a client offers it.
pub(super) struct OfferedPsk {
    identity: Vec<u8>,
    obfuscated_ticket_age: u32,
    key: Key,
    /// The hash that it belongs to.
    pub(super) hash: HashAlgorithm,
    source: PskSource,
    /// Whether it stands first in the offer, which early data depends on.
    pub(super) is_first: bool,
}

enum Key {
    External(Arc<ExternalPsk>),
    Session(Arc<ClientSession>),
}

impl Key {
    fn expose(&self) -> &[u8] {
        match self {
            Self::External(psk) => psk.key().expose(),
            Self::Session(session) => session.secret.expose(),
        }
    }
}

impl OfferedPsk {
    /// The key of a ticket.
    pub(super) fn session(session: Arc<ClientSession>, now: UnixTime) -> Self {
        Self {
            identity: session.name.bytes().to_vec(),
            obfuscated_ticket_age: session.obfuscated_ticket_age(now),
            hash: session.suite.hash,
            source: PskSource::Resumption,
            is_first: false,
            key: Key::Session(session),
        }
    }

    /// The session that it comes from, if it comes from one.
    pub(super) fn resumes(&self) -> Option<&Arc<ClientSession>> {
        match &self.key {
            Key::Session(session) => Some(session),
            Key::External(_) => None,
        }
    }

    /// The name of a key that comes from outside.
    pub(super) fn external_identity(&self) -> Option<Vec<u8>> {
        match &self.key {
            Key::External(psk) => Some(psk.identity().to_vec()),
            Key::Session(_) => None,
        }
    }

    /// A key from outside TLS.
    pub(super) fn external(psk: &Arc<ExternalPsk>) -> Self {
        Self {
            identity: psk.identity().to_vec(),
            // RFC 9846 section 4.2.11: 0 for keys from outside.
            obfuscated_ticket_age: 0,
            hash: psk.hash(),
            source: source(psk),
            is_first: false,
            key: Key::External(Arc::clone(psk)),
        }
    }

    /// The first stage of the key schedule with this key.
    pub(super) fn early_secret(&self, peer: &Peer) -> EarlySecret {
        EarlySecret::with_psk(Kdf::new(self.hash, peer.tap()), self.key.expose())
    }
}

fn source(psk: &ExternalPsk) -> PskSource {
    match psk.is_imported() {
        true => PskSource::Imported,
        false => PskSource::External,
    }
}

/// pre_shared_key, with zeros where the binders will stand. It must be the last extension.
pub(super) fn push_offer(out: &mut Vec<u8>, psks: &[OfferedPsk]) {
    let zeros = [0; 64];
    let identities: Vec<PskIdentity<'_>> = psks
        .iter()
        .map(|psk| PskIdentity { identity: &psk.identity, obfuscated_ticket_age: psk.obfuscated_ticket_age })
        .collect();
    let binders: Vec<PskBinderEntry<'_>> =
        psks.iter().map(|psk| PskBinderEntry(&zeros[..psk.hash.output_len()])).collect();
    let offer =
        PreSharedKeyClientHello { identities: List::from(&identities), binders: List::from(&binders) };
    extension::push(out, &offer);
}

/// Writes the binders at the end of an encoded ClientHello: each shows that its key's owner sent what stands
/// before them (RFC 9846 section 4.2.11.2).
pub(super) fn bind(peer: &Peer, hello: &mut [u8], psks: &[OfferedPsk]) {
    let len: usize = 2 + psks.iter().map(|psk| 1 + psk.hash.output_len()).sum::<usize>();
    let start = hello.len().saturating_sub(len);
    let (truncated, binders) = hello.split_at_mut(start);
    let mut at = 2;
    for psk in psks {
        let transcript = peer.transcript_hash_with(psk.hash, truncated);
        let binder = psk.early_secret(peer).binder_key(psk.source).binder(&transcript);
        let binder = binder.as_ref();
        if let Some(slot) = binders.get_mut(at + 1..at + 1 + binder.len()) {
            slot.copy_from_slice(binder);
        }
        at += 1 + binder.len();
    }
}

/// A key that a server goes on with.
pub(super) struct AcceptedPsk {
    /// Its place in the client's list.
    pub(super) selected_identity: u16,
    /// The hash that the suite must have.
    pub(super) hash: HashAlgorithm,
    /// The first stage of the key schedule.
    pub(super) early: EarlySecret,
    /// Whether the client lets the exchange be left out, and this server does too.
    pub(super) mode: PskKeyExchangeMode,
    /// What it is.
    secret: KnownKey,
    /// What the client says of the ticket's age.
    obfuscated_ticket_age: u32,
}

impl AcceptedPsk {
    /// What this connection inherits from the session.
    pub(super) fn restore(&self, info: &mut Info) {
        match &self.secret {
            KnownKey::External(psk) => info.external_psk = Some(psk.identity().to_vec()),
            KnownKey::Session(session) => {
                info.resumed = Resumed::Psk;
                info.peer = session.client.clone();
            }
        }
    }

    /// What a second hello may offer again, if it is a session. `hello` is the one that offered it.
    pub(super) fn into_earlier(self, hello: &ClientHello<'_>) -> Option<Earlier> {
        let KnownKey::Session(session) = self.secret else { return None };
        let offer = hello.extensions.get::<PreSharedKeyClientHello<'_>>().ok()??;
        let offered = offer.identities.iter().nth(self.selected_identity.into())?;
        Some(Earlier { identity: offered.identity.to_vec(), session })
    }

    /// When the peers last showed certificates to each other.
    pub(super) fn authenticated(&self, now: UnixTime) -> UnixTime {
        self.session().map_or(now, |session| session.authenticated)
    }

    /// The session, if it comes from a ticket.
    fn session(&self) -> Option<&ServerSession> {
        match &self.secret {
            KnownKey::Session(session) => Some(session),
            KnownKey::External(_) => None,
        }
    }
}

/// A session that was found before a HelloRetryRequest. Where it is stored it can be taken only once.
pub(super) struct Earlier {
    identity: Vec<u8>,
    session: Box<ServerSession>,
}

/// What a session is held against.
#[derive(Clone, Copy)]
pub(super) struct Resumable<'a> {
    pub(super) config: &'a ServerConfig,
    pub(super) scope: &'a Scope,
    pub(super) now: UnixTime,
}

/// psk_dhe_ke, unless it would come to nothing: without a group in common it is psk_ke, where both sides allow it.
fn choose_mode(
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    offered: List<'_, PskKeyExchangeMode>,
) -> Result<Option<PskKeyExchangeMode>, Error> {
    let groups = hello.extensions.get::<extension::SupportedGroups<'_>>()?;
    let has_group = groups.is_some_and(|groups| {
        config.policy.group_rows().any(|group| groups.named_group_list.contains(group.code))
    });
    let psk_ke = config.allow_psk_ke && offered.contains(PskKeyExchangeMode::psk_ke);
    Ok(match offered.contains(PskKeyExchangeMode::psk_dhe_ke) {
        true if has_group || !psk_ke => Some(PskKeyExchangeMode::psk_dhe_ke),
        _ => psk_ke.then_some(PskKeyExchangeMode::psk_ke),
    })
}

/// The first of the client's keys that this server knows and may use; its binder is verified before anything
/// else is made of it.
pub(super) async fn accept(
    peer: &Peer,
    resumable: &Resumable<'_>,
    hello: &ClientHello<'_>,
    hashes: &[HashAlgorithm],
    mut earlier: Option<Earlier>,
) -> Result<Option<AcceptedPsk>, Error> {
    let Some(offer) = hello.extensions.get::<PreSharedKeyClientHello<'_>>()? else { return Ok(None) };
    let modes =
        hello.extensions.get::<extension::PskKeyExchangeModes<'_>>()?.ok_or(Misbehaved::PskModesMissing)?;
    if offer.identities.len() != offer.binders.len() {
        return Err(Misbehaved::BinderCount.into());
    }
    let Some(mode) = choose_mode(resumable.config, hello, modes.ke_modes)? else {
        sessions::missed(peer, Miss::Declined);
        return Ok(None);
    };
    let identities = offer.identities.iter().zip(offer.binders.iter()).enumerate();
    for (index, (identity, binder)) in identities.take(resumable.config.limits.pre_shared_keys) {
        let found = earlier.take_if(|earlier| earlier.identity == identity.identity);
        let Some(known) = look_up(peer, resumable, identity.identity, hashes, found).await else { continue };
        let early = EarlySecret::with_psk(Kdf::new(known.hash, peer.tap()), known.key());
        let transcript = peer.transcript_hash_without_tail(known.hash, offer.binders_len());
        if !early.binder_key(known.source).verify(&transcript, binder.0) {
            return Err(Misbehaved::BinderMismatch.into());
        }
        if let KnownKey::Session(session) = &known.secret {
            let skew = Freshness::skew(resumable.now, session, identity.obfuscated_ticket_age);
            peer.tap().emit(|| Event::TicketAge { skew });
            sessions::tell_ticket_key(peer, resumable.config, identity.identity);
        }
        return Ok(Some(AcceptedPsk {
            selected_identity: index as u16,
            hash: known.hash,
            early,
            mode,
            secret: known.secret,
            obfuscated_ticket_age: identity.obfuscated_ticket_age,
        }));
    }
    Ok(None)
}

struct Known {
    hash: HashAlgorithm,
    source: PskSource,
    secret: KnownKey,
}

enum KnownKey {
    External(Arc<ExternalPsk>),
    Session(Box<ServerSession>),
}

impl Known {
    fn key(&self) -> &[u8] {
        match &self.secret {
            KnownKey::External(psk) => psk.key().expose(),
            KnownKey::Session(session) => session.secret.expose(),
        }
    }
}

/// A key by its identity: one from outside, or one in a ticket that may be resumed here and now.
async fn look_up(
    peer: &Peer,
    resumable: &Resumable<'_>,
    identity: &[u8],
    hashes: &[HashAlgorithm],
    earlier: Option<Earlier>,
) -> Option<Known> {
    let Resumable { config, scope, now } = *resumable;
    if let Some(psk) = config.external_psks.find(identity).await {
        let known = Known { hash: psk.hash(), source: source(&psk), secret: KnownKey::External(psk) };
        return Some(known).filter(|known| hashes.contains(&known.hash));
    }
    if config.sessions.is_off() {
        sessions::missed(peer, Miss::Declined);
        return None;
    }
    let asked = Asked {
        now,
        version: ProtocolVersion::TLS_1_3,
        accepts: &|suite| hashes.contains(&suite.hash),
        extended_master_secret: true,
        scope,
        policy: config.sessions.scope,
        max_authentication_age: config.sessions.max_authentication_age,
    };
    let found = match earlier {
        Some(earlier) => Ok(*earlier.session),
        None => sessions::find(config, identity, now).await,
    };
    match found.and_then(|session| session.check(&asked).map(|()| session)) {
        Ok(session) => {
            let hash = session.suite.hash;
            Some(Known { hash, source: PskSource::Resumption, secret: KnownKey::Session(Box::new(session)) })
        }
        Err(miss) => {
            sessions::missed(peer, miss);
            None
        }
    }
}

/// How much early data is accepted (RFC 9846 sections 4.2.10 and 8); none if anything speaks against it.
pub(super) async fn early_data(
    peer: &Peer,
    resumable: &Resumable<'_>,
    hello: &ClientHello<'_>,
    psk: &AcceptedPsk,
    info: &Info,
) -> Option<usize> {
    if !hello.extensions.contains(ExtensionType::EARLY_DATA) {
        return None;
    }
    match may_take_early_data(resumable, hello, psk, info).await {
        Ok(most) => Some(most),
        Err(miss) => {
            peer.tap().emit(|| Event::Resumption(Resumption::EarlyDataRefused(miss)));
            None
        }
    }
}

async fn may_take_early_data(
    resumable: &Resumable<'_>,
    hello: &ClientHello<'_>,
    psk: &AcceptedPsk,
    info: &Info,
) -> Result<usize, Miss> {
    let sessions = &resumable.config.sessions;
    let session = psk.session().ok_or(Miss::Declined)?;
    let most = session.max_early_data.min(sessions.max_early_data);
    // RFC 9846 section 4.2.10: the first identity, no second ClientHello, the very suite and protocol.
    if most == 0 || psk.selected_identity != 0 || info.hello_retry {
        return Err(Miss::Declined);
    }
    if session.suite != info.suite {
        return Err(Miss::Suite);
    }
    if session.alpn != info.alpn {
        return Err(Miss::Scope(ScopeField::Alpn));
    }
    // RFC 9846 section 8.1: a ticket brings early data once, whatever else its ClientHello says.
    let offer = hello.extensions.get::<PreSharedKeyClientHello<'_>>().ok().flatten();
    let ticket = offer.and_then(|offer| offer.identities.first()).ok_or(Miss::Malformed)?.identity;
    let age = psk.obfuscated_ticket_age;
    sessions.vault.claim_early_data(resumable.now, sessions.freshness, ticket, age, session).await?;
    Ok(most as usize)
}
