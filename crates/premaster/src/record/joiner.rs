//! Handshake messages out of the fragments that records carry (RFC 9846 section 5.1).
use crate::error::{Error, Misbehaved};

/// Length of the header of a handshake message: its type and a `uint24` length.
const MESSAGE_HEADER_LEN: usize = 4;

/// The longest message that is taken unless another limit is set, without its header, in bytes: a chain of large
/// certificates has room in it.
pub const DEFAULT_MAX_MESSAGE: usize = 1 << 16;

/// Joins fragments, which may hold a part of a message or several, to whole messages.
///
/// It has no memory while it holds no part of a message.
#[derive(Debug)]
pub struct Joiner {
    /// What is not handed out yet starts at `start`.
    bytes: Vec<u8>,
    start: usize,
    max_message: usize,
}

impl Default for Joiner {
    fn default() -> Self {
        Self::new()
    }
}

impl Joiner {
    /// Empty, with the limit [`DEFAULT_MAX_MESSAGE`].
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, max_message: DEFAULT_MAX_MESSAGE }
    }

    /// Takes messages of at most `max_message` bytes from now on, header not counted.
    pub const fn set_max_message(&mut self, max_message: usize) {
        self.max_message = max_message;
    }

    /// Whether it holds no part of a message. Only then may another type of record or a new key come (RFC 9846
    /// section 5.1).
    pub const fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Takes in the plaintext of a handshake record. Take out the messages that are whole before the next.
    ///
    /// # Errors
    /// It is empty, or starts or goes on with a message that is too long. That shows in its header, long before
    /// there is memory for it.
    pub fn push(&mut self, fragment: &[u8]) -> Result<(), Error> {
        if fragment.is_empty() {
            return Err(Misbehaved::EmptyHandshakeRecord.into());
        }
        self.check_length()?;
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(fragment);
        self.check_length()
    }

    /// The next whole message, with its header of 4 bytes, if there is one.
    ///
    /// # Errors
    /// It says that it is too long.
    pub fn pop(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.check_length()?;
        let Some(len) = self.message_len().filter(|&len| len <= self.bytes.len() - self.start) else {
            return Ok(None);
        };
        let end = self.start + len;
        if end < self.bytes.len() {
            let message = self.bytes[self.start..end].to_vec();
            self.start = end;
            return Ok(Some(message));
        }
        // The last one takes the memory along.
        let mut message = std::mem::take(&mut self.bytes);
        message.drain(..std::mem::take(&mut self.start));
        Ok(Some(message))
    }

    /// Length of the message that is due, header included, once its header is there.
    fn message_len(&self) -> Option<usize> {
        let &[_, a, b, c] = self.bytes.get(self.start..)?.first_chunk::<MESSAGE_HEADER_LEN>()?;
        Some(MESSAGE_HEADER_LEN + u32::from_be_bytes([0, a, b, c]) as usize)
    }

    fn check_length(&self) -> Result<(), Error> {
        match self.message_len() {
            Some(len) if len - MESSAGE_HEADER_LEN > self.max_message => {
                Err(Misbehaved::MessageTooLong.into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, len: usize) -> Vec<u8> {
        let [_, header @ ..] = (len as u32).to_be_bytes();
        [&[kind], &header[..], &vec![kind; len]].concat()
    }

    #[test]
    fn byte_by_byte() {
        let mut joiner = Joiner::new();
        let messages = [message(1, 3), message(2, 0), message(3, 300)];
        let mut joined = Vec::new();
        for byte in messages.concat() {
            joiner.push(&[byte]).unwrap();
            assert!(!joiner.is_empty());
            joined.extend(joiner.pop().unwrap());
        }
        assert_eq!(joined, messages);
        assert!(joiner.is_empty());
        assert_eq!(joiner.pop(), Ok(None));
    }

    #[test]
    fn at_every_split() {
        let messages = [message(1, 3), message(2, 0), message(3, 9), message(4, 1)];
        let all = messages.concat();
        for split in 1..all.len() {
            let mut joiner = Joiner::new();
            let mut joined = Vec::new();
            for fragment in [&all[..split], &all[split..]] {
                joiner.push(fragment).unwrap();
                while let Some(message) = joiner.pop().unwrap() {
                    joined.push(message);
                }
            }
            assert_eq!(joined, messages, "split at {split}");
            assert!(joiner.is_empty() && joiner.bytes.capacity() == 0, "no memory is kept");
        }
    }

    #[test]
    fn too_long_shows_in_the_header() {
        let too_long = Err(Error::Misbehaved(Misbehaved::MessageTooLong));
        let mut joiner = Joiner::new();
        joiner.push(&[11, 1, 0]).unwrap();
        assert_eq!(joiner.push(&[1]), too_long);
        assert!(joiner.bytes.capacity() < 100);
        assert_eq!(joiner.push(&[0; 100]), too_long);
        assert_eq!(joiner.pop(), too_long.map(|()| None));
        let mut joiner = Joiner::new();
        assert_eq!(joiner.push(&[11, 1, 0, 0]), Ok(()), "the limit itself is allowed");
        let mut joiner = Joiner::new();
        joiner.set_max_message(5);
        joiner.push(&[message(1, 5), message(1, 6)].concat()).unwrap();
        assert!(joiner.pop().unwrap().is_some());
        assert_eq!(joiner.pop(), Err(Misbehaved::MessageTooLong.into()));
    }

    #[test]
    fn empty_fragments_are_refused() {
        assert_eq!(Joiner::new().push(&[]), Err(Misbehaved::EmptyHandshakeRecord.into()));
    }
}
