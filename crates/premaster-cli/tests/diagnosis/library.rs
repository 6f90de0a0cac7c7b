//! What the command has no option for: both ends in this process.
use super::Expected;
use premaster::{
    ClientConfig, Policy, Secret, ServerConfig, Stream,
    config::{ClientConfigBuilder, ServerConfigBuilder},
    identity::{ChainVerifier, Credential, Credentials, ExternalPsk, PskSource, Revocation, Roots},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    wire::{ProtocolVersion, SignatureScheme},
};
use premaster_interop::{Authority, Key};
use premaster_trace::Recorder;
use serde_json::Value;
use std::{
    io::Read,
    net::{TcpListener, TcpStream},
    sync::Arc,
};

/// The verdicts of the client and of the server.
fn verdicts(client: ClientConfigBuilder, server: ServerConfigBuilder) -> (Value, Value) {
    let recorders = [Arc::new(Recorder::for_diagnosis()), Arc::new(Recorder::for_diagnosis())];
    let client = Arc::new(client.observer(recorders[0].clone()).build().unwrap());
    let server = Arc::new(server.observer(recorders[1].clone()).build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        if let Ok(mut stream) = Stream::accept(server, socket) {
            let _ = stream.read(&mut [0]);
        }
    });
    let socket = TcpStream::connect(address).unwrap();
    if let Ok(mut stream) = Stream::connect(client, "localhost".try_into().unwrap(), socket) {
        let _ = stream.read(&mut [0]);
    }
    thread.join().unwrap();
    let told = |recorder: &Recorder| serde_json::to_value(recorder.diagnosis()).unwrap();
    (told(&recorders[0]), told(&recorders[1]))
}

fn client(authority: &Authority) -> ClientConfigBuilder {
    ClientConfig::builder().verifier(authority.verifier())
}

fn server(authority: &Authority) -> ServerConfigBuilder {
    ServerConfig::builder().credentials(Credentials::always(authority.credential(Key::P256)))
}

#[test]
fn keys_that_are_not_the_same() {
    let authority = Authority::new();
    let key = |name: &str, value: &[u8]| Arc::new(ExternalPsk::new(name, Secret::from(value)));
    let ours = key("sensor 7", b"one key of thirty-two bytes, ok!");
    let other = key("sensor 7", b"another key of thirty-two bytes!");
    let with = |own: &Arc<ExternalPsk>, theirs: &Arc<ExternalPsk>| {
        let psks = PskSource::These(Arc::new([theirs.clone()]));
        verdicts(client(&authority).external_psks([own.clone()]), server(&authority).external_psks(psks))
    };
    let (by_client, by_server) = with(&ours, &other);
    let expected = Expected::new("wrong_psk", "both", "binders");
    expected.check("client", &by_client);
    expected.check("server", &by_server);
}

#[test]
fn no_shared_signature_scheme() {
    let authority = Authority::new();
    for version in [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3] {
        let schemes = [SignatureScheme::rsa_pss_rsae_sha256, SignatureScheme::rsa_pkcs1_sha256];
        let policy = Policy::MODERN.with_versions(&[version]).with_signature_schemes(&schemes);
        let (_, by_server) = verdicts(client(&authority).policy(policy), server(&authority));
        Expected::new("no_shared_signature_scheme", "both", "signature_algorithms")
            .client("rsa_pss_rsae_sha256")
            .server("ecdsa_secp256r1_sha256")
            .check("server", &by_server);
    }
}

/// A root, an intermediate that is valid in these years, and a credential below it that the intermediate may have
/// revoked.
fn below_an_intermediate(years: (i32, i32), revoked: bool) -> (ChainVerifier, Credential) {
    let key = || rcgen::KeyPair::generate().unwrap();
    let authority = |name: &str| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        params
    };
    let (root, root_key) = (authority("root"), key());
    let root_certificate = root.self_signed(&root_key).unwrap();
    let root_issuer = rcgen::Issuer::new(root, root_key);
    let (mut middle, middle_key) = (authority("middle"), key());
    middle.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    middle.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let middle_certificate = middle.signed_by(&middle_key, &root_issuer).unwrap();
    let middle_issuer = rcgen::Issuer::new(middle, middle_key);
    let leaf_key = key();
    let mut leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    leaf.serial_number = Some(rcgen::SerialNumber::from_slice(&[7]));
    let leaf = leaf.signed_by(&leaf_key, &middle_issuer).unwrap();
    let mut roots = Roots::new();
    roots.add(&CertificateDer::from(root_certificate.der().to_vec())).unwrap();
    let chain = vec![leaf.der().clone(), middle_certificate.der().clone()];
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let mut verifier = ChainVerifier::new(roots);
    if revoked {
        let policy = Revocation { whole_chain: false, ..Revocation::default() };
        verifier = verifier.with_revocation_lists([revocation_list(&middle_issuer).into()], policy).unwrap();
    }
    (verifier, Credential::new(chain, private).unwrap())
}

/// The list of an issuer that has revoked the certificate with the serial number 7.
fn revocation_list(issuer: &rcgen::Issuer<'_, rcgen::KeyPair>) -> Vec<u8> {
    let revoked = rcgen::RevokedCertParams {
        serial_number: rcgen::SerialNumber::from_slice(&[7]),
        revocation_time: rcgen::date_time_ymd(2025, 6, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2025, 12, 1),
        next_update: rcgen::date_time_ymd(2100, 1, 1),
        crl_number: rcgen::SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    list.signed_by(issuer).unwrap().der().to_vec()
}

#[test]
fn a_certificate_that_was_revoked() {
    let (verifier, credential) = below_an_intermediate((2020, 2100), true);
    let client = ClientConfig::builder().verifier(verifier);
    let server = ServerConfig::builder().credentials(Credentials::always(Arc::new(credential)));
    let (by_client, by_server) = verdicts(client, server);
    let expected = Expected::new("certificate_revoked", "server", "serialNumber");
    expected.check("client", &by_client);
    expected.check("server, from the alert alone", &by_server);
}

#[test]
fn an_intermediate_that_has_expired() {
    let (verifier, credential) = below_an_intermediate((2020, 2021), false);
    let client = ClientConfig::builder().verifier(verifier);
    let server = ServerConfig::builder().credentials(Credentials::always(Arc::new(credential)));
    let (by_client, _) = verdicts(client, server);
    Expected::new("certificate_expired", "server", "notAfter").check("client", &by_client);
    assert!(by_client["what"].as_str().unwrap().starts_with("a certificate above"), "{by_client:#}");
}
