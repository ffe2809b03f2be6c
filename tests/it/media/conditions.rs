//! Conditional requests (RFC 9110 §13) and HEAD.

use reqwest::Method;
use serde_json::Value;

use super::{Landed, ask};

const SIZE: usize = 50_000;
const LONG_AGO: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Sat, 06 Nov 2094 08:49:37 GMT";

#[tokio::test]
async fn a_range_is_joined_only_to_the_very_same_bytes() {
    let landed = Landed::of(SIZE).await;
    let head = landed.get(&[]).await;
    let (etag, modified) = (head.field("etag"), head.field("last-modified"));
    for same in [etag, modified] {
        let answer = landed.get(&[("range", "bytes=10-19"), ("if-range", same)]).await;
        assert_eq!((answer.status, &answer.body[..]), (206, &landed.bytes[10..20]), "{same}");
    }
    for other in [&format!("W/{etag}"), "\"another\"", LONG_AGO, LATER, "yesterday", etag.trim_matches('"'), "*"] {
        let answer = landed.get(&[("range", "bytes=10-19"), ("if-range", other)]).await;
        assert!(landed.is_whole(&answer), "{other}");
    }
    let beyond = landed.get(&[("range", "bytes=50000-"), ("if-range", "\"another\"")]).await;
    assert!(landed.is_whole(&beyond), "a range that does not count cannot be wrong");
    let alone = landed.get(&[("if-range", "\"another\"")]).await;
    assert!(landed.is_whole(&alone));
}

#[tokio::test]
async fn who_holds_another_representation_is_told_412() {
    let landed = Landed::of(SIZE).await;
    let etag = landed.get(&[]).await.field("etag").to_owned();
    let weak = format!("W/{etag}");
    for method in [Method::GET, Method::HEAD] {
        for (name, value) in [("if-match", "\"another\""), ("if-match", &weak), ("if-unmodified-since", LONG_AGO)] {
            let answer = landed.ask(method.clone(), &[(name, value), ("range", "bytes=0-1")]).await;
            assert_eq!(answer.status, 412, "{method} {name}: {value}");
        }
    }
    let problem = landed.get(&[("if-match", "\"another\"")]).await;
    assert_eq!(problem.field("content-type"), "application/problem+json");
    assert_eq!(problem.json()["code"], "precondition_failed");
    let listed = format!("\"another\", {etag}");
    for (name, value) in [
        ("if-match", &*etag),
        ("if-match", "*"),
        ("if-match", &listed),
        ("if-unmodified-since", LATER),
        ("if-unmodified-since", "no date"),
    ] {
        let answer = landed.get(&[(name, value), ("range", "bytes=0-1")]).await;
        assert_eq!(answer.status, 206, "{name}: {value}");
    }
    let tag_decides = landed.get(&[("if-match", &etag), ("if-unmodified-since", LONG_AGO)]).await;
    assert_eq!(tag_decides.status, 200);
}

#[tokio::test]
async fn who_holds_the_recording_already_gets_304_and_its_validators() {
    let landed = Landed::of(SIZE).await;
    let whole = landed.get(&[]).await;
    let (etag, modified) = (whole.field("etag"), whole.field("last-modified"));
    let (weak, listed) = (format!("W/{etag}"), format!("\"another\", {etag}"));
    for method in [Method::GET, Method::HEAD] {
        for (name, value) in [
            ("if-none-match", etag),
            ("if-none-match", &weak),
            ("if-none-match", &listed),
            ("if-none-match", "*"),
            ("if-modified-since", modified),
            ("if-modified-since", LATER),
        ] {
            let answer = landed.ask(method.clone(), &[(name, value), ("range", "bytes=0-1")]).await;
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{method} {name}: {value}");
            for repeated in ["etag", "cache-control", "vary", "last-modified"] {
                assert_eq!(answer.field(repeated), whole.field(repeated), "{name}: {repeated}");
            }
        }
    }
    for (name, value) in [("if-none-match", "\"another\""), ("if-modified-since", LONG_AGO), ("if-modified-since", "x")]
    {
        assert_eq!(landed.get(&[(name, value)]).await.status, 200, "{name}: {value}");
    }
    let tag_decides = landed.get(&[("if-none-match", "\"another\""), ("if-modified-since", LATER)]).await;
    assert_eq!(tag_decides.status, 200);
}

#[tokio::test]
async fn preconditions_come_in_the_order_of_the_rfc() {
    let landed = Landed::of(SIZE).await;
    let etag = landed.get(&[]).await.field("etag").to_owned();
    let all = [("if-match", "\"x\""), ("if-none-match", &*etag), ("if-range", &*etag), ("range", "bytes=50000-")];
    assert_eq!(landed.get(&all).await.status, 412);
    assert_eq!(landed.get(&all[1..]).await.status, 304);
    assert_eq!(landed.get(&all[2..]).await.status, 416);
}

#[tokio::test]
async fn head_tells_the_length_of_the_whole_whatever_range_is_asked_for() {
    let landed = Landed::of(SIZE).await;
    let whole = landed.get(&[]).await;
    for fields in [&[][..], &[("range", "bytes=0-9")], &[("range", "bytes=99999-")]] {
        let head = landed.ask(Method::HEAD, fields).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        for same in ["content-length", "content-type", "etag", "last-modified", "accept-ranges", "cache-control"] {
            assert_eq!(head.field(same), whole.field(same), "{same}");
        }
        assert_eq!(head.field("content-range"), "");
    }
}

#[tokio::test]
async fn head_starts_nothing() {
    let landed = Landed::of(SIZE).await;
    let new = landed.bench.registered("t", Default::default()).await;
    for path in [format!("/api/recordings/file/{}", new.call_sid), format!("/api/calls/{}/download", new.call_sid)] {
        for asked in [path.clone(), format!("{path}?wait=1")] {
            let head = ask(&landed.bench, Method::HEAD, &asked, &[]).await;
            assert_eq!((head.status, head.body.len()), (202, 0), "{asked}");
            assert_ne!(head.field("retry-after"), "", "{asked}");
        }
    }
    let state: Value = landed.bench.json(&format!("/api/recordings/{}", new.call_sid)).await;
    assert_eq!(state["state"], "unknown");
    assert_eq!(landed.bench.simulator.totals().media_requests, 0);
}
