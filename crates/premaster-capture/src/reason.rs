//! Why a session stays closed, and what would open it.
use crate::reassembly::Loss;
use premaster::{
    observe::Resumed,
    suite::KeyExchange,
    wire::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, Side, record::Impostor},
};
use std::fmt;

/// Why a session, or a part of it, stays closed. `Display` says it in a sentence; [`Reason::needed`] says what
/// would open it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The exchange is ephemeral: the private key that was given signs, it does not carry the secret.
    EphemeralExchange {
        /// How the secret was agreed on.
        exchange: KeyExchange,
        /// With which group.
        group: Option<NamedGroup>,
    },
    /// No key log has a line for this session.
    NoKeyLogLine {
        /// How the secret was agreed on.
        exchange: KeyExchange,
        /// With which group.
        group: Option<NamedGroup>,
        /// Whether there was a key log at all.
        have_log: bool,
    },
    /// A key log has lines for this session, but not the one that is needed.
    KeyLogLacks {
        /// Its label.
        label: &'static str,
    },
    /// The exchange is static, and the private key of the certificate was not given.
    NoPrivateKey {
        /// How the secret was carried.
        exchange: KeyExchange,
        /// Whom the certificate is for.
        subject: String,
    },
    /// Private keys were given, but none is this certificate's.
    KeyIsNotThisCertificates {
        /// Whom the certificate is for.
        subject: String,
    },
    /// A pre-shared key takes part, and was not given.
    NoPsk {
        /// Its name.
        identity: Vec<u8>,
    },
    /// The session is resumed, and the one that it goes back to is not in the capture.
    OriginalNotCaptured {
        /// How it is resumed.
        how: Resumed,
    },
    /// The session is resumed, and the one that it goes back to is in the capture, but stays closed.
    OriginalNotOpened {
        /// How it is resumed.
        how: Resumed,
    },
    /// The session is resumed by a ticket, and ticket keys were given, but none sealed this ticket.
    TicketDoesNotOpen {
        /// How it is resumed.
        how: Resumed,
    },
    /// The pre-shared key is known, but an ephemeral exchange went in as well.
    EphemeralBesidePsk {
        /// With which group.
        group: Option<NamedGroup>,
        /// Where the key is from.
        source: SecretSource,
    },
    /// The extended master secret takes in every message of the handshake (RFC 7627), and some are missing.
    ExtendedMasterSecretNeedsHandshake,
    /// The handshake is not in the capture from its start.
    HandshakeNotCaptured,
    /// The capture, or the connection, ends before there are keys.
    HandshakeIncomplete {
        /// The last message that was seen.
        last: &'static str,
    },
    /// The handshake failed, and nothing was ever encrypted for good.
    HandshakeFailed {
        /// Who said so.
        by: Side,
        /// In which words.
        alert: AlertDescription,
    },
    /// The keys were updated where records are missing.
    KeyUpdate {
        /// Whose records.
        side: Side,
    },
    /// The capture keeps only the front of each packet.
    TruncatedCapture {
        /// Whose bytes.
        side: Side,
        /// What is missing.
        loss: Loss,
    },
    /// A segment was not captured.
    LostSegment {
        /// Whose bytes.
        side: Side,
        /// What is missing.
        loss: Loss,
    },
    /// The stream ends in the middle of a record.
    CutRecord {
        /// Whose record.
        side: Side,
        /// Where in the stream it starts.
        offset: u64,
    },
    /// It is not TLS.
    NotTls {
        /// What it is instead, if that can be told.
        instead: Option<Impostor>,
    },
    /// A version without a room in this library: TLS 1.1 and before.
    UnknownVersion(ProtocolVersion),
    /// A cipher suite that is not in the table.
    UnknownCipherSuite(CipherSuite),
    /// The plaintext is compressed, which nobody should do (RFC 7525 section 3.3).
    Compressed,
    /// The secret that was given is not this session's: its first record does not open.
    WrongSecret {
        /// Whose record.
        side: Side,
        /// Where the secret is from.
        source: SecretSource,
    },
    /// A record does not open, although others before it did.
    DoesNotOpen {
        /// Whose record.
        side: Side,
        /// Where in the stream it starts.
        offset: u64,
    },
    /// Bytes are not what they should be.
    Malformed {
        /// Whose bytes.
        side: Side,
        /// Where in the stream the record starts.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// Early data that was sent, but could not be opened: refused by the server, or its secret is not known.
    EarlyData,
    /// More would have to be held in memory than is allowed.
    LimitReached {
        /// Whose bytes.
        side: Side,
    },
}

/// Where the secret of a session is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretSource {
    /// A key log, or secrets embedded in the capture.
    KeyLog,
    /// The private key of the certificate.
    PrivateKey,
    /// A pre-shared key.
    Psk,
    /// The session that it resumes, earlier in the same capture.
    Original,
    /// The session in a ticket, opened with the ticket key.
    Ticket,
}

impl SecretSource {
    /// In a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyLog => "key log",
            Self::PrivateKey => "private key",
            Self::Psk => "pre-shared key",
            Self::Original => "original session",
            Self::Ticket => "ticket",
        }
    }
}

impl Reason {
    /// A word for tables and programs; it will not change.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EphemeralExchange { .. } => "ephemeral_exchange",
            Self::NoKeyLogLine { .. } => "no_key_log_line",
            Self::KeyLogLacks { .. } => "key_log_lacks_label",
            Self::NoPrivateKey { .. } => "no_private_key",
            Self::KeyIsNotThisCertificates { .. } => "key_is_not_this_certificates",
            Self::NoPsk { .. } => "no_psk",
            Self::OriginalNotCaptured { .. } => "original_not_captured",
            Self::OriginalNotOpened { .. } => "original_not_opened",
            Self::TicketDoesNotOpen { .. } => "ticket_does_not_open",
            Self::EphemeralBesidePsk { .. } => "ephemeral_beside_psk",
            Self::ExtendedMasterSecretNeedsHandshake => "extended_master_secret_needs_handshake",
            Self::HandshakeNotCaptured => "handshake_not_captured",
            Self::HandshakeIncomplete { .. } => "handshake_incomplete",
            Self::HandshakeFailed { .. } => "handshake_failed",
            Self::KeyUpdate { .. } => "key_update",
            Self::TruncatedCapture { .. } => "truncated_capture",
            Self::LostSegment { .. } => "lost_segment",
            Self::CutRecord { .. } => "cut_record",
            Self::NotTls { .. } => "not_tls",
            Self::UnknownVersion(_) => "unknown_version",
            Self::UnknownCipherSuite(_) => "unknown_cipher_suite",
            Self::Compressed => "compressed",
            Self::WrongSecret { .. } => "wrong_secret",
            Self::DoesNotOpen { .. } => "does_not_open",
            Self::Malformed { .. } => "malformed",
            Self::EarlyData => "early_data",
            Self::LimitReached { .. } => "limit_reached",
        }
    }

    /// What would open it, in one sentence. None if nothing can.
    pub const fn needed(&self) -> Option<&'static str> {
        Some(match self {
            Self::EphemeralExchange { .. }
            | Self::EphemeralBesidePsk { .. }
            | Self::NoKeyLogLine { have_log: false, .. } => {
                "a key log that one of the two ends wrote during this session (SSLKEYLOGFILE)"
            }
            Self::NoKeyLogLine { .. } => "the key log of the time of this session",
            Self::KeyLogLacks { .. } => "a key log with all lines of the session",
            Self::NoPrivateKey { .. } | Self::KeyIsNotThisCertificates { .. } => {
                "the private key of this certificate, or a key log"
            }
            Self::NoPsk { .. } => "the pre-shared key of this identity, or a key log",
            Self::OriginalNotCaptured { .. } => {
                "the capture of the full handshake that this session resumes, or a key log"
            }
            Self::TicketDoesNotOpen { .. } => {
                "the server's ticket key of that time, the capture of the session that was resumed, or a key log"
            }
            Self::OriginalNotOpened { .. } => "what opens the session that this one resumes, or a key log",
            Self::ExtendedMasterSecretNeedsHandshake => {
                "a capture with every handshake message, or a key log with the master secret (CLIENT_RANDOM)"
            }
            Self::HandshakeNotCaptured => {
                "a capture that starts before the connection does: the hellos say which keys belong to it"
            }
            Self::HandshakeIncomplete { .. } | Self::CutRecord { .. } => {
                "a capture that goes on to the end of the connection"
            }
            Self::KeyUpdate { .. } | Self::LostSegment { .. } => {
                "a capture without loss: a larger buffer (tcpdump -B), or a filter that keeps less"
            }
            Self::TruncatedCapture { .. } => "a capture with whole packets (tcpdump -s 0)",
            Self::WrongSecret { .. } => "the secret of this session",
            Self::EarlyData => {
                "the CLIENT_EARLY_TRAFFIC_SECRET of this session; but what the server refused is gone"
            }
            Self::LimitReached { .. } => "a larger limit",
            Self::HandshakeFailed { .. }
            | Self::NotTls { .. }
            | Self::UnknownVersion(_)
            | Self::UnknownCipherSuite(_)
            | Self::Compressed
            | Self::DoesNotOpen { .. }
            | Self::Malformed { .. } => return None,
        })
    }

    /// Whether the capture is at fault, and not the keys: parts of it are missing or damaged.
    pub const fn is_incomplete(&self) -> bool {
        matches!(
            self,
            Self::HandshakeNotCaptured
                | Self::HandshakeIncomplete { .. }
                | Self::ExtendedMasterSecretNeedsHandshake
                | Self::KeyUpdate { .. }
                | Self::TruncatedCapture { .. }
                | Self::LostSegment { .. }
                | Self::CutRecord { .. }
                | Self::LimitReached { .. }
        )
    }
}

/// `ECDHE with x25519`.
struct Exchange(KeyExchange, Option<NamedGroup>);

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (KeyExchange::Tls13, Some(group)) => write!(f, "TLS 1.3 with {group}"),
            (KeyExchange::Tls13, None) => f.write_str("PSK"),
            (exchange, Some(group)) => write!(f, "{} with {group}", exchange.name()),
            (exchange, None) => f.write_str(exchange.name()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EphemeralExchange { exchange, group } => write!(
                f,
                "ephemeral exchange ({}): the private key signs, it does not carry the secret",
                Exchange(*exchange, *group)
            ),
            Self::NoKeyLogLine { exchange, group, have_log } => {
                let exchange = Exchange(*exchange, *group);
                match have_log {
                    true => write!(f, "no key log line for this session ({exchange})"),
                    false => write!(f, "no key log ({exchange})"),
                }
            }
            Self::KeyLogLacks { label } => write!(f, "the key log has no {label} for this session"),
            Self::NoPrivateKey { exchange, subject } => write!(
                f,
                "static {} exchange: the private key of the certificate for {} carries the secret",
                exchange.name(),
                subject.escape_debug()
            ),
            Self::KeyIsNotThisCertificates { subject } => {
                write!(f, "the key is not this certificate's ({})", subject.escape_debug())
            }
            Self::NoPsk { identity } => {
                write!(f, "the pre-shared key of identity {} is not known", identity.escape_ascii())
            }
            Self::OriginalNotCaptured { how } => {
                write!(f, "resumed ({how}), and the original session was not captured")
            }
            Self::OriginalNotOpened { how } => {
                write!(f, "resumed ({how}), and the original session was captured, but not opened")
            }
            Self::TicketDoesNotOpen { how } => {
                write!(f, "resumed ({how}), and none of the ticket keys sealed its ticket")
            }
            Self::EphemeralBesidePsk { group, source } => write!(
                f,
                "the pre-shared key is known (from the {}), but an ephemeral exchange{} went in beside it (psk_dhe_ke)",
                source.name(),
                group.map_or_else(String::new, |group| format!(" with {group}"))
            ),
            Self::ExtendedMasterSecretNeedsHandshake => {
                f.write_str("the extended master secret needs the whole handshake, which was cut (RFC 7627)")
            }
            Self::HandshakeNotCaptured => f.write_str("the start of the handshake was not captured"),
            Self::HandshakeIncomplete { last } => write!(f, "the handshake ends after {last}"),
            Self::HandshakeFailed { by, alert } => {
                write!(f, "the handshake failed: the {} said {alert}", by.name())
            }
            Self::KeyUpdate { side } => {
                write!(
                    f,
                    "key update: nothing of the {}'s stream opens after what is missing, so its keys changed there",
                    side.name()
                )
            }
            Self::TruncatedCapture { side, loss } => write!(
                f,
                "truncated capture: {} bytes of the {}'s stream at offset {} were cut off",
                loss.len,
                side.name(),
                loss.offset
            ),
            Self::LostSegment { side, loss } => write!(
                f,
                "lost segment: {} bytes of the {}'s stream at offset {} were not captured",
                loss.len,
                side.name(),
                loss.offset
            ),
            Self::CutRecord { side, offset } => {
                write!(f, "the {}'s stream ends in the middle of the record at offset {offset}", side.name())
            }
            Self::NotTls { instead } => f.write_str(match instead {
                Some(Impostor::Http) => "not TLS, but HTTP",
                Some(Impostor::PlainText) => "not TLS, but a protocol in plain text",
                Some(Impostor::Ssl2) => "not TLS, but SSL 2.0",
                None => "not TLS",
            }),
            Self::UnknownVersion(version) => write!(f, "version {version} is not supported"),
            Self::UnknownCipherSuite(suite) => write!(f, "cipher suite {suite} is not supported"),
            Self::Compressed => f.write_str("the records are compressed"),
            Self::WrongSecret { side, source } => write!(
                f,
                "wrong secret: the {}'s first record does not open with what the {} gave",
                side.name(),
                source.name()
            ),
            Self::DoesNotOpen { side, offset } => {
                write!(f, "the {}'s record at offset {offset} does not open", side.name())
            }
            Self::Malformed { side, offset, what } => {
                write!(f, "malformed at offset {offset} of the {}'s stream: {what}", side.name())
            }
            Self::EarlyData => f.write_str("early data could not be opened"),
            Self::LimitReached { side } => {
                write!(f, "too much of the {}'s stream would have to be held in memory", side.name())
            }
        }
    }
}
