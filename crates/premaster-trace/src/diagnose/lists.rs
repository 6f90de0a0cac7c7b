//! The two sides have nothing in common: which list, and the smallest addition to either.
use super::{
    Seen,
    advice::{self, How, best_suite, verdict},
};
use crate::model::{Blame, Diagnosis, Kind, Side};
use premaster::{
    exchange::Group,
    suite::{Authentication, Suite},
};

type Names = Vec<String>;

/// Which side's list is the odd one: a list without anything that the library itself would use today.
fn odd(client: &[String], server: &[String], good: impl Fn(&String) -> bool) -> Blame {
    match (client.iter().any(&good), server.iter().any(&good)) {
        (true, false) if !server.is_empty() => Blame::Server,
        (false, true) if !client.is_empty() => Blame::Client,
        _ => Blame::Both,
    }
}

/// No version.
pub(super) fn version(seen: &Seen<'_>, client: Names, server: Names) -> Diagnosis {
    let good = |name: &String| ["TLS 1.2", "TLS 1.3"].contains(&name.as_str());
    let side = odd(&client, &server, good);
    let what = match (client.as_slice(), server.as_slice()) {
        (_, []) => format!("the server speaks none of the client's versions ({})", client.join(", ")),
        _ => "the client and the server have no version in common".to_owned(),
    };
    let mut diagnosis =
        verdict(Kind::NoSharedVersion, side, "supported_versions", "RFC 9846 section 4.2.1", what);
    for other in server.iter().filter(|name| good(name)).take(1) {
        diagnosis = advice::version(diagnosis, seen, Side::Client, other);
    }
    if server.is_empty()
        && let Some(missing) =
            ["TLS 1.3", "TLS 1.2"].iter().find(|name| !client.iter().any(|own| own == *name))
    {
        diagnosis = advice::version(diagnosis, seen, Side::Client, missing);
    }
    for other in client.iter().filter(|name| good(name)).take(1) {
        diagnosis = advice::version(diagnosis, seen, Side::Server, other);
    }
    diagnosis.lists(client, server)
}

/// No cipher suite.
pub(super) fn suite(seen: &Seen<'_>, client: Names, server: Names, because: &str) -> Diagnosis {
    let shared = client.iter().any(|name| server.contains(name));
    let what = match shared && !because.is_empty() {
        true => format!("no cipher suite that both sides have can be used: {because}"),
        false => "the client and the server have no cipher suite in common".to_owned(),
    };
    let forward_secret = |name: &String| Suite::parse(name).is_some_and(|suite| suite.is_forward_secret());
    let side = odd(&client, &server, forward_secret);
    let mut diagnosis =
        verdict(Kind::NoSharedCipherSuite, side, "cipher_suites", "RFC 9846 section 4.1.1", what);
    if let Some(name) = best_suite(&server) {
        diagnosis = advice::suite(diagnosis, seen, Side::Client, name);
    }
    if let Some(name) = like_one_of(&client, &server).or_else(|| best_suite(&client)) {
        diagnosis = advice::suite(diagnosis, seen, Side::Server, name);
    }
    diagnosis.lists(client, server)
}

/// The first of the client's suites that is for the version and the certificate of one of the server's.
fn like_one_of<'a>(client: &'a [String], server: &[String]) -> Option<&'a String> {
    let rows =
        |names: &[String]| -> Vec<&Suite> { names.iter().filter_map(|name| Suite::parse(name)).collect() };
    let server = rows(server);
    client.iter().find(|name| {
        let like = |own: &Suite, other: &Suite| {
            own.version() == other.version() && own.authentication == other.authentication
        };
        Suite::parse(name).is_some_and(|own| server.iter().any(|other| like(own, other)))
    })
}

/// No group.
pub(super) fn group(seen: &Seen<'_>, client: Names, server: Names) -> Diagnosis {
    let known = |name: &&String| Group::ALL.iter().any(|group| group.code.to_string() == **name);
    let what = "the client and the server have no group in common";
    let mut diagnosis =
        verdict(Kind::NoSharedGroup, Blame::Both, "supported_groups", "RFC 9846 section 4.2.7", what);
    if let Some(name) = server.iter().find(known) {
        diagnosis = advice::group(diagnosis, seen, Side::Client, name);
    }
    if let Some(name) = client.iter().find(known) {
        diagnosis = advice::group(diagnosis, seen, Side::Server, name);
    }
    diagnosis.lists(client, server)
}

/// No signature scheme: the server's key, or the client's in its answer to a request, cannot make any that is taken.
pub(super) fn scheme(seen: &Seen<'_>, signer: Side, client: Names, server: Names) -> Diagnosis {
    let own = if signer == Side::Client { &client } else { &server };
    let theirs = if signer == Side::Client { &server } else { &client };
    let takes = |kind: &str| theirs.iter().any(|name| name.starts_with(kind));
    let (wanted, command) = new_key(takes("rsa") && !takes("ecdsa"));
    let what = format!(
        "the {} cannot verify any signature that the {}'s key can make",
        signer.peer().name(),
        signer.name()
    );
    let mut diagnosis = verdict(
        Kind::NoSharedSignatureScheme,
        Blame::Both,
        "signature_algorithms",
        "RFC 9846 section 4.2.3",
        what,
    )
    .change(
        seen,
        signer,
        format!("give the {} a certificate for {wanted} as well", signer.name()),
        How::Run(command),
    );
    if let Some(scheme) = own.first() {
        let what = format!("let the {} accept {scheme}", signer.peer().name());
        diagnosis = diagnosis.change(seen, signer.peer(), what, How::Words);
    }
    diagnosis.lists(client, server)
}

/// A key that would do, and how to ask for a certificate for it.
const fn new_key(rsa: bool) -> (&'static str, &'static str) {
    match rsa {
        true => ("an RSA key", "openssl req -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.csr"),
        false => (
            "an ECDSA P-256 key",
            "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout p256.key -out p256.csr",
        ),
    }
}

/// Every cipher suite of the client's wants one kind of key in the certificate, and the server has another.
pub(super) fn key_for_suites(seen: &Seen<'_>, wanted: Authentication) -> Diagnosis {
    let (key, command) = new_key(wanted == Authentication::Rsa);
    let what = format!(
        "every cipher suite that the client offers needs {key} in the certificate, and the server has none"
    );
    verdict(Kind::NoSharedCipherSuite, Blame::Both, "cipher_suites", "RFC 5246 section 7.4.2", what)
        .change(seen, Side::Server, format!("get a certificate for {key} as well"), How::Run(command))
        .change(
            seen,
            Side::Client,
            "offer the suites for the other kind of key too, or TLS 1.3",
            How::Option("--tls 1.3", "curl --tlsv1.3"),
        )
        .lists(seen.hello().unwrap_or_default().suites, Vec::new())
}

/// No application protocol.
pub(super) fn protocol(seen: &Seen<'_>, client: Names, server: Names) -> Diagnosis {
    let what = "the client and the server have no application protocol in common";
    let mut diagnosis = verdict(
        Kind::NoSharedApplicationProtocol,
        Blame::Both,
        "application_layer_protocol_negotiation",
        "RFC 7301 section 3.2",
        what,
    );
    diagnosis = match server.first() {
        Some(name) => {
            let curl = match name.as_str() {
                "h2" => "curl --http2",
                "http/1.1" => "curl --http1.1",
                _ => "",
            };
            let option = format!("--alpn {}", quoted(name));
            diagnosis.change(seen, Side::Client, format!("offer {name}"), How::Option(&option, curl))
        }
        None => {
            let curl = "curl --no-alpn";
            let what = "offer what the server speaks, or no protocol at all";
            let option =
                if client.iter().any(|name| name == "http/1.1") { "--alpn h2" } else { "--alpn http/1.1" };
            diagnosis.change(seen, Side::Client, what, How::Option(option, curl))
        }
    };
    if let Some(name) = client.first() {
        let nginx = if name == "h2" { "http2 on;" } else { "" };
        let option = format!("--alpn {}", quoted(name));
        diagnosis = diagnosis.change(
            seen,
            Side::Server,
            format!("let the server speak {name}"),
            How::Option(&option, nginx),
        );
    }
    diagnosis.lists(client, server)
}

/// Text as one word for a shell.
pub fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@=+,%".contains(character);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
