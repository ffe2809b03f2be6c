//! Two runs side by side: ratios, and whether a difference is more than chance; knows only reports.

use std::fmt::Write;

use super::latencies::Latencies;
use super::report::{Report, Verdict};
use super::units::human;

/// A difference of medians below this share matters to nobody.
const MATTERS: f64 = 0.05;
/// Below this probability, two distributions are not called alike.
const CHANCE: f64 = 0.001;
/// Fewer samples of either run tell nothing.
const FEW: u64 = 20;

/// How likely such samples are if both came from one distribution, and how likely a sample of `b` is above one of `a`: the rank sum
/// test of Mann and Whitney with its normal approximation and correction for ties, over the reports' buckets.
fn rank_sum(a: &Latencies, b: &Latencies) -> (f64, f64) {
    let mut ends: Vec<f64> = a.buckets.iter().chain(&b.buckets).map(|(end, _)| *end).collect();
    ends.sort_by(f64::total_cmp);
    ends.dedup_by(|x, y| (*x - *y).abs() < 1e-9 * y.abs());
    let count = |of: &Latencies, end: f64| {
        let found = of.buckets.iter().find(|(bucket, _)| (bucket - end).abs() < 1e-9 * end.abs());
        found.map_or(0.0, |(_, count)| *count as f64)
    };
    let (n, m) = (a.count as f64, b.count as f64);
    let (mut below, mut wins, mut ties) = (0.0, 0.0, 0.0);
    for end in ends {
        let (of_a, of_b) = (count(a, end), count(b, end));
        wins += of_b * (below + of_a / 2.0);
        below += of_a;
        let tied = of_a + of_b;
        ties += tied * tied * tied - tied;
    }
    let all = n + m;
    let deviation = (n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)))).sqrt();
    let z = if deviation > 0.0 { (wins - n * m / 2.0) / deviation } else { 0.0 };
    (two_sided(z), wins / (n * m))
}

/// The probability of a normal variable at least so far from its mean; the polynomial of Abramowitz and Stegun 26.2.17.
fn two_sided(z: f64) -> f64 {
    let (z, mut power, mut sum) = (z.abs(), 1.0, 0.0);
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    for factor in [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429] {
        power *= t;
        sum += factor * power;
    }
    (2.0 * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum).clamp(0.0, 1.0)
}

/// A word for a difference.
fn hint(a: &Latencies, b: &Latencies) -> String {
    if a.count < FEW || b.count < FEW {
        return "too few samples".to_owned();
    }
    let (chance, above) = rank_sum(a, b);
    let change = b.p50_ms / a.p50_ms - 1.0;
    let share = format!("{:.0} % of B above A", above * 100.0);
    match () {
        () if chance >= CHANCE => format!("no difference seen (p = {chance:.2})"),
        () if change.abs() < MATTERS => format!("alike: the medians differ by less than 5 % ({share})"),
        () if change < 0.0 => format!("B is faster ({share})"),
        () => format!("B is slower ({share})"),
    }
}

/// The comparison as a table in Markdown.
pub(super) fn compare(a: &Report, b: &Report) -> String {
    let mut text = String::new();
    let name = |report: &Report| {
        let label = if report.label.is_empty() { String::new() } else { format!(" ({})", report.label) };
        format!("{}{label}, {}", report.scenario, report.at)
    };
    let _ = writeln!(text, "A: {}\nB: {}\n", name(a), name(b));
    let _ = writeln!(text, "| latency | A p50 | B p50 | ratio | A p99 | B p99 | ratio | hint |");
    let _ = writeln!(text, "|---|---|---|---|---|---|---|---|");
    for (kind, of_a) in &a.latencies {
        let Some(of_b) = b.latencies.get(kind) else { continue };
        if of_a.count == 0 || of_b.count == 0 {
            continue;
        }
        let ratio = |a: f64, b: f64| if a > 0.0 { format!("{:.2}", b / a) } else { "–".to_owned() };
        let (p50, p99) = (ratio(of_a.p50_ms, of_b.p50_ms), ratio(of_a.p99_ms, of_b.p99_ms));
        let [a50, b50, a99, b99] = [of_a.p50_ms, of_b.p50_ms, of_a.p99_ms, of_b.p99_ms].map(human);
        let _ = writeln!(text, "| {kind} | {a50} | {b50} | {p50} | {a99} | {b99} | {p99} | {} |", hint(of_a, of_b));
    }
    let _ = writeln!(text);
    if a.scenario != b.scenario || a.parameters != b.parameters || a.faults != b.faults {
        let _ = writeln!(text, "The runs differ in what was done: compare them with care.");
    }
    for (which, report) in [("A", a), ("B", b)] {
        if report.verdict != Verdict::Pass {
            let _ = writeln!(text, "{which} is no pass ({}): {}", verdict(report), report.reasons.join("; "));
        }
    }
    let _ = writeln!(
        text,
        "One run each: what changes from run to run is not in these hints. Repeat both before you believe one."
    );
    text
}

/// The verdict as a word.
pub(super) fn verdict(report: &Report) -> &'static str {
    match report.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Invalid => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;
    use crate::random::Random;

    fn latencies(seed: u64, low: u64, high: u64) -> Latencies {
        let (mut histogram, mut random) = (Histogram::<u64>::new(3).unwrap(), Random::seeded(seed));
        (0..500).for_each(|_| histogram.record(random.between(low, high)).unwrap());
        Latencies::of(&histogram)
    }

    #[test]
    fn a_shifted_distribution_is_told_from_one_that_only_varies() {
        let a = latencies(1, 1000, 2000);
        assert!(hint(&a, &latencies(2, 1000, 2000)).starts_with("no difference"));
        assert!(hint(&a, &latencies(3, 1500, 2500)).starts_with("B is slower"));
        assert!(hint(&latencies(3, 1500, 2500), &a).starts_with("B is faster"));
    }

    #[test]
    fn the_normal_tail_is_what_tables_say() {
        assert!((two_sided(1.959_964) - 0.05).abs() < 1e-5);
        assert!((two_sided(0.0) - 1.0).abs() < 1e-6);
    }
}
