//! What was found, as tables.
use crate::{
    door::Kind,
    statistics::{ALPHA, Comparison, compare, holm},
};
use std::process::ExitCode;

/// A door's times, in ns: of every class, and once more of the first.
pub struct Measured {
    pub name: &'static str,
    pub kind: Kind,
    pub classes: Vec<String>,
    pub times: Vec<Vec<u32>>,
}

/// Two classes of a door.
struct Pair {
    first: usize,
    second: usize,
    comparison: Comparison,
    /// The probability, corrected for there being other pairs.
    corrected: f64,
}

impl Pair {
    fn tells(&self) -> bool {
        self.corrected < ALPHA
    }
}

impl Measured {
    /// Every class with every other; last the first with itself.
    fn pairs(&self) -> Vec<Pair> {
        let count = self.classes.len();
        let every = (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
        let compared = every.chain([(0, count)]).map(|(first, second)| Pair {
            first,
            second,
            comparison: compare(&self.times[second], &self.times[first]),
            corrected: 1.0,
        });
        compared.collect()
    }

    fn class(&self, class: usize) -> &str {
        self.classes.get(class).map_or("the first once more", String::as_str)
    }

    fn median(&self, class: usize) -> u32 {
        let mut times = self.times[class].clone();
        *times.select_nth_unstable(self.times[class].len() / 2).1
    }

    fn print(&self, pairs: &[Pair], all: bool) {
        println!("\n### {}\n", self.name);
        println!("{}: {} ns.\n", self.class(0), self.median(0));
        println!(
            "| class | against | median difference, ns | 99 % of confidence | mean of the middle | p | p, corrected | |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        for pair in pairs
            .iter()
            .filter(|pair| all || pair.first == 0 || (pair.tells() && self.kind == Kind::Real))
        {
            let Comparison {
                median,
                interval: (low, high),
                mean: (mean, error),
                p,
            } = pair.comparison;
            let (second, first, corrected) = (self.class(pair.second), self.class(pair.first), pair.corrected);
            print!("| {second} | {first} | {median:+} | {low:+} to {high:+} | {mean:+.2} ± {error:.2} ");
            let verdict = if pair.tells() { "**told apart**" } else { "" };
            println!("| {} | {} | {verdict} |", shown(p), shown(corrected));
        }
    }
}

/// A probability, the small ones by their order.
fn shown(p: f64) -> String {
    match p < 0.001 {
        true if p < f64::MIN_POSITIVE => "0".to_owned(),
        true => format!("{p:.0e}"),
        false => format!("{p:.3}"),
    }
}

/// Prints everything, and says how to end.
pub fn print(measured: &[Measured], samples: usize, all: bool) -> ExitCode {
    let mut pairs: Vec<Vec<Pair>> = measured.iter().map(Measured::pairs).collect();
    // What the verdict hangs on is one family; the controls are others, one each.
    let is_real = |at: usize| measured[at].kind == Kind::Real;
    correct(
        pairs
            .iter_mut()
            .enumerate()
            .filter(|(at, _)| is_real(*at))
            .flat_map(|(_, pairs)| pairs)
            .collect(),
    );
    let controls = pairs.iter_mut().enumerate().filter(|(at, _)| !is_real(*at));
    controls.for_each(|(_, pairs)| correct(pairs.iter_mut().collect()));
    let (mut told, mut unsaid) = (Vec::new(), Vec::new());
    for (door, pairs) in measured.iter().zip(&pairs) {
        door.print(pairs, all);
        let [real @ .., itself] = &pairs[..] else { continue };
        if itself.tells() {
            unsaid.push(format!("{}: a class was told from itself", door.name));
        }
        let found = real.iter().any(Pair::tells);
        match door.kind {
            Kind::Real if found => told.push(door.name),
            Kind::Control if !found => unsaid.push(format!("{}: its leak was not found", door.name)),
            Kind::Real | Kind::Control => {}
        }
    }
    if !measured.iter().any(|door| door.kind == Kind::Control) {
        unsaid.push("no control was measured".to_owned());
    }
    println!("\n{samples} samples of each class; p of Wilcoxon's signed-rank test, corrected after Holm; told apart");
    println!("below {ALPHA}.\n");
    told.iter().for_each(|name| println!("TELLS: {name}"));
    unsaid.iter().for_each(|why| println!("NOTHING CAN BE SAID: {why}"));
    if !unsaid.is_empty() {
        return ExitCode::from(2);
    }
    println!("Every leak of the controls was found.");
    match told.is_empty() {
        true => println!("No class of the library's own doors was told from another."),
        false => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

fn correct(pairs: Vec<&mut Pair>) {
    let corrected = holm(&pairs.iter().map(|pair| pair.comparison.p).collect::<Vec<_>>());
    pairs
        .into_iter()
        .zip(corrected)
        .for_each(|(pair, corrected)| pair.corrected = corrected);
}
