//! Lines of a certain width, with or without colour.

/// How text for a terminal looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour are written.
    pub colour: bool,
    /// How many columns a line may have.
    pub width: usize,
    /// Whether every byte is shown with its field.
    pub bytes: bool,
    /// Whether only the account of the secrets is shown, and what opens if one leaks.
    pub only_receipt: bool,
}

impl Style {
    /// Eighty columns, no colour, no bytes.
    pub const fn plain() -> Self {
        Self { colour: false, width: 80, bytes: false, only_receipt: false }
    }

    /// The same in colour.
    pub const fn coloured(mut self, colour: bool) -> Self {
        self.colour = colour;
        self
    }

    /// With every byte.
    pub const fn with_bytes(mut self, bytes: bool) -> Self {
        self.bytes = bytes;
        self
    }

    /// With nothing but the account of the secrets.
    pub const fn with_only_receipt(mut self, only: bool) -> Self {
        self.only_receipt = only;
        self
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(super) fn title(self, text: &str) -> String {
        self.paint("1;36", text)
    }
}

/// How many columns a text takes, where every character takes one.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Text in lines of at most `width` columns, broken at blanks; a longer word is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word;
        let line = lines.last().map_or(0, |line| columns(line));
        if line > 0 && line + 1 + columns(word) > width {
            lines.push(String::new());
        }
        while columns(word) > width {
            let cut = word.char_indices().nth(width).map_or(word.len(), |(at, _)| at);
            let (head, tail) = word.split_at(cut);
            if let Some(last) = lines.last_mut() {
                last.push_str(head);
            }
            lines.push(String::new());
            word = tail;
        }
        if let Some(last) = lines.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// Text behind a label, in lines of at most `width` columns: later ones are indented as far as the first. The label
/// is written as it is `painted`, and counts without its colour.
pub fn hang(out: &mut String, label: &str, painted: &str, text: &str, width: usize) {
    let indent = columns(label);
    for (nth, line) in wrap(text, width.saturating_sub(indent)).iter().enumerate() {
        match nth {
            0 => out.push_str(painted),
            _ => out.push_str(&" ".repeat(indent)),
        }
        out.push_str(line);
        trim(out);
        out.push('\n');
    }
}

/// A rule with a title in it.
pub(super) fn rule(title: &str, right: &str, width: usize) -> String {
    let used = columns(title) + 1 + if right.is_empty() { 0 } else { columns(right) + 1 };
    let right = if right.is_empty() { String::new() } else { format!(" {right}") };
    format!("{title} {}{right}", "─".repeat(width.saturating_sub(used).max(2)))
}

fn trim(out: &mut String) {
    while out.ends_with(' ') {
        out.pop();
    }
}

/// Two columns, side by side.
pub(super) fn side_by_side(out: &mut String, left: &[String], right: &[String], width: usize) {
    let half = (width - 5) / 2;
    for nth in 0..left.len().max(right.len()) {
        let a = left.get(nth).map_or("", String::as_str);
        let b = right.get(nth).map_or("", String::as_str);
        out.push_str(&format!("  {a:half$} │ {b}"));
        trim(out);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_their_width() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("0123456789", 8), ["01234567", "89"]);
        assert_eq!(wrap("", 8), [""]);
        for line in wrap(&"word ".repeat(50), 20) {
            assert!(columns(&line) <= 20);
        }
    }
}
