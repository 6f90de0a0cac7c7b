//! Every reason for which a chain is not believed, and the one for which it is.
use super::{
    testing::{Authority, NOW, block_on, named, server},
    *,
};
use crate::{
    BoxFuture, Error,
    error::{Misbehaved, Untrusted},
    observe::{At, Event, Observer, Tap, Warning},
    wire::{AlertDescription, CertificateType, Side, SignatureScheme},
};
use pki_types::{CertificateDer, ServerName, UnixTime};
use rcgen::{
    CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

pub(super) fn trusting(authorities: &[&Authority]) -> ChainVerifier {
    let mut roots = Roots::new();
    authorities.iter().for_each(|authority| roots.add(&authority.certificate).unwrap());
    ChainVerifier::new(roots)
}

pub(super) fn chain(certificates: &[&CertificateDer<'static>]) -> Arc<[CertificateDer<'static>]> {
    certificates.iter().map(|certificate| (*certificate).clone()).collect()
}

pub(super) fn example() -> ServerName<'static> {
    ServerName::try_from("example.com").unwrap()
}

#[test]
fn a_good_chain_is_believed() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let leaf = middle.issue(&named("leaf", &["example.com", "*.wild.example", "192.0.2.1", "2001:db8::1"]));
    let chain = chain(&[&leaf.certificate, &middle.certificate]);
    let verifier = trusting(&[&Authority::new("Other"), &root]);
    for good in ["example.com", "EXAMPLE.com", "a.wild.example", "192.0.2.1", "2001:db8::1"] {
        let name = ServerName::try_from(good).unwrap();
        assert_eq!(verifier.verify(&server(&chain, Some(&name))), Ok(()), "{good}");
    }
    for bad in ["www.example.com", "wild.example", "a.b.wild.example", "192.0.2.2", "2001:db8::2"] {
        let name = ServerName::try_from(bad).unwrap();
        let presented = ["example.com", "*.wild.example", "192.0.2.1", "2001:db8::1"];
        let expected =
            Untrusted::WrongName { expected: bad.into(), presented: presented.map(String::from).into() };
        assert_eq!(verifier.verify(&server(&chain, Some(&name))), Err(expected));
    }
}

#[test]
fn a_server_without_a_name_to_compare_is_not_believed() {
    let root = Authority::new("Root");
    let leaf = root.issue(&named("leaf", &["example.com"]));
    let chain = chain(&[&leaf.certificate]);
    let peer = server(&chain, None);
    assert!(matches!(trusting(&[&root]).verify(&peer), Err(Untrusted::WrongName { .. })));
    assert_eq!(trusting(&[&root]).without_name_check().verify(&peer), Ok(()));
    // A client has no name to compare.
    assert_eq!(trusting(&[&root]).verify(&PeerCertificates { side: Side::Client, ..peer }), Ok(()));
}

#[test]
fn dates_are_checked_and_told() {
    let root = Authority::new("Root");
    let mut params = named("leaf", &["example.com"]);
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2025, 12, 31));
    let old = root.issue(&params);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 3), date_time_ymd(2027, 1, 1));
    let new = root.issue(&params);
    let verifier = trusting(&[&root]);
    let verify = |leaf: &CertificateDer<'static>| verifier.verify(&server(&chain(&[leaf]), Some(&example())));
    let error = verify(&old.certificate).unwrap_err();
    assert_eq!(error, Untrusted::Expired { not_after: NOW - 86_400, now: NOW });
    assert_eq!(error.alert(), AlertDescription::certificate_expired);
    let error = verify(&new.certificate).unwrap_err();
    assert_eq!(error, Untrusted::NotYetValid { not_before: NOW + 2 * 86_400, now: NOW });
}

#[test]
fn unknown_issuers_are_named() {
    let root = Authority::new("Nobody, Inc.");
    let verifier = trusting(&[&Authority::new("Root")]);
    let middle = root.intermediate("Middle");
    let leaf = middle.issue(&named("leaf", &["example.com"]));
    for (sent, issuer) in [
        (chain(&[&leaf.certificate]), "CN=Middle"),
        (chain(&[&leaf.certificate, &middle.certificate]), "CN=Nobody\\, Inc."),
    ] {
        let error = verifier.verify(&server(&sent, Some(&example()))).unwrap_err();
        assert_eq!(error, Untrusted::UnknownIssuer { issuer: issuer.into(), self_signed: false });
        assert_eq!(error.alert(), AlertDescription::unknown_ca);
    }
    // Self-signed, as a leaf and as `openssl req -x509` makes it.
    for is_ca in [IsCa::NoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
        let mut params = named("me", &["example.com"]);
        params.is_ca = is_ca;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let error = verifier.verify(&server(&chain(&[certificate.der()]), Some(&example()))).unwrap_err();
        assert_eq!(error, Untrusted::UnknownIssuer { issuer: "CN=me".into(), self_signed: true });
    }
    // An authority with a trusted name and another key.
    let impostor = Authority::new("Root").issue(&named("leaf", &["example.com"]));
    let error = verifier.verify(&server(&chain(&[&impostor.certificate]), Some(&example()))).unwrap_err();
    assert_eq!(error, Untrusted::BadSignature);
}

#[test]
fn authorities_and_leaves_keep_their_places() {
    let root = Authority::new("Root");
    let verifier = trusting(&[&root]);
    let mut params = Authority::params("Middle");
    params.subject_alt_names = named("", &["example.com"]).subject_alt_names;
    let authority = root.issue(&params);
    let error = verifier.verify(&server(&chain(&[&authority.certificate]), Some(&example())));
    assert_eq!(error, Err(Untrusted::CaUsedAsEndEntity));
    let error = verifier.verify(&server(&chain(&[&root.certificate]), Some(&example())));
    assert_eq!(error, Err(Untrusted::CaUsedAsEndEntity), "that it is trusted makes it no leaf");
    // A leaf that issues.
    let params = named("leaf", &["issuer.example"]);
    let leaf = root.issue(&params);
    let issuer =
        Authority { certificate: leaf.certificate.clone(), issuer: rcgen::Issuer::new(params, leaf.key) };
    let forged = issuer.issue(&named("forged", &["example.com"]));
    let sent = chain(&[&forged.certificate, &issuer.certificate]);
    assert_eq!(verifier.verify(&server(&sent, Some(&example()))), Err(Untrusted::EndEntityUsedAsCa));
}

#[test]
fn purposes_are_checked_for_both_sides() {
    let root = Authority::new("Root");
    let verifier = trusting(&[&root]);
    let mut params = named("leaf", &["example.com"]);
    let cases = [
        (vec![ExtendedKeyUsagePurpose::ServerAuth], true, false),
        (vec![ExtendedKeyUsagePurpose::ClientAuth], false, true),
        (vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth], true, true),
        (vec![ExtendedKeyUsagePurpose::CodeSigning], false, false),
    ];
    for (purposes, as_server, as_client) in cases {
        params.extended_key_usages = purposes;
        let leaf = root.issue(&params);
        let chain = chain(&[&leaf.certificate]);
        let name = example();
        let as_told = |good| if good { Ok(()) } else { Err(Untrusted::WrongPurpose) };
        let peer = server(&chain, Some(&name));
        assert_eq!(verifier.verify(&peer), as_told(as_server));
        let peer = PeerCertificates { side: Side::Client, name: None, ..peer };
        assert_eq!(verifier.verify(&peer), as_told(as_client));
    }
}

pub(super) fn revocation_list(authority: &Authority, revoked: &[u8]) -> Vec<u8> {
    let revoked = RevokedCertParams {
        serial_number: SerialNumber::from_slice(revoked),
        revocation_time: date_time_ymd(2025, 6, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 12, 1),
        next_update: date_time_ymd(2026, 2, 1),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    list.signed_by(&authority.issuer).unwrap().der().to_vec()
}

#[test]
fn revoked_certificates_are_refused() {
    let (root, other) = (Authority::new("Root"), Authority::new("Other"));
    let leaf = root.issue(&named("leaf", &["example.com"])); // its serial number is 7
    let chain = chain(&[&leaf.certificate]);
    let name = example();
    let peer = server(&chain, Some(&name));
    let with = |list: Vec<u8>, policy| {
        trusting(&[&root]).with_revocation_lists([list.into()], policy).unwrap().verify(&peer)
    };
    let strict = Revocation::default();
    assert_eq!(with(revocation_list(&root, &[7]), strict), Err(Untrusted::Revoked));
    assert_eq!(with(revocation_list(&root, &[8]), strict), Ok(()));
    assert_eq!(with(revocation_list(&other, &[7]), strict), Err(Untrusted::RevocationUnknown));
    let lenient = Revocation { allow_unknown: true, ..strict };
    assert_eq!(with(revocation_list(&other, &[7]), lenient), Ok(()));
    // An impostor's list under the right name says nothing.
    let impostor = Authority::new("Root");
    assert_eq!(with(revocation_list(&impostor, &[7]), lenient), Err(Untrusted::RevocationUnknown));

    let later = UnixTime::since_unix_epoch(Duration::from_secs(NOW + 60 * 86_400));
    let stale = |allow_stale| {
        let policy = Revocation { allow_stale, ..strict };
        let verifier =
            trusting(&[&root]).with_revocation_lists([revocation_list(&root, &[8]).into()], policy);
        verifier.unwrap().verify(&PeerCertificates { now: later, ..peer })
    };
    assert_eq!(stale(false), Err(Untrusted::RevocationUnknown));
    assert_eq!(stale(true), Ok(()));
    let bad = trusting(&[&root]).with_revocation_lists([vec![1, 2].into()], strict);
    assert_eq!(bad.unwrap_err(), CredentialError::BadRevocationList { index: 0 });
}

#[test]
fn garbage_is_not_a_certificate() {
    let root = Authority::new("Root");
    let leaf = root.issue(&named("leaf", &["example.com"]));
    let verifier = trusting(&[&root]);
    let name = example();
    for bad in [&[][..], &[0x30], &[0x30, 0], &leaf.certificate[..leaf.certificate.len() - 1]] {
        let chain: Arc<[_]> = [CertificateDer::from(bad.to_vec())].into();
        assert_eq!(verifier.verify(&server(&chain, Some(&name))), Err(Untrusted::BadEncoding));
    }
    // No single changed byte is believed, and none panics.
    for at in 0..leaf.certificate.len() {
        let mut changed = leaf.certificate.to_vec();
        changed[at] ^= 0x21;
        let chain: Arc<[_]> = [CertificateDer::from(changed)].into();
        assert!(verifier.verify(&server(&chain, Some(&name))).is_err(), "byte {at}");
    }
}

#[test]
fn pins() {
    let authority = Authority::new("Nobody");
    let mut params = named("leaf", &["example.com"]);
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2026, 12, 31));
    let (leaf, other) = (authority.issue(&params), authority.issue(&params));
    let renewed = authority.issue_for(&named("renewed", &["example.org"]), leaf.key);
    let key = Pinned::key_of(&leaf.certificate).unwrap();
    let verify = |pin: &Pinned, leaf: &CertificateDer<'static>| pin.verify(&server(&chain(&[leaf]), None));
    let (by_certificate, by_key) = (Pinned::certificate(&leaf.certificate), Pinned::key(key));
    assert_eq!(verify(&by_certificate, &leaf.certificate), Ok(()));
    assert_eq!(verify(&by_key, &leaf.certificate), Ok(()));
    assert_eq!(verify(&by_certificate, &renewed.certificate), Err(Untrusted::NotPinned));
    assert_eq!(verify(&by_key, &renewed.certificate), Ok(()));
    assert_eq!(verify(&by_key, &other.certificate), Err(Untrusted::NotPinned));
    assert_eq!(verify(&by_key.or_certificate(&other.certificate), &other.certificate), Ok(()));
    assert_eq!(verify(&Pinned::default(), &leaf.certificate), Err(Untrusted::NotPinned));

    let chain = chain(&[&leaf.certificate]);
    let later = UnixTime::since_unix_epoch(Duration::from_secs(NOW + 366 * 86_400));
    let peer = PeerCertificates { now: later, ..server(&chain, None) };
    assert!(matches!(by_certificate.verify(&peer), Err(Untrusted::Expired { .. })));
    let earlier = UnixTime::since_unix_epoch(Duration::from_secs(NOW - 366 * 86_400));
    let too_early = by_certificate.verify(&PeerCertificates { now: earlier, ..peer });
    assert!(matches!(too_early, Err(Untrusted::NotYetValid { .. })));
    assert_eq!(by_certificate.at_any_date().verify(&peer), Ok(()));
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn observe(&self, _at: At<'_>, event: Event<'_>) {
        self.0.lock().unwrap().push(match event {
            Event::PeerCertificate { chain, verdict } => format!("{} {}", chain.len(), verdict.is_ok()),
            Event::Warning(Warning::NotVerified) => "not verified".into(),
            Event::SignatureVerified { scheme, .. } => scheme.to_string(),
            other => panic!("{other:?}"),
        });
    }
}

#[test]
fn a_verifier_that_only_reports_lets_pass_and_tells() {
    let log = Arc::new(Log::default());
    let observer: Arc<dyn Observer> = log.clone();
    let tap = Tap::new(Some(&observer), Side::Client);
    let leaf = Authority::new("Nobody").issue(&named("leaf", &["example.com"]));
    let sent = chain(&[&leaf.certificate]);
    let name = example();
    let peer = server(&sent, Some(&name));
    let verifier = Verifier::from(ChainVerifier::new(Roots::new()));
    let error = block_on(verifier.verify(&peer, &tap)).unwrap_err();
    assert_eq!(error.alert(), Some(AlertDescription::unknown_ca));
    let chain_after = block_on(verifier.report_only().verify(&peer, &tap)).unwrap();
    let identity = chain_after.identity();
    assert!(!identity.is_verified());
    assert!(matches!(identity.doubt(), Some(Untrusted::UnknownIssuer { .. })));
    assert_eq!(*log.0.lock().unwrap(), ["1 false", "1 false", "not verified"]);
    // Even so there must be a certificate, with a key.
    let reporting = Verifier::from(Pinned::default()).report_only();
    let none = block_on(reporting.verify(&server(&chain(&[]), None), &tap)).unwrap_err();
    assert_eq!(none, Error::Misbehaved(Misbehaved::NoCertificate));
    let garbage: Arc<[_]> = [CertificateDer::from(vec![1, 2, 3])].into();
    let garbage = block_on(reporting.verify(&server(&garbage, None), &tap)).unwrap_err();
    assert_eq!(garbage, Error::Misbehaved(Misbehaved::BadLeafEncoding));
}

#[test]
fn a_signature_proves_the_key_and_nothing_less_does() {
    let log = Arc::new(Log::default());
    let observer: Arc<dyn Observer> = log.clone();
    let tap = Tap::new(Some(&observer), Side::Client);
    let root = Authority::new("Root");
    let leaf = root.issue(&named("leaf", &["example.com"]));
    let other = root.issue(&named("leaf", &["example.com"]));
    let sent = chain(&[&leaf.certificate]);
    let name = example();
    let verifier = Verifier::from(trusting(&[&root]));
    assert_eq!(verifier.authorities()[0].to_string(), "CN=Root");
    let believed = block_on(verifier.verify(&server(&sent, Some(&name)), &tap)).unwrap();
    assert!(believed.identity().is_verified() && believed.identity().leaf() == leaf.certificate.as_ref());

    let scheme = SignatureScheme::ecdsa_secp256r1_sha256;
    let usage = SchemeUse::Tls13;
    let content = CertificateVerifyContent::new(Side::Server, &[1; 32]).unwrap();
    let sign = |credential: Arc<Credential>| block_on(credential.sign(scheme, usage, &content)).unwrap();
    let signature = sign(leaf.credential());
    let signed = Signed { scheme, usage, content: &content, signature: &signature };
    believed.verify_signature(&signed, &[scheme], &tap).unwrap();
    assert_eq!(log.0.lock().unwrap().last().unwrap(), "ecdsa_secp256r1_sha256");

    let refused = |signed: &Signed<'_>, offered: &[SignatureScheme]| {
        believed.verify_signature(signed, offered, &tap).unwrap_err()
    };
    assert_eq!(refused(&signed, &[SignatureScheme::ed25519]), Misbehaved::UnofferedScheme.into());
    let as_ed25519 = Signed { scheme: SignatureScheme::ed25519, ..signed };
    assert_eq!(refused(&as_ed25519, &[SignatureScheme::ed25519]), Misbehaved::SchemeForOtherKey.into());
    let foreign = sign(other.credential());
    assert_eq!(
        refused(&Signed { signature: &foreign, ..signed }, &[scheme]),
        Misbehaved::BadSignature.into()
    );
    let client = CertificateVerifyContent::new(Side::Client, &[1; 32]).unwrap();
    assert_eq!(refused(&Signed { content: &client, ..signed }, &[scheme]), Misbehaved::BadSignature.into());
}

#[test]
fn key_usage_forbids_signatures() {
    let root = Authority::new("Root");
    let mut params = named("leaf", &["example.com"]);
    params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    let leaf = root.issue(&params);
    let credential = leaf.credential();
    let (scheme, usage) = (SignatureScheme::ecdsa_secp256r1_sha256, SchemeUse::Tls12);
    assert_eq!(credential.choose_scheme(&[scheme], usage), None);
    assert!(credential.key_usage().key_agreement);

    let sent = chain(&[&leaf.certificate]);
    let name = example();
    let verifier = Verifier::from(trusting(&[&root]));
    let believed = block_on(verifier.verify(&server(&sent, Some(&name)), &Tap::OFF)).unwrap();
    let signature = block_on(credential.sign(scheme, usage, b"content")).unwrap();
    let signed = Signed { scheme, usage, content: b"content", signature: &signature };
    let refused = believed.verify_signature(&signed, &[scheme], &Tap::OFF).unwrap_err();
    assert_eq!(refused, Misbehaved::KeyUsageForbids.into());
}

struct Slow;

impl VerifyPeer for Slow {
    fn verify<'a>(&'a self, peer: &'a PeerCertificates<'a>) -> BoxFuture<'a, Result<(), Untrusted>> {
        Box::pin(async move {
            let mut waited = false;
            std::future::poll_fn(|_| match std::mem::replace(&mut waited, true) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            })
            .await;
            match peer.chain.len() {
                1 => Ok(()),
                _ => Err(Untrusted::Application { alert: AlertDescription::access_denied }),
            }
        })
    }
}

#[test]
fn an_application_may_judge_in_its_own_time() {
    let leaf = Authority::new("Nobody").issue(&named("leaf", &["example.com"]));
    let verifier = Verifier::custom(Arc::new(Slow));
    let one = chain(&[&leaf.certificate]);
    assert!(block_on(verifier.verify(&server(&one, None), &Tap::OFF)).is_ok());
    let two = chain(&[&leaf.certificate, &leaf.certificate]);
    let error = block_on(verifier.verify(&server(&two, None), &Tap::OFF)).unwrap_err();
    assert_eq!(error.alert(), Some(AlertDescription::access_denied));
}

/// Handshakes move between threads while they wait.
#[test]
fn what_waits_can_be_sent() {
    fn sendable<T: Send>(_: &T) {}
    let leaf = Authority::new("Root").issue(&named("leaf", &["example.com"]));
    let (credential, chain) = (leaf.credential(), chain(&[&leaf.certificate]));
    let peer = server(&chain, None);
    let verifier = Verifier::custom(Arc::new(Slow));
    sendable(&verifier.verify(&peer, &Tap::OFF));
    sendable(&credential.sign(SignatureScheme::ed25519, SchemeUse::Tls13, b"content"));
    let ask = Ask {
        server_name: None,
        certificate_types: &[CertificateType::X509],
        schemes: &[],
        usage: SchemeUse::Tls13,
        key_kinds: None,
        static_kinds: &[],
        authorities: &[],
        alpn: &[],
    };
    sendable(&Credentials::none().choose(&ask));
}
