//! The little of DER (X.690) that tells one kind of key from another.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// Reads one element after the other.
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// The contents of the next element, if it bears this tag.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&[found, first], rest) = self.0.split_first_chunk()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&len, rest) = rest.split_first()?;
                (usize::from(len), rest)
            }
            0x82 => {
                let (&len, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(len)), rest)
            }
            _ => return None,
        };
        // The shortest form only (X.690 section 10.1).
        let shortest = match first {
            0x81 => len >= 0x80,
            0x82 => len >= 0x100,
            _ => true,
        };
        let (contents, rest) = rest.split_at_checked(len)?;
        (found == tag && shortest).then(|| self.0 = rest).map(|()| contents)
    }

    /// The elements of the next sequence.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.element(SEQUENCE).map(Self)
    }

    /// The next integer, which must be positive, without leading zeros.
    pub(super) fn positive(&mut self) -> Option<&'a [u8]> {
        let integer = self.element(INTEGER)?;
        match integer {
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Some(rest),
            [1..=0x7f, ..] => Some(integer),
            _ => None,
        }
    }

    /// The next bit string, of whole bytes.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        match self.element(BIT_STRING)? {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_form() {
        let read = |bytes: &[u8]| Der(bytes).element(OCTET_STRING).map(<[u8]>::len);
        let long = |head: &[u8], len: usize| [head, &vec![7; len]].concat();
        assert_eq!(read(&[4, 0]), Some(0));
        assert_eq!(read(&[4, 1, 9]), Some(1));
        assert_eq!(read(&long(&[4, 0x81, 0x80], 0x80)), Some(0x80));
        assert_eq!(read(&long(&[4, 0x82, 1, 0], 0x100)), Some(0x100));
        assert_eq!(read(&long(&[4, 0x81, 0x7f], 0x7f)), None);
        assert_eq!(read(&long(&[4, 0x82, 0, 0xff], 0xff)), None);
        assert_eq!(read(&long(&[4, 0x83, 0, 1, 0], 0x100)), None);
        assert_eq!(read(&long(&[4, 0x80], 4)), None);
        assert_eq!(read(&[4, 2, 9]), None);
        assert_eq!(read(&[3, 1, 9]), None);
        assert_eq!(read(&[4]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn integers_are_positive_and_short() {
        let read = |bytes: &'static [u8]| Der(bytes).positive();
        assert_eq!(read(&[2, 1, 5]), Some(&[5][..]));
        assert_eq!(read(&[2, 2, 0, 0x80]), Some(&[0x80][..]));
        assert_eq!(read(&[2, 2, 0, 0x7f]), None);
        assert_eq!(read(&[2, 1, 0]), None);
        assert_eq!(read(&[2, 1, 0x80]), None);
        assert_eq!(read(&[2, 0]), None);
    }
}
