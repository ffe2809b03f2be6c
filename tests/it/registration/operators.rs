//! What operators and machines read: health, metrics, the API's description.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Status};
use reqwest::Method;
use serde_json::{Value, json};

use super::is_problem;
use crate::support::{Bench, token};

#[tokio::test]
async fn a_server_lives_and_is_ready_without_a_token() {
    let bench = Bench::start().await;
    let ask = async |path: &str| bench.client.get(format!("{}{path}", bench.url)).send().await.unwrap();
    assert_eq!(ask("/healthz").await.status(), 200);
    let ready = ask("/readyz").await;
    assert_eq!(ready.status(), 200);
    let body: Value = ready.json().await.unwrap();
    assert_eq!(body["ready"], true);
    let names: Vec<&Value> = body["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert!(names.contains(&&"volume".into()) && names.contains(&&"catalog".into()), "{body}");
    assert_eq!(ask("/").await.status(), 200);
    assert_eq!(ask("/").await.headers()["content-type"], "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_volume_that_is_gone_is_named_and_hides_no_recording_as_unknown() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let away = bench.directory.path().join("away");
    std::fs::rename(bench.volume(), &away).unwrap();
    let ready = bench.client.get(format!("{}/readyz", bench.url)).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let body: Value = ready.json().await.unwrap();
    let volume = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == "volume").unwrap();
    assert_eq!(
        (&body["ready"], &volume["ok"], &volume["code"]),
        (&false.into(), &false.into(), &"volume_unavailable".into())
    );
    assert_eq!(bench.client.get(format!("{}/healthz", bench.url)).send().await.unwrap().status(), 200);
    for (method, path) in [
        (Method::GET, format!("/api/recordings/file/{}", recording.call_sid)),
        (Method::GET, format!("/api/recordings/file/{}?wait=1", recording.call_sid)),
        (Method::GET, format!("/api/calls/{}/download", recording.call_sid)),
        (Method::POST, format!("/api/recordings/{}/prepare", recording.call_sid)),
    ] {
        let answer = bench.request(method, &path, &token("t", "agent")).send().await.unwrap();
        assert!(answer.headers().contains_key("retry-after"), "{path}");
        let problem = is_problem(answer, 503, "volume_unavailable").await;
        assert!(problem["retry_after_ms"].is_u64());
        let text = problem.to_string();
        assert!(!text.contains("recordings:") && !text.contains(bench.directory.path().to_str().unwrap()), "{text}");
    }
    std::fs::rename(&away, bench.volume()).unwrap();
    let answer = bench.get(&format!("/api/recordings/file/{}?wait=10", recording.call_sid)).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_disk_that_was_not_mounted_is_no_empty_volume() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording::default()).await;
    let away = bench.directory.path().join("away");
    std::fs::rename(bench.volume(), &away).unwrap();
    std::fs::create_dir(bench.volume()).unwrap();
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.recording_sid)).await;
    is_problem(answer, 503, "volume_unavailable").await;
    let state = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    assert_eq!(state["state"], "ready", "a mount that failed costs no recording its state");
}

#[tokio::test]
async fn the_description_lists_every_route() {
    let bench = Bench::start().await;
    let answer = bench.client.get(format!("{}/openapi.json", bench.url)).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let document: Value = answer.json().await.unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let listed: BTreeSet<String> =
        document["paths"].as_object().unwrap().keys().map(|path| variables_alike(path)).collect();
    let source = include_str!("../../../src/http.rs");
    let routes = source.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    // The console is a page, and the description does not describe itself.
    let routes = routes.filter(|route| !route.starts_with("/assets") && !["/", "/openapi.json"].contains(route));
    let routes: BTreeSet<String> = routes.map(variables_alike).collect();
    assert!(routes.len() > 10);
    assert_eq!(listed, routes);
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
    let mut names = BTreeMap::<&str, u32>::new();
    for (method, operation) in operations.filter(|(_, operation)| operation["responses"].is_object()) {
        *names.entry(operation["operationId"].as_str().unwrap_or(method)).or_default() += 1;
    }
    assert!(names.values().all(|count| *count == 1), "operationId is unique: {names:?}");
    for route in ["/api/recordings/file/{sid}", "/api/calls/{sid}/download"] {
        assert!(document["paths"][route]["head"].is_object(), "HEAD {route}");
    }
    let text = document.to_string();
    for (n, _) in text.match_indices("\"$ref\":\"#") {
        let pointer = text[n + 9..].split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}

fn variables_alike(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn traffic_is_counted_under_the_names_of_the_contract() {
    let bench = Bench::start().await;
    let landed = bench.landed(NewRecording::default()).await;
    let gone = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    let faults = Faults { unauthorized: true, ..Default::default() };
    let refused = bench.registered("t", NewRecording { faults: Some(faults), ..Default::default() }).await;
    let file = |sid: &str| format!("/api/recordings/file/{sid}");
    for (path, status) in [
        (file(&landed.call_sid), 200),
        (format!("/api/calls/{}/download", landed.call_sid), 200),
        (file(&format!("CA{}", "0".repeat(32))), 404),
        (format!("{}?wait=10", file(&gone.call_sid)), 410),
        (format!("{}?wait=10", file(&refused.call_sid)), 502),
        ("/nowhere/1".into(), 404),
        ("/nowhere/2".into(), 404),
    ] {
        assert_eq!(bench.get(&path).await.status(), status, "{path}");
    }
    let mut socket = bench.socket().await;
    socket.subscribe(&landed.call_sid, "watch").await;
    let callback = format!("{}/webhooks/twilio/recording-status", bench.url);
    bench.simulator.callback(&callback, &landed.recording_sid, "completed").await.unwrap();
    let text = loop {
        let answer = bench.client.get(format!("{}/metrics", bench.url)).send().await.unwrap();
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
        let text = answer.text().await.unwrap();
        // The volume is counted only when the server has been up for a moment.
        if text.contains("landfall_volume_recordings ") {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let route = "/api/recordings/file/{sid}";
    let series: Vec<String> = vec![
        format!("media_requests_total{{result=\"hit\",route=\"{route}\"}} 1"),
        format!("media_requests_total{{result=\"landing\",route=\"{route}\"}} 1"),
        format!("media_requests_total{{result=\"denied\",route=\"{route}\"}} 1"),
        format!("media_requests_total{{result=\"gone\",route=\"{route}\"}} 1"),
        format!("media_requests_total{{result=\"miss\",route=\"{route}\"}} 1"),
        "media_requests_total{result=\"hit\",route=\"/api/calls/{sid}/download\"} 1".into(),
        "media_bytes_total{result=\"hit\"}".into(),
        format!("http_requests_total{{route=\"{route}\",method=\"GET\",status=\"200\"}} 2"),
        "http_requests_total{route=\"other\",method=\"GET\",status=\"404\"} 2".into(),
        format!("http_request_duration_seconds_bucket{{route=\"{route}\",le=\"0.001\"}}"),
        format!("http_request_duration_seconds_count{{route=\"{route}\"}} 5"),
        "media_first_byte_seconds_bucket{result=\"hit\",le=\"0.001\"}".into(),
        "websocket_connections 1".into(),
        "subscriptions 1".into(),
        "waiters 0".into(),
        "wait_seconds_count{outcome=\"ready\"} 1".into(),
        "wait_seconds_count{outcome=\"failed\"} 1".into(),
        "jobs{state=\"ready\"} 0".into(),
        "jobs{state=\"leased\"} 0".into(),
        "downloads_total{outcome=\"landed\"} 1".into(),
        "downloads_total{outcome=\"failed\"} 1".into(),
        "downloads_total{outcome=\"gone\"} 1".into(),
        "download_seconds_count 1".into(),
        "download_bytes_total".into(),
        "source_requests_total{status=\"200\"}".into(),
        "source_requests_total{status=\"401\"}".into(),
        "webhooks_total{outcome=\"accepted\"} 1".into(),
        "volume_recordings".into(),
        "volume_bytes".into(),
        "volume_free_bytes".into(),
        "build_info{version=\"".into(),
    ];
    for wanted in series {
        let found =
            text.lines().any(|line| line.strip_prefix("landfall_").is_some_and(|line| line.starts_with(&wanted)));
        assert!(found, "{wanted} is not among\n{text}");
    }
    for secret in [&landed.call_sid, &landed.recording_sid, &landed.account_sid] {
        assert!(!text.contains(secret.as_str()), "a SID is no label");
    }
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split([' ', '{']).next().unwrap();
        assert!(name.starts_with("landfall_") || name.starts_with("process_"), "{line}");
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn a_foreign_worker_tells_of_its_landing_and_is_believed_only_by_the_file() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let tell = async |sids: Value| {
        let request = bench.request(Method::POST, "/internal/landed", &token("-", "service"));
        request.json(&json!({"sids": sids})).send().await.unwrap()
    };
    assert_eq!(tell(json!([recording.call_sid])).await.status(), 204);
    let state = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    assert_eq!(state["state"], "unknown", "a signal is only a hint");
    is_problem(tell(json!(["x"])).await, 400, "bad_sid").await;
    is_problem(tell(json!(vec![&recording.call_sid; 1001])).await, 400, "bad_body").await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.place(&format!("{}.wav", recording.call_sid), &crate::support::wav(20_000));
    assert_eq!(tell(json!([recording.call_sid])).await.status(), 204);
    assert_eq!(socket.until("ready").await["size"], 20_000);
}
