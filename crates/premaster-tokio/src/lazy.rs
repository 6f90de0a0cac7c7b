//! A server that looks at the ClientHello before it chooses its configuration.
use crate::{
    error::wrap,
    handshake::{Deadline, MidHandshake},
    input::Input,
    server::Accept,
    session::Session,
};
use premaster::{
    Connection, Error, Output, ServerConfig,
    connection::{Accepted, Acceptor, ClientHello},
    error::Failure,
};
use std::{
    future::Future,
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

/// Waits for a ClientHello; the configuration is chosen then.
///
/// ```no_run
/// # use premaster::ServerConfig;
/// # use std::sync::Arc;
/// # async fn serve(
/// #     transport: tokio::net::TcpStream, one: Arc<ServerConfig>, other: Arc<ServerConfig>,
/// # ) -> std::io::Result<()> {
/// use premaster_tokio::{LazyConfigAcceptor, premaster::connection::Acceptor};
///
/// let start = LazyConfigAcceptor::new(Acceptor::new(), transport).await?;
/// let config = match start.client_hello().server_name() {
///     Some("one.example") => one,
///     _ => other,
/// };
/// let stream = start.into_stream(config).await?;
/// # Ok(())
/// # }
/// ```
///
/// It fails when it takes longer than the acceptor's [`Limits::handshake_time`](premaster::config::Limits).
/// Whoever polls it by reference can [take the transport back](Self::take_io) then.
#[derive(Debug)]
pub struct LazyConfigAcceptor<IO> {
    acceptor: Acceptor,
    io: Option<IO>,
    input: Input,
    deadline: Deadline,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> LazyConfigAcceptor<IO> {
    /// Waits for the ClientHello of the client at the other end of `io`.
    pub fn new(acceptor: Acceptor, io: IO) -> Self {
        let deadline = Deadline::new(Instant::now(), acceptor.limits().handshake_time);
        Self { acceptor, io: Some(io), input: Input::default(), deadline }
    }

    /// The transport; none once it was taken, or the ClientHello is here. What was read from it is gone.
    pub fn take_io(&mut self) -> Option<IO> {
        self.io.take()
    }

    fn poll_accepted(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let Some(io) = &mut self.io else {
            return Poll::Ready(Err(io::Error::new(ErrorKind::NotConnected, "the transport was taken")));
        };
        loop {
            let mut output = Output::new();
            match self.acceptor.receive(self.input.records_mut(), &mut output) {
                Ok((consumed, accepted)) => {
                    self.input.opened(consumed, 0..0);
                    if let Some(accepted) = accepted {
                        return Poll::Ready(Ok(accepted));
                    }
                }
                Err(error) => {
                    // Seven bytes, the first that are sent: if the transport does not take them, so be it.
                    let _ = Pin::new(&mut *io).poll_write(context, output.as_slice());
                    let _ = Pin::new(&mut *io).poll_flush(context);
                    return Poll::Ready(Err(wrap(error)));
                }
            }
            match self.input.poll_fill(context, io)? {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Err(wrap(Error::Truncated))),
                Poll::Pending => {
                    ready!(self.deadline.poll(context));
                    return Poll::Ready(Err(wrap(Failure::Deadline.into())));
                }
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Future for LazyConfigAcceptor<IO> {
    type Output = io::Result<StartHandshake<IO>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let accepted = ready!(this.poll_accepted(context))?;
        let io = this.io.take().ok_or(ErrorKind::NotConnected)?;
        let input = std::mem::take(&mut this.input);
        Poll::Ready(Ok(StartHandshake { accepted, io, input, started: this.deadline.started() }))
    }
}

/// A ClientHello that waits for a configuration, and the transport that it came over.
#[derive(Debug)]
pub struct StartHandshake<IO> {
    accepted: Accepted,
    io: IO,
    input: Input,
    started: Instant,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> StartHandshake<IO> {
    /// For a ClientHello that was received elsewhere, with nothing after it.
    pub fn from_parts(accepted: Accepted, io: IO) -> Self {
        Self { accepted, io, input: Input::default(), started: Instant::now() }
    }

    /// What the client says.
    pub const fn client_hello(&self) -> &ClientHello {
        self.accepted.client_hello()
    }

    /// The transport.
    pub const fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The transport.
    pub const fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// Goes on under this configuration. Its [`Limits::handshake_time`](premaster::config::Limits) counts from
    /// when the transport came to the [`LazyConfigAcceptor`].
    pub fn into_stream(self, config: Arc<ServerConfig>) -> Accept<IO> {
        self.into_stream_with(config, |_| ())
    }

    /// Goes on, and shows the connection to `inspect` before it receives the ClientHello.
    pub fn into_stream_with(
        self,
        config: Arc<ServerConfig>,
        inspect: impl FnOnce(&mut Connection),
    ) -> Accept<IO> {
        let limit = config.limits().handshake_time;
        let (mut connection, mut output) = (Connection::server(config), Output::new());
        inspect(&mut connection);
        // If that fails, the connection says so again when the handshake is polled.
        let _ = self.accepted.replay(&mut connection, &mut output);
        let session = Session::new(self.io, connection, self.input, output);
        Accept(MidHandshake::server(session, Deadline::new(self.started, limit)))
    }
}
