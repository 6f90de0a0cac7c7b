//! rustls 0.23 (buffered API), with any crypto provider.

use bench_core::tls::*;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    CipherSuite as CS, ClientConfig, ClientConnection, NamedGroup, RootCertStore, ServerConfig, ServerConnection,
};
use std::io::{Read, Write};
use std::sync::Arc;

pub struct Rustls23 {
    pub name: &'static str,
    pub provider: CryptoProvider,
    pub ticketer: fn() -> Arc<dyn rustls::server::ProducesTickets>,
}

fn suite(s: &Setup) -> Option<CS> {
    Some(match (s.version, s.cipher, s.cert) {
        (Version::Tls13, Cipher::Aes128Gcm, _) => CS::TLS13_AES_128_GCM_SHA256,
        (Version::Tls13, Cipher::Aes256Gcm, _) => CS::TLS13_AES_256_GCM_SHA384,
        (Version::Tls13, Cipher::ChaCha, _) => CS::TLS13_CHACHA20_POLY1305_SHA256,
        (Version::Tls12, Cipher::Aes128Gcm, Cert::Ecdsa) => CS::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        (Version::Tls12, Cipher::Aes128Gcm, Cert::Rsa) => CS::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        (Version::Tls12, Cipher::Aes256Gcm, Cert::Ecdsa) => CS::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        _ => return None,
    })
}

struct F {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    host: ServerName<'static>,
}

impl Peer for Rustls23 {
    fn name(&self) -> &'static str {
        self.name
    }

    fn factory(&self, s: &Setup) -> Option<Box<dyn Factory>> {
        if s.is_special() && !s.early_data {
            return None;
        }
        let id = suite(s)?;
        let group = match s.kx {
            Kx::X25519 => NamedGroup::X25519,
            Kx::P256 => NamedGroup::secp256r1,
            Kx::X25519MlKem768 => NamedGroup::X25519MLKEM768,
            _ => return None,
        };
        let mut p = self.provider.clone();
        p.cipher_suites.retain(|c| c.suite() == id);
        p.kx_groups.retain(|g| g.name() == group);
        if p.cipher_suites.is_empty() || p.kx_groups.is_empty() {
            return None;
        }
        let p = Arc::new(p);
        let versions: &[&rustls::SupportedProtocolVersion] = match s.version {
            Version::Tls12 => &[&rustls::version::TLS12],
            Version::Tls13 => &[&rustls::version::TLS13],
        };
        let pki = pki(s.cert);
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pki.root_pem).unwrap())
            .unwrap();
        let mut client = ClientConfig::builder_with_provider(p.clone())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut server = ServerConfig::builder_with_provider(p)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(&pki.leaf_pem).unwrap()],
                PrivateKeyDer::from_pem_slice(&pki.key_pem).unwrap(),
            )
            .unwrap();
        server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        if s.by_id || s.early_data {
            // Early data is for sessions in memory only.
            server.session_storage = rustls::server::ServerSessionMemoryCache::new(256);
            server.send_tls13_tickets = 1;
            server.max_early_data_size = if s.early_data { 1 << 14 } else { 0 };
            client.enable_early_data = s.early_data;
        } else if s.resume {
            server.ticketer = (self.ticketer)();
            server.send_tls13_tickets = 1;
        } else {
            server.send_tls13_tickets = 0;
            client.resumption = rustls::client::Resumption::disabled();
        }
        Some(Box::new(F {
            client: Arc::new(client),
            server: Arc::new(server),
            host: ServerName::try_from(HOST).unwrap(),
        }))
    }
}

impl Factory for F {
    fn client(&self) -> Box<dyn Conn> {
        let connection = ClientConnection::new(self.client.clone(), self.host.clone()).unwrap();
        Box::new(C(connection.into(), 0))
    }
    fn server(&self) -> Box<dyn Conn> {
        Box::new(C(ServerConnection::new(self.server.clone()).unwrap().into(), 0))
    }
}

/// A connection, and how much early data came over it.
struct C(rustls::Connection, usize);

impl Conn for C {
    fn handshake(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
        let mut rd = &input[..];
        while !rd.is_empty() {
            self.0.read_tls(&mut rd).unwrap();
            self.0.process_new_packets().unwrap();
            if let rustls::Connection::Server(server) = &mut self.0 {
                if let Some(mut early) = server.early_data() {
                    self.1 += early.read(&mut [0; 2048]).unwrap_or(0);
                }
            }
        }
        input.clear();
        while self.0.wants_write() {
            self.0.write_tls(out).unwrap();
        }
        !self.0.is_handshaking()
    }

    fn send(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.0.writer().write_all(data).unwrap();
        while self.0.wants_write() {
            self.0.write_tls(out).unwrap();
        }
    }

    fn recv(&mut self, input: &mut Vec<u8>, buf: &mut [u8], _: usize) -> usize {
        let mut n = 0;
        let mut rd = &input[..];
        while !rd.is_empty() {
            self.0.read_tls(&mut rd).unwrap();
            self.0.process_new_packets().unwrap();
            while let Ok(k) = self.0.reader().read(&mut buf[n..]) {
                if k == 0 {
                    break;
                }
                n += k;
            }
        }
        input.clear();
        n
    }

    fn send_early(&mut self, data: &[u8], out: &mut Vec<u8>) -> bool {
        let rustls::Connection::Client(client) = &mut self.0 else {
            return false;
        };
        let sent = client
            .early_data()
            .is_some_and(|mut early| early.write(data).unwrap() == data.len());
        while self.0.wants_write() {
            self.0.write_tls(out).unwrap();
        }
        sent
    }

    fn early_received(&self) -> usize {
        self.1
    }

    fn resumed(&self) -> bool {
        self.0.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    fn describe(&self) -> String {
        format!(
            "{:?} {:?} {:?}",
            self.0.protocol_version(),
            self.0.negotiated_cipher_suite().map(|s| s.suite()),
            self.0.negotiated_key_exchange_group().map(|g| g.name())
        )
    }
}
