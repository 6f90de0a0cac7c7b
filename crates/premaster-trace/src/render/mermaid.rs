//! A sequence diagram in Mermaid, which code hosts draw.
use crate::{
    model::{Action, Message, Side, Step, Trace},
    sanitize::mermaid as clean,
};

/// A diagram of more lines than this is not read, and some hosts do not draw it.
const MAX_LINES: usize = 60;

/// The handshake as a `sequenceDiagram`. Whatever the peer sent is reduced to harmless characters.
pub fn mermaid(trace: &Trace) -> String {
    let mut lines = vec![
        "sequenceDiagram".to_owned(),
        "    autonumber".to_owned(),
        "    participant C as client".to_owned(),
        "    participant S as server".to_owned(),
    ];
    let tail = tail(trace);
    let room = MAX_LINES - tail.len() - 1;
    let mut steps = trace.steps.iter().peekable();
    let mut inside = false;
    for record in trace.flights.iter().flat_map(|flight| &flight.records) {
        let mut before = Vec::new();
        while let Some(step) = steps.next_if(|step| step.after_record < record.number) {
            before.extend(note(step));
        }
        let protected = record.protection.is_some();
        let closing = usize::from(inside || protected) + 1;
        if lines.len() + before.len() + record.messages.len() + closing > room {
            lines.push("    Note over C,S: and so on".to_owned());
            break;
        }
        if protected != inside {
            lines.push(if protected {
                "    rect rgba(128, 128, 128, 0.15)".to_owned()
            } else {
                "    end".to_owned()
            });
            inside = protected;
        }
        lines.extend(before);
        lines.extend(
            record
                .messages
                .iter()
                .filter(|message| message.part.is_none_or(|part| part.number == part.of))
                .map(arrow),
        );
    }
    if inside {
        lines.push("    end".to_owned());
    }
    lines.extend(tail);
    lines.join("\n") + "\n"
}

fn arrow(message: &Message) -> String {
    let (from, to) = match message.sender {
        Side::Client => ("C", "S"),
        Side::Server => ("S", "C"),
    };
    let gist = message.gist.iter().take(2).map(|gist| shorten(gist)).collect::<Vec<_>>().join(", ");
    let gist = if gist.is_empty() { String::new() } else { format!(" - {gist}") };
    format!("    {from}->>{to}: {}", clean(&format!("{}{gist}", message.name)))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// The steps that make the lesson; the rest is in the other renderings.
fn note(step: &Step) -> Option<String> {
    let who = match step.side {
        Side::Client => "left of C",
        Side::Server => "right of S",
    };
    let text = match step.action {
        Action::MadeKey => format!("makes an ephemeral {} key", step.about.as_deref()?.split('.').nth(2)?),
        Action::ErasedKey => "erases its private half".to_owned(),
        Action::Signed => "signs with its long-term key".to_owned(),
        Action::Verified => "verifies the signature".to_owned(),
        Action::ExaminedCertificate => shorten(&step.text),
        Action::Derived => match step.text.split(" = ").next()? {
            name @ ("pre_master_secret" | "master_secret" | "key_block" | "shared_secret"
            | "handshake_secret" | "main_secret") => {
                format!("computes {name}")
            }
            _ => return None,
        },
        Action::Resumed | Action::Failed => shorten(&step.text),
        _ => return None,
    };
    Some(format!("    Note {who}: {}", clean(&text)))
}

fn tail(trace: &Trace) -> Vec<String> {
    let mut lines = Vec::new();
    if trace.summary.failure.is_none() && trace.summary.established {
        let version = trace.summary.version.as_deref().unwrap_or("TLS");
        let exchange = trace.summary.key_exchange.as_deref().unwrap_or_default();
        lines.push(format!("    Note over C,S: {}", clean(&format!("{version}, {exchange}"))));
    }
    let verdict = trace.summary.verdict.split(": ").next().unwrap_or_default();
    lines.push(format!("    Note over C,S: {}", clean(&shorten(verdict))));
    lines
}
