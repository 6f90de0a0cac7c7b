//! What cannot be seen from outside: memory, and who is woken.
use crate::{TlsAcceptor, TlsConnector, client, server, session::Session};
use common::{Authority, Key, client_config, server_config};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf,
    duplex,
};

#[path = "../../premaster/tests/common/mod.rs"]
mod common;

async fn pair(capacity: usize) -> (client::TlsStream<DuplexStream>, server::TlsStream<DuplexStream>) {
    let authority = Authority::new();
    let server = server_config(authority.issue(Key::EcdsaP256, &["localhost"]), |builder| builder);
    let client = client_config(&authority, |builder| builder);
    let (near, far) = duplex(capacity);
    let connect = TlsConnector::from(client).connect("localhost".try_into().unwrap(), near);
    tokio::try_join!(connect, TlsAcceptor::from(server).accept(far)).unwrap()
}

fn memory(session: &Session<DuplexStream>) -> usize {
    session.input.capacity() + session.output.capacity()
}

#[tokio::test]
async fn an_idle_stream_holds_no_memory_for_records() {
    let (mut client, mut server) = pair(1 << 20).await;
    assert_eq!((memory(&client.0), memory(&server.0)), (0, 0), "after the handshake");

    // A message, read to its end.
    client.write_all(&[1; 1000]).await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(memory(&client.0), 0, "after a flush");
    server.read_exact(&mut [0; 1000]).await.unwrap();
    assert_eq!(memory(&server.0), 0, "after all that came was read");

    // A part of a message is kept, and nothing else.
    client.write_all(&[2; 1000]).await.unwrap();
    client.flush().await.unwrap();
    server.read_exact(&mut [0; 400]).await.unwrap();
    assert!(memory(&server.0) >= 600);
    server.read_exact(&mut [0; 600]).await.unwrap();
    assert_eq!(memory(&server.0), 0);

    // Much, of which there may be more: until nothing more is there.
    let sending = async {
        client.write_all(&vec![3; 300_000]).await.unwrap();
        client.flush().await.unwrap();
    };
    tokio::join!(sending, async { server.read_exact(&mut vec![0; 300_000]).await.unwrap() });
    assert!(memory(&server.0) <= (1 << 16) + (1 << 15), "{}", memory(&server.0));
    let nothing = poll_fn(|context| Poll::Ready(Pin::new(&mut server).poll_fill_buf(context).is_pending()));
    assert!(nothing.await);
    assert_eq!((memory(&client.0), memory(&server.0)), (0, 0));

    // Reading in place.
    client.write_all(&[4; 10]).await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(server.fill_buf().await.unwrap(), [4; 10]);
    server.consume(10);
    assert_eq!(memory(&server.0), 0);

    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    assert_eq!((memory(&client.0), memory(&server.0)), (0, 0), "after the end");
}

#[tokio::test]
async fn a_writer_that_waits_holds_no_more_than_one_write() {
    let (mut client, _server) = pair(100).await;
    let data = vec![0; 10 << 20];
    poll_fn(|context| {
        while Pin::new(&mut client).poll_write(context, &data).is_ready() {}
        Poll::Ready(())
    })
    .await;
    assert!(memory(&client.0) <= (1 << 16) + 1000, "{}", memory(&client.0));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn whoever_waits_is_woken_when_there_is_cause() {
    let (mut client, mut server) = pair(100).await;
    let (reader, writer) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
    let (reads, writes) = (Waker::from(Arc::clone(&reader)), Waker::from(Arc::clone(&writer)));
    let (mut reads, mut writes) = (Context::from_waker(&reads), Context::from_waker(&writes));

    // The writer fills the transport and waits; then the reader comes, with nothing to read.
    let data = [7; 1000];
    assert!(Pin::new(&mut client).poll_write(&mut writes, &data).is_ready());
    assert!(Pin::new(&mut client).poll_write(&mut writes, &data).is_pending());
    let mut buffer = [0; 10];
    let mut buffer = ReadBuf::new(&mut buffer);
    assert!(Pin::new(&mut client).poll_read(&mut reads, &mut buffer).is_pending());
    assert_eq!((reader.times(), writer.times()), (0, 0), "waiting is not turning in circles");

    // Room for the writer is none of the reader's business.
    assert!(poll_fn(|context| Poll::Ready(Pin::new(&mut server).poll_fill_buf(context).is_pending())).await);
    assert_eq!(reader.times(), 0);
    assert_eq!(writer.times(), 1);
    // But if the reader is there first, it makes use of it, and tells the writer.
    let mut rounds = 0;
    while !client.0.output.is_empty() {
        assert!(Pin::new(&mut client).poll_read(&mut reads, &mut buffer).is_pending());
        assert_eq!(reader.times(), 0, "the server has sent nothing yet");
        let _ =
            poll_fn(|context| Poll::Ready(Pin::new(&mut server).poll_fill_buf(context).is_pending())).await;
        rounds += 1;
    }
    assert!(rounds > 5);
    assert!(writer.times() > 1);
    assert!(client.0.input.capacity() == 0, "nothing came");

    server.write_all(b"x").await.unwrap();
    assert_eq!(reader.times(), 1);
    assert!(Pin::new(&mut client).poll_read(&mut reads, &mut buffer).is_ready());
    assert_eq!(buffer.filled(), b"x");
}
