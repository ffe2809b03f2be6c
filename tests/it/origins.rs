//! Which pages may read our answers and open sockets: those on the list, letter by letter, and nothing is reflected.

use loadtest::twilio::NewRecording;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Bench, Socket, token, wav};

const OURS: &str = "https://app.example";
/// What looks like ours, and is not.
const FOREIGN: [&str; 16] = [
    "https://evil.example",
    "null",
    "*",
    "http://app.example",
    "https://app.example:443",
    "https://app.example:444",
    "https://app.example.",
    "https://app.example/",
    "https://APP.example",
    "HTTPS://app.example",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://sub.app.example",
    "https://app.example@evil.example",
    "https://app.example, https://evil.example",
    "https://app.example https://evil.example",
];

/// A path, a field beside the usual ones, and the status that is answered.
type Asked<'a> = (&'a str, Option<(&'a str, &'a str)>, u16);

async fn ask(bench: &Bench, method: Method, path: &str, fields: &[(&str, &str)]) -> Response {
    let request = bench.request(method, path, &token("t", "agent"));
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("an answer")
}

/// All lines of a field, in one.
fn field(fields: &HeaderMap, name: &str) -> String {
    let lines: Vec<_> = fields.get_all(name).iter().map(|line| line.to_str().expect("text")).collect();
    lines.join(", ")
}

/// A link to listen, changed in its last letter.
async fn tampered(bench: &Bench, sid: &str) -> String {
    let order = bench.request(Method::POST, &format!("/api/recordings/{sid}/link"), &token("t", "agent"));
    let link: Value = order.json(&json!({"purpose": "play"})).send().await.unwrap().json().await.unwrap();
    let mut path = link["url"].as_str().unwrap().strip_prefix(&bench.url).unwrap().to_owned();
    let last = if path.pop() == Some('A') { 'B' } else { 'A' };
    path.push(last);
    path
}

#[tokio::test]
async fn every_answer_about_media_is_readable_for_our_pages_alone_whatever_its_status_and_its_way() {
    let bench = Bench::start().await;
    let landed = bench.placed("wav", &wav(30_000)).await;
    let on_its_way = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let erased = bench.placed("wav", &wav(2_000)).await;
    let erase = bench.request(Method::DELETE, &format!("/api/recordings/{}", erased.call_sid), &token("t", "admin"));
    assert_eq!(erase.send().await.unwrap().status(), 204);
    let path = |sid: &str| format!("/api/recordings/file/{sid}");
    let here = path(&landed.call_sid);
    // The first request opens the recording; from then on the express way answers what is plain.
    assert_eq!(ask(&bench, Method::GET, &here, &[]).await.status(), 200);
    let download = format!("/api/calls/{}/download", landed.call_sid);
    let answers: [Asked<'_>; 13] = [
        (&here, None, 200),
        (&format!("{here}?by=library"), None, 200),
        (&download, None, 200),
        (&here, Some(("range", "bytes=0-9")), 206),
        (&format!("{here}?by=library"), Some(("range", "bytes=0-9")), 206),
        (&here, Some(("range", "bytes=0-0,9-9")), 206),
        (&here, Some(("if-none-match", "*")), 304),
        (&here, Some(("if-match", "\"other\"")), 412),
        (&here, Some(("range", "bytes=30000-")), 416),
        (&path(&on_its_way.call_sid), None, 202),
        (&path(&format!("CA{}", "0".repeat(32))), None, 404),
        (&path(&erased.call_sid), None, 410),
        (&tampered(&bench, &landed.call_sid).await, None, 403),
    ];
    for (path, more, status) in answers {
        for origin in FOREIGN.into_iter().map(Some).chain([None]) {
            let fields: Vec<_> = more.into_iter().chain(origin.map(|origin| ("origin", origin))).collect();
            let answer = ask(&bench, Method::GET, path, &fields).await;
            assert_eq!(answer.status().as_u16(), status, "{path} {origin:?}");
            let granted: Vec<_> =
                answer.headers().keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
            assert!(granted.is_empty(), "{status} {origin:?} {granted:?}");
            assert_eq!(field(answer.headers(), "vary"), "Origin", "{status} {origin:?}");
        }
        let fields: Vec<_> = more.into_iter().chain([("origin", OURS)]).collect();
        let answer = ask(&bench, Method::GET, path, &fields).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(field(answer.headers(), "access-control-allow-origin"), OURS, "{status}");
        assert_eq!(field(answer.headers(), "access-control-allow-credentials"), "true", "{status}");
        assert_eq!(field(answer.headers(), "vary"), "Origin", "{status}");
        let exposed = field(answer.headers(), "access-control-expose-headers").to_ascii_lowercase();
        for name in ["accept-ranges", "content-length", "content-range", "etag", "last-modified", "retry-after"] {
            assert!(exposed.split(", ").any(|it| it == name), "{status} {name}");
        }
        assert!(!exposed.contains('*'), "a star stands for nothing where credentials are sent");
    }
}

#[tokio::test]
async fn a_preflight_tells_our_pages_what_they_may_send_and_for_how_long_and_others_nothing_they_can_use() {
    let bench = Bench::start().await;
    let path = format!("{}/api/recordings/file/CA{:032x}", bench.url, 1);
    let preflight = async |origin: &str| {
        let request = bench.client.request(Method::OPTIONS, &path).header("origin", origin);
        let request = request.header("access-control-request-method", "GET");
        let answer = request.header("access-control-request-headers", "authorization,range").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &*field(answer.headers(), "vary")), (204, "Origin"), "{origin}");
        answer.headers().clone()
    };
    let ours = preflight(OURS).await;
    assert_eq!(field(&ours, "access-control-allow-origin"), OURS);
    assert_eq!(field(&ours, "access-control-allow-credentials"), "true");
    assert_eq!(field(&ours, "access-control-allow-methods"), "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    assert_eq!(field(&ours, "access-control-max-age"), "600");
    let headers = field(&ours, "access-control-allow-headers").to_ascii_lowercase();
    for name in ["authorization", "content-type", "range", "if-range", "if-none-match", "prefer"] {
        assert!(headers.split(", ").any(|it| it == name), "{name}");
    }
    assert!(!headers.contains('*'));
    for foreign in FOREIGN {
        let fields = preflight(foreign).await;
        assert_eq!(field(&fields, "access-control-allow-origin"), "", "{foreign}");
        assert_eq!(field(&fields, "access-control-allow-credentials"), "", "{foreign}");
    }
}

#[tokio::test]
async fn a_socket_opens_for_our_pages_and_for_none_that_only_look_like_them() {
    let bench = Bench::start().await;
    let cookie = format!("landfall_session={}", token("t", "agent"));
    let knock = async |origin: &str| {
        let fields = [("origin", origin), ("cookie", &*cookie)];
        Socket::connect(&bench.url, &["landfall.v1"], &fields).await.map_err(|answer| answer.status().as_u16())
    };
    for foreign in FOREIGN {
        assert_eq!(knock(foreign).await.err(), Some(403), "{foreign}");
    }
    let (mut socket, fields) = knock(OURS).await.unwrap_or_else(|status| panic!("{status}"));
    assert_eq!(socket.next().await["type"], "welcome");
    assert!(!format!("{fields:?}").contains(&cookie));
}
