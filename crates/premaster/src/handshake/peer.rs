//! The other side, as a handshake sees it: a mailbox that the connection fills and drains.
//!
//! Only `Peer` sends and receives, so no message misses the transcript; and it remembers what it waits for,
//! which is the name of the handshake's state and the first line of any diagnosis.
use super::Leaves;
use crate::{
    Error,
    crypto::hash::{Digest, HashAlgorithm},
    error::Misbehaved,
    observe::{Direction, Epoch, Event, Tap},
    record::{Opener, Output, Sealer},
    schedule::{Transcript, tls13::ExporterSecret},
    wire::{
        ContentType, HandshakeType, ProtocolVersion,
        message::handshake::{self, Body},
        record::MAX_PLAINTEXT,
    },
};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

/// The other side.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Mutex<Mailbox>>);

/// What lies between a handshake and its connection.
pub(crate) struct Mailbox {
    /// Who listens.
    pub(crate) tap: Tap,
    /// What arrived and was not taken yet.
    pub(crate) inbound: Option<Inbound>,
    /// What the handshake waits for, while it waits for the peer.
    pub(crate) waiting_for: Option<&'static str>,
    /// The version, once it is agreed.
    pub(crate) version: Option<ProtocolVersion>,
    /// Keys that the next record from the peer is opened with.
    pub(crate) next_opener: Option<(Opener, Epoch)>,
    /// The keys that this side sends under.
    pub(crate) sealer: Sealer,
    /// Their epoch.
    pub(crate) write_epoch: Epoch,
    /// Records that are ready for the wire.
    pub(crate) output: Output,
    /// How much plaintext a record may hold.
    pub(crate) max_fragment: usize,
    /// How much plaintext a protected record of the peer's may hold.
    pub(crate) max_received: usize,
    /// Whether the application may send already.
    pub(crate) may_send: bool,
    /// How much early data the application may still send.
    pub(crate) early_allowance: usize,
    /// What becomes of application data that comes in the middle of the handshake.
    pub(crate) early_data: EarlyData,
    /// Exports before the handshake is finished, while early data is offered or once it is accepted.
    pub(crate) early_exporter: Option<Box<ExporterSecret>>,
    /// What to forget after a fatal alert.
    pub(crate) leaves: Option<Box<Leaves>>,
    flight: Vec<u8>,
    transcript: Transcript,
}

/// Room for a flight as it usually is, in bytes.
const FLIGHT: usize = 1024;

/// What can arrive.
pub(crate) enum Inbound {
    /// A whole handshake message.
    Message(Message),
    /// A TLS 1.2 change_cipher_spec.
    ChangeCipherSpec,
}

/// What becomes of application data that comes in the middle of the handshake (RFC 9846 section 4.2.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyData {
    /// There must not be any.
    Refused,
    /// So many bytes of it may still come, for the application.
    Accepted(usize),
    /// It was rejected: what cannot be opened is skipped, up to so many bytes.
    Skipped(usize),
}

/// A whole handshake message, with its header of four bytes.
#[derive(Debug)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    const HEADER: usize = 4;

    /// Its type.
    pub(crate) fn handshake_type(&self) -> HandshakeType {
        HandshakeType(self.0.first().copied().unwrap_or(u8::MAX))
    }

    /// What follows the header.
    pub(crate) fn body(&self) -> &[u8] {
        self.0.get(Self::HEADER..).unwrap_or_default()
    }

    /// What follows the header, alone.
    pub(crate) fn into_body(mut self) -> Vec<u8> {
        self.0.drain(..Self::HEADER.min(self.0.len()));
        self.0
    }

    /// Header and body.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Peer {
    /// The peer, before anything was said. Records for it hold at most `max_fragment` bytes of plaintext.
    pub(crate) fn new(tap: Tap, max_fragment: usize) -> Self {
        Self(Arc::new(Mutex::new(Mailbox {
            tap,
            inbound: None,
            waiting_for: None,
            version: None,
            next_opener: None,
            sealer: Sealer::plaintext(),
            write_epoch: Epoch::Plaintext,
            output: Output::new(),
            max_fragment,
            max_received: MAX_PLAINTEXT,
            may_send: false,
            early_allowance: 0,
            early_data: EarlyData::Refused,
            early_exporter: None,
            leaves: None,
            flight: Vec::new(),
            transcript: Transcript::new(),
        })))
    }

    /// The mailbox. The lock is never contended: a connection and its handshake run on one thread at a time.
    pub(crate) fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who listens.
    pub(crate) fn tap(&self) -> Tap {
        self.mailbox().tap.clone()
    }

    /// The next message, which must be of this type.
    pub(crate) async fn expect(&self, due: HandshakeType) -> Result<Message, Error> {
        self.next(due).await?;
        self.take(due)
    }

    /// The next message if it is of this type; otherwise it is left for the next `expect`.
    pub(crate) async fn accept(&self, due: HandshakeType) -> Result<Option<Message>, Error> {
        match self.next(due).await? {
            arrived if arrived == Some(due) => self.take(due).map(Some),
            _ => Ok(None),
        }
    }

    /// The TLS 1.2 change_cipher_spec.
    pub(crate) async fn expect_change_cipher_spec(&self) -> Result<(), Error> {
        const DUE: &str = "ChangeCipherSpec";
        self.arrival(DUE).await;
        match self.mailbox().inbound.take() {
            Some(Inbound::ChangeCipherSpec) => Ok(()),
            Some(Inbound::Message(message)) => Err(unexpected(DUE, message.handshake_type())),
            None => Err(Error::Unexpected { expected: DUE, got: "nothing" }),
        }
    }

    /// Waits until something has arrived; its type, if it is a message.
    async fn next(&self, due: HandshakeType) -> Result<Option<HandshakeType>, Error> {
        self.arrival(due.name().unwrap_or("a handshake message")).await;
        Ok(match &self.mailbox().inbound {
            Some(Inbound::Message(message)) => Some(message.handshake_type()),
            _ => None,
        })
    }

    async fn arrival(&self, name: &'static str) {
        poll_fn(|_| {
            let mut mailbox = self.mailbox();
            let arrived = mailbox.inbound.is_some();
            mailbox.waiting_for = (!arrived).then_some(name);
            if arrived { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn take(&self, due: HandshakeType) -> Result<Message, Error> {
        let expected = due.name().unwrap_or("a handshake message");
        let mut mailbox = self.mailbox();
        match mailbox.inbound.take() {
            Some(Inbound::Message(message)) if message.handshake_type() == due => {
                mailbox.transcript.add(message.bytes());
                Ok(message)
            }
            Some(Inbound::Message(message)) => Err(unexpected(expected, message.handshake_type())),
            Some(Inbound::ChangeCipherSpec) => Err(Error::Unexpected { expected, got: "ChangeCipherSpec" }),
            None => Err(Error::Unexpected { expected, got: "nothing" }),
        }
    }

    /// Sends a message under the current keys. Messages of one flight share records.
    pub(crate) fn send(&self, body: &impl Body) {
        let mut mailbox = self.mailbox();
        let mut flight = std::mem::take(&mut mailbox.flight);
        if flight.capacity() == 0 {
            flight.reserve(FLIGHT);
        }
        let start = flight.len();
        handshake::encode(body, &mut flight);
        mailbox.sending(flight.get(start..).unwrap_or_default());
        mailbox.flight = flight;
    }

    /// Sends a message that is encoded already, header included.
    pub(crate) fn send_encoded(&self, message: &[u8]) {
        let mut mailbox = self.mailbox();
        mailbox.sending(message);
        mailbox.flight.extend_from_slice(message);
    }

    /// Sends a change_cipher_spec: what TLS 1.2 changes keys with, and what TLS 1.3 keeps middleboxes quiet
    /// with (RFC 9846 appendix E.4).
    pub(crate) fn send_change_cipher_spec(&self) -> Result<(), Error> {
        let mut mailbox = self.mailbox();
        mailbox.flush()?;
        mailbox.tap.emit(|| Event::ChangeCipherSpec(Direction::Sent));
        mailbox.seal(ContentType::CHANGE_CIPHER_SPEC, &[1])
    }

    /// From here on this side sends under `sealer`. Whatever was sent before goes under the old keys.
    pub(crate) fn install_write(&self, sealer: Sealer, epoch: Epoch) -> Result<(), Error> {
        let mut mailbox = self.mailbox();
        mailbox.flush()?;
        mailbox.sealer = sealer;
        mailbox.write_epoch = epoch;
        mailbox.tap.emit(|| Event::KeysInstalled { direction: Direction::Sent, epoch });
        Ok(())
    }

    /// Records hold no more than this from now on: this side's, and the peer's from the next change of keys.
    pub(crate) fn limit_records(&self, sent: usize, received: usize) {
        let mut mailbox = self.mailbox();
        mailbox.max_fragment = mailbox.max_fragment.min(sent);
        mailbox.max_received = received;
    }

    /// The next record from the peer is opened with `opener`.
    pub(crate) fn install_read(&self, mut opener: Opener, epoch: Epoch) {
        let mut mailbox = self.mailbox();
        // Early data was sent before the client could know of a limit.
        if epoch != Epoch::EarlyData {
            opener.set_plaintext_limit(mailbox.max_received);
        }
        mailbox.tap.emit(|| Event::KeysInstalled { direction: Direction::Received, epoch });
        mailbox.next_opener = Some((opener, epoch));
    }

    /// The version is agreed.
    pub(crate) fn set_version(&self, version: ProtocolVersion) {
        self.mailbox().version = Some(version);
    }

    /// The application may send so much early data; none any more with 0.
    pub(crate) fn allow_early_data(&self, bytes: usize) {
        self.mailbox().early_allowance = bytes;
    }

    /// Early data was offered, or is accepted: this exports from now on.
    pub(crate) fn set_early_exporter(&self, early_exporter: ExporterSecret) {
        self.mailbox().early_exporter = Some(Box::new(early_exporter));
    }

    /// The early data of this side was rejected: nothing more of it is sent, and nothing is exported early.
    pub(crate) fn reject_early_data(&self) {
        let mut mailbox = self.mailbox();
        mailbox.early_allowance = 0;
        mailbox.early_exporter = None;
    }

    /// The application may send from now on.
    pub(crate) fn allow_sending(&self) {
        self.mailbox().may_send = true;
    }

    /// What becomes of application data that comes from now on.
    pub(crate) fn set_early_data(&self, early_data: EarlyData) {
        self.mailbox().early_data = early_data;
    }

    /// How much early data was still allowed when the last of it came.
    pub(crate) fn early_data(&self) -> EarlyData {
        self.mailbox().early_data
    }

    /// The transcript's hash is known: it is the suite's.
    pub(crate) fn start_hash(&self, hash: HashAlgorithm) {
        self.mailbox().transcript.start_hash(hash);
    }

    /// Nobody will sign the messages themselves.
    pub(crate) fn forget_messages(&self) {
        self.mailbox().transcript.forget_bytes();
    }

    /// The messages so far, which a TLS 1.2 client signs (RFC 5246 section 7.4.8).
    pub(crate) fn messages(&self) -> Vec<u8> {
        self.mailbox().transcript.bytes().to_vec()
    }

    /// From now on this is forgotten after a fatal alert.
    pub(crate) fn leave(&self, leaves: Leaves) {
        self.mailbox().leaves = Some(Box::new(leaves));
    }

    /// The hash over the messages so far.
    pub(crate) fn transcript_hash(&self) -> Digest {
        self.mailbox().transcript.hash()
    }

    /// The hash as it would be after `message`, or a part of one.
    pub(crate) fn transcript_hash_with(&self, hash: HashAlgorithm, message: &[u8]) -> Digest {
        self.mailbox().transcript.hash_under(hash, message)
    }

    /// The hash over the messages but for the binders that end the last of them.
    pub(crate) fn transcript_hash_without_tail(&self, hash: HashAlgorithm, tail: usize) -> Digest {
        self.mailbox().transcript.hash_without_tail(hash, tail)
    }

    /// A HelloRetryRequest is being sent or was received: see `Transcript::replace_with_message_hash`. The
    /// retry itself was added already when received; `retry` is then added again.
    pub(crate) fn restart_transcript(&self, hash: HashAlgorithm, first_hello: &[u8], retry: Option<&[u8]>) {
        let mut mailbox = self.mailbox();
        let mut transcript = Transcript::new();
        transcript.add(first_hello);
        transcript.replace_with_message_hash(hash);
        if let Some(retry) = retry {
            transcript.add(retry);
        }
        mailbox.transcript = transcript;
    }
}

impl Mailbox {
    /// Accounts for a message of this flight.
    fn sending(&mut self, message: &[u8]) {
        self.tap.emit(|| Event::Message { direction: Direction::Sent, bytes: message });
        self.transcript.add(message);
    }

    /// Lends the mailbox the caller's buffer, for what is sealed meanwhile to go to.
    pub(crate) fn lent<T>(&mut self, output: &mut Output, seal: impl FnOnce(&mut Self) -> T) -> T {
        std::mem::swap(&mut self.output, output);
        let sealed = seal(self);
        std::mem::swap(&mut self.output, output);
        sealed
    }

    /// Seals the messages that were sent since the last flight.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if self.flight.is_empty() {
            return Ok(());
        }
        let flight = std::mem::take(&mut self.flight);
        let sealed = self.seal(ContentType::HANDSHAKE, &flight);
        self.flight = flight;
        self.flight.clear();
        sealed
    }

    /// The plaintext sealer's record version: 0x0301 for a first ClientHello (RFC 9846 section 5.1).
    pub(crate) fn set_record_version(&mut self, version: ProtocolVersion) {
        self.sealer.set_version(version);
    }

    /// Seals `plaintext`, in as many records as it takes.
    pub(crate) fn seal(&mut self, content_type: ContentType, plaintext: &[u8]) -> Result<(), Error> {
        for fragment in plaintext.chunks(self.max_fragment) {
            let epoch = self.write_epoch;
            let direction = Direction::Sent;
            self.tap.emit(|| Event::Content { direction, content_type, plaintext: fragment, epoch });
            let start = self.output.len();
            self.sealer.seal(content_type, fragment, 0, &mut self.output)?;
            let output = &self.output;
            self.tap.emit(|| Event::Record {
                direction,
                bytes: output.as_slice().get(start..).unwrap_or_default(),
            });
        }
        Ok(())
    }
}

fn unexpected(expected: &'static str, got: HandshakeType) -> Error {
    match got {
        HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO if expected == "Finished" => {
            Misbehaved::HelloTooEarly.into()
        }
        got => Error::Unexpected { expected, got: got.name().unwrap_or("an unknown handshake message") },
    }
}
