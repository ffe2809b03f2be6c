//! Downloads, their tries, and callbacks.

use loadtest::twilio::{Faults, NewRecording, Status};
use reqwest::Method;
use serde_json::json;

use super::{Meter, faulty, file, held};
use crate::support::{Bench, token};

#[tokio::test]
async fn downloads_are_counted_by_their_end_their_bytes_and_what_the_source_answered() {
    let bench = Bench::start().await;
    let meter = Meter::of(
        &bench,
        &[
            "downloads_total{outcome=\"landed\"}",
            "downloads_total{outcome=\"failed\"}",
            "downloads_total{outcome=\"gone\"}",
            "download_seconds_count",
            "job_retries_total{reason=\"source_busy\"}",
            "job_retries_total{reason=\"source_failed\"}",
            "job_retries_total{reason=\"not_yet_at_source\"}",
            "source_requests_total{status=\"429\"}",
            "source_requests_total{status=\"503\"}",
            "download_bytes_total",
        ],
    )
    .await;
    let again = Faults { not_found: 1, too_many: 1, retry_after_s: Some(0), server_error: 1, ..Default::default() };
    let again = faulty(&bench, again).await;
    let refused = faulty(&bench, Faults { unauthorized: true, ..Default::default() }).await;
    let absent = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    for (recording, status) in [(&again, 200), (&refused, 502), (&absent, 410)] {
        assert_eq!(bench.get(&format!("{}?wait=30", file(recording))).await.status(), status);
    }
    let bytes = bench.bytes_of(&again).len() as f64;
    meter.has_risen_by(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, bytes]).await;
    assert!(bench.metric("landfall_source_requests_total{status=\"200\"}").await >= 1.0);
    assert!(bench.metric("landfall_source_requests_total{status=\"401\"}").await >= 1.0);
}

#[tokio::test]
async fn jobs_are_counted_by_how_far_they_are() {
    let bench = Bench::start().await;
    let states = ["leased", "ready", "delayed", "dead"].map(|state| format!("jobs{{state=\"{state}\"}}"));
    let meter = Meter::of(&bench, &states.each_ref().map(String::as_str)).await;
    let prepare = async |sid: &str| {
        let path = format!("/api/recordings/{sid}/prepare");
        let answer = bench.request(Method::POST, &path, &token("t", "agent")).send().await.unwrap();
        assert_eq!(answer.status(), 202);
    };
    let refused = faulty(&bench, Faults { unauthorized: true, ..Default::default() }).await;
    assert_eq!(bench.get(&format!("{}?wait=30", file(&refused))).await.status(), 502);
    let busy = faulty(&bench, Faults { too_many: 9, retry_after_s: Some(15), ..Default::default() }).await;
    prepare(&busy.call_sid).await;
    meter.has_risen_by(&[0.0, 0.0, 1.0, 1.0]).await;
    // Three of a tenant at once, and the fourth waits.
    for _ in 0..4 {
        prepare(&held(&bench).await.call_sid).await;
    }
    meter.has_risen_by(&[3.0, 1.0, 1.0, 1.0]).await;
}

#[tokio::test]
async fn callbacks_are_counted_by_what_was_made_of_them() {
    let bench = Bench::start().await;
    let outcomes = ["accepted", "repeated", "waiting", "bad_signature", "unknown_account", "bad_callback"];
    let series = outcomes.map(|outcome| format!("webhooks_total{{outcome=\"{outcome}\"}}"));
    let meter = Meter::of(&bench, &series.each_ref().map(String::as_str)).await;
    let known = bench.registered("t", NewRecording::default()).await;
    let unknown = bench.simulator.add(NewRecording::default());
    let url = format!("{}/webhooks/twilio/recording-status", bench.url);
    for (recording, status) in [(&known, 204), (&known, 204), (&unknown, 204)] {
        let told = bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap();
        assert_eq!(told.status, status);
    }
    let account = bench.simulator.account().sid.clone();
    for (form, status) in [(json!({"AccountSid": account}), 403), (json!({"AccountSid": "AC0"}), 403)] {
        assert_eq!(bench.client.post(&url).form(&form).send().await.unwrap().status(), status);
    }
    let broken = bench.client.post(&url).header("content-type", "application/json").body("{");
    assert_eq!(broken.send().await.unwrap().status(), 400);
    meter.has_risen_by(&[1.0; 6]).await;
}
