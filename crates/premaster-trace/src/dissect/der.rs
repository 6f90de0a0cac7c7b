//! DER (X.690): tag, length, contents. Every element is a group of its header and what it holds.
use super::{
    oid,
    walker::{Walk, Walker},
};
use crate::sanitize;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// How deep elements may lie in each other where no schema says what they are: no honest certificate comes near.
const DEEPEST: usize = 16;

/// The tag of the next element.
pub(super) fn tag(walker: &Walker<'_>) -> Option<u8> {
    walker.peek(1)?.first().copied()
}

/// The lengths of the next element's header and contents.
fn extent(walker: &Walker<'_>) -> Option<(usize, usize)> {
    let first = *walker.peek(2)?.last()?;
    if first < 0x80 {
        return Some((2, usize::from(first)));
    }
    let digits = usize::from(first & 0x7f);
    if !(1..=4).contains(&digits) {
        return None;
    }
    let length = walker.peek(2 + digits)?.get(2..)?;
    Some((2 + digits, length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte))))
}

/// The next element, which must have this tag: its header, and what `walk` makes of its contents.
pub(super) fn element<'a>(
    walker: &mut Walker<'a>,
    wanted: u8,
    name: &str,
    meaning: &str,
    walk: impl FnOnce(&mut Walker<'a>) -> Walk,
) -> Walk {
    if tag(walker)? != wanted {
        return None;
    }
    let (header, length) = extent(walker)?;
    walker.group(header + length, name, meaning, |walker| {
        walker.take(header, "header", "In DER: what kind of element this is, and how long.")?;
        walker.says(format!("{}, {length} byte{}", kind(wanted), if length == 1 { "" } else { "s" }));
        // The contents are a scope of their own: what they leave undecoded does not hide what comes after.
        walk(walker)
    })
}

/// The next element as a leaf; what it says is what `text` makes of it.
pub(super) fn leaf<'a>(
    walker: &mut Walker<'a>,
    wanted: u8,
    name: &str,
    meaning: &str,
    text: impl FnOnce(&[u8]) -> String,
) -> Walk<&'a [u8]> {
    let mut contents: &'a [u8] = &[];
    let mut said = String::new();
    element(walker, wanted, name, meaning, |walker| {
        contents = walker.rest(name, meaning)?;
        said = text(contents);
        // Without contents there is no field that could say anything.
        if !contents.is_empty() && !said.is_empty() {
            walker.says(&said);
        }
        Some(())
    })?;
    if !said.is_empty() {
        walker.says(&said);
    }
    Some(contents)
}

/// An object identifier.
pub(super) fn oid<'a>(walker: &mut Walker<'a>, name: &str, meaning: &str) -> Walk<&'a [u8]> {
    leaf(walker, OID, name, meaning, oid::describe)
}

/// A number: in figures if it is small.
pub(super) fn integer(contents: &[u8]) -> String {
    match contents.len() {
        1..=4 => contents.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte)).to_string(),
        len => format!("{} bits", 8 * len.saturating_sub(usize::from(contents.first() == Some(&0)))),
    }
}

/// A bit string, whose contents after the count of unused bits `walk` walks.
pub(super) fn bits<'a>(
    walker: &mut Walker<'a>,
    name: &str,
    meaning: &str,
    walk: impl FnOnce(&mut Walker<'a>) -> Walk,
) -> Walk {
    element(walker, BIT_STRING, name, meaning, |walker| {
        walker.number(1, "unused_bits", "How many bits of the last byte do not count.")?;
        walk(walker)
    })
}

/// UTCTime or GeneralizedTime.
pub(super) fn time(walker: &mut Walker<'_>, name: &str, meaning: &str) -> Walk {
    let kind = tag(walker).filter(|tag| [UTC_TIME, GENERALIZED_TIME].contains(tag))?;
    leaf(walker, kind, name, meaning, |contents| moment(contents, kind).unwrap_or_default()).map(drop)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5).
fn moment(contents: &[u8], kind: u8) -> Option<String> {
    let text = std::str::from_utf8(contents).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let full = match (kind, text.len()) {
        (UTC_TIME, 12) => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        (GENERALIZED_TIME, 14) => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to);
    let (date, time) =
        ([part(0, 4)?, part(4, 6)?, part(6, 8)?], [part(8, 10)?, part(10, 12)?, part(12, 14)?]);
    Some(format!("{} {} UTC", date.join("-"), time.join(":")))
}

/// Text, whichever of the many kinds of string it is.
pub(super) fn string(contents: &[u8]) -> String {
    sanitize::bytes(contents)
}

/// Whatever comes: elements named after their kinds, as deep as is sensible.
pub(super) fn any(walker: &mut Walker<'_>, depth: usize) -> Walk {
    while !walker.is_empty() {
        one(walker, depth)?;
    }
    Some(())
}

/// One element of any kind.
pub(super) fn one(walker: &mut Walker<'_>, depth: usize) -> Walk {
    const MEANING: &str = "An element whose meaning depends on what it stands in.";
    let tag = tag(walker)?;
    let name = kind(tag);
    if tag & 0x20 != 0 && depth < DEEPEST {
        return element(walker, tag, &name, MEANING, |walker| any(walker, depth + 1));
    }
    let text = |contents: &[u8]| match tag {
        OID => oid::describe(contents),
        INTEGER | ENUMERATED => integer(contents),
        BOOLEAN => (contents != [0]).to_string(),
        UTC_TIME | GENERALIZED_TIME => moment(contents, tag).unwrap_or_default(),
        0x0c | 0x13 | 0x14 | 0x16 | 0x1a => string(contents),
        _ => String::new(),
    };
    leaf(walker, tag, &name, MEANING, text).map(drop)
}

/// What a tag is called.
fn kind(tag: u8) -> String {
    let universal = match tag {
        BOOLEAN => "BOOLEAN",
        INTEGER => "INTEGER",
        BIT_STRING => "BIT STRING",
        OCTET_STRING => "OCTET STRING",
        0x05 => "NULL",
        OID => "OBJECT IDENTIFIER",
        ENUMERATED => "ENUMERATED",
        0x0c => "UTF8String",
        0x13 => "PrintableString",
        0x14 => "TeletexString",
        0x16 => "IA5String",
        UTC_TIME => "UTCTime",
        GENERALIZED_TIME => "GeneralizedTime",
        0x1a => "VisibleString",
        0x1e => "BMPString",
        SEQUENCE => "SEQUENCE",
        SET => "SET",
        _ if tag >= 0x80 => return format!("[{}]", tag & 0x1f),
        _ => return format!("tag {tag:#04x}"),
    };
    universal.to_owned()
}
