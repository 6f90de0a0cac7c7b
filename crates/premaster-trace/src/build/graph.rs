//! The derivation graph: what each secret was made from, down to bytes on the wire.
use super::{
    Logs,
    wire::{Whole, Wire},
};
use crate::{
    hex,
    model::{Derivation, Input, KeyPair, KeyPairKind, Side},
    recorder::{Heard, Kept},
};

/// Every secret that was derived, in the order in which it was, one end after the other.
pub(crate) fn derivations(
    logs: Logs<'_>,
    wire: &Wire<'_>,
    messages: &[Whole],
    keys: &[KeyPair],
) -> Vec<Derivation> {
    let mut all: Vec<Derivation> = Vec::new();
    for side in logs.observed() {
        let order = wire.order(logs, side);
        let mut seen = 0usize;
        for heard in &logs.of(side).heard {
            match heard {
                Heard::Record { .. } => seen += 1,
                Heard::Derived { secret, how, inputs, value } => {
                    let after_record = seen.checked_sub(1).and_then(|at| order.get(at)).copied().unwrap_or(0);
                    let scene = Scene { side, messages, keys, before: &all };
                    let node = scene.node(secret, how, inputs, value.expose(), after_record);
                    all.push(node);
                }
                _ => {}
            }
        }
    }
    compare(&mut all);
    all
}

/// Whether both ends computed the same.
fn compare(all: &mut [Derivation]) {
    let bare =
        |node: &Derivation| node.id.split_once('.').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    let values: Vec<(Side, String, Option<String>)> =
        all.iter().map(|node| (node.side, bare(node), node.value.clone())).collect();
    for node in all {
        let twin = values.iter().find(|(side, id, _)| *side != node.side && *id == bare(node));
        node.agrees = twin.map(|(_, _, value)| *value == node.value);
    }
}

struct Scene<'s> {
    side: Side,
    messages: &'s [Whole],
    keys: &'s [KeyPair],
    before: &'s [Derivation],
}

impl Scene<'_> {
    fn node(&self, name: &str, how: &str, inputs: &[Kept], value: &[u8], after_record: usize) -> Derivation {
        let is_exchange = how == "key exchange";
        let (formula, inputs) = match is_exchange {
            true => self.exchange(),
            false => {
                let named: Vec<Input> = inputs.iter().map(|input| self.input(input)).collect();
                (formula(how, name, value.len(), inputs), named)
            }
        };
        let slice_offset = (how == "slice of the key block").then(|| self.slice_offset());
        let (meaning, rfc) = describe(name);
        Derivation {
            id: self.id(name, &inputs),
            side: self.side,
            name: name.to_owned(),
            formula,
            rfc: rfc.to_owned(),
            meaning: meaning.to_owned(),
            inputs,
            length: value.len(),
            value: Some(hex::encode(value)),
            slice_offset,
            agrees: None,
            after_record,
            public: name.ends_with("verify_data"),
            commands: Vec::new(),
        }
    }

    /// `client.master_secret`; keys and the like bear the name of the secret that they come from as well.
    fn id(&self, name: &str, inputs: &[Input]) -> String {
        let parent = match inputs.first() {
            Some(Input::Secret { id: Some(id), .. })
                if matches!(name, "key" | "iv" | "finished_key" | "binder_key") =>
            {
                id.clone()
            }
            _ => self.side.name().to_owned(),
        };
        let base = format!("{parent}.{name}");
        let same = |node: &&Derivation| {
            node.id == base || node.id.rsplit_once('#').is_some_and(|(own, _)| own == base)
        };
        match self.before.iter().filter(same).count() {
            0 => base,
            count => format!("{base}#{}", count + 1),
        }
    }

    fn own(&self) -> impl DoubleEndedIterator<Item = &Derivation> {
        self.before.iter().filter(|node| node.side == self.side)
    }

    fn slice_offset(&self) -> usize {
        let block = self.own().rposition_of("key_block");
        self.own().skip(block).filter(|node| node.slice_offset.is_some()).map(|node| node.length).sum()
    }

    fn input(&self, input: &Kept) -> Input {
        match input {
            Kept::Secret(name) => {
                let updated = format!("{name}+1");
                let source = self.own().rev().find(|node| node.name == *name || node.name == updated);
                Input::Secret { name: (*name).to_owned(), id: source.map(|node| node.id.clone()) }
            }
            Kept::Public(name, bytes) => self.public(name, bytes),
        }
    }

    fn public(&self, name: &str, bytes: &[u8]) -> Input {
        let value = hex::encode(bytes);
        let wire = match name {
            "ClientHello.random" => Some(("ClientHello", "random")),
            "ServerHello.random" => Some(("ServerHello", "random")),
            "ticket_nonce" => Some(("NewSessionTicket", "ticket_nonce")),
            _ => None,
        };
        if let Some((message, field)) = wire {
            let carries = |whole: &&Whole| {
                whole.is(message) && whole.find(field).is_some_and(|leaf| leaf.value.as_ref() == Some(&value))
            };
            if let Some(whole) = self.messages.iter().find(carries) {
                let (message, field) = (whole.id.clone(), field.to_owned());
                return Input::Wire { name: name.to_owned(), message, field, value };
            }
        }
        if let Some(last) = self.last_hashed(name) {
            let messages = self.handshake().take_while_inclusive(|whole| whole.id != last);
            return Input::Transcript { name: name.to_owned(), messages, value };
        }
        Input::Constant { name: name.to_owned(), value }
    }

    fn handshake(&self) -> Vec<&Whole> {
        self.messages.iter().filter(|whole| whole.handshake).collect()
    }

    /// The last message under a transcript hash of this name.
    fn last_hashed(&self, name: &str) -> Option<String> {
        let last = |message: &str, sender: Option<Side>| {
            let is = |whole: &&Whole| whole.is(message) && sender.is_none_or(|side| whole.sender == side);
            self.messages.iter().rfind(is).map(|whole| whole.id.clone())
        };
        match name {
            "Hash(ClientHello)" => {
                self.messages.iter().find(|whole| whole.is("ClientHello")).map(|whole| whole.id.clone())
            }
            "Hash(ClientHello...ServerHello)" => last("ServerHello", None),
            "Hash(ClientHello...server Finished)" => last("Finished", Some(Side::Server)),
            "Hash(ClientHello...client Finished)" => last("Finished", Some(Side::Client)),
            "session_hash" => last("ClientKeyExchange", None),
            "Hash(handshake_messages)" => self.before_finished(),
            _ => None,
        }
    }

    /// In TLS 1.2 the second Finished covers the first.
    fn before_finished(&self) -> Option<String> {
        let done = self.own().filter(|node| node.name.ends_with("verify_data")).count();
        let messages = self.handshake();
        let mut finished =
            messages.iter().enumerate().filter(|(_, whole)| whole.is("Finished")).map(|(at, _)| at);
        let at = finished.nth(done)?;
        messages.get(at.checked_sub(1)?).map(|whole| whole.id.clone())
    }

    /// How this end came by the secret of the key exchange.
    fn exchange(&self) -> (String, Vec<Input>) {
        let mine = self.keys.iter().rev().find(|key| {
            key.owner == self.side
                && key.kind == KeyPairKind::Ephemeral
                && key.sent_in.is_some()
                && self.answered(&key.algorithm)
        });
        let theirs = self.peer_public(mine.map(|key| key.algorithm.as_str()));
        let long_term =
            self.keys.iter().find(|key| key.owner == self.side && key.kind == KeyPairKind::LongTerm);
        let encrypted = self.wire_input("ClientKeyExchange", "encrypted_pre_master_secret");
        if let Some(encrypted) = encrypted {
            return match (self.side, long_term) {
                (Side::Client, _) => (
                    "the version and 46 random bytes, encrypted to the certificate's key".to_owned(),
                    vec![encrypted],
                ),
                (Side::Server, key) => {
                    let key = key.map(|key| Input::PrivateKey { key: key.id.clone() });
                    (
                        "RSA decryption with the certificate's private key".to_owned(),
                        key.into_iter().chain([encrypted]).collect(),
                    )
                }
            };
        }
        let own = mine.or(long_term.filter(|_| theirs.is_some()));
        match (own, theirs) {
            (Some(key), Some(theirs)) => {
                let whose = if key.kind == KeyPairKind::Ephemeral { "ephemeral" } else { "long-term" };
                let formula = format!(
                    "{}({}'s {whose} private key, {}'s public key)",
                    key.algorithm,
                    self.side.name(),
                    self.side.peer().name()
                );
                (formula, vec![Input::PrivateKey { key: key.id.clone() }, theirs])
            }
            (None, _) => ("the pre-shared key, composed as RFC 4279 section 2 says".to_owned(), Vec::new()),
            (Some(_), None) => ("key exchange".to_owned(), Vec::new()),
        }
    }

    /// Whether the peer answered in this group; a client may have made keys for others.
    fn answered(&self, algorithm: &str) -> bool {
        let Some(hello) = self.messages.iter().rfind(|whole| whole.is("ServerHello")) else { return false };
        match hello.find("group").and_then(|leaf| leaf.decoded.as_deref()) {
            Some(group) => group == algorithm,
            None => true,
        }
    }

    fn peer_public(&self, group: Option<&str>) -> Option<Input> {
        let candidates: &[(&str, &str)] = match self.side {
            Side::Client => &[
                ("ServerKeyExchange", "public"),
                ("ServerKeyExchange", "dh_Ys"),
                ("ServerHello", "key_exchange"),
            ],
            Side::Server => &[
                ("ClientKeyExchange", "ecdh_Yc"),
                ("ClientKeyExchange", "dh_Yc"),
                ("ClientHello", "key_exchange"),
            ],
        };
        let found = candidates.iter().find_map(|(message, field)| match *message {
            "ClientHello" => self.client_share(group),
            _ => self.wire_input(message, field),
        });
        // Against a static key the public half is in the certificate.
        found.or_else(|| self.wire_input("Certificate", "public_key").filter(|_| self.side == Side::Client))
    }

    /// The share for one group among several.
    fn client_share(&self, group: Option<&str>) -> Option<Input> {
        let whole = self.messages.iter().rfind(|whole| whole.is("ClientHello"))?;
        let leaves: Vec<_> = whole.dissected.fields.iter().flat_map(crate::model::Field::leaves).collect();
        let at = leaves
            .iter()
            .position(|leaf| leaf.name == "group" && leaf.decoded.as_deref() == group && group.is_some());
        let share = leaves.get(at?..)?.iter().find(|leaf| leaf.name == "key_exchange")?;
        Some(Input::Wire {
            name: "ClientHello.key_share".to_owned(),
            message: whole.id.clone(),
            field: share.name.clone(),
            value: share.value.clone()?,
        })
    }

    fn wire_input(&self, message: &str, field: &str) -> Option<Input> {
        let whole = self.messages.iter().rfind(|whole| whole.is(message))?;
        let leaf = whole.find(field)?;
        let (name, message, field) = (format!("{message}.{field}"), whole.id.clone(), field.to_owned());
        Some(Input::Wire { name, message, field, value: leaf.value.clone()? })
    }
}

trait RpositionOf {
    fn rposition_of(self, name: &str) -> usize;
}

impl<'d, I: Iterator<Item = &'d Derivation>> RpositionOf for I {
    /// Behind the last with this name.
    fn rposition_of(self, name: &str) -> usize {
        self.enumerate().filter(|(_, node)| node.name == name).last().map_or(0, |(at, _)| at + 1)
    }
}

trait TakeWhileInclusive {
    fn take_while_inclusive(self, go_on: impl Fn(&Whole) -> bool) -> Vec<String>;
}

impl TakeWhileInclusive for Vec<&Whole> {
    /// The identifiers up to and with the first that says stop.
    fn take_while_inclusive(self, go_on: impl Fn(&Whole) -> bool) -> Vec<String> {
        let mut taken = Vec::new();
        for whole in self {
            taken.push(whole.id.clone());
            if !go_on(whole) {
                break;
            }
        }
        taken
    }
}

/// The RFC's way to write it.
fn formula(how: &str, name: &str, length: usize, inputs: &[Kept]) -> String {
    let names: Vec<&str> = inputs
        .iter()
        .map(|input| match input {
            Kept::Public(name, _) => *name,
            Kept::Secret(name) => *name,
        })
        .collect();
    let label = how.split('"').nth(1).unwrap_or_default();
    match (how.split(' ').next().unwrap_or_default(), names.as_slice()) {
        ("PRF", [secret, seed @ ..]) => {
            format!("PRF({secret}, \"{label}\", {})[0..{}]", seed.join(" + "), length.saturating_sub(1))
        }
        ("HKDF-Extract", [input]) => format!("HKDF-Extract(0, {input})"),
        ("HKDF-Extract", [salt, input]) => format!("HKDF-Extract({salt}, {input})"),
        ("Derive-Secret", [secret, hash]) => {
            format!("HKDF-Expand-Label({secret}, \"{label}\", {hash}, {length})")
        }
        ("HKDF-Expand-Label", [secret]) => {
            format!("HKDF-Expand-Label({secret}, \"{label}\", \"\", {length})")
        }
        ("HKDF-Expand-Label", [secret, context]) => {
            format!("HKDF-Expand-Label({secret}, \"{label}\", {context}, {length})")
        }
        ("slice", _) => format!("{name} = {length} bytes of key_block"),
        _ => how.to_owned(),
    }
}

/// What a secret is for, and where that stands.
fn describe(name: &str) -> (&'static str, &'static str) {
    match name {
        "pre_master_secret" => ("What the key exchange itself yields.", "RFC 5246 section 8.1"),
        "shared_secret" => ("What the key exchange itself yields.", "RFC 9846 section 7.4"),
        "master_secret" => (
            "The secret of the session: 48 bytes, from which every key of TLS 1.2 comes.",
            "RFC 7627 section 4",
        ),
        "key_block" => {
            ("All keys of the connection in one string of bytes, to be cut.", "RFC 5246 section 6.3")
        }
        "client_write_MAC_key" => {
            ("Authenticates what the client sends; empty in AEAD suites.", "RFC 5246 section 6.3")
        }
        "server_write_MAC_key" => {
            ("Authenticates what the server sends; empty in AEAD suites.", "RFC 5246 section 6.3")
        }
        "client_write_key" => ("Encrypts what the client sends.", "RFC 5246 section 6.3"),
        "server_write_key" => ("Encrypts what the server sends.", "RFC 5246 section 6.3"),
        "client_write_IV" => {
            ("The fixed part of the nonces of what the client sends.", "RFC 5246 section 6.3")
        }
        "server_write_IV" => {
            ("The fixed part of the nonces of what the server sends.", "RFC 5246 section 6.3")
        }
        "client verify_data" => ("The content of the client's Finished.", "RFC 5246 section 7.4.9"),
        "server verify_data" => ("The content of the server's Finished.", "RFC 5246 section 7.4.9"),
        "early_secret" => {
            ("The first step of the ladder: from a pre-shared key, or from nothing.", "RFC 9846 section 7.1")
        }
        "derived_secret" => (
            "Goes from one step of the ladder to the next, so that they do not touch.",
            "RFC 9846 section 7.1",
        ),
        "handshake_secret" => ("The second step: the key exchange comes in.", "RFC 9846 section 7.1"),
        "main_secret" => {
            ("The third step: every key after the handshake comes from it.", "RFC 9846 section 7.1")
        }
        "client_handshake_traffic_secret" => {
            ("Protects the client's handshake messages.", "RFC 9846 section 7.1")
        }
        "server_handshake_traffic_secret" => {
            ("Protects the server's handshake messages.", "RFC 9846 section 7.1")
        }
        "client_application_traffic_secret_0" => {
            ("Protects what the client's application sends.", "RFC 9846 section 7.1")
        }
        "server_application_traffic_secret_0" => {
            ("Protects what the server's application sends.", "RFC 9846 section 7.1")
        }
        "application_traffic_secret_N+1" => {
            ("Replaces the one before after a KeyUpdate.", "RFC 9846 section 7.2")
        }
        "client_early_traffic_secret" => ("Protects the client's early data.", "RFC 9846 section 7.1"),
        "exporter_secret" | "early_exporter_secret" => {
            ("Keys for the application's own use come from it.", "RFC 9846 section 7.5")
        }
        "resumption_secret" => {
            ("Pre-shared keys for later connections come from it.", "RFC 9846 section 4.6.1")
        }
        "PSK" => ("The key of a ticket, for a later connection.", "RFC 9846 section 4.6.1"),
        "binder_key" => ("Shows that the client has the pre-shared key.", "RFC 9846 section 4.2.11.2"),
        "finished_key" => ("Makes the HMAC in Finished.", "RFC 9846 section 4.4.4"),
        "key" => ("Encrypts records.", "RFC 9846 section 7.3"),
        "iv" => ("Makes the nonces of records, with their numbers.", "RFC 9846 section 7.3"),
        _ => ("A secret.", "RFC 9846 section 7"),
    }
}
