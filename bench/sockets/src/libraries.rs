//! The libraries that are compared, each with the same suite, group and certificate.

use crate::Stream;
use bench_core::tls::{Cert, HOST, pki};
use std::{io, sync::Arc};
use tokio::net::TcpStream;

/// One of them, with its configurations.
pub trait Library: Send + Sync + 'static {
    type Client: Stream;
    type Server: Stream;
    fn connect(&self, transport: TcpStream) -> impl Future<Output = io::Result<Self::Client>> + Send;
    fn accept(&self, transport: TcpStream) -> impl Future<Output = io::Result<Self::Server>> + Send;
}

pub struct Premaster {
    connector: premaster_tokio::TlsConnector,
    acceptor: premaster_tokio::TlsAcceptor,
}

impl Premaster {
    pub fn new() -> Self {
        use premaster_tokio::premaster::{
            ClientConfig, Policy, ServerConfig,
            identity::{ChainVerifier, Credential, Credentials, Roots},
            wire::{CipherSuite, NamedGroup, ProtocolVersion},
        };
        let pki = pki(Cert::Ecdsa);
        let policy = Policy::MODERN
            .with_versions(&[ProtocolVersion::TLS_1_3])
            .with_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256])
            .with_groups(&[NamedGroup::x25519]);
        let mut roots = Roots::new();
        roots.add_pem(&pki.root_pem).unwrap();
        let credential = Credential::from_pem(&pki.leaf_pem, &pki.key_pem).unwrap();
        let client = ClientConfig::builder()
            .policy(policy.clone())
            .verifier(ChainVerifier::new(roots));
        let server = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(credential));
        Self {
            connector: Arc::new(client.build().unwrap()).into(),
            acceptor: Arc::new(server.build().unwrap()).into(),
        }
    }
}

impl Library for Premaster {
    type Client = premaster_tokio::client::TlsStream<TcpStream>;
    type Server = premaster_tokio::server::TlsStream<TcpStream>;

    async fn connect(&self, transport: TcpStream) -> io::Result<Self::Client> {
        self.connector.connect(HOST.try_into().unwrap(), transport).await
    }

    async fn accept(&self, transport: TcpStream) -> io::Result<Self::Server> {
        self.acceptor.accept(transport).await
    }
}

pub struct Rustls {
    connector: tokio_rustls::TlsConnector,
    acceptor: tokio_rustls::TlsAcceptor,
}

impl Rustls {
    pub fn new() -> Self {
        use tokio_rustls::rustls::{
            self, CipherSuite, NamedGroup,
            pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        };
        let pki = pki(Cert::Ecdsa);
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider
            .cipher_suites
            .retain(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256);
        provider.kx_groups.retain(|group| group.name() == NamedGroup::X25519);
        let provider = Arc::new(provider);
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pki.root_pem).unwrap())
            .unwrap();
        let versions = &[&rustls::version::TLS13];
        let mut client = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = rustls::client::Resumption::disabled();
        let chain = vec![CertificateDer::from_pem_slice(&pki.leaf_pem).unwrap()];
        let mut server = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(&pki.key_pem).unwrap())
            .unwrap();
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Self {
            connector: Arc::new(client).into(),
            acceptor: Arc::new(server).into(),
        }
    }
}

impl Library for Rustls {
    type Client = tokio_rustls::client::TlsStream<TcpStream>;
    type Server = tokio_rustls::server::TlsStream<TcpStream>;

    async fn connect(&self, transport: TcpStream) -> io::Result<Self::Client> {
        self.connector.connect(HOST.try_into().unwrap(), transport).await
    }

    async fn accept(&self, transport: TcpStream) -> io::Result<Self::Server> {
        self.acceptor.accept(transport).await
    }
}

#[cfg(feature = "openssl")]
pub struct OpenSsl {
    client: openssl::ssl::SslContext,
    server: openssl::ssl::SslContext,
}

#[cfg(feature = "openssl")]
impl OpenSsl {
    pub fn new() -> Self {
        use openssl::{
            pkey::PKey,
            ssl::{SslContext, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion},
            x509::X509,
        };
        let pki = pki(Cert::Ecdsa);
        let common = || {
            let mut context = SslContext::builder(SslMethod::tls()).unwrap();
            context.set_min_proto_version(Some(SslVersion::TLS1_3)).unwrap();
            context.set_ciphersuites("TLS_AES_128_GCM_SHA256").unwrap();
            context.set_groups_list("X25519").unwrap();
            context.set_session_cache_mode(SslSessionCacheMode::OFF);
            context.set_options(SslOptions::NO_TICKET);
            context
        };
        let mut client = common();
        client
            .cert_store_mut()
            .add_cert(X509::from_pem(&pki.root_pem).unwrap())
            .unwrap();
        client.set_verify(SslVerifyMode::PEER);
        let mut server = common();
        server.set_certificate(&X509::from_pem(&pki.leaf_pem).unwrap()).unwrap();
        server
            .set_private_key(&PKey::private_key_from_pem(&pki.key_pem).unwrap())
            .unwrap();
        server.set_num_tickets(0).unwrap();
        Self {
            client: client.build(),
            server: server.build(),
        }
    }

    async fn stream(
        context: &openssl::ssl::SslContext,
        transport: TcpStream,
        is_client: bool,
    ) -> io::Result<tokio_openssl::SslStream<TcpStream>> {
        let mut ssl = openssl::ssl::Ssl::new(context)?;
        if is_client {
            ssl.set_hostname(HOST)?;
            ssl.param_mut().set_host(HOST)?;
        }
        let mut stream = tokio_openssl::SslStream::new(ssl, transport)?;
        let pinned = std::pin::Pin::new(&mut stream);
        let done = if is_client {
            pinned.connect().await
        } else {
            pinned.accept().await
        };
        done.map_err(io::Error::other)?;
        Ok(stream)
    }
}

#[cfg(feature = "openssl")]
impl Library for OpenSsl {
    type Client = tokio_openssl::SslStream<TcpStream>;
    type Server = tokio_openssl::SslStream<TcpStream>;

    async fn connect(&self, transport: TcpStream) -> io::Result<Self::Client> {
        Self::stream(&self.client, transport, true).await
    }

    async fn accept(&self, transport: TcpStream) -> io::Result<Self::Server> {
        Self::stream(&self.server, transport, false).await
    }
}
