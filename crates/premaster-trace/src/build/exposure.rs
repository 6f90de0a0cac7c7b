//! What opens if something leaks later, and what that says of forward secrecy.
use super::wire::Whole;
use crate::model::{Exposure, KeyPair, KeyPairKind, Opens, Summary};
use premaster::{
    exchange::{Group, GroupKind},
    suite::{Authentication, KeyExchange, Suite},
    wire::NamedGroup,
};

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
}

pub(crate) fn list(summary: &Summary, messages: &[Whole], keys: &[KeyPair]) -> Vec<Exposure> {
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
    };
    let mut exposures = Vec::new();
    certificate_key(&mut exposures, &facts);
    ticket_key(&mut exposures, &facts);
    ephemeral(&mut exposures, &facts);
    psk(&mut exposures, &facts);
    quantum(&mut exposures, &facts);
    exposures
}

fn push(exposures: &mut Vec<Exposure>, leak: &str, opens: Opens, because: impl Into<String>) {
    exposures.push(Exposure { leak: leak.to_owned(), opens, because: because.into() });
}

fn certificate_key(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    let exchange = facts.suite.key_exchange;
    if facts.resumed.is_some() || facts.tls13 && facts.psk {
        push(
            exposures,
            "the server's certificate key",
            Opens::Nothing,
            "no certificate took part: this connection rests on a key from before",
        );
    } else if exchange.is_static() {
        let because = match exchange {
            KeyExchange::Rsa | KeyExchange::RsaPsk => {
                "it decrypts the pre-master secret that ClientKeyExchange carries"
            }
            _ => "it agrees with the client's public key on the same pre-master secret",
        };
        // With a pre-shared key beside it the certificate key alone is not enough.
        let opens = if exchange.has_psk() { Opens::Nothing } else { Opens::EveryConnection };
        push(exposures, "the server's certificate key", opens, because);
    } else if exchange.has_certificate() {
        push(
            exposures,
            "the server's certificate key",
            Opens::Nothing,
            "it only signed; but from now on the thief can pose as the server",
        );
    }
    if facts.client_certificate {
        push(
            exposures,
            "the client's certificate key",
            Opens::Nothing,
            "it only signed; but from now on the thief can pose as the client",
        );
    }
}

fn ticket_key(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    let leak = "the server's ticket key";
    match (facts.tls13, facts.resumed, facts.ticket_issued) {
        (false, Some("id"), _) => push(
            exposures,
            "the server's store of sessions",
            Opens::ThisConnection,
            "it keeps the master secret of the session that was resumed",
        ),
        (false, Some("ticket"), _) | (false, _, true) => push(
            exposures,
            leak,
            Opens::EveryConnection,
            "the ticket that crossed the wire holds this session's master secret",
        ),
        (true, Some(_), _) if !facts.fresh => {
            push(
                exposures,
                leak,
                Opens::EveryConnection,
                "the ticket holds the pre-shared key, and no fresh key went in",
            );
        }
        (true, Some("early_data"), _) => {
            push(exposures, leak, Opens::EarlyData, "the early data rests on the ticket's key alone");
        }
        (true, Some(_), _) | (true, None, true) => push(
            exposures,
            leak,
            Opens::LaterConnections,
            "a ticket holds a PSK: what is sent early with it opens, all else only if it forgoes a fresh key (psk_ke)",
        ),
        _ => {}
    }
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
        push(exposures, "one ephemeral private key", Opens::ThisConnection, because);
    }
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
    push(exposures, "the pre-shared key", opens, because);
}

fn quantum(exposures: &mut Vec<Exposure>, facts: &Facts<'_>) {
    let leak = "a quantum computer, one day";
    let exchange = facts.suite.key_exchange;
    match facts.group {
        Some(group) if group.quantum_safe => push(
            exposures,
            leak,
            Opens::Nothing,
            format!(
                "{} holds as long as ML-KEM does; forging signatures later opens nothing recorded",
                group.code
            ),
        ),
        _ if facts.resumed.is_some() && !facts.tls13 => push(
            exposures,
            leak,
            Opens::ThisConnection,
            "if the session's first handshake was recorded: it breaks the key exchange there",
        ),
        _ if facts.resumed.is_some() => push(
            exposures,
            leak,
            Opens::ThisConnection,
            "if the session's first handshake was recorded too: it breaks the key exchanges there and here",
        ),
        _ if facts.psk && (facts.tls13 || !exchange.is_ephemeral()) && exchange != KeyExchange::RsaPsk => {
            push(
                exposures,
                leak,
                Opens::Nothing,
                "unless it also has the pre-shared key; the best it can do is guess that",
            )
        }
        Some(group) if group.kind == GroupKind::FiniteField => {
            push(exposures, leak, Opens::ThisConnection, "Shor's algorithm computes discrete logarithms");
        }
        Some(group) => push(
            exposures,
            leak,
            Opens::ThisConnection,
            format!("Shor's algorithm finds the private half of a key on {}", group.code),
        ),
        None => push(
            exposures,
            leak,
            Opens::ThisConnection,
            "Shor's algorithm breaks RSA and Diffie-Hellman alike",
        ),
    }
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
    match summary.resumption.as_deref() {
        Some("ticket") if tls12 => {
            return "NOT forward secret: no fresh key went in, and the ticket on the wire holds the master secret; whoever \
                    gets the ticket key can read this recording."
                .to_owned();
        }
        Some("id") if tls12 => {
            return "NOT forward secret by itself: no fresh key went in; whoever gets the master secret that the server \
                    keeps can read this recording."
                .to_owned();
        }
        _ => {}
    }
    if forward_secret && opens("the server's ticket key") {
        return "Forward secret only until the ticket key leaks: the key exchange was ephemeral, but the ticket on the wire holds the master secret."
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
