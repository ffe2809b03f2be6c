//! A distribution as a report keeps it: percentiles to read, and buckets to draw and to compare; knows not what was timed.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Each bucket begins this many times higher than the one before.
const GROWTH: f64 = 1.05;

/// Latencies of one kind, in milliseconds. All are 0 when there were none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// How many.
    pub count: u64,
    /// The shortest.
    pub min_ms: f64,
    /// The mean.
    pub mean_ms: f64,
    /// Half are not above it.
    pub p50_ms: f64,
    /// Nine in ten.
    pub p90_ms: f64,
    /// 99 in 100.
    pub p99_ms: f64,
    /// 999 in 1,000.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Upper ends in milliseconds, rising, and how many fell below each and not below the one before. Five percent wide.
    pub buckets: Vec<(f64, u64)>,
}

impl Latencies {
    /// Of a histogram of microseconds.
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let ms = |us: u64| us as f64 / 1e3;
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        let mut buckets: BTreeMap<i32, u64> = BTreeMap::new();
        for value in histogram.iter_recorded() {
            let place = (value.value_iterated_to().max(1) as f64).ln() / GROWTH.ln();
            *buckets.entry(place.floor() as i32).or_default() += value.count_since_last_iteration();
        }
        Self {
            count: histogram.len(),
            min_ms: ms(histogram.min()),
            mean_ms: histogram.mean() / 1e3,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: ms(histogram.max()),
            buckets: buckets.into_iter().map(|(place, count)| (GROWTH.powi(place + 1) / 1e3, count)).collect(),
        }
    }

    /// The value of a statistic by its name in thresholds.
    pub(super) fn statistic(&self, name: &str) -> Option<f64> {
        Some(match name {
            "min" => self.min_ms,
            "mean" => self.mean_ms,
            "p50" => self.p50_ms,
            "p90" => self.p90_ms,
            "p99" => self.p99_ms,
            "p999" => self.p999_ms,
            "max" => self.max_ms,
            "count" => self.count as f64,
            _ => return None,
        })
    }
}

/// The names of [`Latencies::statistic`].
pub(super) const STATISTICS: [&str; 8] = ["min", "mean", "p50", "p90", "p99", "p999", "max", "count"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_every_sample_and_agree_with_the_percentiles() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        (1..=1000).for_each(|ms| histogram.record(ms * 1000).unwrap());
        let latencies = Latencies::of(&histogram);
        assert_eq!(latencies.buckets.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        let below =
            latencies.buckets.iter().filter(|(end, _)| *end <= latencies.p50_ms).map(|(_, count)| count).sum::<u64>();
        assert!((460..=500).contains(&below), "{below}");
        assert!((499.0..=501.0).contains(&latencies.p50_ms));
    }
}
