//! The names of issuers and subjects, as DER and as people write them.
use crate::crypto::sign::der::{self, Der};
use std::fmt::{self, Write};

/// A distinguished name in DER (RFC 5280 section 4.1.2.4), its outer SEQUENCE included.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName(Box<[u8]>);

impl DistinguishedName {
    /// The name with this DER. Nothing is checked: a name that is not one is shown in hexadecimal.
    pub fn from_der(der: &[u8]) -> Self {
        Self(der.into())
    }

    /// The name that holds these relative names, in DER without the outer SEQUENCE.
    pub(crate) fn from_contents(contents: &[u8]) -> Self {
        Self(der::wrap(der::SEQUENCE, contents).into())
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }
}

/// As RFC 4514 writes it: `CN=leaf,O=Example,C=DE`.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&readable(&self.0))
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// No more than this many attributes are shown, nor more characters of one: names come from strangers.
const MOST_ATTRIBUTES: usize = 32;
const MOST_CHARACTERS: usize = 128;

/// A name in DER, as RFC 4514 writes it: the most specific attribute first.
pub(crate) fn readable(name: &[u8]) -> String {
    let Some(contents) = der::only(name, der::SEQUENCE) else { return hex(name) };
    let mut parts = Vec::new();
    let mut names = Der::new(contents);
    while !names.is_empty() && parts.len() < MOST_ATTRIBUTES {
        match names.expect(der::SET).and_then(relative) {
            Some(part) => parts.push(part),
            None => return hex(name),
        }
    }
    parts.reverse();
    match parts.is_empty() {
        true => "(an empty name)".into(),
        false => parts.join(","),
    }
}

/// A RelativeDistinguishedName: one attribute or, rarely, several.
fn relative(contents: &[u8]) -> Option<String> {
    let mut attributes = Der::new(contents);
    let mut text = String::new();
    let mut count = 0;
    while !attributes.is_empty() && count < MOST_ATTRIBUTES {
        let mut attribute = Der::new(attributes.expect(der::SEQUENCE)?);
        let kind = attribute.expect(der::OID)?;
        let value = attribute.element()?;
        attribute.finish()?;
        if count > 0 {
            text.push('+');
        }
        let _ = match short_name(kind) {
            Some(short) => write!(text, "{short}="),
            None => write!(text, "{}=", dotted(kind)),
        };
        text.push_str(
            &string(value.tag, value.contents).map_or_else(|| hex(value.whole), |value| escape(&value)),
        );
        count += 1;
    }
    (count > 0).then_some(text)
}

/// The keywords of RFC 4514 section 3, and two that everybody writes.
fn short_name(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        [0x55, 4, 3] => "CN",
        [0x55, 4, 5] => "serialNumber",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "STREET",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID",
        _ => return None,
    })
}

/// A DirectoryString or IA5String.
fn string(tag: u8, contents: &[u8]) -> Option<String> {
    match tag {
        // UTF8String, PrintableString and IA5String
        0x0c | 0x13 | 0x16 => std::str::from_utf8(contents).ok().map(str::to_owned),
        // TeletexString, which everybody fills with Latin-1
        0x14 => Some(contents.iter().map(|&byte| char::from(byte)).collect()),
        // BMPString
        0x1e if contents.len().is_multiple_of(2) => {
            let units = contents
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |unit, &byte| unit << 8 | u16::from(byte)));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        _ => None,
    }
}

/// RFC 4514 section 2.4; characters that could fool a terminal or a reader are written as it writes them too.
fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, character) in value.chars().enumerate() {
        if at == MOST_CHARACTERS {
            text.push_str("...");
            break;
        }
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', character]),
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || at == last => text.push_str("\\ "),
            _ if character.is_control() || misleads(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(text, "\\{byte:02x}");
                }
            }
            _ => text.push(character),
        }
    }
    text
}

/// Whether a character does not show, or turns the direction in which others do.
const fn misleads(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn hex(bytes: &[u8]) -> String {
    let shown = bytes.get(..MOST_CHARACTERS / 2);
    let mut text = String::from("#");
    for byte in shown.unwrap_or(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    if shown.is_some_and(|shown| shown.len() < bytes.len()) {
        text.push_str("...");
    }
    text
}

/// An object identifier as numbers and dots.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut text = String::new();
    let mut number: u64 = 0;
    for &byte in oid.iter().take(MOST_CHARACTERS) {
        number = number.saturating_mul(128).saturating_add(u64::from(byte & 0x7f));
        if byte & 0x80 != 0 {
            continue;
        }
        let _ = match text.is_empty() {
            true => write!(text, "{}.{}", (number / 40).min(2), number - (number / 40).min(2) * 40),
            false => write!(text, ".{number}"),
        };
        number = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let pair = [der::wrap(der::OID, oid), der::wrap(tag, value)].concat();
        der::wrap(der::SET, &der::wrap(der::SEQUENCE, &pair))
    }

    #[test]
    fn names_read_as_rfc_4514_writes_them() {
        let name = [
            attribute(&[0x55, 4, 6], 0x13, b"US"),
            attribute(&[0x55, 4, 10], 0x0c, "Gr\u{fc}n, Inc. ".as_bytes()),
            attribute(&[0x55, 4, 3], 0x1e, &[0, b'A', 0, b'+']),
        ];
        let name = DistinguishedName::from_contents(&name.concat());
        assert_eq!(name.to_string(), "CN=A\\+,O=Gr\u{fc}n\\, Inc.\\ ,C=US");
        assert_eq!(DistinguishedName::from_contents(&[]).to_string(), "(an empty name)");
    }

    #[test]
    fn what_is_strange_is_shown_in_hexadecimal() {
        let name = DistinguishedName::from_contents(&attribute(&[0x2a, 3, 4], 0x02, &[5]));
        assert_eq!(name.to_string(), "1.2.3.4=#020105");
        assert_eq!(DistinguishedName::from_der(&[1, 2, 3]).to_string(), "#010203");
        let name = DistinguishedName::from_contents(&attribute(&[0x55, 4, 3], 0x0c, b"\x1b[2J"));
        assert_eq!(name.to_string(), "CN=\\1b[2J");
        let name = DistinguishedName::from_contents(&attribute(&[0x55, 4, 3], 0x0c, "a\u{202e}b".as_bytes()));
        assert_eq!(name.to_string(), "CN=a\\e2\\80\\aeb");
    }

    #[test]
    fn long_names_are_cut() {
        let long = attribute(&[0x55, 4, 3], 0x0c, &[b'x'; 5000]).repeat(100);
        let shown = DistinguishedName::from_contents(&long).to_string();
        assert!(shown.len() < MOST_ATTRIBUTES * (MOST_CHARACTERS + 8), "{}", shown.len());
    }

    #[test]
    fn object_identifiers() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5]), "1.2.840.113549.1.1.5");
        assert_eq!(dotted(&[0x88, 0x37, 3]), "2.999.3");
        assert_eq!(dotted(&[0xff; 200]), "");
    }
}
