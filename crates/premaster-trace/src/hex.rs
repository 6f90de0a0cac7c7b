//! Bytes as hexadecimal digits.

/// Two lower-case digits a byte.
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

/// Bytes from digits of either case; blanks and colons between bytes do not count.
///
/// # Errors
/// At which character something else stands, or that half a byte is missing.
pub fn decode(text: &str) -> Result<Vec<u8>, BadHex> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (at, character) in text.char_indices() {
        if character.is_ascii_whitespace() || character == ':' {
            continue;
        }
        let digit = character.to_digit(16).ok_or(BadHex { at })? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => out.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(out),
        Some(_) => Err(BadHex { at: text.len() }),
    }
}

/// Not hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHex {
    /// Where, in bytes from the start of the text.
    pub at: usize,
}

impl std::fmt::Display for BadHex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not hexadecimal at character {}", self.at)
    }
}

impl std::error::Error for BadHex {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        assert_eq!(encode(&[0, 0x7f, 0xff]), "007fff");
        assert_eq!(decode("00 7F:ff\n"), Ok(vec![0, 0x7f, 0xff]));
        assert_eq!(decode("0"), Err(BadHex { at: 1 }));
        assert_eq!(decode("0g"), Err(BadHex { at: 1 }));
    }
}
