//! TCP segments in any order, with gaps and overlaps: nothing is handed out twice, and no more than was put in.
use crate::script::Script;
use premaster_capture::reassembly::{Piece, Reassembler};

const LIMIT: usize = 4096;

/// Pushes the segments that the bytes describe.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut reassembler = Reassembler::new(LIMIT);
    let start = u32::from(script.word()) << 16 | u32::from(script.word());
    if script.byte() & 1 == 1 {
        reassembler.start(start);
    }
    let (mut pushed, mut taken) = (0, 0);
    for _ in 0..200 {
        if script.is_over() {
            break;
        }
        let sequence = start.wrapping_add(u32::from(script.word()));
        let cut = usize::from(script.byte() & 3);
        let bytes = script.bytes();
        pushed += bytes.len();
        if script.byte() == 255 {
            reassembler.finish_at(sequence, bytes.len());
        }
        reassembler.push(sequence, bytes, cut, &mut |piece| taken += len(&piece));
        let _ = reassembler.is_complete();
    }
    reassembler.finish(&mut |piece| taken += len(&piece));
    assert!(taken <= pushed, "{taken} bytes out of {pushed}");
}

fn len(piece: &Piece<'_>) -> usize {
    match piece {
        Piece::Data { bytes, .. } => bytes.len(),
        Piece::Lost(_) => 0,
    }
}

/// Segments in order, out of order, and with a gap.
pub fn seeds() -> Vec<Vec<u8>> {
    let seed = |offsets: &[u8]| {
        let segments = offsets.iter().flat_map(|at| [at * 4, 0, 0, 4, *at, *at, *at, *at, 0]);
        [0xff, 0xff, 0xf0, 0xff, 1].into_iter().chain(segments).collect()
    };
    vec![seed(&[0, 1, 2, 3]), seed(&[3, 2, 1, 0]), seed(&[0, 2, 3, 5, 1]), seed(&[0, 0, 1, 1])]
}
