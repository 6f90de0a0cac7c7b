//! The key pairs: which end made or owns which, and what for.
use super::{Logs, wire::Whole};
use crate::{
    hex,
    model::{KeyPair, KeyPairKind, Side},
    recorder::Heard,
};
use premaster::{identity::Certificate, observe::KeyLife};

/// Every key pair of the connection.
pub(crate) fn find(logs: Logs<'_>, messages: &[Whole]) -> Vec<KeyPair> {
    let mut keys = Vec::new();
    for side in logs.observed() {
        for heard in &logs.of(side).heard {
            if let Heard::Key { group, public, life } = heard {
                let algorithm = group.map_or_else(|| "Diffie-Hellman".to_owned(), |group| group.to_string());
                ephemeral(&mut keys, side, &algorithm, &hex::encode(public), *life != KeyLife::Made);
            }
        }
    }
    for side in [Side::Client, Side::Server] {
        // Neither who is not observed tells of keys, nor a capture.
        if keys.iter().all(|key: &KeyPair| key.owner != side) {
            inferred(&mut keys, side, messages);
        }
        long_term(&mut keys, side, messages);
    }
    for key in &mut keys {
        let carries =
            |whole: &&Whole| whole.sender == key.owner && whole.handshake && holds(whole, &key.public);
        key.sent_in = messages.iter().find(carries).map(|whole| whole.id.clone());
    }
    keys
}

fn holds(whole: &Whole, value: &str) -> bool {
    let mut leaves = whole.dissected.fields.iter().flat_map(crate::model::Field::leaves);
    let certified = || whole.group("subjectPublicKeyInfo").and_then(crate::model::Field::bytes);
    leaves.any(|leaf| leaf.value.as_ref().is_some_and(|own| own.contains(value)))
        || certified().is_some_and(|key| hex::encode(&key) == value)
}

fn ephemeral(keys: &mut Vec<KeyPair>, owner: Side, algorithm: &str, public: &str, erased: bool) {
    if let Some(known) = keys.iter_mut().find(|key| key.owner == owner && key.public == public) {
        known.erased |= erased;
        return;
    }
    let base = format!("{}.ephemeral.{algorithm}", owner.name());
    let again = keys.iter().filter(|key| key.id.starts_with(&base)).count();
    let id = if again == 0 { base } else { format!("{base}.{}", again + 1) };
    keys.push(KeyPair {
        id,
        owner,
        kind: KeyPairKind::Ephemeral,
        algorithm: algorithm.to_owned(),
        public: public.to_owned(),
        purpose: "Ephemeral: made for this handshake alone, to agree on one secret; it signs nothing, and is erased then."
            .to_owned(),
        sent_in: None,
        erased,
    });
}

/// What an end that was not observed must have made: its public half crossed the wire.
fn inferred(keys: &mut Vec<KeyPair>, side: Side, messages: &[Whole]) {
    const HALVES: [&str; 5] = ["key_exchange", "public", "ecdh_Yc", "dh_Ys", "dh_Yc"];
    for whole in messages.iter().filter(|whole| whole.sender == side && whole.handshake) {
        for entry in whole.dissected.fields.iter().flat_map(crate::model::Field::leaves) {
            if let (true, Some(value)) = (HALVES.contains(&entry.name.as_str()), &entry.value) {
                let group = group_beside(messages, whole, value);
                ephemeral(keys, side, &group, value, false);
            }
        }
    }
}

/// The group that a public key belongs to, from the message that carries it or from the one that chose it.
fn group_beside(messages: &[Whole], carrier: &Whole, value: &str) -> String {
    let mut last = None;
    for whole in messages.iter().filter(|whole| whole.handshake) {
        for leaf in whole.dissected.fields.iter().flat_map(crate::model::Field::leaves) {
            if matches!(leaf.name.as_str(), "group" | "namedcurve") && !whole.is("ClientHello")
                || leaf.name == "group" && std::ptr::eq(whole, carrier)
            {
                last = leaf.decoded.clone();
            }
            if std::ptr::eq(whole, carrier) && leaf.value.as_deref() == Some(value) {
                return last.unwrap_or_else(|| "Diffie-Hellman".to_owned());
            }
        }
    }
    last.unwrap_or_else(|| "Diffie-Hellman".to_owned())
}

/// The key in an end's certificate.
fn long_term(keys: &mut Vec<KeyPair>, owner: Side, messages: &[Whole]) {
    let certificate = messages.iter().find(|whole| whole.sender == owner && whole.is("Certificate"));
    let field = certificate.and_then(|whole| whole.group("certificate"));
    let Some(der) = field.and_then(crate::model::Field::bytes) else { return };
    let Some(parsed) = Certificate::parse(&der) else { return };
    let algorithm = match parsed.public_key() {
        Ok(key) => key.kind().name().to_owned(),
        Err(_) => "unknown".to_owned(),
    };
    let signs = messages.iter().any(|whole| {
        whole.sender == owner
            && (whole.is("CertificateVerify")
                || whole.is("ServerKeyExchange") && whole.find("signature").is_some())
    });
    let purpose = match signs {
        true => {
            "Long-term: it signs this handshake and so shows who its owner is; no secret is made with it."
        }
        false => {
            "Long-term: the secret itself is made with it, so that whoever gets it, ever, can make the secret too."
        }
    };
    keys.push(KeyPair {
        id: format!("{}.long_term", owner.name()),
        owner,
        kind: KeyPairKind::LongTerm,
        algorithm,
        public: hex::encode(parsed.spki()),
        purpose: purpose.to_owned(),
        sent_in: None,
        erased: false,
    });
}
