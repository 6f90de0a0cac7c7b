//! A certificate was not believed, by this end or, as far as an alert says so, by the other.
use super::{
    Seen,
    advice::{How, verdict},
    lists::quoted,
};
use crate::model::{Blame, Diagnosis, Kind, Side};
use premaster::{error::Untrusted, identity::Certificate};

const PATH: &str = "RFC 5280 section 6.1";

/// OID 1.3.6.1.5.5.7.48.2: where the issuer's certificate can be had (RFC 5280 section 4.2.2.1).
const CA_ISSUERS: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 48, 2];

/// `of` showed a certificate that `of.peer()` does not believe.
pub(super) fn untrusted(seen: &Seen<'_>, of: Side, why: &Untrusted) -> Diagnosis {
    match why {
        Untrusted::Expired { not_after, now } => {
            let days = now.saturating_sub(*not_after) / 86_400;
            let whose = whose(seen, of, |leaf| leaf.not_after() == *not_after);
            let what = format!("{whose} expired {days} days ago");
            renew(seen, of, verdict(Kind::CertificateExpired, of, "notAfter", VALIDITY, what))
        }
        Untrusted::NotYetValid { not_before, now } => {
            let days = not_before.saturating_sub(*now).div_ceil(86_400);
            let whose = whose(seen, of, |leaf| leaf.not_before() == *not_before);
            let what = format!("{whose} becomes valid only in {days} days");
            renew(seen, of, verdict(Kind::CertificateNotYetValid, of, "notBefore", VALIDITY, what))
        }
        Untrusted::WrongName { expected, presented } => wrong_name(seen, of, expected, presented.clone()),
        Untrusted::UnknownIssuer { issuer, self_signed } => issuer_unknown(seen, of, issuer, *self_signed),
        Untrusted::CaUsedAsEndEntity => verdict(
            Kind::AuthorityAsLeaf,
            of,
            "basicConstraints",
            "RFC 5280 section 4.2.1.9",
            format!("the {}'s certificate is an authority's (CA:TRUE), not a leaf", of.name()),
        )
        .change(
            seen,
            of,
            "issue a leaf (CA:FALSE) with the authority's key, and show that",
            How::Run("openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -extfile <(echo basicConstraints=CA:FALSE) -out leaf.pem"),
        ),
        Untrusted::EndEntityUsedAsCa => verdict(
            Kind::UnknownIssuer,
            of,
            "basicConstraints",
            "RFC 5280 section 4.2.1.9",
            "a certificate of the chain was issued by one that may not issue",
        )
        .change(seen, of, "have it issued by an authority (CA:TRUE, keyCertSign)", How::Words),
        Untrusted::Revoked => replace(seen, of, Kind::CertificateRevoked, "serialNumber", "RFC 5280 section 5.3", "was revoked"),
        Untrusted::WrongPurpose => replace(seen, of, Kind::WrongPurpose, "extKeyUsage", "RFC 5280 section 4.2.1.12", "may not be used for this side of a connection"),
        Untrusted::UnsupportedSignature { algorithm } => {
            let what = format!("is signed with {algorithm}, which is not accepted");
            replace(seen, of, Kind::WeakCertificateSignature, "signatureAlgorithm", "RFC 5280 section 4.1.1.2", &what)
        }
        Untrusted::WeakKey { bits } => {
            let what = format!("has an RSA key of only {bits} bits");
            replace(seen, of, Kind::WeakKey, "subjectPublicKeyInfo", "RFC 9325 section 4.5", &what)
        }
        Untrusted::UnsupportedKey => {
            replace(seen, of, Kind::WeakKey, "subjectPublicKeyInfo", "RFC 5280 section 4.1.2.7", "has a key of a kind that is not supported")
        }
        other => {
            let field = if matches!(other, Untrusted::BadSignature) { "signatureValue" } else { "certificate_list" };
            verdict(Kind::CertificateRefused, of, field, PATH, other.to_string())
                .change(seen, of, other.remedy(), How::Words)
        }
    }
}

const VALIDITY: &str = "RFC 5280 section 4.1.2.5";

/// "the server's certificate", or that one above it has the trouble.
fn whose(seen: &Seen<'_>, of: Side, is_leaf: impl Fn(&Certificate<'_>) -> bool) -> String {
    let leaf = seen.leaf(of);
    let leaf = leaf.as_deref().and_then(Certificate::parse);
    match leaf.as_ref().is_none_or(is_leaf) {
        true => format!("the {}'s certificate", of.name()),
        false => format!("a certificate above the {}'s leaf", of.name()),
    }
}

fn renew(seen: &Seen<'_>, of: Side, diagnosis: Diagnosis) -> Diagnosis {
    let nginx = if of == Side::Server { "certbot renew" } else { "" };
    diagnosis.change(seen, of, "renew the certificate", How::Line(nginx)).change(
        seen,
        of.peer(),
        "if the clock is wrong, set it",
        How::Run("timedatectl set-ntp true"),
    )
}

/// Another certificate is needed.
fn replace(seen: &Seen<'_>, of: Side, kind: Kind, field: &str, rfc: &str, what: &str) -> Diagnosis {
    verdict(kind, of, field, rfc, format!("the {}'s certificate {what}", of.name())).change(
        seen,
        of,
        "replace it: a certificate for a P-256 key, signed with SHA-256, for this purpose",
        show(of),
    )
}

/// How a side is told which certificate to show.
fn show(of: Side) -> How<'static> {
    match of {
        Side::Client => How::Option("--cert new.pem --key new.key", "curl --cert new.pem --key new.key"),
        Side::Server => How::Option(
            "--cert new.pem --key new.key",
            "ssl_certificate new.pem; ssl_certificate_key new.key;",
        ),
    }
}

pub(super) fn wrong_name(seen: &Seen<'_>, of: Side, expected: &str, presented: Vec<String>) -> Diagnosis {
    let address = expected.parse::<std::net::IpAddr>().is_ok();
    let (kind, what) = match address {
        true => (
            Kind::AddressNotNamed,
            format!(
                "the certificate does not name the address {expected}: an IP address needs an entry of its own"
            ),
        ),
        false => (Kind::WrongName, format!("the certificate is not for {expected}")),
    };
    let entry = if address { "IP" } else { "DNS" };
    let mut diagnosis = verdict(kind, of, "subjectAltName", "RFC 9525 section 6", what);
    if let Some(name) = presented.iter().find(|name| !name.contains('*')) {
        let option = format!("--name {}", quoted(name));
        let what = format!("ask for {name}, if that is the server you mean");
        let curl = format!("curl https://{}/", quoted(name));
        diagnosis = diagnosis.change(seen, of.peer(), what, How::Option(&option, &curl));
    }
    let request = format!(
        "openssl req -new -key server.key -addext subjectAltName={entry}:{} -out server.csr",
        quoted(expected)
    );
    let diagnosis =
        diagnosis.change(seen, of, format!("issue a certificate for {expected}"), How::Run(&request));
    diagnosis.lists_of(of, presented, vec![expected.to_owned()])
}

pub(super) fn issuer_unknown(seen: &Seen<'_>, of: Side, issuer: &str, self_signed: bool) -> Diagnosis {
    let believer = of.peer();
    let trust = match believer {
        Side::Client => How::Option("--ca ca.pem", "curl --cacert ca.pem"),
        Side::Server => How::Option("--client-ca ca.pem", "ssl_client_certificate ca.pem;"),
    };
    if self_signed {
        let what = format!(
            "the {}'s certificate signed itself, and the {} does not trust it",
            of.name(),
            believer.name()
        );
        return verdict(Kind::SelfSigned, of, "issuer", "RFC 5280 section 6.1.1", what)
            .change(seen, of, "have it issued by an authority that the other side trusts", How::Words)
            .change(seen, believer, "trust this very certificate, if you know that it is theirs", trust)
            .lists_of(of, vec![format!("issuer {issuer}")], Vec::new());
    }
    let alone = seen.chain(of).len() == 1;
    let leaf = seen.leaf(of).unwrap_or_default();
    let fetched = leaf.windows(CA_ISSUERS.len()).any(|window| window == CA_ISSUERS);
    if alone && fetched {
        // An authority that says where its certificate can be had is one that is not trusted by itself.
        let what = format!(
            "the {} sent its leaf alone: the certificate of {issuer}, which issued it, is missing",
            of.name()
        );
        return verdict(Kind::MissingIntermediate, of, "certificate_list", "RFC 9846 section 4.4.2", what)
            .change(
                seen,
                of,
                "send the intermediate certificate behind the leaf",
                match of {
                    Side::Server => How::Option("--cert fullchain.pem", "ssl_certificate fullchain.pem;"),
                    Side::Client => How::Option("--cert fullchain.pem", "curl --cert fullchain.pem"),
                },
            )
            .change(seen, believer, "trust the intermediate itself", trust)
            .lists_of(of, vec!["the leaf alone".to_owned()], Vec::new());
    }
    let what = format!(
        "the {} does not trust {issuer}, which issued the {}'s certificate",
        believer.name(),
        of.name()
    );
    verdict(Kind::UnknownIssuer, Blame::Both, "issuer", "RFC 5280 section 6.1.1", what)
        .change(seen, believer, "trust that authority", trust)
        .change(
            seen,
            of,
            "use a certificate of an authority that the other side trusts, and send its intermediates",
            show(of),
        )
        .lists_of(of, vec![format!("issuer {issuer}")], Vec::new())
}

/// The other side's alert says that it did not believe the certificate of `of`; more can only be told by looking at it.
pub(super) fn refused(seen: &Seen<'_>, of: Side, kind: Kind, words: &str) -> Diagnosis {
    let leaf = seen.leaf(of).unwrap_or_default();
    let parsed = Certificate::parse(&leaf);
    let names: Vec<String> =
        parsed.iter().flat_map(|leaf| leaf.names().take(20).collect::<Vec<_>>()).collect();
    let asked = seen.hello().and_then(|hello| hello.name);
    let diagnosis = match (kind, &parsed) {
        (Kind::UnknownIssuer, Some(leaf)) => {
            issuer_unknown(seen, of, &leaf.issuer(), leaf.issuer() == leaf.subject())
        }
        (Kind::CertificateRefused, Some(leaf)) if of == Side::Server && !covers(leaf, asked.as_deref()) => {
            wrong_name(seen, of, asked.as_deref().unwrap_or_default(), names)
        }
        (Kind::CertificateRefused, Some(leaf)) if leaf.is_authority() => {
            untrusted(seen, of, &Untrusted::CaUsedAsEndEntity)
        }
        (Kind::CertificateExpired, _) => {
            let what =
                format!("the {} says that the {}'s certificate has expired", of.peer().name(), of.name());
            renew(seen, of, verdict(kind, of, "notAfter", VALIDITY, what))
        }
        (Kind::CertificateRevoked, _) => {
            let what =
                format!("the {} says that the {}'s certificate was revoked", of.peer().name(), of.name());
            verdict(kind, of, "serialNumber", "RFC 5280 section 5.3", what).change(
                seen,
                of,
                "replace it",
                show(of),
            )
        }
        _ => {
            let what = format!("the {} refused the {}'s certificate: {words}", of.peer().name(), of.name());
            verdict(kind, of, "certificate_list", "RFC 9846 section 6.2", what)
                .change(seen, of, "show a certificate that the other side accepts", show(of))
                .likely()
        }
    };
    match (of, diagnosis.kind) {
        (
            Side::Client,
            Kind::UnknownIssuer | Kind::SelfSigned | Kind::CertificateRefused | Kind::MissingIntermediate,
        ) => client(diagnosis),
        _ => diagnosis,
    }
}

/// What a client showed was refused.
pub(super) fn client(mut diagnosis: Diagnosis) -> Diagnosis {
    diagnosis.kind = Kind::ClientCertificateRefused;
    diagnosis
}

/// Whether a certificate is for this name; if the client asked for none, that cannot be told.
fn covers(leaf: &Certificate<'_>, asked: Option<&str>) -> bool {
    let Some(asked) = asked else { return true };
    leaf.names().any(|name| match name.strip_prefix("*.") {
        Some(rest) => asked.split_once('.').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(asked),
    })
}
