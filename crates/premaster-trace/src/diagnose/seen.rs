//! What was seen of a connection, as far as it bears on why it failed.
use super::{Circumstances, Lost};
use crate::{
    build::{Logs, Whole},
    model::{Field, Side},
    recorder::Heard,
};
use premaster::{
    Error, error,
    observe::{Epoch, Resumed},
    wire::{AlertDescription, AlertLevel},
};

/// What was seen of a connection.
pub(crate) struct Seen<'a> {
    pub(super) messages: &'a [Whole],
    pub(super) circumstances: &'a Circumstances,
    /// At which ends somebody watched. In a capture, neither end's own words are known.
    pub(super) observed: Vec<Side>,
    /// What an end found wrong by itself.
    pub(super) found: Option<(Side, &'a Error)>,
    /// Who refused, and in which words.
    pub(super) refusal: Option<(Side, AlertDescription)>,
    /// How the transport ended, and who noticed.
    pub(super) lost: Option<(Side, Lost)>,
    pub(super) established: bool,
    /// Which end says that early data was not taken, and why.
    pub(super) early_refused: Option<(Side, &'a str)>,
    sent_early_data: bool,
    /// Who wanted another handshake on the same connection, and was told no.
    pub(super) renegotiation: Option<Side>,
    /// The certificate chains that an end examined: (whose, leaf in DER).
    leaves: Vec<(Side, &'a [u8])>,
}

impl<'a> Seen<'a> {
    pub(crate) fn new(logs: Logs<'a>, messages: &'a [Whole], circumstances: &'a Circumstances) -> Self {
        let mut seen = Self {
            messages,
            circumstances,
            observed: logs.observed(),
            found: None,
            refusal: None,
            lost: circumstances.lost,
            established: false,
            early_refused: None,
            sent_early_data: false,
            renegotiation: None,
            leaves: Vec::new(),
        };
        for side in logs.observed() {
            for heard in &logs.of(side).heard {
                seen.hear(side, heard);
            }
        }
        let failed =
            |side: &Side| logs.of(*side).heard.iter().any(|heard| matches!(heard, Heard::Failed(..)));
        if !seen.observed.iter().any(failed) {
            // In a capture the alert itself is all that is told.
            seen.refusal = messages.iter().find_map(fatal_alert);
        }
        seen
    }

    fn hear(&mut self, side: Side, heard: &'a Heard) {
        match heard {
            Heard::Established(_) => self.established = true,
            Heard::Certificate { leaf, .. } => self.leaves.push((side.peer(), leaf)),
            Heard::Missed(text) if text.starts_with("takes no early data") => {
                self.early_refused = Some((side, text));
            }
            Heard::NoRenegotiation { sent } => {
                self.renegotiation = Some(if *sent { side.peer() } else { side });
            }
            // A server tells why; a client only hears that its early data was in vain.
            Heard::Installed { sent: true, epoch: Epoch::EarlyData } => self.sent_early_data = true,
            Heard::Resumed(resumed) if self.sent_early_data && *resumed != Resumed::EarlyData => {
                self.early_refused =
                    self.early_refused.or(Some((side, "takes no early data: no reason given")));
            }
            Heard::Failed(_, error) => match error {
                Error::Refused(alert) => self.refusal = self.refusal.or(Some((side.peer(), *alert))),
                Error::Truncated => self.lost = self.lost.or(Some((side, Lost::Closed))),
                Error::Failed(error::Failure::Deadline) => {
                    self.lost = self.lost.or(Some((side, Lost::Silent)));
                }
                error => self.found = self.found.or(Some((side, error))),
            },
            _ => {}
        }
    }

    /// The first ClientHello.
    pub(super) fn hello(&self) -> Option<Hello> {
        self.messages.iter().find(|whole| whole.is("ClientHello")).map(Hello::read)
    }

    pub(super) fn message(&self, sender: Side, name: &str) -> Option<&'a Whole> {
        self.messages.iter().find(|whole| whole.sender == sender && whole.is(name))
    }

    /// Whether the server answered with a hello of its own.
    pub(super) fn has_server_hello(&self) -> bool {
        self.message(Side::Server, "ServerHello").is_some()
            || self.message(Side::Server, "HelloRetryRequest").is_some()
    }

    /// What this end's last message was called, but for alerts.
    pub(super) fn last_of(&self, sender: Side) -> Option<&'a str> {
        let last = self.messages.iter().rfind(|whole| whole.sender == sender && whole.handshake);
        last.map(|whole| whole.dissected.name.as_str())
    }

    /// The chosen value of this name in the last ServerHello.
    pub(super) fn chosen(&self, name: &str) -> Option<String> {
        let hello = self.messages.iter().rfind(|whole| whole.is("ServerHello"))?;
        hello.find(name).and_then(|leaf| leaf.decoded.clone())
    }

    /// The version of the connection.
    pub(super) fn version(&self) -> Option<String> {
        self.chosen("selected_version").or_else(|| self.chosen("legacy_version"))
    }

    /// The leaf certificate that this side showed, in DER.
    pub(super) fn leaf(&self, of: Side) -> Option<Vec<u8>> {
        let examined = self.leaves.iter().find(|(side, _)| *side == of).map(|(_, leaf)| leaf.to_vec());
        examined.or_else(|| self.chain(of).into_iter().next())
    }

    /// The certificates that this side showed, in DER, leaf first.
    pub(super) fn chain(&self, of: Side) -> Vec<Vec<u8>> {
        let Some(message) = self.message(of, "Certificate") else { return Vec::new() };
        let mut chain = Vec::new();
        message.dissected.fields.iter().for_each(|field| collect(field, &mut chain));
        chain
    }

    pub(super) fn command(&self, side: Side) -> Option<&'a str> {
        match side {
            Side::Client => self.circumstances.client_command.as_deref(),
            Side::Server => self.circumstances.server_command.as_deref(),
        }
    }
}

fn collect(field: &Field, chain: &mut Vec<Vec<u8>>) {
    if field.name == "certificate" {
        chain.extend(field.bytes());
        return;
    }
    field.children.iter().for_each(|child| collect(child, chain));
}

fn fatal_alert(whole: &Whole) -> Option<(Side, AlertDescription)> {
    // A longer one is encrypted, with keys that nobody here has.
    if !whole.is("Alert") || whole.length != 2 {
        return None;
    }
    let level = whole.find("level")?.decoded.as_deref()?;
    let code = whole.find("description")?.value.as_deref()?;
    let description = AlertDescription(u8::from_str_radix(code, 16).ok()?);
    let ends = [AlertDescription::close_notify, AlertDescription::user_canceled].contains(&description);
    (!ends && level == AlertLevel::fatal.to_string()).then_some((whole.sender, description))
}

/// What a ClientHello offers, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) versions: Vec<String>,
    pub(super) suites: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) shares: Vec<String>,
    pub(super) schemes: Vec<String>,
    pub(super) protocols: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) has_psk: bool,
    /// Of the whole message.
    pub(super) length: usize,
}

impl Hello {
    pub(super) fn read(whole: &Whole) -> Self {
        let find = |name: &str| whole.dissected.fields.iter().find_map(|field| field.find(name));
        let list = |extension: &str, name: &str| {
            find(extension).and_then(|field| field.find(name)).map(names).unwrap_or_default()
        };
        let mut versions = list("supported_versions", "versions");
        if versions.is_empty() {
            // The client speaks whatever is older as well, for all that it says.
            versions.extend(whole.find("legacy_version").and_then(|leaf| leaf.decoded.clone()));
        }
        let mut found = Self {
            versions,
            suites: find("cipher_suites").map(names).unwrap_or_default(),
            groups: list("supported_groups", "named_group_list"),
            schemes: list("signature_algorithms", "supported_signature_algorithms"),
            has_psk: find("pre_shared_key").is_some(),
            length: whole.length,
            ..Self::default()
        };
        for field in &whole.dissected.fields {
            for_each(field, &mut |field| match (field.name.as_str(), &field.decoded, field.is_leaf()) {
                ("protocol_name", Some(name), false) => found.protocols.push(name.clone()),
                ("host_name", Some(name), false) => found.name = Some(name.clone()),
                ("KeyShareEntry", _, _) => {
                    found.shares.extend(field.find("group").and_then(|leaf| leaf.decoded.clone()));
                }
                _ => {}
            });
        }
        found
    }
}

fn for_each<'f>(field: &'f Field, visit: &mut impl FnMut(&'f Field)) {
    visit(field);
    field.children.iter().for_each(|child| for_each(child, visit));
}

/// The names of a list, but for those that mean nothing.
pub(super) fn names(field: &Field) -> Vec<String> {
    let leaves = field.leaves().into_iter().filter(|leaf| leaf.name != "length");
    leaves.filter_map(|leaf| leaf.decoded.clone()).filter(|name| name != "GREASE").collect()
}
