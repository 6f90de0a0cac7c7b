//! The presentation language (RFC 9846 section 3, RFC 5246 section 4): integers, vectors, and nothing left over.
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

    /// Nothing may be left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(DecodeError { what: self.what, problem: Problem::Trailing }),
        }
    }
}
