//! A cursor that gives every byte it passes a name.
use crate::{
    hex,
    model::{Field, Sensitivity},
    sanitize,
};
use premaster::wire::Element;
use std::fmt::Display;

/// The outcome of a step: none where the bytes are not what they should be. Whoever opened the scope then names the
/// rest "undecoded".
pub(super) type Walk<T = ()> = Option<T>;

/// The longest leaf whose bytes are also shown as text.
const MAX_DECODED: usize = 300;

/// Walks over some bytes and names each of them once.
pub(super) struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where `bytes` begins, counted from where the offsets count from.
    base: usize,
    rfc: &'static str,
    fields: Vec<Field>,
}

/// Runs `walk` over `bytes`: the fields it names, and one more, "undecoded", for what it left.
pub(super) fn scope<'a>(
    bytes: &'a [u8],
    base: usize,
    rfc: &'static str,
    walk: impl FnOnce(&mut Walker<'a>) -> Walk,
) -> Vec<Field> {
    let mut walker = Walker { bytes, at: 0, base, rfc, fields: Vec::new() };
    let outcome = walk(&mut walker);
    walker.finish(outcome.is_some())
}

impl<'a> Walker<'a> {
    /// Names what is left, so that nothing is.
    fn finish(mut self, whole: bool) -> Vec<Field> {
        let len = self.left();
        let meaning = match whole {
            true => "Nothing more belongs here: these bytes are one field too many.",
            false => "These bytes do not have the form that the RFC gives them here.",
        };
        if len > 0 {
            let _ = self.take(len, "undecoded", meaning);
        }
        self.fields
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// What the next bytes are, without passing them.
    pub(super) fn peek(&self, len: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.at..self.at.checked_add(len)?)
    }

    /// From here on the fields stand in this document.
    pub(super) fn rfc(&mut self, rfc: &'static str) -> &mut Self {
        self.rfc = rfc;
        self
    }

    /// A leaf of `len` bytes.
    pub(super) fn take(&mut self, len: usize, name: &str, meaning: &str) -> Walk<&'a [u8]> {
        let bytes = self.peek(len)?;
        if len == 0 {
            return Some(bytes);
        }
        self.fields.push(Field {
            name: name.to_owned(),
            offset: self.base + self.at,
            length: len,
            value: Some(hex::encode(bytes)),
            decoded: None,
            meaning: meaning.to_owned(),
            rfc: self.rfc.to_owned(),
            sensitivity: Sensitivity::Public,
            children: Vec::new(),
        });
        self.at += len;
        Some(bytes)
    }

    /// All that is left, if anything is, as one leaf.
    pub(super) fn rest(&mut self, name: &str, meaning: &str) -> Walk<&'a [u8]> {
        match self.left() {
            0 => Some(&[]),
            len => self.take(len, name, meaning),
        }
    }

    /// What the last field stands for.
    pub(super) fn says(&mut self, text: impl Display) -> &mut Self {
        if let Some(last) = self.fields.last_mut() {
            // Cut before it is made safe, so that no escape is cut.
            let text: String = text.to_string().chars().take(MAX_DECODED).collect();
            last.decoded = Some(sanitize::text(&text));
        }
        self
    }

    /// What the last field means, where that depends on its value.
    pub(super) fn means(&mut self, meaning: &str) -> &mut Self {
        if let Some(last) = self.fields.last_mut() {
            last.meaning = meaning.to_owned();
        }
        self
    }

    /// Who may see the last field.
    pub(super) fn is(&mut self, sensitivity: Sensitivity) -> &mut Self {
        fn mark(field: &mut Field, sensitivity: Sensitivity) {
            field.sensitivity = sensitivity;
            field.children.iter_mut().for_each(|child| mark(child, sensitivity));
        }
        if let Some(last) = self.fields.last_mut() {
            mark(last, sensitivity);
        }
        self
    }

    /// A number of `len` bytes.
    pub(super) fn number(&mut self, len: usize, name: &str, meaning: &str) -> Walk<usize> {
        let bytes = self.take(len, name, meaning)?;
        let value = bytes.iter().fold(0usize, |value, byte| value << 8 | usize::from(*byte));
        self.says(value);
        Some(value)
    }

    /// A code point; the last field then says its name.
    pub(super) fn code<T: Element<'a> + Display>(
        &mut self,
        len: usize,
        name: &str,
        meaning: &str,
    ) -> Walk<T> {
        let bytes = self.take(len, name, meaning)?;
        let code = T::read(&mut premaster::wire::Reader::new(bytes, "code point")).ok()?;
        match is_grease(bytes) {
            true => self.says("GREASE").means(
                "A reserved value that means nothing: a peer must ignore what it does not know (RFC 8701).",
            ),
            false => self.says(code),
        };
        Some(code)
    }

    /// A field that consists of others, in the next `len` bytes.
    pub(super) fn group(
        &mut self,
        len: usize,
        name: &str,
        meaning: &str,
        walk: impl FnOnce(&mut Walker<'a>) -> Walk,
    ) -> Walk {
        let bytes = self.peek(len)?;
        let offset = self.base + self.at;
        let children = scope(bytes, offset, self.rfc, walk);
        self.at += len;
        self.push_group(name, meaning, offset, len, children);
        Some(())
    }

    fn push_group(&mut self, name: &str, meaning: &str, offset: usize, length: usize, children: Vec<Field>) {
        if length == 0 {
            return;
        }
        self.fields.push(Field {
            name: name.to_owned(),
            offset,
            length,
            value: None,
            decoded: None,
            meaning: meaning.to_owned(),
            rfc: self.rfc.to_owned(),
            sensitivity: Sensitivity::Public,
            children,
        });
    }

    /// A vector: a length of `N` bytes, and what it counts. One that is cut off is walked as far as it goes.
    pub(super) fn vector<const N: usize>(
        &mut self,
        name: &str,
        meaning: &str,
        walk: impl FnOnce(&mut Walker<'a>) -> Walk,
    ) -> Walk {
        let prefix = self.peek(N)?;
        let length = prefix.iter().fold(0usize, |value, byte| value << 8 | usize::from(*byte));
        let cut_off = length > self.left() - N;
        let whole = if cut_off { self.left() } else { N + length };
        self.group(whole, name, meaning, |inner| {
            inner.number(N, "length", "How many bytes follow.")?;
            if cut_off {
                return None;
            }
            // The contents are a scope of their own: what they leave undecoded does not hide what comes after.
            let (bytes, base) = (inner.peek(length)?, inner.base + inner.at);
            let contents = scope(bytes, base, inner.rfc, walk);
            inner.at += length;
            inner.fields.extend(contents);
            Some(())
        })?;
        if cut_off { None } else { Some(()) }
    }

    /// A vector of bytes: the bytes.
    pub(super) fn opaque<const N: usize>(&mut self, name: &str, meaning: &str) -> Walk<&'a [u8]> {
        let mut bytes: &'a [u8] = &[];
        self.vector::<N>(name, meaning, |inner| {
            bytes = inner.rest(name, meaning)?;
            Some(())
        })?;
        Some(bytes)
    }

    /// A vector of code points; the field says their names.
    pub(super) fn codes<const N: usize, T: Element<'a> + Display>(
        &mut self,
        len: usize,
        name: &str,
        element: &str,
        meaning: &str,
    ) -> Walk<Vec<T>> {
        let mut codes = Vec::new();
        let mut names = Vec::new();
        let outcome = self.vector::<N>(name, meaning, |inner| {
            while !inner.is_empty() {
                let grease = inner.peek(len).is_some_and(is_grease);
                let code = inner.code::<T>(len, element, "One of the list, in the order of preference.")?;
                names.push(if grease { "GREASE".to_owned() } else { code.to_string() });
                codes.push(code);
            }
            Some(())
        });
        self.says(names.join(", "));
        outcome.map(|()| codes)
    }
}

/// RFC 8701: 0x0a0a, 0x1a1a and so on.
pub(super) fn is_grease(bytes: &[u8]) -> bool {
    matches!(bytes, [high, low] if high == low && high & 0x0f == 0x0a)
}
