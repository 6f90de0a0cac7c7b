//! The client's side.
use crate::{
    handshake::MidHandshake,
    stream::{stream, transport},
};
use premaster::{ClientConfig, Connection, Output, config::ConfigError, pki_types::ServerName};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// Connects: a configuration that makes streams out of transports.
///
/// ```no_run
/// # async fn connect(config: premaster::ClientConfig) -> Result<(), Box<dyn std::error::Error>> {
/// use premaster_tokio::TlsConnector;
/// use std::sync::Arc;
/// use tokio::net::TcpStream;
///
/// let connector = TlsConnector::from(Arc::new(config));
/// let transport = TcpStream::connect("example.org:443").await?;
/// let stream = connector.connect("example.org".try_into()?, transport).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TlsConnector(Arc<ClientConfig>);

impl From<Arc<ClientConfig>> for TlsConnector {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }
}

impl TlsConnector {
    /// Connects to the server of this name at the other end of `io`.
    pub fn connect<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: ServerName<'static>,
        io: IO,
    ) -> Connect<IO> {
        self.connect_with(name, io, |_| ())
    }

    /// Connects, and shows the connection to `inspect` before anything is sent.
    pub fn connect_with<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: ServerName<'static>,
        io: IO,
        inspect: impl FnOnce(&mut Connection),
    ) -> Connect<IO> {
        self.start(name, io, &[], inspect)
    }

    /// Connects, and says `data` first: as early data (0-RTT, RFC 9846 section 2.3) if the configuration allows
    /// it and there is a session with a server that takes it, as any other data if not. It is said once; but
    /// **whoever sees early data can send it to the server again**, so it has to be something that does no harm
    /// if it comes twice (RFC 9846 section 8).
    pub fn connect_with_early_data<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: ServerName<'static>,
        io: IO,
        data: &[u8],
    ) -> Connect<IO> {
        self.start(name, io, data, |_| ())
    }

    fn start<IO>(
        &self,
        name: ServerName<'static>,
        io: IO,
        early: &[u8],
        inspect: impl FnOnce(&mut Connection),
    ) -> Connect<IO> {
        let mut output = Output::new();
        let mut connection = Connection::client(Arc::clone(&self.0), name, &mut output);
        if let Ok(connection) = &mut connection {
            inspect(connection);
        }
        Connect(MidHandshake::client(io, connection, output, early, self.0.limits().handshake_time))
    }

    /// The same, with other application protocols. Keep it: each call copies the configuration.
    ///
    /// # Errors
    /// A name is empty or longer than 255 bytes (RFC 7301 section 3.1).
    pub fn with_alpn(&self, protocols: Vec<Vec<u8>>) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(ClientConfig::clone(&self.0).with_alpn(protocols)?)))
    }

    /// The configuration.
    pub const fn config(&self) -> &Arc<ClientConfig> {
        &self.0
    }
}

stream! {
    /// A client's TLS connection over a transport.
    ///
    /// See the [crate's documentation](crate#streams) for how it behaves.
}

crate::handshake::future! {
    /// A client's handshake. Dropping it drops the transport: see [`into_fallible`](Self::into_fallible).
    ///
    /// It fails when it takes longer than [`Limits::handshake_time`](premaster::config::Limits).
    Connect,
    /// A client's handshake that gives the transport back when it fails.
    FallibleConnect,
    TlsStream
}
