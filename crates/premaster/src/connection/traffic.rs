//! A connection after its handshake: data, KeyUpdate, tickets, and requests to start over.
use super::Connection;
use super::{State, export};
use crate::{
    Error, Output,
    error::{Misbehaved, Misuse},
    handshake::{
        Established, Info, Keeper, Leaves, Secrets, check_extensions, key_again12, key_again13, opener13,
        peer::{Mailbox, Message},
        sealer13,
    },
    observe::{self, Direction, Epoch, Event, Tap},
    record::{Opener, Sealer},
    resume::{ClientSession, SessionName},
    schedule::{
        tls12::MasterSecret,
        tls13::{ExporterSecret, ResumptionSecret, TrafficSecret},
    },
    suite::Suite,
    wire::{
        AlertDescription, AlertLevel, ContentType, HandshakeType, KeyUpdateRequest, PerSide, ProtocolVersion,
        Side,
        extension::{self, Place},
        message::{HelloRequest, KeyUpdate, NewSessionTicket13, handshake},
    },
};

/// What an established connection goes on with.
pub(super) struct Traffic {
    pub(super) info: Box<Info>,
    sealer: Sealer,
    max_fragment: usize,
    keys: Keys,
    /// What to forget after a fatal alert.
    pub(super) leaves: Option<Box<Leaves>>,
}

#[allow(clippy::large_enum_variant, reason = "there is one for each connection, on the heap")]
enum Keys {
    Tls12(Keys12),
    Tls13(Keys13),
}

struct Keys12 {
    side: Side,
    master: MasterSecret,
    randoms: Box<PerSide<[u8; 32]>>,
}

struct Keys13 {
    /// None only while a key is being replaced by the next.
    send: Option<TrafficSecret>,
    receive: Option<TrafficSecret>,
    send_updates: u64,
    receive_updates: u64,
    /// The peer asked for new keys, which come before the next data (RFC 9846 section 4.6.3).
    update_pending: bool,
    exporter: ExporterSecret,
    early_exporter: Option<Box<ExporterSecret>>,
    /// What a client makes sessions with when tickets come.
    resumption: Option<(ResumptionSecret, Box<Keeper>)>,
}

impl Keys {
    /// Lends the record key of a direction to `wake`, which expands it again.
    fn again(
        &self,
        suite: &Suite,
        direction: Direction,
        wake: impl FnOnce(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match (self, direction) {
            (Self::Tls12(Keys12 { side, master, randoms }), _) => {
                let sender = if direction == Direction::Sent { *side } else { side.peer() };
                key_again12(suite, master, randoms, sender, wake)
            }
            (Self::Tls13(Keys13 { send: Some(secret), .. }), Direction::Sent)
            | (Self::Tls13(Keys13 { receive: Some(secret), .. }), Direction::Received) => {
                key_again13(suite, secret, wake)
            }
            (Self::Tls13(_), _) => Ok(()),
        }
    }
}

impl Traffic {
    pub(super) fn new(side: Side, established: Established, mailbox: &mut Mailbox) -> Self {
        let keys = match established.secrets {
            Secrets::Tls12 { master, randoms } => Keys::Tls12(Keys12 { side, master, randoms }),
            Secrets::Tls13 { traffic, exporter, resumption } => {
                let (send, receive) = traffic.split(side);
                let (send, receive) = (Some(send), Some(receive));
                Keys::Tls13(Keys13 {
                    send,
                    receive,
                    send_updates: 0,
                    receive_updates: 0,
                    update_pending: false,
                    exporter,
                    early_exporter: mailbox.early_exporter.take(),
                    resumption: resumption.zip(established.keeper),
                })
            }
        };
        let sealer = std::mem::replace(&mut mailbox.sealer, Sealer::plaintext());
        let leaves = mailbox.leaves.take();
        Self { info: established.info, sealer, max_fragment: mailbox.max_fragment, keys, leaves }
    }

    pub(super) fn summary(&self, side: Side) -> observe::Established {
        observe::Established {
            version: self.info.version,
            cipher_suite: self.info.suite.code,
            group: self.info.group,
            forward_secret: self.info.forward_secret,
            side,
        }
    }

    pub(super) fn send(&mut self, data: &[u8], tap: &Tap, output: &mut Output) -> Result<(), Error> {
        let mut rest = data;
        while !rest.is_empty() {
            let pending = matches!(&self.keys, Keys::Tls13(keys) if keys.update_pending);
            if pending || (self.sealer.must_rekey() && matches!(self.keys, Keys::Tls13(_))) {
                self.update_keys(false, tap, output)?;
            }
            let (fragment, tail) = rest.split_at(rest.len().min(self.max_fragment));
            self.seal(ContentType::APPLICATION_DATA, fragment, tap, output)?;
            rest = tail;
        }
        Ok(())
    }

    pub(super) fn seal(
        &mut self,
        content_type: ContentType,
        plaintext: &[u8],
        tap: &Tap,
        output: &mut Output,
    ) -> Result<(), Error> {
        let direction = Direction::Sent;
        let epoch = self.send_epoch();
        tap.emit(|| Event::Content { direction, content_type, plaintext, epoch });
        let start = output.len();
        if self.sealer.is_resting() {
            self.keys.again(self.info.suite, Direction::Sent, |key| self.sealer.wake(key))?;
        }
        self.sealer.seal(content_type, plaintext, 0, output)?;
        tap.emit(|| Event::Record { direction, bytes: output.as_slice().get(start..).unwrap_or_default() });
        Ok(())
    }

    /// Forgets what can be derived again.
    pub(super) fn rest(&mut self) {
        self.sealer.rest();
    }

    /// Expands the key that `opener` had before it was put to rest.
    pub(super) fn wake(&self, opener: &mut Opener) -> Result<(), Error> {
        self.keys.again(self.info.suite, Direction::Received, |key| opener.wake(key))
    }

    fn send_epoch(&self) -> Epoch {
        match &self.keys {
            Keys::Tls12(_) => Epoch::Application(0),
            Keys::Tls13(keys) => Epoch::Application(keys.send_updates),
        }
    }

    pub(super) fn update_keys(
        &mut self,
        ask_peer: bool,
        tap: &Tap,
        output: &mut Output,
    ) -> Result<(), Error> {
        if matches!(self.keys, Keys::Tls12(_)) {
            return Err(Misuse::NotInThisVersion.into());
        }
        let request = match ask_peer {
            true => KeyUpdateRequest::update_requested,
            false => KeyUpdateRequest::update_not_requested,
        };
        let mut message = Vec::new();
        handshake::encode(&KeyUpdate { request_update: request }, &mut message);
        tap.emit(|| Event::Message { direction: Direction::Sent, bytes: &message });
        self.seal(ContentType::HANDSHAKE, &message, tap, output)?;
        let Keys::Tls13(keys) = &mut self.keys else { return Ok(()) };
        keys.update_pending = false;
        let next = keys.send.take().ok_or(Misuse::Closed)?.into_next();
        self.sealer = sealer13(self.info.suite, &next)?;
        keys.send = Some(next);
        keys.send_updates += 1;
        let epoch = Epoch::Application(keys.send_updates);
        tap.emit(|| Event::KeysInstalled { direction: Direction::Sent, epoch });
        Ok(())
    }

    /// What exports before the handshake is finished, if early data was accepted.
    pub(super) fn early_exporter(&self) -> Option<&ExporterSecret> {
        match &self.keys {
            Keys::Tls13(keys) => keys.early_exporter.as_deref(),
            Keys::Tls12(_) => None,
        }
    }

    pub(super) fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        export::check(self.info.suite.hash.output_len(), label, context, out)?;
        match &self.keys {
            Keys::Tls13(keys) => keys.exporter.export(label, context.unwrap_or_default(), out),
            // RFC 7627 section 5.4: without it two connections can have the same keying material.
            Keys::Tls12(_) if !self.info.extended_master_secret => return Err(Misuse::NoExporter.into()),
            Keys::Tls12(Keys12 { master, randoms, .. }) => {
                let randoms = PerSide { client: &randoms.client, server: &randoms.server };
                master.export(randoms, label, context, out);
            }
        }
        Ok(())
    }
}

impl Connection {
    /// A handshake message after the handshake.
    pub(super) fn post_handshake(&mut self, message: Message, output: &mut Output) -> Result<(), Error> {
        let State::Established(traffic) = &mut self.state else { return Ok(()) };
        let tls13 = traffic.info.version == ProtocolVersion::TLS_1_3;
        match message.handshake_type() {
            HandshakeType::KEY_UPDATE if tls13 => self.key_update(&message),
            HandshakeType::NEW_SESSION_TICKET if tls13 && self.side == Side::Client => {
                self.new_session_ticket(&message)
            }
            HandshakeType::HELLO_REQUEST if !tls13 && self.side == Side::Client => {
                self.hello_request(&message, output)
            }
            HandshakeType::CLIENT_HELLO if !tls13 && self.side == Side::Server => {
                Err(Misbehaved::RenegotiationRefused.into())
            }
            got => Err(Error::Unexpected {
                expected: "application data",
                got: got.name().unwrap_or("an unknown message"),
            }),
        }
    }

    /// RFC 9846 section 4.6.3.
    fn key_update(&mut self, message: &Message) -> Result<(), Error> {
        let State::Established(traffic) = &mut self.state else { return Ok(()) };
        let Keys::Tls13(keys) = &mut traffic.keys else { return Ok(()) };
        let request = KeyUpdate::decode(message.body())?.request_update;
        if ![KeyUpdateRequest::update_not_requested, KeyUpdateRequest::update_requested].contains(&request) {
            return Err(Misbehaved::BadKeyUpdate.into());
        }
        self.counters.key_updates += 1;
        if self.counters.key_updates > self.limits.key_updates {
            return Err(Misbehaved::TooManyKeyUpdates.into());
        }
        if !self.joiner.is_empty() {
            return Err(Misbehaved::MessageAcrossKeyChange.into());
        }
        // One reply is due, however often the peer asks before this side sends again.
        keys.update_pending |= request == KeyUpdateRequest::update_requested;
        let next = keys.receive.take().ok_or(Misuse::Closed)?.into_next();
        let limit = self.opener.plaintext_limit();
        self.opener = opener13(traffic.info.suite, &next)?;
        self.opener.set_plaintext_limit(limit);
        keys.receive = Some(next);
        keys.receive_updates += 1;
        let epoch = Epoch::Application(keys.receive_updates);
        self.read_epoch = epoch;
        self.tap.emit(|| Event::KeysInstalled { direction: Direction::Received, epoch });
        Ok(())
    }

    /// RFC 9846 section 4.6.1.
    fn new_session_ticket(&mut self, message: &Message) -> Result<(), Error> {
        let ticket = NewSessionTicket13::decode(message.body())?;
        if ticket.ticket_lifetime > 604_800 {
            return Err(Misbehaved::BadTicketLifetime.into());
        }
        self.limits.check_extensions(&ticket.extensions)?;
        check_extensions(Place::NewSessionTicket, &ticket.extensions)?;
        let early = ticket.extensions.get::<extension::EarlyDataNewSessionTicket>()?;
        self.counters.tickets += 1;
        let State::Established(traffic) = &mut self.state else { return Ok(()) };
        let Keys::Tls13(keys) = &traffic.keys else { return Ok(()) };
        let Some((secret, keeper)) = &keys.resumption else { return Ok(()) };
        let Some(now) = keeper.config.clock.now() else { return Ok(()) };
        if self.counters.tickets > self.limits.tickets || ticket.ticket_lifetime == 0 {
            return Ok(());
        }
        let session = ClientSession {
            key: keeper.key.clone(),
            suite: traffic.info.suite,
            secret: secret.psk(ticket.ticket_nonce),
            extended_master_secret: true,
            received: now,
            lifetime: ticket.ticket_lifetime,
            age_add: ticket.ticket_age_add,
            max_early_data: early.map_or(0, |early| early.max_early_data_size),
            alpn: traffic.info.alpn.clone(),
            name: SessionName::Ticket(ticket.ticket.to_vec()),
            server: traffic.info.peer.clone(),
        };
        keeper.keep(session, &self.tap);
        Ok(())
    }

    /// RFC 5246 section 7.4.1.1: a server that wants to start over is told that this side does not.
    pub(super) fn hello_request(&mut self, message: &Message, output: &mut Output) -> Result<(), Error> {
        HelloRequest::decode(message.body())?;
        self.counters.hello_requests += 1;
        if self.counters.hello_requests > self.limits.warnings {
            return Err(Misbehaved::RenegotiationRefused.into());
        }
        match self.is_handshaking() {
            true => Ok(()),
            false => self.send_alert(AlertLevel::warning, AlertDescription::no_renegotiation, output),
        }
    }
}
