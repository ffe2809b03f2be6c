//! When sessions begin: an open model, whose times are fixed before anything is asked; knows no clock.

use std::time::Duration;

use crate::random::Random;

/// How arrivals are spread over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Pattern {
    /// Evenly spaced.
    Constant,
    /// From none a second to `rate`, evenly rising.
    Ramp,
    /// Independent of each other, as people are.
    Poisson,
    /// Poisson along the curve of an office's day.
    Day,
}

/// A number in `0.0..1.0`.
pub(super) fn unit(random: &mut Random) -> f64 {
    (random.draw() >> 11) as f64 / (1u64 << 53) as f64
}

/// Offsets from the beginning, in order, all below `length`. `rate` is a second's; of `Ramp` and `Day` the highest.
pub(super) fn schedule(pattern: Pattern, rate: f64, length: Duration, random: &mut Random) -> Vec<Duration> {
    let (whole, mut at) = (length.as_secs_f64(), 0.0_f64);
    let mut times = Vec::new();
    if rate <= 0.0 {
        return times;
    }
    for number in 0_u32.. {
        at = match pattern {
            Pattern::Constant => f64::from(number) / rate,
            // The number of arrivals until t is rate · t² / (2 · length).
            Pattern::Ramp => (2.0 * whole * f64::from(number) / rate).sqrt(),
            Pattern::Poisson | Pattern::Day => at - (1.0 - unit(random)).ln() / rate,
        };
        if at >= whole {
            break;
        }
        // A day is a Poisson process at the highest rate, thinned by the curve (Lewis and Shedler).
        if pattern != Pattern::Day || unit(random) < super::day::share(at / whole) {
            times.push(Duration::from_secs_f64(at));
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pattern: Pattern) -> Vec<Duration> {
        schedule(pattern, 100.0, Duration::from_secs(60), &mut Random::seeded(1))
    }

    #[test]
    fn constant_arrivals_are_evenly_spaced() {
        let times = times(Pattern::Constant);
        assert_eq!(times.len(), 6000);
        assert_eq!(times[100] - times[99], Duration::from_millis(10));
    }

    #[test]
    fn a_ramp_has_half_the_arrivals_three_quarters_of_them_in_its_second_half() {
        let times = times(Pattern::Ramp);
        assert!((2999..=3001).contains(&times.len()), "{}", times.len());
        let late = times.iter().filter(|at| **at >= Duration::from_secs(30)).count();
        assert!((2240..=2260).contains(&late), "{late}");
    }

    #[test]
    fn poisson_arrivals_vary_as_much_as_they_should() {
        let times = times(Pattern::Poisson);
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((0.0095..0.0105).contains(&mean), "{mean}");
        // Of an exponential distribution, the deviation is the mean.
        assert!((0.9..1.1).contains(&(variance.sqrt() / mean)));
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        assert_eq!(times(Pattern::Day), times(Pattern::Day));
    }
}
