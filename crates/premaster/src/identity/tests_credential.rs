//! Credentials from files as `openssl` writes them, their errors, and which one is chosen. The files' keys are
//! for these tests alone.
use super::{
    testing::{Authority, block_on, named, server},
    *,
};
use crate::{
    BoxFuture,
    error::{Failure, Untrusted},
    wire::{CertificateType, SignatureScheme as Scheme},
};
use SchemeUse::{Tls12, Tls13};
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::{sync::Arc, task::Poll, time::Duration};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("testdata/", $name, ".pem"))
    };
}

#[test]
fn files_of_every_kind() {
    type Case<'a> = (&'a [u8], &'a [u8], KeyKind, &'a str, Scheme);
    let cases: [Case<'_>; 3] = [
        (file!("rsa"), file!("rsa.key"), KeyKind::Rsa, "rsa.example", Scheme::rsa_pss_rsae_sha256),
        (file!("rsa_pss"), file!("rsa_pss.key"), KeyKind::RsaPss, "pss.example", Scheme::rsa_pss_pss_sha256),
        (
            file!("sec1"),
            file!("sec1.key"),
            KeyKind::EcdsaP256,
            "sec1.example",
            Scheme::ecdsa_secp256r1_sha256,
        ),
    ];
    for (chain, key, kind, name, scheme) in cases {
        let both = [key, chain].concat();
        for credential in [Credential::from_pem(chain, key), Credential::from_pem(&both, &both)] {
            let credential = credential.unwrap();
            assert_eq!((credential.key_kind(), credential.chain().len()), (kind, 1));
            assert_eq!(credential.names(), [name]);
            assert!(credential.issuers().next().is_some_and(|issuer| !issuer.is_empty()));
            assert_eq!(credential.choose_scheme(Scheme::KNOWN, Tls13), Some(scheme));
            let signature = block_on(credential.sign(scheme, Tls13, b"content")).unwrap();
            assert_eq!(credential.public_key().verify(scheme, Tls13, b"content", &signature), Ok(()));
            // The key can be used for a static exchange, if it is of a kind that has one and the fence is open.
            let agrees = kind != KeyKind::RsaPss;
            assert_eq!(credential.static_key().is_some(), cfg!(feature = "legacy") && agrees);
        }
    }
}

/// Names are shown to people. What a certificate says may be anything.
#[test]
fn names_that_are_none_are_shown_as_escapes() {
    let credential = Credential::from_pem(file!("sec1"), file!("sec1.key")).unwrap();
    let mut der = credential.leaf().to_vec();
    assert_eq!(Certificate::parse(&der).unwrap().names().last().as_deref(), Some("sec1.example"));
    let place = der.windows(12).rposition(|window| window == b"sec1.example").expect("its name");
    der[place..place + 4].copy_from_slice(b"\x1b[2J");
    assert_eq!(Certificate::parse(&der).unwrap().names().last().as_deref(), Some("\\x1b[2J.example"));
}

#[test]
fn errors_say_what_is_wrong() {
    let (chain, key): (&[u8], &[u8]) = (file!("sec1"), file!("sec1.key"));
    let error = |chain: &[u8], key: &[u8]| Credential::from_pem(chain, key).unwrap_err();
    assert_eq!(error(key, key), CredentialError::NoCertificate);
    assert_eq!(error(b"", key), CredentialError::NoCertificate);
    assert_eq!(error(chain, chain), CredentialError::NoKey);
    assert_eq!(error(chain, file!("encrypted.key")), CredentialError::EncryptedKey);
    assert_eq!(error(chain, file!("encrypted_traditional.key")), CredentialError::EncryptedKey);
    assert_eq!(error(chain, file!("rsa.key")), CredentialError::KeyMismatch { key: KeyKind::Rsa });
    let upside_down = [file!("ca"), chain].concat();
    assert_eq!(error(&upside_down, key), CredentialError::LeafNotFirst { index: 1 });
    let der = Credential::from_pem(chain, key).unwrap().leaf().to_vec();
    assert_eq!(error(&der, key), CredentialError::NotPem);
    let weak = CredentialError::Key(KeyError::TooSmall { bits: 1024, least: 2048 });
    assert_eq!(error(file!("rsa1024"), file!("rsa1024.key")), weak);

    let text = std::str::from_utf8(chain).unwrap();
    let damaged = text.replacen("MII", "M!I", 1);
    assert_ne!(damaged, text);
    let twice = [text, &damaged].concat();
    assert!(matches!(error(twice.as_bytes(), key), CredentialError::BadPem { section: 2, .. }));
    let cut = &text[..text.len() / 2];
    assert!(matches!(error(cut.as_bytes(), key), CredentialError::BadPem { section: 1, .. }));
    let other = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(error(other, key), CredentialError::BadCertificate { index: 0 });

    let problem = error(chain, file!("encrypted.key")).to_string();
    assert!(problem.contains("encrypted") && problem.contains("openssl pkey"), "{problem}");
}

#[test]
fn staples_and_preferences() {
    let made = || Credential::from_pem(file!("rsa"), file!("rsa.key")).unwrap();
    let credential = made().with_ocsp(vec![1]).unwrap().with_scts(vec![0, 3, 0, 1, 9]).unwrap();
    assert_eq!((credential.ocsp(), credential.scts()), (Some(&[1][..]), Some(&[0, 3, 0, 1, 9][..])));
    assert_eq!(made().with_ocsp(vec![]).unwrap_err(), CredentialError::BadStaple);
    for bad in [vec![], vec![0, 0], vec![0, 2, 1], vec![0, 1, 1, 1]] {
        assert_eq!(made().with_scts(bad).unwrap_err(), CredentialError::BadStaple);
    }
    let credential =
        made().with_schemes(&[Scheme::ed25519, Scheme::rsa_pkcs1_sha512, Scheme::rsa_pss_rsae_sha384]);
    let credential = credential.unwrap();
    assert_eq!(credential.schemes(), [Scheme::rsa_pkcs1_sha512, Scheme::rsa_pss_rsae_sha384]);
    assert_eq!(credential.choose_scheme(Scheme::KNOWN, Tls12), Some(Scheme::rsa_pkcs1_sha512));
    assert_eq!(credential.choose_scheme(Scheme::KNOWN, Tls13), Some(Scheme::rsa_pss_rsae_sha384));
    assert_eq!(made().with_schemes(&[Scheme::ed25519]).unwrap_err(), CredentialError::NoScheme);
}

/// Signs with any key, the right one or not.
struct Service(LocalKey);

impl Signer for Service {
    fn schemes(&self) -> &[Scheme] {
        self.0.schemes()
    }

    fn sign<'a>(
        &'a self,
        scheme: Scheme,
        usage: SchemeUse,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, Failure>> {
        Box::pin(async move { self.0.sign(scheme, usage, message) })
    }
}

#[test]
fn a_service_signs_and_is_checked() {
    let authority = Authority::new("Root");
    let (leaf, other) =
        (authority.issue(&named("a", &["a.example"])), authority.issue(&named("b", &["b.example"])));
    let scheme = Scheme::ecdsa_secp256r1_sha256;
    let sign = |issued: &testing::Issued| {
        let service = Arc::new(Service(LocalKey::from_der(&issued.key_der()).unwrap()));
        let credential = Credential::with_signer(vec![leaf.certificate.clone()], service).unwrap();
        assert!(credential.static_key().is_none());
        block_on(credential.sign(scheme, Tls13, b"content"))
    };
    assert!(sign(&leaf).is_ok());
    assert_eq!(sign(&other), Err(Failure::Signing), "a wrong signature must not leave this side");
    let rsa = Credential::from_pem(file!("rsa"), file!("rsa.key")).unwrap();
    let service = Arc::new(Service(LocalKey::from_der(&leaf.key_der()).unwrap()));
    assert_eq!(
        Credential::with_signer(rsa.chain().to_vec(), service).unwrap_err(),
        CredentialError::NoScheme
    );
}

#[test]
fn weak_and_outdated_certificates_are_refused() {
    let mut roots = Roots::new();
    assert_eq!(roots.add_pem(file!("ca")), Ok(1));
    let verifier = ChainVerifier::new(roots);
    let verify = |pem: &[u8], name: &str| {
        let chain: Arc<[CertificateDer<'static>]> = pem::certificates(pem).unwrap().into();
        let name = ServerName::try_from(name).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
        verifier.verify(&PeerCertificates { now, ..server(&chain, Some(&name)) })
    };
    let sha1 = Untrusted::UnsupportedSignature { algorithm: "ECDSA with SHA-1".into() };
    assert_eq!(verify(file!("sha1"), "old.example"), Err(sha1));
    assert_eq!(verify(file!("rsa1024"), "weak.example"), Err(Untrusted::WeakKey { bits: 1024 }));
}

#[cfg(feature = "webpki-roots")]
#[test]
fn the_roots_of_mozilla_have_names() {
    let roots = Roots::mozilla();
    assert!(roots.len() > 50);
    assert!(roots.names().iter().any(|name| name.to_string().contains("O=Internet Security Research Group")));
}

fn ask<'a>(server_name: Option<&'a str>, schemes: &'a [Scheme]) -> Ask<'a> {
    Ask {
        server_name,
        certificate_types: &[CertificateType::X509],
        schemes,
        usage: Tls13,
        key_kinds: None,
        static_kinds: &[],
        authorities: &[],
        alpn: &[],
    }
}

#[test]
fn names_choose_and_schemes_decide() {
    let root = Authority::new("Root");
    let ecdsa = root.issue(&named("ecdsa", &["Example.com", "*.example.com"])).credential();
    let rsa = Arc::new(Credential::from_pem(file!("rsa"), file!("rsa.key")).unwrap());
    let exact = root.issue(&named("exact", &["www.example.com"])).credential();
    let fallback = root.issue(&named("fallback", &["fallback.example"])).credential();
    let names = ByName::new()
        .with_its_names(ecdsa.clone())
        .with("example.com", rsa.clone())
        .with_its_names(exact.clone())
        .otherwise(fallback.clone());
    let credentials = Credentials::by_name(names);
    let choose = |name, schemes: &[Scheme]| block_on(credentials.choose(&ask(name, schemes)));
    let p256 = &[Scheme::ecdsa_secp256r1_sha256][..];
    let chosen = |name, schemes: &[Scheme], expected: &Arc<Credential>| {
        let chosen = choose(name, schemes);
        assert!(chosen.is_some_and(|chosen| Arc::ptr_eq(&chosen, expected)), "{name:?}");
    };
    chosen(Some("example.com"), p256, &ecdsa);
    chosen(Some("EXAMPLE.com."), Scheme::KNOWN, &ecdsa);
    chosen(Some("example.com"), &[Scheme::rsa_pss_rsae_sha256], &rsa);
    chosen(Some("mail.example.com"), p256, &ecdsa);
    chosen(Some("www.example.com"), p256, &exact);
    // The wildcard is for one label.
    chosen(Some("a.b.example.com"), p256, &fallback);
    chosen(Some("com"), p256, &fallback);
    chosen(None, p256, &fallback);
    // A name that is known, with no key that the client can verify, is not given away to the fallback.
    assert!(choose(Some("www.example.com"), &[Scheme::rsa_pss_rsae_sha256]).is_none());
    assert!(choose(None, &[]).is_none());
    assert!(block_on(Credentials::none().choose(&ask(None, Scheme::KNOWN))).is_none());
}

#[test]
fn suites_and_authorities_narrow_the_choice() {
    let (one, two) = (Authority::new("One"), Authority::new("Two"));
    let a = one.issue(&named("a", &["a.example"])).credential();
    let b = two.issue(&named("b", &["b.example"])).credential();
    let rsa = Arc::new(Credential::from_pem(file!("rsa"), file!("rsa.key")).unwrap());
    let credentials = Credentials::any_of([a.clone(), b.clone(), rsa.clone()]);
    let chosen = |ask: Ask<'_>, expected: &Arc<Credential>| {
        assert!(Arc::ptr_eq(&block_on(credentials.choose(&ask)).unwrap(), expected));
    };
    let any = ask(None, Scheme::KNOWN);
    chosen(any, &a);
    let issuer: Vec<_> = b.issuers().collect();
    chosen(Ask { authorities: &issuer, ..any }, &b);
    chosen(Ask { authorities: &[b"nobody"], ..any }, &a);
    chosen(Ask { key_kinds: Some(&[KeyKind::Rsa]), usage: Tls12, ..any }, &rsa);
    let none = Ask { key_kinds: Some(&[KeyKind::Ed25519]), ..any };
    assert!(block_on(credentials.choose(&none)).is_none());
}

struct OnDemand {
    credential: Arc<Credential>,
    at_once: bool,
}

impl ChooseCredential for OnDemand {
    fn choose<'a>(&'a self, _: &'a Ask<'a>) -> BoxFuture<'a, Option<Arc<Credential>>> {
        assert!(!self.at_once, "the fast path was not taken");
        Box::pin(async { Some(self.credential.clone()) })
    }

    fn choose_now(&self, _: &Ask<'_>) -> Poll<Option<Arc<Credential>>> {
        match self.at_once {
            true => Poll::Ready(Some(self.credential.clone())),
            false => Poll::Pending,
        }
    }
}

#[test]
fn an_application_chooses_at_once_or_later() {
    let credential = Authority::new("Root").issue(&named("a", &["a.example"])).credential();
    for at_once in [true, false] {
        let chooser = Arc::new(OnDemand { credential: credential.clone(), at_once });
        let chosen = block_on(Credentials::custom(chooser).choose(&ask(None, &[])));
        assert!(chosen.is_some());
    }
}
