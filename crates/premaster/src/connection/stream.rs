//! A connection over a blocking transport.
use super::{Connection, Content};
use crate::{
    Error, Output,
    config::{ClientConfig, ServerConfig},
};
use pki_types::ServerName;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// A TLS connection over a transport that blocks, such as a `TcpStream`.
///
/// Reading returns `Ok(0)` only after the peer's close_notify; a transport that just ends gives
/// [`ErrorKind::UnexpectedEof`], since what came last may have been cut off. Errors of the protocol are
/// [`io::Error`]s of kind [`ErrorKind::InvalidData`] that hold an [`Error`]: see [`Stream::error`].
///
/// A blocking transport has no deadline of its own: set its time-outs, `TcpStream::set_read_timeout` for one.
#[derive(Debug)]
pub struct Stream<T> {
    transport: T,
    connection: Connection,
    input: Input,
    /// Plaintext that did not fit the caller's buffer.
    plaintext: VecDeque<u8>,
    output: Output,
}

impl<T: Read + Write> Stream<T> {
    /// Connects: returns when the handshake is finished.
    ///
    /// # Errors
    /// The transport's, or an [`Error`] inside an [`io::Error`].
    pub fn connect(config: Arc<ClientConfig>, name: ServerName<'static>, transport: T) -> io::Result<Self> {
        let mut output = Output::new();
        let connection = Connection::client(config, name, &mut output).map_err(wrap)?;
        Self { transport, connection, input: Input::default(), plaintext: VecDeque::new(), output }
            .finish_handshake()
    }

    /// Accepts: returns when the handshake is finished.
    ///
    /// # Errors
    /// The transport's, or an [`Error`] inside an [`io::Error`].
    pub fn accept(config: Arc<ServerConfig>, transport: T) -> io::Result<Self> {
        let connection = Connection::server(config);
        Self {
            transport,
            connection,
            input: Input::default(),
            plaintext: VecDeque::new(),
            output: Output::new(),
        }
        .finish_handshake()
    }

    fn finish_handshake(mut self) -> io::Result<Self> {
        while self.connection.is_handshaking() {
            self.step(&mut [])?;
        }
        self.flush_output()?;
        Ok(self)
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The transport.
    pub fn get_ref(&self) -> &T {
        &self.transport
    }

    /// The transport. Reading from it or writing to it breaks the connection.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Sends close_notify. What the peer still sends can be read.
    ///
    /// # Errors
    /// The transport's.
    pub fn close(&mut self) -> io::Result<()> {
        self.connection.close(&mut self.output);
        self.flush_output()
    }

    /// Sends under new keys from now on: see [`Connection::update_keys`].
    ///
    /// # Errors
    /// The transport's, or an [`Error`] inside an [`io::Error`].
    pub fn update_keys(&mut self, ask_peer: bool) -> io::Result<()> {
        self.connection.update_keys(ask_peer, &mut self.output).map_err(wrap)?;
        self.flush_output()
    }

    /// The protocol error inside an [`io::Error`] that this stream returned.
    pub fn error(error: &io::Error) -> Option<&Error> {
        error.get_ref()?.downcast_ref()
    }

    fn flush_output(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.transport.write(self.output.as_slice()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.output.consume(written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.transport.flush()
    }

    /// One record in, or more bytes of one. Data goes to `data`; what does not fit there is kept.
    fn step(&mut self, data: &mut [u8]) -> io::Result<Step> {
        self.flush_output()?;
        let received = self.connection.receive(self.input.filled_mut(), &mut self.output);
        let (consumed, step) = match received {
            Err(error) => {
                // The alert goes out if it can; the error matters more than whether it did.
                let _ = self.flush_output();
                return Err(wrap(error));
            }
            Ok(received) => match received.content {
                Content::NeedMore(length) => return self.fill(length),
                Content::Waiting => {
                    let consumed = received.consumed;
                    self.input.consume(consumed);
                    return self.wait();
                }
                Content::Progress => (received.consumed, Step::Progress),
                Content::Closed => (received.consumed, Step::Closed),
                Content::Data(plaintext) => {
                    let len = plaintext.len().min(data.len());
                    let (now, later) = plaintext.split_at(len);
                    data[..len].copy_from_slice(now);
                    self.plaintext.extend(later);
                    (received.consumed, Step::Data(len))
                }
            },
        };
        self.input.consume(consumed);
        Ok(step)
    }

    fn take_plaintext(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.plaintext.is_empty() {
            return None;
        }
        let len = self.plaintext.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.plaintext.drain(..len)) {
            *to = from;
        }
        Some(len)
    }

    fn fill(&mut self, length: usize) -> io::Result<Step> {
        let read = loop {
            match self.transport.read(self.input.tail_mut(length)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if read == 0 {
            return match self.connection.end_of_input() {
                Ok(()) => Ok(Step::Closed),
                Err(Error::Truncated) => Err(io::Error::new(ErrorKind::UnexpectedEof, Error::Truncated)),
                Err(error) => Err(wrap(error)),
            };
        }
        self.input.end += read;
        Ok(Step::Progress)
    }

    /// Blocks this thread until whatever the handshake waits for is there.
    fn wait(&mut self) -> io::Result<Step> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match self.connection.poll(&mut context, &mut self.output) {
                Poll::Ready(Ok(())) => return Ok(Step::Progress),
                Poll::Ready(Err(error)) => {
                    let _ = self.flush_output();
                    return Err(wrap(error));
                }
                Poll::Pending => thread::park(),
            }
        }
    }
}

enum Step {
    Progress,
    Data(usize),
    Closed,
}

impl<T: Read + Write> Read for Stream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Some(len) = self.take_plaintext(buffer) {
            return Ok(len);
        }
        loop {
            match self.step(buffer)? {
                Step::Data(len) => return Ok(len),
                Step::Closed => return Ok(0),
                Step::Progress => {}
            }
        }
    }
}

impl<T: Read + Write> Write for Stream<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // What was accepted before must be on its way before more is taken.
        self.flush_output()?;
        let fragment = &buffer[..buffer.len().min(1 << 16)];
        self.connection.send(fragment, &mut self.output).map_err(wrap)?;
        match self.flush_output() {
            Ok(()) => Ok(fragment.len()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(fragment.len()),
            Err(error) => Err(error),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_output()
    }
}

/// Bytes from the transport that are not a whole record yet.
#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({} bytes)", self.end - self.start)
    }
}

impl Input {
    /// Room for one record of the largest size.
    const ROOM: usize = 5 + (1 << 14) + 2048;

    fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    fn consume(&mut self, len: usize) {
        self.start += len;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Where more bytes go, with room for a record of `length`.
    fn tail_mut(&mut self, length: usize) -> &mut [u8] {
        if self.start > 0 && self.start + length.max(Self::ROOM) > self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() < length.max(Self::ROOM) {
            self.bytes.resize(length.max(Self::ROOM), 0);
        }
        &mut self.bytes[self.end..]
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wrap(error: Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
