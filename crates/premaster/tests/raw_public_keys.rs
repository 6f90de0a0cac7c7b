//! Raw public keys (RFC 7250): who has them, who wants them, and what becomes of both sides' lists.
mod common;

use common::{Authority, Key, Pair, raw_public_key};
use premaster::{
    BoxFuture, ClientConfig, Error, Policy, ServerConfig,
    config::{ClientAuthentication, ClientConfigBuilder, ClientResumption, ServerSessions},
    error::{Failure, Incompatible, Untrusted},
    identity::{Credential, Credentials, LocalKey, Pinned, SchemeUse, Signer, Verifier},
    observe::Resumed,
    pki_types::PrivateKeyDer,
    resume::{Rotation, SessionCache, TicketKeys},
    wire::{AlertDescription, CertificateType, ProtocolVersion, SignatureScheme},
};
use std::{sync::Arc, time::Duration};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];

fn client(version: ProtocolVersion, verifier: impl Into<Verifier>) -> ClientConfigBuilder {
    ClientConfig::builder().policy(Policy::MODERN.with_versions(&[version])).verifier(verifier)
}

fn server(credentials: &[&Arc<Credential>], authentication: ClientAuthentication) -> Arc<ServerConfig> {
    let credentials = Credentials::any_of(credentials.iter().map(|credential| Arc::clone(credential)));
    let server = ServerConfig::builder().credentials(credentials).client_authentication(authentication);
    Arc::new(server.build().unwrap())
}

fn meet(client: ClientConfigBuilder, server: &Arc<ServerConfig>) -> Result<Pair, Error> {
    Pair::new(Arc::new(client.build().unwrap()), Arc::clone(server)).handshake()
}

fn types(pair: &Pair) -> [Option<CertificateType>; 2] {
    [&pair.client, &pair.server]
        .map(|end| end.connection.info().unwrap().peer.as_ref().map(|peer| peer.certificate_type()))
}

const X509: Option<CertificateType> = Some(CertificateType::X509);
const RAW: Option<CertificateType> = Some(CertificateType::RawPublicKey);

#[test]
fn both_sides_show_bare_keys_of_every_kind() {
    for version in VERSIONS {
        for key in [Key::EcdsaP256, Key::EcdsaP384, Key::EcdsaP521, Key::Ed25519, Key::Rsa2048] {
            let (own, pin) = raw_public_key(key);
            let (clients, clients_pin) = raw_public_key(key);
            let authentication = ClientAuthentication::Required(Pinned::raw_public_key(clients_pin).into());
            let server = server(&[&own], authentication);
            let client =
                client(version, Pinned::raw_public_key(pin)).credentials(Credentials::always(clients));
            let pair = meet(client, &server).unwrap_or_else(|error| panic!("{version} {key:?}: {error}"));
            assert_eq!(types(&pair), [RAW, RAW], "{version} {key:?}");
            let peer = pair.client.connection.info().unwrap().peer.clone().unwrap();
            assert_eq!((peer.spki(), peer.chain().len()), (Some(own.leaf()), 1), "{version} {key:?}");
            assert!(peer.is_verified());
            pair.exchange_and_close();
        }
    }
}

#[test]
fn each_side_shows_what_the_other_wants_to_see() {
    let authority = Authority::new();
    let certified = authority.issue(Key::EcdsaP256, &["localhost"]);
    let (raw, pin) = raw_public_key(Key::EcdsaP256);
    let key_of_certificate = Pinned::key_of(certified.leaf()).unwrap();
    let both = server(&[&certified, &raw], ClientAuthentication::None);
    let only_raw = server(&[&raw], ClientAuthentication::None);
    let only_certified = server(&[&certified], ClientAuthentication::None);
    for version in VERSIONS {
        let by_name = || client(version, authority.verifier());
        let bare = || client(version, Pinned::raw_public_key(pin));
        let either = || client(version, Pinned::key(pin).or_key(key_of_certificate).raw_or_certified());
        assert_eq!(types(&meet(by_name(), &both).unwrap()), [X509, None]);
        assert_eq!(types(&meet(bare(), &both).unwrap()), [RAW, None]);
        assert_eq!(types(&meet(either(), &both).unwrap()), [X509, None], "the server's first that fits");
        assert_eq!(types(&meet(either(), &only_raw).unwrap()), [RAW, None]);
        assert_eq!(types(&meet(either(), &only_certified).unwrap()), [X509, None]);
        for (client, server) in [(by_name(), &only_raw), (bare(), &only_certified)] {
            let error = meet(client, server).err().unwrap();
            assert_eq!(error, Incompatible::CertificateType.into(), "{version}");
            assert_eq!(error.alert(), Some(AlertDescription::unsupported_certificate));
        }
    }
}

#[test]
fn a_server_asks_for_its_first_type_that_the_client_can_show() {
    let authority = Authority::new();
    let certified = authority.issue(Key::EcdsaP256, &["localhost"]);
    let clients = authority.issue(Key::EcdsaP256, &["client"]);
    let (raw, pin) = raw_public_key(Key::Ed25519);
    let pins = || Pinned::key(pin).or_certificate(clients.leaf());
    let [bare, either, by_certificate] =
        [Pinned::raw_public_key(pin), pins().raw_or_certified(), pins()].map(Verifier::from);
    for version in VERSIONS {
        for (wanted, shown, expected) in [
            (&bare, vec![&raw], Ok(RAW)),
            (&bare, vec![&clients, &raw], Ok(RAW)),
            (&either, vec![&clients, &raw], Ok(RAW)),
            (&either, vec![&clients], Ok(X509)),
            (&by_certificate, vec![&raw, &clients], Ok(X509)),
            (&bare, vec![&clients], Err(Incompatible::CertificateType)),
            (&by_certificate, vec![&raw], Err(Incompatible::CertificateType)),
        ] {
            let server = server(&[&certified], ClientAuthentication::Required(wanted.clone()));
            let shown = Credentials::any_of(shown.into_iter().cloned());
            let got = meet(client(version, authority.verifier()).credentials(shown), &server);
            let got = got.map(|pair| types(&pair)[1]);
            assert_eq!(got, expected.map_err(Error::from), "{version} {wanted:?}");
        }
    }
}

/// Signs with a key that is not the one on show.
struct Impostor(LocalKey);

impl Signer for Impostor {
    fn schemes(&self) -> &[SignatureScheme] {
        self.0.schemes()
    }

    fn sign<'a>(
        &'a self,
        scheme: SignatureScheme,
        usage: SchemeUse,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, Failure>> {
        Box::pin(async move { self.0.sign(scheme, usage, message) })
    }
}

#[test]
fn a_key_that_nobody_pinned_is_refused_and_a_signer_must_have_the_key_on_show() {
    let (own, pin) = raw_public_key(Key::EcdsaP256);
    let (other, _) = raw_public_key(Key::EcdsaP256);
    let generated = rcgen::KeyPair::generate().unwrap();
    let key = LocalKey::from_der(&PrivateKeyDer::Pkcs8(generated.serialize_der().into())).unwrap();
    let impostor = Credential::raw_public_key_with_signer(own.leaf().to_vec(), Arc::new(Impostor(key)));
    let impostor = Arc::new(impostor.unwrap());
    for version in VERSIONS {
        let meet = |shown| {
            meet(client(version, Pinned::raw_public_key(pin)), &server(&[shown], ClientAuthentication::None))
        };
        assert_eq!(meet(&other).err().unwrap(), Untrusted::NotPinned.into(), "{version}");
        assert_eq!(meet(&impostor).err().unwrap(), Failure::Signing.into(), "{version}");
    }
}

#[test]
fn sessions_remember_the_key_and_serve_no_other_verifier() {
    let authority = Authority::new();
    let (raw, pin) = raw_public_key(Key::EcdsaP256);
    let (clients, clients_pin) = raw_public_key(Key::EcdsaP384);
    let certified = authority.issue(Key::EcdsaP256, &["localhost"]);
    let keys =
        Arc::new(TicketKeys::rotating(Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200))));
    let credentials = Credentials::any_of([raw.clone(), certified]);
    let server = ServerConfig::builder()
        .credentials(credentials)
        .client_authentication(ClientAuthentication::Required(Pinned::raw_public_key(clients_pin).into()))
        .sessions(ServerSessions::none().with_tickets(keys));
    let server = Arc::new(server.build().unwrap());
    for version in VERSIONS {
        let cache = Arc::new(SessionCache::default());
        let client = |verifier: Verifier| {
            client(version, verifier)
                .credentials(Credentials::always(clients.clone()))
                .resumption(ClientResumption::with(cache.clone()))
        };
        let bare = || client(Pinned::raw_public_key(pin).into());
        let resumed = |pair: &Pair| pair.client.connection.info().unwrap().resumed;
        let first = meet(bare(), &server).unwrap();
        assert_eq!(resumed(&first), Resumed::Full, "{version}");
        let second = meet(bare(), &server).unwrap();
        assert_ne!(resumed(&second), Resumed::Full, "{version}");
        assert_eq!(types(&second), [RAW, RAW], "{version}");
        for end in [&second.client, &second.server] {
            let peer = end.connection.info().unwrap().peer.clone().unwrap();
            assert!(peer.is_verified() && peer.spki().is_some());
        }
        let third = meet(client(authority.verifier().into()), &server).unwrap();
        assert_eq!(resumed(&third), Resumed::Full, "{version}: another verifier asks anew");
    }
}
