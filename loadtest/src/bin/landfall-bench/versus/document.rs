//! The document of what was found beside others: tables and charts, made from the reports alone.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use loadtest::measure::{Report, number};

use super::bars::chart;
use super::findings::{Cell, Grid, grids, targets};
use crate::bench::Bench;

const BEGIN: &str = "<!-- versus: what stands from here to the end mark is written by `make versus` -->";
const END: &str = "<!-- versus: end -->";

/// What is told of a report, and which of its columns is drawn.
struct Chapter {
    report: &'static str,
    title: &'static str,
    drawn: &'static [(&'static str, &'static str)],
}

const CHAPTERS: [Chapter; 7] = [
    Chapter { report: "versus-media", title: "Media from hot files", drawn: &[("CPU", "CPU of the server for a GB")] },
    Chapter {
        report: "versus-media-unpaced",
        title: "Media where nobody is paced",
        drawn: &[("CPU", "CPU of the server for a GB, without pacing")],
    },
    Chapter {
        report: "versus-push",
        title: "From the signal to the client",
        drawn: &[("p50", "Latency, p50"), ("last delivery", "Last delivery of one signal to all")],
    },
    Chapter {
        report: "versus-sockets",
        title: "Memory of an idle subscribed socket",
        drawn: &[("resident per socket, after a ping", "Resident memory of a socket")],
    },
    Chapter {
        report: "versus-cold",
        title: "A recording that nobody has yet",
        drawn: &[("all bytes, max", "Until the last of all clients has all of it")],
    },
    Chapter {
        report: "versus-sound",
        title: "Time to sound",
        drawn: &[("time to sound", "From play to the first bytes of audio")],
    },
    Chapter { report: "growth", title: "A million recordings", drawn: &[] },
];

#[derive(clap::Args)]
pub(crate) struct Write {
    /// Where the tables are put, between two marks
    #[arg(long, value_name = "FILE", default_value = "docs/benchmarks.md")]
    document: PathBuf,
    /// Where the charts are put
    #[arg(long, value_name = "DIR", default_value = "docs/images")]
    images: PathBuf,
}

/// Writes what the last runs found.
pub(crate) fn write(bench: &Bench, options: &Write) -> io::Result<()> {
    let out = bench.out()?;
    let mut text = String::new();
    for chapter in CHAPTERS {
        let Some(report) = Report::read(&out, chapter.report)? else { continue };
        let grids = grids(&report);
        let _ = writeln!(text, "### {}\n", chapter.title);
        for (column, title) in chapter.drawn {
            let name =
                format!("{}-{}.svg", chapter.report, column.replace([',', ' '], "-").replace("--", "-").to_lowercase());
            if let Some(svg) = drawing(&grids, column, title) {
                fs::write(options.images.join(&name), svg)?;
                let _ = writeln!(text, "![{title}](images/{name})\n");
            }
        }
        grids.iter().for_each(|grid| table(&mut text, grid));
        verdicts(&mut text, &report);
        conditions(&mut text, &report);
    }
    replace(&options.document, &text)
}

fn drawing(grids: &[Grid], column: &str, title: &str) -> Option<String> {
    let cases: Vec<&Grid> = grids.iter().filter(|grid| grid.columns.iter().any(|(name, _)| name == column)).collect();
    let unit = cases.first()?.columns.iter().find(|(name, _)| name == column).map(|(_, unit)| unit.as_str())?;
    Some(chart(title, unit, &cases, column))
}

fn table(text: &mut String, grid: &Grid) {
    let _ = write!(text, "| {} |", grid.case);
    for (what, unit) in &grid.columns {
        let unit = if unit.is_empty() || what.ends_with(unit.as_str()) { String::new() } else { format!(", {unit}") };
        let _ = write!(text, " {what}{unit} |");
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(grid.columns.len()));
    for (contender, cells) in &grid.rows {
        let _ = write!(
            text,
            "| {} |",
            if contender.starts_with("landfall") { format!("**{contender}**") } else { contender.clone() }
        );
        for cell in cells {
            let _ = write!(text, " {} |", cell.map_or("–".to_owned(), |cell| cell.text()));
        }
        text.push('\n');
    }
    text.push('\n');
}

fn verdicts(text: &mut String, report: &Report) {
    if targets(report).next().is_none() {
        return;
    }
    text.push_str("| Target | Found | At most | |\n|---|---|---|---|\n");
    for measure in targets(report) {
        let found = Cell::of(measure).text();
        let (target, unit) = (measure.at_most.unwrap_or_default(), &measure.unit);
        let _ = writeln!(
            text,
            "| {} | {found} {unit} | {} | {} |",
            measure.name,
            number(target),
            if measure.median <= target { "met" } else { "**missed**" }
        );
    }
    text.push('\n');
}

fn conditions(text: &mut String, report: &Report) {
    let conditions = &report.conditions;
    for remark in &report.remarks {
        let _ = writeln!(text, "- {remark}");
    }
    let _ = writeln!(
        text,
        "- {}; {} cores of {}; {}; {}; others used {:.0} % of the cores meanwhile\n",
        report.at.strftime("%Y-%m-%d"),
        conditions.cores,
        conditions.cpu,
        conditions.kernel,
        conditions.file_system,
        conditions.busy_others * 100.0
    );
}

/// Puts the text between the marks.
fn replace(document: &Path, text: &str) -> io::Result<()> {
    let before = fs::read_to_string(document)?;
    let after = between_marks(&before, text);
    let missing = || io::Error::other(format!("{} has no marks for this", document.display()));
    fs::write(document, after.ok_or_else(missing)?)
}

fn between_marks(document: &str, text: &str) -> Option<String> {
    let (head, rest) = document.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n\n{}\n\n{END}{tail}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let before = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let after = format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n");
        assert_eq!(between_marks(&before, "new\n"), Some(after));
        assert_eq!(between_marks("no marks", "new"), None);
    }
}
