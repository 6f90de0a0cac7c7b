//! A connection and its transport: what the handshake futures and the streams of both sides have in common.
use crate::{error::wrap, input::Input, stream::Parts};
use premaster::{Connection, Content, Error, Output, observe::Resumed, wire::Side};
use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much plaintext one write takes: enough that a system call carries several records, and little enough
/// that plaintext and records stay in the processor's cache.
const WRITE: usize = 1 << 16;

/// How much may be read or written without waiting before other tasks have their turn. tokio counts system calls,
/// which carry more here than elsewhere; and a task that comes again is one that another thread can take.
const TURN: usize = 1 << 20;

/// How much plaintext of a vectored write is gathered into one record.
const GATHER: usize = 1 << 14;

/// The longest fragment of a record (RFC 5246 section 6.2.3).
const LARGEST: usize = (1 << 14) + 2048;

/// What sealing adds to a record of 2^14 bytes, or a little more: how much memory to ask for at once.
const OVERHEAD: usize = 64;

/// A connection over a transport.
#[derive(Debug)]
pub(crate) struct Session<IO> {
    pub(crate) io: IO,
    pub(crate) connection: Connection,
    pub(crate) input: Input,
    /// At most what one write makes: nothing more is taken before it is gone.
    pub(crate) output: Output,
    /// Whether the transport has taken bytes that it may not have passed on.
    unflushed: bool,
    pub(crate) early: Early,
    /// How much went either way since something waited.
    moved: usize,
    /// Who waits until the transport takes more, so that a reader does not take its place.
    writer: Option<Waker>,
}

/// Early data (0-RTT, RFC 9846 section 2.3).
#[derive(Debug, Default)]
pub(crate) struct Early {
    /// At a client, what it wants to say first; at a server, what came. As much as the server allows to come.
    pub(crate) data: Vec<u8>,
    /// How much of it a client has sent already.
    pub(crate) sent: usize,
}

/// What one record brought.
enum Step {
    Progress,
    Data,
    Closed,
    NeedMore,
    Waiting,
}

impl<IO> Session<IO> {
    pub(crate) fn new(io: IO, connection: Connection, input: Input, output: Output) -> Self {
        let early = Early::default();
        Self { io, connection, input, output, early, unflushed: false, moved: 0, writer: None }
    }

    /// What a client wants to say first: as much as the session allows goes at once.
    pub(crate) fn send_early(&mut self, data: &[u8]) {
        // If that fails, the connection says so again when the handshake is polled.
        let sent = self.connection.send_early(data, &mut self.output).unwrap_or_default();
        self.early = Early { data: data.to_vec(), sent };
    }

    /// What a client wanted to say first, as far as the server has not taken it.
    fn send_again(&mut self) -> Result<(), Error> {
        if self.connection.side() == Side::Server || self.early.data.is_empty() {
            return Ok(());
        }
        let Early { data, sent } = std::mem::take(&mut self.early);
        let taken = self.connection.info().is_some_and(|info| info.resumed == Resumed::EarlyData);
        let rest = if taken { data.get(sent..).unwrap_or_default() } else { &data };
        self.connection.send(rest, &mut self.output)
    }

    pub(crate) fn update_keys(&mut self, ask_peer: bool) -> io::Result<()> {
        self.connection.update_keys(ask_peer, &mut self.output).map_err(wrap)
    }

    pub(crate) fn into_parts(self) -> Parts<IO> {
        let (plaintext, received) = self.input.into_parts();
        Parts { io: self.io, connection: self.connection, plaintext, received, output: self.output }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Opens the next record, into `buffer` if there is room for all of it. There must be no plaintext left of the
    /// one before.
    fn step(&mut self, buffer: &mut ReadBuf<'_>) -> Result<Step, Error> {
        let records = self.input.records_mut();
        let within = records.as_ptr_range();
        // No more than a record needs, as this memory may have to be zeroed.
        let out = buffer.initialize_unfilled_to(buffer.remaining().min(records.len()).min(LARGEST));
        let received = self.connection.receive_to(records, out, &mut self.output)?;
        let consumed = received.consumed;
        let (step, plaintext) = match received.content {
            Content::Data(data) if within.contains(&data.as_ptr()) => {
                let start = data.as_ptr().addr() - within.start.addr();
                (Step::Data, start..start + data.len())
            }
            Content::Data(data) => {
                let len = data.len();
                buffer.advance(len);
                (Step::Data, 0..0)
            }
            Content::NeedMore(_) => (Step::NeedMore, 0..0),
            Content::Progress => (Step::Progress, 0..0),
            Content::Closed => (Step::Closed, 0..0),
            Content::Waiting => (Step::Waiting, 0..0),
        };
        self.input.opened(consumed, plaintext);
        Ok(step)
    }

    /// Goes on with the handshake until it is finished and everything is sent.
    pub(crate) fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.connection.info().is_some() {
                self.send_again().map_err(wrap)?;
                ready!(self.poll_send(context))?;
                self.release();
                return Poll::Ready(Ok(()));
            }
            match self.step(&mut ReadBuf::new(&mut [])) {
                Err(error) => return Poll::Ready(Err(self.refuse(error, context))),
                Ok(Step::Progress | Step::Closed) => {}
                Ok(Step::Data) => {
                    // It may be a replay: it is kept apart from what the client says later.
                    let plaintext = self.input.plaintext();
                    self.early.data.extend_from_slice(plaintext);
                    let n = plaintext.len();
                    self.input.take(n);
                }
                Ok(Step::Waiting) => match self.connection.poll(context, &mut self.output) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(self.refuse(error, context))),
                    Poll::Pending => match self.poll_send(context) {
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        _ => return Poll::Pending,
                    },
                },
                Ok(Step::NeedMore) => {
                    // Only now, so that whatever answers one flight goes at once.
                    let sent = self.poll_send(context);
                    match (self.input.poll_fill(context, &mut self.io)?, sent) {
                        (Poll::Ready(true), _) => {}
                        (Poll::Ready(false), _) => self.end_of_input()?,
                        // Not before: a peer that takes no more may have said why, and that is worth more.
                        (Poll::Pending, Poll::Ready(Err(error))) => return Poll::Ready(Err(error)),
                        (Poll::Pending, _) => return Poll::Pending,
                    }
                }
            }
        }
    }

    /// Waits until there is plaintext, in `buffer` if there is room for it. False is the end, as the peer said it.
    fn poll_plaintext(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        while self.input.plaintext().is_empty() && buffer.filled().len() == before {
            match self.step(buffer) {
                Err(error) => return Poll::Ready(Err(self.refuse(error, context))),
                Ok(Step::Progress | Step::Data) => {}
                Ok(Step::Closed) => {
                    self.input.release();
                    return Poll::Ready(Ok(false));
                }
                Ok(Step::Waiting) => {
                    ready!(self.connection.poll(context, &mut self.output)).map_err(wrap)?;
                }
                Ok(Step::NeedMore) => {
                    self.drain_for_reader(context);
                    let filled = self.input.poll_fill(context, &mut self.io);
                    if filled.is_pending() {
                        self.moved = 0;
                        self.release();
                    }
                    if !ready!(filled)? {
                        self.end_of_input()?;
                    }
                }
            }
        }
        Poll::Ready(Ok(true))
    }

    /// Reads as many records as are here and fit.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_turn(context));
        let before = buffer.remaining();
        if before == 0 || !ready!(self.poll_plaintext(context, buffer))? {
            return Poll::Ready(Ok(()));
        }
        loop {
            self.input.take_into(buffer);
            if buffer.remaining() == 0 {
                break;
            }
            match self.step(buffer) {
                Ok(Step::Data | Step::Progress) => {}
                // An error comes again when there is nothing else to say.
                Err(error) => {
                    self.refuse(error, context);
                    break;
                }
                Ok(_) => break,
            }
        }
        self.moved += before - buffer.remaining();
        Poll::Ready(Ok(()))
    }

    /// Lends the plaintext where it lies.
    pub(crate) fn poll_fill_buf(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        ready!(self.poll_plaintext(context, &mut ReadBuf::new(&mut [])))?;
        Poll::Ready(Ok(self.input.plaintext()))
    }

    /// Pending once in a while for who would never wait, see [`TURN`].
    fn poll_turn(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.moved < TURN {
            return Poll::Ready(());
        }
        self.moved = 0;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes as much of `data` as one write may, once what was taken before is gone.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        ready!(self.poll_drain_for_writer(context))?;
        let data = &data[..data.len().min(WRITE)];
        self.moved += data.len();
        self.output.reserve_tail(data.len() + data.len().div_ceil(1 << 14) * OVERHEAD);
        self.connection.send(data, &mut self.output).map_err(wrap)?;
        // What the transport does not take now goes with the next write, flush or read.
        match self.poll_drain(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(data.len())),
        }
    }

    /// Small pieces share a record.
    pub(crate) fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut pieces = pieces.iter().filter(|piece| !piece.is_empty()).peekable();
        let Some(first) = pieces.next() else { return self.poll_write(context, &[]) };
        if first.len() >= GATHER || pieces.peek().is_none() {
            return self.poll_write(context, first);
        }
        ready!(self.poll_drain_for_writer(context))?;
        let mut gathered = Vec::with_capacity(GATHER);
        gathered.extend_from_slice(first);
        for piece in pieces {
            let room = GATHER - gathered.len();
            gathered.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        self.poll_write(context, &gathered)
    }

    /// Everything that was written leaves, and the memory for it.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain_for_writer(context))?;
        ready!(self.poll_send(context))?;
        self.output.release();
        Poll::Ready(Ok(()))
    }

    /// Says close_notify, and closes the sending half of the transport.
    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.close(&mut self.output);
        ready!(self.poll_flush(context))?;
        match ready!(Pin::new(&mut self.io).poll_shutdown(context)) {
            // The peer was faster, and heard close_notify all the same.
            Err(error) if error.kind() == ErrorKind::NotConnected => Poll::Ready(Ok(())),
            closed => Poll::Ready(closed),
        }
    }

    /// Tells the peer what was wrong, if the transport takes it at once.
    pub(crate) fn refuse(&mut self, error: Error, context: &mut Context<'_>) -> io::Error {
        // Whether the peer hears it matters less than the error itself.
        let _ = self.poll_send(context);
        wrap(error)
    }

    fn end_of_input(&mut self) -> io::Result<()> {
        self.connection.end_of_input().map_err(wrap)
    }

    /// Hands the transport what waits for it.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let write = Pin::new(&mut self.io).poll_write(context, self.output.as_slice());
            match ready!(write)? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                n => self.output.consume(n),
            }
            self.unflushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_drain_for_writer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let drained = self.poll_drain(context);
        if drained.is_pending() {
            self.moved = 0;
        }
        self.writer = drained.is_pending().then(|| context.waker().clone());
        drained
    }

    /// Somebody who writes and then waits for the answer must not wait for ever. But a transport remembers one
    /// task for each direction: if a writer waits already, this is done in its name.
    fn drain_for_reader(&mut self, context: &Context<'_>) {
        if self.output.is_empty() {
            return;
        }
        let writer = self.writer.take();
        let waker = writer.as_ref().unwrap_or(context.waker());
        // If writing fails, whoever writes next will hear of it.
        let drained = self.poll_drain(&mut Context::from_waker(waker));
        match writer {
            Some(writer) if drained.is_ready() => writer.wake(),
            writer => self.writer = writer,
        }
    }

    /// Hands the transport what waits for it, and has it passed on.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// An idle stream holds no memory for records.
    fn release(&mut self) {
        self.input.release();
        if self.output.is_empty() {
            self.output.release();
        }
    }
}
