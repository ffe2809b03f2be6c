//! What a benchmark found, as JSON for machines and as one table for people; knows not how it was measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::machine::Conditions;
use super::{Samples, Summary, median};

/// The outcome of one benchmark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Its name, and its file's.
    pub benchmark: String,
    /// When it ended.
    pub at: Timestamp,
    /// The machine.
    pub conditions: Conditions,
    /// How many, how large, how often.
    pub parameters: Value,
    /// The findings.
    pub measures: Vec<Measure>,
    /// Percentiles over all rounds.
    pub distributions: BTreeMap<String, Summary>,
    /// What a reader must know beside.
    pub remarks: Vec<String>,
}

/// One finding: a value from each round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measure {
    /// What was measured.
    pub name: String,
    /// The unit of all values.
    pub unit: String,
    /// In the order of the rounds.
    pub rounds: Vec<f64>,
    /// The middle of the rounds: the result.
    pub median: f64,
    /// The largest value that is still good, if there is a target.
    pub at_most: Option<f64>,
}

impl Measure {
    /// A finding that is only told.
    pub fn new(name: impl Into<String>, unit: &str, rounds: Vec<f64>) -> Self {
        Self { name: name.into(), unit: unit.to_owned(), median: median(&rounds), rounds, at_most: None }
    }

    /// The same, judged.
    pub fn at_most(self, target: f64) -> Self {
        Self { at_most: Some(target), ..self }
    }

    /// One percentile of each round, in microseconds.
    pub fn of_rounds(name: impl Into<String>, rounds: &[Samples], percentile: impl Fn(&Summary) -> f64) -> Self {
        Self::new(name, "µs", rounds.iter().map(|round| percentile(&round.summary())).collect())
    }

    fn verdict(&self) -> &'static str {
        match self.at_most {
            None => "",
            Some(target) if !self.rounds.is_empty() && self.median <= target => "PASS",
            Some(_) => "FAIL",
        }
    }
}

impl Report {
    /// A report without findings yet.
    pub fn new(benchmark: &str, parameters: Value) -> Self {
        Self {
            benchmark: benchmark.to_owned(),
            at: Timestamp::now(),
            conditions: Conditions::default(),
            parameters,
            measures: Vec::new(),
            distributions: BTreeMap::new(),
            remarks: Vec::new(),
        }
    }

    /// Adds the percentiles over all rounds under a name.
    pub fn distribution(&mut self, name: &str, rounds: &[Samples]) {
        let mut all = Samples::default();
        rounds.iter().for_each(|round| all.extend(round));
        self.distributions.insert(name.to_owned(), all.summary());
    }

    /// Writes `<directory>/<benchmark>.json`.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join(format!("{}.json", self.benchmark)), serde_json::to_vec_pretty(self)?)
    }

    /// Reads what [`Report::write`] wrote; `None` when that benchmark was not run.
    pub fn read(directory: &Path, benchmark: &str) -> io::Result<Option<Self>> {
        match std::fs::read(directory.join(format!("{benchmark}.json"))) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// All findings as a table in Markdown, with conditions and remarks below.
pub fn table(reports: &[Report]) -> String {
    let mut rows = vec![["benchmark", "measured", "median", "range", "unit", "target", "verdict"].map(str::to_owned)];
    for report in reports {
        for measure in &report.measures {
            let lowest = measure.rounds.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = measure.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            rows.push([
                report.benchmark.clone(),
                measure.name.clone(),
                number(measure.median),
                if measure.rounds.len() > 1 {
                    format!("{}–{}", number(lowest), number(highest))
                } else {
                    String::new()
                },
                measure.unit.clone(),
                measure.at_most.map_or(String::new(), |target| format!("≤ {}", number(target))),
                measure.verdict().to_owned(),
            ]);
        }
    }
    let widths: [usize; 7] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} "));
        let _ = writeln!(text, "|{}|", cells.collect::<Vec<_>>().join("|"));
        if at == 0 {
            let rules = widths.map(|width| "-".repeat(width + 2));
            let _ = writeln!(text, "|{}|", rules.join("|"));
        }
    }
    for report in reports {
        let Conditions { cores, cpu, kernel, file_system, busy_before, busy_others, .. } = &report.conditions;
        let (before, others) = (busy_before * 100.0, busy_others * 100.0);
        let _ = writeln!(
            text,
            "\n{}: {} · {cores} cores of {cpu} · {kernel} · {file_system} · cores in use before {before:.0} %, by others meanwhile {others:.0} %",
            report.benchmark, report.at
        );
        report.remarks.iter().for_each(|remark| {
            let _ = writeln!(text, "- {remark}");
        });
    }
    text
}

/// A value with the three digits that matter.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size == 0.0 || size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_judged_by_its_median() {
        let measure = |rounds| Measure::new("x", "s", rounds).at_most(2.0);
        assert_eq!(measure(vec![1.0, 2.0, 9.0]).verdict(), "PASS");
        assert_eq!(measure(vec![1.0, 3.0, 9.0]).verdict(), "FAIL");
        assert_eq!(measure(vec![]).verdict(), "FAIL");
        assert_eq!(Measure::new("x", "s", vec![1.0]).verdict(), "");
    }

    #[test]
    fn what_was_written_reads_back_and_makes_rows() {
        let mut report = Report::new("example", Value::Null);
        report.measures.push(Measure::new("time", "ms", vec![1.0, 2.0, 4.0]).at_most(3.0));
        let json = serde_json::to_string(&report).unwrap();
        let table = table(&[serde_json::from_str(&json).unwrap()]);
        assert!(table.contains("| example   | time     | 2.00   | 1.00–4.00 | ms   | ≤ 3.00 | PASS    |"), "{table}");
    }
}
