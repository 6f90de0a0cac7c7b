//! Results on stdout, talk on stderr, and nothing of a peer's that a terminal would obey.
use crate::failure::Failure;
use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where results and talk go.
pub struct Io {
    /// Whether stdout takes colour.
    pub color_out: bool,
    /// Whether stderr takes colour.
    pub color_err: bool,
    /// Whether only results and errors are wanted.
    pub quiet: bool,
}

impl Io {
    /// The process's own.
    pub fn new(color: Color, quiet: bool) -> Self {
        let wants = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org: any value but the empty one.
            Color::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            color_out: wants(io::stdout().is_terminal()),
            color_err: wants(io::stderr().is_terminal()),
            quiet,
        }
    }

    /// A piece of the result, as it is.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.write(text.as_bytes())
    }

    /// A heading in the result.
    pub fn heading<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.color_out { format!("\x1b[1m{text}\x1b[0m").into() } else { text.into() }
    }

    /// Why the command could not do what was asked.
    pub fn fail(&mut self, failure: &Failure) {
        let text = failure.to_string();
        let text = text.trim_end();
        match text.strip_prefix("error:").filter(|_| self.color_err) {
            Some(rest) => self.complain(format!("\x1b[1;31merror:\x1b[0m{rest}")),
            None => self.complain(text),
        }
    }

    /// A piece of the result, in bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
    }

    /// The result as JSON, with nothing before it and a line's end after it.
    pub fn json(&mut self, document: &impl serde::Serialize) -> Result<(), Failure> {
        let mut text =
            serde_json::to_string_pretty(document).map_err(|error| Failure::output(&error.into()))?;
        text.push('\n');
        self.print(&text)
    }

    /// A line of talk. Peer-controlled parts of it have to be made [`safe`] before.
    pub fn say(&mut self, line: impl AsRef<str>) {
        if !self.quiet {
            self.complain(line);
        }
    }

    /// A line of talk that even `--quiet` does not silence. That nobody listens is no reason to fail.
    pub fn complain(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(io::stderr().lock(), "{}", line.as_ref());
    }
}

/// `text` with everything escaped that a terminal would obey or that would change how other text looks: control
/// characters, and those that turn the writing direction or are invisible.
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_unsafe(character) {
            true => escaped.extend(character.escape_unicode()),
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Bytes of any kind for a terminal: lines stay lines, and what it would obey is escaped.
pub fn safe_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unsafe(character) && !matches!(character, '\n' | '\t' | '\r') {
            true => escaped.extend(character.escape_unicode()),
            false => escaped.push(character),
        }
    }
    escaped
}

/// Bytes that are mostly text, such as a protocol's name.
pub fn safe_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => safe(text).into_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(safe("example.org"), "example.org");
        assert_eq!(safe("Fräulein 東京"), "Fräulein 東京");
        assert_eq!(safe("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(safe("a\nb\u{9b}c"), "a\\u{a}b\\u{9b}c");
        assert_eq!(safe("gro.elpmaxe\u{202e}"), "gro.elpmaxe\\u{202e}");
        assert_eq!(safe_text(b"a\r\n\tb\x1b]0;x\x07"), "a\r\n\tb\\u{1b}]0;x\\u{7}");
        assert_eq!(safe_bytes(b"h2\x1b\xff"), "h2\\x1b\\xff");
    }
}
