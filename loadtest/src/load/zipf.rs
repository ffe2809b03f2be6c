//! Popularity after Zipf: the k-th recording is asked for in proportion to 1/k^s; knows no recordings.

use super::arrivals::unit;
use crate::random::Random;

/// A distribution over `0..count`.
#[derive(Clone, Debug)]
pub(super) struct Zipf(Vec<f64>);

impl Zipf {
    /// With the exponent `s`; 0 makes all equal.
    pub(super) fn new(count: usize, s: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<f64> = (1..=count)
            .map(|rank| {
                sum += (rank as f64).powf(-s);
                sum
            })
            .collect();
        cumulated.iter_mut().for_each(|weight| *weight /= sum);
        Self(cumulated)
    }

    /// One of them; 0 when there are none.
    pub(super) fn pick(&self, random: &mut Random) -> usize {
        let drawn = unit(random);
        self.0.partition_point(|weight| *weight <= drawn).min(self.0.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_picked_twice_as_often_as_the_second() {
        let (zipf, mut random) = (Zipf::new(100, 1.0), Random::seeded(3));
        let mut picked = [0u32; 100];
        (0..100_000).for_each(|_| picked[zipf.pick(&mut random)] += 1);
        let ratio = f64::from(picked[0]) / f64::from(picked[1]);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
        assert!(picked.iter().all(|count| *count > 0));
    }
}
