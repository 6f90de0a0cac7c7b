//! The socket to the runner, and the connection's bytes on their way through it.
use crate::{failure::Failure, settings::Settings, state::State};
use premaster::{Connection, Content, Error, Output};
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpStream},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// What a step brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Progress,
    Data(Vec<u8>),
    /// The peer said close_notify.
    Closed,
    /// The socket ended without it.
    EndOfFile,
}

/// A connection over a socket. Dropping it lets the peer say all it has to: a reset would swallow the alert.
pub(crate) struct Transport {
    socket: TcpStream,
    pub(crate) connection: Connection,
    pub(crate) output: Output,
    input: Vec<u8>,
    start: usize,
    data: VecDeque<u8>,
    /// With `-async`, bytes come one at a time.
    drip: bool,
    /// With `-read-with-unfinished-write`, no more than so many bytes are written for now.
    pub(crate) allowance: Option<usize>,
    pub(crate) state: Arc<State>,
}

/// Opens the socket that a test's connection runs over.
pub(crate) fn socket(settings: &Settings) -> Result<TcpStream, Failure> {
    let port = settings.number("-port")?.and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| Failure::unsupported("no -port"))?;
    let mut socket = match settings.has("-ipv6") {
        true => TcpStream::connect((Ipv6Addr::LOCALHOST, port))?,
        false => TcpStream::connect((Ipv4Addr::LOCALHOST, port))?,
    };
    socket.set_nodelay(true)?;
    // The runner gives up sooner than this.
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    let id = settings.number("-shim-id")?.unwrap_or_default();
    socket.write_all(&id.to_le_bytes())?;
    Ok(socket)
}

impl Transport {
    pub(crate) fn new(
        socket: TcpStream,
        connection: Connection,
        output: Output,
        settings: &Settings,
        state: Arc<State>,
    ) -> Self {
        let drip = settings.has("-async");
        let (input, data) = (Vec::new(), VecDeque::new());
        Self { socket, connection, output, input, start: 0, data, drip, allowance: None, state }
    }

    /// Writes what is ready.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() && self.allowance != Some(0) {
            let ready = self.output.as_slice();
            let most = self.allowance.unwrap_or(ready.len()).min(ready.len());
            let written = match self.socket.write(ready.get(..most).unwrap_or(ready)) {
                Ok(written) => written,
                // The peer has gone; what it said before that is still to be read.
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                    self.output.clear();
                    break;
                }
                Err(error) => return Err(error),
            };
            if let Some(allowance) = &mut self.allowance {
                *allowance -= written;
            }
            self.output.consume(written);
        }
        Ok(())
    }

    /// One record in, or more bytes of one.
    pub(crate) fn step(&mut self) -> Result<Step, Failure> {
        self.flush()?;
        loop {
            let input = self.input.get_mut(self.start..).unwrap_or_default();
            let (consumed, content) = match self.connection.receive(input, &mut self.output) {
                Err(error) => return Err(self.failed(error)),
                Ok(received) => match received.content {
                    Content::NeedMore(_) => (received.consumed, None),
                    Content::Waiting | Content::Progress => (received.consumed, Some(Step::Progress)),
                    Content::Closed => (received.consumed, Some(Step::Closed)),
                    Content::Data(data) => (received.consumed, Some(Step::Data(data.to_vec()))),
                },
            };
            self.start += consumed;
            if self.start == self.input.len() {
                self.input.clear();
                self.start = 0;
            }
            if self.connection.is_waiting() {
                self.wait()?;
            }
            self.flush()?;
            match content {
                Some(step) => return Ok(step),
                None if self.fill()? == 0 => return Ok(Step::EndOfFile),
                None => {}
            }
        }
    }

    /// Lets the alert out before anything else happens.
    pub(crate) fn failed(&mut self, error: Error) -> Failure {
        self.allowance = None;
        let _ = self.flush();
        error.into()
    }

    fn fill(&mut self) -> Result<usize, Failure> {
        let mut buffer = [0; 4096];
        let most = if self.drip { 1 } else { buffer.len() };
        let read = self.socket.read(&mut buffer[..most])?;
        self.input.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// The handshake waits for a certificate or a verdict, which comes at the next try.
    pub(crate) fn wait(&mut self) -> Result<(), Failure> {
        for _ in 0..100 {
            match self.connection.poll(&mut Context::from_waker(Waker::noop()), &mut self.output) {
                Poll::Ready(Ok(())) => return Ok(()),
                Poll::Ready(Err(error)) => return Err(self.failed(error)),
                Poll::Pending => {}
            }
        }
        Err(Failure::expected("the handshake waits for something that never comes"))
    }

    /// Up to `most` bytes of application data; none at the end, clean or not.
    pub(crate) fn read(&mut self, most: usize) -> Result<(Vec<u8>, Step), Failure> {
        while self.data.is_empty() {
            match self.step()? {
                Step::Data(data) => self.data.extend(data),
                Step::Progress => {}
                end => return Ok((Vec::new(), end)),
            }
        }
        let most = most.min(self.data.len());
        Ok((self.data.drain(..most).collect(), Step::Progress))
    }

    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        if let Err(error) = self.connection.send(data, &mut self.output) {
            return Err(self.failed(error));
        }
        Ok(self.flush()?)
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        let _ = self.flush();
        let _ = self.socket.shutdown(Shutdown::Write);
        let mut rest = [0; 4096];
        while matches!(self.socket.read(&mut rest), Ok(1..)) {}
    }
}
