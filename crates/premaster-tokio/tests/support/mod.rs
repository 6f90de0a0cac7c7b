//! What the tests of streams share.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]
#[path = "../../../premaster/tests/common/mod.rs"]
pub mod common;

pub use common::{Authority, Key, client_config, server_config};
use premaster::{ClientConfig, Policy, ServerConfig, pki_types::ServerName, wire::ProtocolVersion};
use premaster_tokio::{TlsAcceptor, TlsConnector, client, server};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, WriteHalf, duplex, split,
};

pub const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];

pub fn only(version: ProtocolVersion) -> Policy {
    Policy::MODERN.with_versions(&[version])
}

pub fn localhost() -> ServerName<'static> {
    "localhost".try_into().unwrap()
}

/// A client's and a server's configuration that speak this version only.
pub fn configs(version: ProtocolVersion) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let client = client_config(&authority, |builder| builder.policy(only(version)));
    let server = server_config(credential, |builder| builder.policy(only(version)));
    (client, server)
}

pub type Pair<IO = DuplexStream> = (client::TlsStream<IO>, server::TlsStream<IO>);

/// A client and a server, connected over memory that holds `capacity` bytes each way.
pub async fn pair(version: ProtocolVersion, capacity: usize) -> Pair {
    let (near, far) = duplex(capacity);
    pair_over(version, near, far).await
}

pub async fn pair_over<IO: AsyncRead + AsyncWrite + Unpin>(
    version: ProtocolVersion,
    near: IO,
    far: IO,
) -> Pair<IO> {
    let (client, server) = configs(version);
    let connect = TlsConnector::from(client).connect(localhost(), near);
    let accept = TlsAcceptor::from(server).accept(far);
    let (client, server) = tokio::try_join!(connect, accept).unwrap();
    assert_eq!(client.info().unwrap().version, version);
    assert_eq!(server.info().unwrap().version, version);
    (client, server)
}

/// Bytes in which every mistake shows: the same number always yields the same ones.
pub fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(next).collect()
}

/// Sends `len` bytes each way at the same time, closes both sides and checks that all of it arrived.
pub async fn exchange<A, B>(one: A, other: B, len: usize)
where
    A: AsyncRead + AsyncWrite + Send + 'static,
    B: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut one_reads, one_writes) = split(one);
    let (mut other_reads, other_writes) = split(other);
    let writing = [tokio::spawn(send(one_writes, 1, len)), tokio::spawn(send(other_writes, 2, len))];
    let reading = tokio::spawn(async move {
        let mut received = Vec::new();
        one_reads.read_to_end(&mut received).await.unwrap();
        received
    });
    let mut received = Vec::new();
    other_reads.read_to_end(&mut received).await.unwrap();
    assert!(received == pattern(1, len), "{} bytes arrived", received.len());
    let received = reading.await.unwrap();
    assert!(received == pattern(2, len), "{} bytes arrived", received.len());
    for task in writing {
        task.await.unwrap();
    }
}

async fn send<S: AsyncRead + AsyncWrite>(mut writes: WriteHalf<S>, seed: u64, len: usize) {
    writes.write_all(&pattern(seed, len)).await.unwrap();
    writes.shutdown().await.unwrap();
}

/// A transport that takes and gives one byte at a time, and none every other time.
#[derive(Debug)]
pub struct Trickle<IO> {
    io: IO,
    reads: bool,
    writes: bool,
}

impl<IO> Trickle<IO> {
    pub fn new(io: IO) -> Self {
        Self { io, reads: false, writes: false }
    }
}

/// Whether it is a turn at which nothing moves; the task is woken at once.
fn rests(turn: &mut bool, context: &Context<'_>) -> bool {
    *turn = !*turn;
    if *turn {
        context.waker().wake_by_ref();
    }
    *turn
}

impl<IO: AsyncRead + Unpin> AsyncRead for Trickle<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if rests(&mut self.reads, context) {
            return Poll::Pending;
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        let read = Pin::new(&mut self.io).poll_read(context, &mut one);
        buffer.put_slice(one.filled());
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Trickle<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if rests(&mut self.writes, context) {
            return Poll::Pending;
        }
        Pin::new(&mut self.io).poll_write(context, &data[..data.len().min(1)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
