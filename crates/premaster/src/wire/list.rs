//! Lists of elements, read from the wire or made here, that look the same.
use super::codec::{DecodeError, Reader};
use std::{fmt, slice};

/// What a [`List`] can hold: a code point, or a small structure that borrows from the message.
pub trait Element<'a>: Copy + PartialEq + fmt::Debug {
    /// Takes one off the front.
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Writes one.
    fn put(&self, out: &mut Vec<u8>);
}

/// A list of elements: a view of bytes that were received, each element checked, or a borrow of own values.
///
/// Lists are equal when their elements are, wherever they come from.
#[derive(Clone, Copy)]
pub struct List<'a, T>(Source<'a, T>);

#[derive(Clone, Copy)]
enum Source<'a, T> {
    Wire(&'a [u8]),
    Values(&'a [T]),
}

impl<'a, T: Element<'a>> List<'a, T> {
    /// Reads the contents of a vector, without its length. `what` goes into errors. It may be empty: where the
    /// RFC wants at least one element, [`Reader::list8`] and [`Reader::list16`] see to it.
    ///
    /// # Errors
    /// If the bytes do not divide into elements.
    pub fn decode(bytes: &'a [u8], what: &'static str) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, what);
        while !reader.is_empty() {
            T::read(&mut reader)?;
        }
        Ok(Self(Source::Wire(bytes)))
    }

    /// Writes the elements, without the length of the vector.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self.0 {
            Source::Wire(bytes) => out.extend_from_slice(bytes),
            Source::Values(values) => values.iter().for_each(|value| value.put(out)),
        }
    }

    /// The elements, in order.
    pub fn iter(&self) -> ListIter<'a, T> {
        ListIter(match self.0 {
            Source::Wire(bytes) => Cursor::Wire(Reader::new(bytes, "list")),
            Source::Values(values) => Cursor::Values(values.iter()),
        })
    }

    /// Whether `element` is in it.
    pub fn contains(&self, element: T) -> bool {
        self.iter().any(|own| own == element)
    }

    /// How many elements, counted.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match self.0 {
            Source::Wire(bytes) => bytes.is_empty(),
            Source::Values(values) => values.is_empty(),
        }
    }

    /// The first element.
    pub fn first(&self) -> Option<T> {
        self.iter().next()
    }

    /// The elements, copied.
    pub fn to_vec(&self) -> Vec<T> {
        self.iter().collect()
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self(Source::Values(&[]))
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Self(Source::Values(values))
    }
}

impl<'a, T> From<&'a Vec<T>> for List<'a, T> {
    fn from(values: &'a Vec<T>) -> Self {
        Self(Source::Values(values))
    }
}

impl<'a, T, const N: usize> From<&'a [T; N]> for List<'a, T> {
    fn from(values: &'a [T; N]) -> Self {
        Self(Source::Values(values))
    }
}

impl<'a, T: Element<'a>> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Element<'a> + Eq> Eq for List<'a, T> {}

impl<'a, T: Element<'a>> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Element<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = ListIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Element<'a>> IntoIterator for &List<'a, T> {
    type Item = T;
    type IntoIter = ListIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The elements of a [`List`], in order.
#[derive(Clone, Debug)]
pub struct ListIter<'a, T>(Cursor<'a, T>);

#[derive(Clone, Debug)]
enum Cursor<'a, T> {
    Wire(Reader<'a>),
    Values(slice::Iter<'a, T>),
}

impl<'a, T: Element<'a>> Iterator for ListIter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match &mut self.0 {
            Cursor::Wire(reader) if reader.is_empty() => None,
            // Decoding the list has read every element once: none is malformed.
            Cursor::Wire(reader) => T::read(reader).ok(),
            Cursor::Values(values) => values.next().copied(),
        }
    }

    /// Counted, so that whoever collects takes memory once.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.clone().count();
        (count, Some(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{CipherSuite, NamedGroup, Problem, PskKeyExchangeMode};

    #[test]
    fn the_source_does_not_matter() {
        let wire = List::<NamedGroup>::decode(&[0, 0x1d, 0, 0x17], "groups").unwrap();
        let own = [NamedGroup::x25519, NamedGroup::secp256r1];
        assert_eq!(wire, List::from(&own));
        assert_ne!(wire, List::from(&own[..1]));
        assert_eq!((wire.len(), wire.is_empty(), wire.first()), (2, false, Some(NamedGroup::x25519)));
        assert!(wire.contains(NamedGroup::secp256r1) && !wire.contains(NamedGroup::x448));
        assert_eq!(wire.to_vec(), own);
        assert_eq!(wire.iter().size_hint(), (2, Some(2)));
        assert_eq!(format!("{wire:?}"), "[x25519, secp256r1]");
        for list in [wire, List::from(&own)] {
            let mut out = Vec::new();
            list.encode(&mut out);
            assert_eq!(out, [0, 0x1d, 0, 0x17]);
        }
    }

    #[test]
    fn half_a_code_point_is_refused() {
        let error = Err(DecodeError::new("cipher_suites", Problem::Truncated));
        assert_eq!(List::<CipherSuite>::decode(&[0x13, 1, 0x13], "cipher_suites"), error);
        assert_eq!(List::<PskKeyExchangeMode>::decode(&[1, 0, 9], "modes").map(|list| list.len()), Ok(3));
    }
}
