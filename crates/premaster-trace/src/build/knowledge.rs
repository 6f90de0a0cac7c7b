//! Who knows what once a message has arrived: the client, the server, and whoever listens.
use super::{steps::Placed, wire::Whole};
use crate::model::{Action, Knowledge, Side};

/// Fills in every handshake message's line.
pub(crate) fn tell(messages: &mut [Whole], steps: &[Placed], observed: &[Side]) {
    let first = messages.iter().find(|whole| whole.handshake).map(|whole| whole.id.clone());
    let tls13 = messages.iter().any(|whole| whole.is("EncryptedExtensions"));
    for whole in messages.iter_mut() {
        match whole.dissected.name.as_str() {
            _ if whole.handshake => {}
            "application data" => {
                let said = || vec!["what was said".to_owned()];
                whole.knowledge =
                    Some(Knowledge { client: said(), server: said(), eavesdropper: overheard(whole) });
                continue;
            }
            _ => continue,
        }
        let learnt = |side: Side| match observed.contains(&side) {
            true => from_steps(side, whole, steps, first.as_deref()),
            false => inferred(side, whole, tls13),
        };
        let (mut client, mut server) = (learnt(Side::Client), learnt(Side::Server));
        let receiver = if whole.sender == Side::Client { &mut server } else { &mut client };
        if receiver.is_empty() && whole.handshake {
            receiver.push("what it says".to_owned());
        }
        whole.knowledge = Some(Knowledge { client, server, eavesdropper: overheard(whole) });
    }
}

fn from_steps(side: Side, whole: &Whole, steps: &[Placed], first: Option<&str>) -> Vec<String> {
    let mut facts: Vec<String> = Vec::new();
    for placed in steps.iter().filter(|placed| placed.step.side == side) {
        let at_start = placed.after_message.is_none() && first == Some(whole.id.as_str());
        if placed.after_message.as_deref() != Some(whole.id.as_str()) && !at_start {
            continue;
        }
        let step = &placed.step;
        let fact = match step.action {
            Action::MadeKey => {
                let algorithm =
                    step.about.as_deref().and_then(|id| id.split('.').nth(2)).unwrap_or("ephemeral");
                format!("its private {algorithm} key")
            }
            Action::ErasedKey => match facts.pop_if(|fact| fact.starts_with("its private ")) {
                Some(fact) => format!("{fact}, erased after use"),
                None => "(its private key is erased now)".to_owned(),
            },
            Action::Derived => match step.text.split(" = ").next().unwrap_or_default() {
                "key"
                | "iv"
                | "finished_key"
                | "derived_secret"
                | "client_write_MAC_key"
                | "server_write_MAC_key"
                | "client_write_key"
                | "server_write_key"
                | "client_write_IV"
                | "server_write_IV" => continue,
                name => name.to_owned(),
            },
            Action::Verified => "that the peer has the certificate's key".to_owned(),
            Action::ExaminedCertificate => match step.text.starts_with("trusts") {
                true => "who the peer claims to be".to_owned(),
                false => "that it cannot trust the peer".to_owned(),
            },
            Action::Established => "that both saw the same handshake".to_owned(),
            _ => continue,
        };
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }
    facts
}

/// What an end that was not observed must know by the rules of the protocol.
fn inferred(side: Side, whole: &Whole, tls13: bool) -> Vec<String> {
    let facts: &[&str] = match (side, whole.dissected.name.as_str(), tls13) {
        (Side::Server, "ServerHello", true) => {
            &["its private key", "shared_secret", "the handshake traffic secrets"]
        }
        (Side::Server, "Finished", true) if whole.sender == Side::Server => {
            &["the application traffic secrets"]
        }
        (Side::Server, "Finished", true) => &["that both saw the same handshake"],
        (Side::Server, "ServerKeyExchange", _) => &["its private ephemeral key"],
        (Side::Server, "ClientKeyExchange", _) => &["pre_master_secret", "master_secret", "key_block"],
        (Side::Client, "ClientHello", true) => &["its private keys"],
        (Side::Client, "ServerHello", true) => &["shared_secret", "the handshake traffic secrets"],
        (Side::Client, "ClientKeyExchange", _) => &["pre_master_secret", "master_secret", "key_block"],
        _ => &[],
    };
    facts.iter().map(|fact| (*fact).to_owned()).collect()
}

/// What crosses the wire in the clear, and no more.
fn overheard(whole: &Whole) -> Vec<String> {
    if whole.protected {
        return vec!["only that some bytes went by".to_owned()];
    }
    let has = |name: &str| whole.find(name).is_some();
    let mut facts = Vec::new();
    let mut add = |fact: &str| facts.push(fact.to_owned());
    match whole.dissected.name.as_str() {
        "ClientHello" => {
            add("client random");
            if !whole.dissected.identifying.is_empty() {
                add("the server's name");
            }
            if has("key_exchange") {
                add("the client's public keys");
            }
        }
        "ServerHello" => {
            add("server random");
            if has("key_exchange") {
                add("the server's public key: no private one, so no secret");
            }
        }
        "Certificate" => add("who the sender claims to be"),
        "ServerKeyExchange" if has("signature") => {
            add("the server's public key, and can check the signature")
        }
        "ServerKeyExchange" => add("the server's public key"),
        "ClientKeyExchange" if has("encrypted_pre_master_secret") => {
            add("the encrypted pre_master_secret: it can wait for the certificate's key");
        }
        "ClientKeyExchange" if has("psk_identity") => add("the name of the pre-shared key"),
        "ClientKeyExchange" => add("the client's public key: no private one, so no secret"),
        _ => add("all of it"),
    }
    facts
}
