//! This process's end of the connection: it knows every secret, and sends when it is told to.
use crate::Failure;
use premaster::{Connection, Content, Output};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    task::{Context, Waker},
    time::{Duration, Instant},
};

/// One end, with its buffers.
pub struct Peer {
    /// The connection.
    pub connection: Connection,
    /// What is not sent yet.
    pub output: Output,
    socket: TcpStream,
    input: Vec<u8>,
    received: usize,
}

impl Peer {
    /// Over `socket`.
    ///
    /// # Errors
    /// The system's.
    pub fn new(connection: Connection, output: Output, socket: TcpStream) -> Result<Self, Failure> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        Ok(Self { connection, output, socket, input: Vec::new(), received: 0 })
    }

    /// Sends everything.
    ///
    /// # Errors
    /// The system's.
    pub fn push(&mut self) -> Result<(), Failure> {
        self.socket.write_all(self.output.as_slice())?;
        self.output.clear();
        Ok(())
    }

    /// Sends the first record, and keeps the others.
    ///
    /// # Errors
    /// The system's.
    pub fn push_record(&mut self) -> Result<(), Failure> {
        let bytes = self.output.as_slice();
        let length = bytes.get(3..5).ok_or("nothing to send")?;
        let end = 5 + usize::from(u16::from_be_bytes([length[0], length[1]]));
        self.socket.write_all(bytes.get(..end).ok_or("half a record")?)?;
        self.output.consume(end);
        Ok(())
    }

    /// Whether what is to be sent ends a handshake of TLS 1.2: it has a change_cipher_spec in it.
    pub fn ends_handshake(&self) -> bool {
        let mut rest = self.output.as_slice();
        while let [content_type, _, _, high, low, ..] = rest {
            if *content_type == 20 {
                return true;
            }
            let end = 5 + usize::from(u16::from_be_bytes([*high, *low]));
            rest = rest.get(end..).unwrap_or_default();
        }
        false
    }

    /// Whether what is to be sent is a HelloRetryRequest: a ServerHello whose random says so (RFC 9846 section
    /// 4.1.3).
    pub fn asks_again(&self) -> bool {
        const START: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];
        // After the headers of the record and of the message, and legacy_version.
        self.output.as_slice().get(11..).is_some_and(|random| random.starts_with(&START))
    }

    /// Sends everything, with the last bit turned.
    ///
    /// # Errors
    /// The system's.
    pub fn push_spoilt(&mut self) -> Result<(), Failure> {
        let mut bytes = self.output.as_slice().to_vec();
        *bytes.last_mut().ok_or("nothing to send")? ^= 1;
        self.output.clear();
        Ok(self.socket.write_all(&bytes)?)
    }

    /// Receives until `done`.
    ///
    /// # Errors
    /// The connection's, the system's, or that it takes too long.
    pub fn pull(&mut self, done: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + crate::process::PATIENCE;
        while !done(self) {
            if !self.take_record()? {
                if Instant::now() > deadline {
                    return Err(format!("the examined process is silent: {:?}", self.connection).into());
                }
                self.read()?;
            }
        }
        Ok(())
    }

    /// Receives whatever is on its way now.
    ///
    /// # Errors
    /// The connection's or the system's.
    pub fn pull_all(&mut self) -> Result<(), Failure> {
        while self.take_record()? || self.read()? {}
        Ok(())
    }

    fn read(&mut self) -> Result<bool, Failure> {
        let mut buffer = [0; 1 << 15];
        match self.socket.read(&mut buffer) {
            Ok(0) => Err("the examined process has closed the connection".into()),
            Ok(read) => {
                self.input.extend_from_slice(&buffer[..read]);
                Ok(true)
            }
            Err(error) if is_nothing_yet(error.kind()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn take_record(&mut self) -> Result<bool, Failure> {
        let received = self.connection.receive(&mut self.input, &mut self.output)?;
        match received.content {
            Content::NeedMore(_) => return Ok(false),
            Content::Data(data) => self.received += data.len(),
            Content::Closed | Content::Progress => {}
            Content::Waiting => {
                let mut context = Context::from_waker(Waker::noop());
                while self.connection.poll(&mut context, &mut self.output).is_pending() {}
            }
        }
        let consumed = received.consumed;
        self.input.drain(..consumed);
        Ok(true)
    }

    /// Sends `data`, and receives as much.
    ///
    /// # Errors
    /// The connection's or the system's.
    pub fn echo(&mut self, data: &[u8]) -> Result<(), Failure> {
        let expected = self.received + data.len();
        self.connection.send(data, &mut self.output)?;
        self.push()?;
        self.pull(|peer| peer.received >= expected)
    }

    /// Ends the connection in order.
    ///
    /// # Errors
    /// The system's.
    pub fn close(mut self) -> Result<(), Failure> {
        self.connection.close(&mut self.output);
        self.push()?;
        let _ = self.socket.shutdown(Shutdown::Write);
        // The other end may send until it has read all of it.
        let deadline = Instant::now() + Duration::from_secs(1);
        while Instant::now() < deadline && self.read().is_ok() {}
        Ok(())
    }
}

/// Nothing has come, or this process was stopped meanwhile.
const fn is_nothing_yet(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
