//! An experiment: connections are recorded, keys leak afterwards, and a decryptor that has the recording and the
//! keys, and nothing else, tries to read what was said.
use super::{
    demo::{NAME, Stage, bug, rsa, version12},
    fixtures::NOW,
    link::Link,
    tape::Tape,
};
use crate::{failure::Failure, peer::hex};
use premaster::{
    Error, Policy,
    config::{ClientConfigBuilder, LegacyOptIn, ServerConfigBuilder, ServerSessions},
    pki_types::UnixTime,
    resume::{Miss, Rotation, TicketKeys},
    wire::{CipherSuite as Suite, HandshakeType, NamedGroup as Group, message::NewSessionTicket12},
};
use premaster_capture::{Capture, KeyStore, Options, Session};
use std::{fmt::Write, sync::Arc, time::Duration};

/// What it is called.
pub(super) const EXPERIMENT: &str = "forward-secrecy";

/// What it shows.
pub(super) const TITLE: &str =
    "an experiment: keys leak after the recording, and a decryptor tries what it can still read";

/// How long a key seals tickets, and how long it opens them after that.
const SEALS: u64 = 3600;
const OPENS: u64 = 24 * 3600;

/// The key of the server's certificate, as a thief has it.
const STOLEN: &[u8] = include_bytes!("../../fixtures/demo/rsa.key");

type Wire = Vec<(bool, Vec<u8>)>;

/// Runs it, and tells.
pub(super) fn run() -> Result<String, Failure> {
    let by_rsa = {
        let stage = Stage::named("client of the first", "server of the first");
        let policy = version12(Suite::TLS_RSA_WITH_AES_128_GCM_SHA256, Group::x25519);
        let opt_in = || LegacyOptIn::for_every_peer("a demonstration of why nobody should");
        let server = stage.server(policy.clone(), rsa()?).allow_legacy(opt_in());
        record(stage.client(policy)?.allow_legacy(opt_in()), server)?
    };
    let by_ecdhe = {
        let stage = Stage::named("client of the second", "server of the second");
        let policy = ecdhe();
        let server = stage.server(policy.clone(), rsa()?);
        record(stage.client(policy)?, server)?
    };
    let keys =
        Arc::new(TicketKeys::rotating(Rotation::new(Duration::from_secs(SEALS), Duration::from_secs(OPENS))));
    let with_ticket = {
        let stage = Stage::named("client of the third", "server of the third");
        let policy = ecdhe();
        let sessions = ServerSessions::none().with_tickets(Arc::clone(&keys));
        let cache = Arc::new(premaster::resume::SessionCache::new(1, 1));
        let client = stage.client(policy.clone())?;
        let client = client.resumption(premaster::config::ClientResumption::with(cache));
        record(client, stage.server(policy, rsa()?).sessions(sessions))?
    };
    tell(&by_rsa, &by_ecdhe, &with_ticket, &keys)
}

fn ecdhe() -> Policy {
    version12(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, Group::x25519)
}

fn record(client: ClientConfigBuilder, server: ServerConfigBuilder) -> Result<Wire, Failure> {
    let mut link: Link = Stage::link(client, server, NAME)?;
    let play = |link: &mut Link| -> Result<(), Error> {
        link.run()?;
        link.talk()?;
        link.close()
    };
    play(&mut link).map_err(bug)?;
    Ok(std::mem::take(&mut link.wire))
}

fn tell(by_rsa: &Wire, by_ecdhe: &Wire, with_ticket: &Wire, keys: &TicketKeys) -> Result<String, Failure> {
    let mut out = String::from(
        "Recorded, at noon: three connections to the same server, in each of which the\n\
         client asks and the server answers.\n\
         \x20 1  TLS 1.2, RSA: the client encrypts the secret to the certificate's key\n\
         \x20 2  TLS 1.2, ECDHE: keys made for the connection agree, the certificate's signs\n\
         \x20 3  as 2, and the server gives the client a ticket\n\n\
         The key of the server's certificate leaks. A decryptor gets the recording and\n\
         this key, and nothing else.\n",
    );
    let mut stolen = KeyStore::new();
    stolen.add_private_keys(STOLEN).map_err(bug)?;
    let sessions = decrypt(&[by_rsa, by_ecdhe, with_ticket], &stolen)?;
    let opens: Vec<bool> = sessions.iter().map(|session| session.outcome.reason().is_none()).collect();
    if opens != [true, false, false] {
        return Err(bug(format!("the stolen key opens {opens:?}")));
    }
    for (number, session) in (1..).zip(&sessions) {
        verdict(&mut out, number, session);
    }

    out.push_str(
        "\nThe server's key for tickets leaks instead. It seals for an hour, opens for a\n\
         day more, and is then erased; what the server still has the thief gets.\n",
    );
    let ticket = find_ticket(with_ticket).ok_or_else(|| bug("no ticket crossed the wire"))?;
    let hours = [("an hour later", 3600, true), ("two days later", 48 * 3600, false)];
    for (when, seconds, opens) in hours {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW + seconds));
        let mut found = KeyStore::new();
        let miss = match keys.open(now, &ticket) {
            Ok(session) => {
                found.add_key_log(&key_log_line(with_ticket, session.secret.expose()));
                None
            }
            Err(miss) => Some(miss),
        };
        let sessions = decrypt(&[with_ticket], &found)?;
        let session = sessions.first().ok_or_else(|| bug("the recording is empty"))?;
        if session.outcome.reason().is_none() != opens {
            return Err(bug(format!("{when}: {:?}", session.outcome)));
        }
        let _ = writeln!(out, "  stolen {when}:");
        match miss {
            None => {
                out.push_str("     the ticket that crossed the wire opens, and holds the master secret\n");
            }
            Some(Miss::ExpiredKey) => {
                out.push_str("     the ticket does not open: its key was erased when its window ended\n");
            }
            Some(miss) => return Err(bug(format!("{miss:?}"))),
        }
        verdict(&mut out, 3, session);
    }
    let _ = write!(
        out,
        "\nSo: what RSA carried is open for as long as the certificate's key exists. What\n\
         ephemeral keys agreed on is closed when they are erased, which is at once; with\n\
         a ticket of TLS 1.2 beside it, when the ticket's key is: after {} hours at most.\n",
        keys.forward_secrecy_window().as_secs() / 3600
    );
    Ok(out)
}

/// Reads the recording of these connections with these keys.
fn decrypt(connections: &[&Wire], keys: &KeyStore) -> Result<Vec<Session>, Failure> {
    let mut tape = Tape::new();
    for (port, wire) in (50_001..).zip(connections) {
        tape.connection(port, wire);
    }
    let mut limits = premaster_capture::Limits::default();
    limits.plaintext = 1 << 10;
    let capture = Capture::read(tape.as_slice(), keys, Options::default().limits(limits)).map_err(bug)?;
    let mut sessions = capture.collect::<Result<Vec<_>, _>>().map_err(bug)?;
    sessions.sort_by_key(|session| session.stream);
    Ok(sessions)
}

fn verdict(out: &mut String, number: u32, session: &Session) {
    let Some(reason) = session.outcome.reason() else {
        let _ = writeln!(out, "  {number}  open:");
        let said = [("client", &session.plaintext.client), ("server", &session.plaintext.server)];
        for (who, bytes) in said {
            let _ = writeln!(out, "       {who}: {:?}", String::from_utf8_lossy(bytes));
        }
        return;
    };
    let _ = writeln!(out, "  {number}  closed:");
    for line in wrap(&reason.to_string()) {
        let _ = writeln!(out, "       {line}");
    }
}

/// In lines that fit eighty columns.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 72 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The ticket of TLS 1.2, which crosses the wire in the clear.
fn find_ticket(wire: &Wire) -> Option<Vec<u8>> {
    let mut found = None;
    for (_, bytes) in wire.iter().filter(|(from_client, _)| !from_client) {
        let mut rest = bytes.as_slice();
        while let [content_type, _, _, high, low, ..] = rest {
            let end = 5 + usize::from(u16::from_be_bytes([*high, *low]));
            let (record, later) = rest.split_at_checked(end)?;
            if let (22, [kind, _, _, _, body @ ..]) = (*content_type, &record[5..])
                && *kind == HandshakeType::NEW_SESSION_TICKET.0
                && let Ok(message) = NewSessionTicket12::decode(body)
            {
                found = Some(message.ticket.to_vec());
            }
            rest = later;
        }
    }
    found
}

/// What the thief writes down to read the recording with: RFC 9850 section 2.2.
fn key_log_line(wire: &Wire, master: &[u8]) -> Vec<u8> {
    // ClientHello.random: after the record's header, the message's, and the version.
    let random = wire.first().and_then(|(_, hello)| hello.get(11..43)).unwrap_or_default();
    format!("CLIENT_RANDOM {} {}\n", hex(random), hex(master)).into_bytes()
}
