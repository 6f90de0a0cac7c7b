//! The account of the secrets: when each was made and erased, and what opens if one leaks.
use super::{
    layout::{Style, hang},
    terminal::section,
};
use crate::{
    model::{Opens, SecretLife, Side, Trace},
    sanitize,
};

/// Both.
pub(super) fn write(out: &mut String, trace: &Trace, style: Style) {
    let receipt = &trace.receipt;
    if !receipt.secrets.is_empty() || !receipt.gaps.is_empty() {
        section(out, "The receipt: when each secret was made, and when it was erased", style);
        for side in [Side::Client, Side::Server] {
            lives(out, receipt.secrets.iter().filter(|life| life.side == side), side, style);
        }
        for gap in &receipt.gaps {
            hang(out, "  ", "  ", gap, style.width);
        }
    }
    exposure(out, trace, style);
}

/// One end's secrets, a line each.
fn lives<'t>(out: &mut String, lives: impl Iterator<Item = &'t SecretLife>, side: Side, style: Style) {
    let mut lives = lives.peekable();
    if lives.peek().is_none() {
        return;
    }
    let head = format!("  {:35} {:21} {}", side.name(), "made after", "erased after");
    out.push_str(&style.bold(&head));
    out.push('\n');
    for life in lives {
        let label = format!("  {:35} {:21} ", life.name, life.made.text());
        let erased = match &life.erased {
            None => {
                out.push_str(&format!("{label}{}\n", style.bad("held still")));
                continue;
            }
            // Before the next message.
            Some(erased) if erased.microseconds.is_none() && *erased == life.made => "at once".to_owned(),
            Some(erased) => erased.text(),
        };
        hang(out, &label, &label, &erased, style.width);
    }
    out.push('\n');
}

fn exposure(out: &mut String, trace: &Trace, style: Style) {
    if trace.exposure.is_empty() {
        return;
    }
    section(out, "What opens if it leaks, for whoever recorded this", style);
    for exposure in &trace.exposure {
        let opens = exposure.opens.text();
        let mark = match exposure.opens {
            Opens::Nothing => style.good(opens),
            _ if exposure.opens.opens_this() => style.bad(opens),
            _ => style.bold(opens),
        };
        out.push_str(&format!("  {:30} opens {mark}\n", exposure.leak));
        hang(out, "    ", "    ", &exposure.because, style.width);
        if let Some(held) = &exposure.held {
            hang(out, "    held by ", &style.dim("    held by "), &sanitize::text(&held.text), style.width);
        }
    }
}
