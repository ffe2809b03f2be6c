//! The curve of an office's day, and what people do in it; knows no clock: the day is as long as the run.

/// Share of the highest rate by the hour from 7 to 19: a morning's rise, lunch, the afternoon's peak, and the evening.
const CURVE: [f64; 13] = [0.10, 0.35, 0.70, 0.90, 0.95, 0.80, 0.50, 0.65, 0.90, 1.00, 0.80, 0.40, 0.10];

/// What an arrival of a mixed day does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Listens as in `listeners`.
    Listen,
    /// Jumps about in a recording without a socket.
    Seek,
    /// Keeps a list of calls open for a while.
    Watch,
    /// Everybody plays the same new recording.
    Herd,
    /// Reads slowly.
    Slow,
}

/// The share of the highest rate at `at` (0 to 1) of the day.
pub(super) fn share(at: f64) -> f64 {
    let place = at.clamp(0.0, 1.0) * (CURVE.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(CURVE.len() - 1);
    CURVE[low] + (CURVE[high] - CURVE[low]) * part
}

/// What somebody does, by a number of 0 to 1.
pub(super) fn deed(unit: f64) -> Deed {
    match unit {
        unit if unit < 0.62 => Deed::Listen,
        unit if unit < 0.82 => Deed::Seek,
        unit if unit < 0.96 => Deed::Watch,
        unit if unit < 0.98 => Deed::Slow,
        _ => Deed::Herd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lunch_is_quieter_than_the_hours_around_it() {
        assert!(share(0.5) < share(0.33) && share(0.5) < share(0.75));
        assert!(share(0.75) == 1.0 && share(1.0) == 0.10);
    }
}
