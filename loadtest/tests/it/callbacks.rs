//! Status callbacks as a receiver meets them: fields, signature, repetition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use loadtest::twilio::signature::{sign_form, sign_json};
use loadtest::twilio::{Callback, CallbackError, Traffic};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::support::Bench;

#[derive(Clone, Debug)]
struct Received {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    /// Answers with these statuses one after the other, then always 204.
    async fn start(statuses: &'static [u16]) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let routes = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
            let mut log = log.lock().expect("no panic");
            log.push(Received { uri, headers, body });
            StatusCode::from_u16(statuses.get(log.len() - 1).copied().unwrap_or(204)).expect("a status")
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let server = AbortOnDropHandle::new(tokio::task::spawn(async move {
            axum::serve(listener, routes).await.expect("never ends")
        }));
        Self { url, received, _server: server }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }
}

#[tokio::test]
async fn a_form_carries_twilios_fields_and_a_signature_that_holds() {
    let (bench, receiver) = (Bench::start().await, Receiver::start(&[]).await);
    let recording = bench.add();
    let delivery =
        bench.simulator.callback(&receiver.url, &recording.recording_sid, "completed").await.expect("delivered");
    assert_eq!((delivery.status, delivery.tries), (204, 1));
    let received = receiver.received();
    let form = received[0].form();
    let token = &bench.simulator.account().auth_token;
    assert_eq!(received[0].header("x-twilio-signature"), sign_form(token, &receiver.url, &form));
    let fields: HashMap<String, String> = form.into_iter().collect();
    assert_eq!(fields["AccountSid"], recording.account_sid);
    assert_eq!(fields["CallSid"], recording.call_sid);
    assert_eq!(fields["RecordingSid"], recording.recording_sid);
    assert_eq!(fields["RecordingStatus"], "completed");
    assert_eq!(fields["RecordingDuration"], "5");
    assert_eq!(fields["RecordingChannels"], "2");
    assert!(fields["RecordingUrl"].ends_with(&format!("/Recordings/{}", recording.recording_sid)));
    assert!(fields["RecordingStartTime"].ends_with("+0000"));
    assert_eq!((fields["RecordingSource"].as_str(), fields["RecordingTrack"].as_str()), ("DialVerb", "both"));
}

#[tokio::test]
async fn only_completed_tells_a_length() {
    let (bench, receiver) = (Bench::start().await, Receiver::start(&[]).await);
    let recording = bench.add();
    bench.simulator.callback(&receiver.url, &recording.recording_sid, "in-progress").await.expect("delivered");
    assert!(receiver.received()[0].form().iter().all(|(name, _)| name != "RecordingDuration"));
}

#[tokio::test]
async fn json_is_covered_by_its_hash_in_the_query() {
    let (bench, receiver) = (Bench::start().await, Receiver::start(&[]).await);
    let recording = bench.add();
    let callback = Callback { json: true, ..Callback::new(&receiver.url, &recording.recording_sid, "completed") };
    bench.simulator.send(&callback).await.expect("delivered");
    let received = &receiver.received()[0];
    let (url, signature) = sign_json(&bench.simulator.account().auth_token, &receiver.url, &received.body);
    assert!(url.ends_with(&received.uri.to_string()));
    assert_eq!(received.header("x-twilio-signature"), signature);
    let body: Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!(body["RecordingSid"], recording.recording_sid);
}

#[tokio::test]
async fn the_signature_is_made_for_the_public_url_and_can_be_forged() {
    let (bench, receiver) = (Bench::start().await, Receiver::start(&[]).await);
    let recording = bench.add();
    let public = "https://calls.example.test/hook";
    let mut callback = Callback::new(&receiver.url, &recording.recording_sid, "completed");
    callback.signed_url = Some(public.to_owned());
    callback.auth_token = Some("somebody else's".to_owned());
    bench.simulator.send(&callback).await.expect("delivered");
    let received = &receiver.received()[0];
    assert_eq!(received.header("x-twilio-signature"), sign_form("somebody else's", public, &received.form()));
}

#[tokio::test]
async fn a_failure_is_tried_once_more_with_the_same_token() {
    let (bench, receiver) = (Bench::start().await, Receiver::start(&[503, 204]).await);
    let recording = bench.add();
    let delivery =
        bench.simulator.callback(&receiver.url, &recording.recording_sid, "completed").await.expect("delivered");
    assert_eq!((delivery.status, delivery.tries), (204, 2));
    let received = receiver.received();
    let token = "i-twilio-idempotency-token";
    assert_eq!(received[0].header(token), received[1].header(token));
    assert_eq!(bench.simulator.stats(&recording.recording_sid).callbacks, 2);
}

#[tokio::test]
async fn a_refusal_is_final_and_two_failures_are_a_lost_event() {
    let bench = Bench::start().await;
    let recording = bench.add();
    for (statuses, expected) in [(&[403][..], (403, 1)), (&[500, 502], (502, 2))] {
        let receiver = Receiver::start(statuses).await;
        let delivery =
            bench.simulator.callback(&receiver.url, &recording.recording_sid, "completed").await.expect("answered");
        assert_eq!((delivery.status, delivery.tries), expected);
    }
    let nobody = bench.simulator.callback("http://127.0.0.1:1/hook", &recording.recording_sid, "completed").await;
    assert!(matches!(nobody, Err(CallbackError::Unanswered(_))));
}

#[tokio::test]
async fn traffic_announces_recordings_that_can_be_fetched() {
    let (bench, receiver) = (Bench::start().await, Receiver::start(&[]).await);
    bench.simulator.start_traffic(Traffic {
        every: Duration::from_millis(20),
        seconds: 1..=3,
        processing: Duration::from_millis(5),
        callback: Some(receiver.url.clone()),
        ..Default::default()
    });
    bench.simulator.until_total(|totals| totals.callbacks >= 3).await;
    // The third may be on its way still.
    let received = receiver.received();
    let fields: HashMap<String, String> = received[0].form().into_iter().collect();
    assert_eq!(bench.get(&format!("Recordings/{}.mp3", fields["RecordingSid"])).await.status(), StatusCode::OK);
    bench.simulator.shutdown().await;
}
