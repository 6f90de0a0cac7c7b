//! Each target on its seeds, on every input that once broke it, and on what a few thousand changes make of them: the same
//! in every run.
use premaster_fuzz::TARGETS;
use std::{fs, path::Path};

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.number() as usize % limit.max(1)
    }

    /// The seed after some changes, with a part of another.
    fn change(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.number() as u8),
                2 => {
                    let from = self.below(other.len() + 1);
                    let piece = &other[from..other.len().min(from + self.below(40))];
                    drop(bytes.splice(at..at, piece.iter().copied()));
                }
                3 => drop(bytes.drain(at..bytes.len().min(at + self.below(9)))),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.number() as u8),
            }
        }
        bytes
    }
}

fn smoke(name: &str, changes: usize) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| (target.run)(seed));
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(name);
    for file in fs::read_dir(regressions).into_iter().flatten() {
        (target.run)(&fs::read(file.expect("an entry").path()).expect("a file that can be read"));
    }
    let mut rng = Rng(name.len() as u64);
    for round in 0..changes {
        let seed = &seeds[round % seeds.len()];
        let other = &seeds[rng.below(seeds.len())];
        (target.run)(&rng.change(seed, other));
    }
}

macro_rules! smoke {
    ($($name:ident: $changes:expr,)*) => {
        $(#[test]
        fn $name() {
            smoke(stringify!($name), $changes);
        })*

        #[test]
        fn none_is_forgotten() {
            let here = [$(stringify!($name)),*];
            assert!(TARGETS.iter().map(|target| target.name).eq(here));
        }
    };
}

smoke! {
    messages: 20_000,
    extensions: 20_000,
    hello: 2000,
    client: 1500,
    server: 1500,
    pair: 1500,
    records: 5000,
    sessions: 20_000,
    keys: 3000,
    capture: 1000,
    keylog: 3000,
    reassembly: 20_000,
    trace: 1000,
}
