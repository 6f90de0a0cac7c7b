//! Key logs: one secret a line (RFC 9850), and the forms that came before it.
//!
//! ```text
//! CLIENT_RANDOM                    <ClientHello.random> <master_secret>
//! CLIENT_EARLY_TRAFFIC_SECRET      <ClientHello.random> <secret>
//! CLIENT_HANDSHAKE_TRAFFIC_SECRET  <ClientHello.random> <secret>
//! SERVER_HANDSHAKE_TRAFFIC_SECRET  <ClientHello.random> <secret>
//! CLIENT_TRAFFIC_SECRET_0          <ClientHello.random> <secret>
//! SERVER_TRAFFIC_SECRET_0          <ClientHello.random> <secret>
//! PMS_CLIENT_RANDOM                <ClientHello.random> <pre_master_secret>
//! RSA                              <8 bytes of the encrypted pre_master_secret> <pre_master_secret>
//! RSA Session-ID:<session_id> Master-Key:<master_secret>
//! ```
use premaster::Secret;
use std::fmt;

/// The longest line that is looked at.
const MAX_LINE: usize = 2048;

/// The labels of TLS 1.3 whose secrets open records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// `CLIENT_EARLY_TRAFFIC_SECRET`.
    ClientEarlyTraffic,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET`.
    ClientHandshakeTraffic,
    /// `SERVER_HANDSHAKE_TRAFFIC_SECRET`.
    ServerHandshakeTraffic,
    /// `CLIENT_TRAFFIC_SECRET_0`.
    ClientTraffic,
    /// `SERVER_TRAFFIC_SECRET_0`.
    ServerTraffic,
}

impl Label {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ClientEarlyTraffic,
        Self::ClientHandshakeTraffic,
        Self::ServerHandshakeTraffic,
        Self::ClientTraffic,
        Self::ServerTraffic,
    ];

    /// As it stands in a key log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientEarlyTraffic => "CLIENT_EARLY_TRAFFIC_SECRET",
            Self::ClientHandshakeTraffic => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshakeTraffic => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            Self::ClientTraffic => "CLIENT_TRAFFIC_SECRET_0",
            Self::ServerTraffic => "SERVER_TRAFFIC_SECRET_0",
        }
    }

    /// Where a secret is from that such a line says.
    pub(crate) const fn how(self) -> &'static str {
        match self {
            Self::ClientEarlyTraffic => "key log: CLIENT_EARLY_TRAFFIC_SECRET",
            Self::ClientHandshakeTraffic => "key log: CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshakeTraffic => "key log: SERVER_HANDSHAKE_TRAFFIC_SECRET",
            Self::ClientTraffic => "key log: CLIENT_TRAFFIC_SECRET_0",
            Self::ServerTraffic => "key log: SERVER_TRAFFIC_SECRET_0",
        }
    }

    /// The name of its secret in RFC 9846 section 7.1.
    pub const fn secret(self) -> &'static str {
        match self {
            Self::ClientEarlyTraffic => "client_early_traffic_secret",
            Self::ClientHandshakeTraffic => "client_handshake_traffic_secret",
            Self::ServerHandshakeTraffic => "server_handshake_traffic_secret",
            Self::ClientTraffic => "client_application_traffic_secret_0",
            Self::ServerTraffic => "server_application_traffic_secret_0",
        }
    }
}

/// What a line of a key log says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A comment, nothing, or a label that opens no record.
    Nothing,
    Master {
        client_random: [u8; 32],
        master: Secret,
    },
    Premaster {
        client_random: [u8; 32],
        premaster: Secret,
    },
    EncryptedPremaster {
        start: [u8; 8],
        premaster: Secret,
    },
    SessionId {
        session_id: Vec<u8>,
        master: Secret,
    },
    Traffic {
        label: Label,
        client_random: [u8; 32],
        secret: Secret,
    },
}

/// What is wrong with a line of a key log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// What can be wrong with a line of a key log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineProblem {
    /// A label that no RFC and no older tool writes.
    UnknownLabel,
    /// It does not have three fields.
    Fields,
    /// Something that should be hexadecimal is not.
    Hex,
    /// The random, or its like, does not have the right length.
    RandomLength,
    /// The secret does not have a length that it could have.
    SecretLength,
    /// It is longer than any line could be, or not text.
    NotText,
    /// There are more secrets than are kept.
    TooMany,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            LineProblem::UnknownLabel => "its label is unknown",
            LineProblem::Fields => "it does not have a label, a random and a secret",
            LineProblem::Hex => "a field is not hexadecimal",
            LineProblem::RandomLength => "its second field has the wrong length",
            LineProblem::SecretLength => "its secret has a length that it cannot have",
            LineProblem::NotText => "it is not a line of a key log",
            LineProblem::TooMany => "there are more secrets than are kept; the rest is not read",
        };
        write!(f, "line {}: {problem}", self.line)
    }
}

/// Reads one line, without its end.
pub(crate) fn parse(line: &[u8]) -> Result<Line, LineProblem> {
    if line.len() > MAX_LINE {
        return Err(LineProblem::NotText);
    }
    let text = str::from_utf8(line).map_err(|_| LineProblem::NotText)?;
    // A byte order mark, which some editors leave behind.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(Line::Nothing);
    }
    let mut fields = text.split_ascii_whitespace();
    let label = fields.next().unwrap_or_default();
    let (Some(second), Some(third), None) = (fields.next(), fields.next(), fields.next()) else {
        return Err(if known(label) { LineProblem::Fields } else { LineProblem::UnknownLabel });
    };
    if let Some(traffic) = Label::ALL.into_iter().find(|traffic| traffic.name() == label) {
        let secret = secret(third, &[32, 48])?;
        return Ok(Line::Traffic { label: traffic, client_random: array(second)?, secret });
    }
    match (label, second.split_once(':'), third.split_once(':')) {
        ("CLIENT_RANDOM", ..) => {
            Ok(Line::Master { client_random: array(second)?, master: secret(third, &[48])? })
        }
        ("PMS_CLIENT_RANDOM", ..) => {
            let premaster = secret(third, &[])?;
            Ok(Line::Premaster { client_random: array(second)?, premaster })
        }
        ("RSA", Some(("Session-ID", id)), Some(("Master-Key", master))) => {
            let session_id = hex(id)?;
            match session_id.len() {
                1..=32 => Ok(Line::SessionId { session_id, master: secret(master, &[48])? }),
                _ => Err(LineProblem::RandomLength),
            }
        }
        ("RSA", ..) => {
            Ok(Line::EncryptedPremaster { start: array(second)?, premaster: secret(third, &[48])? })
        }
        _ if known(label) => Ok(Line::Nothing),
        _ => Err(LineProblem::UnknownLabel),
    }
}

/// Labels that are read, or known to open no records.
fn known(label: &str) -> bool {
    const OTHERS: [&str; 8] = [
        "CLIENT_RANDOM",
        "PMS_CLIENT_RANDOM",
        "RSA",
        "EXPORTER_SECRET",
        "EARLY_EXPORTER_SECRET",
        "EARLY_EXPORTER_MASTER_SECRET",
        "ECH_SECRET",
        "ECH_CONFIG",
    ];
    // QUIC's keys are derived otherwise, and no TCP stream needs them.
    // The secrets after a KeyUpdate follow from those before.
    let is_update = ["CLIENT_TRAFFIC_SECRET_", "SERVER_TRAFFIC_SECRET_"]
        .iter()
        .any(|front| label.strip_prefix(front).is_some_and(|number| number.parse::<u64>().is_ok()));
    OTHERS.contains(&label)
        || is_update
        || label.starts_with("QUIC_")
        || Label::ALL.iter().any(|own| own.name() == label)
}

fn array<const N: usize>(text: &str) -> Result<[u8; N], LineProblem> {
    hex(text)?.try_into().map_err(|_| LineProblem::RandomLength)
}

/// A secret of one of these lengths, or of any if none is given.
fn secret(text: &str, lengths: &[usize]) -> Result<Secret, LineProblem> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return Err(LineProblem::Hex);
    }
    if !lengths.is_empty() && !lengths.contains(&(text.len() / 2)) {
        return Err(LineProblem::SecretLength);
    }
    Secret::try_fill(text.len() / 2, |out| decode(text, out))
}

/// Bytes out of hexadecimal digits.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, LineProblem> {
    let mut out = vec![0; text.len() / 2];
    decode(text, &mut out)?;
    Ok(out)
}

pub(crate) fn decode(text: &str, out: &mut [u8]) -> Result<(), LineProblem> {
    let digit = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8).ok_or(LineProblem::Hex);
    if text.len() != 2 * out.len() {
        return Err(LineProblem::Hex);
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        if let [high, low] = *pair {
            *byte = digit(high)? << 4 | digit(low)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, LineProblem> {
        parse(text.as_bytes())
    }

    #[test]
    fn every_form() {
        let random = "07".repeat(32);
        for label in Label::ALL {
            let expected =
                Line::Traffic { label, client_random: [7; 32], secret: Secret::from(&[9; 48][..]) };
            assert_eq!(line(&format!("{} {random} {}\r", label.name(), "09".repeat(48))), Ok(expected));
        }
        let master = || Secret::from(&[0xab; 48][..]);
        let text = "aB".repeat(48);
        assert_eq!(
            line(&format!("CLIENT_RANDOM {random} {text}")),
            Ok(Line::Master { client_random: [7; 32], master: master() })
        );
        assert_eq!(
            line(&format!("  PMS_CLIENT_RANDOM\t{random} {text}  ")),
            Ok(Line::Premaster { client_random: [7; 32], premaster: master() })
        );
        assert_eq!(
            line(&format!("RSA 0102030405060708 {text}")),
            Ok(Line::EncryptedPremaster { start: [1, 2, 3, 4, 5, 6, 7, 8], premaster: master() })
        );
        assert_eq!(
            line(&format!("RSA Session-ID:0a0B Master-Key:{text}")),
            Ok(Line::SessionId { session_id: vec![10, 11], master: master() })
        );
        for nothing in ["", "   ", "# SSL/TLS secrets", "\r", "\u{feff}# by an editor"] {
            assert_eq!(line(nothing), Ok(Line::Nothing), "{nothing:?}");
        }
        assert_eq!(line(&format!("EXPORTER_SECRET {random} {text}")), Ok(Line::Nothing));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let random = "07".repeat(32);
        for (text, problem) in [
            ("HELLO".to_owned(), LineProblem::UnknownLabel),
            ("CLIENT_RANDOM".to_owned(), LineProblem::Fields),
            (format!("CLIENT_RANDOM {random} 00 00"), LineProblem::Fields),
            (format!("CLIENT_RANDOM {random} {}", "0".repeat(95)), LineProblem::Hex),
            (format!("CLIENT_RANDOM {random} {}", "0g".repeat(48)), LineProblem::Hex),
            (format!("CLIENT_RANDOM {random} {}", "é".repeat(48)), LineProblem::Hex),
            (format!("CLIENT_RANDOM {random} {}", "00".repeat(47)), LineProblem::SecretLength),
            (format!("CLIENT_RANDOM 00 {}", "00".repeat(48)), LineProblem::RandomLength),
            (format!("CLIENT_TRAFFIC_SECRET_0 {random} {}", "00".repeat(33)), LineProblem::SecretLength),
            (format!("MASTER {random} {}", "00".repeat(48)), LineProblem::UnknownLabel),
            ("#".repeat(5000), LineProblem::NotText),
        ] {
            assert_eq!(line(&text), Err(problem), "{text}");
        }
        assert_eq!(parse(&[0xff, 0xfe, 0]), Err(LineProblem::NotText));
    }
}
