//! Doors, and how they are measured.
use fastrand::Rng;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// What is to be expected of a door.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The library's own: its classes take the same time.
    Real,
    /// A leaky twin, made for this program: what is not found here would not be found there.
    Control,
}

/// A place where time could tell what an attacker must not learn.
pub struct Door {
    pub name: &'static str,
    pub kind: Kind,
    pub classes: Vec<String>,
    /// Times one sample of a class; the number after the last one is the first class, once more.
    pub measure: Box<dyn FnMut(usize) -> Duration>,
}

/// Rounds that do not count.
const WARM_UP: usize = 500;

impl Door {
    /// So many times, in ns, of every class; and once more of the first, as if it were another one.
    ///
    /// Each round measures every class once, in an order of its own, so that whatever else goes on meets all of them
    /// alike.
    pub fn run(&mut self, samples: usize) -> Vec<Vec<u32>> {
        let mut order: Vec<usize> = (0..=self.classes.len()).collect();
        let mut times = vec![Vec::with_capacity(samples); order.len()];
        let mut random = Rng::new();
        for round in 0..WARM_UP + samples {
            random.shuffle(&mut order);
            for &class in &order {
                let time = (self.measure)(class);
                if round >= WARM_UP {
                    times[class].push(time.as_nanos().try_into().unwrap_or(u32::MAX));
                }
            }
        }
        times
    }
}

/// Times `work`; what it gives is dropped afterwards.
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let done = black_box(work());
    let time = start.elapsed();
    drop(done);
    time
}

/// Inputs of every class, made beforehand, of one length; and as many again of the first class, for it to be measured
/// once more.
pub struct Bank {
    /// Of each variant, one input of each class, side by side.
    inputs: Vec<Vec<u8>>,
    /// Where every one of them stands when it is used.
    stage: Vec<u8>,
    random: Rng,
}

/// Inputs of a class, so that none of them counts for its own sake.
const VARIANTS: usize = 64;

impl Bank {
    pub fn new(classes: usize, mut make: impl FnMut(usize, &mut Rng) -> Vec<u8>) -> Self {
        let mut random = Rng::new();
        let stage = make(0, &mut random);
        let mut side_by_side = |_| {
            let inputs: Vec<Vec<u8>> = (0..=classes).map(|class| make(class % classes, &mut random)).collect();
            assert!(inputs.iter().all(|input| input.len() == stage.len()));
            inputs.concat()
        };
        let inputs = (0..VARIANTS).map(&mut side_by_side).collect();
        Self { inputs, stage, random }
    }

    /// One of this class, drawn and brought to where they all stand.
    ///
    /// It is picked by a mask out of all the classes' inputs, which are read alike: which memory was touched shortly
    /// before a measurement is measured too, and must not tell the classes apart.
    pub fn draw(&mut self, class: usize) -> &mut [u8] {
        self.stage.fill(0);
        let inputs = &self.inputs[self.random.usize(..VARIANTS)];
        for (at, input) in inputs.chunks_exact(self.stage.len()).enumerate() {
            let mask = black_box(0_u8.wrapping_sub(u8::from(at == class)));
            self.stage
                .iter_mut()
                .zip(input)
                .for_each(|(staged, byte)| *staged |= byte & mask);
        }
        &mut self.stage
    }
}
