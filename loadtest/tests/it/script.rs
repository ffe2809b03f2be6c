//! `/_sim/`: everything that a test in another process needs.

use loadtest::twilio::{Faults, Status};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Bench;

async fn order(bench: &Bench, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = bench.client.request(method, format!("{}/_sim/{path}", bench.simulator.base_url()));
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.expect("a body")).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_recording_is_added_scripted_released_and_looked_at() {
    let bench = Bench::start().await;
    let (status, recording) =
        order(&bench, Method::POST, "recordings", json!({"seconds": 10, "channels": 1, "held": true})).await;
    assert_eq!((status, &recording["channels"], &recording["duration_s"]), (201, &json!(1), &json!(10)));
    let sid = recording["recording_sid"].as_str().expect("a SID");
    let path = format!("recordings/{sid}");
    assert_eq!(order(&bench, Method::PUT, &format!("{path}/faults"), json!({"not_found": 1})).await.0, 204);
    assert_eq!(order(&bench, Method::POST, &format!("{path}/release"), Value::Null).await.0, 204);
    let media = format!("Recordings/{sid}.mp3");
    assert_eq!(bench.get(&media).await.status(), 404);
    assert_eq!(order(&bench, Method::DELETE, &format!("{path}/faults"), Value::Null).await.0, 204);
    assert_eq!(bench.get(&media).await.status(), 200);
    assert_eq!(order(&bench, Method::PUT, &format!("{path}/status"), json!({"status": "absent"})).await.0, 204);
    assert_eq!(bench.simulator.status(sid), Status::Absent);
    let (_, found) = order(&bench, Method::GET, &path, Value::Null).await;
    assert_eq!((&found["status"], &found["stats"]["media_requests"]), (&json!("absent"), &json!(2)));
    let (_, all) = order(&bench, Method::GET, "recordings", Value::Null).await;
    assert_eq!(all["recordings"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn global_faults_are_set_read_and_cleared() {
    let bench = Bench::start().await;
    let recording = bench.add();
    assert_eq!(order(&bench, Method::PUT, "faults", json!({"redirect": "foreign", "cut_after": 9})).await.0, 204);
    let (_, faults) = order(&bench, Method::GET, "faults", Value::Null).await;
    assert_eq!((&faults["redirect"], &faults["cut_after"]), (&json!("foreign"), &json!(9)));
    assert_eq!(bench.mp3(&recording).await.status(), 302);
    assert_eq!(order(&bench, Method::DELETE, "faults", Value::Null).await.0, 204);
    assert_eq!(bench.mp3(&recording).await.status(), 200);
}

#[tokio::test]
async fn mistakes_are_told() {
    let bench = Bench::start().await;
    assert_eq!(order(&bench, Method::PUT, "faults", json!({"no_such_fault": 1})).await.0, 422);
    assert_eq!(order(&bench, Method::POST, "recordings/RE0/release", Value::Null).await.0, 404);
    let taken = bench.add().recording_sid;
    assert_eq!(order(&bench, Method::POST, "recordings", json!({"recording_sid": taken})).await.0, 409);
}

#[tokio::test]
async fn the_overview_names_accounts_and_totals() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults::default());
    bench.body(&recording).await;
    let (_, overview) = order(&bench, Method::GET, "", Value::Null).await;
    assert_eq!(overview["accounts"], json!([bench.simulator.account().sid]));
    assert_eq!((&overview["recordings"], &overview["totals"]["media_requests"]), (&json!(1), &json!(1)));
    assert_eq!(overview["foreign_url"], bench.simulator.foreign_url());
}

#[tokio::test]
async fn a_callback_is_sent_on_order() {
    let bench = Bench::start().await;
    let recording = bench.add();
    // The simulator itself serves as a receiver: it has no such route.
    let order_body = json!({"url": format!("{}/hook", bench.simulator.base_url()), "recording_sid": recording.recording_sid, "event": "completed"});
    assert_eq!(order(&bench, Method::POST, "callbacks", order_body).await, (200, json!({"status": 404, "tries": 1})));
}
