//! A TLS connection over a tokio socket: the sans-I/O connection, its buffers, and the clock.
//!
//! One task drives both directions, so that a side which only writes still hears an alert, and one which only
//! reads still gets rid of what it has to send. After an error the alert waits to be sent: [`Link::farewell`] does.
use crate::{exit::ExitCode, failure::Failure};
use premaster::{Connection, Content, Error, Output};
use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind},
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

/// A connection and the socket that it runs over.
pub struct Link {
    socket: TcpStream,
    connection: Connection,
    output: Output,
    input: Vec<u8>,
    /// What of `input` holds bytes that are not processed yet.
    filled: std::ops::Range<usize>,
    /// Early data, until somebody reads it. The server's configuration says how much there may be.
    early: Vec<u8>,
    /// Whether the socket has said that nothing more comes.
    ended: bool,
    /// Bytes so far, each way.
    pub traffic: Traffic,
}

/// Bytes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From here to the peer.
    pub sent: u64,
    /// From the peer to here.
    pub received: u64,
}

/// Why a link broke.
#[derive(Debug)]
pub enum Broken {
    /// TLS.
    Tls(Error),
    /// The socket.
    Socket(io::Error),
    /// The peer closed the socket in the middle of the handshake, when this was due.
    Closed(&'static str),
    /// The peer was silent for too long, when this was due.
    Silent(&'static str),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Tls(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

impl Broken {
    /// As the user hears of it.
    pub fn failure(&self, what: impl Into<String>) -> Failure {
        match self {
            Self::Tls(error) => Failure::tls(what, error),
            Self::Socket(error) => Failure::new(ExitCode::Network, what)
                .why(error)
                .remedy("the peer, or whatever stands between, ended the connection: look at its log"),
            Self::Closed(due) => Failure::new(ExitCode::Handshake, what)
                .why(format!("the peer closed the connection without a word where {due} was due"))
                .line("fault", "the peer's")
                .remedy("check that the port speaks TLS, then look at the peer's log"),
            Self::Silent(due) => Failure::new(ExitCode::Network, what)
                .why(format!("the peer was silent where {due} was due"))
                .remedy("check that the port speaks TLS, or allow more time: --timeout SECONDS"),
        }
    }
}

impl Broken {
    /// In one line, for a log.
    pub fn brief(&self) -> String {
        match self {
            Self::Tls(error) => match error.alert() {
                Some(alert) => format!("{error} (alert {alert})"),
                None => error.to_string(),
            },
            Self::Socket(error) => error.to_string(),
            Self::Closed(due) => format!("the peer closed the connection where {due} was due"),
            Self::Silent(due) => format!("the peer was silent where {due} was due"),
        }
    }
}

/// What a step of the connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// What there was is processed; more has to come from the socket.
    All,
    /// The peer said close_notify.
    Closed,
}

/// Room for one record of the largest size and then some: a read takes as much as there is room for.
const ROOM: usize = 1 << 16;

/// How long a peer has to take the last words of a connection.
const FAREWELL: Duration = Duration::from_secs(2);

impl Link {
    /// Over this socket. `output` holds what the connection has to say so far.
    pub fn new(socket: TcpStream, connection: Connection, output: Output) -> Self {
        let (input, filled, traffic) = (Vec::new(), 0..0, Traffic::default());
        Self { socket, connection, output, input, filled, early: Vec::new(), ended: false, traffic }
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// How many bytes wait to be sent.
    pub fn pending(&self) -> usize {
        self.output.len()
    }

    /// Finishes the handshake before the deadline. What the peer sends right behind it is left for later.
    pub async fn handshake(&mut self, deadline: Instant) -> Result<(), Broken> {
        let due = |link: &Self| link.connection.waiting_for().unwrap_or("the end of the handshake");
        match timeout_at(deadline, self.drive_handshake()).await {
            Ok(done) => done,
            Err(_) => {
                let due = due(self);
                let _ = self.connection.time_out(&mut self.output);
                Err(Broken::Silent(due))
            }
        }
    }

    async fn drive_handshake(&mut self) -> Result<(), Broken> {
        while self.connection.is_handshaking() {
            let due = self.connection.waiting_for();
            let mut early = std::mem::take(&mut self.early);
            let heard = self.hear_one(&mut early).await;
            self.early = early;
            if heard?.is_some() {
                continue;
            }
            if self.ended {
                // So that observers hear of it; the reason given here is the better one.
                let _ = self.connection.end_of_input();
                return Err(Broken::Closed(due.unwrap_or("the end of the handshake")));
            }
            self.transfer().await?;
        }
        self.flush().await
    }

    /// Processes what has come. Data goes to `data`.
    pub async fn hear(&mut self, data: &mut Vec<u8>) -> Result<Heard, Broken> {
        data.append(&mut self.early);
        loop {
            match self.hear_one(data).await? {
                Some(Heard::Closed) => return Ok(Heard::Closed),
                Some(Heard::All) => {}
                None if self.ended => {
                    self.connection.end_of_input()?;
                    return Ok(Heard::Closed);
                }
                None => return Ok(Heard::All),
            }
        }
    }

    /// Processes one record; none if there is no whole one.
    async fn hear_one(&mut self, data: &mut Vec<u8>) -> Result<Option<Heard>, Broken> {
        let input = self.input.get_mut(self.filled.clone()).unwrap_or_default();
        let received = match self.connection.receive(input, &mut self.output) {
            Ok(received) => received,
            Err(error) => return Err(error.into()),
        };
        let heard = match received.content {
            Content::NeedMore(_) => return Ok(None),
            Content::Closed => Heard::Closed,
            Content::Progress => Heard::All,
            Content::Data(bytes) => {
                data.extend_from_slice(bytes);
                Heard::All
            }
            Content::Waiting => {
                self.filled.start += received.consumed;
                return self.wait().await.map(|()| Some(Heard::All));
            }
        };
        self.filled.start += received.consumed;
        Ok(Some(heard))
    }

    /// Waits for what the handshake waits for: a session store, a signing service.
    async fn wait(&mut self) -> Result<(), Broken> {
        Ok(poll_fn(|context| self.connection.poll(context, &mut self.output)).await?)
    }

    /// Waits for the socket and moves bytes, whichever way it lets them. Safe to cancel.
    pub async fn transfer(&mut self) -> Result<(), Broken> {
        let interest = match (self.output.is_empty(), self.ended) {
            (true, _) => Interest::READABLE,
            (false, true) => Interest::WRITABLE,
            (false, false) => Interest::READABLE | Interest::WRITABLE,
        };
        let ready = self.socket.ready(interest).await?;
        if ready.is_writable() && !self.output.is_empty() {
            match self.socket.try_write(self.output.as_slice()) {
                Ok(written) => {
                    self.output.consume(written);
                    self.traffic.sent += written as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // What the peer said before it went matters more than that it went.
                Err(error) if !ready.is_readable() => return Err(error.into()),
                Err(_) => self.output.clear(),
            }
        }
        if ready.is_readable() && !self.ended {
            self.make_room();
            match self.socket.try_read(&mut self.input[self.filled.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    self.filled.end += read;
                    self.traffic.received += read as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn make_room(&mut self) {
        self.input.resize(ROOM, 0);
        if self.filled.is_empty() {
            self.filled = 0..0;
        } else if self.filled.start > 0 {
            self.input.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
    }

    /// Waits until there is data, and adds it to `data`. [`Heard::Closed`] if none will come any more.
    pub async fn read(&mut self, data: &mut Vec<u8>) -> Result<Heard, Broken> {
        let before = data.len();
        loop {
            let heard = self.hear(data).await?;
            if heard == Heard::Closed || data.len() > before {
                return Ok(heard);
            }
            self.transfer().await?;
        }
    }

    /// Makes records of `data`, which [`flush`](Self::flush) or [`transfer`](Self::transfer) send.
    pub fn send(&mut self, data: &[u8]) -> Result<(), Broken> {
        Ok(self.connection.send(data, &mut self.output)?)
    }

    /// Sends early data with the first flight, if a session allows so much of it. Whether it does.
    pub fn send_early(&mut self, data: &[u8]) -> Result<bool, Broken> {
        if data.is_empty() || self.connection.early_data_left() < data.len() {
            return Ok(false);
        }
        Ok(self.connection.send_early(data, &mut self.output)? == data.len())
    }

    /// Says that this side sends nothing more; likewise to be flushed.
    pub fn close(&mut self) {
        self.connection.close(&mut self.output);
    }

    /// Sends whatever waits. The peer is not listened to meanwhile.
    pub async fn flush(&mut self) -> Result<(), Broken> {
        while !self.output.is_empty() {
            let written = self.socket.write(self.output.as_slice()).await?;
            if written == 0 {
                return Err(io::Error::from(ErrorKind::WriteZero).into());
            }
            self.output.consume(written);
            self.traffic.sent += written as u64;
        }
        Ok(())
    }

    /// Sends what waits, close_notify or an alert, and lets the peer read it: a socket that is closed with
    /// unread input is reset, and the reset overtakes the last words.
    pub async fn farewell(&mut self) {
        let last_words = async {
            let _ = self.flush().await;
            let _ = self.socket.shutdown().await;
            let mut scrap = [0; 4096];
            let mut left: usize = 1 << 20;
            while left > 0 {
                self.socket.readable().await?;
                match self.socket.try_read(&mut scrap) {
                    Ok(0) => break,
                    Ok(read) => left = left.saturating_sub(read),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok::<(), io::Error>(())
        };
        let _ = timeout(FAREWELL, last_words).await;
    }
}

/// `work`, unless the peer takes longer than `limit` over it.
pub async fn within<T>(
    limit: Duration,
    due: &'static str,
    work: impl Future<Output = Result<T, Broken>>,
) -> Result<T, Broken> {
    timeout(limit, work).await.unwrap_or(Err(Broken::Silent(due)))
}
