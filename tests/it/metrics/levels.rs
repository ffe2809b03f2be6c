//! What stands there from the start, what is looked up, and what goes by itself.

use std::time::Duration;

use landfall::auth::Standing;

use super::Meter;
use crate::support::{Bench, Knobs, Login};

/// An alert on the increase of a counter that appears with its first event would miss that event.
#[tokio::test]
async fn a_counter_with_known_labels_stands_at_zero_before_anything_has_happened() {
    let bench = Bench::start().await;
    let text = bench.metrics().await;
    let page = std::fs::read_to_string("docs/security.md").unwrap();
    let rows = page.lines().filter(|line| line.starts_with('|') && line.ends_with("` |"));
    let labels = rows.filter_map(|row| row.split('`').rev().nth(1)).filter(|label| !label.contains('{'));
    let mut series: Vec<String> = labels.map(|label| format!("limits_total{{limit=\"{label}\"}}")).collect();
    assert!(series.len() > 20, "{series:?}");
    series.extend(["missed_signals_recovered_total", "audit_lost_total", "leases_lost_total"].map(str::to_owned));
    series.extend(["origin", "handshake"].map(|reason| format!("websocket_rejected_total{{reason=\"{reason}\"}}")));
    series.extend(["4429", "4503"].map(|code| format!("websocket_closed_total{{code=\"{code}\"}}")));
    series.extend(["401", "403"].map(|status| format!("source_requests_total{{status=\"{status}\"}}")));
    series.extend(["landed", "failed", "gone"].map(|outcome| format!("downloads_total{{outcome=\"{outcome}\"}}")));
    for series in series {
        assert!(text.contains(&format!("landfall_{series} 0\n")), "{series}");
    }
}

#[tokio::test]
async fn the_process_tells_of_itself() {
    let bench = Bench::start().await;
    let stands = async |name: &str| bench.metric(&format!("process_{name}")).await;
    assert!(stands("resident_memory_bytes").await > 1e6);
    assert!(stands("open_fds").await > 3.0);
    assert!(stands("max_fds").await >= stands("open_fds").await);
    assert!(stands("start_time_seconds").await > 1.7e9);
    assert!(stands("threads").await > 1.0);
    let before = stands("cpu_seconds_total").await;
    while stands("cpu_seconds_total").await <= before {}
}

#[tokio::test]
async fn the_volume_is_told_as_it_is_and_the_version_with_it() {
    let mut bench = Bench::start().await;
    let recordings = [bench.placed("wav", &crate::support::wav(20_000)).await, bench.landed(Default::default()).await];
    let bytes = 20_000.0 + bench.bytes_of(&recordings[1]).len() as f64;
    // It is counted soon after a start.
    bench.stop().await;
    bench.boot().await;
    let begun = tokio::time::Instant::now();
    while bench.metric("landfall_volume_bytes").await != bytes {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", bench.metrics().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(bench.metric("landfall_volume_recordings").await, 2.0);
    assert!(bench.metric("landfall_volume_free_bytes").await > 1e6);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(bench.metric(&format!("landfall_build_info{{version=\"{version}\"}}")).await, 1.0);
}

#[tokio::test]
async fn questions_to_the_login_are_counted_by_its_answer() {
    let login = Login::start().await;
    let never = Duration::from_secs(600);
    let auth = login.options(Duration::ZERO, Standing { again: never, grace: never });
    let bench = Bench::with(Knobs { auth: Some(auth), ..Default::default() }).await;
    let outcomes = ["known", "refused", "trouble"].map(|o| format!("login_requests_total{{outcome=\"{o}\"}}"));
    let meter = Meter::of(&bench, &outcomes.each_ref().map(String::as_str)).await;
    let ask = async |cookie: &str| {
        let request = bench.client.get(format!("{}/api/recordings", bench.url)).header("cookie", cookie);
        request.send().await.unwrap().status()
    };
    assert_eq!((ask("s=agent").await.as_u16(), ask("s=nobody").await.as_u16()), (200, 401));
    login.is_down(true);
    assert_eq!(ask("s=agent").await, 503);
    meter.has_risen_by(&[1.0, 1.0, 1.0]).await;
}
