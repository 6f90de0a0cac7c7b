//! DER, as much of it as keys and certificates need: one element after the other, without recursion.
//!
//! Everything here is bounded by the input, allocates nothing and cannot panic: it reads what peers send.

/// The tag of an INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// The tag of a BIT STRING.
pub(crate) const BIT_STRING: u8 = 0x03;
/// The tag of an OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// The tag of a NULL.
pub(crate) const NULL: u8 = 0x05;
/// The tag of an OBJECT IDENTIFIER.
pub(crate) const OID: u8 = 0x06;
/// The tag of a BOOLEAN.
pub(crate) const BOOLEAN: u8 = 0x01;
/// The tag of a SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// The tag of a SET.
pub(crate) const SET: u8 = 0x31;

/// The tag `[n]` of a constructed element.
pub(crate) const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// The tag `[n]` of a primitive element.
pub(crate) const fn context_primitive(n: u8) -> u8 {
    0x80 | n
}

/// One element: its tag, what it holds, and all of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads elements off the front of a slice.
#[derive(Clone, Debug)]
pub(crate) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next element. None if it is cut off, or not DER: long tags, indefinite lengths and lengths that are
    /// longer than they need be.
    pub(crate) fn element(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let len = bytes.iter().fold(0u64, |len, &byte| len << 8 | u64::from(byte));
                if bytes.first() == Some(&0) || len < 0x80 {
                    return None;
                }
                (usize::try_from(len).ok()?, rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(len)?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Element { tag, contents, whole })
    }

    /// What the next element holds, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element().filter(|element| element.tag == tag).map(|element| element.contents)
    }

    /// What the next element holds if it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        match self.0.first() {
            Some(&next) if next == tag => self.expect(tag).map(Some),
            _ => Some(None),
        }
    }

    /// The contents of a BIT STRING that fills whole bytes.
    pub(crate) fn bits(&mut self) -> Option<&'a [u8]> {
        match self.expect(BIT_STRING)?.split_first()? {
            (0, bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The magnitude of an INTEGER that is not negative, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.expect(INTEGER)? {
            [] => None,
            [0] => Some(&[]),
            [0, next, ..] if *next < 0x80 => None,
            [0, rest @ ..] => Some(rest),
            [first, ..] if *first >= 0x80 => None,
            bytes => Some(bytes),
        }
    }

    /// Nothing may be left.
    pub(crate) const fn finish(self) -> Option<()> {
        match self.0.is_empty() {
            true => Some(()),
            false => None,
        }
    }
}

/// What the only element of `bytes` holds, which must have this tag.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut der = Der::new(bytes);
    let contents = der.expect(tag)?;
    der.finish()?;
    Some(contents)
}

/// `contents` as an element.
pub(crate) fn wrap(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let mut whole = Vec::with_capacity(contents.len() + 10);
    whole.push(tag);
    if contents.len() < 0x80 {
        whole.push(contents.len() as u8);
    } else {
        whole.push(0x80 | length.len() as u8);
        whole.extend_from_slice(length);
    }
    whole.extend_from_slice(contents);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_every_form_of_length() {
        for len in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let contents = vec![7; len];
            let whole = wrap(OCTET_STRING, &contents);
            let mut der = Der::new(&whole);
            let element = der.element().unwrap();
            assert_eq!((element.tag, element.contents, element.whole), (4, &contents[..], &whole[..]));
            assert!(der.is_empty());
        }
    }

    #[test]
    fn refuses_what_is_not_der() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x80, 0, 0],       // indefinite
            &[0x30, 0x81, 0x01, 0],    // longer than need be
            &[0x30, 0x82, 0x00, 0x80], // leading zero
            &[0x30, 0x02, 0],          // cut off
            &[0x30, 0x84, 255, 255, 255, 255],
            &[0x30, 0x85, 1, 0, 0, 0, 0], // more than 4 GiB
            &[0x1f, 0x01, 0],             // long tag
        ] {
            assert!(Der::new(bytes).element().is_none(), "{bytes:02x?}");
        }
        for bytes in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1]] {
            assert!(Der::new(bytes).unsigned().is_none(), "{bytes:02x?}");
        }
        assert_eq!(Der::new(&[2, 2, 0, 0x80]).unsigned(), Some(&[0x80][..]));
    }
}
