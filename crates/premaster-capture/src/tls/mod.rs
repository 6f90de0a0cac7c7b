//! A recorded TLS session: both directions' records, the handshake that says which keys they have, and the events
//! that a connection would have told.
//!
//! Which direction is read next depends on the protocol and not on the order of the packets: the server's answer
//! waits for the ClientHello, and a key change for the messages that it depends on.
mod begin;
mod half;
mod hello;
mod outcome;
mod resync;
mod tls12;
mod tls13;

use crate::{
    Limits,
    keys::KeyStore,
    memory::Memory,
    reason::Reason,
    reassembly::{Loss, LossCause},
    report::{Record, Session, Sink, Traffic},
};
use half::{Half, Opened, Taken, Unopened};
use hello::ClientFacts;
use premaster::{
    Error, Secret,
    observe::{Direction, Epoch, Established, Event, Resumption, Tap},
    suite::{KeyExchange, Suite},
    wire::{
        AlertDescription, AlertLevel, ContentType, HandshakeType, NamedGroup, ProtocolVersion, Side,
        record::HEADER_LEN,
    },
};
use std::{mem, time::Duration};
use tls12::Tls12;
use tls13::Tls13;

/// What a session needs from outside while it reads.
pub(crate) struct Context<'a> {
    pub(crate) keys: [&'a KeyStore; 2],
    pub(crate) memory: &'a mut Memory,
    pub(crate) sink: &'a mut dyn Sink,
    pub(crate) tap: Tap,
    pub(crate) limits: &'a Limits,
}

impl Context<'_> {
    /// Events are told as the client sees them.
    const fn direction(&self, side: Side) -> Direction {
        match side {
            Side::Client => Direction::Sent,
            Side::Server => Direction::Received,
        }
    }

    /// The secret in a ticket, if its key was given.
    fn ticket(&self, ticket: &[u8], version: ProtocolVersion) -> Option<Secret> {
        self.keys.iter().find_map(|store| store.ticket(ticket, version))
    }

    fn has_ticket_keys(&self) -> bool {
        self.keys.iter().any(|store| store.has_ticket_keys())
    }

    /// Why an ephemeral exchange stays closed, told by what was given.
    fn no_log(&self, exchange: KeyExchange, group: Option<NamedGroup>, leaf: Option<&[u8]>) -> Reason {
        let have_log = self.keys.iter().any(|store| store.has_log());
        let have_key = self.keys.iter().any(|store| store.has_private_keys());
        let is_its_key =
            leaf.is_some_and(|leaf| self.keys.iter().any(|store| store.private_key(leaf).is_some()));
        match is_its_key || have_key && !have_log {
            true => Reason::EphemeralExchange { exchange, group },
            false => Reason::NoKeyLogLine { exchange, group, have_log },
        }
    }
}

/// A session that is read.
pub(crate) struct Tls {
    pub(crate) session: Box<Session>,
    client: Half,
    server: Half,
    state: State,
    /// No more will come: nothing waits any longer.
    ending: bool,
    last_message: &'static str,
    record: Vec<u8>,
    plaintext: Vec<u8>,
    early_unopened: bool,
    established: bool,
}

enum State {
    /// Until ServerHello.
    Hello(Hellos),
    Tls12(Box<Tls12>),
    Tls13(Box<Tls13>),
    /// Records are told apart, but not understood.
    Unknown,
}

#[derive(Default)]
struct Hellos {
    client: Option<ClientFacts>,
    /// ClientHello; after a HelloRetryRequest also that, and the second ClientHello.
    messages: Vec<Vec<u8>>,
    wants_second: bool,
    suite: Option<&'static Suite>,
}

impl Tls {
    pub(crate) fn new(session: Box<Session>) -> Self {
        Self {
            session,
            client: Half::new(Side::Client),
            server: Half::new(Side::Server),
            state: State::Hello(Hellos::default()),
            ending: false,
            last_message: "the start of the connection",
            record: Vec::new(),
            plaintext: Vec::new(),
            early_unopened: false,
            established: false,
        }
    }

    /// Bytes of one direction, in order.
    pub(crate) fn push(
        &mut self,
        side: Side,
        offset: u64,
        bytes: &[u8],
        time: Duration,
        context: &mut Context<'_>,
    ) {
        self.half(side).push(offset, bytes, time);
        self.advance(context);
        if self.half(side).held() > context.limits.waiting {
            self.half(side).stop(Reason::LimitReached { side });
            self.advance(context);
        }
    }

    /// Bytes of one direction are missing.
    pub(crate) fn lost(&mut self, side: Side, loss: Loss, context: &mut Context<'_>) {
        let reason = match loss.cause {
            LossCause::NotCaptured => Reason::LostSegment { side, loss },
            LossCause::CutShort => Reason::TruncatedCapture { side, loss },
        };
        let half = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        match &mut self.state {
            State::Tls12(tls12) => {
                tls12.miss(half, &mut self.session, context);
                half.lose(loss.len, reason);
            }
            State::Tls13(tls13) => {
                tls13.miss(half);
                half.lose(loss.len, reason);
            }
            State::Hello(_) | State::Unknown => half.stop(reason),
        }
        self.advance(context);
    }

    /// How much memory its streams hold.
    pub(crate) fn held(&self) -> usize {
        self.client.held() + self.server.held()
    }

    /// No more will come. Answers the report.
    pub(crate) fn finish(mut self, context: &mut Context<'_>) -> Session {
        self.ending = true;
        self.advance(context);
        self.session.outcome = self.outcome();
        *self.session
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn traffic(&mut self, side: Side) -> &mut Traffic {
        match side {
            Side::Client => &mut self.session.records.client,
            Side::Server => &mut self.session.records.server,
        }
    }

    /// Reads records for as long as one of the directions can go on.
    fn advance(&mut self, context: &mut Context<'_>) {
        while self.step(Side::Client, context) || self.step(Side::Server, context) {}
    }

    fn step(&mut self, side: Side, context: &mut Context<'_>) -> bool {
        let ending = self.ending;
        if self.half(side).is_lost() {
            return self.search(side, ending, context);
        }
        if !self.may_read(side) {
            return false;
        }
        let mut record = mem::take(&mut self.record);
        let taken = self.half(side).take(&mut record);
        let progress = taken.is_some();
        if let Some(taken) = taken {
            self.read(side, &taken, &record, context);
        }
        self.record = record;
        progress
    }

    /// Whether the next record of `side` can be understood with what came so far from the other.
    fn may_read(&mut self, side: Side) -> bool {
        let Some(content_type) = self.half(side).peek() else { return false };
        let other_ended = match side {
            Side::Client => self.server.stopped.is_some(),
            Side::Server => self.client.stopped.is_some(),
        };
        if self.ending || other_ended {
            return true;
        }
        let is_hello_record = matches!(content_type, ContentType::HANDSHAKE | ContentType::APPLICATION_DATA);
        match &self.state {
            State::Hello(hellos) => {
                let client_is_due = hellos.client.is_none() || hellos.wants_second;
                !is_hello_record || client_is_due == (side == Side::Client)
            }
            State::Tls12(tls12) => {
                content_type != ContentType::CHANGE_CIPHER_SPEC || tls12.may_change_cipher(side)
            }
            State::Tls13(tls13) => {
                let half = if side == Side::Client { &self.client } else { &self.server };
                content_type != ContentType::APPLICATION_DATA || !tls13.must_wait(half)
            }
            State::Unknown => true,
        }
    }

    /// A record.
    fn read(&mut self, side: Side, taken: &Taken, bytes: &[u8], context: &mut Context<'_>) {
        self.traffic(side).records += 1;
        let outer = taken.header.content_type;
        let is_protected = match &self.state {
            State::Tls13(_) => outer == ContentType::APPLICATION_DATA,
            _ => self.half(side).protected || outer == ContentType::APPLICATION_DATA,
        };
        let mut plaintext = mem::take(&mut self.plaintext);
        if !is_protected {
            plaintext.clear();
            plaintext.extend_from_slice(bytes.get(HEADER_LEN..).unwrap_or_default());
            let len = plaintext.len();
            let opened = Opened { content_type: outer, len, epoch: Epoch::Plaintext };
            self.content(side, taken, bytes, &opened, plaintext.get(..len).unwrap_or_default(), context);
        } else {
            self.traffic(side).protected += 1;
            match self.half(side).open(bytes, &mut plaintext) {
                Ok(opened) => {
                    self.traffic(side).opened += 1;
                    let content = plaintext.get(..opened.len).unwrap_or_default();
                    self.content(side, taken, bytes, &opened, content, context);
                }
                Err(unopened) => {
                    self.unopened(side, taken, &unopened);
                    let epoch = self.half(side).epoch();
                    self.show(side, taken, bytes, outer, None, epoch, context);
                }
            }
        }
        self.plaintext = plaintext;
    }

    fn unopened(&mut self, side: Side, taken: &Taken, unopened: &Unopened) {
        let source = self.session.source;
        let epoch = self.half(side).epoch();
        let offset = taken.offset;
        let reason = match unopened {
            _ if epoch == Epoch::EarlyData => {
                self.early_unopened = true;
                return;
            }
            Unopened::NoKeys => return,
            Unopened::Never => match source {
                Some(source) => Reason::WrongSecret { side, source },
                None => Reason::DoesNotOpen { side, offset },
            },
            Unopened::NotThis => Reason::DoesNotOpen { side, offset },
            Unopened::Broken(error) => Reason::Malformed { side, offset, what: error.to_string() },
        };
        self.half(side).closed.get_or_insert(reason);
    }

    /// A record that can be read: shows it, and follows what it says.
    fn content(
        &mut self,
        side: Side,
        taken: &Taken,
        bytes: &[u8],
        opened: &Opened,
        plaintext: &[u8],
        context: &mut Context<'_>,
    ) {
        let (content_type, epoch) = (opened.content_type, opened.epoch);
        if let (State::Tls13(tls13), Epoch::Application(_)) = (&mut self.state, epoch) {
            // Without a Finished that could be read, this is the first that is known of them.
            tls13.tell_application(&mut self.client, &mut self.server);
        }
        let messages = match content_type {
            ContentType::HANDSHAKE => self.join(side, taken, plaintext),
            _ => Vec::new(),
        };
        let direction = context.direction(side);
        // An event of what is sent comes before its record, as on a live connection.
        if side == Side::Client {
            messages.iter().for_each(|bytes| context.tap.emit(|| Event::Message { direction, bytes }));
        }
        self.show(side, taken, bytes, content_type, Some(plaintext), epoch, context);
        match content_type {
            ContentType::APPLICATION_DATA => self.data(side, plaintext, context),
            ContentType::ALERT => self.alert(side, plaintext, context),
            ContentType::CHANGE_CIPHER_SPEC => self.change_cipher_spec(side, context),
            _ => {}
        }
        for message in &messages {
            if side == Side::Server {
                context.tap.emit(|| Event::Message { direction, bytes: message });
            }
            self.message(side, message, taken.offset, epoch, context);
        }
        if !messages.is_empty() {
            self.established(context);
        }
    }

    /// Tells once that both Finished messages were seen.
    fn established(&mut self, context: &Context<'_>) {
        if self.established || !self.client.saw_finished || !self.server.saw_finished {
            return;
        }
        self.established = true;
        let session = &self.session;
        let (Some(version), Some(suite)) = (session.version, session.suite) else { return };
        let how = session.resumed.unwrap_or_default();
        context.tap.emit(|| Event::Resumption(Resumption::Done(how)));
        // With a pre-shared key alone, TLS 1.3 gives up forward secrecy as well.
        let forward_secret = suite.is_forward_secret()
            && !(suite.key_exchange == KeyExchange::Tls13 && session.group.is_none());
        let established = Established::new(version, suite.code, session.group, forward_secret, Side::Client);
        context.tap.emit(|| Event::Established(established));
    }

    #[allow(clippy::too_many_arguments, reason = "a record has that many properties")]
    fn show(
        &mut self,
        side: Side,
        taken: &Taken,
        bytes: &[u8],
        content_type: ContentType,
        plaintext: Option<&[u8]>,
        epoch: Epoch,
        context: &mut Context<'_>,
    ) {
        let direction = context.direction(side);
        let record = || Event::Record { direction, bytes };
        let content =
            |plaintext| context.tap.emit(|| Event::Content { direction, content_type, plaintext, epoch });
        match side {
            Side::Client => {
                plaintext.into_iter().for_each(content);
                context.tap.emit(record);
            }
            Side::Server => {
                context.tap.emit(record);
                plaintext.into_iter().for_each(content);
            }
        }
        let (stream, time, offset) = (self.session.stream, taken.time, taken.offset);
        context.sink.record(&Record { stream, side, time, offset, bytes, content_type, plaintext, epoch });
    }

    fn join(&mut self, side: Side, taken: &Taken, plaintext: &[u8]) -> Vec<Vec<u8>> {
        let joiner = &mut self.half(side).joiner;
        let mut messages = Vec::new();
        let joined = joiner.push(plaintext).and_then(|()| {
            while let Some(message) = joiner.pop()? {
                messages.push(message);
            }
            Ok(())
        });
        if let Err(error) = joined {
            self.malformed(side, taken.offset, &error);
        }
        messages
    }

    fn malformed(&mut self, side: Side, offset: u64, error: &Error) {
        self.half(side).stop(Reason::Malformed { side, offset, what: error.to_string() });
    }

    fn data(&mut self, side: Side, data: &[u8], context: &Context<'_>) {
        self.traffic(side).data += data.len() as u64;
        let kept = match side {
            Side::Client => &mut self.session.plaintext.client,
            Side::Server => &mut self.session.plaintext.server,
        };
        let room = context.limits.plaintext.saturating_sub(kept.len());
        kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
    }

    fn alert(&mut self, side: Side, alert: &[u8], context: &Context<'_>) {
        let &[level, description] = alert else { return };
        let (level, description) = (AlertLevel(level), AlertDescription(description));
        let direction = context.direction(side);
        context.tap.emit(|| Event::Alert { direction, level, description });
        if self.session.alerts.len() < context.limits.alerts {
            self.session.alerts.push((side, level, description));
        }
    }

    fn change_cipher_spec(&mut self, side: Side, context: &mut Context<'_>) {
        let direction = context.direction(side);
        context.tap.emit(|| Event::ChangeCipherSpec(direction));
        let over = self.ending || self.client.stopped.is_some() || self.server.stopped.is_some();
        let half = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        match &mut self.state {
            State::Tls12(tls12) => tls12.change_cipher(half, &mut self.session, context),
            // The ServerHello is missing, and what follows is not in the clear.
            State::Hello(hellos) if over && !hellos.wants_second => {
                half.set_keys(Epoch::Application(0), None)
            }
            _ => {}
        }
    }

    fn message(&mut self, side: Side, message: &[u8], offset: u64, epoch: Epoch, context: &mut Context<'_>) {
        let msg_type = HandshakeType(message.first().copied().unwrap_or_default());
        let (client, server) = (&mut self.client, &mut self.server);
        if let Some(name) = msg_type.name() {
            self.last_message = name;
        }
        match &mut self.state {
            State::Hello(_) => {
                if let Err(error) = self.hello(side, msg_type, message, context) {
                    self.malformed(side, offset, &error);
                }
            }
            State::Tls12(tls12) if epoch == Epoch::Plaintext => {
                tls12.message(side, message, &mut self.session, &context.tap);
            }
            State::Tls12(tls12) => {
                let half = if side == Side::Client { client } else { server };
                tls12.protected_message(half, message, context);
            }
            State::Tls13(tls13) if epoch != Epoch::Plaintext => {
                tls13.message(side, message, (client, server), &mut self.session, context);
            }
            _ => {}
        }
    }
}
