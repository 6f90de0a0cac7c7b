//! Against tokio-rustls over TCP: both roles, both versions, client certificates, 10 MB each way, KeyUpdate.
mod support;

use premaster::{
    Error,
    config::{ClientAuthentication, ClientResumption, ServerSessions},
    identity::Credentials,
    pki_types::UnixTime,
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::ProtocolVersion,
};
use premaster_tokio::{TlsAcceptor, TlsConnector, tls_error};
use std::{io::ErrorKind, sync::Arc, time::Duration};
use support::{Authority, Key, VERSIONS, client_config, exchange, localhost, only, pattern, server_config};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::rustls::{
    self, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};

const MUCH: usize = 10_000_000;

/// A transport and its other end.
async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(connect, listener.accept());
    (near.unwrap(), far.unwrap().0)
}

fn version(version: ProtocolVersion) -> &'static SupportedProtocolVersion {
    if version == ProtocolVersion::TLS_1_3 { &TLS13 } else { &TLS12 }
}

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    Arc::new(roots)
}

fn rustls_server(
    authority: &Authority,
    key: Key,
    spoken: ProtocolVersion,
    authenticate: bool,
) -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let (chain, key) = authority.issue_der(key, &["localhost"], |_| {});
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version(spoken)])
        .unwrap();
    let builder = match authenticate {
        true => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots(authority), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        false => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"test".to_vec()];
    Arc::new(config)
}

fn rustls_client(
    authority: &Authority,
    spoken: ProtocolVersion,
    authenticate: bool,
) -> Arc<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version(spoken)])
        .unwrap()
        .with_root_certificates(roots(authority));
    let mut config = match authenticate {
        true => {
            let (chain, key) = authority.issue_der(Key::EcdsaP256, &["client"], |_| {});
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        false => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"test".to_vec()];
    Arc::new(config)
}

type ToRustls = (premaster_tokio::client::TlsStream<TcpStream>, tokio_rustls::server::TlsStream<TcpStream>);
type FromRustls = (tokio_rustls::client::TlsStream<TcpStream>, premaster_tokio::server::TlsStream<TcpStream>);

/// Our client, their server.
async fn to_rustls(key: Key, spoken: ProtocolVersion, authenticate: bool) -> ToRustls {
    let authority = Authority::new();
    let server = rustls_server(&authority, key, spoken, authenticate);
    let own = authority.issue(Key::EcdsaP256, &["client"]);
    let client = client_config(&authority, |builder| {
        builder.policy(only(spoken)).credentials(Credentials::always(own)).alpn(["test"])
    });
    let (near, far) = tcp().await;
    let accept = tokio_rustls::TlsAcceptor::from(server).accept(far);
    let connect = TlsConnector::from(client).connect(localhost(), near);
    let (client, server) = tokio::try_join!(connect, accept).unwrap();
    assert_eq!(server.get_ref().1.peer_certificates().is_some(), authenticate);
    let info = client.info().unwrap();
    assert_eq!((info.version, info.alpn.as_deref()), (spoken, Some(&b"test"[..])));
    (client, server)
}

/// Their client, our server.
async fn from_rustls(key: Key, spoken: ProtocolVersion, authenticate: bool) -> FromRustls {
    let authority = Authority::new();
    let client = rustls_client(&authority, spoken, authenticate);
    let server = server_config(authority.issue(key, &["localhost"]), |builder| {
        let builder = builder.policy(only(spoken)).alpn(["test"]);
        match authenticate {
            true => {
                builder.client_authentication(ClientAuthentication::Required(authority.verifier().into()))
            }
            false => builder,
        }
    });
    let (near, far) = tcp().await;
    let accept = TlsAcceptor::from(server).accept(far);
    let connect = tokio_rustls::TlsConnector::from(client).connect(localhost(), near);
    let (client, server) = tokio::try_join!(connect, accept).unwrap();
    let info = server.info().unwrap();
    assert_eq!((info.version, info.alpn.as_deref()), (spoken, Some(&b"test"[..])));
    assert_eq!(info.peer.is_some(), authenticate);
    (client, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_data_both_ways() {
    for spoken in VERSIONS {
        let (client, server) = to_rustls(Key::EcdsaP256, spoken, false).await;
        exchange(client, server, MUCH).await;
        let (client, server) = from_rustls(Key::EcdsaP256, spoken, false).await;
        exchange(client, server, MUCH).await;
    }
}

#[tokio::test]
async fn keys_and_client_certificates() {
    for spoken in VERSIONS {
        for key in [Key::EcdsaP256, Key::Rsa2048, Key::Ed25519] {
            let (client, server) = to_rustls(key, spoken, true).await;
            exchange(client, server, 50_000).await;
            let (client, server) = from_rustls(key, spoken, true).await;
            exchange(client, server, 50_000).await;
        }
    }
}

/// Sends from one to the other, whole.
async fn carry<A: AsyncWriteExt + Unpin, B: AsyncReadExt + Unpin>(from: &mut A, to: &mut B, seed: u64) {
    let data = pattern(seed, 100_000);
    let mut received = vec![0; data.len()];
    let sending = async {
        from.write_all(&data).await?;
        from.flush().await
    };
    tokio::try_join!(sending, to.read_exact(&mut received)).unwrap();
    assert!(received == data);
}

#[tokio::test]
async fn keys_change_in_the_middle() {
    let (mut client, mut server) = to_rustls(Key::EcdsaP256, ProtocolVersion::TLS_1_3, false).await;
    for round in 0..8 {
        client.update_keys(round % 2 == 0).unwrap();
        carry(&mut client, &mut server, round).await;
        server.get_mut().1.refresh_traffic_keys().unwrap();
        carry(&mut server, &mut client, round).await;
    }
    exchange(client, server, 50_000).await;
    let (mut client, mut server) = from_rustls(Key::EcdsaP256, ProtocolVersion::TLS_1_3, false).await;
    for round in 0..8 {
        server.update_keys(round % 2 == 0).unwrap();
        carry(&mut server, &mut client, round).await;
        client.get_mut().1.refresh_traffic_keys().unwrap();
        carry(&mut client, &mut server, round).await;
    }
    exchange(client, server, 50_000).await;
}

#[tokio::test]
async fn ends_and_truncations() {
    for spoken in VERSIONS {
        let (mut client, mut server) = to_rustls(Key::EcdsaP256, spoken, false).await;
        client.write_all(b"whole").await.unwrap();
        client.shutdown().await.unwrap();
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"whole");

        let (mut client, mut server) = from_rustls(Key::EcdsaP256, spoken, false).await;
        client.write_all(b"cut").await.unwrap();
        client.flush().await.unwrap();
        let (mut transport, _) = client.into_inner();
        transport.shutdown().await.unwrap();
        received.clear();
        let error = server.read_to_end(&mut received).await.unwrap_err();
        assert_eq!((error.kind(), tls_error(&error)), (ErrorKind::UnexpectedEof, Some(&Error::Truncated)));
        assert_eq!(received, b"cut");

        let (mut client, mut server) = from_rustls(Key::EcdsaP256, spoken, false).await;
        server.write_all(b"cut").await.unwrap();
        server.flush().await.unwrap();
        let (mut transport, _) = server.into_inner();
        transport.shutdown().await.unwrap();
        received.clear();
        let error = client.read_to_end(&mut received).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(received, b"cut");
    }
}

#[tokio::test]
async fn each_hears_why_the_other_refuses() {
    for spoken in VERSIONS {
        let strange = Authority::new();
        let server = rustls_server(&strange, Key::EcdsaP256, spoken, false);
        let client = client_config(&Authority::new(), |builder| builder.policy(only(spoken)));
        let (near, far) = tcp().await;
        let accepting = tokio::spawn(tokio_rustls::TlsAcceptor::from(server).accept(far));
        let error = TlsConnector::from(client).connect(localhost(), near).await.unwrap_err();
        let alert = tls_error(&error).unwrap().alert().unwrap();
        let theirs = accepting.await.unwrap().unwrap_err();
        let theirs = theirs.get_ref().unwrap().downcast_ref::<rustls::Error>().unwrap();
        assert_eq!(*theirs, rustls::Error::AlertReceived(rustls::AlertDescription::from(alert.0)));

        let client = rustls_client(&strange, spoken, false);
        let server = server_config(Authority::new().issue(Key::EcdsaP256, &["localhost"]), |builder| builder);
        let (near, far) = tcp().await;
        let connecting = tokio::spawn(tokio_rustls::TlsConnector::from(client).connect(localhost(), near));
        let error = TlsAcceptor::from(server).accept(far).await.unwrap_err();
        assert!(matches!(tls_error(&error), Some(Error::Refused(_))), "{error}");
        assert!(connecting.await.unwrap().is_err());
    }
}

/// Early data to tokio-rustls, and from it; the first connection of each leaves a session for the second.
#[tokio::test]
async fn early_data() {
    let authority = Authority::new();
    let mut server = rustls_server(&authority, Key::EcdsaP256, ProtocolVersion::TLS_1_3, false);
    Arc::get_mut(&mut server).unwrap().max_early_data_size = 1000;
    let acceptor = tokio_rustls::TlsAcceptor::from(server);
    let resumption = ClientResumption::with(Arc::new(SessionCache::new(8, 4))).early_data(true);
    let connector = TlsConnector::from(client_config(&authority, |builder| {
        builder.policy(only(ProtocolVersion::TLS_1_3)).alpn(["test"]).resumption(resumption)
    }));
    for (early, read) in [(&b""[..], &b"first, then more"[..]), (b"first", b", then more")] {
        let (near, far) = tcp().await;
        let connect = connector.connect_with_early_data(localhost(), near, b"first");
        let (mut client, mut server) = tokio::try_join!(connect, acceptor.accept(far)).unwrap();
        let mut received = Vec::new();
        if let Some(mut data) = server.get_mut().1.early_data() {
            std::io::Read::read_to_end(&mut data, &mut received).unwrap();
        }
        assert_eq!(received, early);
        client.write_all(b", then more").await.unwrap();
        client.shutdown().await.unwrap();
        received.clear();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, read);
        server.shutdown().await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();
    }

    let mut client = rustls_client(&authority, ProtocolVersion::TLS_1_3, false);
    Arc::get_mut(&mut client).unwrap().enable_early_data = true;
    let connector = tokio_rustls::TlsConnector::from(client).early_data(true);
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    let sessions = ServerSessions::none()
        .with_tickets(Arc::new(TicketKeys::rotating(rotation)))
        .with_store(Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now())))
        .early_data(1000);
    let acceptor =
        TlsAcceptor::from(server_config(authority.issue(Key::EcdsaP256, &["localhost"]), |builder| {
            builder.alpn(["test"]).sessions(sessions)
        }));
    for (early, read) in [(&b""[..], &b"first, then more"[..]), (b"first", b", then more")] {
        let (near, far) = tcp().await;
        let accepting = tokio::spawn(acceptor.accept(far));
        let mut client = connector.connect(localhost(), near).await.unwrap();
        client.write_all(b"first").await.unwrap();
        client.flush().await.unwrap();
        let mut server = accepting.await.unwrap().unwrap();
        client.write_all(b", then more").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(server.take_early_data(), early);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, read);
        server.shutdown().await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();
    }
}
