//! Why the command could not do what was asked: what, why, and what to try, a line each.
use crate::{exit::ExitCode, terminal::safe};
use premaster::{
    Error,
    error::{Fault, Incompatible, Untrusted},
    wire::AlertDescription,
};
use premaster_trace::render;
use std::{fmt, io};

/// Why the command could not do what was asked.
///
/// Peer-controlled text may stand in any of the lines: they are made safe for a terminal when printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the command ends with.
    pub code: ExitCode,
    /// What failed.
    pub what: String,
    /// The lines below it, each with its label.
    pub lines: Vec<(&'static str, String)>,
}

impl Failure {
    /// What failed, so far without a reason.
    pub fn new(code: ExitCode, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), lines: Vec::new() }
    }

    /// The command line cannot be used.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, what)
    }

    /// Why it failed.
    pub fn why(self, why: impl fmt::Display) -> Self {
        self.line("why", why)
    }

    /// What to do about it.
    pub fn remedy(self, remedy: impl fmt::Display) -> Self {
        self.line("try", remedy)
    }

    /// One more line.
    pub fn line(mut self, label: &'static str, text: impl fmt::Display) -> Self {
        self.lines.push((label, text.to_string()));
        self
    }

    /// A file that is to be read cannot be.
    pub fn unreadable(path: &std::path::Path, error: &io::Error) -> Self {
        Self::usage(format!("cannot read {}", path.display()))
            .why(error)
            .remedy("check the path and its permissions")
    }

    /// The result cannot be written. A reader that has seen enough is no failure.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(ExitCode::Ok, ""),
            _ => Self::new(ExitCode::Usage, "cannot write the result").why(error),
        }
    }

    /// What a TLS connection failed with: the error, whose fault it is, the rule, both lists, the remedy.
    pub fn tls(what: impl Into<String>, error: &Error) -> Self {
        let code = match error {
            Error::Untrusted(_) => ExitCode::Certificate,
            Error::Truncated => ExitCode::Incomplete,
            _ => ExitCode::Handshake,
        };
        let mut failure = Self::new(code, what).why(headline(error)).line("fault", fault(error.fault()));
        if let Some(rule) = error.rule() {
            failure = failure.line("rule", rule);
        }
        if let Some(alert) = error.alert() {
            failure = failure.line("alert sent", alert);
        }
        if let Error::Incompatible(incompatible) = error
            && let Some((ours, theirs)) = lists(incompatible)
        {
            failure = failure.line("this side", ours).line("the peer", theirs);
        }
        match remedy(error) {
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    }
}

/// How wide lines become that nobody copies.
const COLUMNS: usize = 80;

/// As it goes to stderr.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", safe(&self.what))?;
        let width = self.lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        self.lines.iter().try_for_each(|(label, text)| match label.is_empty() {
            // A command belongs to the line above it, and is whole, to be copied.
            true => writeln!(f, "  {label:>width$}  {}", safe(text)),
            false => {
                let (mut lines, label) = (String::new(), format!("  {label:>width$}: "));
                render::hang(&mut lines, &label, &label, &safe(text), COLUMNS);
                f.write_str(&lines)
            }
        })
    }
}

/// Whose fault it is, in words.
pub fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Peer => "the peer's",
        Fault::Both => "nobody's alone: the two configurations do not meet",
        Fault::Local => "this side's",
        Fault::Network => "the network's, or of whoever sits in it",
    }
}

/// The error without the lists, which get lines of their own.
fn headline(error: &Error) -> String {
    let Error::Incompatible(incompatible) = error else { return error.to_string() };
    let text = incompatible.to_string();
    match lists(incompatible) {
        Some(_) => text.split_once(": ").map_or(text.clone(), |(head, _)| head.to_owned()),
        None => text,
    }
}

/// Both sides' lists, if the error has them.
pub fn lists(incompatible: &Incompatible) -> Option<(String, String)> {
    fn join<T: fmt::Display>(items: &[T]) -> String {
        match items {
            [] => "nothing".into(),
            items => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }
    let names = |names: &[Vec<u8>]| {
        join(&names.iter().map(|name| name.escape_ascii().to_string()).collect::<Vec<_>>())
    };
    Some(match incompatible {
        Incompatible::Version { ours, theirs } => (join(ours), join(theirs)),
        Incompatible::CipherSuite { ours, theirs, .. } => (join(ours), join(theirs)),
        Incompatible::Group { ours, theirs } => (join(ours), join(theirs)),
        Incompatible::SignatureScheme { ours, theirs } => (join(ours), join(theirs)),
        Incompatible::ApplicationProtocol { ours, theirs } => (names(ours), names(theirs)),
        _ => return None,
    })
}

/// The smallest change that would have worked, where it can be told.
pub fn remedy(error: &Error) -> Option<String> {
    Some(match error {
        Error::Untrusted(untrusted) => match **untrusted {
            Untrusted::UnknownIssuer { .. } => {
                format!("{}; here: --ca FILE", untrusted.remedy())
            }
            Untrusted::WrongName { .. } => format!("{}; here: --name NAME", untrusted.remedy()),
            _ => untrusted.remedy().into(),
        },
        Error::Incompatible(incompatible) => remedy_incompatible(incompatible).into(),
        Error::Refused(alert) => refused(*alert)?.into(),
        Error::Truncated => "whether data is missing only the protocol above TLS can tell".into(),
        _ => return None,
    })
}

const fn remedy_incompatible(incompatible: &Incompatible) -> &'static str {
    match incompatible {
        Incompatible::Version { .. } => "allow a version that the other side speaks (--tls)",
        Incompatible::CipherSuite { .. } => {
            "allow one suite of the other side's list (--suite), or use a certificate of a type that it takes"
        }
        Incompatible::Group { .. } => "allow one group of the other side's list (--group)",
        Incompatible::SignatureScheme { .. } => "use a certificate whose key the other side can verify",
        Incompatible::ApplicationProtocol { .. } => "offer one protocol of the other side's list (--alpn)",
        _ => "use a certificate that the other side accepts (--cert, --key)",
    }
}

/// What an alert most often means to the side that gets it.
const fn refused(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::handshake_failure => {
            "the peer found no suite, group or signature in common (--suite, --group, --tls), or wants a client \
             certificate (--cert, --key)"
        }
        AlertDescription::protocol_version => "the peer does not speak the versions offered: see --tls",
        AlertDescription::unrecognized_name => "the peer has no certificate for this name: see --name",
        AlertDescription::no_application_protocol => "the peer speaks none of the protocols: see --alpn",
        AlertDescription::certificate_required => "the peer wants a client certificate: --cert and --key",
        AlertDescription::unknown_ca => "the peer does not trust the issuer of the certificate it was sent",
        AlertDescription::bad_certificate
        | AlertDescription::certificate_expired
        | AlertDescription::certificate_revoked
        | AlertDescription::certificate_unknown
        | AlertDescription::unsupported_certificate
        | AlertDescription::access_denied => "the peer refused the certificate it was sent: see --cert",
        _ => return None,
    })
}
