//! Reassembly: whatever the order, the stream comes out as it was sent, and what is missing is named.
mod tape;

use premaster_capture::{
    Loss, LossCause,
    reassembly::{Piece, Reassembler},
};
use tape::Dice;

/// What came out: bytes with their offsets filled in, and losses.
#[derive(Default)]
struct Out {
    bytes: Vec<Option<u8>>,
    losses: Vec<Loss>,
}

impl Out {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Data { offset, bytes } => {
                assert_eq!(offset, self.bytes.len() as u64, "in order");
                assert!(!bytes.is_empty());
                self.bytes.extend(bytes.iter().copied().map(Some));
            }
            Piece::Lost(loss) => {
                assert_eq!(loss.offset, self.bytes.len() as u64, "in order");
                assert!(loss.len > 0);
                self.bytes.resize(self.bytes.len() + loss.len as usize, None);
                self.losses.push(loss);
            }
        }
    }
}

fn stream(dice: &mut Dice, len: usize) -> Vec<u8> {
    (0..len).map(|_| dice.below(256) as u8).collect()
}

/// Segments that cover the stream, overlap, and come more than once, in any order.
fn segments(dice: &mut Dice, len: usize) -> Vec<(usize, usize)> {
    let mut segments = Vec::new();
    let mut at = 0;
    while at < len {
        let end = len.min(at + 1 + dice.below(90));
        segments.push((at.saturating_sub(dice.below(30)), len.min(end + dice.below(30))));
        at = end;
    }
    for _ in 0..dice.below(20) {
        let start = dice.below(len);
        segments.push((start, len.min(start + dice.below(300))));
    }
    dice.shuffle(&mut segments);
    segments
}

#[test]
fn any_order_and_any_overlap() {
    for seed in 0..500 {
        let dice = &mut Dice::new(seed);
        let len = 1 + dice.below(3000);
        let sent = stream(dice, len);
        let start = dice.below(1 << 32) as u32;
        let start = if seed % 2 == 0 { start } else { u32::MAX - dice.below(2000) as u32 };
        let mut reassembler = Reassembler::new(1 << 20);
        let segments = segments(dice, sent.len());
        // The SYN may be captured late as well.
        let syn = dice.below(segments.len().min(60));
        let mut out = Out::default();
        for (index, (from, to)) in segments.into_iter().enumerate() {
            if index == syn {
                reassembler.start(start);
            }
            let sequence = start.wrapping_add(1 + from as u32);
            reassembler.push(sequence, &sent[from..to], 0, &mut |piece| out.take(piece));
        }
        reassembler.finish_at(start.wrapping_add(1), sent.len());
        assert!(reassembler.is_complete(), "seed {seed}");
        assert_eq!(reassembler.held(), 0);
        reassembler.finish(&mut |piece| out.take(piece));
        assert!(out.losses.is_empty());
        assert!(out.bytes.iter().copied().eq(sent.iter().copied().map(Some)), "seed {seed}");
    }
}

#[test]
fn what_is_missing_is_named_and_nothing_else() {
    for seed in 0..500 {
        let dice = &mut Dice::new(seed);
        let len = 1 + dice.below(3000);
        let sent = stream(dice, len);
        let mut segments = segments(dice, sent.len());
        segments.retain(|_| dice.below(3) > 0);
        let mut expected = vec![None; sent.len()];
        for &(from, to) in &segments {
            (from..to).for_each(|at| expected[at] = Some(sent[at]));
        }
        let mut reassembler = Reassembler::new(1 << 20);
        reassembler.start(7);
        let mut out = Out::default();
        for (from, to) in segments {
            reassembler.push(8 + from as u32, &sent[from..to], 0, &mut |piece| out.take(piece));
        }
        reassembler.finish_at(8, sent.len());
        reassembler.finish(&mut |piece| out.take(piece));
        assert_eq!(out.bytes, expected, "seed {seed}");
        assert!(out.losses.iter().all(|loss| loss.cause == LossCause::NotCaptured));
    }
}

#[test]
fn memory_is_bounded() {
    let mut reassembler = Reassembler::new(10_000);
    reassembler.start(0);
    let mut out = Out::default();
    // The first byte never comes; every second byte does.
    for at in (2..1_000_000_u32).step_by(2) {
        reassembler.push(at, &[1], 0, &mut |piece| out.take(piece));
        assert!(reassembler.held() <= 10_000);
    }
    assert!(out.losses.len() > 1000);
    // A segment beyond any window is no part of the stream.
    reassembler.push(1_000_000 + (1 << 30) + 5, &[1; 100], 0, &mut |_| panic!("from nowhere"));
}

#[test]
fn what_the_capture_cut_off_is_lost_for_another_reason() {
    let mut reassembler = Reassembler::new(10_000);
    reassembler.start(99);
    let mut out = Out::default();
    reassembler.push(100, b"abc", 7, &mut |piece| out.take(piece));
    reassembler.push(120, b"xyz", 0, &mut |piece| out.take(piece));
    reassembler.push(110, b"0123456789", 0, &mut |piece| out.take(piece));
    let text: String = out.bytes.iter().map(|byte| byte.map_or('.', char::from)).collect();
    assert_eq!(text, "abc.......0123456789xyz");
    assert_eq!(out.losses, [Loss { offset: 3, len: 7, cause: LossCause::CutShort }]);
}

#[test]
fn a_stream_without_its_syn_starts_with_the_first_that_came() {
    let mut reassembler = Reassembler::new(10_000);
    let mut out = Out::default();
    for at in [4, 2, 0, 6] {
        reassembler.push(u32::MAX.wrapping_add(at), &[b'a' + at as u8; 2], 0, &mut |piece| out.take(piece));
    }
    assert!(out.bytes.is_empty() && reassembler.held() > 0);
    reassembler.finish(&mut |piece| out.take(piece));
    let text: String = out.bytes.iter().map(|byte| byte.map_or('.', char::from)).collect();
    assert_eq!(text, "aacceegg");
}

#[test]
fn bytes_that_came_first_stay() {
    let mut reassembler = Reassembler::new(10_000);
    reassembler.start(0);
    let mut out = Out::default();
    reassembler.push(3, b"cd", 0, &mut |piece| out.take(piece));
    reassembler.push(1, b"abXXef", 0, &mut |piece| out.take(piece));
    reassembler.push(1, b"YYYYYYgh", 0, &mut |piece| out.take(piece));
    let text: String = out.bytes.iter().map(|byte| byte.map_or('.', char::from)).collect();
    assert_eq!(text, "abcdefgh");
}
