//! A connection over a blocking transport.
use super::{Connection, Content};
use crate::{
    Error, Output,
    config::{ClientConfig, ServerConfig},
};
use pki_types::ServerName;
use std::{
    io::{self, ErrorKind, Read, Write},
    ops::Range,
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
    /// What a client said before the handshake was finished, until it is read.
    early: Vec<u8>,
    output: Output,
    /// Whether the transport has taken bytes that it may not have passed on.
    unflushed: bool,
}

impl<T: Read + Write> Stream<T> {
    /// Connects: returns when the handshake is finished.
    ///
    /// # Errors
    /// The transport's, or an [`Error`] inside an [`io::Error`].
    pub fn connect(config: Arc<ClientConfig>, name: ServerName<'static>, transport: T) -> io::Result<Self> {
        let mut output = Output::new();
        let connection = Connection::client(config, name, &mut output).map_err(wrap)?;
        Self::handshake(transport, connection, output)
    }

    /// Accepts: returns when the handshake is finished.
    ///
    /// # Errors
    /// The transport's, or an [`Error`] inside an [`io::Error`].
    pub fn accept(config: Arc<ServerConfig>, transport: T) -> io::Result<Self> {
        Self::handshake(transport, Connection::server(config), Output::new())
    }

    fn handshake(transport: T, connection: Connection, output: Output) -> io::Result<Self> {
        let (input, early) = (Input::default(), Vec::new());
        let mut stream = Self { transport, connection, input, early, output, unflushed: false };
        while stream.connection.is_handshaking() {
            stream.step(&mut [])?;
            stream.early.extend_from_slice(stream.input.plaintext());
        }
        stream.flush_output()?;
        Ok(stream)
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
                Ok(written) => {
                    self.output.consume(written);
                    self.unflushed = true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.unflushed {
            self.transport.flush()?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// One record in, or more bytes of one. What is to be sent goes before this waits for anything.
    fn step(&mut self, data: &mut [u8]) -> io::Result<Step> {
        match self.open(data) {
            Err(error) => {
                // The alert goes out if it can; the error matters more than whether it did.
                let _ = self.flush_output();
                Err(wrap(error))
            }
            Ok(Step::NeedMore(length)) => self.fill(length),
            Ok(Step::Waiting) => self.wait(),
            Ok(step) => Ok(step),
        }
    }

    /// Opens a record that is here. Its plaintext goes to `data`; what does not fit there stays in the input.
    fn open(&mut self, data: &mut [u8]) -> Result<Step, Error> {
        let records = self.input.records_mut();
        let within = records.as_ptr_range();
        let received = self.connection.receive_to(records, data, &mut self.output)?;
        let mut kept = 0..0;
        let step = match received.content {
            Content::NeedMore(length) => Step::NeedMore(length),
            Content::Waiting => Step::Waiting,
            Content::Progress => Step::Progress,
            Content::Closed => Step::Closed,
            Content::Data(plaintext) if within.contains(&plaintext.as_ptr()) => {
                let start = plaintext.as_ptr().addr() - within.start.addr();
                kept = start..start + plaintext.len();
                Step::Data(0)
            }
            Content::Data(plaintext) => Step::Data(plaintext.len()),
        };
        let consumed = received.consumed;
        self.input.opened(consumed, kept);
        Ok(match step {
            Step::Data(0) => Step::Data(self.input.take(data)),
            step => step,
        })
    }

    fn fill(&mut self, length: usize) -> io::Result<Step> {
        self.flush_output()?;
        let tail = self.input.tail_mut(length);
        let read = loop {
            match self.transport.read(tail) {
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
        self.input.filled = read == tail.len();
        self.input.end += read;
        Ok(Step::Progress)
    }

    /// Blocks this thread until whatever the handshake waits for is there.
    fn wait(&mut self) -> io::Result<Step> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            self.flush_output()?;
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
    /// So many bytes of application data are where they were wanted.
    Data(usize),
    Closed,
    NeedMore(usize),
    Waiting,
}

impl<T: Read + Write> Read for Stream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.early.is_empty() {
            let len = self.early.len().min(buffer.len());
            buffer[..len].copy_from_slice(&self.early[..len]);
            self.early.drain(..len);
            return Ok(len);
        }
        let mut read = self.input.take(buffer);
        while read == 0 && !buffer.is_empty() {
            match self.step(buffer)? {
                Step::Data(len) => read = len,
                Step::Closed => return Ok(0),
                _ => {}
            }
        }
        // Whatever else is here and fits. What is no data, an error too, is there the next time as well.
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty())
            && let Ok(Step::Data(len)) = self.open(rest)
        {
            read += len;
        }
        Ok(read)
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

/// Plaintext that did not fit the caller's buffer, and behind it records that are not opened yet.
#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
    /// Where the plaintext lies.
    plaintext: Range<usize>,
    /// Where the records begin.
    start: usize,
    /// Where what was received ends.
    end: usize,
    /// Whether the last read took all that there was room for, so that there is more to expect.
    filled: bool,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({} bytes)", self.plaintext.len() + self.end - self.start)
    }
}

impl Input {
    /// Room for one record of the largest size.
    const ONE_RECORD: usize = 5 + (1 << 14) + 2048;
    /// Room for four of the largest that are usual, and a little more.
    const MANY_RECORDS: usize = 4 * (5 + (1 << 14) + 256);

    fn records_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// As many bytes of the records are done with, and hold plaintext so far into them, if any.
    fn opened(&mut self, consumed: usize, plaintext: Range<usize>) {
        self.plaintext = self.start + plaintext.start..self.start + plaintext.end;
        self.start += consumed;
    }

    fn plaintext(&self) -> &[u8] {
        &self.bytes[self.plaintext.clone()]
    }

    /// Copies as much of the plaintext as there is room for.
    fn take(&mut self, data: &mut [u8]) -> usize {
        let len = self.plaintext.len().min(data.len());
        data[..len].copy_from_slice(&self.plaintext()[..len]);
        self.plaintext.start += len;
        len
    }

    /// Where more bytes go, with room for a record of `length`. There must be no plaintext left.
    fn tail_mut(&mut self, length: usize) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.plaintext, self.start, self.end) = (0..0, 0, self.end - self.start);
        }
        let room = if self.filled { Self::MANY_RECORDS } else { Self::ONE_RECORD };
        if self.bytes.len() < room.max(length) {
            self.bytes.resize(room.max(length), 0);
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
