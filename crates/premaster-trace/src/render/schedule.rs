//! The key schedule: both ends' computations side by side, the ruler of the key block, the ladder of TLS 1.3.
use super::layout::{Style, hang, side_by_side, wrap};
use crate::model::{Derivation, Input, Side, Trace};

/// Names that stand for themselves in the ladder; the rest hangs from them.
const STAGES: [&str; 3] = ["early_secret", "handshake_secret", "main_secret"];

/// All that was derived.
pub(super) fn write(out: &mut String, trace: &Trace, style: Style) {
    let of = |side: Side| trace.secrets.iter().filter(move |node| node.side == side).collect::<Vec<_>>();
    let (client, server) = (of(Side::Client), of(Side::Server));
    match (client.is_empty(), server.is_empty()) {
        (true, true) => return,
        (false, false) => both(out, &client, &server, style),
        (false, true) => one(out, &client, style),
        (true, false) => one(out, &server, style),
    }
    let block = trace.secrets.iter().find(|node| node.name == "key_block");
    if let Some(block) = block {
        ruler(out, trace, block, style);
    }
    if trace.secrets.iter().any(|node| node.name == "early_secret") {
        ladder(out, trace, style);
    }
}

/// The ones worth a card of their own: not the constant steps between.
fn is_card(node: &Derivation) -> bool {
    !matches!(node.name.as_str(), "derived_secret" | "finished_key" | "key" | "iv")
        && node.slice_offset.is_none()
}

fn both(out: &mut String, client: &[&Derivation], server: &[&Derivation], style: Style) {
    let half = (style.width - 5) / 2;
    let head = [style.bold(&format!("{:half$}", "client computes"))];
    side_by_side(out, &head, &[style.bold("server computes")], style.width);
    for mine in client.iter().filter(|node| is_card(node)) {
        let bare = |node: &Derivation| node.id.split_once('.').map(|(_, rest)| rest.to_owned());
        let theirs = server.iter().find(|node| bare(node) == bare(mine));
        let left = card(mine, half);
        let right = theirs.map(|theirs| card(theirs, half)).unwrap_or_default();
        side_by_side(out, &left, &right, style.width);
        let line = match mine.agrees {
            Some(true) => style.good("└─ the same bytes on both sides"),
            Some(false) => style.bad("└─ NOT the same bytes"),
            None => style.dim("└─ only the client computes this"),
        };
        out.push_str(&format!("  {line}\n"));
        commands(out, mine, style);
    }
}

/// To be copied, so that they are not wrapped.
fn commands(out: &mut String, node: &Derivation, style: Style) {
    for command in &node.commands {
        out.push_str(&style.dim(&format!("   $ {}", command.line)));
        out.push('\n');
    }
}

fn one(out: &mut String, nodes: &[&Derivation], style: Style) {
    for node in nodes.iter().filter(|node| is_card(node)) {
        hang(out, "  ", "  ", &format!("{} ({} bytes)", node.name, node.length), style.width);
        hang(out, "    = ", "    = ", &node.formula, style.width);
        for input in &node.inputs {
            hang(out, "      ", "      ", &source(input), style.width);
        }
        if let Some(value) = &node.value {
            hang(out, "    → ", &format!("    {} ", style.bold("→")), value, style.width);
        }
        commands(out, node, style);
    }
}

fn card(node: &Derivation, width: usize) -> Vec<String> {
    let mut lines = wrap(&format!("{} ({} bytes)", node.name, node.length), width);
    let indent = |text: &str, by: &str| -> Vec<String> {
        wrap(text, width - by.len()).into_iter().map(|line| format!("{by}{line}")).collect()
    };
    lines.extend(indent(&format!("= {}", node.formula), " "));
    for input in &node.inputs {
        lines.extend(indent(&source(input), "   "));
    }
    if let Some(value) = &node.value {
        lines.extend(indent(value, " > "));
    }
    lines
}

/// Where an input comes from.
pub(crate) fn source(input: &Input) -> String {
    match input {
        Input::Secret { name, .. } => format!("{name}: from above"),
        Input::PrivateKey { key } => format!("private half of {key}"),
        Input::Wire { name, message, value, .. } => format!("{name}: {} bytes of {message}", value.len() / 2),
        Input::Transcript { name, messages, .. } => match messages.as_slice() {
            [only] => format!("{name}: over {only}"),
            [first, .., last] => format!("{name}: over {first} to {last}"),
            [] => name.clone(),
        },
        Input::Constant { name, value } => match name.as_str() {
            "0" => format!("{} zero bytes", value.len() / 2),
            _ => name.clone(),
        },
    }
}

/// Each slice of the key block, to scale.
fn ruler(out: &mut String, trace: &Trace, block: &Derivation, style: Style) {
    let is_slice = |node: &&Derivation| node.side == block.side && node.slice_offset.is_some();
    let slices: Vec<&Derivation> = trace.secrets.iter().filter(is_slice).collect();
    let scale = (style.width - 8) as f64 / block.length.max(1) as f64;
    out.push_str(&format!(
        "\n  {}\n  ",
        style.bold(&format!("key_block: {} bytes, cut in this order", block.length))
    ));
    for (nth, slice) in slices.iter().filter(|slice| slice.length > 0).enumerate() {
        let room = ((slice.length as f64 * scale) as usize).max(3) - 1;
        out.push_str(&format!("{}{}", if nth == 0 { "├" } else { "┼" }, "─".repeat(room)));
    }
    out.push_str("┤\n");
    for slice in &slices {
        let offset = slice.slice_offset.unwrap_or(0);
        let place = match slice.length {
            0 => "      -".to_owned(),
            length => format!("{offset:>3}..{:<3}", offset + length - 1),
        };
        let note = if slice.length == 0 { ": none in an AEAD suite" } else { "" };
        let bytes = if slice.length == 1 { "byte " } else { "bytes" };
        out.push_str(&format!("  {place:8} {:>2} {bytes}  {}{note}\n", slice.length, slice.name));
        if let Some(value) = slice.value.as_ref().filter(|value| !value.is_empty()) {
            hang(out, "                     ", "                   > ", value, style.width);
        }
    }
}

/// The ladder of RFC 9846 section 7.1, as far as it was climbed.
fn ladder(out: &mut String, trace: &Trace, style: Style) {
    let side = trace.observed.first().copied().unwrap_or(Side::Client);
    let nodes: Vec<&Derivation> = trace.secrets.iter().filter(|node| node.side == side).collect();
    let stages: Vec<&&Derivation> =
        nodes.iter().filter(|node| STAGES.contains(&node.name.as_str())).collect();
    out.push_str(&format!("\n  {}\n", style.bold("the ladder of RFC 9846 section 7.1")));
    for (nth, stage) in stages.iter().enumerate() {
        let comes_in = match stage.inputs.last() {
            Some(Input::Secret { name, .. }) => name.clone(),
            _ => "0".to_owned(),
        };
        out.push_str(&format!("{:>16} ─► HKDF-Extract = {}\n", comes_in, style.bold(&stage.name)));
        let hangs = |node: &&&Derivation| {
            matches!(node.inputs.first(), Some(Input::Secret { id: Some(id), .. }) if *id == stage.id)
                && node.name != "derived_secret"
        };
        for leaf in nodes.iter().filter(hangs) {
            let label = leaf.formula.split('"').nth(1).unwrap_or_default();
            out.push_str(&format!("{:>20} ├─ \"{label}\" ─► {}\n", "", leaf.name));
        }
        if nth + 1 < stages.len() {
            out.push_str(&format!("{:>20} │\n{:>20} ▼ \"derived\"\n", "", ""));
        }
    }
}
