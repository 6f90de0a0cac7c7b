//! The account of the secrets: what became of each, and who can still open the connection with what.
use super::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which secrets there were, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The secrets, in the order in which they were made.
    pub secrets: Vec<SecretLife>,
    /// What it does not account for, each in a sentence.
    pub gaps: Vec<String>,
}

/// The life of one secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretLife {
    /// Whose it was.
    pub side: Side,
    /// Its name in the RFC; an ephemeral key's is that of its group.
    pub name: String,
    /// When it was made.
    pub made: Moment,
    /// When it was erased; none if it was still held when the trace was made.
    pub erased: Option<Moment>,
}

/// When something happened, as one end sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// The last message that this end had sent or received; none before the first, or if it was left out.
    pub message: Option<String>,
    /// The name of that message, or `the start`.
    pub after: String,
    /// How many microseconds after the first event; none if the trace has no times, as in a demonstration.
    pub microseconds: Option<u64>,
}

impl Moment {
    /// In a few words: `m2 +1.234 ms`, or without a time `m2 ServerHello`.
    pub fn text(&self) -> String {
        let message = self.message.as_deref();
        match self.microseconds {
            Some(micros) => {
                let after = message.unwrap_or(&self.after);
                format!("{after} +{}.{:03} ms", micros / 1000, micros % 1000)
            }
            None => message.map_or_else(|| self.after.clone(), |message| format!("{message} {}", self.after)),
        }
    }
}

/// Who holds something that may leak, and until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The ends that hold it, or held it.
    pub by: Vec<Side>,
    /// Whether there is an end to it.
    pub until: Until,
    /// That end, if it is a time: in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// The same in words.
    pub text: String,
}

/// Until when something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// It is erased: nobody holds it any more.
    Erased,
    /// Until a time that is known.
    Time,
    /// For as long as somebody keeps it.
    OpenEnd,
    /// Nobody who was observed knows.
    Unknown,
}
