//! Back ends register calls, people list them, operators look at the server; and what is wrong is told in one shape.

mod lists;
mod operators;

use loadtest::twilio::Recording;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Bench, token};

/// A call that the provider need not know.
fn sid(kind: &str, n: u32) -> String {
    format!("{kind}{n:032x}")
}

fn account() -> String {
    sid("AC", 1)
}

async fn put(bench: &Bench, sid: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/calls/{sid}");
    read(bench.request(Method::PUT, &path, &token("-", "service")).json(body).send().await.expect("an answer")).await
}

async fn read(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Checks that an answer is a problem with every member of the contract.
async fn is_problem(answer: Response, status: u16, code: &str) -> Value {
    let of = format!("{} {}", answer.url(), answer.status());
    assert_eq!(answer.status(), status, "{of}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{of}");
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.expect("JSON");
    for text in ["type", "title", "detail", "code", "message", "message_he"] {
        assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{of}: {text} of {body}");
    }
    assert_eq!(
        (&body["status"], &body["code"], &body["request_id"]),
        (&status.into(), &code.into(), &id.into()),
        "{of}"
    );
    assert!(body["message_he"].as_str().unwrap().chars().any(|c| ('א'..='ת').contains(&c)), "{of}");
    body
}

#[tokio::test]
async fn a_call_is_new_once_and_known_from_then_on() {
    let bench = Bench::start().await;
    let body = json!({
        "tenant": "t", "account_sid": account(), "recording_sid": sid("RE", 1), "started_at": "2026-01-31T14:00:00+02:00",
        "duration_s": 61.4, "from": "+972501234567", "to": "sip:dana@example.com", "direction": "inbound", "title": "דנה כהן",
    });
    let expected = json!({
        "sid": sid("CA", 1), "call_sid": sid("CA", 1), "recording_sid": sid("RE", 1), "v": 1, "state": "unknown",
        "duration_ms": 61_000, "started_at": "2026-01-31T12:00:00.000Z", "from": "+972501234567",
        "to": "sip:dana@example.com", "direction": "inbound", "title": "דנה כהן",
    });
    assert_eq!(put(&bench, &sid("CA", 1), &body).await, (201, expected.clone()));
    assert_eq!(put(&bench, &sid("CA", 1), &body).await, (200, expected.clone()), "once more changes nothing");
    assert_eq!(bench.json(&format!("/api/recordings/{}", sid("CA", 1))).await, expected);
    let mut by_recording = expected;
    by_recording["sid"] = sid("RE", 1).into();
    assert_eq!(bench.json(&format!("/api/recordings/{}", sid("RE", 1))).await, by_recording);
    assert_eq!(bench.simulator.totals(), Default::default(), "nothing has been downloaded");
}

#[tokio::test]
async fn what_is_left_out_leaves_what_is_known() {
    let bench = Bench::start().await;
    let call = sid("CA", 1);
    put(&bench, &call, &json!({"tenant": "t", "account_sid": account()})).await;
    let steps = [
        json!({"title": "first", "from": "100"}),
        json!({"to": "200", "started_at": "2026-01-31T12:00:00Z"}),
        json!({"title": "second", "direction": null, "from": null}),
        json!({"recording_sid": sid("RE", 9)}),
        json!({"duration_s": 3, "recording_sid": ""}),
        json!({}),
    ];
    for step in steps {
        let mut body = json!({"tenant": "t", "account_sid": account()});
        body.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
        assert_eq!(put(&bench, &call, &body).await.0, 200);
    }
    let known = bench.json(&format!("/api/recordings/{call}")).await;
    let expected = json!({
        "sid": call, "call_sid": call, "recording_sid": sid("RE", 9), "v": 1, "state": "unknown", "duration_ms": 3000,
        "started_at": "2026-01-31T12:00:00.000Z", "from": "100", "to": "200", "title": "second",
    });
    assert_eq!(known, expected);
}

#[tokio::test]
async fn what_is_taken_stays_with_whom_it_belongs_to() {
    let bench = Bench::start().await;
    let body = |tenant: &str, more: Value| {
        let mut body = json!({"tenant": tenant, "account_sid": account()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    put(&bench, &sid("CA", 1), &body("t", json!({"recording_sid": sid("RE", 1), "title": "ours"}))).await;
    for (call, body) in [
        (1, body("other", json!({"title": "theirs"}))),
        (1, body("t", json!({"account_sid": sid("AC", 2)}))),
        (1, body("t", json!({"recording_sid": sid("RE", 2)}))),
        (2, body("t", json!({"recording_sid": sid("RE", 1)}))),
        (2, body("other", json!({"recording_sid": sid("RE", 1)}))),
    ] {
        let path = format!("/api/calls/{}", sid("CA", call));
        let answer = bench.request(Method::PUT, &path, &token("-", "service")).json(&body).send().await.unwrap();
        is_problem(answer, 409, "conflict").await;
    }
    assert_eq!(bench.json(&format!("/api/recordings/{}", sid("CA", 1))).await["title"], "ours");
    assert_eq!(bench.get(&format!("/api/recordings/{}", sid("CA", 2))).await.status(), 404, "no half of it is kept");
}

#[tokio::test]
async fn what_cannot_be_registered_is_told_by_member() {
    let bench = Bench::start().await;
    let cases = [
        (json!({"titel": "x"}), "titel"),
        (json!({"tenant": null}), "tenant"),
        (json!({"tenant": ""}), "tenant"),
        (json!({"tenant": "x".repeat(129)}), "tenant"),
        (json!({"tenant": ["t"]}), "tenant"),
        (json!({"tenant": true}), "tenant"),
        (json!({"account_sid": null}), "account_sid"),
        (json!({"account_sid": "AC1"}), "account_sid"),
        (json!({"account_sid": sid("CA", 1)}), "account_sid"),
        (json!({"account_sid": 5}), "account_sid"),
        (json!({"recording_sid": sid("CA", 1)}), "recording_sid"),
        (json!({"recording_sid": "RE1"}), "recording_sid"),
        (json!({"started_at": "yesterday"}), "started_at"),
        (json!({"started_at": "2026-01-31T12:00:00"}), "started_at"),
        (json!({"started_at": "2026-02-31T12:00:00Z"}), "started_at"),
        (json!({"started_at": 1_769_860_800}), "started_at"),
        (json!({"duration_s": -1}), "duration_s"),
        (json!({"duration_s": 1e12}), "duration_s"),
        (json!({"duration_s": "60"}), "duration_s"),
        (json!({"title": "א".repeat(501)}), "title"),
        (json!({"from": "x".repeat(1001)}), "from"),
        (json!({"to": 972_501_234_567u64}), "to"),
        (json!({"direction": {}}), "direction"),
    ];
    let path = format!("/api/calls/{}", sid("CA", 1));
    for (more, member) in cases {
        let mut body = json!({"tenant": "t", "account_sid": account()});
        for (name, value) in more.as_object().unwrap() {
            match value {
                Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
                value => body[name] = value.clone(),
            }
        }
        let answer = bench.request(Method::PUT, &path, &token("-", "service")).json(&body).send().await.unwrap();
        let problem = is_problem(answer, 400, "bad_body").await;
        assert!(problem["detail"].as_str().unwrap().contains(member), "{member}: {}", problem["detail"]);
    }
    assert_eq!(bench.get(&format!("/api/recordings/{}", sid("CA", 1))).await.status(), 404);
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_and_what_is_too_large_too() {
    let bench = Bench::start().await;
    let path = format!("/api/calls/{}", sid("CA", 1));
    let good = json!({"tenant": "t", "account_sid": account()}).to_string();
    let huge = format!("{{\"title\":\"{}\"}}", "x".repeat(1_000_000));
    let send = async |path: &str, method: Method, kind: Option<&str>, body: &str| {
        let request = bench.request(method, path, &token("-", "service")).body(body.to_owned());
        kind.into_iter().fold(request, |request, kind| request.header("content-type", kind)).send().await.unwrap()
    };
    let json = Some("application/json");
    for (kind, body) in [
        (json, ""),
        (json, "{"),
        (json, "[]"),
        (json, "null"),
        (json, "\"text\""),
        (json, "{\"tenant\":\"t\",\"tenant\":\"u\"}"),
        (json, "\u{0}"),
        (Some("text/plain"), &*good),
        (Some("application/x-www-form-urlencoded"), "tenant=t"),
        (None, &*good),
    ] {
        is_problem(send(&path, Method::PUT, kind, body).await, 400, "bad_body").await;
        is_problem(send("/internal/landed", Method::POST, kind, body).await, 400, "bad_body").await;
    }
    for _ in 0..20 {
        is_problem(send(&path, Method::PUT, json, &huge).await, 413, "too_large").await;
        is_problem(send("/internal/landed", Method::POST, json, &huge).await, 413, "too_large").await;
    }
    let charset = Some("application/json; charset=utf-8");
    assert_eq!(send(&path, Method::PUT, charset, &good).await.status(), 201);
}

#[tokio::test]
async fn only_a_calls_sid_can_be_registered() {
    let bench = Bench::start().await;
    let body = json!({"tenant": "t", "account_sid": account()});
    for name in [&*sid("RE", 1), &*sid("AC", 1), "CA1", "x", "%FF"] {
        let path = format!("/api/calls/{name}");
        let answer = bench.request(Method::PUT, &path, &token("-", "service")).json(&body).send().await.unwrap();
        is_problem(answer, 400, "bad_sid").await;
    }
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_all_its_members() {
    let bench = Bench::start().await;
    let recording: Recording = bench.landed(Default::default()).await;
    let (agent, call) = (token("t", "agent"), &recording.call_sid);
    let file = format!("/api/recordings/file/{call}");
    for (method, path, fields, status, code) in [
        (Method::GET, "/nowhere", None, 404, "no_such_route"),
        (Method::POST, "/nowhere", None, 404, "no_such_route"),
        (Method::GET, "/api/recordings/file/", None, 404, "no_such_route"),
        (Method::GET, "/assets/none.js", None, 404, "no_such_route"),
        (Method::GET, "/../../etc/passwd", None, 404, "no_such_route"),
        (Method::POST, "/api/recordings", None, 405, "method_not_allowed"),
        (Method::DELETE, "/healthz", None, 405, "method_not_allowed"),
        (Method::PUT, &*file, None, 405, "method_not_allowed"),
        (Method::POST, &*file, None, 405, "method_not_allowed"),
        (Method::PATCH, &format!("/api/calls/{call}"), None, 405, "method_not_allowed"),
        (Method::GET, &format!("/api/recordings/{call}/prepare"), None, 405, "method_not_allowed"),
        (Method::GET, &format!("/api/recordings/{}", sid("CA", 404)), None, 404, "not_found"),
        (Method::GET, "/api/recordings/x", None, 400, "bad_sid"),
        (Method::GET, "/api/recordings/events", None, 400, "bad_query"),
        (Method::GET, "/api/recordings/events?sid=x", None, 400, "bad_sid"),
        (Method::GET, &format!("/api/recordings/events?sid={call}&intent=loud"), None, 400, "bad_query"),
        (Method::GET, &*file, Some(("range", "bytes=999999999-")), 416, "range_not_satisfiable"),
        (Method::GET, &*file, Some(("if-match", "\"x\"")), 412, "precondition_failed"),
        (Method::POST, "/internal/landed", None, 403, "role_too_low"),
        (Method::GET, "/ws/recordings", None, 426, "not_websocket"),
    ] {
        let request = bench.request(method.clone(), path, &agent);
        let request = fields.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.unwrap();
        if status == 405 {
            assert!(answer.headers().contains_key("allow"), "{method} {path} (RFC 9110 §15.5.6)");
        }
        is_problem(answer, status, code).await;
    }
    let answer = bench.client.get(format!("{}/api/recordings", bench.url)).send().await.unwrap();
    is_problem(answer, 401, "unauthorized").await;
}

#[tokio::test]
async fn every_answer_carries_the_requests_id_and_a_proxys_is_kept() {
    let bench = Bench::start().await;
    let ask = async |path: &str, id: Option<&str>| {
        let request = bench.request(Method::GET, path, &token("t", "agent"));
        let request = id.into_iter().fold(request, |request, id| request.header("x-request-id", id));
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    for path in ["/", "/healthz", "/api/recordings", "/nowhere", "/api/recordings/file/x"] {
        assert_eq!(ask(path, Some("edge-1.a_B")).await, "edge-1.a_B", "{path}");
        let (one, other) = (ask(path, None).await, ask(path, None).await);
        assert!(one.len() >= 16 && one != other, "{path}: {one} {other}");
        for harmful in ["x y", "\"", "<script>", &"a".repeat(65)] {
            assert_ne!(ask(path, Some(harmful)).await, harmful, "{path}");
        }
    }
}
