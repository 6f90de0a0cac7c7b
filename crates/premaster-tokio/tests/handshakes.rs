//! Handshakes: what they wait for, how long, by whose certificate, and what is left when they fail.
mod support;

use premaster::{
    BoxFuture, Error, Policy, ServerConfig,
    config::{ClientAuthentication, ClientResumption, Limits, ServerSessions},
    connection::Acceptor,
    error::{Failure, Misbehaved, Untrusted},
    identity::{
        Ask, ChooseCredential, Credential, Credentials, LocalKey, PeerCertificates, SchemeUse, Signer,
        Verifier, VerifyPeer,
    },
    observe::Resumed,
    pki_types::{CertificateDer, UnixTime},
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::{AlertDescription, ProtocolVersion, SignatureScheme},
};
use premaster_tokio::{LazyConfigAcceptor, StartHandshake, TlsAcceptor, TlsConnector, tls_error};
use std::{
    io::ErrorKind,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{
    Authority, Key, Trickle, VERSIONS, client_config, configs, exchange, localhost, only, server_config,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    sync::oneshot,
    time::{Instant, sleep},
};

/// Chooses when it is told which.
struct Awaited(Mutex<Option<oneshot::Receiver<Arc<Credential>>>>);

impl ChooseCredential for Awaited {
    fn choose<'a>(&'a self, _: &'a Ask<'a>) -> BoxFuture<'a, Option<Arc<Credential>>> {
        let told = self.0.lock().unwrap().take().unwrap();
        Box::pin(async { told.await.ok() })
    }
}

/// Signs, and verifies, after a while.
struct Slow<T>(T);

impl Signer for Slow<LocalKey> {
    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ecdsa_secp256r1_sha256]
    }

    fn sign<'a>(
        &'a self,
        scheme: SignatureScheme,
        usage: SchemeUse,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, Failure>> {
        Box::pin(async move {
            sleep(Duration::from_secs(3)).await;
            self.0.sign(scheme, usage, message).map_err(|_| Failure::Signing)
        })
    }
}

impl VerifyPeer for Slow<Vec<CertificateDer<'static>>> {
    fn verify<'a>(&'a self, peer: &'a PeerCertificates<'a>) -> BoxFuture<'a, Result<(), Untrusted>> {
        Box::pin(async move {
            sleep(Duration::from_secs(4)).await;
            match peer.chain.first() == self.0.first() {
                true => Ok(()),
                false => Err(Untrusted::NotPinned),
            }
        })
    }
}

fn slow_credential(authority: &Authority, name: &str) -> (Credential, Slow<Vec<CertificateDer<'static>>>) {
    let (chain, key) = authority.issue_der(Key::EcdsaP256, &[name], |_| {});
    let signer = Slow(LocalKey::from_der(&key).unwrap());
    (Credential::with_signer(chain.clone(), Arc::new(signer)).unwrap(), Slow(chain))
}

#[tokio::test(start_paused = true)]
async fn whatever_takes_its_time_may() {
    for version in VERSIONS {
        for trickles in [false, true] {
            let authority = Authority::new();
            let (credential, verifier) = slow_credential(&authority, "localhost");
            let (client_credential, client_verifier) = slow_credential(&authority, "client");
            let (tell, told) = oneshot::channel();
            let client = client_config(&authority, |builder| {
                builder
                    .policy(only(version))
                    .verifier(Verifier::custom(Arc::new(verifier)))
                    .credentials(Credentials::always(client_credential))
            });
            let verifier = Verifier::custom(Arc::new(client_verifier));
            let chooser = Awaited(Mutex::new(Some(told)));
            let server = ServerConfig::builder()
                .policy(only(version))
                .credentials(Credentials::custom(Arc::new(chooser)))
                .client_authentication(ClientAuthentication::Required(verifier))
                .build()
                .unwrap();
            let (near, far) = duplex(5000);
            let started = Instant::now();
            let connector = TlsConnector::from(client);
            let acceptor = TlsAcceptor::from(Arc::new(server));
            let telling = async {
                sleep(Duration::from_secs(5)).await;
                tell.send(Arc::new(credential)).unwrap();
                Ok(())
            };
            if trickles {
                let connect = connector.connect(localhost(), Trickle::new(near));
                let accept = acceptor.accept(Trickle::new(far));
                let (client, server, ()) = tokio::try_join!(connect, accept, telling).unwrap();
                assert!(server.info().unwrap().peer.is_some());
                exchange(client, server, 1000).await;
            } else {
                let (connect, accept) = (connector.connect(localhost(), near), acceptor.accept(far));
                let (client, server, ()) = tokio::try_join!(connect, accept, telling).unwrap();
                assert!(server.info().unwrap().peer.is_some());
                exchange(client, server, 1000).await;
            }
            // One choice, then two sides that sign, 3 seconds each, and verify, 4 seconds each: all waited for,
            // and each verifies while the other still signs.
            assert_eq!(started.elapsed().as_secs(), 5 + 4 + 4, "{version}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_never_answers_runs_into_the_deadline() {
    let authority = Authority::new();
    let (_tell, told) = oneshot::channel();
    let chooser = Awaited(Mutex::new(Some(told)));
    let server = ServerConfig::builder().credentials(Credentials::custom(Arc::new(chooser))).build().unwrap();
    let (near, far) = duplex(5000);
    let connecting = tokio::spawn(
        TlsConnector::from(client_config(&authority, |builder| builder)).connect(localhost(), near),
    );
    let error = TlsAcceptor::from(Arc::new(server)).accept(far).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(connecting.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_a_deadline() {
    let mut limits = Limits::default();
    limits.handshake_time = Duration::from_secs(7);
    let authority = Authority::new();
    let client = client_config(&authority, |builder| builder.limits(limits.clone()));
    let server = server_config(authority.issue(Key::EcdsaP256, &["localhost"]), |builder| {
        builder.limits(limits.clone())
    });

    let (near, mut far) = duplex(5000);
    let started = Instant::now();
    let error = TlsConnector::from(client).connect(localhost(), near).await.unwrap_err();
    assert_eq!((error.kind(), started.elapsed().as_secs()), (ErrorKind::TimedOut, 7));
    assert_eq!(tls_error(&error), Some(&Error::Failed(Failure::Deadline)));
    let mut received = Vec::new();
    far.read_to_end(&mut received).await.unwrap();
    assert_eq!(received[received.len() - 7..], [21, 3, 3, 0, 2, 2, AlertDescription::internal_error.0]);

    // A byte from time to time does not move it.
    let (mut near, far) = duplex(5000);
    let trickling = tokio::spawn(async move {
        for byte in [22, 3, 1, 1, 0].into_iter().chain([1; 100]) {
            sleep(Duration::from_secs(1)).await;
            if near.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    });
    let started = Instant::now();
    let (error, io) = TlsAcceptor::from(server).accept(far).into_fallible().await.unwrap_err();
    assert_eq!((error.kind(), started.elapsed().as_secs()), (ErrorKind::TimedOut, 7));
    drop(io);
    trickling.await.unwrap();

    // Nor does the time before the configuration is chosen count anew.
    let (client, server) = configs(ProtocolVersion::TLS_1_3);
    let (near, far) = duplex(5000);
    let mut connect = TlsConnector::from(client).connect(localhost(), near);
    let started = Instant::now();
    let start = tokio::select! {
        start = LazyConfigAcceptor::new(Acceptor::with_limits(limits), far) => start.unwrap(),
        _ = &mut connect => unreachable!("the server has not answered"),
    };
    sleep(Duration::from_secs(29)).await;
    let error = start.into_stream(server).await.unwrap_err();
    assert_eq!((error.kind(), started.elapsed().as_secs()), (ErrorKind::TimedOut, 30));
    drop(connect);

    let mut limits = Limits::default();
    limits.handshake_time = Duration::from_secs(2);
    let (_near, far) = duplex(5000);
    let mut lazy = LazyConfigAcceptor::new(Acceptor::with_limits(limits), far);
    let started = Instant::now();
    let error = (&mut lazy).await.unwrap_err();
    assert_eq!((error.kind(), started.elapsed().as_secs()), (ErrorKind::TimedOut, 2));
    assert!(lazy.take_io().is_some());
}

#[test]
fn without_a_limit_no_timer_is_needed() {
    let mut limits = Limits::default();
    limits.handshake_time = Duration::MAX;
    let authority = Authority::new();
    let client = client_config(&authority, |builder| builder.limits(limits.clone()));
    let server =
        server_config(authority.issue(Key::EcdsaP256, &["localhost"]), |builder| builder.limits(limits));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, far) = duplex(100);
        let connect = TlsConnector::from(client).connect(localhost(), near);
        let accept = TlsAcceptor::from(server).accept(far);
        let (client, server) = tokio::try_join!(connect, accept).unwrap();
        exchange(client, server, 1000).await;
    });
}

#[tokio::test]
async fn the_configuration_is_chosen_by_name() {
    for version in VERSIONS {
        let authority = Authority::new();
        let names = ["one.example", "other.example"];
        let servers = names.map(|name| {
            let alpn: &[u8] = name.as_bytes();
            server_config(authority.issue(Key::EcdsaP256, &[name]), |builder| builder.alpn([alpn]))
        });
        let client = client_config(&authority, |builder| builder.policy(only(version)).alpn(names));
        let connector = TlsConnector::from(client);
        for (name, server) in names.into_iter().zip(servers) {
            let (near, far) = duplex(300);
            let accept = async {
                let start = LazyConfigAcceptor::new(Acceptor::default(), far).await?;
                assert_eq!(start.client_hello().server_name(), Some(name));
                assert_eq!(start.client_hello().alpn().count(), 2);
                start.into_stream(server).await
            };
            let connect = connector.connect(name.try_into().unwrap(), near);
            let (client, server) = tokio::try_join!(connect, accept).unwrap();
            assert_eq!(server.info().unwrap().server_name.as_deref(), Some(name));
            assert_eq!(client.info().unwrap().alpn.as_deref(), Some(name.as_bytes()));
            exchange(client, server, 10_000).await;
        }
    }
}

#[tokio::test]
async fn a_client_hello_received_elsewhere() {
    let (client, server) = configs(ProtocolVersion::TLS_1_3);
    let (near, mut far) = duplex(5000);
    let connecting = tokio::spawn(TlsConnector::from(client).connect(localhost(), near));
    let mut input = Vec::new();
    let mut acceptor = Acceptor::new();
    let accepted = loop {
        far.read_buf(&mut input).await.unwrap();
        if let (_, Some(accepted)) = acceptor.receive(&input, &mut premaster::Output::new()).unwrap() {
            break accepted;
        }
    };
    let mut seen = false;
    let start = StartHandshake::from_parts(accepted, far);
    let accept = start.into_stream_with(server, |connection| seen = connection.info().is_none());
    let server = accept.await.unwrap();
    assert!(seen);
    exchange(connecting.await.unwrap().unwrap(), server, 1000).await;
}

#[tokio::test]
async fn the_chosen_configuration_may_refuse() {
    let (client, _) = configs(ProtocolVersion::TLS_1_2);
    let (_, server) = configs(ProtocolVersion::TLS_1_3);
    let (near, far) = duplex(5000);
    let connecting = tokio::spawn(TlsConnector::from(client).connect(localhost(), near));
    let start = LazyConfigAcceptor::new(Acceptor::new(), far).await.unwrap();
    assert_eq!(start.client_hello().versions().first(), Some(&ProtocolVersion::TLS_1_2));
    let (error, _io) = start.into_stream(server).into_fallible().await.unwrap_err();
    assert_eq!(tls_error(&error).unwrap().alert(), Some(AlertDescription::protocol_version));
    let error = connecting.await.unwrap().unwrap_err();
    assert_eq!(tls_error(&error), Some(&Error::Refused(AlertDescription::protocol_version)));
}

#[tokio::test]
async fn the_transport_comes_back() {
    // Plain HTTP to a server that can answer in kind.
    let (mut near, far) = duplex(5000);
    near.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut lazy = pin!(LazyConfigAcceptor::new(Acceptor::new(), far));
    let error = lazy.as_mut().await.unwrap_err();
    assert_eq!(tls_error(&error), Some(&Error::Misbehaved(Misbehaved::HttpOnTlsPort)));
    let mut io = lazy.take_io().unwrap();
    assert!(lazy.take_io().is_none());
    assert!(lazy.await.is_err());
    io.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    drop(io);
    let mut received = Vec::new();
    near.read_to_end(&mut received).await.unwrap();
    assert_eq!(received.first(), Some(&21));
    assert!(received.ends_with(b"HTTP/1.1 400 Bad Request\r\n\r\n"));

    for version in VERSIONS {
        let (_, server) = configs(version);
        let (client, _) = configs(version);
        let (near, far) = duplex(5000);
        let connect = TlsConnector::from(client).connect(localhost(), near).into_fallible();
        let accept = TlsAcceptor::from(server).accept(far).into_fallible();
        let (connected, accepted) = tokio::join!(connect, accept);
        let ((ours, mut near), (theirs, mut far)) = (connected.unwrap_err(), accepted.unwrap_err());
        assert!(matches!(tls_error(&ours), Some(Error::Untrusted(_))), "{ours}");
        let alert = tls_error(&ours).unwrap().alert().unwrap();
        assert_eq!(tls_error(&theirs), Some(&Error::Refused(alert)));
        near.write_all(b"still here").await.unwrap();
        let mut received = [0; 10];
        far.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"still here");
    }
}

#[tokio::test]
async fn what_the_peer_said_is_worth_more_than_that_writing_fails() {
    let (client, _) = configs(ProtocolVersion::TLS_1_3);
    // Room for the alert, and a peer that reads nothing and closes.
    let (near, mut far) = duplex(5000);
    far.write_all(&[21, 3, 3, 0, 2, 2, AlertDescription::access_denied.0]).await.unwrap();
    drop(far);
    let error = TlsConnector::from(client).connect(localhost(), near).await.unwrap_err();
    assert_eq!(tls_error(&error), Some(&Error::Refused(AlertDescription::access_denied)));
}

#[tokio::test]
async fn client_certificates() {
    for version in VERSIONS {
        let authority = Authority::new();
        let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
        let required = ClientAuthentication::Required(authority.verifier().into());
        let optional = ClientAuthentication::Optional(authority.verifier().into());
        let own = authority.issue(Key::Ed25519, &["client"]);
        let strange = Authority::new().issue(Key::EcdsaP256, &["client"]);
        for (authentication, shown, expected) in [
            (&required, Some(&own), Ok(true)),
            (&optional, Some(&own), Ok(true)),
            (&optional, None, Ok(false)),
            (&required, None, Err(AlertDescription::certificate_required)),
            // An issuer of the same name, with another key.
            (&required, Some(&strange), Err(AlertDescription::bad_certificate)),
        ] {
            let server = server_config(Arc::clone(&credential), |builder| {
                builder.client_authentication(authentication.clone())
            });
            let client = client_config(&authority, |builder| {
                let shown = shown.map_or_else(Credentials::none, |own| Credentials::always(Arc::clone(own)));
                builder.policy(only(version)).credentials(shown)
            });
            let (near, far) = duplex(5000);
            let connecting = tokio::spawn(TlsConnector::from(client).connect(localhost(), near));
            let accepted = TlsAcceptor::from(server).accept(far).await;
            let connected = connecting.await.unwrap();
            match expected {
                Ok(known) => {
                    let server = accepted.unwrap();
                    assert_eq!(server.info().unwrap().peer.is_some(), known);
                    exchange(connected.unwrap(), server, 1000).await;
                }
                Err(alert) => {
                    let error = accepted.unwrap_err();
                    let alert = match version {
                        // TLS 1.2 has no alert of its own for this.
                        ProtocolVersion::TLS_1_2 if shown.is_none() => AlertDescription::handshake_failure,
                        _ => alert,
                    };
                    assert_eq!(tls_error(&error).unwrap().alert(), Some(alert));
                    // In TLS 1.3 the client has finished by then, and hears of it when it reads.
                    let error = match connected {
                        Ok(mut client) => client.read(&mut [0]).await.unwrap_err(),
                        Err(error) => error,
                    };
                    assert_eq!(tls_error(&error), Some(&Error::Refused(alert)));
                }
            }
        }
    }
}

#[tokio::test]
async fn connectors_differ_in_protocols() {
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let server = server_config(credential, |builder| builder.alpn(["h2", "http/1.1"]));
    let plain = TlsConnector::from(client_config(&authority, |builder| builder.policy(Policy::MODERN)));
    assert!(plain.with_alpn(vec![vec![]]).is_err());
    for (connector, expected) in [
        (plain.with_alpn(vec![b"http/1.1".to_vec()]).unwrap(), Some(&b"http/1.1"[..])),
        (plain.with_alpn(vec![b"http/1.1".to_vec(), b"h2".to_vec()]).unwrap(), Some(b"h2")),
        (plain, None),
    ] {
        let (near, far) = duplex(5000);
        let connect = connector.connect_with(localhost(), near, |connection| {
            assert_eq!(connection.waiting_for(), Some("ServerHello"));
        });
        let accept = TlsAcceptor::from(Arc::clone(&server)).accept_with(far, |connection| {
            assert_eq!(connection.waiting_for(), Some("ClientHello"));
        });
        assert!(connect.get_ref().is_some() && accept.get_ref().is_some());
        let (client, server) = tokio::try_join!(connect, accept).unwrap();
        assert_eq!(client.info().unwrap().alpn.as_deref(), expected);
        assert_eq!(server.info().unwrap().alpn.as_deref(), expected);
    }
}

/// Connects, with something to say first; what the server took early, what it read, and how it went.
async fn early(client: &TlsConnector, server: &TlsAcceptor, data: &[u8]) -> (Vec<u8>, Vec<u8>, Resumed) {
    let (near, far) = duplex(5000);
    let connect = client.connect_with_early_data(localhost(), near, data);
    let (client, server) = tokio::try_join!(connect, server.accept(far)).unwrap();
    let resumed = client.info().unwrap().resumed;
    assert_eq!(server.info().unwrap().resumed, resumed);
    let (mut client, mut server) = (client, server);
    let taken = server.take_early_data();
    assert!(server.take_early_data().is_empty());
    client.write_all(b", then more").await.unwrap();
    client.shutdown().await.unwrap();
    let mut read = Vec::new();
    server.read_to_end(&mut read).await.unwrap();
    server.shutdown().await.unwrap();
    // For the next session's sake.
    client.read_to_end(&mut Vec::new()).await.unwrap();
    (taken, read, resumed)
}

#[tokio::test]
async fn early_data_arrives_once() {
    let authority = Authority::new();
    let cache = Arc::new(SessionCache::new(8, 4));
    let client = client_config(&authority, |builder| {
        builder
            .policy(only(ProtocolVersion::TLS_1_3))
            .resumption(ClientResumption::with(cache).early_data(true))
    });
    let client = TlsConnector::from(client);
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    let keys = Arc::new(TicketKeys::rotating(rotation));
    let store = Arc::new(MemoryStore::new(1000, 1 << 20, UnixTime::now()));
    let server = |allowed| {
        let sessions = ServerSessions::none().with_tickets(keys.clone()).with_store(store.clone());
        let sessions = sessions.early_data(allowed);
        TlsAcceptor::from(server_config(credential.clone(), |builder| builder.sessions(sessions)))
    };
    let (open, closed) = (server(1000), server(0));

    let (taken, read, resumed) = early(&client, &open, b"first").await;
    assert_eq!((&taken[..], &read[..], resumed), (&b""[..], &b"first, then more"[..], Resumed::Full));
    let (taken, read, resumed) = early(&client, &open, b"first").await;
    assert_eq!((&taken[..], &read[..], resumed), (&b"first"[..], &b", then more"[..], Resumed::EarlyData));
    // More than is allowed: the rest comes later, in order.
    let much = support::pattern(9, 2500);
    let (taken, read, resumed) = early(&client, &open, &much).await;
    assert_eq!((taken.len(), resumed), (1000, Resumed::EarlyData));
    assert!([&taken[..], &read].concat() == [&much[..], b", then more"].concat());
    // A server that wants none any more: all of it comes later.
    let (taken, read, resumed) = early(&client, &closed, b"first").await;
    assert_eq!((&taken[..], &read[..], resumed), (&b""[..], &b"first, then more"[..], Resumed::Psk));
}
