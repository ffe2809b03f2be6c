//! Who listened: every way to a recording leaves its entry, and only the recording's admins read it.

use loadtest::twilio::{NewRecording, Recording};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Bench, Knobs, sign, token, wav};

async fn audit(bench: &Bench, sid: &str, tenant: &str, role: &str) -> Value {
    let path = format!("/api/recordings/{sid}/audit");
    let answer = bench.request(Method::GET, &path, &token(tenant, role)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

/// What an admin of the tenant `t` reads, oldest first: who, what, and with which outcome.
async fn entries(bench: &Bench, sid: &str) -> Vec<(String, String, String)> {
    let page = audit(bench, sid, "t", "admin").await;
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or("nobody").to_owned();
    let items = page["items"].as_array().expect("items").iter().rev();
    items.map(|item| (text(item, "who"), text(item, "action"), text(item, "outcome"))).collect()
}

fn entry(who: &str, action: &str, outcome: &str) -> (String, String, String) {
    (who.into(), action.into(), outcome.into())
}

fn as_user(user: &str, tenant: &str, role: &str) -> String {
    let expires = landfall::recording::Timestamp::now().seconds() + 600;
    sign(&json!({"sub": user, "business_id": tenant, "role": role, "exp": expires}))
}

async fn ask(bench: &Bench, method: Method, path: &str, token: &str) -> u16 {
    bench.request(method, path, token).send().await.expect("an answer").status().as_u16()
}

fn file(recording: &Recording) -> String {
    format!("/api/recordings/file/{}", recording.call_sid)
}

#[tokio::test]
async fn a_player_that_seeks_is_one_entry_whichever_way_its_requests_go() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(200_000)).await;
    let ann = as_user("ann", "t", "agent");
    // The first opens the file, those after it take the express way, and several ranges take the library's again.
    for range in ["bytes=0-", "bytes=100-199", "bytes=5000-", "bytes=0-9,1000-1009", "bytes=-100"] {
        let answer = bench.request(Method::GET, &file(&recording), &ann).header("range", range).send().await.unwrap();
        assert_eq!(answer.status(), 206);
        answer.bytes().await.unwrap();
    }
    assert_eq!(entries(&bench, &recording.call_sid).await, [entry("ann", "played", "ok")]);
    let page = audit(&bench, &recording.call_sid, "t", "admin").await;
    let item = &page["items"][0];
    assert_eq!((&item["sid"], &item["address"]), (&json!(recording.call_sid), &json!("127.0.0.1")));
    assert!(landfall::recording::Timestamp::parse(item["at"].as_str().unwrap()).is_some(), "{item}");
    assert_eq!(page["next_cursor"], Value::Null);
}

#[tokio::test]
async fn what_only_looks_leaves_no_entry() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let ann = as_user("ann", "t", "agent");
    assert_eq!(ask(&bench, Method::HEAD, &file(&recording), &ann).await, 200);
    for path in [format!("/api/recordings/{}", recording.call_sid), "/api/recordings".into()] {
        assert_eq!(ask(&bench, Method::GET, &path, &ann).await, 200);
    }
    let pending = bench.registered("t", NewRecording::default()).await;
    assert_eq!(ask(&bench, Method::GET, &file(&pending), &ann).await, 202);
    for sid in [&recording.call_sid, &pending.call_sid] {
        assert_eq!(entries(&bench, sid).await, []);
    }
}

#[tokio::test]
async fn links_downloads_holds_and_erasures_are_entries_of_whoever_did_them() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let sid = &recording.call_sid;
    let (ann, boss) = (as_user("ann", "t", "agent"), as_user("boss", "t", "admin"));
    let order = bench.request(Method::POST, &format!("/api/recordings/{sid}/link"), &ann);
    let link: Value = order.json(&json!({"purpose": "play"})).send().await.unwrap().json().await.unwrap();
    // Twice: the second is answered by the express way.
    for _ in 0..2 {
        let bytes = bench.client.get(link["url"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes.len(), 2_000);
    }
    assert_eq!(ask(&bench, Method::GET, &format!("/api/calls/{sid}/download"), &boss).await, 200);
    assert_eq!(ask(&bench, Method::PUT, &format!("/api/recordings/{sid}/hold"), &boss).await, 204);
    assert_eq!(ask(&bench, Method::DELETE, &format!("/api/recordings/{sid}"), &boss).await, 409);
    assert_eq!(ask(&bench, Method::DELETE, &format!("/api/recordings/{sid}/hold"), &boss).await, 204);
    assert_eq!(ask(&bench, Method::DELETE, &format!("/api/recordings/{sid}"), &boss).await, 204);
    let expected = [
        entry("ann", "linked", "ok"),
        entry("ann", "played", "ok"),
        entry("boss", "downloaded", "ok"),
        entry("boss", "held", "ok"),
        entry("boss", "denied", "on_hold"),
        entry("boss", "released", "ok"),
        entry("boss", "erased", "ok"),
    ];
    assert_eq!(entries(&bench, sid).await, expected, "also after it was erased");
}

#[tokio::test]
async fn refusals_are_entries_of_the_recording_and_name_nobody_who_is_not_known_to_its_tenant() {
    let bench = Bench::with(Knobs { link_ttl: std::time::Duration::from_secs(1), ..Knobs::default() }).await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let sid = &recording.call_sid;
    let ann = as_user("ann", "t", "agent");
    assert_eq!(ask(&bench, Method::GET, &file(&recording), &as_user("eve", "u", "agent")).await, 404);
    assert_eq!(ask(&bench, Method::GET, &file(&recording), "no token").await, 401);
    assert_eq!(ask(&bench, Method::DELETE, &format!("/api/recordings/{sid}"), &ann).await, 403);
    let order = bench.request(Method::POST, &format!("/api/recordings/{sid}/link"), &ann);
    let link: Value = order.json(&json!({"purpose": "play"})).send().await.unwrap().json().await.unwrap();
    let url = link["url"].as_str().unwrap();
    assert_eq!(bench.client.get(format!("{url}A")).send().await.unwrap().status(), 403);
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(bench.client.get(url).send().await.unwrap().status(), 403);
    let mut socket = bench.socket_of(&as_user("mallory", "u", "agent")).await;
    assert_eq!(socket.subscribe(sid, "watch").await["error"]["code"], "not_found");
    let expected = [
        entry("nobody", "denied", "not_found"),
        entry("nobody", "denied", "unauthorized"),
        entry("ann", "denied", "role_too_low"),
        entry("ann", "linked", "ok"),
        entry("nobody", "denied", "link_invalid"),
        entry("ann", "denied", "link_expired"),
        entry("nobody", "denied", "not_found"),
    ];
    assert_eq!(entries(&bench, sid).await, expected);
    let all = audit(&bench, sid, "-", "service").await;
    let named: Vec<&str> = all["items"].as_array().unwrap().iter().filter_map(|item| item["who"].as_str()).collect();
    assert_eq!(named, ["mallory", "ann", "ann", "ann", "eve"], "a service sees every tenant's users");
}

#[tokio::test]
async fn only_admins_of_the_recordings_tenant_and_services_read_it() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let path = format!("/api/recordings/{}/audit", recording.call_sid);
    for (tenant, role, status) in [("t", "agent", 403), ("t", "admin", 200), ("u", "admin", 404), ("-", "service", 200)]
    {
        assert_eq!(ask(&bench, Method::GET, &path, &token(tenant, role)).await, status, "{role} of {tenant}");
    }
    assert_eq!(ask(&bench, Method::GET, "/api/audit", &token("t", "agent")).await, 403);
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    for n in 0..5 {
        ask(&bench, Method::GET, &file(&recording), &as_user(&format!("user {n}"), "t", "agent")).await;
    }
    let admin = token("t", "admin");
    let (mut users, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/recordings/{}/audit?limit=2{cursor}", recording.call_sid);
        let page: Value = bench.request(Method::GET, &path, &admin).send().await.unwrap().json().await.unwrap();
        users.extend(page["items"].as_array().unwrap().iter().map(|item| item["who"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(users, ["user 4", "user 3", "user 2", "user 1", "user 0"]);
    for bad in ["limit=0", "limit=1001", "limit=x", "cursor=x"] {
        let path = format!("/api/recordings/{}/audit?{bad}", recording.call_sid);
        assert_eq!(ask(&bench, Method::GET, &path, &admin).await, 400, "{bad}");
    }
}

#[tokio::test]
async fn the_export_has_a_line_for_each_entry_of_the_tenant_and_goes_on_where_it_ended() {
    let mut bench = Bench::start().await;
    let (ours, theirs) = (bench.placed("wav", &wav(2_000)).await, bench.registered("u", NewRecording::default()).await);
    ask(&bench, Method::GET, &file(&ours), &as_user("ann", "t", "agent")).await;
    ask(&bench, Method::POST, &format!("/api/recordings/{}/link", theirs.call_sid), "x").await;
    let export = async |bench: &Bench, query: &str, token: &str| {
        let answer = bench.request(Method::GET, &format!("/api/audit{query}"), token).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/x-ndjson".parse().unwrap())
        );
        let text = answer.text().await.unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON")).collect::<Vec<_>>()
    };
    let admin = token("t", "admin");
    let lines = export(&bench, "", &admin).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["tenant"], &lines[0]["action"], &lines[0]["who"]),
        (&json!("t"), &json!("played"), &json!("ann"))
    );
    assert_eq!(export(&bench, "", &token("-", "service")).await.len(), 2);
    // What was kept outlives the server.
    bench.stop().await;
    bench.boot().await;
    assert_eq!(export(&bench, "", &admin).await, lines);
    let after = format!("?after={}", lines[0]["id"]);
    assert_eq!(export(&bench, &after, &admin).await, [Value::Null; 0]);
    assert_eq!(export(&bench, "?until=2020-01-01T00:00:00Z", &admin).await, [Value::Null; 0]);
    assert_eq!(export(&bench, "?since=2020-01-01T00:00:00Z", &admin).await, lines);
    assert_eq!(ask(&bench, Method::GET, "/api/audit?since=yesterday", &admin).await, 400);
}

#[tokio::test]
async fn an_erasure_before_any_registration_is_kept_for_who_sees_every_tenant() {
    let bench = Bench::start().await;
    let sid = format!("CA{:032x}", 0xe7a5e);
    assert_eq!(ask(&bench, Method::DELETE, &format!("/api/recordings/{sid}"), &token("-", "service")).await, 204);
    let page = audit(&bench, &sid, "-", "service").await;
    assert_eq!(page["items"][0]["action"], "erased");
    assert_eq!(ask(&bench, Method::GET, &format!("/api/recordings/{sid}/audit"), &token("t", "admin")).await, 404);
}
