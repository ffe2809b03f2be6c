//! Who gets what: each route against each caller, as the table in docs/security.md has it.

use landfall::recording::Timestamp;
use loadtest::twilio::Recording;
use reqwest::Method;
use serde_json::json;

use crate::support::{Bench, sign, token, wav};

/// The routes, as the table names them.
const ROUTES: [(&str, &str, &str); 17] = [
    ("GET", "/api/recordings/file/{sid}", ""),
    ("HEAD", "/api/recordings/file/{sid}", ""),
    ("GET", "/api/calls/{sid}/download", ""),
    ("GET", "/api/recordings/{sid}/peaks", ""),
    ("GET", "/api/recordings/{sid}", ""),
    ("POST", "/api/recordings/{sid}/prepare", ""),
    ("POST", "/api/recordings/{sid}/link", r#"{"purpose":"play"}"#),
    ("GET", "/api/recordings", ""),
    ("GET", "/api/recordings/events?sid={sid}", ""),
    ("GET", "/api/recordings/{sid}/audit", ""),
    ("GET", "/api/audit", ""),
    ("PUT", "/api/recordings/{sid}/hold", ""),
    ("DELETE", "/api/recordings/{sid}/hold", ""),
    ("DELETE", "/api/recordings/{sid}", ""),
    ("PUT", "/api/calls/{sid}", r#"{"tenant":"t","account_sid":"AC00000000000000000000000000000000"}"#),
    ("POST", "/internal/landed", r#"{"sids":[]}"#),
    ("GET", "/metrics", ""),
];

/// Who asks. A link is signed by an agent of the owner to play, then changed in its last letter.
const CALLERS: [&str; 8] =
    ["agent", "admin", "service", "other tenant", "other admin", "expired token", "no token", "tampered link"];

async fn ask(bench: &Bench, recording: &Recording, route: (&str, &str, &str), caller: &str) -> u16 {
    let (method, path, body) = route;
    let path = path.replace("{sid}", &recording.call_sid);
    let body = body.replace("AC00000000000000000000000000000000", &recording.account_sid);
    let expired =
        || sign(&json!({"sub": "tester", "business_id": "t", "role": "admin", "exp": Timestamp::now().seconds() - 60}));
    let bearer = match caller {
        "agent" | "admin" | "service" => token("t", caller),
        "other tenant" => token("u", "agent"),
        "other admin" => token("u", "admin"),
        "expired token" => expired(),
        _ => String::new(),
    };
    let mut url = format!("{}{path}", bench.url);
    if caller == "tampered link" {
        let order =
            bench.request(Method::POST, &format!("/api/recordings/{}/link", recording.call_sid), &token("t", "agent"));
        let link: serde_json::Value =
            order.json(&json!({"purpose": "play"})).send().await.unwrap().json().await.unwrap();
        let mut query = link["url"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
        let last = if query.pop() == Some('A') { 'B' } else { 'A' };
        url = format!("{url}{}{query}{last}", if path.contains('?') { '&' } else { '?' });
    }
    let mut request = bench.client.request(method.parse().unwrap(), url);
    if !bearer.is_empty() {
        request = request.bearer_auth(bearer);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(body);
    }
    // A stream of events never ends: its head tells.
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn each_caller_gets_what_the_table_says() {
    let bench = Bench::start().await;
    let documented = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md")).unwrap();
    let mut table = format!("| | {} |\n|---|{}\n", CALLERS.join(" | "), "---|".repeat(CALLERS.len()));
    for route in ROUTES {
        let mut line = format!("| `{} {}` |", route.0, route.1);
        for caller in CALLERS {
            // A recording of its own for each: some requests end it.
            let recording = bench.placed("wav", &wav(2_000)).await;
            line += &format!(" {} |", ask(&bench, &recording, route, caller).await);
        }
        table += &(line + "\n");
    }
    assert!(documented.contains(&table), "docs/security.md has another table than this:\n{table}");
}
