//! Two ends in memory: what a demonstration plays on, without a network and the same in every run.
use premaster::{
    ClientConfig, Connection, Content, Error, Output, ServerConfig,
    config::Clock,
    crypto::{
        hash::{HashAlgorithm, digest},
        random::{Random, RandomFailed},
    },
    pki_types::{ServerName, UnixTime},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Random bytes that anybody can compute: SHA-256 over a name and a counter.
///
/// It is private to the demonstrations, so that no real connection can come to use it.
pub(super) struct Rehearsed {
    name: &'static str,
    counter: Mutex<u64>,
}

impl Rehearsed {
    pub(super) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, counter: Mutex::new(0) })
    }
}

impl Random for Rehearsed {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(32) {
            let block = digest(HashAlgorithm::Sha256, &[self.name.as_bytes(), &counter.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
            *counter += 1;
        }
        Ok(())
    }
}

/// A clock that stands still.
pub(super) struct Standing(pub(super) u64);

impl Clock for Standing {
    fn now(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// One end, with its buffers.
pub(super) struct End {
    pub(super) connection: Connection,
    pub(super) output: Output,
    input: Vec<u8>,
    pub(super) received: Vec<u8>,
}

impl End {
    fn new(connection: Connection, output: Output) -> Self {
        Self { connection, output, input: Vec::new(), received: Vec::new() }
    }

    /// Takes bytes from the peer.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.input.extend_from_slice(bytes);
        while !self.input.is_empty() {
            let received = self.connection.receive(&mut self.input, &mut self.output)?;
            let (consumed, mut waits) = (received.consumed, false);
            match received.content {
                Content::NeedMore(_) => return Ok(()),
                Content::Data(data) => self.received.extend_from_slice(data),
                Content::Waiting => waits = true,
                _ => {}
            }
            if waits {
                self.wait()?;
            }
            self.input.drain(..consumed);
        }
        Ok(())
    }

    /// Nothing here takes time: what the handshake waits for is in this process and ready.
    fn wait(&mut self) -> Result<(), Error> {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(outcome) = self.connection.poll(&mut context, &mut self.output) {
                return outcome;
            }
        }
    }
}

/// Both ends.
pub(super) struct Link {
    pub(super) client: End,
    pub(super) server: End,
    /// What crossed it, and whether the client sent it.
    pub(super) wire: Vec<(bool, Vec<u8>)>,
}

impl Link {
    pub(super) fn new(
        client: Arc<ClientConfig>,
        server: Arc<ServerConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, Error> {
        let mut output = Output::new();
        let client = Connection::client(client, name, &mut output)?;
        Ok(Self {
            client: End::new(client, output),
            server: End::new(Connection::server(server), Output::new()),
            wire: Vec::new(),
        })
    }

    /// Carries bytes both ways until nothing moves, or until one end has failed and the other heard of it.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        self.run_with(|_| (), |_| ())
    }

    /// The same, where somebody sits on the wire and changes what goes to the server, or to the client.
    pub(super) fn run_with(
        &mut self,
        change_to_server: impl Fn(&mut Vec<u8>),
        change_to_client: impl Fn(&mut Vec<u8>),
    ) -> Result<(), Error> {
        let mut outcome = Ok(());
        loop {
            let mut to_server = self.client.output.as_slice().to_vec();
            self.client.output.clear();
            change_to_server(&mut to_server);
            if !to_server.is_empty() {
                outcome = outcome.and(self.server.take(&to_server));
                self.wire.push((true, to_server.clone()));
            }
            let mut to_client = self.server.output.as_slice().to_vec();
            self.server.output.clear();
            change_to_client(&mut to_client);
            if !to_client.is_empty() {
                outcome = outcome.and(self.client.take(&to_client));
                self.wire.push((false, to_client.clone()));
            }
            if to_server.is_empty() && to_client.is_empty() {
                return outcome;
            }
        }
    }

    /// A question and an answer, and a clean end.
    pub(super) fn talk(&mut self) -> Result<(), Error> {
        self.client.connection.send(b"Who are you?", &mut self.client.output)?;
        self.run()?;
        self.server.connection.send(b"The one whose key signed this.", &mut self.server.output)?;
        self.run()
    }

    pub(super) fn close(&mut self) -> Result<(), Error> {
        self.client.connection.close(&mut self.client.output);
        self.server.connection.close(&mut self.server.output);
        self.run()
    }
}
