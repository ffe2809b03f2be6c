//! Findings as a bar chart in SVG: cases one below the other, a bar for each contender, the range of the rounds as a whisker.
//! Knows not what is shown.

use std::fmt::Write;

use loadtest::measure::number;

use super::findings::{Cell, Grid};

const WIDTH: f64 = 860.0;
/// Where the bars begin and end; what is left of them are names, what is right of them are values.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 700.0;
const BAR: f64 = 18.0;
const GAP: f64 = 30.0;
const OURS: &str = "#0072b2";
const THEIRS: &str = "#b8b8b8";

/// The chart of one column of several grids, each a case of its own scale.
pub(super) fn chart(title: &str, unit: &str, cases: &[&Grid], column: &str) -> String {
    let mut body = String::new();
    let mut y = 46.0;
    for grid in cases {
        let Some(at) = grid.columns.iter().position(|(name, _)| name == column) else { continue };
        let rows: Vec<(&str, &Cell)> =
            grid.rows.iter().filter_map(|(name, cells)| Some((name.as_str(), cells[at].as_ref()?))).collect();
        let most = rows.iter().map(|(_, cell)| cell.highest).fold(f64::MIN_POSITIVE, f64::max);
        let x = |value: f64| LEFT + value / most * (RIGHT - LEFT);
        let _ = write!(body, "<text x=\"12\" y=\"{y:.1}\" class=\"case\">{}</text>", grid.case);
        y += 10.0;
        for (name, cell) in rows {
            let fill = if name.starts_with("landfall") { OURS } else { THEIRS };
            let (end, middle) = (x(cell.median), y + BAR / 2.0);
            let _ = write!(
                body,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\
                 <rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\
                 <path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"#333\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                middle + 4.0,
                (end - LEFT).max(1.0),
                BAR - 4.0,
                x(cell.lowest),
                x(cell.highest),
                x(cell.highest).max(end) + 8.0,
                middle + 3.0,
                number(cell.median),
            );
            y += BAR;
        }
        y += GAP;
    }
    let height = y - GAP + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{title}\">\
         <style>text{{font:13px sans-serif;fill:#222}}.title{{font-size:15px;font-weight:bold}}.case{{font-weight:bold}}</style>\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><text x=\"12\" y=\"22\" class=\"title\">{title}, {unit}</text>{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_median_and_ours_is_told_apart() {
        let cell = |median| Some(Cell { median, lowest: median, highest: median });
        let grid = Grid {
            case: "64 KiB".to_owned(),
            columns: vec![("CPU".to_owned(), "s/GB".to_owned())],
            rows: vec![("landfall".to_owned(), vec![cell(1.0)]), ("nginx".to_owned(), vec![cell(2.0)])],
        };
        let svg = chart("CPU", "s/GB", &[&grid], "CPU");
        assert!(
            svg.contains(&format!("width=\"{:.1}\" height=\"14.0\" fill=\"{OURS}\"", (RIGHT - LEFT) / 2.0)),
            "{svg}"
        );
        assert!(svg.contains(&format!("width=\"{:.1}\" height=\"14.0\" fill=\"{THEIRS}\"", RIGHT - LEFT)), "{svg}");
    }
}
