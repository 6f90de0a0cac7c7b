//! One direction of a TCP connection: segments as they were captured, to bytes in order (RFC 9293 section 3.4).
//!
//! Where segments overlap, the bytes that came first stay. What was not captured is named with its offset, and
//! skipped when so much waits behind it that it cannot be expected any more, or when the stream ends.
use std::collections::BTreeMap;

/// The farthest that a segment can be ahead: the largest window (RFC 7323 section 2.3).
const MAX_WINDOW: u64 = 1 << 30;

/// How many segments are kept while it is not known where the stream starts.
const MAX_EARLY: usize = 64;

/// What a segment that waits costs beside its bytes.
const OVERHEAD: usize = 96;

/// Bytes that are not in the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where in the stream they would be.
    pub offset: u64,
    /// How many.
    pub len: u64,
    /// Why they are missing.
    pub cause: LossCause,
}

/// Why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossCause {
    /// A segment was not captured.
    NotCaptured,
    /// The capture keeps only the front of each packet (its snapshot length).
    CutShort,
}

/// What comes out of a stream, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes.
    Data {
        /// Where in the stream they are.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Bytes are missing here.
    Lost(Loss),
}

/// Puts the segments of one direction in order.
#[derive(Debug)]
pub struct Reassembler {
    /// How much may wait for a segment that is missing.
    limit: usize,
    /// The sequence number of the byte that is due, once one is known.
    due: Option<u32>,
    /// Its offset in the stream.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    held: usize,
    end: Option<u64>,
    /// Segments from before the SYN was seen; or all of the first ones, if the capture starts later.
    early: Vec<Early>,
}

#[derive(Debug)]
struct Early {
    sequence: u32,
    bytes: Vec<u8>,
    cut: usize,
}

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    /// Bytes after these that the capture cut off.
    cut: u64,
}

impl Waiting {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.cut
    }
}

impl Reassembler {
    /// An empty stream. At most `limit` bytes wait for a segment that is missing.
    pub fn new(limit: usize) -> Self {
        Self { limit, due: None, next: 0, waiting: BTreeMap::new(), held: 0, end: None, early: Vec::new() }
    }

    /// A SYN: the stream starts after its sequence number.
    pub fn start(&mut self, sequence: u32) {
        self.due.get_or_insert(sequence.wrapping_add(1));
    }

    /// Whether anything came.
    pub const fn is_started(&self) -> bool {
        self.due.is_some() || !self.early.is_empty()
    }

    /// How much memory waits for segments that are missing, in bytes.
    pub const fn held(&self) -> usize {
        self.held
    }

    /// The offset of the byte that is due.
    pub const fn offset(&self) -> u64 {
        self.next
    }

    /// Whether everything up to a FIN has come out.
    pub fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// A segment: its payload, of whose end the capture cut `cut` bytes off. Hands to `take` what is in order now.
    ///
    /// As long as no SYN was seen, a few segments wait: the first to be captured need not be the first of all.
    pub fn push(&mut self, sequence: u32, bytes: &[u8], cut: usize, take: &mut dyn FnMut(Piece<'_>)) {
        if self.due.is_none() {
            self.held += bytes.len() + OVERHEAD;
            self.early.push(Early { sequence, bytes: bytes.to_vec(), cut });
            if self.early.len() < MAX_EARLY && self.held <= self.limit / 2 {
                return;
            }
        } else {
            self.release(take);
            self.place(sequence, bytes, cut, take);
        }
        self.release(take);
    }

    /// Places the segments that waited for the start of the stream: the SYN's, or else the first of them.
    fn release(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        if self.early.is_empty() {
            return;
        }
        let early = std::mem::take(&mut self.early);
        let Some(any) = early.first() else { return };
        let distance = |early: &Early| early.sequence.wrapping_sub(any.sequence) as i32;
        let first =
            early.iter().min_by_key(|early| distance(early)).map_or(any.sequence, |first| first.sequence);
        self.due.get_or_insert(first);
        for Early { sequence, bytes, cut } in early {
            self.held = self.held.saturating_sub(bytes.len() + OVERHEAD);
            self.place(sequence, &bytes, cut, take);
        }
    }

    fn place(&mut self, sequence: u32, bytes: &[u8], cut: usize, take: &mut dyn FnMut(Piece<'_>)) {
        let due = self.due.unwrap_or(sequence);
        let ahead = i64::from(sequence.wrapping_sub(due) as i32);
        let (offset, bytes) = match self.next.checked_add_signed(ahead) {
            Some(offset) => (offset, bytes),
            // It starts before the first byte that is known of.
            None => (0, bytes.get(ahead.unsigned_abs() as usize..).unwrap_or_default()),
        };
        if offset.saturating_sub(self.next) > MAX_WINDOW {
            return;
        }
        let end = offset + bytes.len() as u64 + cut as u64;
        let first_waiting = self.waiting.first_key_value().map(|(&start, _)| start);
        if offset <= self.next && first_waiting.is_none_or(|start| end <= start) {
            let skip = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
            if let Some(fresh) = bytes.get(skip..) {
                self.deliver(fresh, cut as u64, take);
            } else if end > self.next {
                self.deliver(&[], end - self.next, take);
            }
        } else {
            self.keep(offset, bytes, end);
        }
        self.drain(take);
        while self.held > self.limit {
            self.skip_gap(take);
        }
    }

    /// A FIN after `len` bytes of payload from `sequence`.
    pub fn finish_at(&mut self, sequence: u32, len: usize) {
        let Some(due) = self.due else { return };
        let ahead = i64::from(sequence.wrapping_sub(due) as i32);
        self.end = self.next.checked_add_signed(ahead).map(|offset| offset + len as u64);
    }

    /// No more segments will come: names what is missing, and hands out what waits behind it.
    pub fn finish(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        self.release(take);
        while !self.waiting.is_empty() {
            self.skip_gap(take);
        }
        if let Some(end) = self.end.filter(|&end| end > self.next) {
            let len = (end - self.next).min(MAX_WINDOW);
            take(Piece::Lost(Loss { offset: self.next, len, cause: LossCause::NotCaptured }));
            self.advance(len);
        }
    }

    fn deliver(&mut self, bytes: &[u8], cut: u64, take: &mut dyn FnMut(Piece<'_>)) {
        if !bytes.is_empty() {
            take(Piece::Data { offset: self.next, bytes });
            self.advance(bytes.len() as u64);
        }
        if cut > 0 {
            take(Piece::Lost(Loss { offset: self.next, len: cut, cause: LossCause::CutShort }));
            self.advance(cut);
        }
    }

    fn advance(&mut self, by: u64) {
        self.next += by;
        self.due = self.due.map(|due| due.wrapping_add(by as u32));
    }

    /// Keeps those parts of the segment that are not there yet. Its bytes start at `offset`, and it goes on to `end`.
    fn keep(&mut self, offset: u64, bytes: &[u8], end: u64) {
        let mut at = offset.max(self.next);
        while at < end {
            // What holds `at`, or comes next after it.
            let before = self.waiting.range(..=at).next_back().map(|(&start, held)| start + held.len());
            if let Some(covered) = before.filter(|&covered| covered > at) {
                at = covered;
                continue;
            }
            let stop = self.waiting.range(at..).next().map_or(end, |(&start, _)| start.min(end));
            let index =
                |position: u64| usize::try_from(position - offset).unwrap_or(usize::MAX).min(bytes.len());
            let part = bytes.get(index(at)..index(stop)).unwrap_or_default();
            self.held += part.len() + OVERHEAD;
            let cut = stop - at - part.len() as u64;
            self.waiting.insert(at, Waiting { bytes: part.to_vec(), cut });
            at = stop;
        }
    }

    /// Hands out what has no gap before it any more.
    fn drain(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() <= self.next) {
            let (start, held) = entry.remove_entry();
            self.held = self.held.saturating_sub(held.bytes.len() + OVERHEAD);
            let skip = self.next - start;
            let fresh =
                usize::try_from(skip).ok().and_then(|skip| held.bytes.get(skip..)).unwrap_or_default();
            let end = start + held.len();
            let cut = end.saturating_sub(self.next + fresh.len() as u64);
            self.deliver(fresh, cut, take);
        }
    }

    /// Gives up what is due, up to the first segment that waits.
    fn skip_gap(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        let Some((&start, _)) = self.waiting.first_key_value() else {
            self.held = 0;
            return;
        };
        if start > self.next {
            let len = start - self.next;
            take(Piece::Lost(Loss { offset: self.next, len, cause: LossCause::NotCaptured }));
            self.advance(len);
        }
        self.drain(take);
    }
}
