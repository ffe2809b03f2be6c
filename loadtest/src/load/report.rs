//! What a run found, as JSON whose schema is `loadtest/report.schema.json`; knows not how it was found.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use super::latencies::Latencies;
use super::server_metrics::ServerMetrics;
use super::thresholds::Judged;

/// The version of the format: it changes when a reader would have to.
pub(super) const FORMAT: &str = "landfall-load/1";

/// What is to be thought of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All that was demanded holds.
    #[default]
    Pass,
    /// Something does not.
    Fail,
    /// The generator could not keep its schedule: the latencies are worth nothing.
    Invalid,
}

/// Whether the generator kept its schedule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Generator {
    /// Sessions that were to begin.
    pub arrivals: u64,
    /// Of those, how many did not, since too many were under way.
    pub dropped: u64,
    /// 99 in 100 of its beats were not later than this.
    pub lag_p99_ms: f64,
    /// The latest beat.
    pub lag_max_ms: f64,
    /// What the lag may be.
    pub max_lag_ms: f64,
    /// Share of all cores that it used itself, its simulated provider included.
    pub cpu_share: f64,
    /// Whether it could not keep up.
    pub saturated: bool,
}

/// One second of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the beginning.
    pub at_s: f64,
    /// Sessions under way.
    pub in_flight: u64,
    /// Sessions that had begun, since the beginning.
    pub arrivals: u64,
    /// Sessions that had ended well.
    pub finished: u64,
    /// Sessions that had failed.
    pub failed: u64,
    /// 99 in 100 latencies of this second, by kind; only of kinds that there were.
    pub p99_ms: BTreeMap<String, f64>,
    /// What the server said of itself, where it does.
    pub server: Option<ServerMetrics>,
}

/// A run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Always `landfall-load/1`.
    pub format: String,
    /// What happened.
    pub scenario: String,
    /// What it was called.
    pub label: String,
    /// When it ended, RFC 3339 in UTC.
    pub at: String,
    /// From the first arrival to the end of the last session.
    pub took_s: f64,
    /// How much of it.
    pub parameters: Value,
    /// Faults that were brought about.
    pub faults: Vec<String>,
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// Why, when it is not a pass.
    pub reasons: Vec<String>,
    /// Whether the generator kept its schedule.
    pub generator: Generator,
    /// Sessions and requests: `finished`, `failed`, `requests`, `bytes`, `pushes`, `probes`, `reconnects`, `retries`.
    pub counts: BTreeMap<String, u64>,
    /// What must never happen, by kind.
    pub violations: BTreeMap<String, u64>,
    /// Some of them.
    pub examples: Vec<String>,
    /// What did not succeed.
    pub errors: BTreeMap<String, u64>,
    /// Latencies by kind; kinds of which there were none have a count of 0.
    pub latencies: BTreeMap<String, Latencies>,
    /// Second by second.
    pub series: Vec<Second>,
    /// What the server said of itself before the first arrival.
    pub server_before: Option<ServerMetrics>,
    /// What it said when all sessions had ended.
    pub server_after: Option<ServerMetrics>,
    /// What was demanded.
    pub thresholds: Vec<Judged>,
}

impl Report {
    /// A count by its name in thresholds.
    pub(super) fn count(&self, name: &str) -> Option<f64> {
        let counted = |name| self.counts.get(name).copied().unwrap_or_default() as f64;
        Some(match name {
            "errors" => self.errors.values().sum::<u64>() as f64,
            "error_share" => counted("failed") / (counted("failed") + counted("finished")).max(1.0),
            "rate" => counted("finished") / self.took_s.max(1e-9),
            "lag" => self.generator.lag_p99_ms,
            "missed_signals" => self.server_after?.missed_signals,
            name => self.violations.get(name).or_else(|| self.counts.get(name)).copied()? as f64,
        })
    }

    /// Reads one that was written.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let report: Self =
            serde_json::from_str(&text).map_err(|error| format!("{} is no report: {error}", path.display()))?;
        if report.format != FORMAT {
            return Err(format!("{} has the format {:?}, not {FORMAT}", path.display(), report.format).into());
        }
        Ok(report)
    }

    /// Writes it as JSON.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
    }
}
