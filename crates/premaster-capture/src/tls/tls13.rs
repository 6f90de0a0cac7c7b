//! TLS 1.3: the traffic secrets, from a key log or from a pre-shared key alone (RFC 9846 section 7.1).
use super::{
    Context,
    half::Half,
    hello::{ClientFacts, ServerFacts},
};
use crate::{
    keylog::Label,
    memory::{Original, SessionName},
    reason::{Reason, SecretSource},
    report::Session,
};
use premaster::{
    Secret,
    identity::Certificate,
    observe::{Epoch, Event, Resumed, Tap},
    record::Opener,
    schedule::{
        Kdf, Transcript,
        tls13::{EarlySecret, MainSecret, PskSource, ResumptionSecret, TrafficSecret},
    },
    suite::{KeyExchange, Protection, Suite},
    wire::{
        ExtensionType, HandshakeType, PerSide, ProtocolVersion, Side,
        extension::{PreSharedKeyClientHello, PskIdentity, SelectedProtocolName},
        message::{Certificate13, ClientHello, EncryptedExtensions, NewSessionTicket13, handshake},
    },
};

/// A TLS 1.3 handshake that is listened to.
pub(super) struct Tls13 {
    suite: &'static Suite,
    /// From ClientHello through the server's Finished; then the client's messages as well.
    transcript: Transcript,
    /// What the client says after its hello, until the server has finished.
    client_flight: Vec<Vec<u8>>,
    server_finished: bool,
    /// If everything is derived from a pre-shared key.
    main: Option<MainSecret>,
    resumption: Option<ResumptionSecret>,
    /// Who listens to derivations.
    kdf: Kdf,
    /// The secrets of application data that a key log has, until they are told.
    untold: Vec<(Side, Label, Secret)>,
    /// Whether messages of the handshake are missing: nothing more is derived from the transcript.
    missed: bool,
}

/// A record's keys, and the secret that the next ones are made of.
type Keys = Option<(Opener, Option<TrafficSecret>)>;

impl Tls13 {
    /// ServerHello is here: `hellos` are ClientHello and, if there was a HelloRetryRequest, that and the second
    /// ClientHello.
    #[allow(clippy::too_many_arguments, reason = "the two halves of a session, and what goes with them")]
    pub(super) fn start(
        suite: &'static Suite,
        client: &ClientFacts,
        server: &ServerFacts,
        hellos: &[Vec<u8>],
        server_hello: &[u8],
        halves: (&mut Half, &mut Half),
        session: &mut Session,
        context: &mut Context<'_>,
    ) -> Self {
        session.extended_master_secret = true;
        session.psk = server.selected_psk.is_some();
        let kdf = Kdf::new(suite.hash, context.tap.clone());
        let stores = context.keys;
        let secret = |label: Label| {
            stores
                .iter()
                .find_map(|store| store.session(&client.random).and_then(|logged| logged.traffic(label)))
        };
        let logged = |label: Label| keys(suite, recorded(&kdf, label, secret(label)?));
        // Those are there already, but no end has them yet: they are told of when it has.
        let quiet = Kdf::new(suite.hash, Tap::OFF);
        let early = |label: Label| keys(suite, recorded(&quiet, label, secret(label)?));
        let mut before = Transcript::new();
        let (last, earlier) =
            hellos.split_last().map_or((&[][..], &[][..]), |(last, rest)| (&last[..], rest));
        for (index, message) in earlier.iter().enumerate() {
            before.add(message);
            if index == 0 {
                before.replace_with_message_hash(suite.hash);
            }
        }
        if earlier.is_empty() {
            before.start_hash(suite.hash);
        }
        let psk =
            server.selected_psk.and_then(|index| find_psk(&kdf, &before, last, index, session, context));
        let psk_source = psk.as_ref().map(|(_, source)| *source);
        let psk = psk.map(|(psk, _)| EarlySecret::with_psk(kdf.clone(), psk.expose()));
        let mut tls13 = Self {
            suite,
            transcript: before,
            client_flight: Vec::new(),
            server_finished: false,
            main: None,
            resumption: None,
            kdf: kdf.clone(),
            untold: [(Side::Client, Label::ClientTraffic), (Side::Server, Label::ServerTraffic)]
                .into_iter()
                .filter_map(|(side, label)| Some((side, label, Secret::from(secret(label)?.expose()))))
                .collect(),
            missed: false,
        };
        tls13.transcript.add(last);
        let (from_client, from_server) = halves;
        from_client.protected = true;
        from_server.protected = true;
        if client.early_data && earlier.is_empty() {
            let early = logged(Label::ClientEarlyTraffic)
                .or_else(|| keys(suite, psk.as_ref()?.early_traffic(&tls13.transcript.hash())));
            from_client.add_keys(Epoch::EarlyData, early);
        }
        tls13.transcript.add(server_hello);
        let from_log = PerSide {
            client: (logged(Label::ClientHandshakeTraffic), early(Label::ClientTraffic)),
            server: (logged(Label::ServerHandshakeTraffic), early(Label::ServerTraffic)),
        };
        let any = [&from_log.client, &from_log.server].iter().any(|(a, b)| a.is_some() || b.is_some());
        if any {
            session.source = Some(SecretSource::KeyLog);
            for (half, (handshake, application)) in
                [(from_client, from_log.client), (from_server, from_log.server)]
            {
                half.closed = missing(half.side, handshake.is_some(), application.is_some());
                half.add_keys(Epoch::Handshake, handshake);
                half.add_keys(Epoch::Application(0), application);
            }
        } else if let Some(early) = psk.filter(|_| server.group.is_none()) {
            session.source = psk_source;
            let secret = early.into_handshake_psk_only();
            let traffic = secret.traffic(&tls13.transcript.hash());
            from_client.add_keys(Epoch::Handshake, keys(suite, traffic.client));
            from_server.add_keys(Epoch::Handshake, keys(suite, traffic.server));
            tls13.main = Some(secret.into_main());
        } else {
            let reason = match (server.selected_psk, psk_source) {
                (Some(_), Some(source)) => Reason::EphemeralBesidePsk { group: server.group, source },
                (Some(index), None) if server.group.is_none() => no_psk(last, index, session, context),
                _ => context.no_log(KeyExchange::Tls13, session.group, None),
            };
            for half in [from_client, from_server] {
                half.closed = Some(reason.clone());
                half.add_keys(Epoch::Handshake, None);
                half.add_keys(Epoch::Application(0), None);
            }
        }
        for side in [Side::Server, Side::Client] {
            let direction = context.direction(side);
            context.tap.emit(|| Event::KeysInstalled { direction, epoch: Epoch::Handshake });
        }
        tls13
    }

    /// Whether `half` has to wait for the other direction: its next keys depend on the server's Finished.
    pub(super) fn must_wait(&self, half: &Half) -> bool {
        !self.missed
            && half.side == Side::Client
            && half.saw_finished
            && self.main.is_some()
            && !self.server_finished
    }

    /// Both ends have the secrets of application data now: tells of them, if a key log has them.
    pub(super) fn tell_application(&mut self, client: &mut Half, server: &mut Half) {
        for (side, label, secret) in self.untold.drain(..) {
            let told = recorded(&self.kdf, label, &secret);
            if let Protection::Aead(aead) = self.suite.protection {
                told.with_key_and_iv(aead.key_len(), |_, _| ());
            }
            match side {
                Side::Client => client.put_secret(told),
                Side::Server => server.put_secret(told),
            }
        }
    }

    /// Something of `half` is missing.
    pub(super) fn miss(&mut self, half: &mut Half) {
        let handshaking = !self.server_finished || half.side == Side::Client && !half.saw_finished;
        if handshaking && !self.missed {
            self.missed = true;
            self.main = None;
        }
        self.foresee(half);
    }

    /// A KeyUpdate may be among what is missing: the keys after it are tried as well.
    fn foresee(&self, half: &mut Half) {
        if let Some((secret, generation)) = half.take_last_secret() {
            half.add_keys(Epoch::Application(generation + 1), keys(self.suite, secret.into_next()));
        }
    }

    /// A decrypted message of the client's (`halves.0`) or the server's.
    pub(super) fn message(
        &mut self,
        side: Side,
        message: &[u8],
        halves: (&mut Half, &mut Half),
        session: &mut Session,
        context: &mut Context<'_>,
    ) {
        let Ok((msg_type, body)) = handshake::decode(message) else { return };
        let (client, server) = halves;
        let half = match side {
            Side::Client => &mut *client,
            Side::Server => &mut *server,
        };
        match msg_type {
            HandshakeType::KEY_UPDATE => return update(self.suite, half, session, context),
            HandshakeType::NEW_SESSION_TICKET => return self.ticket(body, context),
            HandshakeType::ENCRYPTED_EXTENSIONS => encrypted_extensions(body, session),
            HandshakeType::CERTIFICATE if side == Side::Server => certificate(body, session),
            _ => {}
        }
        match side {
            _ if self.missed => self.after_loss(msg_type, half, context),
            Side::Server if !self.server_finished => {
                if msg_type == HandshakeType::FINISHED {
                    half.verify_data(&self.transcript.hash());
                }
                self.transcript.add(message);
                if msg_type == HandshakeType::FINISHED {
                    self.server_finished = true;
                    self.derive_application(client, server);
                    self.tell_application(client, server);
                    server.saw_finished = true;
                    server.climb();
                    installed(Side::Server, context);
                    let waiting = std::mem::take(&mut self.client_flight);
                    waiting.iter().for_each(|message| self.client_message(message, client));
                }
            }
            Side::Client if !half.saw_finished => {
                match self.server_finished {
                    true => self.client_message(message, half),
                    false => self.client_flight.push(message.to_vec()),
                }
                match msg_type {
                    HandshakeType::END_OF_EARLY_DATA => half.climb(),
                    HandshakeType::FINISHED => {
                        half.saw_finished = true;
                        half.climb();
                        installed(Side::Client, context);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// A message of a handshake of which others are missing: there are only the keys that were logged.
    fn after_loss(&mut self, msg_type: HandshakeType, half: &mut Half, context: &Context<'_>) {
        match msg_type {
            HandshakeType::FINISHED if !half.saw_finished => {
                half.saw_finished = true;
                self.server_finished |= half.side == Side::Server;
                half.climb();
                installed(half.side, context);
            }
            HandshakeType::END_OF_EARLY_DATA => half.climb(),
            _ => {}
        }
    }

    /// A message of the client's in its place in the transcript.
    fn client_message(&mut self, message: &[u8], half: &mut Half) {
        let is_finished = message.first() == Some(&HandshakeType::FINISHED.0);
        if is_finished && !half.saw_finished {
            half.verify_data(&self.transcript.hash());
        }
        self.transcript.add(message);
        if is_finished && let Some(main) = self.main.take() {
            self.resumption = Some(main.into_resumption(&self.transcript.hash()));
        }
    }

    fn derive_application(&mut self, client: &mut Half, server: &mut Half) {
        let Some(main) = &self.main else { return };
        let traffic = main.application_traffic(&self.transcript.hash());
        client.add_keys(Epoch::Application(0), keys(self.suite, traffic.client));
        server.add_keys(Epoch::Application(0), keys(self.suite, traffic.server));
        if client.saw_finished {
            client.climb();
        }
    }

    /// A later session may use it.
    fn ticket(&self, body: &[u8], context: &mut Context<'_>) {
        let Ok(ticket) = NewSessionTicket13::decode(body) else { return };
        let original = match &self.resumption {
            Some(resumption) => Original::Opened(resumption.psk(ticket.ticket_nonce)),
            None => Original::Closed,
        };
        context.memory.remember(SessionName::ticket(ticket.ticket), original);
    }
}

fn installed(side: Side, context: &Context<'_>) {
    let (direction, epoch) = (context.direction(side), Epoch::Application(0));
    context.tap.emit(|| Event::KeysInstalled { direction, epoch });
}

/// Which line of the key log is missing.
fn missing(side: Side, handshake: bool, application: bool) -> Option<Reason> {
    let (of_handshake, of_application) = match side {
        Side::Client => (Label::ClientHandshakeTraffic, Label::ClientTraffic),
        Side::Server => (Label::ServerHandshakeTraffic, Label::ServerTraffic),
    };
    let label = match (handshake, application) {
        (true, true) => return None,
        (_, false) => of_application.name(),
        (false, true) => of_handshake.name(),
    };
    Some(Reason::KeyLogLacks { label })
}

/// A secret that a key log has.
fn recorded(kdf: &Kdf, label: Label, secret: &Secret) -> TrafficSecret {
    TrafficSecret::recorded(kdf.clone(), label.secret(), label.how(), secret.expose())
}

fn keys(suite: &Suite, secret: TrafficSecret) -> Keys {
    let Protection::Aead(aead) = suite.protection else { return None };
    let opener = secret.with_key_and_iv(aead.key_len(), |key, iv| Opener::tls13(aead, key, iv)).ok()?;
    Some((opener, Some(secret)))
}

/// The sender goes on with new keys (RFC 9846 section 4.6.3).
fn update(suite: &Suite, half: &mut Half, session: &mut Session, context: &Context<'_>) {
    match half.side {
        Side::Client => session.key_updates.client += 1,
        Side::Server => session.key_updates.server += 1,
    }
    let epoch = match (half.take_secret(), half.foreseen()) {
        (Some((secret, generation)), _) => {
            let epoch = Epoch::Application(generation + 1);
            half.add_keys(epoch, keys(suite, secret.into_next()));
            epoch
        }
        (None, Some(epoch)) => epoch,
        (None, None) => return,
    };
    half.climb();
    let direction = context.direction(half.side);
    context.tap.emit(|| Event::KeysInstalled { direction, epoch });
}

fn encrypted_extensions(body: &[u8], session: &mut Session) {
    let Ok(message) = EncryptedExtensions::decode(body) else { return };
    if let Ok(Some(alpn)) = message.extensions.get::<SelectedProtocolName<'_>>() {
        session.alpn = Some(alpn.protocol_name.0.to_vec());
    }
    if message.extensions.contains(ExtensionType::EARLY_DATA) {
        session.resumed = Some(Resumed::EarlyData);
    }
}

fn certificate(body: &[u8], session: &mut Session) {
    let Ok(message) = Certificate13::decode(body) else { return };
    let leaf = message.certificate_list.first();
    session.certificate =
        leaf.and_then(|leaf| Certificate::parse(leaf.data)).map(|certificate| certificate.subject());
}

fn offer(hello: &[u8]) -> Option<PreSharedKeyClientHello<'_>> {
    let (_, body) = handshake::decode(hello).ok()?;
    ClientHello::decode(body).ok()?.extensions.get().ok().flatten()
}

fn identity(hello: &[u8], index: u16) -> Option<Vec<u8>> {
    offer(hello)?.identities.iter().nth(index.into()).map(|identity| identity.identity.to_vec())
}

/// The pre-shared key that was used: the one among those known whose binder is right.
fn find_psk(
    kdf: &Kdf,
    before: &Transcript,
    hello: &[u8],
    index: u16,
    session: &mut Session,
    context: &Context<'_>,
) -> Option<(Secret, SecretSource)> {
    let offer = offer(hello)?;
    let PskIdentity { identity, obfuscated_ticket_age } = offer.identities.iter().nth(index.into())?;
    let binder = offer.binders.iter().nth(index.into())?;
    let ticket = context.memory.find(&[SessionName::ticket(identity)]);
    let opened = context.ticket(identity, ProtocolVersion::TLS_1_3);
    // RFC 9846 section 4.2.11: the age of a key that was never a ticket should be 0.
    let resumed = ticket.is_some() || opened.is_some() || obfuscated_ticket_age != 0;
    session.resumed = Some(if resumed { Resumed::Psk } else { Resumed::Full });
    let truncated = hello.get(..hello.len().checked_sub(offer.binders_len())?)?;
    let transcript = before.hash_with(truncated);
    let from_original = match ticket {
        Some(Original::Opened(psk)) => Some((psk, SecretSource::Original)),
        _ => None,
    };
    let from_ticket = opened.as_ref().map(|psk| (psk, SecretSource::Ticket));
    let fits = |own: &Option<Vec<u8>>| own.as_deref().is_none_or(|own| own == identity);
    let given = context.keys.iter().flat_map(|store| store.psks()).filter(|psk| fits(&psk.identity));
    let given = given.map(|psk| (&psk.key, SecretSource::Psk));
    let mut candidates = from_original.into_iter().chain(from_ticket).chain(given);
    // Trying them is not part of the story: nobody listens.
    let quiet = Kdf::new(kdf.hash(), Tap::OFF);
    let right = |(psk, _): &(&Secret, SecretSource)| {
        let early = EarlySecret::with_psk(quiet.clone(), psk.expose());
        let sources = [PskSource::External, PskSource::Resumption, PskSource::Imported];
        sources.into_iter().any(|source| early.binder_key(source).verify(&transcript, binder.0))
    };
    candidates.find(right).map(|(psk, source)| (Secret::from(psk.expose()), source))
}

/// Why a session stays closed that rests on a pre-shared key alone.
fn no_psk(hello: &[u8], index: u16, session: &Session, context: &Context<'_>) -> Reason {
    let identity = identity(hello, index).unwrap_or_default();
    match (session.resumed, context.memory.find(&[SessionName::ticket(&identity)])) {
        (Some(how @ Resumed::Psk), Some(Original::Closed)) => Reason::OriginalNotOpened { how },
        (Some(how @ Resumed::Psk), _) if context.has_ticket_keys() => Reason::TicketDoesNotOpen { how },
        (Some(how @ Resumed::Psk), _) => Reason::OriginalNotCaptured { how },
        _ => Reason::NoPsk { identity },
    }
}
