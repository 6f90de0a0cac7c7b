//! Streams against themselves: data both ways, ends and truncations, writing and reading at once.
mod support;

use premaster::{Error, wire::ProtocolVersion};
use premaster_tokio::{TlsConnector, TlsStream, tls_error};
use std::{
    future::poll_fn,
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use support::{Trickle, VERSIONS, configs, exchange, localhost, pair, pair_over, pattern};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, DuplexStream, ReadBuf,
    duplex, split,
};

const MUCH: usize = 10_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_data_both_ways() {
    for version in VERSIONS {
        for capacity in [1 << 20, 5000] {
            let (client, server) = pair(version, capacity).await;
            exchange(client, server, MUCH).await;
        }
    }
}

#[tokio::test]
async fn a_byte_at_a_time() {
    for version in VERSIONS {
        let (near, far) = duplex(100);
        let (client, server) = pair_over(version, Trickle::new(near), Trickle::new(far)).await;
        exchange(client, server, 40_000).await;
    }
}

#[tokio::test]
async fn transports_with_buffers_of_their_own() {
    for version in VERSIONS {
        let (near, far) = duplex(1000);
        let (mut client, mut server) = pair_over(version, BufStream::new(near), BufStream::new(far)).await;
        client.write_all(b"question").await.unwrap();
        client.flush().await.unwrap();
        let mut received = [0; 8];
        server.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"question");
        exchange(client, server, 50_000).await;
    }
}

#[tokio::test]
async fn either_side_is_a_stream() {
    let (client, server) = pair(ProtocolVersion::TLS_1_3, 1000).await;
    let (mut client, mut server) = (TlsStream::from(client), TlsStream::from(server));
    assert_eq!(client.info().unwrap().suite, server.info().unwrap().suite);
    let mut keys = [[0; 32]; 2];
    client.get_ref().1.export("EXPORTER-test", None, &mut keys[0]).unwrap();
    server.get_mut().1.export("EXPORTER-test", None, &mut keys[1]).unwrap();
    assert_eq!(keys[0], keys[1]);
    client.write_all(b"one\ntwo\n").await.unwrap();
    client.shutdown().await.unwrap();
    let mut lines = server.lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two"));
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[tokio::test]
async fn an_end_is_not_a_truncation() {
    for version in VERSIONS {
        let (mut client, mut server) = pair(version, 1000).await;
        client.write_all(b"all of it").await.unwrap();
        client.shutdown().await.unwrap();
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"all of it");
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0, "the end stays");

        // The other direction is still open.
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        received.clear();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"answer");
        let error = client.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);

        let (mut client, mut server) = pair(version, 1000).await;
        client.write_all(b"some of it").await.unwrap();
        client.flush().await.unwrap();
        drop(client);
        received.clear();
        for _ in 0..2 {
            let error = server.read_to_end(&mut received).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            assert_eq!(tls_error(&error), Some(&Error::Truncated));
        }
        assert_eq!(received, b"some of it", "what came before is there");
    }
}

#[tokio::test]
async fn a_handshake_can_be_cut_off() {
    let (client, _) = configs(ProtocolVersion::TLS_1_3);
    let (near, far) = duplex(10_000);
    drop(far);
    let error = TlsConnector::from(client.clone()).connect(localhost(), near).await.unwrap_err();
    assert_eq!(tls_error(&error), Some(&Error::Truncated));

    let (near, mut far) = duplex(10_000);
    let connecting = tokio::spawn(TlsConnector::from(client).connect(localhost(), near));
    far.read_exact(&mut [0; 5]).await.unwrap();
    far.write_all(&[22, 3, 3, 0, 50, 2]).await.unwrap();
    far.shutdown().await.unwrap();
    let error = connecting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn an_altered_record_is_an_error_and_the_peer_hears_of_it() {
    for version in VERSIONS {
        let (mut client, server) = pair(version, 10_000).await;
        client.write_all(b"before").await.unwrap();
        client.flush().await.unwrap();
        // The server's transport, and a record nobody sealed.
        let (io, connection) = server.into_inner();
        drop(connection);
        let mut io = io;
        io.write_all(&[&[23, 3, 3, 0, 40][..], &[7; 40]].concat()).await.unwrap();
        let error = client.read(&mut [0; 10]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let alert = tls_error(&error).unwrap().alert().unwrap();
        assert_eq!(alert.name(), Some("bad_record_mac"));
        let again = client.read(&mut [0; 10]).await.unwrap_err();
        assert_eq!(tls_error(&again), tls_error(&error));
        assert!(client.write_all(b"more").await.is_err());
        assert!(client.info().is_none());
        drop(client);
        let mut received = Vec::new();
        io.read_to_end(&mut received).await.unwrap();
        // Two records: the data and the alert.
        let first = 5 + usize::from(u16::from_be_bytes([received[3], received[4]]));
        let second = 5 + usize::from(u16::from_be_bytes([received[first + 3], received[first + 4]]));
        assert_eq!(received.len(), first + second);
        if version == ProtocolVersion::TLS_1_2 {
            assert_eq!(received[first], 21);
        }
    }
}

#[tokio::test]
async fn a_read_can_be_dropped() {
    for version in VERSIONS {
        let (mut client, mut server) = pair(version, 50).await;
        let sent = pattern(3, 30_000);
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        let mut dropped = 0;
        loop {
            let mut buffer = [0; 1000];
            // Each time it is polled once, and dropped if it was not ready.
            let n = tokio::select! {
                biased;
                n = server.read(&mut buffer) => n.unwrap(),
                () = tokio::task::yield_now() => { dropped += 1; continue }
            };
            if n == 0 {
                break;
            }
            received.extend_from_slice(&buffer[..n]);
        }
        assert!(received == expected);
        assert!(dropped > 100, "{dropped}");
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn a_dropped_connect_gives_nothing_away() {
    let (client, server) = configs(ProtocolVersion::TLS_1_3);
    let (mut near, far) = duplex(10_000);
    let connector = TlsConnector::from(client);
    {
        let mut connect = pin!(connector.connect(localhost(), &mut near));
        poll_fn(|context| {
            assert!(connect.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    drop(near);
    let error = premaster_tokio::TlsAcceptor::from(server).accept(far).await.unwrap_err();
    assert_eq!(tls_error(&error), Some(&Error::Truncated));
}

#[tokio::test]
async fn many_records_in_one_read_and_one_write() {
    let (mut client, mut server) = pair(ProtocolVersion::TLS_1_3, 1 << 20).await;
    let sent = pattern(4, 1 << 16);
    assert_eq!(client.write(&sent).await.unwrap(), sent.len(), "four records at once");
    for small in 0..20 {
        client.write_all(&[small; 10]).await.unwrap();
    }
    let mut received = vec![0; 1 << 17];
    let mut len = 0;
    let mut reads = 0;
    while len < (1 << 16) + 200 {
        len += server.read(&mut received[len..]).await.unwrap();
        reads += 1;
    }
    assert!(received.starts_with(&sent));
    assert!(reads <= 4, "{reads} reads for 24 records");
}

/// Counts the writes.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[tokio::test]
async fn a_flight_leaves_in_one_write() {
    for version in VERSIONS {
        let writes = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let (near, far) = duplex(1 << 16);
        let (near, far) = (Counting(near, writes[0].clone()), Counting(far, writes[1].clone()));
        let _pair = pair_over(version, near, far).await;
        let writes = writes.map(|count| count.load(Ordering::SeqCst));
        // In TLS 1.3 the last of the server's flights is its tickets, of which there are none here.
        let expected = if version == ProtocolVersion::TLS_1_3 { [2, 1] } else { [2, 2] };
        assert_eq!(writes, expected, "{version}");
    }
}

#[tokio::test]
async fn who_never_waits_lets_others_have_their_turn() {
    let (mut client, mut server) = pair(ProtocolVersion::TLS_1_3, 1 << 23).await;
    let data = pattern(9, 1 << 16);
    let mut taken = 0;
    while let Poll::Ready(n) = now(|context| Pin::new(&mut client).poll_write(context, &data)).await {
        taken += n.unwrap();
    }
    assert_eq!(taken, 1 << 20);
    // It comes back by itself.
    client.write_all(&data).await.unwrap();
    client.flush().await.unwrap();
    let (mut received, mut buffer) = (0, vec![0; 1 << 16]);
    loop {
        let mut buffer = ReadBuf::new(&mut buffer);
        match now(|context| Pin::new(&mut server).poll_read(context, &mut buffer)).await {
            Poll::Ready(read) => read.unwrap(),
            Poll::Pending => break,
        }
        received += buffer.filled().len();
    }
    assert!((1 << 20..taken + data.len()).contains(&received), "{received}");
    let mut rest = vec![0; taken + data.len() - received];
    server.read_exact(&mut rest).await.unwrap();
    assert!(data.ends_with(&rest[rest.len() - 1000..]));
}

/// What one poll finds.
async fn now<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll_fn(|context| Poll::Ready(poll(context))).await
}

#[tokio::test]
async fn small_pieces_share_a_record() {
    let (mut client, mut server) = pair(ProtocolVersion::TLS_1_3, 1 << 20).await;
    assert!(client.is_write_vectored());
    let (large, small) = (vec![1; 20_000], vec![2; 10]);
    let pieces = [&b""[..], b"head ", b"", b"and body", &large].map(IoSlice::new);
    let n = client.write_vectored(&pieces).await.unwrap();
    assert_eq!(n, 1 << 14, "one record, filled");
    let pieces = [&large, &small].map(|piece| IoSlice::new(piece));
    assert_eq!(client.write_vectored(&pieces).await.unwrap(), large.len(), "a large piece is not copied");
    assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
    assert_eq!(client.write_vectored(&[IoSlice::new(b"")]).await.unwrap(), 0);
    client.flush().await.unwrap();
    let first = server.fill_buf().await.unwrap();
    assert_eq!(first.len(), 1 << 14, "and it arrives in one");
    assert!(first.starts_with(b"head and body\x01"));
}

#[tokio::test]
async fn what_is_not_taken_stops_the_writer() {
    let (mut client, mut server) = pair(ProtocolVersion::TLS_1_3, 100).await;
    let data = pattern(5, 1 << 20);
    let mut taken = 0;
    while let Poll::Ready(n) = now(|context| Pin::new(&mut client).poll_write(context, &data[taken..])).await
    {
        taken += n.unwrap();
    }
    assert_eq!(taken, 1 << 16, "one write is buffered, not more");
    let rest = now(|context| Pin::new(&mut client).poll_flush(context)).await;
    assert!(rest.is_pending());

    // Whoever reads without having flushed does not wait for ever.
    let reading = tokio::spawn(async move {
        let mut received = vec![0; 1 << 16];
        server.read_exact(&mut received).await.unwrap();
        server.write_all(b"enough").await.unwrap();
        server.flush().await.unwrap();
        (server, received)
    });
    let mut answer = [0; 6];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"enough");
    let (_server, received) = reading.await.unwrap();
    assert!(received == data[..1 << 16]);
}

/// A reader and a writer in different tasks; the reader polls while the writer waits for room.
#[tokio::test]
async fn a_reader_does_not_take_the_writers_place() {
    let (client, mut server) = pair(ProtocolVersion::TLS_1_3, 100).await;
    let (mut reads, mut writes) = split(client);
    let data = pattern(6, 200_000);
    let expected = data.clone();
    let writing = tokio::spawn(async move {
        writes.write_all(&data).await.unwrap();
        writes.shutdown().await.unwrap();
    });
    tokio::task::yield_now().await;
    let reading = tokio::spawn(async move {
        let mut received = Vec::new();
        reads.read_to_end(&mut received).await.unwrap();
        received
    });
    tokio::task::yield_now().await;
    // Answers wake the reader again and again while the writer waits.
    let mut received = Vec::new();
    let mut buffer = [0; 700];
    loop {
        match server.read(&mut buffer).await.unwrap() {
            0 => break,
            n => received.extend_from_slice(&buffer[..n]),
        }
        server.write_all(b"x").await.unwrap();
        server.flush().await.unwrap();
    }
    assert!(received == expected);
    server.shutdown().await.unwrap();
    writing.await.unwrap();
    assert!(!reading.await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_lost_with_the_parts() {
    let (mut client, mut server) = pair(ProtocolVersion::TLS_1_3, 1000).await;
    client.write_all(b"first").await.unwrap();
    client.write_all(b"second").await.unwrap();
    client.flush().await.unwrap();
    let mut buffer = [0; 2];
    server.read_exact(&mut buffer).await.unwrap();
    let mut parts = server.into_parts();
    assert_eq!(parts.plaintext, b"rst");
    assert!(parts.output.is_empty());
    let received = parts.connection.receive(&mut parts.received, &mut parts.output).unwrap();
    assert_eq!(received.content, premaster::Content::Data(b"second"));
}

#[tokio::test]
async fn keys_change_in_the_middle() {
    let (mut client, mut server) = pair(ProtocolVersion::TLS_1_3, 1 << 17).await;
    for round in 0..10 {
        client.update_keys(round % 2 == 0).unwrap();
        server.update_keys(round % 3 == 0).unwrap();
        let data = pattern(round, 40_000);
        let mut received = vec![0; data.len()];
        client.write_all(&data).await.unwrap();
        client.flush().await.unwrap();
        server.read_exact(&mut received).await.unwrap();
        assert!(received == data);
        server.write_all(&data).await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut received).await.unwrap();
        assert!(received == data);
    }
    let (mut client, _server) = pair(ProtocolVersion::TLS_1_2, 1 << 17).await;
    let error = client.update_keys(true).unwrap_err();
    assert_eq!(
        tls_error(&error),
        Some(&Error::Misuse(premaster::error::Misuse::NotInThisVersion)),
        "TLS 1.2 has no such thing"
    );
    assert!(client.info().is_some(), "and goes on");
}

#[tokio::test]
async fn an_empty_buffer_is_not_the_end() {
    let (mut client, mut server) = pair(ProtocolVersion::TLS_1_3, 1000).await;
    client.write_all(b"data").await.unwrap();
    client.flush().await.unwrap();
    let mut empty = ReadBuf::new(&mut []);
    let read = now(|context| Pin::new(&mut server).poll_read(context, &mut empty)).await;
    assert!(matches!(read, Poll::Ready(Ok(()))));
    assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 4);
}
