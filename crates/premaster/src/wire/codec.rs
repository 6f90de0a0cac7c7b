//! The presentation language (RFC 9846 section 3, RFC 5246 section 4): integers, vectors, and nothing left over.
use super::list::{Element, List};
use std::fmt;

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The structure or field that was being read, in the RFC's words.
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It ends too early.
    Truncated,
    /// Bytes are left over.
    Trailing,
    /// A length is outside what the RFC allows.
    BadLength,
    /// Something that must be unique is there twice.
    Duplicate,
    /// A value that the RFC forbids here.
    Illegal,
}

impl DecodeError {
    /// `what` has `problem`.
    pub const fn new(what: &'static str, problem: Problem) -> Self {
        Self { what, problem }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        match self.problem {
            Problem::Truncated => write!(f, "{what} ends too early"),
            Problem::Trailing => write!(f, "{what} has bytes left over"),
            Problem::BadLength => write!(f, "{what} has a length that is not allowed"),
            Problem::Duplicate => write!(f, "{what} is there twice"),
            Problem::Illegal => write!(f, "{what} has a value that is not allowed"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads big-endian integers and vectors off the front of a slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, which should hold a `what`.
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// An error about what is being read.
    pub const fn error(&self, problem: Problem) -> DecodeError {
        DecodeError { what: self.what, problem }
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(self.error(Problem::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.error(Problem::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A `uint8`.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|&[a]| a)
    }

    /// A `uint16`.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(|&bytes| u16::from_be_bytes(bytes))
    }

    /// A `uint24`.
    pub fn u24(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// A `uint32`.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|&bytes| u32::from_be_bytes(bytes))
    }

    /// The contents of a vector `<0..2^8-1>`.
    pub fn vec8(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u8()?;
        self.take(len.into())
    }

    /// The contents of a vector `<0..2^16-1>`.
    pub fn vec16(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u16()?;
        self.take(len.into())
    }

    /// The contents of a vector `<0..2^24-1>`.
    pub fn vec24(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u24()?;
        self.take(len as usize)
    }

    /// The contents of a vector `<1..2^8-1>`.
    pub fn some8(&mut self) -> Result<&'a [u8], DecodeError> {
        let contents = self.vec8()?;
        self.at_least_one(contents)
    }

    /// The contents of a vector `<1..2^16-1>`.
    pub fn some16(&mut self) -> Result<&'a [u8], DecodeError> {
        let contents = self.vec16()?;
        self.at_least_one(contents)
    }

    /// The contents of a vector `<1..2^24-1>`.
    pub fn some24(&mut self) -> Result<&'a [u8], DecodeError> {
        let contents = self.vec24()?;
        self.at_least_one(contents)
    }

    const fn at_least_one(&self, contents: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        match contents.is_empty() {
            true => Err(self.error(Problem::BadLength)),
            false => Ok(contents),
        }
    }

    /// A list of at least one element whose length in bytes is a `uint8`.
    pub fn list8<T: Element<'a>>(&mut self) -> Result<List<'a, T>, DecodeError> {
        List::decode(self.some8()?, self.what)
    }

    /// A list of at least one element whose length in bytes is a `uint16`.
    pub fn list16<T: Element<'a>>(&mut self) -> Result<List<'a, T>, DecodeError> {
        List::decode(self.some16()?, self.what)
    }

    /// All that is left.
    pub const fn take_rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    /// Nothing may be left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(DecodeError { what: self.what, problem: Problem::Trailing }),
        }
    }
}

/// Writes a `uint8`.
pub fn put_u8(out: &mut Vec<u8>, value: u8) {
    out.push(value);
}

/// Writes a `uint16`.
pub fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes the low 24 bits of `value` as a `uint24`.
pub fn put_u24(out: &mut Vec<u8>, value: u32) {
    debug_assert!(value < 1 << 24, "a uint24 has 24 bits");
    let [_, a, b, c] = value.to_be_bytes();
    out.extend_from_slice(&[a, b, c]);
}

/// Writes a `uint32`.
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes what `contents` writes, as a vector `<0..2^8-1>`.
///
/// Whoever encodes has to know that it fits. What is too long is cut off, so that the message is wrong but its
/// lengths are not, and the handshake fails in good order; a debug build panics.
pub fn block8(out: &mut Vec<u8>, contents: impl FnOnce(&mut Vec<u8>)) {
    block::<1>(out, contents);
}

/// Writes what `contents` writes, as a vector `<0..2^16-1>`; see [`block8`] for what does not fit.
pub fn block16(out: &mut Vec<u8>, contents: impl FnOnce(&mut Vec<u8>)) {
    block::<2>(out, contents);
}

/// Writes what `contents` writes, as a vector `<0..2^24-1>`; see [`block8`] for what does not fit.
pub fn block24(out: &mut Vec<u8>, contents: impl FnOnce(&mut Vec<u8>)) {
    block::<3>(out, contents);
}

/// Leaves room for a length of `N` bytes and writes it when it is known.
fn block<const N: usize>(out: &mut Vec<u8>, contents: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; N]);
    contents(out);
    let max = (1 << (8 * N)) - 1;
    let len = out.len().saturating_sub(start + N);
    debug_assert!(len <= max, "{len} bytes do not fit a vector of at most {max}");
    out.truncate(start + N + max);
    let bytes = len.min(max).to_be_bytes();
    if let (Some(field), Some(length)) = (out.get_mut(start..start + N), bytes.last_chunk::<N>()) {
        field.copy_from_slice(length);
    }
}

/// Writes `bytes` as a vector `<0..2^8-1>`.
pub fn put_vec8(out: &mut Vec<u8>, bytes: &[u8]) {
    block8(out, |out| out.extend_from_slice(bytes));
}

/// Writes `bytes` as a vector `<0..2^16-1>`.
pub fn put_vec16(out: &mut Vec<u8>, bytes: &[u8]) {
    block16(out, |out| out.extend_from_slice(bytes));
}

/// Writes `bytes` as a vector `<0..2^24-1>`.
pub fn put_vec24(out: &mut Vec<u8>, bytes: &[u8]) {
    block24(out, |out| out.extend_from_slice(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_blocks_write_their_lengths_afterwards() {
        let mut out = vec![0xff];
        block24(&mut out, |out| {
            put_u8(out, 1);
            block16(out, |out| block8(out, |out| put_u32(out, 0x0203_0405)));
            block8(out, |_| ());
        });
        assert_eq!(out, [0xff, 0, 0, 9, 1, 0, 5, 4, 2, 3, 4, 5, 0]);
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "256 bytes do not fit a vector of at most 255"))]
    fn what_does_not_fit_is_cut_off() {
        let mut out = Vec::new();
        put_vec8(&mut out, &[7; 256]);
        assert_eq!((out.len(), out[0]), (256, 255));
    }

    #[test]
    fn integers_round_trip() {
        let mut out = Vec::new();
        put_u8(&mut out, 0x01);
        put_u16(&mut out, 0x0203);
        put_u24(&mut out, 0x0004_0506);
        put_u32(&mut out, 0x0708_090a);
        assert_eq!(out, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let mut reader = Reader::new(&out, "integers");
        assert_eq!(reader.u8(), Ok(0x01));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u24(), Ok(0x0004_0506));
        assert_eq!(reader.u32(), Ok(0x0708_090a));
        assert_eq!(reader.u8(), Err(DecodeError::new("integers", Problem::Truncated)));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn vectors_keep_to_their_bounds() {
        assert_eq!(Reader::new(&[2, 7, 8], "v").vec8(), Ok(&[7, 8][..]));
        assert_eq!(Reader::new(&[2, 7], "v").vec8(), Err(DecodeError::new("v", Problem::Truncated)));
        assert_eq!(Reader::new(&[0], "v").some8(), Err(DecodeError::new("v", Problem::BadLength)));
        assert_eq!(Reader::new(&[0, 0], "v").some16(), Err(DecodeError::new("v", Problem::BadLength)));
        assert_eq!(Reader::new(&[0, 0, 0], "v").some24(), Err(DecodeError::new("v", Problem::BadLength)));
        assert_eq!(Reader::new(&[0], "v").finish(), Err(DecodeError::new("v", Problem::Trailing)));
    }
}
