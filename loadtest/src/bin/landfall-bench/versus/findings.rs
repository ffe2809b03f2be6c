//! Measures named `<case>, <contender>: <what>` as grids: contenders below each other, what was measured side by side. Knows not
//! what they mean.

use loadtest::measure::{Measure, Report, number};

/// The findings of one case.
pub(super) struct Grid {
    pub(super) case: String,
    /// What was measured, and in which unit.
    pub(super) columns: Vec<(String, String)>,
    /// Contenders, with a cell for each column.
    pub(super) rows: Vec<(String, Vec<Option<Cell>>)>,
}

/// A median with the range of the rounds.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) median: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

impl Cell {
    pub(super) fn of(measure: &Measure) -> Self {
        let fold = |start: f64, pick: fn(f64, f64) -> f64| measure.rounds.iter().copied().fold(start, pick);
        Self {
            median: measure.median,
            lowest: fold(f64::INFINITY, f64::min).min(measure.median),
            highest: fold(f64::NEG_INFINITY, f64::max).max(measure.median),
        }
    }

    pub(super) fn text(&self) -> String {
        let (lowest, highest) = (number(self.lowest), number(self.highest));
        let median = number(self.median);
        if lowest == highest { median } else { format!("{median} ({lowest}–{highest})") }
    }
}

/// The cases of a report, in its order. Verdicts are no findings of a contender, and are left out.
pub(super) fn grids(report: &Report) -> Vec<Grid> {
    let mut grids: Vec<Grid> = Vec::new();
    for measure in &report.measures {
        let Some((case, contender, what)) = parts(measure) else { continue };
        let at = grids.iter().position(|grid| grid.case == case).unwrap_or_else(|| {
            grids.push(Grid { case: case.to_owned(), columns: Vec::new(), rows: Vec::new() });
            grids.len() - 1
        });
        grids[at].put(contender, (what, &measure.unit), Cell::of(measure));
    }
    grids
}

/// The measures that are judged.
pub(super) fn targets(report: &Report) -> impl Iterator<Item = &Measure> {
    report.measures.iter().filter(|measure| measure.at_most.is_some())
}

/// Case, contender, what: `1,000 sockets, nchan: p50`.
fn parts(measure: &Measure) -> Option<(&str, &str, &str)> {
    let (of, what) = measure.name.split_once(": ")?;
    let (case, contender) = of.rsplit_once(", ")?;
    Some((case, contender, what))
}

impl Grid {
    fn put(&mut self, contender: &str, (what, unit): (&str, &str), cell: Cell) {
        let column = self.columns.iter().position(|(name, _)| name == what).unwrap_or_else(|| {
            self.columns.push((what.to_owned(), unit.to_owned()));
            self.rows.iter_mut().for_each(|(_, cells)| cells.push(None));
            self.columns.len() - 1
        });
        let row = self.rows.iter().position(|(name, _)| name == contender).unwrap_or_else(|| {
            self.rows.push((contender.to_owned(), vec![None; self.columns.len()]));
            self.rows.len() - 1
        });
        self.rows[row].1[column] = Some(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_put_into_the_grid_of_their_case() {
        let mut report = Report::new("example", serde_json::Value::Null);
        for (name, value) in [
            ("1,000 sockets, landfall: p50", 1.0),
            ("1,000 sockets, nchan: p50", 2.0),
            ("1,000 sockets, nchan: p99", 3.0),
            ("1,000 sockets: p50 of landfall / nchan", 0.5),
        ] {
            report.measures.push(Measure::new(name, "µs", vec![value, value + 1.0, value + 2.0]));
        }
        report.measures[3] = report.measures[3].clone().at_most(1.0);
        // A contender is named before the colon: the verdict has none there but a case with a comma in it.
        let grids = grids(&report);
        let grid = &grids[0];
        assert_eq!((grid.case.as_str(), grid.rows.len(), grid.columns.len()), ("1,000 sockets", 2, 2));
        assert!(grid.rows[0].1[1].is_none(), "landfall's p99 was not measured");
        assert_eq!(grid.rows[1].1[0].map(|cell| cell.text()).as_deref(), Some("3.00 (2.00–4.00)"));
        assert_eq!(targets(&report).count(), 1);
    }
}
