//! Bytes from the transport, opened where they lie.
use std::{
    fmt,
    future::Future,
    io,
    ops::Range,
    pin::pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

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
    /// How many reads in a row took all that there was room for, so that there is more to expect.
    full: u8,
}

impl Input {
    /// Room for one record of the largest size. Who keeps up with the peer reads no more at a time: then the peer
    /// goes on sending while this side decrypts, and neither has to be woken.
    const ONE_RECORD: usize = 5 + (1 << 14) + 2048;
    /// Room for four of the largest records that are usual, and a little more, so that what is left of the next one
    /// and has to move to the front is little. For who falls behind.
    const MANY_RECORDS: usize = 4 * (5 + (1 << 14) + 256);
    /// After so many full reads in a row, a MiB, it has fallen behind.
    const BEHIND: u8 = 64;

    /// The records that are not opened yet.
    pub(crate) fn records_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.records..]
    }

    /// As many bytes of the records are done with, and hold plaintext so far into them, if any.
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
        if self.full == 0 {
            self.release();
        }
    }

    /// Copies as much of the plaintext as there is room for.
    pub(crate) fn take_into(&mut self, buffer: &mut ReadBuf<'_>) {
        let plaintext = self.plaintext();
        let n = plaintext.len().min(buffer.remaining());
        buffer.put_slice(&plaintext[..n]);
        self.take(n);
    }

    /// Gives the memory back if it holds nothing.
    pub(crate) fn release(&mut self) {
        if self.plaintext.is_empty() && self.records == self.bytes.len() {
            let Self { bytes, .. } = std::mem::take(self);
            spare::keep(bytes);
        }
    }

    /// What waits for the rest of a record takes no more memory than it needs, as that may never come.
    fn shrink(&mut self) {
        if self.records < self.bytes.len() {
            let rest = self.bytes[self.records..].to_vec();
            spare::keep(std::mem::replace(&mut self.bytes, rest));
            self.records = 0;
        }
        self.release();
    }

    /// Reads more, behind what is not opened yet. There must be no plaintext left. False is the end.
    pub(crate) fn poll_fill<IO: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        io: &mut IO,
    ) -> Poll<io::Result<bool>> {
        debug_assert!(self.plaintext.is_empty(), "plaintext moves away from where it is said to be");
        self.plaintext = 0..0;
        let room = if self.full < Self::BEHIND { Self::ONE_RECORD } else { Self::MANY_RECORDS };
        if self.bytes.capacity() < room {
            let mut bytes = spare::take(Self::MANY_RECORDS);
            bytes.extend_from_slice(&self.bytes[self.records..]);
            self.bytes = bytes;
        } else {
            self.bytes.drain(..self.records);
        }
        self.records = 0;
        let room = room.saturating_sub(self.bytes.len());
        // The future has no state of its own: what it has not read, the next one will.
        let read = pin!(io.take(room as u64).read_buf(&mut self.bytes)).poll(context);
        if read.is_pending() {
            self.full = 0;
            self.shrink();
        }
        let read = ready!(read)?;
        self.full = if read == room { self.full.saturating_add(1) } else { 0 };
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

/// Memory that a stream on this thread has just done with is the next one's, as long as it is warm: so streams hold
/// none while they are idle, and none is asked of the system whenever something comes.
mod spare {
    use std::cell::Cell;

    thread_local! {
        static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }

    /// Empty, with room for as much.
    pub(super) fn take(room: usize) -> Vec<u8> {
        let mut bytes = SPARE.take();
        bytes.clear();
        bytes.reserve_exact(room);
        bytes
    }

    /// The larger one stays.
    pub(super) fn keep(bytes: Vec<u8>) {
        let other = SPARE.take();
        SPARE.set(if other.capacity() < bytes.capacity() { bytes } else { other });
    }
}
