//! Bytes from the transport, opened where they lie.
use std::{
    fmt,
    future::Future,
    io,
    ops::Range,
    pin::pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Plaintext that nobody has taken yet, and behind it records that are not opened yet.
///
/// Records are opened in place, so that plaintext is copied once: to whoever reads.
#[derive(Default)]
pub(crate) struct Input {
    /// What was read from the transport, to its end.
    bytes: Vec<u8>,
    /// Where the plaintext lies.
    plaintext: Range<usize>,
    /// Where the records begin that are not opened yet.
    records: usize,
    /// Whether the last read took all that there was room for, so that there is more to expect.
    filled: bool,
}

impl Input {
    /// Room for one record of the largest size: what a read asks for when there is little to expect.
    const ONE_RECORD: usize = 5 + (1 << 14) + 2048;
    /// Room for several, when there is much.
    const MANY_RECORDS: usize = 1 << 16;

    /// The records that are not opened yet.
    pub(crate) fn records_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.records..]
    }

    /// As many bytes of the records are done with, and hold no plaintext.
    pub(crate) fn skip(&mut self, consumed: usize) {
        self.records += consumed;
    }

    /// As many bytes of the records are done with, and hold plaintext so far into them.
    pub(crate) fn opened(&mut self, consumed: usize, plaintext: Range<usize>) {
        self.plaintext = self.records + plaintext.start..self.records + plaintext.end;
        self.records += consumed;
    }

    /// The plaintext that nobody has taken yet.
    pub(crate) fn plaintext(&self) -> &[u8] {
        &self.bytes[self.plaintext.clone()]
    }

    /// As many bytes of the plaintext are taken. The memory goes with the last of them, unless more is to come.
    pub(crate) fn take(&mut self, n: usize) {
        self.plaintext.start += n.min(self.plaintext.len());
        if !self.filled {
            self.release();
        }
    }

    /// Gives the memory back if it holds nothing.
    pub(crate) fn release(&mut self) {
        if self.plaintext.is_empty() && self.records == self.bytes.len() {
            *self = Self::default();
        }
    }

    /// Reads more, behind what is not opened yet. There must be no plaintext left. False is the end.
    pub(crate) fn poll_fill<IO: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        io: &mut IO,
    ) -> Poll<io::Result<bool>> {
        debug_assert!(self.plaintext.is_empty(), "plaintext moves away from where it is said to be");
        self.bytes.drain(..self.records);
        (self.plaintext, self.records) = (0..0, 0);
        let room = if self.filled { Self::MANY_RECORDS } else { Self::ONE_RECORD };
        self.bytes.reserve_exact(room.saturating_sub(self.bytes.len()));
        let spare = self.bytes.capacity() - self.bytes.len();
        // The future has no state of its own: what it has not read, the next one will.
        let read = pin!(io.read_buf(&mut self.bytes)).poll(context);
        if read.is_pending() {
            self.release();
        }
        let read = ready!(read)?;
        self.filled = read == spare;
        Poll::Ready(Ok(read > 0))
    }

    /// What is left: plaintext, and records that are not opened.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<u8>) {
        (self.plaintext().to_vec(), self.bytes[self.records..].to_vec())
    }

    /// How much memory is held.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} bytes)", self.bytes.len() - self.records + self.plaintext.len())
    }
}
