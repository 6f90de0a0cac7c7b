//! The peer refused with an alert: what it meant, from what was said before, and from what other ClientHellos got.
use super::{
    Seen,
    advice::{How, verdict},
    certificate, found, lists, probe,
};
use crate::model::{Blame, Diagnosis, Kind, Side};
use premaster::wire::AlertDescription as A;

pub(super) fn judge(seen: &Seen<'_>) -> Option<Diagnosis> {
    let (by, alert) = seen.refusal?;
    Some(match by {
        Side::Server if !seen.has_server_hello() => hello_refused(seen, alert),
        Side::Server => by_server(seen, alert),
        Side::Client => by_client(seen, alert),
    })
}

/// Nothing but an alert came back for the ClientHello.
fn hello_refused(seen: &Seen<'_>, alert: A) -> Diagnosis {
    let hello = seen.hello().unwrap_or_default();
    match alert {
        A::unrecognized_name => return unrecognized(seen, hello.name),
        A::no_application_protocol => return lists::protocol(seen, hello.protocols, Vec::new()),
        A::inappropriate_fallback => return found::fallback(seen, "RFC 7507 section 3"),
        A::unknown_psk_identity => return found::wrong_psk(seen, true, "RFC 4279 section 2"),
        A::decrypt_error if hello.has_psk => {
            return found::wrong_psk(seen, false, "RFC 9846 section 4.2.11.2");
        }
        _ => {}
    }
    if let Some(diagnosis) = probe::compare(seen).or_else(|| probe::intolerance(seen)) {
        return diagnosis;
    }
    match alert {
        A::protocol_version => lists::version(seen, hello.versions, Vec::new()).likely(),
        _ => {
            let what =
                format!("the server refused the ClientHello ({alert}), and does not say what it misses");
            verdict(Kind::Refused, Blame::Both, "ClientHello", "RFC 9846 section 4.1.1", what)
                .change(
                    seen,
                    Side::Client,
                    "offer more: older cipher suites, other groups",
                    How::Option("--policy compatible", ""),
                )
                .change(
                    seen,
                    Side::Server,
                    "its log says what it misses",
                    How::Line("error_log /var/log/nginx/error.log info;"),
                )
                .lists(hello.suites, Vec::new())
                .likely()
        }
    }
}

fn unrecognized(seen: &Seen<'_>, name: Option<String>) -> Diagnosis {
    let what = format!(
        "the server has no certificate for {}",
        name.as_deref().unwrap_or("a client that names no server")
    );
    verdict(Kind::UnrecognizedName, Blame::Both, "server_name", "RFC 6066 section 3", what)
        .change(
            seen,
            Side::Client,
            "ask for a name that the server has",
            How::Option("--name NAME", "curl https://NAME/"),
        )
        .change(seen, Side::Server, "add the name and its certificate", How::Line("server_name NAME;"))
        .lists(name.into_iter().collect(), Vec::new())
}

/// The server refused what the client sent after both hellos.
fn by_server(seen: &Seen<'_>, alert: A) -> Diagnosis {
    let asked = seen.message(Side::Server, "CertificateRequest").is_some();
    let showed = !seen.chain(Side::Client).is_empty();
    match alert {
        A::certificate_required => found::certificate_required(seen),
        A::handshake_failure if asked && !showed => found::certificate_required(seen),
        A::unknown_psk_identity => found::wrong_psk(seen, true, "RFC 4279 section 2"),
        A::unknown_ca
        | A::bad_certificate
        | A::certificate_unknown
        | A::certificate_expired
        | A::certificate_revoked
        | A::unsupported_certificate
        | A::access_denied
        | A::handshake_failure
            if showed =>
        {
            certificate_refused(seen, Side::Client, alert)
        }
        A::decrypt_error | A::bad_record_mac => secrets_differ(seen, Side::Client, alert),
        _ => plain(seen, Side::Server, alert),
    }
}

/// The client refused what the server sent.
fn by_client(seen: &Seen<'_>, alert: A) -> Diagnosis {
    let showed = !seen.chain(Side::Server).is_empty();
    let dh = seen.message(Side::Server, "ServerKeyExchange").and_then(|whole| whole.find("dh_p"));
    match alert {
        A::handshake_failure | A::insufficient_security | A::illegal_parameter
            if let Some(prime) = dh
                && prime.length < 256 =>
        {
            found::weak_dh(seen, Some(8 * prime.length))
        }
        A::unknown_ca
        | A::bad_certificate
        | A::certificate_unknown
        | A::certificate_expired
        | A::certificate_revoked
        | A::unsupported_certificate
            if showed || alert != A::unsupported_certificate =>
        {
            certificate_refused(seen, Side::Server, alert)
        }
        A::protocol_version => {
            let hello = seen.hello().unwrap_or_default();
            lists::version(seen, hello.versions, seen.version().into_iter().collect())
        }
        A::decrypt_error | A::bad_record_mac => secrets_differ(seen, Side::Server, alert),
        _ => plain(seen, Side::Client, alert),
    }
}

fn certificate_refused(seen: &Seen<'_>, of: Side, alert: A) -> Diagnosis {
    let kind = match alert {
        A::unknown_ca => Kind::UnknownIssuer,
        A::certificate_expired => Kind::CertificateExpired,
        A::certificate_revoked => Kind::CertificateRevoked,
        _ => Kind::CertificateRefused,
    };
    let kind = if of == Side::Client && kind == Kind::CertificateRefused {
        Kind::ClientCertificateRefused
    } else {
        kind
    };
    certificate::refused(seen, of, kind, &alert.to_string())
}

/// What `of` computed is not what the other side computed.
fn secrets_differ(seen: &Seen<'_>, of: Side, alert: A) -> Diagnosis {
    let (kind, field, rfc) = match alert {
        A::bad_record_mac => (Kind::DamagedRecord, "encrypted_record", "RFC 9846 section 5.2"),
        _ => (Kind::WrongFinished, "verify_data", "RFC 9846 section 4.4.4"),
    };
    let what = format!(
        "the {} says that what the {} sent does not verify ({alert}): the two did not see the same handshake, or have different keys",
        of.peer().name(),
        of.name()
    );
    verdict(kind, Blame::Network, field, rfc, what)
        .change(
            seen,
            of,
            "update the TLS library, or take out whatever changes the handshake on its way",
            How::Words,
        )
        .likely()
}

fn plain(seen: &Seen<'_>, by: Side, alert: A) -> Diagnosis {
    let after = seen.last_of(by.peer()).unwrap_or("ClientHello");
    let what = format!("the {} refused with {alert} after the {}'s {after}", by.name(), by.peer().name());
    verdict(Kind::Refused, by.peer(), after, "RFC 9846 section 6.2", what)
        .change(
            seen,
            by,
            format!("look at the {}'s log: it knows more than its alert says", by.name()),
            How::Words,
        )
        .likely()
}

/// Somebody wanted another handshake on the same connection, was told no, and gave up.
pub(super) fn renegotiation(seen: &Seen<'_>) -> Option<Diagnosis> {
    seen.refusal.map(drop).or(seen.lost.map(drop))?;
    Some(found::renegotiation(seen, seen.renegotiation?))
}

/// The handshake came off, but not the early data.
pub(super) fn early_data(seen: &Seen<'_>) -> Option<Diagnosis> {
    let (side, why) = seen.early_refused.filter(|_| seen.established)?;
    let why = why.split_once(": ").map_or("", |(_, why)| why);
    let what = format!(
        "the server did not take the early data ({}: {why}); it was sent again after the handshake",
        side.name()
    );
    Some(
        verdict(Kind::EarlyDataRefused, Side::Server, "early_data", "RFC 9846 section 4.2.10", what)
            .change(
                seen,
                Side::Server,
                "let it accept early data",
                How::Option("--sessions memory --early-data 16384", "ssl_early_data on;"),
            )
            .change(seen, Side::Client, "do without: nothing was lost but a round trip", How::Words),
    )
}
