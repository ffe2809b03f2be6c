//! Plots as inline SVG: lines over linear or logarithmic axes; knows not what they show.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 62.0;

/// Colours that are told apart also without red and green (Okabe and Ito).
const COLOURS: [&str; 9] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#555555", "#e0488b"];

/// One line.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A direction of a plot.
pub(super) struct Axis {
    pub(super) title: &'static str,
    pub(super) logarithmic: bool,
    /// The values that are named; chosen by the lines where there are none.
    pub(super) named: Vec<(f64, String)>,
}

struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>, logarithmic: bool) -> Self {
        let usable = values.filter(|value| value.is_finite() && (!logarithmic || *value > 0.0));
        let (low, high) =
            usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        match (low <= high, logarithmic) {
            (false, _) => Self { low: 1.0, high: 10.0, logarithmic },
            (true, true) => {
                let (low, high) = (10f64.powf(low.log10().floor()), 10f64.powf(high.log10().ceil()));
                Self { low, high: if high > low { high } else { low * 10.0 }, logarithmic }
            }
            (true, false) => Self { low: low.min(0.0), high: if high > 0.0 { high * 1.05 } else { 1.0 }, logarithmic },
        }
    }

    fn share(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value.max(self.low).log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let decades = (self.high / self.low).log10().round() as i32;
            return (0..=decades).map(|decade| self.low * 10f64.powi(decade)).collect();
        }
        let rough = (self.high - self.low) / 5.0;
        let unit = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * unit >= rough).unwrap_or(10.0) * unit;
        (0..=10).map(|tick| f64::from(tick) * step).filter(|tick| *tick <= self.high).collect()
    }
}

/// A plot with its legend. Without a point on any line, a sentence that says so.
pub(super) fn plot(lines: &[Line], x: &Axis, y: &Axis) -> String {
    if lines.iter().all(|line| line.points.is_empty()) {
        return "<p class=\"none\">Nothing of it was measured.</p>".to_owned();
    }
    let points = || lines.iter().flat_map(|line| line.points.iter());
    let across = Scale::of(points().map(|point| point.0), x.logarithmic);
    let up = Scale::of(points().map(|point| point.1), y.logarithmic);
    let at_x = |value: f64| LEFT + across.share(value) * (WIDTH - LEFT - RIGHT);
    let at_y = |value: f64| HEIGHT - BOTTOM - up.share(value) * (HEIGHT - TOP - BOTTOM);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} by {}\">", y.title, x.title);
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in up.ticks() {
        let at = at_y(tick);
        let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>");
        let _ =
            write!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, at + 4.0, number(tick));
    }
    let named = if x.named.is_empty() {
        across.ticks().into_iter().map(|tick| (tick, number(tick))).collect()
    } else {
        x.named.clone()
    };
    for (tick, name) in named.iter().filter(|(tick, _)| *tick >= across.low * 0.999 && *tick <= across.high * 1.001) {
        let at = at_x(*tick);
        let _ = write!(svg, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>");
        let _ = write!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>", bottom + 16.0);
    }
    let _ = write!(svg, "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", bottom + 32.0, x.title);
    let _ = write!(svg, "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>", TOP - 4.0, y.title);
    let mut legend = LEFT;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let mut path = String::new();
        for (number, (px, py)) in line.points.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if number == 0 { 'M' } else { 'L' }, at_x(*px), at_y(*py));
        }
        if line.points.len() == 1 {
            // A lone point would have no length.
            path.push_str("h1");
        }
        let _ = write!(svg, "<path class=\"line\" stroke=\"{colour}\" d=\"{path}\"/>");
        let at = HEIGHT - 10.0;
        let _ = write!(svg, "<rect x=\"{legend}\" y=\"{}\" width=\"12\" height=\"4\" fill=\"{colour}\"/>", at - 6.0);
        let _ = write!(svg, "<text x=\"{}\" y=\"{at}\">{}</text>", legend + 16.0, line.name);
        legend += 34.0 + 7.0 * line.name.chars().count() as f64;
    }
    svg.push_str("</svg>");
    svg
}

fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 1e6 => format!("{:.0}M", value / 1e6),
        value if value >= 1e4 => format!("{:.0}k", value / 1e3),
        value if value >= 1.0 => format!("{value:.0}"),
        value => format!("{value:.3}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(logarithmic: bool) -> Axis {
        Axis { title: "x", logarithmic, named: Vec::new() }
    }

    #[test]
    fn every_point_lies_inside() {
        let points = vec![(0.01, 0.5), (3.0, 700.0), (9000.0, 12.0)];
        let drawn = plot(&[Line { name: "a".to_owned(), points }], &axis(true), &axis(true));
        assert!(!drawn.contains("NaN") && !drawn.contains("inf") && !drawn.contains("\"-"), "{drawn}");
    }

    #[test]
    fn nothing_is_said_in_words() {
        assert!(plot(&[], &axis(false), &axis(false)).contains("Nothing"));
    }
}
