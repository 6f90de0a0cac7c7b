//! A story for a terminal, eighty columns wide.
use super::{
    layout::{Style, columns, hang, rule},
    receipt, schedule,
};
use crate::{
    model::{Action, Field, KeyPairKind, Message, Record, Side, Step, Trace},
    sanitize,
};

/// The whole story.
pub fn terminal(trace: &Trace, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    head(&mut out, trace, style);
    if !style.only_receipt {
        keys(&mut out, trace, style);
        wire(&mut out, trace, style);
        if !trace.secrets.is_empty() {
            section(&mut out, "The secrets", style);
            schedule::write(&mut out, trace, style);
        }
    }
    receipt::write(&mut out, trace, style);
    ending(&mut out, trace, style);
    out
}

pub(super) fn section(out: &mut String, title: &str, style: Style) {
    out.push('\n');
    out.push_str(&style.title(&rule(title, "", style.width)));
    out.push_str("\n\n");
}

fn head(out: &mut String, trace: &Trace, style: Style) {
    let summary = &trace.summary;
    for line in super::layout::wrap(&sanitize::text(&trace.title), style.width) {
        out.push_str(&style.bold(&line));
        out.push('\n');
    }
    if trace.contains_secrets {
        hang(
            out,
            "! ",
            &style.bad("! "),
            "This output contains the session's secrets. Whoever has it can read the connection.",
            style.width,
        );
    }
    out.push('\n');
    let rows = [
        ("version", summary.version.clone()),
        ("cipher suite", summary.cipher_suite.clone()),
        ("key exchange", summary.key_exchange.clone()),
        ("signature", summary.signature_scheme.clone()),
        ("server name", summary.server_name.clone()),
        ("application", summary.application_protocol.clone()),
        ("resumption", summary.resumption.clone()),
    ];
    for (label, value) in rows {
        if let Some(value) = value {
            let label = format!("  {label:13} ");
            hang(out, &label, &style.dim(&label), &sanitize::text(&value), style.width);
        }
    }
    for warning in &summary.warnings {
        hang(out, "  ! ", &style.bad("  ! "), warning, style.width);
    }
    if let Some(omitted) = &trace.omitted {
        hang(out, "  ! ", &style.bad("  ! "), omitted, style.width);
    }
}

fn keys(out: &mut String, trace: &Trace, style: Style) {
    if trace.keys.is_empty() {
        return;
    }
    section(out, "The key pairs", style);
    for key in &trace.keys {
        let kind = match key.kind {
            KeyPairKind::Ephemeral => "ephemeral",
            KeyPairKind::LongTerm => "long-term",
        };
        let public = match key.kind {
            KeyPairKind::Ephemeral => format!(", public half of {} bytes", key.public.len() / 2),
            KeyPairKind::LongTerm => String::new(),
        };
        let sent = key.sent_in.as_ref().map_or_else(String::new, |message| format!(" in {message}"));
        let title = format!("{} {kind} {}{public}{sent}", key.owner.name(), key.algorithm);
        hang(out, "  ", "  ", &style.bold(&title), style.width + if style.colour { 8 } else { 0 });
        let (_, rest) = key.purpose.split_once(": ").unwrap_or(("", &key.purpose));
        let mut rest = rest.to_owned();
        if key.kind == KeyPairKind::Ephemeral && !trace.observed.contains(&key.owner) {
            rest = "made for this handshake alone, as far as the wire shows; whether it is erased the wire does not show".to_owned();
        } else if key.kind == KeyPairKind::Ephemeral && !key.erased {
            rest.push_str(" (not erased when this was written)");
        }
        hang(out, "    ", "    ", &rest, style.width);
    }
}

fn wire(out: &mut String, trace: &Trace, style: Style) {
    section(out, "The handshake, message by message", style);
    let shown: Vec<&Step> = trace.steps.iter().collect();
    let mut next_step = 0;
    for flight in &trace.flights {
        for record in &flight.records {
            // What an end did before this record went out, as far as it has not been told.
            while let Some(step) = shown.get(next_step).filter(|step| step.after_record < record.number) {
                next_step += 1;
                tell(out, step, &shown, next_step, style);
            }
            show_record(out, record, flight.sender, style);
        }
    }
    for (at, step) in shown.iter().enumerate().skip(next_step) {
        tell(out, step, &shown, at + 1, style);
    }
}

/// One step; derivations in a row become one line.
fn tell(out: &mut String, step: &Step, all: &[&Step], next: usize, style: Style) {
    let name = |step: &Step| step.text.split(" = ").next().unwrap_or_default().to_owned();
    let text = match step.action {
        Action::Derived => {
            let before = next.checked_sub(2).and_then(|at| all.get(at));
            if before.is_some_and(|before| before.action == Action::Derived && before.side == step.side) {
                return;
            }
            let run = all
                .iter()
                .skip(next - 1)
                .take_while(|other| other.action == Action::Derived && other.side == step.side);
            let mut names: Vec<String> = Vec::new();
            for name in run.map(|step| name(step)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            format!("computes {}", names.join(", "))
        }
        Action::Chose => format!("chooses {}", step.text.replacen(": ", " ", 1)),
        _ => step.text.clone(),
    };
    let text = match &step.because {
        Some(because) if !because.is_empty() => format!("{text} ({because})"),
        _ => text,
    };
    let label = format!("  {} ", step.side.name());
    let painted = match step.action {
        Action::Failed | Action::Warned => style.bad(&label),
        _ => style.dim(&label),
    };
    hang(out, &label, &painted, &sanitize::text(&text), style.width);
}

fn show_record(out: &mut String, record: &Record, sender: Side, style: Style) {
    let arrow = match sender {
        Side::Client => "client ─► server",
        Side::Server => "client ◄─ server",
    };
    let keys = match &record.protection {
        Some(keys) => format!("encrypted with {keys}"),
        None => "plaintext".to_owned(),
    };
    out.push('\n');
    let right = format!("record {}, {} bytes", record.number, record.length);
    out.push_str(&style.title(&rule(arrow, &right, style.width)));
    out.push('\n');
    out.push_str(&style.dim(&format!("  {keys}\n")));
    if record.messages.is_empty() {
        out.push_str("  contents unknown: nobody here has the keys\n");
    }
    if style.bytes {
        tree(out, &record.fields, 2, style);
    }
    for message in &record.messages {
        show_message(out, message, style);
    }
    if style.bytes {
        tree(out, &record.trailer, 2, style);
    }
}

fn show_message(out: &mut String, message: &Message, style: Style) {
    let part = message.part.map_or_else(String::new, |part| format!(", part {} of {}", part.number, part.of));
    let title = format!("  {} {}", message.id, message.name);
    let about = format!("{} byte{}{part}", message.length, if message.length == 1 { "" } else { "s" });
    let gap = style.width.saturating_sub(columns(&title) + columns(&about)).max(2);
    out.push_str(&format!("{}{}{}\n", style.bold(&title), " ".repeat(gap), style.dim(&about)));
    if message.part.is_none_or(|part| part.number == 1) {
        hang(out, "     ", "     ", &format!("{} {}.", message.meaning, message.rfc), style.width);
        for gist in &message.gist {
            hang(out, "     - ", "     - ", &sanitize::text(gist), style.width);
        }
    }
    if style.bytes {
        tree(out, &message.fields, 5, style);
    }
    if let Some(knowledge) = &message.knowledge {
        for (who, facts) in [
            ("client knows       ", &knowledge.client),
            ("server knows       ", &knowledge.server),
            ("eavesdropper knows ", &knowledge.eavesdropper),
        ] {
            let facts = if facts.is_empty() { "nothing new".to_owned() } else { facts.join(", ") };
            let label = format!("     {who}");
            hang(out, &label, &style.dim(&label), &facts, style.width);
        }
    }
}

/// Every byte with its field.
fn tree(out: &mut String, fields: &[Field], indent: usize, style: Style) {
    for field in fields {
        let label = format!("{:indent$}{:>5} ", "", field.offset);
        let decoded =
            field.decoded.as_ref().map_or_else(String::new, |text| format!(" = {}", sanitize::text(text)));
        hang(out, &label, &style.dim(&label), &format!("{}{decoded}", field.name), style.width);
        match (&field.value, field.is_leaf()) {
            (Some(value), _) => {
                let shown = if value.len() > 128 {
                    format!("{}... {} bytes", &value[..128], field.length)
                } else {
                    value.clone()
                };
                let label = format!("{:1$}", "", indent + 8);
                hang(out, &label, &label, &shown, style.width);
            }
            (None, true) => {
                out.push_str(&format!("{:1$}{2} bytes, not shown\n", "", indent + 8, field.length))
            }
            (None, false) => {}
        }
        tree(out, &field.children, (indent + 2).min(30), style);
    }
}

/// Why it failed: the verdict from all that was seen, and what would mend it.
fn failure(out: &mut String, trace: &Trace, style: Style) {
    let (failure, diagnosis) = (trace.summary.failure.as_ref(), trace.summary.diagnosis.as_ref());
    if failure.is_none() && diagnosis.is_none() {
        return;
    }
    section(out, if trace.summary.established { "What did not work" } else { "What went wrong" }, style);
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    let rows = [
        ("found by", failure.map(|failure| failure.side.name().to_owned())),
        ("error", failure.map(|failure| failure.what.clone())),
        ("alert", failure.and_then(|failure| failure.alert.clone())),
        ("verdict", diagnosis.filter(|verdict| verdict.certain).map(|verdict| verdict.what.clone())),
        ("likely", diagnosis.filter(|verdict| !verdict.certain).map(|verdict| verdict.what.clone())),
        ("whose turn", diagnosis.map(|verdict| verdict.side.text().to_owned())),
        ("field", diagnosis.map(|verdict| verdict.field.clone())),
        ("client", diagnosis.and_then(|verdict| list(&verdict.client))),
        ("server", diagnosis.and_then(|verdict| list(&verdict.server))),
        ("rule", diagnosis.map(|verdict| verdict.rfc.clone())),
    ];
    for (label, value) in rows {
        if let Some(value) = value {
            let label = format!("  {label:11}");
            hang(out, &label, &style.dim(&label), &sanitize::text(&value), style.width);
        }
    }
    let changes = diagnosis.map(|verdict| verdict.changes.as_slice()).unwrap_or_default();
    match changes {
        [] => return,
        [_] => out.push_str("\n  this mends it:\n"),
        _ => out.push_str("\n  any one of these mends it:\n"),
    }
    for change in changes {
        let label = format!("  {:7}", change.side.name());
        hang(out, &label, &style.bold(&label), &sanitize::text(&change.what), style.width);
        if let Some(line) = &change.line {
            // Whole, to be copied.
            out.push_str(&format!("   $ {}\n", sanitize::text(line)));
        }
    }
}

fn closed(out: &mut String, trace: &Trace, style: Style) {
    let Some(closed) = &trace.summary.closed else { return };
    section(out, "What stays closed", style);
    for (label, value) in [("why", Some(&closed.reason)), ("needed", closed.needed.as_ref())] {
        if let Some(value) = value {
            let label = format!("  {label:11}");
            hang(out, &label, &style.dim(&label), &sanitize::text(value), style.width);
        }
    }
}

fn ending(out: &mut String, trace: &Trace, style: Style) {
    failure(out, trace, style);
    closed(out, trace, style);
    out.push('\n');
    let verdict = sanitize::text(&trace.summary.verdict);
    for line in super::layout::wrap(&verdict, style.width) {
        out.push_str(&match trace.summary.is_good() {
            true => style.good(&line),
            false => style.bad(&line),
        });
        out.push('\n');
    }
}
