//! What would mend it, as a command to run or a line of a configuration.
use super::Seen;
use crate::model::{Blame, Change, Diagnosis, Kind, Side};
use premaster::{config::is_fenced, suite::Suite, wire::ProtocolVersion};

/// A verdict that is to be filled in.
pub(super) fn verdict(
    kind: Kind,
    side: impl Into<Blame>,
    field: &str,
    rfc: &str,
    what: impl Into<String>,
) -> Diagnosis {
    Diagnosis {
        kind,
        side: side.into(),
        field: field.to_owned(),
        what: what.into(),
        client: Vec::new(),
        server: Vec::new(),
        changes: Vec::new(),
        rfc: rfc.to_owned(),
        certain: true,
    }
}

/// How one of the two programs on a side is told to do something: an option of this command, or a line for the
/// program that is most often there, nginx or curl.
pub(super) enum How<'a> {
    /// An option to append to the command that runs our side, and a line for anybody else's.
    Option(&'a str, &'a str),
    /// A line for the other program. Ours needs nothing, or cannot do it.
    Line(&'a str),
    /// A command of its own.
    Run(&'a str),
    /// Nothing that a line could say.
    Words,
}

impl Diagnosis {
    /// What each side has in the field.
    pub(super) fn lists(mut self, client: Vec<String>, server: Vec<String>) -> Self {
        (self.client, self.server) = (client, server);
        self
    }

    /// What `side` has in the field, and the other.
    pub(super) fn lists_of(self, side: Side, own: Vec<String>, others: Vec<String>) -> Self {
        match side {
            Side::Client => self.lists(own, others),
            Side::Server => self.lists(others, own),
        }
    }

    /// One thing that would mend it.
    pub(super) fn change(
        mut self,
        seen: &Seen<'_>,
        side: Side,
        what: impl Into<String>,
        how: How<'_>,
    ) -> Self {
        let text = |line: &str| (!line.is_empty()).then(|| line.to_owned());
        let line = match (how, seen.command(side)) {
            (How::Option(option, _), Some(command)) => Some(format!("{command} {option}")),
            (How::Option(_, line), None) | (How::Line(line), None) => text(line),
            (How::Run(line), _) => text(line),
            (How::Line(_), Some(_)) | (How::Words, _) => None,
        };
        self.changes.push(Change { side, what: what.into(), line });
        self
    }

    /// It is the best explanation, and not the only one.
    pub(super) fn likely(mut self) -> Self {
        self.certain = false;
        self
    }
}

/// curl's name for a version option.
fn curl_version(version: &str) -> &'static str {
    match version {
        "TLS 1.3" => "curl --tlsv1.3",
        _ => "curl --tlsv1.2",
    }
}

/// Lets a side speak a version too.
pub(super) fn version(diagnosis: Diagnosis, seen: &Seen<'_>, side: Side, version: &str) -> Diagnosis {
    let what = format!("let the {} speak {version}", side.name());
    let digits = version.trim_start_matches("TLS ");
    if !["1.2", "1.3"].contains(&digits) {
        return diagnosis;
    }
    let line = match side {
        Side::Client => curl_version(version),
        Side::Server => "ssl_protocols TLSv1.2 TLSv1.3;",
    };
    diagnosis.change(seen, side, what, How::Option(&format!("--tls {digits}"), line))
}

/// Lets a side use a cipher suite too.
pub(super) fn suite(diagnosis: Diagnosis, seen: &Seen<'_>, side: Side, name: &str) -> Diagnosis {
    let Some(suite) = Suite::parse(name) else { return diagnosis };
    let fenced = is_fenced(suite);
    let what = match fenced {
        true => format!("permit {name} in the {}, which has no forward secrecy", side.name()),
        false => format!("let the {} use {name}", side.name()),
    };
    let tls13 = suite.version() == ProtocolVersion::TLS_1_3;
    let line = match (side, tls13) {
        (Side::Client, true) => format!("curl --tls13-ciphers {name}"),
        (Side::Client, false) => format!("curl --ciphers {}", suite.openssl_name),
        (Side::Server, true) => format!("ssl_conf_command Ciphersuites {name};"),
        (Side::Server, false) => format!("ssl_ciphers {};", suite.openssl_name),
    };
    let legacy = if fenced { " --legacy" } else { "" };
    // A suite belongs to a version: naming one alone would take the other version away.
    diagnosis.change(seen, side, what, How::Option(&format!("--suite {name}{legacy}"), &line))
}

/// Lets a side use a group too.
pub(super) fn group(diagnosis: Diagnosis, seen: &Seen<'_>, side: Side, name: &str) -> Diagnosis {
    let openssl = match name {
        "x25519" => "X25519",
        "x448" => "X448",
        "secp256r1" => "prime256v1",
        other => other,
    };
    let line = match side {
        Side::Client => format!("curl --curves {openssl}"),
        Side::Server => format!("ssl_ecdh_curve {openssl};"),
    };
    let what = format!("let the {} use {name}", side.name());
    diagnosis.change(seen, side, what, How::Option(&format!("--group {name}"), &line))
}

/// Which of a list to recommend: the first that is known and not fenced, or else the first that is known.
pub(super) fn best_suite(names: &[String]) -> Option<&String> {
    let known = |name: &&String| Suite::parse(name).is_some();
    let open = |name: &&String| Suite::parse(name).is_some_and(|suite| !is_fenced(suite));
    names.iter().find(open).or_else(|| names.iter().find(known))
}
