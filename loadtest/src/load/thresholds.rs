//! What must hold of a run, e.g. `ready.p99<10ms`; knows not how it is measured.

use serde::{Deserialize, Serialize};

use super::findings::Violation;
use super::latencies::STATISTICS;
use super::meter::Metric;
use super::report::Report;
use super::units::{duration, ms};

/// Counts that thresholds may name, beside latencies and violations.
const COUNTS: [&str; 8] =
    ["errors", "error_share", "finished", "rate", "retries", "reconnects", "lag", "missed_signals"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Threshold {
    text: String,
    name: String,
    statistic: Option<String>,
    comparison: Comparison,
    bound: f64,
}

/// A condition that was held against a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// As it was asked for.
    pub threshold: String,
    /// What was found: milliseconds, or a count. None when nothing was measured, which does not pass.
    pub value: Option<f64>,
    /// Whether it holds.
    pub passed: bool,
}

impl Threshold {
    /// Reads `LATENCY.STATISTIC<DURATION` or `COUNT<NUMBER`, also with `<=`, `>` and `>=`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let place = text.find(['<', '>']).ok_or_else(|| format!("{text:?} compares nothing: e.g. ready.p99<10ms"))?;
        let (subject, rest) = text.split_at(place);
        let (comparison, bound) = match rest {
            rest if rest.starts_with("<=") => (Comparison::AtMost, &rest[2..]),
            rest if rest.starts_with(">=") => (Comparison::AtLeast, &rest[2..]),
            rest if rest.starts_with('<') => (Comparison::Less, &rest[1..]),
            rest => (Comparison::More, &rest[1..]),
        };
        let (subject, bound) = (subject.trim(), bound.trim());
        let number = || bound.parse::<f64>().map_err(|_| format!("{bound:?} is no number"));
        let (name, statistic) = subject.split_once('.').map_or((subject, None), |(name, s)| (name, Some(s)));
        let bound = match statistic {
            Some(statistic) => {
                let known = Metric::ALL.iter().any(|metric| metric.name() == name);
                if !known {
                    return Err(format!("{name:?} is none of {}", Metric::ALL.map(Metric::name).join(", ")));
                }
                if !STATISTICS.contains(&statistic) {
                    return Err(format!("{statistic:?} is none of {}", STATISTICS.join(", ")));
                }
                if statistic == "count" { number()? } else { ms(duration(bound)?) }
            }
            None if COUNTS.contains(&name) || Violation::ALL.iter().any(|kind| kind.name() == name) => number()?,
            None => {
                let violations = Violation::ALL.map(Violation::name).join(", ");
                let counts = COUNTS.join(", ");
                return Err(format!("{name:?} is none of {counts}, {violations}, and no latency such as ready.p99"));
            }
        };
        Ok(Self {
            text: text.to_owned(),
            name: name.to_owned(),
            statistic: statistic.map(str::to_owned),
            comparison,
            bound,
        })
    }

    /// Whether it holds of a report.
    pub(super) fn judge(&self, report: &Report) -> Judged {
        let value = match &self.statistic {
            Some(statistic) => {
                let latencies = report.latencies.get(&self.name).filter(|latencies| latencies.count > 0);
                latencies.and_then(|latencies| latencies.statistic(statistic))
            }
            None => report.count(&self.name),
        };
        let passed = value.is_some_and(|value| match self.comparison {
            Comparison::Less => value < self.bound,
            Comparison::AtMost => value <= self.bound,
            Comparison::More => value > self.bound,
            Comparison::AtLeast => value >= self.bound,
        });
        Judged { threshold: self.text.clone(), value, passed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::latencies::Latencies;

    #[test]
    fn a_threshold_names_a_latency_or_a_count() {
        let threshold = Threshold::parse("ready.p99 <= 10ms").unwrap();
        assert_eq!((threshold.comparison, threshold.bound), (Comparison::AtMost, 10.0));
        assert!(Threshold::parse("errors<1").is_ok() && Threshold::parse("corrupt<1").is_ok());
        for wrong in ["ready.p98<1ms", "redy.p99<1ms", "ready.p99<10", "errors", "errors<some"] {
            assert!(Threshold::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_not_measured_does_not_pass() {
        let mut report = Report::default();
        let threshold = Threshold::parse("ready.p99<10ms").unwrap();
        assert_eq!(threshold.judge(&report).value, None);
        assert!(!threshold.judge(&report).passed);
        report.latencies.insert("ready".to_owned(), Latencies { count: 1, p99_ms: 9.9, ..Latencies::default() });
        assert!(threshold.judge(&report).passed);
    }
}
