//! The client's side up to the choice of version: what is offered, and what the server made of it.
use super::{
    Established, Leaves, certificate, client12, client13,
    disguise::Disguise,
    peer::Peer,
    psk13::{self, OfferedPsk},
    record_keys::sealer13,
    sessions::session_key,
};
use crate::{
    Error,
    config::{ClientConfig, Policy},
    error::{Failure, Incompatible, Misbehaved, Misuse},
    exchange::{EphemeralKey, Group},
    observe::{Choice, Epoch, Event, KeyLife},
    resume::{ClientSession, SessionKey, SessionName},
    suite::Suite,
    wire::{
        CipherSuite, ExtensionType, HandshakeType, List, NamedGroup, ProtocolVersion,
        extension::{self, Extensions},
        message::{ClientHello, DOWNGRADE_TLS11, DOWNGRADE_TLS12, ServerHello, handshake},
    },
};
use pki_types::ServerName;
use smallvec::SmallVec;
use std::sync::Arc;

/// A client's handshake (RFC 9846 section 2, RFC 5246 section 7.3).
pub(crate) async fn handshake(
    peer: Peer,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Result<Established, Error> {
    let mut offer = Offer::new(config, name)?;
    peer.tap().identify(&offer.random);
    offer.verify_again(&peer).await?;
    offer.send(&peer)?;

    let answer = peer.expect(HandshakeType::SERVER_HELLO).await?;
    let hello = ServerHello::decode(answer.body())?;
    let version = offer.version(&hello)?;
    peer.set_version(version);
    let because = "the server chose it from those offered";
    peer.tap().emit(|| Event::Chose { what: Choice::Version(version), because });
    match version {
        ProtocolVersion::TLS_1_3 => client13::handshake(peer, offer, answer).await,
        _ => {
            offer.discard_shares(&peer);
            client12::handshake(peer, offer, answer).await
        }
    }
}

/// What a client offers, as far as later checks need to remember it.
pub(super) struct Offer {
    pub(super) config: Arc<ClientConfig>,
    /// What the configuration's policy leaves for this very server.
    pub(super) policy: Arc<Policy>,
    pub(super) name: ServerName<'static>,
    pub(super) random: [u8; 32],
    pub(super) session_id: Vec<u8>,
    pub(super) shares: Vec<EphemeralKey>,
    pub(super) cookie: Option<Vec<u8>>,
    /// A TLS 1.2 session to resume.
    pub(super) session12: Option<Arc<ClientSession>>,
    /// How much early data the first pre-shared key allows.
    pub(super) early_data: usize,
    /// The pre-shared keys of TLS 1.3.
    pub(super) psks: Vec<OfferedPsk>,
    /// The last ClientHello, header included.
    pub(super) hello: Vec<u8>,
    sent: SmallVec<[ExtensionType; 24]>,
    pub(super) disguise: Disguise,
}

impl Offer {
    fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Error> {
        // Randomness is drawn once: it costs a system call or more.
        let mut bytes = [0; 64];
        config.random.fill(&mut bytes).map_err(|_| Failure::Random)?;
        let (random, session_id) = bytes.split_at(32);
        let policy = effective_policy(&config, &name)?;
        let mut offer = Self {
            policy,
            random: random.try_into().map_err(|_| Failure::Random)?,
            session_id: Vec::new(),
            shares: Vec::new(),
            cookie: None,
            session12: None,
            early_data: 0,
            psks: Vec::new(),
            hello: Vec::new(),
            sent: SmallVec::new(),
            disguise: Disguise::new(&config)?,
            config,
            name,
        };
        offer.look_for_session(session_id);
        if offer.offers(ProtocolVersion::TLS_1_3) {
            if offer.config.middlebox_compatibility && offer.session_id.is_empty() {
                offer.session_id = session_id.to_vec();
            }
            offer.psks.extend(offer.config.external_psks.iter().map(OfferedPsk::external));
            let groups = offer.policy.key_shares.iter().filter_map(|code| Group::find(*code));
            let keys = offer.config.keys();
            offer.shares = groups.map(|group| keys.ephemeral(group)).collect::<Result<_, _>>()?;
        }
        Ok(offer)
    }

    /// A session with this server, if one is kept: a TLS 1.3 ticket, to be used once, or a TLS 1.2 session.
    fn look_for_session(&mut self, random_id: &[u8]) {
        let (Some(sessions), Some(now)) = (&self.config.resumption.sessions, self.config.clock.now()) else {
            return;
        };
        let Some(session) = sessions.take(&session_key(&self.config, &self.name), now) else { return };
        if !self.policy.cipher_suites.contains(&session.suite.code) || !self.offers(session.version()) {
            return;
        }
        if session.version() == ProtocolVersion::TLS_1_3 {
            // RFC 9846 section 4.2.10: early data is for the session's protocol, which this client must still want.
            let speaks = |own: &Vec<u8>| self.config.alpn.contains(own);
            if self.config.resumption.early_data && session.alpn.as_ref().is_none_or(speaks) {
                self.early_data = session.max_early_data as usize;
            }
            self.psks.push(OfferedPsk::session(session, now));
            return;
        }
        self.session_id = match &session.name {
            SessionName::Id(id) => id.clone(),
            // RFC 5077 section 3.4: a server that takes the ticket echoes the ID, which tells this client so.
            SessionName::Ticket(_) => random_id.to_vec(),
        };
        self.session12 = Some(session);
    }

    /// Leaves the session out if the server that it was made with is believed no more.
    async fn verify_again(&mut self, peer: &Peer) -> Result<(), Error> {
        let session = self.psks.iter().find_map(OfferedPsk::resumes).or(self.session12.as_ref());
        let Some(server) = session.and_then(|session| session.server.clone()) else { return Ok(()) };
        if !self.config.resumption.reverify
            || certificate::verify_again(peer, &self.config, &self.name, &server).await.is_ok()
        {
            return Ok(());
        }
        self.psks.retain(|psk| psk.resumes().is_none());
        self.early_data = 0;
        if self.session12.take().is_some() {
            self.session_id.clear();
        }
        if self.offers(ProtocolVersion::TLS_1_3) && self.config.middlebox_compatibility {
            self.session_id.resize(32, 0);
            self.config.random.fill(&mut self.session_id).map_err(|_| Failure::Random)?;
        }
        Ok(())
    }

    /// The ticket of the TLS 1.2 session on offer; empty says that this client would keep one (RFC 5077 section 3.2).
    pub(super) fn session_ticket(&self) -> &[u8] {
        match self.session12.as_ref().map(|session| &session.name) {
            Some(SessionName::Ticket(ticket)) => ticket,
            _ => &[],
        }
    }

    /// This TLS 1.2 session is forgotten if the connection ends with a fatal alert.
    pub(super) fn leave(&self, peer: &Peer, key: SessionKey, name: SessionName) {
        peer.leave(Leaves::Client { config: Arc::clone(&self.config), key, name });
    }

    pub(super) fn offers(&self, version: ProtocolVersion) -> bool {
        self.policy.allows(version)
    }

    /// Whether the last hello had this extension: an answer to any other is unsolicited.
    pub(super) fn sent(&self, extension: ExtensionType) -> bool {
        self.sent.contains(&extension)
    }

    /// Makes the share that a HelloRetryRequest asks for, in place of those that were sent.
    pub(super) fn retry_with(&mut self, peer: &Peer, group: &'static Group) -> Result<(), Error> {
        self.discard_shares(peer);
        self.shares = vec![self.config.keys().ephemeral(group)?];
        Ok(())
    }

    /// Sends a ClientHello, the first or the second (RFC 9846 section 4.1.2).
    pub(super) fn send(&mut self, peer: &Peer) -> Result<(), Error> {
        for share in &self.shares {
            let group = Some(share.group().code);
            peer.tap().emit(|| Event::EphemeralKey { group, public: share.public(), life: KeyLife::Made });
        }
        let mut extensions = Vec::with_capacity(2048);
        self.extensions(&mut extensions);
        let extensions = self.disguise.arrange(extensions);
        let extensions = Extensions::from_encoded(&extensions);
        self.sent = extensions.iter().map(|(extension, _)| extension).collect();
        let cipher_suites = self.cipher_suites();
        let hello = ClientHello {
            legacy_version: ProtocolVersion::TLS_1_2,
            random: &self.random,
            session_id: &self.session_id,
            cipher_suites: List::from(&*cipher_suites),
            compression_methods: &[0],
            extensions,
        };
        let mut encoded = Vec::with_capacity(2048);
        handshake::encode(&hello, &mut encoded);
        if !self.psks.is_empty() {
            psk13::bind(peer, &mut encoded, &self.psks);
        }
        peer.send_encoded(&encoded);
        if let Some(session) = &self.session12 {
            self.leave(peer, session.key.clone(), session.name.clone());
        }
        let mut mailbox = peer.mailbox();
        // RFC 9846 section 5.1: the first hello may say 0x0301, which is what the oldest middleboxes expect.
        if self.hello.is_empty() {
            mailbox.set_record_version(ProtocolVersion::TLS_1_0);
        }
        mailbox.flush()?;
        mailbox.set_record_version(ProtocolVersion::TLS_1_2);
        drop(mailbox);
        if self.early_data > 0 {
            self.start_early_data(peer)?;
        }
        self.hello = encoded;
        Ok(())
    }

    /// From here on the application may send early data, under a key that comes from the ticket's alone
    /// (RFC 9846 section 2.3).
    fn start_early_data(&self, peer: &Peer) -> Result<(), Error> {
        let Some((psk, session)) = self.psks.first().and_then(|psk| Some((psk, psk.resumes()?))) else {
            return Ok(());
        };
        if self.config.middlebox_compatibility {
            peer.send_change_cipher_spec()?;
        }
        let (early, hello) = (psk.early_secret(peer), peer.transcript_hash_with(psk.hash, &[]));
        peer.install_write(sealer13(session.suite, &early.early_traffic(&hello))?, Epoch::EarlyData)?;
        peer.set_early_exporter(early.early_exporter(&hello));
        peer.allow_early_data(self.early_data);
        Ok(())
    }

    fn cipher_suites(&self) -> SmallVec<[CipherSuite; 32]> {
        let policy = &self.policy;
        let speaks = |code: &&CipherSuite| {
            Suite::find(**code).is_some_and(|suite| {
                let keyed = !suite.key_exchange.has_psk() || !self.config.external_psks.is_empty();
                policy.allows(suite.version()) && keyed
            })
        };
        let mut suites: SmallVec<[CipherSuite; 32]> =
            self.disguise.suite().map(CipherSuite).into_iter().collect();
        suites.extend(policy.cipher_suites.iter().filter(speaks).copied());
        if self.config.fallback_scsv {
            suites.push(CipherSuite::TLS_FALLBACK_SCSV);
        }
        suites
    }

    /// The version that the server chose (RFC 9846 sections 4.1.3 and 4.2.1).
    fn version(&self, hello: &ServerHello<'_>) -> Result<ProtocolVersion, Error> {
        let chosen = match hello.extensions.get::<extension::SupportedVersionsServerHello>()? {
            // Only TLS 1.3 and later are negotiated by the extension.
            Some(extension) if extension.selected_version < ProtocolVersion::TLS_1_3 => {
                return Err(Misbehaved::UnofferedVersion.into());
            }
            Some(extension) if !self.offers(extension.selected_version) => {
                return Err(Misbehaved::UnofferedVersion.into());
            }
            Some(_) if hello.legacy_version != ProtocolVersion::TLS_1_2 => {
                return Err(Misbehaved::UnofferedVersion.into());
            }
            Some(extension) => extension.selected_version,
            None => hello.legacy_version,
        };
        if !self.offers(chosen)
            || ![ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3].contains(&chosen)
            || (chosen == ProtocolVersion::TLS_1_3 && hello.legacy_version != ProtocolVersion::TLS_1_2)
        {
            let ours = self.policy.versions.to_vec();
            return Err(Incompatible::Version { ours, theirs: vec![chosen] }.into());
        }
        // RFC 9846 section 4.1.3: a server that could have spoken TLS 1.3 says so in its random, which is signed.
        if chosen < ProtocolVersion::TLS_1_3
            && self.offers(ProtocolVersion::TLS_1_3)
            && (hello.bears(&DOWNGRADE_TLS12) || hello.bears(&DOWNGRADE_TLS11))
        {
            return Err(Misbehaved::Downgraded.into());
        }
        Ok(chosen)
    }

    /// The share that the server chose, to be spent; the others are erased.
    pub(super) fn take_share(&mut self, peer: &Peer, group: NamedGroup) -> Result<EphemeralKey, Error> {
        let chosen = self.shares.iter().position(|share| share.group().code == group);
        let chosen = chosen.map(|index| self.shares.swap_remove(index));
        self.discard_shares(peer);
        chosen.ok_or(Misbehaved::UnsharedGroup.into())
    }

    /// Erases the shares that come to nothing.
    pub(super) fn discard_shares(&mut self, peer: &Peer) {
        for share in std::mem::take(&mut self.shares) {
            let (group, life) = (Some(share.group().code), KeyLife::DiscardedAndErased);
            peer.tap().emit(|| Event::EphemeralKey { group, public: share.public(), life });
        }
    }

    /// An extension of the server's that answers none of ours is unsolicited (RFC 9846 section 4.2).
    pub(super) fn check_answers(
        &self,
        message: HandshakeType,
        extensions: &Extensions<'_>,
    ) -> Result<(), Error> {
        for (extension, _) in extensions.iter() {
            let unasked =
                [ExtensionType::COOKIE].contains(&extension) && message == HandshakeType::SERVER_HELLO;
            if !unasked && !self.sent(extension) {
                return Err(Misbehaved::UnofferedExtension.into());
            }
        }
        Ok(())
    }

    /// The protocol that the server chose (RFC 7301 section 3.1).
    pub(super) fn alpn(&self, extensions: &Extensions<'_>) -> Result<Option<Vec<u8>>, Error> {
        let Some(chosen) = extensions.get::<extension::SelectedProtocolName<'_>>()? else { return Ok(None) };
        let name = chosen.protocol_name.0;
        match self.config.alpn.iter().any(|own| own == name) {
            true => Ok(Some(name.to_vec())),
            false => Err(Misbehaved::UnofferedAlpn.into()),
        }
    }
}

/// The policy towards one server: without what is fenced, unless an opt-in covers this server now.
fn effective_policy(config: &ClientConfig, name: &ServerName<'_>) -> Result<Arc<Policy>, Error> {
    if !config.policy.has_fenced()
        || config.legacy.iter().any(|opt_in| opt_in.holds(Some(name), config.clock.now()))
    {
        return Ok(Arc::clone(&config.policy));
    }
    let policy = (*config.policy).clone().without_fenced();
    match policy.cipher_suites.is_empty() {
        true => Err(Misuse::LegacyNotAllowed.into()),
        false => Ok(Arc::new(policy)),
    }
}
