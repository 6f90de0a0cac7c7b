//! The transport ended before the handshake did.
use super::{
    Lost, Seen,
    advice::{How, verdict},
    lists::quoted,
    probe,
};
use crate::{
    build::Whole,
    model::{Blame, Diagnosis, Kind, Side},
};

/// What fits into one packet on nearly every path, in bytes.
pub(super) const ONE_PACKET: usize = 1400;

pub(super) fn judge(seen: &Seen<'_>) -> Option<Diagnosis> {
    let (side, lost) = seen.lost?;
    let peer = side.peer();
    if seen.established {
        return matches!(lost, Lost::Closed | Lost::Reset).then(|| {
            let what =
                format!("the {} ended the connection without close_notify: data may be missing", peer.name());
            verdict(Kind::CutOff, Blame::Network, "close_notify", "RFC 9846 section 6.1", what)
                .change(seen, peer, "let it send close_notify before it closes", How::Words)
                .likely()
        });
    }
    let to_hello = side == Side::Client && !seen.messages.iter().any(|whole| whole.sender == Side::Server);
    if to_hello && let Some(diagnosis) = probe::intolerance(seen) {
        return Some(diagnosis);
    }
    if lost == Lost::Unrecorded {
        return Some(unrecorded(seen, peer));
    }
    let hello = seen.hello().unwrap_or_default();
    if to_hello && lost == Lost::Silent && hello.length > ONE_PACKET && seen.circumstances.probed.is_empty() {
        return Some(large(seen, hello.length, &hello.shares).likely());
    }
    let (kind, did, rfc) = match lost {
        Lost::Closed => (Kind::ClosedInHandshake, "closed the connection", "RFC 9846 section 6.1"),
        Lost::Reset => (Kind::ResetInHandshake, "reset the connection", "RFC 9846 section 6"),
        Lost::Silent | Lost::Unrecorded => (Kind::Silence, "said nothing in time", "RFC 9846 section 4"),
    };
    let after = match (seen.last_of(peer), seen.last_of(side)) {
        (Some(last), _) => format!("after its {last}"),
        (None, Some(last)) => format!("after the {}'s {last}", side.name()),
        (None, None) => "before any message".to_owned(),
    };
    let what = format!("the {} {did} without an alert, {after}", peer.name());
    let field = seen.last_of(side).or_else(|| seen.last_of(peer)).unwrap_or("ClientHello");
    let check = match peer {
        Side::Server => {
            "check that this port speaks TLS, and what stands in between; the server's log knows more"
        }
        Side::Client => {
            "the client's log knows more: it may not believe the certificate, or be a mere port scan"
        }
    };
    let silent = "allow more time";
    let mut diagnosis =
        verdict(kind, if lost == Lost::Closed { peer.into() } else { Blame::Network }, field, rfc, what)
            .change(
                seen,
                peer,
                check,
                match peer {
                    Side::Server => {
                        How::Line("tail -f /var/log/nginx/error.log   # with: error_log ... info;")
                    }
                    Side::Client => How::Line("curl -v https://HOST/"),
                },
            );
    if lost == Lost::Silent {
        diagnosis =
            diagnosis.change(seen, side, silent, How::Option("--timeout 60", "curl --connect-timeout 60"));
    }
    Some(diagnosis.likely())
}

/// A recording that ends in the middle of the handshake does not tell whose fault that is, but whose turn it was.
fn unrecorded(seen: &Seen<'_>, peer: Side) -> Diagnosis {
    let last = seen.messages.iter().rfind(|whole| whole.handshake);
    let after = last.map_or_else(
        || "before any message".to_owned(),
        |whole| format!("after the {}'s {}", whole.sender.name(), whole.dissected.name),
    );
    let what =
        format!("the recording ends {after}: what the {} said then, if anything, is not in it", peer.name());
    let field = last.map_or("ClientHello", |whole| whole.dissected.name.as_str());
    verdict(Kind::Silence, Blame::Network, field, "RFC 9846 section 4", what)
        .change(
            seen,
            peer,
            "look whether it got this message, and what it made of it: its log knows",
            match peer {
                Side::Server => How::Line("tail -f /var/log/nginx/error.log   # with: error_log ... info;"),
                Side::Client => How::Line("curl -v https://HOST/"),
            },
        )
        .change(
            seen,
            peer.peer(),
            "record until the connection is closed: the recording may have been stopped too early",
            How::Line("tcpdump -s 0 -w FILE 'tcp port 443'"),
        )
        .likely()
}

/// Whose turn it was after the last message of the handshake.
pub(crate) fn turn(messages: &[Whole]) -> Side {
    let Some(last) = messages.iter().rfind(|whole| whole.handshake) else { return Side::Client };
    // What ends a flight; after anything else its sender had more to say.
    let ends_flight = ["ClientHello", "HelloRetryRequest", "ServerHelloDone", "Finished"]
        .contains(&last.dissected.name.as_str());
    if ends_flight { last.sender.peer() } else { last.sender }
}

/// A ClientHello of more than one packet got lost, and a smaller one did not.
pub(super) fn large(seen: &Seen<'_>, length: usize, shares: &[String]) -> Diagnosis {
    let hybrid = shares.iter().find(|name| name.to_ascii_uppercase().contains("MLKEM"));
    let because = hybrid.map_or_else(String::new, |name| format!(", because of its share for {name}"));
    let what = format!(
        "the ClientHello has {length} bytes and takes more than one packet{because}; whoever answers, or stands in \
         between, waits for no second one"
    );
    verdict(Kind::LargeHelloDropped, Blame::Network, "key_share", "RFC 9846 section 4.2.8", what)
        .change(
            seen,
            Side::Client,
            "send no share that large",
            How::Option(&format!("--group {}", quoted("x25519")), "curl --curves X25519"),
        )
        .change(
            seen,
            Side::Server,
            "let it, and what stands before it, read a ClientHello that comes in two pieces",
            How::Words,
        )
        .lists(vec![format!("{length} bytes")], vec!["one packet".to_owned()])
}
