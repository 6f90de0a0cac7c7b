//! A client whose first flight can carry data, which a blocking stream does not do, driven over a socket.
use premaster::{ClientConfig, Connection, Content, Info, Output};
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

/// A client that has not sent its first flight yet.
pub struct FirstFlight {
    connection: Connection,
    output: Output,
}

impl FirstFlight {
    /// For `localhost`, with this as early data, as far as a session allows it.
    ///
    /// # Panics
    /// If the library refuses the configuration.
    pub fn new(config: Arc<ClientConfig>, early: &[u8]) -> Self {
        let mut output = Output::new();
        let name = "localhost".try_into().expect("a name");
        let mut connection = Connection::client(config, name, &mut output).expect("a client");
        if connection.early_data_left() > 0 {
            connection.send_early(early, &mut output).expect("early data");
        }
        Self { connection, output }
    }

    /// The bytes that it will send.
    pub fn bytes(&self) -> &[u8] {
        self.output.as_slice()
    }

    /// Goes through with it.
    ///
    /// # Panics
    /// If the handshake fails, or the server closes the socket before its end.
    pub fn finish(self, stream: TcpStream) -> Driven {
        let Self { connection, output } = self;
        let mut driven = Driven { connection, output, stream, input: Vec::new(), received: Vec::new() };
        while driven.connection.is_handshaking() {
            driven.turn();
        }
        driven.flush();
        driven
    }
}

/// A client after its handshake.
pub struct Driven {
    connection: Connection,
    output: Output,
    stream: TcpStream,
    input: Vec<u8>,
    /// What the server has sent so far.
    pub received: Vec<u8>,
}

impl Driven {
    /// What was negotiated.
    ///
    /// # Panics
    /// Never: the handshake is over.
    pub fn info(&self) -> &Info {
        self.connection.info().expect("the handshake is over")
    }

    /// Sends data.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn send(&mut self, data: &[u8]) {
        self.connection.send(data, &mut self.output).expect("it may send");
        self.flush();
    }

    /// Takes what the server sends until its data ends like this.
    ///
    /// # Panics
    /// If the server breaks the rules or the connection before that.
    pub fn receive_until(&mut self, end: &[u8]) {
        while !self.received.ends_with(end) {
            self.turn();
        }
    }

    /// Says close_notify.
    ///
    /// # Panics
    /// If the socket is gone.
    pub fn close(&mut self) {
        self.connection.close(&mut self.output);
        self.flush();
    }

    fn flush(&mut self) {
        self.stream.write_all(self.output.as_slice()).expect("the socket takes it");
        self.output.clear();
    }

    fn turn(&mut self) {
        self.flush();
        let mut buffer = [0; 1 << 14];
        let read = self.stream.read(&mut buffer).expect("something comes in time");
        assert!(read > 0, "closed; so far {}", self.received.escape_ascii());
        self.input.extend_from_slice(&buffer[..read]);
        while !self.input.is_empty() {
            let arrived = self.connection.receive(&mut self.input, &mut self.output).expect("no error");
            match arrived.content {
                Content::NeedMore(_) => break,
                Content::Data(data) => self.received.extend_from_slice(data),
                _ => {}
            }
            let consumed = arrived.consumed;
            self.input.drain(..consumed);
        }
    }
}
