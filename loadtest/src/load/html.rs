//! A report as one page that needs nothing from anywhere: style and plots are in it, scripts there are none.

use std::fmt::Write;

use super::compare::verdict;
use super::latencies::Latencies;
use super::plot::{Axis, Line, plot};
use super::report::{Report, Second};
use super::units::human;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--ground:#fff;--rule:#d9dee3}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5b0;--ground:#15181c;--rule:#343b43}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:900px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:.25rem .5rem;border-bottom:1px solid var(--rule);text-align:right}td:first-child,th:first-child{text-align:left}
svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--soft)}.grid{stroke:var(--rule);fill:none}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.verdict{display:inline-block;padding:.1rem .6rem;border-radius:.3rem;color:#fff;font-weight:600}
.pass{background:#00795c}.fail{background:#b3261e}.invalid{background:#7a5c00}.none,.soft{color:var(--soft)}code{word-break:break-all}
";

/// The page.
pub(super) fn page(report: &Report) -> String {
    let title = escape(&if report.label.is_empty() {
        report.scenario.clone()
    } else {
        format!("{}: {}", report.scenario, report.label)
    });
    let word = verdict(report);
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>\
         <p><span class=\"verdict {word}\">{word}</span> <span class=\"soft\">{} · {:.1} s</span></p>",
        escape(&report.at),
        report.took_s
    );
    list(&mut html, "", report.reasons.iter().chain(&report.examples));
    latencies(&mut html, report);
    html.push_str("<h2>Latency by percentile</h2>");
    html.push_str(&percentiles(report));
    html.push_str("<h2>p99 by the second</h2>");
    html.push_str(&by_second(report, "p99, ms", true, &kinds(report), |second, kind| second.p99_ms.get(kind).copied()));
    html.push_str("<h2>Sessions under way</h2>");
    let open = |second: &Second, _: &str| Some(second.in_flight as f64);
    html.push_str(&by_second(report, "sessions", false, &["open".to_owned()], open));
    html.push_str("<h2>Memory of the server</h2>");
    let memory = |second: &Second, _: &str| Some(second.server?.resident_bytes / 1024.0 / 1024.0);
    html.push_str(&by_second(report, "MiB resident", false, &["memory".to_owned()], memory));
    html.push_str("<h2>Files and sockets of the server</h2>");
    let held = |second: &Second, kind: &str| {
        let server = second.server?;
        Some(match kind {
            "files" => server.open_files,
            "sockets" => server.sockets,
            _ => server.subscriptions,
        })
    };
    let kinds = ["files", "sockets", "subscriptions"].map(str::to_owned);
    html.push_str(&by_second(report, "open", false, &kinds, held));
    numbers(&mut html, report);
    html.push_str("</body></html>\n");
    html
}

fn kinds(report: &Report) -> Vec<String> {
    let measured = report.latencies.iter().filter(|(_, latencies)| latencies.count > 0);
    measured.map(|(kind, _)| kind.clone()).collect()
}

fn latencies(html: &mut String, report: &Report) {
    html.push_str("<h2>Latencies</h2><table><tr><th>kind<th>count<th>min<th>p50<th>p90<th>p99<th>p99.9<th>max</tr>");
    for kind in kinds(report) {
        let Latencies { count, min_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = &report.latencies[&kind];
        let _ = write!(html, "<tr><td>{kind}<td>{count}");
        for ms in [min_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms] {
            let _ = write!(html, "<td>{}", human(*ms));
        }
        html.push_str("</tr>");
    }
    html.push_str("</table>");
}

/// As HDR histograms are drawn: the higher the percentile, the more room it has.
fn percentiles(report: &Report) -> String {
    let lines: Vec<Line> = kinds(report)
        .into_iter()
        .map(|kind| {
            let latencies = &report.latencies[&kind];
            let (mut below, mut points) = (0, Vec::new());
            for (end, count) in &latencies.buckets {
                below += count;
                // The last has no finite place: half a sample is left above it.
                let above = (latencies.count - below).max(1) as f64 / latencies.count as f64;
                points.push((if below == latencies.count { above * 2.0 } else { 1.0 / above }, *end));
            }
            points.retain(|point| point.0 >= 1.0);
            if let Some(last) = points.last_mut() {
                *last = (latencies.count.max(1) as f64, latencies.max_ms);
            }
            Line { name: kind, points }
        })
        .collect();
    let named = [
        (1.0, "0"),
        (2.0, "50 %"),
        (10.0, "90 %"),
        (100.0, "99 %"),
        (1e3, "99.9 %"),
        (1e4, "99.99 %"),
        (1e5, "99.999 %"),
    ];
    let named = named.map(|(at, name)| (at, name.to_owned())).into();
    let x = Axis { title: "percentile", logarithmic: true, named };
    plot(&lines, &x, &Axis { title: "latency, ms", logarithmic: true, named: Vec::new() })
}

fn by_second(
    report: &Report,
    title: &'static str,
    logarithmic: bool,
    kinds: &[String],
    value: impl Fn(&Second, &str) -> Option<f64>,
) -> String {
    let line = |kind: &String| Line {
        name: kind.clone(),
        points: report.series.iter().filter_map(|second| Some((second.at_s, value(second, kind)?))).collect(),
    };
    let lines: Vec<Line> = kinds.iter().map(line).collect();
    let x = Axis { title: "seconds", logarithmic: false, named: Vec::new() };
    plot(&lines, &x, &Axis { title, logarithmic, named: Vec::new() })
}

fn numbers(html: &mut String, report: &Report) {
    html.push_str("<h2>What was demanded</h2>");
    let demanded = report.thresholds.iter().map(|judged| {
        let value = judged.value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.3}"));
        format!("{} {}: {value}", if judged.passed { "holds:" } else { "fails:" }, judged.threshold)
    });
    list(html, "No thresholds.", demanded.collect::<Vec<_>>().iter());
    html.push_str("<h2>Counts</h2>");
    let counts = report.counts.iter().chain(&report.violations).map(|(name, count)| format!("{name}: {count}"));
    list(html, "", counts.collect::<Vec<_>>().iter());
    html.push_str("<h2>Errors</h2>");
    let errors = report.errors.iter().map(|(error, count)| format!("{count} × {error}"));
    list(html, "None.", errors.collect::<Vec<_>>().iter());
    let generator = &report.generator;
    let _ = write!(
        html,
        "<h2>The generator</h2><p>{} arrivals, {} dropped. Its lag: p99 {}, at most {} (limit {}). It used {:.0} % of all cores{}.</p>",
        generator.arrivals,
        generator.dropped,
        human(generator.lag_p99_ms),
        human(generator.lag_max_ms),
        human(generator.max_lag_ms),
        generator.cpu_share * 100.0,
        if generator.saturated { ", and was saturated: the latencies are worth nothing" } else { "" }
    );
    let faults = if report.faults.is_empty() { "no faults".to_owned() } else { report.faults.join(", ") };
    let _ = write!(
        html,
        "<p class=\"soft\"><code>{}</code> · {}</p>",
        escape(&report.parameters.to_string()),
        escape(&faults)
    );
}

fn list<'a>(html: &mut String, none: &str, items: impl Iterator<Item = &'a String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        let _ = write!(html, "<p class=\"none\">{none}</p>");
        return;
    }
    html.push_str("<ul>");
    for item in items {
        let _ = write!(html, "<li>{}</li>", escape(item));
    }
    html.push_str("</ul>");
}

/// Labels and what a server said may hold anything.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_nothing_from_elsewhere_and_shows_texts_as_texts() {
        let report = Report { label: "<script>alert(1)</script>".to_owned(), ..Report::default() };
        let page = page(&report);
        assert!(
            !page.contains("<script")
                && !page.contains("http://")
                && !page.contains("https://")
                && !page.contains("src=")
        );
        assert!(page.contains("&lt;script&gt;"));
    }
}
