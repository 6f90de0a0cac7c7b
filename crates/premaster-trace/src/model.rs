//! `trace.v1`: one connection as data.
//!
//! A connection is flights, a flight is records, a record is messages, a message is fields; beside them stands the
//! graph of what was derived from what. `schema/trace.v1.json` is the JSON Schema of a [`Trace`]. Additions keep the
//! name; anything else would become `trace.v2`.
mod diagnosis;
mod receipt;

pub use diagnosis::{Blame, Change, Diagnosis, Kind};
pub use receipt::{Held, Moment, Receipt, SecretLife, Until};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    /// The name of this format.
    pub schema: Schema,
    /// What was traced, in words: a host, a demonstration, a stream of a capture.
    pub title: String,
    /// Whether values of secrets or plaintext of the application stand in it.
    pub contains_secrets: bool,
    /// At which ends the events were heard. With both, each secret stands in it twice, each time from its own inputs.
    /// With neither, the connection was recorded on the wire, and is told as its client would tell it.
    pub observed: Vec<Side>,
    /// What came of it.
    pub summary: Summary,
    /// What crossed the wire, in order.
    pub flights: Vec<Flight>,
    /// What the ends did between the records, in order.
    pub steps: Vec<Step>,
    /// The ephemeral and long-term key pairs.
    pub keys: Vec<KeyPair>,
    /// The derivation graph: an edge from every input to the secret that is made from it.
    pub secrets: Vec<Derivation>,
    /// When each secret was made, and when it was erased.
    #[serde(default)]
    pub receipt: Receipt,
    /// What opens if something leaks later: who holds it, and until when.
    pub exposure: Vec<Exposure>,
    /// What was left out, if the connection was longer than the recorder's limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted: Option<String>,
}

/// The name of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// This version.
    #[default]
    #[serde(rename = "trace.v1")]
    TraceV1,
}

/// One end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The end that sent ClientHello.
    Client,
    /// The end that answered it.
    Server,
}

impl Side {
    /// `client` or `server`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// The other end.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl From<premaster::wire::Side> for Side {
    fn from(side: premaster::wire::Side) -> Self {
        match side {
            premaster::wire::Side::Client => Self::Client,
            premaster::wire::Side::Server => Self::Server,
        }
    }
}

/// What came of the connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The version, once chosen.
    pub version: Option<String>,
    /// The cipher suite, once chosen.
    pub cipher_suite: Option<String>,
    /// The key exchange in words: `ECDHE over x25519`.
    pub key_exchange: Option<String>,
    /// The group of the key exchange, if it has one.
    pub group: Option<String>,
    /// The scheme with which the server signed, if it did.
    pub signature_scheme: Option<String>,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// The application protocol.
    pub application_protocol: Option<String>,
    /// What the handshake started from: `full`, or how it was resumed.
    pub resumption: Option<String>,
    /// Whether a HelloRetryRequest cost a second round trip.
    pub hello_retry: bool,
    /// Whether the handshake was finished.
    pub established: bool,
    /// Whether a later theft of long-term keys leaves this connection closed.
    pub forward_secret: Option<bool>,
    /// The last line: whether it is forward secret, and why.
    pub verdict: String,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// What a capture does not open, if something stays closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// The same as one verdict from all that was seen, with what would mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// What is weak but permitted.
    pub warnings: Vec<String>,
}

impl Summary {
    /// Whether the verdict is that the connection is forward secret, without an if or a but.
    pub fn is_good(&self) -> bool {
        self.established && self.verdict.starts_with("Forward secret:")
    }
}

/// Why something of a recorded connection stays closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// Why, in one word that does not change: `no_key_log_line`.
    pub code: String,
    /// Why, in a sentence.
    pub reason: String,
    /// What would open it, if anything could.
    pub needed: Option<String>,
}

/// Why a connection failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The end that found it.
    pub side: Side,
    /// What is wrong.
    pub what: String,
    /// Whose fault it is: `peer`, `both`, `local` or `network`.
    pub fault: String,
    /// The rule that was broken.
    pub rule: Option<String>,
    /// The alert that the peer was told.
    pub alert: Option<String>,
    /// What would mend it.
    pub remedy: Option<String>,
}

/// Records that one end sent in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flight {
    /// Counted from 1.
    pub number: usize,
    /// Who sent it.
    pub sender: Side,
    /// Its records, in order.
    pub records: Vec<Record>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Its number on the wire, counted from 1 over both directions.
    pub number: usize,
    /// Its length with the header, in bytes.
    pub length: usize,
    /// The keys that protect it, in words; none if it is plaintext.
    pub protection: Option<String>,
    /// The fields of the record as it stands on the wire. Unless it is protected, those of its messages follow
    /// them; together they cover every byte once.
    pub fields: Vec<Field>,
    /// What it holds. The offsets count from the start of the record if it is plaintext, and from the start of
    /// the plaintext if it is protected.
    pub messages: Vec<Message>,
    /// What follows the messages inside the protection of TLS 1.3: the type, and the padding.
    pub trailer: Vec<Field>,
}

/// A message, or the part of one that a record holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// What other parts of the trace call it: `m1`, `m2` and so on, over both directions.
    pub id: String,
    /// Its name in the RFC.
    pub name: String,
    /// Who sent it.
    pub sender: Side,
    /// How long all of it is, in bytes.
    pub length: usize,
    /// Which part of it this is, if it spans several records.
    pub part: Option<Part>,
    /// What it is for, in one sentence.
    pub meaning: String,
    /// Where that stands.
    pub rfc: String,
    /// What is worth knowing of its contents, in a few words.
    pub gist: Vec<String>,
    /// Its bytes.
    pub fields: Vec<Field>,
    /// Who knows what once it has arrived. Only with the last part.
    pub knowledge: Option<Knowledge>,
}

/// One of several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which, counted from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

/// What each of the three who see a message know once it has arrived, and did not before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Knowledge {
    /// The client.
    pub client: Vec<String>,
    /// The server.
    pub server: Vec<String>,
    /// Whoever listens on the wire.
    pub eavesdropper: Vec<String>,
}

/// Some bytes and what they mean. A field with children covers exactly what they cover; one without is a leaf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// Its name in the RFC.
    pub name: String,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// How many bytes it has.
    pub length: usize,
    /// A leaf's bytes in hexadecimal; none if they are redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the bytes stand for: a name of a code point, a number, a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded: Option<String>,
    /// What it is for, in one sentence.
    pub meaning: String,
    /// Where that stands.
    pub rfc: String,
    /// Who may see it.
    pub sensitivity: Sensitivity,
    /// The fields that it consists of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Field>,
}

impl Field {
    /// Whether it has no parts.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// The leaves under it, in order.
    pub fn leaves(&self) -> Vec<&Self> {
        match self.is_leaf() {
            true => vec![self],
            false => self.children.iter().flat_map(Self::leaves).collect(),
        }
    }

    /// All its bytes; none if some of them are redacted.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let leaves = self.leaves();
        let values = leaves.into_iter().map(|leaf| crate::hex::decode(leaf.value.as_deref()?).ok());
        Some(values.collect::<Option<Vec<_>>>()?.concat())
    }

    /// The first field under it, or itself, with this name.
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

/// Who may see some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Anybody.
    Public,
    /// It tells who somebody is: a name, a certificate of a client, an identity of a key.
    Identifying,
    /// It is the application's, or opens something: sharing it gives away what the connection protects.
    Secret,
}

/// Something that an end did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Which end.
    pub side: Side,
    /// The number of the last record that this end had sent or received before; 0 if none.
    pub after_record: usize,
    /// What it did.
    pub action: Action,
    /// The same in one sentence.
    pub text: String,
    /// Why, if there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The identifier of the key pair or the secret that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// What an end did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Chose something from what both sides can do.
    Chose,
    /// Made a key pair for this handshake.
    MadeKey,
    /// Spent or discarded the private half, and erased it.
    ErasedKey,
    /// Signed with its long-term key.
    Signed,
    /// Verified the peer's signature.
    Verified,
    /// Examined the peer's certificate.
    ExaminedCertificate,
    /// Derived a secret.
    Derived,
    /// Protects or opens records under new keys from here on.
    InstalledKeys,
    /// Resumed a session, or did not.
    Resumed,
    /// Noticed something weak.
    Warned,
    /// Finished the handshake.
    Established,
    /// Gave up.
    Failed,
}

/// A key pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyPair {
    /// What other parts of the trace call it.
    pub id: String,
    /// Whose it is.
    pub owner: Side,
    /// What kind of key.
    pub kind: KeyPairKind,
    /// The group, or the kind of key in the certificate.
    pub algorithm: String,
    /// The public half, in hexadecimal; for a certificate its SubjectPublicKeyInfo.
    pub public: String,
    /// What it is for, and how long it lives.
    pub purpose: String,
    /// The message that carries the public half.
    pub sent_in: Option<String>,
    /// Whether the private half was erased while the trace was made.
    pub erased: bool,
}

/// How long a key pair lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyPairKind {
    /// Made for this handshake.
    Ephemeral,
    /// In a certificate, for years.
    LongTerm,
}

/// A secret, and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Derivation {
    /// What other parts of the trace call it: `client.master_secret`.
    pub id: String,
    /// Which end computed it.
    pub side: Side,
    /// Its name in the RFC.
    pub name: String,
    /// The function and label that made it.
    pub formula: String,
    /// Where that stands.
    pub rfc: String,
    /// What it is for, in one sentence.
    pub meaning: String,
    /// What went in.
    pub inputs: Vec<Input>,
    /// How long it is, in bytes.
    pub length: usize,
    /// The value in hexadecimal; none if redacted.
    pub value: Option<String>,
    /// Where it lies in the secret that it is a slice of, in bytes.
    pub slice_offset: Option<usize>,
    /// Whether the other end computed the same; none if only one end was observed.
    pub agrees: Option<bool>,
    /// The number of the last record that this end had seen before; 0 if none.
    pub after_record: usize,
    /// Whether the value itself crosses the wire, as verify_data does.
    pub public: bool,
    /// Commands that compute the same bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
}

/// A command that computes the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Command {
    /// The program: `premaster` or `openssl`.
    pub program: String,
    /// The line for a shell.
    pub line: String,
}

/// What goes into a derivation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    /// Another secret.
    Secret {
        /// Its name.
        name: String,
        /// Its identifier, if it stands in the trace.
        id: Option<String>,
    },
    /// The private half of a key pair.
    PrivateKey {
        /// Its identifier.
        key: String,
    },
    /// Bytes that crossed the wire.
    Wire {
        /// What the RFC calls them.
        name: String,
        /// The message.
        message: String,
        /// The field in it.
        field: String,
        /// The bytes in hexadecimal.
        value: String,
    },
    /// A hash over messages that crossed the wire.
    Transcript {
        /// What the RFC calls it.
        name: String,
        /// The messages, in order.
        messages: Vec<String>,
        /// The hash in hexadecimal.
        value: String,
    },
    /// Bytes that everybody knows.
    Constant {
        /// What the RFC calls them.
        name: String,
        /// The bytes in hexadecimal.
        value: String,
    },
}

/// What somebody can read who recorded the connection and gets hold of something later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// What leaks.
    pub leak: String,
    /// What it opens.
    pub opens: Opens,
    /// Why.
    pub because: String,
    /// Who holds it, and until when; none if nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// What a leak opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// Nothing that was recorded.
    Nothing,
    /// The early data of this connection.
    EarlyData,
    /// This connection.
    ThisConnection,
    /// This connection and every other one recorded that used the same key.
    EveryConnection,
    /// Not this connection, but later ones.
    LaterConnections,
}

impl Opens {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Nothing => "nothing recorded",
            Self::EarlyData => "the early data",
            Self::ThisConnection => "THIS CONNECTION",
            Self::EveryConnection => "EVERY CONNECTION",
            Self::LaterConnections => "later connections",
        }
    }

    /// Whether this connection is opened.
    pub const fn opens_this(self) -> bool {
        matches!(self, Self::ThisConnection | Self::EveryConnection)
    }
}
