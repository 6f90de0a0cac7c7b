//! What was computed, as text or JSON.
use premaster_trace::hex;
use serde::Serialize;

/// Everything that was computed, in order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// What to keep in mind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    pub(super) values: Vec<Value>,
}

/// One value.
#[derive(Debug, Serialize)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) formula: String,
    /// In hexadecimal, or in decimal where the sizes are toy ones.
    pub(super) value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) length: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<String>,
}

impl Report {
    pub(super) fn bytes(
        &mut self,
        name: impl Into<String>,
        formula: impl Into<String>,
        value: &[u8],
        steps: Vec<String>,
    ) {
        let (name, formula) = (name.into(), formula.into());
        self.values.push(Value {
            name,
            formula,
            value: hex::encode(value),
            length: Some(value.len()),
            steps,
        });
    }

    pub(super) fn number(&mut self, name: &str, formula: impl Into<String>, value: u64, steps: Vec<String>) {
        let (name, formula) = (name.to_owned(), formula.into());
        self.values.push(Value { name, formula, value: value.to_string(), length: None, steps });
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// For a terminal.
    pub(super) fn text(&self, with_steps: bool) -> String {
        let mut out = String::new();
        for note in &self.notes {
            out.push_str(&format!("! {note}\n"));
        }
        for value in &self.values {
            let length = value.length.map_or_else(String::new, |length| format!(" ({length} bytes)"));
            out.push_str(&format!("{}{length}\n  = {}\n", value.name, value.formula));
            for step in value.steps.iter().filter(|_| with_steps) {
                out.push_str(&format!("    {step}\n"));
            }
            out.push_str(&format!("  {}\n", if value.value.is_empty() { "(empty)" } else { &value.value }));
        }
        out
    }
}
