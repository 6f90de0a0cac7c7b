//! IP packets that were cut in pieces on their way (RFC 791 section 3.2, RFC 8200 section 4.5), put together.
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
};

/// The longest payload of an IP packet.
const MAX_PACKET: usize = u16::MAX as usize;

/// How many packets wait for their other pieces; the oldest go first.
const MAX_WAITING: usize = 256;

/// How many pieces one packet may have: of the least that a link must carry, so many make up the longest.
const MAX_PIECES: usize = 128;

/// Which packet a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PacketId {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// Of 16 bits in IPv4, and of 32 in IPv6.
    pub(crate) identification: u32,
}

/// A piece of an IP packet's payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) id: PacketId,
    /// Where in the payload it lies.
    pub(crate) offset: usize,
    /// Whether others follow it.
    pub(crate) more: bool,
    pub(crate) payload: &'a [u8],
}

/// Packets of which pieces are missing.
#[derive(Default)]
pub(crate) struct Fragments {
    waiting: HashMap<PacketId, Pieces>,
    order: VecDeque<PacketId>,
}

#[derive(Default)]
struct Pieces {
    /// By their offset.
    pieces: BTreeMap<usize, Vec<u8>>,
    /// How long it all is, once the last piece is there.
    len: Option<usize>,
}

impl Fragments {
    /// Takes a piece. Answers the payload and how many pieces it had, if this was the last one missing.
    pub(crate) fn push(&mut self, fragment: &Fragment<'_>) -> Option<(Vec<u8>, usize)> {
        let Fragment { id, offset, more, payload } = fragment;
        if !self.waiting.contains_key(id) {
            self.make_room();
            self.order.push_back(*id);
        }
        let pieces = self.waiting.entry(*id).or_default();
        match pieces.add(*offset, *more, payload) {
            Ok(false) => None,
            // RFC 5722 section 4: with one piece on another, nobody can tell which one the receiver believes.
            Err(Overlap) => {
                self.forget(id);
                None
            }
            Ok(true) => {
                let whole = self.forget(id)?;
                let count = whole.pieces.len();
                Some((whole.pieces.into_values().flatten().collect(), count))
            }
        }
    }

    fn forget(&mut self, id: &PacketId) -> Option<Pieces> {
        self.order.retain(|other| other != id);
        self.waiting.remove(id)
    }

    fn make_room(&mut self) {
        while self.waiting.len() >= MAX_WAITING
            && let Some(oldest) = self.order.pop_front()
        {
            self.waiting.remove(&oldest);
        }
    }
}

/// A piece lies on another that says something else, or beyond the end.
struct Overlap;

impl Pieces {
    /// True once everything is there.
    fn add(&mut self, offset: usize, more: bool, payload: &[u8]) -> Result<bool, Overlap> {
        let end = offset + payload.len();
        let last = self.pieces.last_key_value().map_or(0, |(start, piece)| start + piece.len());
        if end > MAX_PACKET || self.len.is_some_and(|len| end > len) || !more && end < last {
            return Err(Overlap);
        }
        if self.pieces.get(&offset).is_some_and(|piece| piece == payload) {
            return Ok(false);
        }
        let before = self.pieces.range(..=offset).next_back().map_or(0, |(start, piece)| start + piece.len());
        let after = self.pieces.range(offset..).next().map_or(usize::MAX, |(start, _)| *start);
        if before > offset || after < end || payload.is_empty() || self.pieces.len() == MAX_PIECES {
            return Err(Overlap);
        }
        self.pieces.insert(offset, payload.to_vec());
        if !more {
            self.len = Some(end);
        }
        let held: usize = self.pieces.values().map(Vec::len).sum();
        Ok(self.len == Some(held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn piece(identification: u32, offset: usize, more: bool, payload: &[u8]) -> Fragment<'_> {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Fragment { id: PacketId { source: here, destination: here, identification }, offset, more, payload }
    }

    #[test]
    fn in_any_order_and_twice() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(&piece(1, 16, false, b"end")), None);
        assert_eq!(fragments.push(&piece(1, 8, true, b"12345678")), None);
        assert_eq!(fragments.push(&piece(1, 8, true, b"12345678")), None);
        assert_eq!(fragments.push(&piece(2, 0, true, b"another.")), None);
        assert_eq!(
            fragments.push(&piece(1, 0, true, b"abcdefgh")).unwrap(),
            (b"abcdefgh12345678end".to_vec(), 3)
        );
        assert_eq!((fragments.waiting.len(), fragments.order.len()), (1, 1));
    }

    #[test]
    fn what_contradicts_itself_is_dropped() {
        for second in [
            piece(1, 8, true, b"other..."),
            piece(1, 0, true, b"too long here..."),
            piece(1, 0, false, b"short"),
            piece(1, MAX_PACKET, true, b"far out."),
            piece(1, 24, true, b""),
        ] {
            let mut fragments = Fragments::default();
            assert_eq!(fragments.push(&piece(1, 8, true, b"12345678")), None);
            assert_eq!(fragments.push(&second), None);
            assert!(fragments.waiting.is_empty() && fragments.order.is_empty(), "{second:?}");
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut fragments = Fragments::default();
        for identification in 0..10_000 {
            fragments.push(&piece(identification, 0, true, b"12345678"));
        }
        assert_eq!((fragments.waiting.len(), fragments.order.len()), (MAX_WAITING, MAX_WAITING));
        let mut pieces = Fragments::default();
        for index in 0..MAX_PIECES {
            pieces.push(&piece(1, index * 16, true, b"12345678"));
        }
        assert_eq!(pieces.waiting.len(), 1);
        pieces.push(&piece(1, MAX_PIECES * 16, true, b"12345678"));
        assert!(pieces.waiting.is_empty());
    }
}
