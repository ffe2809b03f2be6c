//! The end of recordings: erasure, hold, retention, and the provider's copy.

mod erasure;
mod retention;

use loadtest::twilio::{Recording, Status};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{Bench, token};

/// What a caller of that role, of the tenant `t`, is answered.
async fn ask(bench: &Bench, role: &str, method: Method, path: &str) -> Response {
    bench.request(method, path, &token("t", role)).send().await.expect("an answer")
}

/// What an admin is answered who erases it.
async fn erase(bench: &Bench, sid: &str) -> u16 {
    ask(bench, "admin", Method::DELETE, &format!("/api/recordings/{sid}")).await.status().as_u16()
}

/// What an admin is answered who holds it, or lets go of it.
async fn hold(bench: &Bench, method: Method, sid: &str) -> u16 {
    ask(bench, "admin", method, &format!("/api/recordings/{sid}/hold")).await.status().as_u16()
}

/// Checks that a recording is gone for that reason, whatever it is asked for.
async fn is_gone(bench: &Bench, sid: &str, code: &str) {
    let state = bench.json(&format!("/api/recordings/{sid}")).await;
    assert_eq!((&state["state"], &state["code"]), (&"gone".into(), &code.into()), "{state}");
    for (method, path) in [
        (Method::GET, format!("/api/recordings/file/{sid}")),
        (Method::GET, format!("/api/recordings/file/{sid}?wait=5")),
        (Method::HEAD, format!("/api/recordings/file/{sid}")),
        (Method::GET, format!("/api/calls/{sid}/download")),
        (Method::POST, format!("/api/recordings/{sid}/prepare")),
    ] {
        let answer = ask(bench, "agent", method.clone(), &path).await;
        assert_eq!(answer.status(), 410, "{method} {path}");
        if method != Method::HEAD {
            assert_eq!(answer.json::<Value>().await.unwrap()["code"], code, "{method} {path}");
        }
    }
}

/// Names in the volume, but for Landfall's own.
fn files(bench: &Bench) -> Vec<String> {
    let names = std::fs::read_dir(bench.volume()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).filter(|name| name != ".landfall").collect();
    names.sort();
    names
}

/// Waits until the volume holds nothing.
async fn emptied(bench: &Bench) {
    let begun = tokio::time::Instant::now();
    while !files(bench).is_empty() {
        assert!(begun.elapsed().as_secs() < 10, "{:?}", files(bench));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Waits until the provider has deleted a recording.
async fn deleted_at_source(bench: &Bench, recording: &Recording) {
    bench.simulator.until(&recording.recording_sid, |stats| stats.delete_requests > 0).await;
    let begun = tokio::time::Instant::now();
    while bench.simulator.status(&recording.recording_sid) != Status::Deleted {
        assert!(begun.elapsed().as_secs() < 10);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The provider's word that a recording is complete.
async fn announce(bench: &Bench, recording: &Recording) -> u16 {
    let url = format!("{}/webhooks/twilio/recording-status", bench.url);
    bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap().status
}
