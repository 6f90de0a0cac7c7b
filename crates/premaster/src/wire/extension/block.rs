//! The block of extensions at the end of a message.
use super::Extension;
use crate::wire::{DecodeError, ExtensionType, Problem, Reader, codec::block16};

/// A block of extensions: well-formed, and without duplicates.
///
/// A TLS 1.2 hello may end before the block, which [`is_present`](Self::is_present) tells from an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a>(Option<&'a [u8]>);

impl<'a> Extensions<'a> {
    /// No block at all, as in the hellos of old (RFC 5246 section 7.4.1.2).
    pub const ABSENT: Self = Self(None);

    /// A block of what [`push`](super::push) wrote on this side, which is not checked again. Without its length.
    pub const fn from_encoded(block: &'a [u8]) -> Self {
        Self(Some(block))
    }

    /// Reads a block and its length.
    ///
    /// # Errors
    /// [`Problem::Duplicate`] if two extensions are of one type (RFC 9846 section 4.2: "There MUST NOT be more
    /// than one extension of the same type in a given extension block"); others if it is not well-formed.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let block = reader.vec16()?;
        check(block)?;
        Ok(Self(Some(block)))
    }

    /// Reads a block that may be left out because it comes last in a hello.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_optional(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.is_empty() {
            true => Ok(Self::ABSENT),
            false => Self::read(reader),
        }
    }

    /// Writes the block and its length; an absent one as an empty one.
    pub fn encode(&self, out: &mut Vec<u8>) {
        block16(out, |out| out.extend_from_slice(self.encoded()));
    }

    /// Writes the block and its length, or nothing if it is absent.
    pub fn encode_optional(&self, out: &mut Vec<u8>) {
        if self.is_present() {
            self.encode(out);
        }
    }

    /// The block as it stands on the wire, without its length.
    pub const fn encoded(&self) -> &'a [u8] {
        match self.0 {
            Some(block) => block,
            None => &[],
        }
    }

    /// Whether there is a block, be it empty.
    pub const fn is_present(&self) -> bool {
        self.0.is_some()
    }

    /// The extensions in the order in which they stand: type and `extension_data`.
    pub const fn iter(&self) -> ExtensionsIter<'a> {
        ExtensionsIter(Reader::new(self.encoded(), WHAT))
    }

    /// The `extension_data` of the extension of this type.
    pub fn find(&self, extension_type: ExtensionType) -> Option<&'a [u8]> {
        self.iter().find(|&(own, _)| own == extension_type).map(|(_, data)| data)
    }

    /// Whether there is an extension of this type.
    pub fn contains(&self, extension_type: ExtensionType) -> bool {
        self.find(extension_type).is_some()
    }

    /// The extension of the type and form `E`, if there is one.
    ///
    /// # Errors
    /// If it is there and malformed.
    pub fn get<E: Extension<'a>>(&self) -> Result<Option<E>, DecodeError> {
        self.find(E::TYPE).map(E::decode).transpose()
    }

    /// The type of the last extension; where pre_shared_key must stand (RFC 9846 section 4.2.11).
    pub fn last(&self) -> Option<ExtensionType> {
        self.iter().last().map(|(extension_type, _)| extension_type)
    }
}

impl<'a> IntoIterator for Extensions<'a> {
    type Item = (ExtensionType, &'a [u8]);
    type IntoIter = ExtensionsIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The extensions of a block, in order.
#[derive(Clone, Debug)]
pub struct ExtensionsIter<'a>(Reader<'a>);

impl<'a> Iterator for ExtensionsIter<'a> {
    type Item = (ExtensionType, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.is_empty() {
            true => None,
            false => read_one(&mut self.0).ok(),
        }
    }
}

const WHAT: &str = "extensions";

fn read_one<'a>(reader: &mut Reader<'a>) -> Result<(ExtensionType, &'a [u8]), DecodeError> {
    Ok((ExtensionType(reader.u16()?), reader.vec16()?))
}

fn check(block: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(block, WHAT);
    let mut seen = Seen::default();
    while !reader.is_empty() {
        let (extension_type, _) = read_one(&mut reader)?;
        if !seen.insert(extension_type.0) {
            return Err(DecodeError::new(extension_type.name().unwrap_or("extension"), Problem::Duplicate));
        }
    }
    Ok(())
}

/// The types seen so far. A peer chooses how many there are, up to 16,383: whatever it chooses, each costs a
/// bounded amount of work.
#[derive(Default)]
struct Seen {
    /// One bit for each type below 64, which nearly all are.
    low: u64,
    /// The first few others: renegotiation_info, encrypted_client_hello, GREASE.
    few: [u16; Self::FEW],
    len: usize,
    /// One bit for each type, once there are more others than that.
    many: Option<Box<[u64; 1024]>>,
}

impl Seen {
    const FEW: usize = 8;

    /// Whether `code` is new.
    fn insert(&mut self, code: u16) -> bool {
        if code < 64 {
            return set(&mut self.low, code);
        }
        if self.many.is_none() {
            let (few, free) = self.few.split_at_mut(self.len.min(Self::FEW));
            if few.contains(&code) {
                return false;
            }
            if let Some(slot) = free.first_mut() {
                *slot = code;
                self.len += 1;
                return true;
            }
        }
        let many = self.many.get_or_insert_with(|| {
            let mut many = Box::new([0; 1024]);
            for &code in &self.few {
                many.get_mut(usize::from(code / 64)).map(|word| set(word, code));
            }
            many
        });
        many.get_mut(usize::from(code / 64)).is_some_and(|word| set(word, code))
    }
}

/// Sets a bit; whether it was clear.
const fn set(word: &mut u64, code: u16) -> bool {
    let bit = 1 << (code % 64);
    let new = *word & bit == 0;
    *word |= bit;
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        List, NamedGroup,
        codec::put_u16,
        extension::{ExtendedMasterSecret, SupportedGroups, push, push_encoded},
    };

    fn block(types: impl IntoIterator<Item = u16>) -> Vec<u8> {
        let mut out = Vec::new();
        block16(&mut out, |out| {
            types.into_iter().for_each(|code| push_encoded(out, ExtensionType(code), &[]));
        });
        out
    }

    fn read(bytes: &[u8]) -> Result<Extensions<'_>, DecodeError> {
        let mut reader = Reader::new(bytes, "hello");
        let extensions = Extensions::read_optional(&mut reader)?;
        reader.finish()?;
        Ok(extensions)
    }

    #[test]
    fn an_absent_block_is_not_an_empty_one() {
        for (bytes, present) in [(&[][..], false), (&[0, 0], true)] {
            let extensions = read(bytes).unwrap();
            assert_eq!(extensions.is_present(), present);
            assert_eq!((extensions.iter().count(), extensions.last()), (0, None));
            let mut out = Vec::new();
            extensions.encode_optional(&mut out);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn extensions_are_found_by_type() {
        let mut own = Vec::new();
        let groups = SupportedGroups { named_group_list: List::from(&[NamedGroup::x25519]) };
        push(&mut own, &ExtendedMasterSecret);
        push(&mut own, &groups);
        let mut wire = Vec::new();
        Extensions::from_encoded(&own).encode(&mut wire);
        let extensions = read(&wire).unwrap();
        assert_eq!(extensions, Extensions::from_encoded(&own));
        assert_eq!(extensions.get(), Ok(Some(groups)));
        assert_eq!(extensions.get(), Ok(Some(ExtendedMasterSecret)));
        assert_eq!(extensions.find(ExtensionType::COOKIE), None);
        assert_eq!(extensions.last(), Some(ExtensionType::SUPPORTED_GROUPS));
        assert!(extensions.contains(ExtensionType::EXTENDED_MASTER_SECRET));
    }

    #[test]
    fn duplicates_are_refused_wherever_they_stand() {
        for count in [1, 5, 9, 10, 200, 16_000] {
            for offset in [0, 60, 1000, 40_000] {
                let types = || (offset..offset + count).collect::<Vec<u16>>();
                assert!(read(&block(types())).is_ok(), "{count} from {offset}");
                for again in (0..count.min(12)).chain([count / 2, count - 1]).map(|at| offset + at) {
                    let bytes = block(types().into_iter().chain([again]));
                    let problem = read(&bytes).map_err(|error| error.problem);
                    assert_eq!(problem, Err(Problem::Duplicate), "{again} twice in {count} from {offset}");
                }
            }
        }
        assert_eq!(
            read(&block([0x0d, 0x0d])),
            Err(DecodeError::new("signature_algorithms", Problem::Duplicate))
        );
    }

    #[test]
    fn malformed_blocks_are_refused() {
        let mut cut = Vec::new();
        put_u16(&mut cut, 3);
        cut.extend_from_slice(&[0, 0x17, 0]);
        assert_eq!(read(&cut), Err(DecodeError::new("extensions", Problem::Truncated)));
        assert_eq!(read(&[0, 5, 0]), Err(DecodeError::new("hello", Problem::Truncated)));
        assert_eq!(read(&[0, 0, 0]), Err(DecodeError::new("hello", Problem::Trailing)));
        assert!(read(&[0, 4, 0, 0x17, 0, 1]).is_err());
    }
}
