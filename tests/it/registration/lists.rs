//! The tenant's calls in pages: newest first, none twice, none left out.

use reqwest::Method;
use serde_json::{Value, json};

use super::{account, is_problem, put, sid};
use crate::support::{Bench, token};

async fn page(bench: &Bench, query: &[(&str, &str)]) -> Value {
    let request = bench.request(Method::GET, "/api/recordings", &token("t", "agent")).query(query);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{query:?}");
    answer.json().await.expect("JSON")
}

fn sids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("a list").iter();
    items.map(|item| item["sid"].as_str().expect("a SID").to_owned()).collect()
}

/// All pages of that size, one after the other.
async fn all(bench: &Bench, limit: &str, filter: &[(&str, &str)]) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let cursor_field = cursor.iter().map(|cursor| ("cursor", cursor.as_str()));
        let query: Vec<_> = filter.iter().copied().chain([("limit", limit)]).chain(cursor_field).collect();
        let page = page(bench, &query).await;
        let sids = sids(&page);
        assert!(sids.len() <= limit.parse().unwrap());
        found.extend(sids);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return found,
        }
    }
}

/// Registers call number `n`, which began in minute `minute`.
async fn call(bench: &Bench, n: u32, minute: u32, more: Value) {
    let started_at = format!("2026-01-31T{:02}:{:02}:00Z", minute / 60, minute % 60);
    let mut body = json!({"tenant": "t", "account_sid": account(), "started_at": started_at});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(put(bench, &sid("CA", n), &body).await.0, 201);
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_or_a_repeat() {
    const CALLS: u32 = 120;
    let bench = Bench::start().await;
    // Four calls of each minute, so that pages end within one.
    for n in (0..CALLS).rev() {
        call(&bench, n, n / 4, json!({})).await;
    }
    let newest_first: Vec<String> = (0..CALLS).rev().map(|n| sid("CA", n)).collect();
    for limit in ["1", "7", "50", "119", "120", "121", "200"] {
        assert_eq!(all(&bench, limit, &[]).await, newest_first, "pages of {limit}");
    }
    let first = page(&bench, &[]).await;
    assert_eq!(sids(&first), newest_first[..50], "a page has 50 entries if nothing is asked for");
    assert_eq!(sids(&page(&bench, &[("cursor", ""), ("limit", ""), ("state", ""), ("q", "")]).await), sids(&first));
    // What comes meanwhile shifts nothing.
    call(&bench, 500, 1000, json!({})).await;
    let next = page(&bench, &[("cursor", first["next_cursor"].as_str().unwrap())]).await;
    assert_eq!(sids(&next), newest_first[50..100]);
    assert_eq!(sids(&page(&bench, &[("limit", "1")]).await), [sid("CA", 500)]);
}

#[tokio::test]
async fn a_call_without_a_time_stands_where_it_was_registered() {
    let bench = Bench::start().await;
    call(&bench, 1, 0, json!({})).await;
    put(&bench, &sid("CA", 2), &json!({"tenant": "t", "account_sid": account()})).await;
    assert_eq!(all(&bench, "10", &[]).await, [sid("CA", 2), sid("CA", 1)]);
    let old = json!({"tenant": "t", "account_sid": account(), "started_at": "2020-01-01T00:00:00Z"});
    put(&bench, &sid("CA", 2), &old).await;
    assert_eq!(all(&bench, "10", &[]).await, [sid("CA", 1), sid("CA", 2)]);
}

#[tokio::test]
async fn entries_are_state_objects_of_this_moment_and_can_be_filtered_by_it() {
    let bench = Bench::start().await;
    let ready = bench.landed(Default::default()).await;
    for n in 1..=30 {
        call(&bench, n, n, json!({})).await;
    }
    let listed = page(&bench, &[("state", "ready")]).await;
    assert_eq!(listed["items"], json!([bench.json(&format!("/api/recordings/{}", ready.call_sid)).await]));
    assert_eq!(all(&bench, "7", &[("state", "unknown")]).await.len(), 30);
    for state in ["queued", "downloading", "failed", "gone"] {
        assert_eq!(all(&bench, "7", &[("state", state)]).await.len(), 0, "{state}");
    }
}

#[tokio::test]
async fn a_search_finds_titles_numbers_and_sids_in_either_script_and_case() {
    let bench = Bench::start().await;
    call(&bench, 0xa1, 1, json!({"title": "שיחה עם דנה כהן", "from": "+972501234567"})).await;
    call(&bench, 0xb2, 2, json!({"title": "Weekly BUDGET 100% _x_", "to": "sip:dana@example.com"})).await;
    call(&bench, 0xc3, 3, json!({"recording_sid": sid("RE", 0xdef), "from": "+15550100"})).await;
    let a1 = sid("CA", 0xa1);
    for (text, found) in [
        ("דנה", &[0xa1][..]),
        ("כהן", &[0xa1]),
        ("  שיחה עם ", &[0xa1]),
        ("budget", &[0xb2]),
        ("ÉTÉ", &[]),
        ("DANA@", &[0xb2]),
        ("501234", &[0xa1]),
        ("+1555", &[0xc3]),
        ("def", &[0xc3]),
        (&*a1, &[0xa1]),
        ("100%", &[0xb2]),
        ("%", &[0xb2]),
        ("_x_", &[0xb2]),
        ("' OR 1=1 --", &[]),
        ("", &[0xc3, 0xb2, 0xa1]),
    ] {
        let expected: Vec<String> = found.iter().map(|n| sid("CA", *n)).collect();
        assert_eq!(all(&bench, "10", &[("q", text)]).await, expected, "{text}");
    }
    assert_eq!(all(&bench, "10", &[("q", "דנה"), ("state", "ready")]).await.len(), 0);
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_told() {
    let bench = Bench::start().await;
    let long = "x".repeat(201);
    for (name, value, code) in [
        ("cursor", "x", "bad_cursor"),
        ("cursor", "bm90IGEgY3Vyc29y", "bad_cursor"),
        ("limit", "0", "bad_limit"),
        ("limit", "201", "bad_limit"),
        ("limit", "-1", "bad_limit"),
        ("limit", "many", "bad_limit"),
        ("state", "Ready", "bad_state"),
        ("state", "lost", "bad_state"),
        ("q", &long, "bad_query"),
    ] {
        let request = bench.request(Method::GET, "/api/recordings", &token("t", "agent")).query(&[(name, value)]);
        is_problem(request.send().await.unwrap(), 400, code).await;
    }
}
