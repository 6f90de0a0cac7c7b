//! What a peer sent may contain anything. Nothing of it reaches a terminal, a page or a diagram as it is.

/// Printable text for a terminal or a text file: control characters, those that turn the direction of writing, and
/// everything else that does not show as itself become escapes.
pub fn text(untrusted: &str) -> String {
    untrusted.chars().fold(String::with_capacity(untrusted.len()), |mut out, character| {
        match shows(character) {
            true => out.push(character),
            false => out.extend(character.escape_unicode()),
        }
        out
    })
}

/// The same for bytes that ought to be text.
pub fn bytes(untrusted: &[u8]) -> String {
    match std::str::from_utf8(untrusted) {
        Ok(valid) => text(valid),
        Err(_) => untrusted.escape_ascii().to_string(),
    }
}

/// Text for a Mermaid label, where a semicolon ends the statement, `#` starts an entity, and a line break the
/// next statement: everything but plain words and harmless punctuation becomes an underscore or is spelt out.
pub fn mermaid(untrusted: &str) -> String {
    let safe = |character: char| match character {
        'a'..='z'
        | 'A'..='Z'
        | '0'..='9'
        | ' '
        | '.'
        | ','
        | '-'
        | '_'
        | '/'
        | '('
        | ')'
        | '='
        | '+'
        | '*'
        | '\'' => character,
        ':' => '-',
        _ => '_',
    };
    untrusted.chars().map(safe).collect()
}

/// Whether a character shows as itself wherever it stands.
fn shows(character: char) -> bool {
    let turns_or_hides = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !character.is_control() && !turns_or_hides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes() {
        assert_eq!(text("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\u{a}\\u{202e}c");
        assert_eq!(text("Zürich"), "Zürich");
        assert_eq!(bytes(b"h2"), "h2");
        assert_eq!(bytes(b"\xff\x1b"), "\\xff\\x1b");
        assert_eq!(mermaid("x;y#z\nloop: end <b>"), "x_y_z_loop- end _b_");
    }
}
