//! Both directions of a connection, from hello to close, without any I/O.
//!
//! # The contract
//!
//! The caller owns the buffers; the connection holds none while it is idle.
//!
//! 1. Whatever is in the [`Output`] goes to the peer, in order, whenever there is something.
//! 2. What comes from the peer goes to [`Connection::receive`], which takes one record at a time, and of a handshake
//!    as many as are whole; opens them in place, and says how many bytes it consumed. [`Content::NeedMore`] says how
//!    many bytes a whole record has.
//! 3. If it answers [`Content::Waiting`], the handshake waits for something that is not the peer (a signing
//!    service, a verifier): call [`Connection::poll`] until it is ready, then go on.
//! 4. When the transport ends, [`Connection::end_of_input`] tells a clean end from a truncation.
//!
//! After an error the alert for the peer is already in the output, and every further call fails the same way.
//!
//! ```
//! use premaster::{ClientConfig, Connection, Output, identity::{ChainVerifier, Roots}};
//! use std::sync::Arc;
//!
//! let config = ClientConfig::builder().verifier(ChainVerifier::new(Roots::mozilla())).build()?;
//! let mut output = Output::new();
//! let name = "example.org".try_into()?;
//! let connection = Connection::client(Arc::new(config), name, &mut output)?;
//! assert_eq!(connection.waiting_for(), Some("ServerHello"));
//! assert_eq!(output.as_slice()[0], 22); // A handshake record: the ClientHello.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod acceptor;
mod engine;
mod export;
mod stream;
mod traffic;

pub use acceptor::{Accepted, Acceptor, ClientHello};
pub use stream::Stream;

use crate::{
    Error, Output,
    config::{ClientConfig, Limits, ServerConfig},
    crypto::wipe,
    error::{Failure, Misuse},
    handshake::{self, Established, Info, peer::Peer},
    observe::{Direction, Epoch, Event, Tap},
    record::{Joiner, Opener},
    wire::{AlertDescription, AlertLevel, ContentType, Side},
};
use pki_types::ServerName;
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};
use traffic::Traffic;

/// One end of a TLS connection.
pub struct Connection {
    side: Side,
    tap: Tap,
    limits: Arc<Limits>,
    opener: Opener,
    read_epoch: Epoch,
    /// Whether nothing was opened yet under the current key.
    opener_is_unused: bool,
    joiner: Joiner,
    state: State,
    counters: Counters,
    received_close_notify: bool,
    sent_close_notify: bool,
}

enum State {
    Handshaking(Box<Handshaking>),
    Established(Box<Traffic>),
    Failed(Box<Error>),
}

/// A handshake in the middle: the script, and the mailbox between it and us.
struct Handshaking {
    /// Never contended: the lock makes the connection `Sync`, which the script alone need not be.
    script: Mutex<Script>,
    peer: Peer,
    waker: Option<Waker>,
    /// Handshake bytes received so far.
    received: usize,
}

type Script = Pin<Box<dyn Future<Output = Result<Established, Error>> + Send>>;

/// What has come in a row without bringing anything.
#[derive(Default)]
struct Counters {
    empty_records: u32,
    warnings: u32,
    key_updates: u32,
    change_cipher_specs: u32,
    tickets: u32,
    hello_requests: u32,
}

/// What [`Connection::receive`] made of the input.
#[derive(Debug)]
pub struct Received<'a> {
    /// How many bytes of the input are done with.
    pub consumed: usize,
    /// What they held.
    pub content: Content<'a>,
}

/// What a record held, or the last of several.
#[derive(Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// The record is not whole yet: it has this many bytes, as far as can be told.
    NeedMore(usize),
    /// Nothing for the application; the handshake may have advanced.
    Progress,
    /// Application data.
    Data(&'a [u8]),
    /// The peer said close_notify: no data will come any more.
    Closed,
    /// The handshake waits for something that is not the peer: call [`Connection::poll`].
    Waiting,
}

impl Connection {
    /// The client's end. The ClientHello is in `output` when this returns.
    ///
    /// # Errors
    /// If the system has no randomness, or the policy names what this build does not have.
    pub fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        output: &mut Output,
    ) -> Result<Self, Error> {
        let tap = Tap::new(config.observer.as_ref(), Side::Client);
        let peer = Peer::new(tap.clone(), config.max_fragment);
        let limits = Arc::clone(&config.limits);
        let script: Script = Box::pin(handshake::client(peer.clone(), config, name));
        let mut connection = Self::new(Side::Client, tap, limits, peer, script);
        let driven = connection.drive(output);
        wipe::after_handshake();
        driven.map(|()| connection)
    }

    /// The server's end.
    pub fn server(config: Arc<ServerConfig>) -> Self {
        let tap = Tap::new(config.observer.as_ref(), Side::Server);
        let peer = Peer::new(tap.clone(), config.max_fragment);
        let limits = Arc::clone(&config.limits);
        let script: Script = Box::pin(handshake::server(peer.clone(), config));
        let mut connection = Self::new(Side::Server, tap, limits, peer, script);
        // Runs up to the point where it waits for the ClientHello; nothing can fail or be sent before that.
        let _ = connection.drive(&mut Output::new());
        connection
    }

    fn new(side: Side, tap: Tap, limits: Arc<Limits>, peer: Peer, script: Script) -> Self {
        let handshaking = Handshaking { script: Mutex::new(script), peer, waker: None, received: 0 };
        Self {
            side,
            tap,
            opener: Opener::plaintext(),
            read_epoch: Epoch::Plaintext,
            opener_is_unused: false,
            joiner: joiner(&limits),
            limits,
            state: State::Handshaking(Box::new(handshaking)),
            counters: Counters::default(),
            received_close_notify: false,
            sent_close_notify: false,
        }
    }

    /// Which end this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether the handshake is still under way.
    pub fn is_handshaking(&self) -> bool {
        matches!(self.state, State::Handshaking(_))
    }

    /// Whether [`Connection::send`] would take data now.
    pub fn may_send(&self) -> bool {
        !self.sent_close_notify
            && match &self.state {
                State::Handshaking(handshaking) => handshaking.peer.mailbox().may_send,
                State::Established(_) => true,
                State::Failed(_) => false,
            }
    }

    /// The message that the handshake waits for: the name of its state.
    pub fn waiting_for(&self) -> Option<&'static str> {
        match &self.state {
            State::Handshaking(handshaking) => handshaking.peer.mailbox().waiting_for,
            _ => None,
        }
    }

    /// Whether the handshake waits for something that is not the peer.
    pub fn is_waiting(&self) -> bool {
        match &self.state {
            State::Handshaking(handshaking) => handshaking.peer.mailbox().waiting_for.is_none(),
            _ => false,
        }
    }

    /// Whether the peer has said close_notify.
    pub fn is_closed_by_peer(&self) -> bool {
        self.received_close_notify
    }

    /// What was negotiated, once the handshake is finished.
    pub fn info(&self) -> Option<&Info> {
        match &self.state {
            State::Established(traffic) => Some(&traffic.info),
            _ => None,
        }
    }

    /// Goes on with a handshake that waits for something that is not the peer. Ready when it waits for the
    /// peer, or is finished.
    pub fn poll(&mut self, context: &mut Context<'_>, output: &mut Output) -> Poll<Result<(), Error>> {
        match &mut self.state {
            State::Handshaking(handshaking) => handshaking.waker = Some(context.waker().clone()),
            State::Established(_) => return Poll::Ready(Ok(())),
            State::Failed(error) => return Poll::Ready(Err((**error).clone())),
        }
        let driven = self.drive(output).and_then(|()| self.pump(output));
        wipe::after_handshake();
        match driven {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) if self.is_waiting() => Poll::Pending,
            Ok(()) => Poll::Ready(Ok(())),
        }
    }

    /// Sends application data, in as many records as it takes.
    ///
    /// # Errors
    /// [`Misuse::SentTooEarly`] while the handshake does not allow it, [`Misuse::Closed`] after
    /// [`Connection::close`], and whatever the connection failed with before.
    pub fn send(&mut self, data: &[u8], output: &mut Output) -> Result<(), Error> {
        if self.sent_close_notify {
            return Err(Misuse::Closed.into());
        }
        match &mut self.state {
            State::Established(traffic) => traffic.send(data, &self.tap, output),
            State::Handshaking(handshaking) => {
                let mut mailbox = handshaking.peer.mailbox();
                if !mailbox.may_send {
                    return Err(Misuse::SentTooEarly.into());
                }
                mailbox.lent(output, |mailbox| mailbox.seal(ContentType::APPLICATION_DATA, data))
            }
            State::Failed(error) => Err((**error).clone()),
        }
    }

    /// How many bytes of early data may still be sent (0-RTT, RFC 9846 section 2.3). Such data may be replayed
    /// by anybody who sees it.
    pub fn early_data_left(&self) -> usize {
        match &self.state {
            State::Handshaking(handshaking) => handshaking.peer.mailbox().early_allowance,
            _ => 0,
        }
    }

    /// Sends early data, as much as may still be sent; says how much that was. Whether the server took it,
    /// [`Info::resumed`] says after the handshake; if not, all of it has to be sent again.
    ///
    /// # Errors
    /// Whatever the connection failed with before.
    pub fn send_early(&mut self, data: &[u8], output: &mut Output) -> Result<usize, Error> {
        match &mut self.state {
            State::Handshaking(handshaking) => {
                let mut mailbox = handshaking.peer.mailbox();
                let len = data.len().min(mailbox.early_allowance);
                mailbox.early_allowance -= len;
                let data = data.get(..len).unwrap_or_default();
                mailbox.lent(output, |mailbox| mailbox.seal(ContentType::APPLICATION_DATA, data))?;
                Ok(len)
            }
            State::Established(_) => Ok(0),
            State::Failed(error) => Err((**error).clone()),
        }
    }

    /// Says close_notify: this side will send nothing more. What the peer sends can still be received.
    pub fn close(&mut self, output: &mut Output) {
        if self.sent_close_notify || matches!(self.state, State::Failed(_)) {
            return;
        }
        self.sent_close_notify = true;
        // A key that is exhausted cannot even say goodbye; the peer will see a truncation.
        let _ = self.send_alert(AlertLevel::warning, AlertDescription::close_notify, output);
    }

    /// The transport has ended.
    ///
    /// # Errors
    /// [`Error::Truncated`] unless the peer said close_notify before: what came last may have been cut off
    /// (RFC 9846 section 6.1).
    pub fn end_of_input(&mut self) -> Result<(), Error> {
        match &self.state {
            State::Failed(error) => Err((**error).clone()),
            _ if self.received_close_notify => Ok(()),
            _ => {
                self.tap.emit(|| Event::Failed(&Error::Truncated));
                self.state = State::Failed(Box::new(Error::Truncated));
                Err(Error::Truncated)
            }
        }
    }

    /// Gives back the memory that an idle connection can do without: the expanded keys of AEADs, which are about half
    /// of it and are expanded again with the next record, at the cost of deriving them once more (an observer hears
    /// so). For connections that may stay idle for long; during a handshake and with CBC suites it does nothing.
    pub fn compact(&mut self) {
        if let State::Established(traffic) = &mut self.state {
            traffic.rest();
            self.opener.rest();
        }
    }

    /// The handshake has taken longer than [`Limits::handshake_time`]: tells the peer, and fails.
    pub fn time_out(&mut self, output: &mut Output) -> Error {
        self.fail(Failure::Deadline.into(), output)
    }

    /// Sends under new keys from now on (RFC 9846 section 4.6.3), and asks the peer to do the same if
    /// `ask_peer`. TLS 1.3 does so by itself before a key's limit.
    ///
    /// # Errors
    /// [`Misuse::NotInThisVersion`] in TLS 1.2, [`Misuse::SentTooEarly`] before the handshake is finished.
    pub fn update_keys(&mut self, ask_peer: bool, output: &mut Output) -> Result<(), Error> {
        let updated = match &mut self.state {
            State::Established(traffic) => traffic.update_keys(ask_peer, &self.tap, output),
            State::Handshaking(_) => Err(Misuse::SentTooEarly.into()),
            State::Failed(error) => Err((**error).clone()),
        };
        wipe::after_handshake();
        updated
    }

    fn send_alert(
        &mut self,
        level: AlertLevel,
        description: AlertDescription,
        output: &mut Output,
    ) -> Result<(), Error> {
        self.tap.emit(|| Event::Alert { direction: Direction::Sent, level, description });
        let alert = [level.0, description.0];
        match &mut self.state {
            State::Established(traffic) => traffic.seal(ContentType::ALERT, &alert, &self.tap, output),
            State::Handshaking(handshaking) => {
                let mut mailbox = handshaking.peer.mailbox();
                mailbox.lent(output, |mailbox| mailbox.seal(ContentType::ALERT, &alert))
            }
            State::Failed(_) => Ok(()),
        }
    }

    /// RFC 5246 section 7.2.2: a connection that ended with a fatal alert MUST NOT be resumed.
    fn forget_sessions(&mut self) {
        let leaves = match &mut self.state {
            State::Handshaking(handshaking) => handshaking.peer.mailbox().leaves.take(),
            State::Established(traffic) => traffic.leaves.take(),
            State::Failed(_) => None,
        };
        if let Some(leaves) = leaves {
            leaves.forget();
        }
    }

    /// Tells the peer, and remembers the error for every later call.
    fn fail(&mut self, error: Error, output: &mut Output) -> Error {
        self.tap.emit(|| Event::Failed(&error));
        if let Some(description) = error.alert() {
            // The error itself is what the caller needs to hear, whether or not the alert could be sealed.
            let _ = self.send_alert(AlertLevel::fatal, description, output);
            self.forget_sessions();
        }
        self.state = State::Failed(Box::new(error.clone()));
        self.joiner = Joiner::new();
        error
    }
}

/// Joins handshake messages up to the configured length.
fn joiner(limits: &Limits) -> Joiner {
    let mut joiner = Joiner::new();
    joiner.set_max_message(limits.handshake_message);
    joiner
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Handshaking(_) => "handshaking",
            State::Established(_) => "established",
            State::Failed(_) => "failed",
        };
        let waiting_for = self.waiting_for();
        f.debug_struct("Connection")
            .field("side", &self.side)
            .field("state", &state)
            .field("waiting_for", &waiting_for)
            .finish()
    }
}
