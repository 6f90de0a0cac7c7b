//! Compressed certificates (RFC 8879): both directions, once for each credential, and never beyond a limit.
mod common;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    Error, Policy,
    config::{ClientAuthentication, Limits},
    error::Misbehaved,
    identity::{CertificateCompression, CompressCertificates, Credential, Credentials},
    observe::{At, Direction, Event, Observer},
    wire::{
        AlertDescription, CertificateCompressionAlgorithm as Algorithm, HandshakeType, ProtocolVersion, Side,
    },
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Cuts off the zeros that a Certificate begins with, and counts how often it does.
#[derive(Default)]
struct Way {
    code: u16,
    compressed: AtomicUsize,
    breaks: bool,
}

impl CompressCertificates for Way {
    fn algorithm(&self) -> Algorithm {
        Algorithm(self.code)
    }

    fn compress(&self, certificate: &[u8]) -> Option<Vec<u8>> {
        self.compressed.fetch_add(1, Ordering::Relaxed);
        certificate.strip_prefix(&[0, 0]).map(<[u8]>::to_vec)
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut certificate = [&[0, 0], compressed].concat();
        certificate.truncate(if self.breaks { length - 1 } else { length });
        Some(certificate)
    }
}

fn way(code: u16) -> Arc<Way> {
    Arc::new(Way { code, ..Way::default() })
}

fn ways(ways: &[&Arc<Way>]) -> CertificateCompression {
    ways.iter().fold(CertificateCompression::none(), |all, way| {
        let way: Arc<Way> = Arc::clone(way);
        all.or(way)
    })
}

/// Whose Certificate it was, its type and, if it was compressed, the algorithm.
type Sent = (Side, HandshakeType, u16);

/// The Certificate messages that went by.
#[derive(Default)]
struct Heard(Mutex<Vec<Sent>>);

impl Observer for Heard {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        if let Event::Message { direction: Direction::Sent, bytes } = event {
            let kind = HandshakeType(bytes[0]);
            if kind == HandshakeType::COMPRESSED_CERTIFICATE {
                let algorithm = u16::from_be_bytes([bytes[4], bytes[5]]);
                self.0.lock().unwrap().push((at.side, kind, algorithm));
            } else if kind == HandshakeType::CERTIFICATE {
                self.0.lock().unwrap().push((at.side, kind, 0));
            }
        }
    }
}

struct House {
    authority: Authority,
    server: Arc<Credential>,
    client: Arc<Credential>,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let server = authority.issue(Key::EcdsaP256, &["localhost"]);
        let client = authority.issue(Key::EcdsaP256, &["client"]);
        Self { authority, server, client }
    }

    fn meet(
        &self,
        version: ProtocolVersion,
        client: CertificateCompression,
        server: CertificateCompression,
        limits: Limits,
    ) -> Result<(Pair, Vec<Sent>), Error> {
        let policy = Policy::MODERN.with_versions(&[version]);
        let heard = Arc::new(Heard::default());
        let client = client_config(&self.authority, |builder| {
            builder
                .policy(policy.clone())
                .credentials(Credentials::always(self.client.clone()))
                .certificate_compression(client)
                .limits(limits)
                .observer(heard.clone())
        });
        let server = server_config(self.server.clone(), |builder| {
            builder
                .policy(policy)
                .client_authentication(ClientAuthentication::Required(self.authority.verifier().into()))
                .certificate_compression(server)
                .observer(heard.clone())
        });
        let pair = Pair::new(client, server).handshake()?;
        let heard = heard.0.lock().unwrap().clone();
        Ok((pair, heard))
    }
}

const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;
const COMPRESSED: HandshakeType = HandshakeType::COMPRESSED_CERTIFICATE;
const PLAIN: HandshakeType = HandshakeType::CERTIFICATE;

#[test]
fn both_sides_compress_with_their_own_first_way_that_the_other_has() {
    let house = House::new();
    let (a, b, c) = (way(0xff01), way(0xff02), way(0xff03));
    for (client, server, by_client, by_server) in [
        (ways(&[&a, &b]), ways(&[&b, &a]), Some(0xff01), Some(0xff02)),
        (ways(&[&a]), ways(&[&b, &a]), Some(0xff01), Some(0xff01)),
        (ways(&[&a]), ways(&[&c]), None, None),
        (ways(&[&a]), ways(&[]), None, None),
        (ways(&[]), ways(&[&a]), None, None),
    ] {
        let (pair, heard) = house.meet(V13, client, server, Limits::default()).unwrap();
        let expected = |side, code: Option<u16>| match code {
            Some(code) => (side, COMPRESSED, code),
            None => (side, PLAIN, 0),
        };
        assert_eq!(heard, [expected(Side::Server, by_server), expected(Side::Client, by_client)]);
        let seen = |end: &common::End| end.connection.info().unwrap().peer.clone().unwrap().chain().to_vec();
        assert_eq!(seen(&pair.client), house.server.chain());
        assert_eq!(seen(&pair.server), house.client.chain());
        pair.exchange_and_close();
    }
}

#[test]
fn a_credential_is_compressed_once() {
    let house = House::new();
    let (clients, servers) = (way(0xff01), way(0xff01));
    for _ in 0..3 {
        house.meet(V13, ways(&[&clients]), ways(&[&servers]), Limits::default()).unwrap();
    }
    assert_eq!(clients.compressed.load(Ordering::Relaxed), 1);
    assert_eq!(servers.compressed.load(Ordering::Relaxed), 1);
}

#[test]
fn tls12_knows_nothing_of_it() {
    let house = House::new();
    let way = way(0xff01);
    let (_, heard) =
        house.meet(ProtocolVersion::TLS_1_2, ways(&[&way]), ways(&[&way]), Limits::default()).unwrap();
    assert_eq!(heard, [(Side::Server, PLAIN, 0), (Side::Client, PLAIN, 0)]);
}

#[test]
fn lengths_are_checked_before_and_after() {
    let house = House::new();
    let honest = way(0xff01);
    let refused = |client: CertificateCompression, limits| {
        house.meet(V13, client, ways(&[&honest]), limits).map(|_| ()).unwrap_err()
    };
    let mut small = Limits::default();
    small.decompressed_certificate = 100;
    let error = refused(ways(&[&honest]), small);
    assert_eq!(error, Misbehaved::DecompressedTooLong.into());
    assert_eq!(error.alert(), Some(AlertDescription::bad_certificate));
    let broken = Arc::new(Way { code: 0xff01, breaks: true, ..Way::default() });
    let error = refused(ways(&[&broken]), Limits::default());
    assert_eq!(error, Misbehaved::BadCompressedCertificate.into());
    assert_eq!(error.alert(), Some(AlertDescription::bad_certificate));
}

#[cfg(feature = "certificate-compression")]
#[test]
fn zlib_saves_bytes() {
    let authority = Authority::new();
    // Authorities whose names repeat themselves, as real ones do.
    let names: Vec<String> = (0..40).map(|index| format!("host-{index}.localhost.example")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("localhost");
    let credential = authority.issue(Key::EcdsaP256, &names);
    let bytes = |compression: CertificateCompression| {
        let client =
            client_config(&authority, |builder| builder.certificate_compression(compression.clone()));
        let server =
            server_config(credential.clone(), |builder| builder.certificate_compression(compression));
        Pair::new(client, server).handshake().unwrap().bytes_to_client
    };
    let (plain, zlib) = (bytes(CertificateCompression::none()), bytes(CertificateCompression::zlib()));
    assert!(zlib + 200 < plain, "{zlib} of {plain}");
}
