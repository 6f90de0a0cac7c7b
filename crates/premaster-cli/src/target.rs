//! Where to connect: `host`, `host:port`, `https://host/`, `[::1]:443`, `:8443`.
use crate::{exit::ExitCode, failure::Failure, terminal::safe};
use premaster::pki_types::ServerName;
use std::{
    fmt, io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    str::FromStr,
    sync::mpsc,
    time::{Duration, Instant},
};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A DNS name or an IP address, without brackets.
    pub host: String,
    /// The port; 443 if none was given.
    pub port: u16,
}

/// The schemes that stand for TLS on a port of its own.
const SCHEMES: [(&str, u16); 8] = [
    ("https", 443),
    ("wss", 443),
    ("smtps", 465),
    ("imaps", 993),
    ("pop3s", 995),
    ("ldaps", 636),
    ("ftps", 990),
    ("tls", 443),
];

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, default) = match text.split_once("://") {
            None => (text, 443),
            Some((scheme, rest)) => {
                let known = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme));
                let (_, port) = known.ok_or_else(|| format!("the scheme {scheme}:// is not one of TLS"))?;
                (rest.split(['/', '?', '#']).next().unwrap_or_default(), *port)
            }
        };
        let (host, port) = split_port(rest)?;
        let port = match port {
            None => default,
            Some(port) => match port.parse() {
                Ok(port) if port != 0 => port,
                _ => return Err(format!("{port} is not a port: it must be a number from 1 to 65535")),
            },
        };
        let host = if host.is_empty() && port != default { "localhost" } else { host };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@".contains(c))
        {
            return Err("it must be HOST, HOST:PORT, [ADDRESS]:PORT or https://HOST".into());
        }
        Ok(Self { host: host.trim_end_matches('.').to_owned(), port })
    }
}

/// The host without its brackets, and the port if there is one. An IPv6 address may do without brackets if no
/// port follows.
fn split_port(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("a port follows the bracket after a colon".into()),
        };
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => Ok((host, Some(port))),
        _ => Ok((text, None)),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", safe(&self.host), self.port),
            false => write!(f, "{}:{}", safe(&self.host), self.port),
        }
    }
}

impl Target {
    /// The name to ask for and to verify.
    pub fn server_name(&self) -> Result<ServerName<'static>, Failure> {
        server_name(&self.host)
    }

    /// Connects to the first of the host's addresses that answers.
    pub fn connect(&self, timeout: Duration) -> Result<TcpStream, Failure> {
        let deadline = Instant::now() + timeout;
        let mut last = None;
        for address in self.addresses(timeout)? {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            match TcpStream::connect_timeout(&address, left) {
                Ok(stream) => {
                    // A handshake is small messages that wait for each other.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = Some((address, error)),
            }
        }
        let failure = Failure::new(ExitCode::Network, format!("cannot connect to {self}"));
        Err(match last {
            Some((address, error)) => failure.why(format!("{address}: {error}")).remedy(advice(&error)),
            None => failure.why("no address answered in time").remedy("allow more time: --timeout SECONDS"),
        })
    }

    /// The host's addresses, at least one.
    fn addresses(&self, timeout: Duration) -> Result<Vec<SocketAddr>, Failure> {
        let unresolved = |why: String| {
            Failure::new(ExitCode::Network, format!("the name {} does not resolve", self.host))
                .why(why)
                .remedy("check the spelling, and that this machine can reach its name server")
        };
        // The system's resolver has no deadline that could be set: a thread is left behind with it.
        let (tell, hear) = mpsc::channel();
        let (host, port) = (self.host.clone(), self.port);
        std::thread::spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
            let _ = tell.send(found);
        });
        let found = hear.recv_timeout(timeout).map_err(|_| unresolved("no answer came in time".into()))?;
        let found = found.map_err(|error| unresolved(error.to_string()))?;
        match found.is_empty() {
            true => Err(unresolved("it has no address".into())),
            false => Ok(found),
        }
    }
}

/// A name to verify a server by.
pub fn server_name(text: &str) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(text.to_owned()).map_err(|_| {
        Failure::usage(format!("{text} is neither a DNS name nor an IP address"))
            .remedy("give the name that the server's certificate is for: --name NAME")
    })
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "check the port, and that the server is running",
        io::ErrorKind::TimedOut => "check the address, and what filters lie between; or --timeout SECONDS",
        _ => "check the address and this machine's network",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, u16), String> {
        text.parse().map(|target: Target| (target.host, target.port))
    }

    #[test]
    fn targets() {
        let is =
            |text: &str, host: &str, port| assert_eq!(parse(text), Ok((host.to_owned(), port)), "{text}");
        is("example.org", "example.org", 443);
        is("example.org.", "example.org", 443);
        is("example.org:8443", "example.org", 8443);
        is("https://example.org/a?b", "example.org", 443);
        is("HTTPS://example.org:444", "example.org", 444);
        is("smtps://mail.example.org", "mail.example.org", 465);
        is("[::1]:4433", "::1", 4433);
        is("[::1]", "::1", 443);
        is("::1", "::1", 443);
        is(":8443", "localhost", 8443);
        is("127.0.0.1:1", "127.0.0.1", 1);
        for bad in
            ["", ":", "a:b", "a:0", "a:65536", "http://a", "[::1", "[::1]x", "a b", "a/b", "u@h", "a\u{1b}b"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
