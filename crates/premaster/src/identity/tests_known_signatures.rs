//! What a verifier that remembers signatures still refuses: everything that one that does not refuses.
use super::{
    known_signatures::KnownSignatures,
    testing::{Authority, NOW, named, server},
    tests_verifier::{chain, example, revocation_list, trusting},
    *,
};
use crate::{error::Untrusted, wire::Side};
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::{sync::Arc, time::Duration};

/// A chain of two signatures, whose verifier has seen both.
struct Known {
    root: Authority,
    chain: Arc<[CertificateDer<'static>]>,
    verifier: ChainVerifier,
}

fn known() -> Known {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let leaf = middle.issue(&named("leaf", &["example.com"]));
    let chain = chain(&[&leaf.certificate, &middle.certificate]);
    let verifier = trusting(&[&root]).remember_signatures(100);
    assert_eq!(verifier.verify(&server(&chain, Some(&example()))), Ok(()));
    Known { root, chain, verifier }
}

impl Known {
    /// The memory of its verifier, in another verifier.
    fn lend(&self, to: ChainVerifier) -> ChainVerifier {
        lend(&self.verifier, to)
    }
}

fn lend(from: &ChainVerifier, mut to: ChainVerifier) -> ChainVerifier {
    to.known = from.known.clone();
    to
}

fn at(days: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW.saturating_add_signed(days * 86_400)))
}

#[test]
fn a_known_chain_is_believed_again_and_again() {
    let known = known();
    for _ in 0..3 {
        assert_eq!(known.verifier.verify(&server(&known.chain, Some(&example()))), Ok(()));
    }
}

#[test]
fn not_for_another_name() {
    let known = known();
    for name in ["www.example.com", "example.org", "192.0.2.1"] {
        let name = ServerName::try_from(name).unwrap();
        let error = known.verifier.verify(&server(&known.chain, Some(&name))).unwrap_err();
        assert!(matches!(error, Untrusted::WrongName { .. }), "{error:?}");
    }
    let error = known.verifier.verify(&server(&known.chain, None)).unwrap_err();
    assert!(matches!(error, Untrusted::WrongName { .. }), "{error:?}");
}

#[test]
fn not_before_and_not_after_its_dates() {
    let root = Authority::new("Root");
    let mut params = named("leaf", &["example.com"]);
    params.not_before = rcgen::date_time_ymd(2025, 12, 1);
    params.not_after = rcgen::date_time_ymd(2026, 2, 1);
    let chain = chain(&[&root.issue(&params).certificate]);
    let verifier = trusting(&[&root]).remember_signatures(100);
    let name = example();
    let verify = |days| verifier.verify(&PeerCertificates { now: at(days), ..server(&chain, Some(&name)) });
    assert_eq!(verify(0), Ok(()));
    assert!(matches!(verify(40), Err(Untrusted::Expired { .. })));
    assert!(matches!(verify(-40), Err(Untrusted::NotYetValid { .. })));
    assert_eq!(verify(0), Ok(()));
}

/// Even where verifiers shared one memory.
#[test]
fn not_by_other_roots() {
    let known = known();
    let name = example();
    let peer = server(&known.chain, Some(&name));
    // One of another name, and one of the same name with another key.
    let stranger = known.lend(trusting(&[&Authority::new("Stranger")]));
    assert!(matches!(stranger.verify(&peer), Err(Untrusted::UnknownIssuer { .. })));
    let impostor = known.lend(trusting(&[&Authority::new("Root")]));
    assert_eq!(impostor.verify(&peer), Err(Untrusted::BadSignature));
    let nobody = known.lend(trusting(&[]));
    assert!(matches!(nobody.verify(&peer), Err(Untrusted::UnknownIssuer { .. })));
    assert_eq!(known.lend(trusting(&[&known.root])).verify(&peer), Ok(()));
}

#[test]
fn not_once_it_is_revoked() {
    let root = Authority::new("Root");
    let leaf = root.issue(&named("leaf", &["example.com"])); // its serial number is 7
    let chain = chain(&[&leaf.certificate]);
    let name = example();
    let peer = server(&chain, Some(&name));
    let before = trusting(&[&root]).remember_signatures(100);
    assert_eq!(before.verify(&peer), Ok(()));
    let with = |list: Vec<u8>| {
        let lists = trusting(&[&root]).with_revocation_lists([list.into()], Revocation::default());
        lend(&before, lists.unwrap())
    };
    let after = with(revocation_list(&root, &[7]));
    assert_eq!(after.verify(&peer), Err(Untrusted::Revoked));
    assert_eq!(after.verify(&peer), Err(Untrusted::Revoked));
    // A list that was good, and is overdue now.
    let stale = with(revocation_list(&root, &[8]));
    assert_eq!(stale.verify(&peer), Ok(()));
    let later = PeerCertificates { now: at(60), ..peer };
    assert_eq!(stale.verify(&later), Err(Untrusted::RevocationUnknown));
    // A list that somebody else signed.
    let forged = with(revocation_list(&Authority::new("Root"), &[8]));
    assert_eq!(forged.verify(&peer), Err(Untrusted::RevocationUnknown));
}

#[test]
fn not_for_another_purpose() {
    let root = Authority::new("Root");
    let mut params = named("leaf", &["example.com"]);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let chain = chain(&[&root.issue(&params).certificate]);
    let verifier = trusting(&[&root]).remember_signatures(100);
    let name = example();
    let peer = server(&chain, Some(&name));
    assert_eq!(verifier.verify(&peer), Ok(()));
    let as_client = PeerCertificates { side: Side::Client, name: None, ..peer };
    assert_eq!(verifier.verify(&as_client), Err(Untrusted::WrongPurpose));
}

/// Each byte of a chain that is known, changed: nothing but the whole is known.
#[test]
fn not_with_any_byte_changed() {
    let known = known();
    for certificate in 0..2 {
        for at in 0..known.chain[certificate].len() {
            let mut changed: Vec<Vec<u8>> = known.chain.iter().map(|der| der.to_vec()).collect();
            changed[certificate][at] ^= 0x21;
            let changed: Arc<[_]> = changed.into_iter().map(CertificateDer::from).collect();
            assert!(
                known.verifier.verify(&server(&changed, Some(&example()))).is_err(),
                "{certificate} {at}"
            );
        }
    }
    assert_eq!(known.verifier.verify(&server(&known.chain, Some(&example()))), Ok(()));
}

/// Of another chain with the same names, and of one half of it, nothing is known.
#[test]
fn not_in_part() {
    let known = known();
    let impostor = Authority::new("Root").intermediate("Middle");
    let forged = impostor.issue(&named("leaf", &["example.com"]));
    let name = example();
    for sent in [
        chain(&[&forged.certificate, &known.chain[1]]),
        chain(&[&forged.certificate, &impostor.certificate]),
        chain(&[&known.chain[0], &impostor.certificate]),
    ] {
        assert_eq!(known.verifier.verify(&server(&sent, Some(&name))), Err(Untrusted::BadSignature));
    }
    let alone = known.verifier.verify(&server(&chain(&[&known.chain[0]]), Some(&name))).unwrap_err();
    assert!(matches!(alone, Untrusted::UnknownIssuer { .. }), "{alone:?}");
}

#[test]
fn nothing_is_remembered_unless_it_is_asked_for() {
    assert!(trusting(&[]).known.is_none());
    assert!(trusting(&[]).remember_signatures(0).known.is_none());
    let asked =
        trusting(&[]).remember_signatures(5).known.map(|known: Arc<KnownSignatures>| format!("{known:?}"));
    assert_eq!(asked.as_deref(), Some("KnownSignatures(at most 5)"));
}
