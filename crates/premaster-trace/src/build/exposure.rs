//! What opens if something leaks later, and what that says of forward secrecy.
use super::{
    Told,
    held::{Holding, utc},
    wire::Whole,
};
use crate::model::{Exposure, Held, KeyPair, KeyPairKind, Opens, Receipt, Side, Summary};
use premaster::{
    exchange::{Group, GroupKind},
    observe::Kept,
    suite::{Authentication, KeyExchange, Suite},
    wire::NamedGroup,
};

const TICKET_KEY: &str = "the server's ticket key";
const STORE: &str = "the server's store of sessions";

/// What the list is made from.
pub(crate) struct Seen<'a> {
    pub(crate) told: &'a Told<'a>,
    pub(crate) summary: &'a Summary,
    pub(crate) messages: &'a [Whole],
    pub(crate) keys: &'a [KeyPair],
    pub(crate) receipt: &'a Receipt,
}

/// Everything that matters of a connection for whoever recorded it.
struct Facts<'f> {
    suite: &'static Suite,
    group: Option<&'static Group>,
    tls13: bool,
    /// Whether a fresh key exchange went into this connection's keys.
    fresh: bool,
    psk: bool,
    resumed: Option<&'f str>,
    ticket_issued: bool,
    early_data: bool,
    /// Whether an end was seen to erase its ephemeral keys; a capture does not show that.
    erased: bool,
    client_certificate: bool,
    held: Holding<'f>,
}

pub(crate) fn list(seen: &Seen<'_>) -> Vec<Exposure> {
    let &Seen { told, summary, messages, keys, receipt } = seen;
    let Some(suite) = summary.cipher_suite.as_deref().and_then(Suite::parse) else { return Vec::new() };
    if !summary.established {
        return Vec::new();
    }
    let tls13 = suite.key_exchange == KeyExchange::Tls13;
    let selected =
        messages.iter().any(|whole| whole.is("ServerHello") && whole.find("selected_identity").is_some());
    let resumed = summary.resumption.as_deref().filter(|how| *how != "full");
    let answered =
        messages.iter().any(|whole| whole.is("ServerHello") && whole.find("key_exchange").is_some());
    let fresh = keys.iter().any(|key| key.kind == KeyPairKind::Ephemeral && key.sent_in.is_some())
        && (answered || !tls13)
        && (resumed.is_none() || tls13);
    let facts = Facts {
        suite,
        group: summary.group.as_deref().and_then(NamedGroup::from_name).and_then(Group::find),
        tls13,
        fresh,
        psk: selected || suite.key_exchange.has_psk(),
        resumed,
        ticket_issued: messages.iter().any(|whole| whole.is("NewSessionTicket")),
        early_data: resumed == Some("early_data"),
        erased: keys.iter().any(|key| key.erased),
        client_certificate: keys.iter().any(|key| key.id == "client.long_term"),
        held: Holding::new(told, messages, receipt),
    };
    let mut exposures = Vec::new();
    certificate_key(&mut exposures, &facts);
    ticket_key(&mut exposures, &facts);
    cache(&mut exposures, &facts);
    ephemeral(&mut exposures, &facts);
    memory(&mut exposures, &facts);
    psk(&mut exposures, &facts);
    replay(&mut exposures, &facts);
    quantum(&mut exposures, &facts);
    exposures
}

fn push(
    exposures: &mut Vec<Exposure>,
    leak: &str,
    opens: Opens,
    because: impl Into<String>,
    held: impl Into<Option<Held>>,
) {
    exposures.push(Exposure { leak: leak.to_owned(), opens, because: because.into(), held: held.into() });
}

fn certificate_key(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    const SERVER: &str = "the server's certificate key";
    let exchange = facts.suite.key_exchange;
    let harmless = |side| Holding::for_good(&[side], "for as long as it likes: it opens nothing of this");
    if facts.resumed.is_some() || facts.tls13 && facts.psk {
        let because = "no certificate took part: this connection rests on a key from before";
        push(exposures, SERVER, Opens::Nothing, because, harmless(Side::Server));
    } else if exchange.is_static() {
        let because = match exchange {
            KeyExchange::Rsa | KeyExchange::RsaPsk => {
                "it decrypts the pre-master secret that ClientKeyExchange carries"
            }
            _ => "it agrees with the client's public key on the same pre-master secret",
        };
        // With a pre-shared key beside it the certificate key alone is not enough.
        let opens = if exchange.has_psk() { Opens::Nothing } else { Opens::EveryConnection };
        let held = Holding::for_good(
            &[Side::Server],
            "and as long as there is a copy of it: this recording never closes",
        );
        push(exposures, SERVER, opens, because, held);
    } else if exchange.has_certificate() {
        let because = "it only signed; but from now on the thief can pose as the server";
        push(exposures, SERVER, Opens::Nothing, because, harmless(Side::Server));
    }
    if facts.client_certificate {
        let because = "it only signed; but from now on the thief can pose as the client";
        push(exposures, "the client's certificate key", Opens::Nothing, because, harmless(Side::Client));
    }
}

/// What the server keeps to resume with: a key for tickets, or the sessions themselves.
fn ticket_key(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    let held = &facts.held;
    match (facts.tls13, facts.resumed, facts.ticket_issued) {
        (false, Some("id"), _) => push(
            exposures,
            STORE,
            Opens::ThisConnection,
            "it keeps the master secret of the session that was resumed",
            held.kept(Kept::Store),
        ),
        (false, Some("ticket"), _) | (false, _, true) => push(
            exposures,
            TICKET_KEY,
            Opens::EveryConnection,
            "the ticket that crossed the wire holds this session's master secret",
            held.kept(Kept::TicketKey),
        ),
        (false, None, false) if held.until(Kept::Store).is_some() => push(
            exposures,
            STORE,
            Opens::ThisConnection,
            "it keeps this session's master secret, to resume it by its ID",
            held.kept(Kept::Store),
        ),
        (true, Some(_), _) if !facts.fresh => push(
            exposures,
            TICKET_KEY,
            Opens::EveryConnection,
            "the ticket holds the pre-shared key, and no fresh key went in",
            held.kept(Kept::TicketKey),
        ),
        (true, Some("early_data"), _) => push(
            exposures,
            TICKET_KEY,
            Opens::EarlyData,
            "the early data rests on the ticket's key alone",
            held.kept(Kept::TicketKey),
        ),
        (true, Some(_), _) | (true, None, true) => {
            // What looks like a ticket may be the name of what is stored.
            let is_stored = held.until(Kept::Store).is_some() && held.until(Kept::TicketKey).is_none();
            let (leak, kept, what) = match is_stored {
                true => (STORE, Kept::Store, "it has"),
                false => (TICKET_KEY, Kept::TicketKey, "a ticket holds"),
            };
            let because = format!(
                "{what} a PSK: what is sent early with it opens, all else only if it forgoes a fresh key (psk_ke)"
            );
            push(exposures, leak, Opens::LaterConnections, because, held.kept(kept));
        }
        _ => {}
    }
}

/// What the client keeps to resume with.
fn cache(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    if facts.held.is_observed(Side::Client) && facts.held.until(Kept::Cache).is_none() {
        return;
    }
    if !facts.ticket_issued && facts.held.until(Kept::Cache).is_none() {
        return;
    }
    let (opens, because) = match facts.tls13 {
        true => (
            Opens::LaterConnections,
            "it has a PSK for a later connection, from which nothing of this one can be computed",
        ),
        false => (Opens::ThisConnection, "to resume the session it keeps the master secret"),
    };
    push(exposures, "the client's cache of sessions", opens, because, facts.held.kept(Kept::Cache));
}

fn ephemeral(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    if facts.fresh && !facts.suite.key_exchange.is_static() {
        let fate = match facts.erased {
            true => "it was erased, and served no other connection",
            false => {
                "it should be erased by now, and serve no other connection, which the wire does not show"
            }
        };
        let because = format!("with the other side's public key it makes the shared secret; but {fate}");
        let held = facts.held.in_memory(|life| life.name.starts_with("ephemeral key"));
        push(exposures, "one ephemeral private key", Opens::ThisConnection, because, held);
    }
}

/// What the ends have in memory as long as the connection lives.
fn memory(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    let (leak, because) = match facts.tls13 {
        true => (
            "the traffic secrets",
            "the keys of the records come from them: each end has them until it closes",
        ),
        false => ("the master secret", "every key comes from it: each end has it until it closes"),
    };
    let held = facts.held.in_memory(|life| match facts.tls13 {
        true => life.name.contains("application_traffic_secret"),
        false => life.name == "master_secret",
    });
    push(exposures, leak, Opens::ThisConnection, because, held);
}

fn psk(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    if !facts.psk {
        return;
    }
    let (opens, because) = match (facts.fresh, facts.early_data) {
        (false, _) => (Opens::EveryConnection, "nothing else went into the keys"),
        (true, true) => {
            (Opens::EarlyData, "the early data rests on it alone; the rest also on a fresh key exchange")
        }
        (true, false) => (Opens::Nothing, "a fresh key exchange went into the keys as well"),
    };
    let held = match facts.resumed {
        Some(_) => {
            let held = facts.held.kept(Kept::TicketKey);
            Held { text: format!("whoever has the ticket and its key: {}", held.text), ..held }
        }
        None => Holding::for_good(&[Side::Client, Side::Server], "as long as either of them keeps it"),
    };
    push(exposures, "the pre-shared key", opens, because, held);
}

/// What needs no leak: early data can be sent again (RFC 9846 section 8).
fn replay(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    if facts.early_data {
        let because = "it is read by nobody, but a server that does not see to it that a ticket brings early data once, and only while it is fresh, does again what it asks for";
        push(exposures, "the early data, sent again", Opens::Nothing, because, None);
    }
}

fn quantum(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    let exchange = facts.suite.key_exchange;
    let (opens, because) = match facts.group {
        Some(group) if group.quantum_safe => (
            Opens::Nothing,
            format!(
                "{} holds as long as ML-KEM does; forging signatures later opens nothing recorded",
                group.code
            ),
        ),
        _ if facts.resumed.is_some() => (
            Opens::ThisConnection,
            match facts.tls13 {
                false => "if the session's first handshake was recorded: it breaks the key exchange there",
                true => "if the session's first handshake was recorded too: it breaks the key exchanges there and here",
            }
            .to_owned(),
        ),
        _ if facts.psk && (facts.tls13 || !exchange.is_ephemeral()) && exchange != KeyExchange::RsaPsk => (
            Opens::Nothing,
            "unless it also has the pre-shared key; the best it can do is guess that".to_owned(),
        ),
        Some(group) if group.kind == GroupKind::FiniteField => {
            (Opens::ThisConnection, "Shor's algorithm computes discrete logarithms".to_owned())
        }
        Some(group) => (
            Opens::ThisConnection,
            format!("Shor's algorithm finds the private half of a key on {}", group.code),
        ),
        None => (Opens::ThisConnection, "Shor's algorithm breaks RSA and Diffie-Hellman alike".to_owned()),
    };
    let held = opens
        .opens_this()
        .then(|| Holding::for_good(&[], "nobody yet, and without an end: what is recorded stays recorded"));
    push(exposures, "a quantum computer, one day", opens, because, held);
}

/// The last line.
pub(crate) fn verdict(summary: &Summary, exposures: &[Exposure], keys: &[KeyPair]) -> String {
    if let Some(failure) = summary.failure.as_ref().filter(|_| !summary.established) {
        return format!(
            "No connection: the {} gave up. {}.",
            failure.side.name(),
            capitalized(&failure.what)
        );
    }
    match &summary.closed {
        _ if summary.established => {}
        Some(closed) => return format!("Not decrypted: {}.", closed.reason),
        None => return "The handshake was not finished.".to_owned(),
    }
    let opens = |leak: &str| {
        exposures.iter().find(|exposure| exposure.leak == leak).is_some_and(|e| e.opens.opens_this())
    };
    let forward_secret = summary.forward_secret.unwrap_or(false);
    let suite = summary.cipher_suite.as_deref().and_then(Suite::parse);
    let tls12 = suite.is_some_and(|suite| suite.key_exchange != KeyExchange::Tls13);
    let ticket_key = exposures.iter().find(|exposure| exposure.leak == TICKET_KEY);
    let erased = ticket_key.and_then(|exposure| exposure.held.as_ref()?.time);
    let erased = erased.map_or_else(String::new, |time| format!(" before it is erased at {}", utc(time)));
    match summary.resumption.as_deref() {
        Some("ticket") if tls12 => {
            return format!(
                "NOT forward secret: no fresh key went in, and the ticket on the wire holds the master secret; whoever gets the ticket key{erased} can read this recording."
            );
        }
        Some("id") if tls12 => {
            return "NOT forward secret by itself: no fresh key went in; whoever gets the master secret that the server \
                    keeps can read this recording."
                .to_owned();
        }
        _ => {}
    }
    if forward_secret && opens(TICKET_KEY) {
        return format!(
            "Forward secret, unless the ticket key leaks{erased}: the key exchange was ephemeral, but the ticket on the wire holds the master secret."
        );
    }
    if forward_secret && opens(STORE) {
        return "Forward secret, unless the stored session leaks: the key exchange was ephemeral, but the server's store keeps the master secret."
            .to_owned();
    }
    let group = summary.group.as_deref().unwrap_or("the key exchange");
    let erased = if keys.iter().any(|key| key.erased) { " and erased" } else { "" };
    let rests = format!("the keys rest on ephemeral {group} keys that were made for this connection{erased}");
    let psk = exposures.iter().any(|exposure| exposure.leak == "the pre-shared key");
    let early = summary.resumption.as_deref() == Some("early_data");
    match forward_secret {
        true if suite.is_some_and(|suite| suite.authentication == Authentication::Anonymous) => {
            format!("Forward secret, and worth little: {rests}, but nobody showed who they are; whoever sits in the middle reads everything.")
        }
        true if early => {
            format!("Forward secret but for the early data, which rests on the pre-shared key alone; for the rest {rests}.")
        }
        true if psk => format!("Forward secret: {rests}; the pre-shared key only shows who takes part."),
        true => format!("Forward secret: {rests}; the certificate's key only signed."),
        false if opens("the pre-shared key") => {
            "NOT forward secret: the keys rest on the pre-shared key alone; whoever gets it can read this recording."
                .to_owned()
        }
        false if opens("the server's certificate key") => {
            "NOT forward secret: the keys rest on the certificate's key; whoever gets it, ever, can read this recording."
                .to_owned()
        }
        false => "NOT forward secret: the keys rest on secrets that outlive this connection.".to_owned(),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_letters() {
        assert_eq!(capitalized("no common group"), "No common group");
    }
}
