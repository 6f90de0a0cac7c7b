//! What streams do, whichever side they are.
use crate::{client, server, session::Session};
use premaster::{Connection, Info, Output};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// All that a stream was made of: what [`into_parts`](TlsStream::into_parts) gives.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<IO> {
    /// The transport.
    pub io: IO,
    /// The connection.
    pub connection: Connection,
    /// Plaintext that was not read yet.
    pub plaintext: Vec<u8>,
    /// Records, or the beginning of one, that were received and not opened yet.
    pub received: Vec<u8>,
    /// Records that were not sent yet.
    pub output: Output,
}

/// A stream of either side, as the public types of both sides hold it.
macro_rules! stream {
    ($(#[$attribute:meta])*) => {
        $(#[$attribute])*
        #[derive(Debug)]
        pub struct TlsStream<IO>(pub(crate) $crate::session::Session<IO>);

        impl<IO> TlsStream<IO> {
            /// The transport and the connection.
            pub const fn get_ref(&self) -> (&IO, &premaster::Connection) {
                (&self.0.io, &self.0.connection)
            }

            /// The transport and the connection. Reading from the one or sending with the other by oneself
            /// breaks the stream.
            pub const fn get_mut(&mut self) -> (&mut IO, &mut premaster::Connection) {
                (&mut self.0.io, &mut self.0.connection)
            }

            /// The transport and the connection. What was received but not read, or written but not flushed, is
            /// gone: [`into_parts`](Self::into_parts) keeps it.
            pub fn into_inner(self) -> (IO, premaster::Connection) {
                (self.0.io, self.0.connection)
            }

            /// All that the stream is made of.
            pub fn into_parts(self) -> $crate::Parts<IO> {
                self.0.into_parts()
            }

            /// What was negotiated, and with whom. None once the connection has failed.
            pub fn info(&self) -> Option<&premaster::Info> {
                self.0.connection.info()
            }

            /// Sends under new keys from now on: see [`Connection::update_keys`](premaster::Connection). The
            /// KeyUpdate leaves with the next write or flush.
            ///
            /// # Errors
            /// It is TLS 1.2, or the connection has failed before.
            pub fn update_keys(&mut self, ask_peer: bool) -> std::io::Result<()> {
                self.0.update_keys(ask_peer)
            }
        }

        #[cfg(unix)]
        impl<IO: std::os::fd::AsRawFd> std::os::fd::AsRawFd for TlsStream<IO> {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.0.io.as_raw_fd()
            }
        }

        #[cfg(windows)]
        impl<IO: std::os::windows::io::AsRawSocket> std::os::windows::io::AsRawSocket for TlsStream<IO> {
            fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
                self.0.io.as_raw_socket()
            }
        }

        transport!(TlsStream, |stream| stream.0);
    };
}

/// Reads and writes through a session, however a stream comes by it.
macro_rules! transport {
    ($stream:ident, |$this:ident| $session:expr) => {
        impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for $stream<IO> {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let $this = self.get_mut();
                $session.poll_read(context, buffer)
            }
        }

        impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for $stream<IO> {
            fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
                let $this = self.get_mut();
                $session.poll_fill_buf(context)
            }

            fn consume(self: Pin<&mut Self>, n: usize) {
                let $this = self.get_mut();
                $session.input.take(n);
            }
        }

        impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for $stream<IO> {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                data: &[u8],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                $session.poll_write(context, data)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                pieces: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                $session.poll_write_vectored(context, pieces)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $this = self.get_mut();
                $session.poll_flush(context)
            }

            fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $this = self.get_mut();
                $session.poll_shutdown(context)
            }
        }
    };
}

pub(crate) use {stream, transport};

/// A TLS connection over a transport, of either side.
#[derive(Debug)]
pub enum TlsStream<IO> {
    /// A client's.
    Client(client::TlsStream<IO>),
    /// A server's.
    Server(server::TlsStream<IO>),
}

impl<IO> TlsStream<IO> {
    const fn session(&self) -> &Session<IO> {
        match self {
            Self::Client(stream) => &stream.0,
            Self::Server(stream) => &stream.0,
        }
    }

    const fn session_mut(&mut self) -> &mut Session<IO> {
        match self {
            Self::Client(stream) => &mut stream.0,
            Self::Server(stream) => &mut stream.0,
        }
    }

    fn into_session(self) -> Session<IO> {
        match self {
            Self::Client(stream) => stream.0,
            Self::Server(stream) => stream.0,
        }
    }

    /// The transport and the connection.
    pub const fn get_ref(&self) -> (&IO, &Connection) {
        let session = self.session();
        (&session.io, &session.connection)
    }

    /// The transport and the connection. Reading from the one or sending with the other by oneself breaks the
    /// stream.
    pub const fn get_mut(&mut self) -> (&mut IO, &mut Connection) {
        let session = self.session_mut();
        (&mut session.io, &mut session.connection)
    }

    /// The transport and the connection. What was received but not read, or written but not flushed, is gone:
    /// [`into_parts`](Self::into_parts) keeps it.
    pub fn into_inner(self) -> (IO, Connection) {
        let session = self.into_session();
        (session.io, session.connection)
    }

    /// All that the stream is made of.
    pub fn into_parts(self) -> Parts<IO> {
        self.into_session().into_parts()
    }

    /// What was negotiated, and with whom. None once the connection has failed.
    pub fn info(&self) -> Option<&Info> {
        self.session().connection.info()
    }

    /// Sends under new keys from now on: see [`Connection::update_keys`]. The KeyUpdate leaves with the next
    /// write or flush.
    ///
    /// # Errors
    /// It is TLS 1.2, or the connection has failed before.
    pub fn update_keys(&mut self, ask_peer: bool) -> io::Result<()> {
        self.session_mut().update_keys(ask_peer)
    }
}

impl<IO> From<client::TlsStream<IO>> for TlsStream<IO> {
    fn from(stream: client::TlsStream<IO>) -> Self {
        Self::Client(stream)
    }
}

impl<IO> From<server::TlsStream<IO>> for TlsStream<IO> {
    fn from(stream: server::TlsStream<IO>) -> Self {
        Self::Server(stream)
    }
}

#[cfg(unix)]
impl<IO: std::os::fd::AsRawFd> std::os::fd::AsRawFd for TlsStream<IO> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.session().io.as_raw_fd()
    }
}

#[cfg(windows)]
impl<IO: std::os::windows::io::AsRawSocket> std::os::windows::io::AsRawSocket for TlsStream<IO> {
    fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
        self.session().io.as_raw_socket()
    }
}

transport!(TlsStream, |stream| stream.session_mut());
