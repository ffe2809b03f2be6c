//! A recorder for one test's thread: the process's own is everybody's.

use metrics_exporter_prometheus::PrometheusRecorder;

/// An empty one. It counts what happens on this thread while `metrics::set_default_local_recorder` has it.
pub fn recorder() -> PrometheusRecorder {
    super::recorder::builder().expect("bounds").build_recorder()
}

/// How often a bound was reached, as that recorder has it.
pub fn limited(recorder: &PrometheusRecorder, limit: &str) -> f64 {
    let (text, series) = (recorder.handle().render(), format!("landfall_limits_total{{limit=\"{limit}\"}} "));
    text.lines().find_map(|line| line.strip_prefix(&series)).map_or(0.0, |number| number.parse().expect("a number"))
}
