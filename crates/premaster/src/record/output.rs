//! The bytes that wait to be sent.
use std::fmt;
use std::io::{self, ErrorKind, Write};

/// A buffer of bytes for the wire, which its owner keeps and uses again.
///
/// Records are sealed straight into it. Its memory is zeroed once, when it is taken from the system, and never
/// again, however often it is filled and emptied.
#[derive(Default)]
pub struct Output {
    /// Initialized to its end; what waits is `start..end`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Output {
    /// An empty buffer, without memory yet.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0 }
    }

    /// What waits to be sent.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// How many bytes wait to be sent.
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether nothing waits to be sent.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The first `n` bytes have been sent; all of them, if there are not as many.
    pub fn consume(&mut self, n: usize) {
        self.start += n.min(self.len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Appends `bytes`.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve_tail(bytes.len()).copy_from_slice(bytes);
        self.commit(bytes.len());
    }

    /// Memory for `n` bytes more, to be written and then [committed](Self::commit). What it holds before is left
    /// over from earlier.
    pub fn reserve_tail(&mut self, n: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < n {
            self.make_room(n);
        }
        &mut self.bytes[self.end..self.end + n]
    }

    /// The first `n` bytes of what [`reserve_tail`](Self::reserve_tail) gave wait to be sent now.
    ///
    /// # Panics
    /// There are not as many.
    pub fn commit(&mut self, n: usize) {
        assert!(n <= self.bytes.len() - self.end, "more is committed than was reserved");
        self.end += n;
    }

    /// Forgets all but the first `n` bytes of what waits.
    pub const fn truncate(&mut self, n: usize) {
        if n < self.len() {
            self.end = self.start + n;
        }
    }

    /// Forgets what waits, and keeps the memory.
    pub const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Forgets what waits and gives the memory back.
    pub fn release(&mut self) {
        *self = Self::new();
    }

    /// Gives the memory back that what waits does not need.
    pub fn shrink(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end = self.len();
        self.start = 0;
        self.bytes.truncate(self.end);
        self.bytes.shrink_to_fit();
    }

    /// How many bytes the buffer can hold before it takes more memory.
    pub const fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Writes what waits to `writer` and says how many bytes it took.
    ///
    /// # Errors
    /// Those of `writer`, `WouldBlock` among them; what it took before is gone from here all the same.
    pub fn write_to(&mut self, writer: &mut impl Write) -> io::Result<usize> {
        let mut written = 0;
        while !self.is_empty() {
            match writer.write(self.as_slice()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.consume(n);
                    written += n;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Moves what waits to the front, or to a new place with room for `n` bytes more.
    fn make_room(&mut self, n: usize) {
        let len = self.len();
        let needed = len + n;
        if needed <= self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
        } else {
            // The system has zeroed memory at hand, where a growing `Vec` would write each zero.
            let mut grown = vec![0; needed.max(2 * self.bytes.len())];
            grown[..len].copy_from_slice(self.as_slice());
            self.bytes = grown;
        }
        self.start = 0;
        self.end = len;
    }
}

impl AsRef<[u8]> for Output {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut output = Output::new();
        let mut expected = Vec::new();
        for round in 0..200_usize {
            let piece = vec![round as u8; round * 7 % 61];
            output.extend(&piece);
            expected.extend(piece);
            let n = round * 5 % 53;
            output.consume(n);
            expected.drain(..n.min(expected.len()));
            if round % 40 == 39 {
                output.shrink();
                assert_eq!(output.capacity(), expected.len());
            }
            assert_eq!(output.as_slice(), expected);
            assert_eq!((output.len(), output.is_empty()), (expected.len(), expected.is_empty()));
        }
        output.release();
        assert_eq!((output.len(), output.capacity()), (0, 0));
    }

    #[test]
    fn memory_is_zeroed_once() {
        let mut output = Output::new();
        output.extend(&[0xee; 100]);
        let address = output.as_slice().as_ptr();
        for _ in 0..10 {
            output.consume(100);
            assert_eq!(output.reserve_tail(100), [0xee; 100], "what was there before is still there");
            output.commit(100);
            assert_eq!(output.as_slice().as_ptr(), address);
        }
        output.truncate(200);
        assert_eq!(output.len(), 100);
        output.truncate(90);
        output.commit(10);
        assert_eq!(output.as_slice(), [0xee; 100]);
        output.consume(60);
        output.extend(&[0xdd; 60]);
        assert_eq!(output.as_slice().as_ptr(), address, "what waits moves to the front before memory grows");
        assert_eq!(output.as_slice()[39..41], [0xee, 0xdd]);
    }

    #[test]
    fn memory_grows_in_large_steps() {
        let mut output = Output::new();
        let mut capacities = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            output.extend(b"some bytes");
            capacities.insert(output.capacity());
        }
        assert!(capacities.len() < 20, "{capacities:?}");
    }

    #[test]
    fn what_is_reserved_but_not_committed_does_not_wait() {
        let mut output = Output::new();
        output.extend(b"abc");
        output.reserve_tail(1000)[0] = b'x';
        assert_eq!(output.as_slice(), b"abc");
        output.commit(1);
        assert_eq!(output.as_slice(), b"abcx");
    }

    struct Reluctant(Vec<u8>);

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.len() {
                4.. => Err(ErrorKind::WouldBlock.into()),
                _ => {
                    self.0.push(bytes[0]);
                    Ok(1)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_socket_keeps_the_rest_waiting() {
        let mut output = Output::new();
        output.extend(b"abcdef");
        let mut writer = Reluctant(Vec::new());
        assert_eq!(output.write_to(&mut writer).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!((&writer.0[..], output.as_slice()), (&b"abcd"[..], &b"ef"[..]));
        let mut rest = Vec::new();
        assert_eq!(output.write_to(&mut rest).unwrap(), 2);
        assert!(output.is_empty());
    }
}
