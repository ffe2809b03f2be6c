//! A small seeded generator (splitmix64): the same seed gives the same calls on every machine. Not for secrets.

use std::hash::{BuildHasher, RandomState};

/// A seeded sequence of numbers, uniform over `u64`.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence that differs with every start of the process.
    pub fn unpredictable() -> Self {
        // The standard library keys its hash maps from the operating system's generator; this borrows that instead of a dependency.
        Self(RandomState::new().hash_one("landfall"))
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // Multiplying instead of taking the remainder spreads small ranges evenly.
        ((u128::from(self.draw()) * u128::from(end)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// 32 lower-case hex digits, as in a SID.
    pub fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.draw(), self.draw())
    }
}
