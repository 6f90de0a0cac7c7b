//! What can be said of two classes that were measured in pairs.
use statrs::distribution::{ContinuousCDF, Normal};

/// What is risked: that somewhere in a family of pairs a difference is found where there is none.
pub const ALPHA: f64 = 0.01;

/// Two classes, compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The median of the differences, in ns.
    pub median: i64,
    /// Where the true median is with 99 % confidence, in ns.
    pub interval: (i64, i64),
    /// The mean of the differences without the largest and the smallest twentieth, in ns, and how far from it the true
    /// one is at most with 99 % confidence. It is finer than the clock.
    pub mean: (f64, f64),
    /// How probable it is to see at least as much of a difference where there is none.
    pub p: f64,
}

fn standard() -> Normal {
    Normal::standard()
}

/// Compares two classes round by round. Each round measured both, in an order that was drawn: if the class made no
/// difference to the time, it would make none to the signs of the differences, whatever else went on.
///
/// The probability is that of Wilcoxon's signed-rank test, two-sided. Its variance is that of the ranks that were
/// found, so that ties need no correction; differences of zero are left out. The interval is between two of the
/// sorted differences, and supposes nothing of how they are distributed.
pub fn compare(a: &[u32], b: &[u32]) -> Comparison {
    let mut differences: Vec<i64> = a.iter().zip(b).map(|(&a, &b)| i64::from(a) - i64::from(b)).collect();
    let p = wilcoxon(&differences);
    differences.sort_unstable();
    let n = differences.len();
    let half_width = standard().inverse_cdf(1.0 - ALPHA / 2.0) * (n as f64).sqrt() / 2.0;
    let low = (n as f64 / 2.0 - half_width).floor().max(0.0) as usize;
    let interval = (differences[low], differences[n - 1 - low]);
    let mean = trimmed_mean(&differences);
    Comparison {
        median: differences[n / 2],
        interval,
        mean,
        p,
    }
}

/// Of sorted numbers; what is cut off counts as the last that is not (Tukey and McLaughlin 1963).
fn trimmed_mean(sorted: &[i64]) -> (f64, f64) {
    let cut = sorted.len() / 20;
    let kept = &sorted[cut..sorted.len() - cut];
    let (count, n) = (kept.len() as f64, sorted.len() as f64);
    let mean = kept.iter().sum::<i64>() as f64 / count;
    let (least, most) = (kept[0], kept[kept.len() - 1]);
    let clamped = || sorted.iter().map(|&number| number.clamp(least, most) as f64);
    let centre = clamped().sum::<f64>() / n;
    let variance = clamped().map(|number| (number - centre).powi(2)).sum::<f64>() / n;
    let error = variance.sqrt() * n.sqrt() / count;
    (mean, standard().inverse_cdf(1.0 - ALPHA / 2.0) * error)
}

fn wilcoxon(differences: &[i64]) -> f64 {
    let mut sorted: Vec<i64> = differences
        .iter()
        .copied()
        .filter(|&difference| difference != 0)
        .collect();
    sorted.sort_unstable_by_key(|difference| difference.unsigned_abs());
    let (mut sum, mut squares, mut before) = (0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.unsigned_abs() == b.unsigned_abs()) {
        let count = tied.len() as f64;
        let rank = before + (count + 1.0) / 2.0;
        before += count;
        sum += rank * tied.iter().map(|difference| difference.signum() as f64).sum::<f64>();
        squares += rank * rank * count;
    }
    match squares > 0.0 {
        true => 2.0 * standard().sf((sum / squares.sqrt()).abs()),
        false => 1.0,
    }
}

/// Holm's correction: what each probability is worth in a family of so many, in the same order.
pub fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_unstable_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut corrected = vec![0.0; probabilities.len()];
    let mut least = 0.0_f64;
    for (rank, &at) in order.iter().enumerate() {
        least = least
            .max(probabilities[at] * (probabilities.len() - rank) as f64)
            .min(1.0);
        corrected[at] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Wilcoxon's paper of 1945, after Darwin's maize; R says p = 0.0409 without correction of
    /// continuity.
    #[test]
    fn ranks_with_signs() {
        let differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
        assert!(
            (wilcoxon(&differences) - 0.0409).abs() < 0.0001,
            "{}",
            wilcoxon(&differences)
        );
        assert_eq!(wilcoxon(&[0; 100]), 1.0);
        assert_eq!(wilcoxon(&[3, -3, 3, -3]), 1.0);
    }

    #[test]
    fn a_shift_is_found_and_measured() {
        let mut random = fastrand::Rng::with_seed(8);
        let mut noise = |shift: u32| -> Vec<u32> { (0..20_000).map(|_| 1000 + shift + random.u32(0..200)).collect() };
        let (a, b, c) = (noise(0), noise(0), noise(5));
        let same = compare(&a, &b);
        assert!(
            same.p > ALPHA && same.interval.0 <= 0 && same.interval.1 >= 0,
            "{same:?}"
        );
        let other = compare(&c, &a);
        assert!(
            other.p < 1e-6 && other.interval.0 <= 5 && other.interval.1 >= 5,
            "{other:?}"
        );
    }

    #[test]
    fn a_family_costs() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }
}
