//! What the ends did between the messages.
use super::{
    Logs,
    wire::{Whole, Wire},
};
use crate::{
    model::{Action, Derivation, KeyPair, Side, Step},
    recorder::{Heard, Log},
    sanitize,
};
use premaster::{
    identity::Certificate,
    observe::{Epoch, KeyLife, Warning},
};

/// A step, and the handshake message after which it was taken.
pub(crate) struct Placed {
    pub(crate) step: Step,
    pub(crate) after_message: Option<String>,
}

/// The steps of both ends, ordered by the message that they follow.
pub(crate) fn list(
    logs: Logs<'_>,
    wire: &Wire<'_>,
    messages: &[Whole],
    secrets: &[Derivation],
    keys: &[KeyPair],
) -> Vec<Placed> {
    let mut all = Vec::new();
    for side in logs.observed() {
        let order = wire.order(logs, side);
        all.extend(of_end(side, logs.of(side), &order, messages, secrets, keys));
    }
    let position = |id: &Option<String>| {
        id.as_ref().and_then(|id| messages.iter().position(|whole| whole.id == *id)).map_or(0, |at| at + 1)
    };
    // Stable: within one message the client's steps come first, each end's in its own order.
    all.sort_by_key(|placed| (placed.step.after_record, position(&placed.after_message)));
    all
}

fn of_end(
    side: Side,
    log: &Log,
    order: &[usize],
    messages: &[Whole],
    secrets: &[Derivation],
    keys: &[KeyPair],
) -> Vec<Placed> {
    let by_sender =
        |sender: Side| messages.iter().filter(move |whole| whole.handshake && whole.sender == sender);
    let mut sent = by_sender(side);
    let mut received = by_sender(side.peer());
    let mut derived = secrets.iter().filter(|node| node.side == side);
    let mut placed = Vec::new();
    let mut after_message = None;
    let mut seen = 0usize;
    for heard in &log.heard {
        match heard {
            Heard::Record { .. } => seen += 1,
            Heard::Message { sent: is_sent } => {
                let next = if *is_sent { sent.next() } else { received.next() };
                after_message = next.map(|whole| whole.id.clone()).or(after_message);
            }
            _ => {}
        }
        let after_record = if seen == 0 { 0 } else { order.get(seen - 1).copied().unwrap_or(0) };
        let node = if matches!(heard, Heard::Derived { .. }) { derived.next() } else { None };
        let Some((action, text, because, about)) = tell(side, heard, node, keys) else { continue };
        let step = Step { side, after_record, action, text, because, about };
        placed.push(Placed { step, after_message: after_message.clone() });
    }
    placed
}

type Told = (Action, String, Option<String>, Option<String>);

fn tell(side: Side, heard: &Heard, node: Option<&Derivation>, keys: &[KeyPair]) -> Option<Told> {
    let peer = side.peer().name();
    let plain = |action, text: String| Some((action, text, None, None));
    match heard {
        Heard::Chose { what: "HelloRetryRequest", because, .. } => {
            let text = match side {
                Side::Server => "asks for another ClientHello".to_owned(),
                Side::Client => "begins again with another ClientHello".to_owned(),
            };
            Some((Action::Chose, text, Some((*because).to_owned()), None))
        }
        Heard::Chose { what, value, because } => {
            Some((Action::Chose, format!("{what}: {value}"), Some((*because).to_owned()), None))
        }
        Heard::Key { public, life, .. } => {
            let public = crate::hex::encode(public);
            let key = keys.iter().find(|key| key.owner == side && key.public == public)?;
            let (action, text) = match life {
                KeyLife::Made => (
                    Action::MadeKey,
                    format!("makes an ephemeral {} key pair, for this handshake alone", key.algorithm),
                ),
                KeyLife::DiscardedAndErased => (
                    Action::ErasedKey,
                    format!("did not need the {} key pair: the private half is erased", key.algorithm),
                ),
                _ => (
                    Action::ErasedKey,
                    format!("has spent the private half of its {} key: it is erased", key.algorithm),
                ),
            };
            Some((action, text, None, Some(key.id.clone())))
        }
        Heard::Signed { scheme, length } => {
            let text = format!("signs {length} bytes with the long-term key of its certificate ({scheme})");
            let about = keys.iter().find(|key| key.id == format!("{}.long_term", side.name()));
            Some((Action::Signed, text, None, about.map(|key| key.id.clone())))
        }
        Heard::Verified { scheme, length } => {
            let text = format!(
                "verifies the {peer}'s signature over {length} bytes ({scheme}): it has the certificate's key"
            );
            Some((Action::Verified, text, None, Some(format!("{peer}.long_term"))))
        }
        Heard::Certificate { leaf, verdict } => {
            let subject = Certificate::parse(leaf)
                .map_or_else(|| "?".to_owned(), |leaf| sanitize::text(&leaf.subject()));
            let text = match verdict {
                Ok(()) => format!("trusts the {peer}'s certificate ({subject})"),
                Err(why) => format!("does not trust the {peer}'s certificate ({subject}): {why}"),
            };
            plain(Action::ExaminedCertificate, text)
        }
        Heard::Derived { .. } => {
            let node = node?;
            Some((Action::Derived, format!("{} = {}", node.name, node.formula), None, Some(node.id.clone())))
        }
        Heard::Installed { sent, epoch } => plain(Action::InstalledKeys, installed(side, *sent, *epoch)),
        Heard::Warning(warning) => plain(Action::Warned, warn(*warning)),
        Heard::Resumed(resumed) if resumed.is_resumed() => {
            plain(Action::Resumed, format!("resumes a session ({resumed})"))
        }
        Heard::Missed(text) => plain(Action::Resumed, text.clone()),
        Heard::Established(_) => plain(Action::Established, "has finished the handshake".to_owned()),
        Heard::Failed(failure, _) => plain(Action::Failed, format!("gives up: {}", failure.what)),
        _ => None,
    }
}

fn installed(side: Side, sent: bool, epoch: Epoch) -> String {
    let keys = match epoch {
        Epoch::Plaintext => "no keys".to_owned(),
        Epoch::EarlyData => "the early data keys".to_owned(),
        Epoch::Handshake => "handshake keys".to_owned(),
        Epoch::Application(0) => "application keys".to_owned(),
        Epoch::Application(update) => format!("application keys, update {update}"),
        _ => "new keys".to_owned(),
    };
    match sent {
        true => format!("sends under {keys} from here on"),
        false => format!("opens what the {} sends with {keys} from here on", side.peer().name()),
    }
}

pub(super) fn warn(warning: Warning) -> String {
    match warning {
        Warning::DeprecatedKeyExchange(suite) => {
            format!("{suite} has a key exchange that RFC 10015 deprecates")
        }
        Warning::NotForwardSecret(suite) => {
            format!(
                "{suite} is not forward secret: a pre-shared key is all that it has (RFC 9325 section 6.3)"
            )
        }
        Warning::DiscouragedRecordProtection(suite) => {
            format!("{suite} protects records with CBC and HMAC, which RFC 9325 discourages")
        }
        Warning::NoExtendedMasterSecret => {
            "the master secret is not bound to the handshake (RFC 7627)".to_owned()
        }
        Warning::NotVerified => "the peer's certificate was not verified".to_owned(),
        Warning::Anonymous => {
            "neither side is authenticated: whoever sits in the middle reads everything".to_owned()
        }
        _ => "something weak is in use".to_owned(),
    }
}
