//! An end found the error itself: it knows both lists, or the rule that was broken.
use super::{
    Seen,
    advice::{How, verdict},
    certificate, lists,
};
use crate::model::{Blame, Diagnosis, Kind, Side};
use premaster::{
    Error,
    error::{Incompatible, Misbehaved as M, Misuse},
    suite::{Authentication, Suite},
};

/// What the end that found an error makes of it.
pub(super) fn judge(seen: &Seen<'_>) -> Option<Diagnosis> {
    let (side, error) = seen.found?;
    let peer = side.peer();
    Some(match error {
        Error::Misbehaved(misbehaved) => broken(seen, side, *misbehaved),
        Error::Incompatible(incompatible) => incompatible_lists(seen, side, incompatible),
        Error::Untrusted(why) => {
            let diagnosis = certificate::untrusted(seen, peer, why);
            if peer == Side::Client { certificate::client(diagnosis) } else { diagnosis }
        }
        Error::Misuse(Misuse::LegacyNotAllowed) => {
            let what = format!(
                "only exchanges without forward secrecy are left, and the {} does not permit them",
                side.name()
            );
            verdict(Kind::LegacyNotPermitted, Blame::Both, "cipher_suites", "RFC 10015", what)
                .change(seen, side, "permit them for this peer", How::Option("--legacy", ""))
                .change(
                    seen,
                    peer,
                    "switch on ECDHE with authenticated encryption",
                    How::Line(match peer {
                        Side::Server => {
                            "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;"
                        }
                        Side::Client => "",
                    }),
                )
        }
        Error::Malformed(_) | Error::Unexpected { .. } => {
            let rfc = error.rule().map_or_else(String::new, |rule| rule.to_string());
            let field = match error {
                Error::Unexpected { expected, .. } => *expected,
                _ => "message",
            };
            let diagnosis = verdict(Kind::ProtocolViolation, peer, field, &rfc, error.to_string());
            mend(seen, diagnosis, peer)
        }
        _ => {
            let rfc = error.rule().map_or_else(|| "RFC 9846 section 6.2".to_owned(), |rule| rule.to_string());
            verdict(Kind::Internal, side, "internal_error", &rfc, error.to_string())
        }
    })
}

/// Whoever breaks a rule has to be mended; what stands between may have broken it too.
fn mend(seen: &Seen<'_>, diagnosis: Diagnosis, peer: Side) -> Diagnosis {
    diagnosis.change(
        seen,
        peer,
        format!("update the {}'s TLS library, or whatever stands in between", peer.name()),
        How::Words,
    )
}

fn incompatible_lists(seen: &Seen<'_>, side: Side, incompatible: &Incompatible) -> Diagnosis {
    fn by_name<T: ToString>(items: &[T]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }
    let by_side = |ours: Vec<String>, theirs: Vec<String>| match side {
        Side::Client => (ours, theirs),
        Side::Server => (theirs, ours),
    };
    match incompatible {
        Incompatible::Version { ours, theirs } => {
            let (client, server) = by_side(by_name(ours), by_name(theirs));
            lists::version(seen, client, server)
        }
        Incompatible::CipherSuite { ours, theirs, because } => {
            let (client, server) = by_side(by_name(ours), by_name(theirs));
            lists::suite(seen, client, server, because)
        }
        Incompatible::Group { ours, theirs } => {
            let (client, server) = by_side(by_name(ours), by_name(theirs));
            lists::group(seen, client, server)
        }
        Incompatible::SignatureScheme { ours, theirs } => {
            let (client, server) = by_side(by_name(ours), by_name(theirs));
            lists::scheme(seen, side, client, server)
        }
        Incompatible::ApplicationProtocol { ours, theirs } => {
            let text = |names: &[Vec<u8>]| names.iter().map(|name| crate::sanitize::bytes(name)).collect();
            let (client, server) = by_side(text(ours), text(theirs));
            lists::protocol(seen, client, server)
        }
        Incompatible::Certificate { .. } if side == Side::Server && one_family(seen) => {
            let schemes = seen.hello().unwrap_or_default().schemes;
            lists::scheme(seen, Side::Server, schemes, Vec::new())
        }
        Incompatible::Certificate { .. } if side == Side::Server && one_authentication(seen).is_some() => {
            lists::key_for_suites(seen, one_authentication(seen).unwrap_or(Authentication::Rsa))
        }
        other => {
            let rfc = other.rule().to_string();
            let (kind, field) = match other {
                Incompatible::Certificate { name: Some(_) } => (Kind::UnrecognizedName, "server_name"),
                Incompatible::CertificateType => (Kind::ProtocolViolation, "server_certificate_type"),
                _ => (Kind::NoSharedSignatureScheme, "certificate_list"),
            };
            verdict(kind, Blame::Both, field, &rfc, other.to_string()).change(
                seen,
                side,
                "use a certificate that the other side accepts",
                How::Option(
                    "--cert other.pem --key other.key",
                    "ssl_certificate other.pem; ssl_certificate_key other.key;",
                ),
            )
        }
    }
}

/// Whether the client verifies signatures of one kind of key alone, so that a certificate can have the wrong one.
fn one_family(seen: &Seen<'_>) -> bool {
    let schemes = seen.hello().unwrap_or_default().schemes;
    let takes = |kind: &str| schemes.iter().any(|name| name.starts_with(kind));
    takes("rsa") != (takes("ecdsa") || takes("ed"))
}

/// What all of the client's cipher suites want in the certificate, if that is one thing.
fn one_authentication(seen: &Seen<'_>) -> Option<Authentication> {
    let suites = seen.hello().unwrap_or_default().suites;
    let mut wanted = suites.iter().filter_map(|name| Suite::parse(name)).map(|suite| suite.authentication);
    let first = wanted.next().filter(|own| [Authentication::Rsa, Authentication::Ecdsa].contains(own))?;
    wanted.all(|other| other == first).then_some(first)
}

/// The peer broke a rule.
fn broken(seen: &Seen<'_>, side: Side, rule: M) -> Diagnosis {
    let peer = side.peer();
    let rfc = rule.rule().to_string();
    let plain = |kind, blame: Blame, field: &str| verdict(kind, blame, field, &rfc, rule.text());
    match rule {
        M::HttpOnTlsPort | M::PlainTextOnTlsPort => {
            other_protocol(seen, side, rule == M::HttpOnTlsPort, &rfc)
        }
        M::Ssl2Hello => ssl2(seen, &rfc),
        M::CertificateRequired | M::CertificateRequired12 => certificate_required(seen),
        M::WeakDhParameters => weak_dh(seen, None),
        M::WeakRsaKey => plain(Kind::WeakKey, peer.into(), "subjectPublicKeyInfo").change(
            seen,
            peer,
            "use a certificate for a P-256 key, or an RSA key of 2048 bits",
            How::Words,
        ),
        M::WrongFinished => mend(seen, plain(Kind::WrongFinished, peer.into(), "verify_data"), peer),
        M::BadSignature => mend(seen, plain(Kind::WrongSignature, peer.into(), "signature"), peer).change(
            seen,
            side,
            "make sure that nobody sits in between: this is what an attacker looks like",
            How::Words,
        ),
        M::BadRecordMac => plain(Kind::DamagedRecord, Blame::Network, "encrypted_record").change(
            seen,
            peer,
            "take out whatever changes bytes on the way, or update the TLS library",
            How::Words,
        ),
        M::RenegotiationRefused => renegotiation(seen, peer),
        M::BinderMismatch | M::PskIdentityUnknown => wrong_psk(seen, rule == M::PskIdentityUnknown, &rfc),
        M::Downgraded => plain(Kind::Downgrade, Blame::Network, "random").change(
            seen,
            side,
            "find out who sits in between: both ends can speak a newer version than this ClientHello said",
            How::Words,
        ),
        M::InappropriateFallback => fallback(seen, &rfc),
        M::ExtendedMasterSecretMissing => unbound(seen, side, "extended_master_secret", &rfc, rule.text()),
        M::RenegotiationInfoMissing => unbound(seen, side, "renegotiation_info", &rfc, rule.text()),
        M::KeyUsageForbids => plain(Kind::WrongPurpose, peer.into(), "keyUsage").change(
            seen,
            peer,
            "use a certificate whose key usage allows digitalSignature",
            How::Words,
        ),
        M::NoCertificate => mend(seen, plain(Kind::ProtocolViolation, peer.into(), "certificate_list"), peer),
        _ => mend(seen, plain(Kind::ProtocolViolation, peer.into(), field(rule)), peer),
    }
}

/// The field that a rule is about.
const fn field(rule: M) -> &'static str {
    match rule {
        M::RecordTooLong | M::EmptyHandshakeRecord | M::TooManyEmptyRecords => "length",
        M::WrongRecordVersion => "legacy_record_version",
        M::UnknownContentType | M::NoContentType => "type",
        M::UnofferedSuite | M::SuiteOfOtherVersion | M::SessionSuiteChanged => "cipher_suite",
        M::UnofferedVersion | M::SessionVersionChanged => "selected_version",
        M::BadCompression => "legacy_compression_methods",
        M::SessionIdNotEchoed => "legacy_session_id_echo",
        M::UnofferedGroup
        | M::UnsharedGroup
        | M::DuplicateKeyShare
        | M::ShareOfUnsupportedGroup
        | M::BadShare
        | M::BadEncapsulationKey
        | M::MissingKeyShare => "key_share",
        M::BadPoint => "public",
        M::BadDhPublic => "dh_Ys",
        M::BadDhParameters => "dh_p",
        M::PreSharedKeyNotLast | M::UnofferedPsk | M::PskOfOtherHash | M::BinderCount => "pre_shared_key",
        M::PskModesMissing | M::UnofferedPskMode | M::NoSharedPskMode => "psk_key_exchange_modes",
        M::UnofferedScheme | M::SchemeForOtherKey => "algorithm",
        M::NoSignatureAlgorithms => "signature_algorithms",
        M::UnofferedAlpn => "application_layer_protocol_negotiation",
        M::BadServerName => "server_name",
        M::WrongCertificateForSuite | M::BadLeafEncoding | M::CertificateOnOtherCurve => "certificate_list",
        M::BadRenegotiationInfo => "renegotiation_info",
        M::WrongCookie => "cookie",
        M::UnofferedExtension | M::ExtensionOutOfPlace | M::MissingExtension => "extensions",
        M::BadCertificateStatus => "status_request",
        M::UnofferedEarlyData | M::EarlyDataOfOtherSession | M::TooMuchEarlyData => "early_data",
        M::ExtendedMasterSecretChanged => "extended_master_secret",
        _ => "message",
    }
}

fn other_protocol(seen: &Seen<'_>, side: Side, http: bool, rfc: &str) -> Diagnosis {
    let peer = side.peer();
    let (kind, what) = match http {
        true => (Kind::PlainHttp, "plain HTTP"),
        false => (Kind::PlainText, "another protocol in plain text, such as SMTP, IMAP or SSH"),
    };
    let what = format!("the {} speaks {what} on this port, and not TLS", peer.name());
    let diagnosis = verdict(kind, peer, "type", rfc, what);
    match (side, http) {
        (Side::Client, true) => diagnosis
            .change(
                seen,
                Side::Client,
                "use the port of https, mostly 443",
                How::Line("curl https://HOST:443/"),
            )
            .change(seen, Side::Server, "switch on TLS for this port", How::Line("listen 443 ssl;")),
        (Side::Client, false) => diagnosis
            .change(
                seen,
                Side::Client,
                "use the port that speaks TLS from the start (465 for SMTP, 993 for IMAP, 995 for POP3)",
                How::Words,
            )
            .change(
                seen,
                Side::Client,
                "or a program that knows STARTTLS",
                How::Run("openssl s_client -starttls smtp -connect HOST:25"),
            ),
        (Side::Server, true) => diagnosis.change(
            seen,
            Side::Client,
            "ask for https:// in place of http://",
            How::Line("curl https://HOST/"),
        ),
        (Side::Server, false) => {
            diagnosis.change(seen, Side::Client, "let the client begin with TLS", How::Words)
        }
    }
}

fn ssl2(seen: &Seen<'_>, rfc: &str) -> Diagnosis {
    let what = "the client begins with a hello of SSL 2.0, which nobody may speak any more";
    verdict(Kind::Ssl2Hello, Side::Client, "version", rfc, what)
        .change(
            seen,
            Side::Client,
            "switch off SSL 2.0 in the client, and TLS 1.2 on",
            How::Line("curl --tlsv1.2"),
        )
        .lists(vec!["SSL 2.0".to_owned()], Vec::new())
}

/// `by` wanted another handshake on the same connection.
pub(super) fn renegotiation(seen: &Seen<'_>, by: Side) -> Diagnosis {
    let (field, how) = match by {
        Side::Server => ("HelloRequest", How::Line("ssl_verify_client optional;")),
        Side::Client => ("ClientHello", How::Words),
    };
    let what = format!(
        "the {} wants another handshake on the same connection (renegotiation), which the {} refuses",
        by.name(),
        by.peer().name()
    );
    verdict(Kind::RenegotiationWanted, by, field, "RFC 5746 section 4.5", what).change(
        seen,
        by,
        "do not renegotiate: ask for a client certificate in the first handshake, or use TLS 1.3",
        how,
    )
}

/// The server insists on a certificate of the client's.
pub(super) fn certificate_required(seen: &Seen<'_>) -> Diagnosis {
    let what = "the server insists on a client certificate, and the client sent none";
    let mut issuers = Vec::new();
    if let Some(request) = seen.message(Side::Server, "CertificateRequest") {
        for name in request.dissected.fields.iter().flat_map(crate::model::Field::leaves) {
            if name.name == "distinguished_name" {
                issuers.extend(name.decoded.clone().map(|name| format!("issued by {name}")));
            }
        }
    }
    verdict(
        Kind::ClientCertificateRequired,
        Side::Client,
        "certificate_list",
        "RFC 9846 section 4.4.2.4",
        what,
    )
    .change(
        seen,
        Side::Client,
        "show a certificate that the server's authorities issued",
        How::Option("--cert client.pem --key client.key", "curl --cert client.pem --key client.key"),
    )
    .change(
        seen,
        Side::Server,
        "make the client's certificate optional",
        How::Line("ssl_verify_client optional;"),
    )
    .lists(vec!["none".to_owned()], issuers)
}

/// The prime of Diffie-Hellman is too short for this side; its length in bits, if it was seen.
pub(super) fn weak_dh(seen: &Seen<'_>, bits: Option<usize>) -> Diagnosis {
    let prime = seen.message(Side::Server, "ServerKeyExchange").and_then(|whole| whole.find("dh_p"));
    let bits = bits.or_else(|| prime.map(|leaf| 8 * leaf.length));
    let size = bits.map_or_else(String::new, |bits| format!(" of {bits} bits"));
    let what = format!("the server's Diffie-Hellman prime{size} is too short: it can be broken");
    verdict(Kind::WeakDhGroup, Side::Server, "dh_p", "RFC 9325 section 4.2.1", what)
        .change(
            seen,
            Side::Server,
            "use a prime of 2048 bits or more",
            How::Line("openssl dhparam -out dh2048.pem 2048   # and: ssl_dhparam dh2048.pem;"),
        )
        .change(
            seen,
            Side::Server,
            "or switch on ECDHE, which needs no parameters",
            How::Line("ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;"),
        )
        .lists(
            vec!["2048 bits or more".to_owned()],
            bits.map(|bits| format!("{bits} bits")).into_iter().collect(),
        )
}

/// The two sides do not have the same pre-shared key.
pub(super) fn wrong_psk(seen: &Seen<'_>, unknown: bool, rfc: &str) -> Diagnosis {
    let (field, what) = match unknown {
        true => ("identity", "the server knows no key by the name that the client gave"),
        false => ("binders", "the client and the server have different keys under the same name"),
    };
    verdict(Kind::WrongPsk, Blame::Both, field, rfc, what).change(
        seen,
        Side::Client,
        "give both sides the same key, byte for byte, under the same name",
        How::Words,
    )
}

/// The client fell back to an older version, and the server can do better.
pub(super) fn fallback(seen: &Seen<'_>, rfc: &str) -> Diagnosis {
    let what = "the client says that it fell back to an older version, and the server speaks a newer one: a first attempt was disturbed";
    verdict(Kind::InappropriateFallback, Blame::Network, "cipher_suites", rfc, what).change(
        seen,
        Side::Client,
        "begin with the newest version again, without TLS_FALLBACK_SCSV",
        How::Option("--tls 1.3", "curl --tlsv1.3"),
    )
}

fn unbound(seen: &Seen<'_>, side: Side, field: &str, rfc: &str, what: &str) -> Diagnosis {
    let peer = side.peer();
    verdict(Kind::UnboundHandshake, peer, field, rfc, what)
        .change(seen, peer, format!("update the {}'s TLS library", peer.name()), How::Words)
        .change(
            seen,
            side,
            "if it can do nothing better, permit it for this peer",
            How::Option("--policy legacy --legacy", ""),
        )
}
