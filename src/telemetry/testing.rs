//! A recorder for one test's thread: the process's own is everybody's.

use metrics_exporter_prometheus::PrometheusRecorder;

/// An empty one. It counts what happens on this thread while `metrics::set_default_local_recorder` has it.
pub fn recorder() -> PrometheusRecorder {
    super::recorder::builder().expect("bounds").build_recorder()
}

/// What a counter stands at, its labels as they are written; 0 for one that was never touched.
pub fn counted(recorder: &PrometheusRecorder, series: &str) -> f64 {
    let text = recorder.handle().render();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().expect("a number"))
}

/// How often a bound was reached, as that recorder has it.
pub fn limited(recorder: &PrometheusRecorder, limit: &str) -> f64 {
    counted(recorder, &format!("landfall_limits_total{{limit=\"{limit}\"}}"))
}
