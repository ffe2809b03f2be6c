//! Durations and their percentiles, exact, since every sample is kept; knows not what was measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Durations in the order they were measured.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Duration>);

/// Percentiles in microseconds, each the smallest sample that so many are not above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many samples there were; all else is 0 when there were none.
    pub count: usize,
    /// The smallest.
    pub min_us: f64,
    /// Half of them are not above it.
    pub p50_us: f64,
    /// Nine in ten.
    pub p90_us: f64,
    /// 99 in 100.
    pub p99_us: f64,
    /// 999 in 1,000.
    pub p999_us: f64,
    /// The largest.
    pub max_us: f64,
}

impl Samples {
    /// One more.
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// All of another round.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Percentiles of what there is.
    pub fn summary(&self) -> Summary {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).map_or(0.0, |sample| sample.as_nanos() as f64 / 1e3)
        };
        Summary {
            count: sorted.len(),
            min_us: at(0.0),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: at(1.0),
        }
    }
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => 0.0,
        (_, 1) => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_and_exact() {
        let mut samples = Samples::default();
        (1..=1000).rev().for_each(|us| samples.push(Duration::from_micros(us)));
        let summary = samples.summary();
        assert_eq!((summary.count, summary.min_us, summary.max_us), (1000, 1.0, 1000.0));
        assert_eq!((summary.p50_us, summary.p99_us, summary.p999_us), (500.0, 990.0, 999.0));
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Samples::default().summary(), Summary::default());
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[9.0, 1.0, 3.0]), 3.0);
    }
}
