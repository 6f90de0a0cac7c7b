//! rustls 0.24-dev (its new sans-I/O API) with rustls-aws-lc-rs.

use bench_core::tls::*;
use rustls::client::ClientSide;
use rustls::crypto::cipher::OutboundPlain;
use rustls::crypto::{CipherSuite as CS, CryptoProvider, Identity};
use rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ServerSide;
use rustls::{ClientConfig, Connection, RootCertStore, ServerConfig, SliceInput, Tcp};
use rustls24 as rustls;
use std::borrow::Cow;
use std::sync::Arc;

pub struct Rustls24;

struct F {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    host: ServerName<'static>,
}

impl Peer for Rustls24 {
    fn name(&self) -> &'static str {
        "rustls24-awslc"
    }

    fn factory(&self, s: &Setup) -> Option<Box<dyn Factory>> {
        use rustls::crypto::kx::NamedGroup;
        if s.is_special() {
            return None;
        }
        let group = match s.kx {
            Kx::X25519 => NamedGroup::X25519,
            Kx::P256 => NamedGroup::secp256r1,
            Kx::X25519MlKem768 => NamedGroup::X25519MLKEM768,
            _ => return None,
        };
        let id = match (s.version, s.cipher, s.cert) {
            (Version::Tls13, Cipher::Aes128Gcm, _) => CS::TLS13_AES_128_GCM_SHA256,
            (Version::Tls13, Cipher::Aes256Gcm, _) => CS::TLS13_AES_256_GCM_SHA384,
            (Version::Tls13, Cipher::ChaCha, _) => CS::TLS13_CHACHA20_POLY1305_SHA256,
            (Version::Tls12, Cipher::Aes128Gcm, Cert::Ecdsa) => CS::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            (Version::Tls12, Cipher::Aes128Gcm, Cert::Rsa) => CS::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            (Version::Tls12, Cipher::Aes256Gcm, Cert::Ecdsa) => CS::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            _ => return None,
        };
        let mut p: CryptoProvider = rustls_aws_lc_rs::DEFAULT_PROVIDER.clone();
        p.kx_groups = Cow::Owned(p.kx_groups.iter().copied().filter(|g| g.name() == group).collect());
        p.tls13_cipher_suites = Cow::Owned(
            p.tls13_cipher_suites
                .iter()
                .copied()
                .filter(|c| c.common.suite == id)
                .collect(),
        );
        p.tls12_cipher_suites = Cow::Owned(
            p.tls12_cipher_suites
                .iter()
                .copied()
                .filter(|c| c.common.suite == id)
                .collect(),
        );
        let p = Arc::new(p);
        let pki = pki(s.cert);
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pki.root_pem).unwrap())
            .unwrap();
        let mut client = ClientConfig::builder(p.clone())
            .with_root_certificates(roots)
            .with_no_client_auth()
            .unwrap();
        let id = Identity::from_cert_chain(vec![CertificateDer::from_pem_slice(&pki.leaf_pem).unwrap()]).unwrap();
        let mut server = ServerConfig::builder(p)
            .with_no_client_auth()
            .with_single_cert(Arc::new(id), PrivateKeyDer::from_pem_slice(&pki.key_pem).unwrap())
            .unwrap();
        server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        if s.by_id {
            server.session_storage = rustls::server::ServerSessionMemoryCache::new(256);
        } else if s.resume {
            server.ticketer = Some(server.provider().ticketer_factory.ticketer().unwrap());
            server.send_tls13_tickets = rustls::server::Tls13Tickets { default: 1, max: 1 };
        } else {
            server.send_tls13_tickets = rustls::server::Tls13Tickets { default: 0, max: 0 };
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
        let mut pending = Vec::new();
        let conn = self.client.connect(self.host.clone()).build(&mut pending).unwrap();
        Box::new(C {
            side: Side::Client(conn),
            pending,
        })
    }
    fn server(&self) -> Box<dyn Conn> {
        let conn = Connection::<ServerSide, Tcp>::new(self.server.clone()).unwrap();
        Box::new(C {
            side: Side::Server(conn),
            pending: Vec::new(),
        })
    }
}

enum Side {
    Client(Connection<ClientSide, Tcp>),
    Server(Connection<ServerSide, Tcp>),
}

struct C {
    side: Side,
    pending: Vec<u8>,
}

macro_rules! each {
    ($side:expr, $c:ident => $e:expr) => {
        match $side {
            Side::Client($c) => $e,
            Side::Server($c) => $e,
        }
    };
}

impl C {
    fn pump(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>, buf: &mut [u8]) -> usize {
        let mut n = 0;
        let mut inp = SliceInput::new(&mut input[..]);
        each!(&mut self.side, c => {
            let mut h = c.read_tls(&mut inp, out);
            while let Some(p) = h.next_payload() {
                let p = p.unwrap();
                let b = p.bytes();
                buf[n..n + b.len()].copy_from_slice(b);
                n += b.len();
            }
        });
        let used = inp.into_used();
        input.drain(..used);
        n
    }
}

impl Conn for C {
    fn handshake(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.pending);
        if !input.is_empty() {
            self.pump(input, out, &mut []);
        }
        !each!(&self.side, c => c.is_handshaking())
    }

    fn send(&mut self, data: &[u8], out: &mut Vec<u8>) {
        each!(&mut self.side, c => c.write(OutboundPlain::Single(data), out).unwrap());
    }

    fn recv(&mut self, input: &mut Vec<u8>, buf: &mut [u8], _: usize) -> usize {
        let mut out = Vec::new();
        self.pump(input, &mut out, buf)
    }

    fn resumed(&self) -> bool {
        each!(&self.side, c => c.handshake_kind()) == Some(rustls::HandshakeKind::Resumed)
    }

    fn describe(&self) -> String {
        each!(&self.side, c => format!(
            "{:?} {:?} {:?}",
            c.protocol_version(),
            c.negotiated_cipher_suite().map(|s| s.suite()),
            c.negotiated_key_exchange_group().map(|g| g.name())
        ))
    }
}
