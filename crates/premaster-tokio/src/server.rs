//! The server's side.
use crate::{
    handshake::{Deadline, MidHandshake},
    input::Input,
    session::Session,
    stream::{stream, transport},
};
use premaster::{Connection, Output, ServerConfig};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// Accepts: a configuration that makes streams out of transports.
///
/// ```no_run
/// # async fn serve(config: premaster::ServerConfig) -> std::io::Result<()> {
/// use premaster_tokio::TlsAcceptor;
/// use std::sync::Arc;
/// use tokio::net::TcpListener;
///
/// let acceptor = TlsAcceptor::from(Arc::new(config));
/// let listener = TcpListener::bind("localhost:4433").await?;
/// loop {
///     let (transport, _) = listener.accept().await?;
///     let accept = acceptor.accept(transport);
///     tokio::spawn(async move {
///         let stream = accept.await?;
///         // Here goes what the server does.
///         # drop(stream);
///         std::io::Result::Ok(())
///     });
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TlsAcceptor(Arc<ServerConfig>);

impl From<Arc<ServerConfig>> for TlsAcceptor {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self(config)
    }
}

impl TlsAcceptor {
    /// Accepts the client at the other end of `io`.
    pub fn accept<IO: AsyncRead + AsyncWrite + Unpin>(&self, io: IO) -> Accept<IO> {
        self.accept_with(io, |_| ())
    }

    /// Accepts, and shows the connection to `inspect` before anything is received.
    pub fn accept_with<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
        inspect: impl FnOnce(&mut Connection),
    ) -> Accept<IO> {
        let mut connection = Connection::server(Arc::clone(&self.0));
        inspect(&mut connection);
        let session = Session::new(io, connection, Input::default(), Output::new());
        Accept(MidHandshake::server(session, Deadline::new(Instant::now(), self.0.limits().handshake_time)))
    }

    /// The configuration.
    pub const fn config(&self) -> &Arc<ServerConfig> {
        &self.0
    }
}

stream! {
    /// A server's TLS connection over a transport.
    ///
    /// See the [crate's documentation](crate#streams) for how it behaves.
}

impl<IO> TlsStream<IO> {
    /// The early data that came before the handshake was finished (0-RTT, RFC 9846 section 2.3), if the
    /// configuration lets clients send any. Empty the second time.
    ///
    /// It is no part of what is read from the stream: whoever has seen it can send it again (RFC 9846 section 8),
    /// so the application has to treat it as something that may come twice.
    pub fn take_early_data(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0.early.data)
    }
}

crate::handshake::future! {
    /// A server's handshake. Dropping it drops the transport: see [`into_fallible`](Self::into_fallible).
    ///
    /// It fails when it takes longer than [`Limits::handshake_time`](premaster::config::Limits).
    Accept,
    /// A server's handshake that gives the transport back when it fails.
    FallibleAccept,
    TlsStream
}
