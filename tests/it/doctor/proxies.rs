//! What a proxy before the server can spoil.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use reqwest::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Doctor, answering, running};

/// What it spoils. None of them passes an upgrade on, as proxies do that nobody has told to.
#[derive(Clone, Copy)]
enum Spoils {
    Upgrade,
    Range,
    /// It compresses, and says so.
    Encoding,
    /// It collects answers before it passes them on.
    Flow,
}

/// A proxy before that server, and its URL.
async fn proxy(to: &str, spoils: Spoils) -> (String, JoinSet<()>) {
    let to: Arc<str> = to.into();
    let app = Router::new().fallback(move |request: Request| {
        let to = to.clone();
        async move { pass(&to, spoils, request).await }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, server)
}

async fn pass(to: &str, spoils: Spoils, request: Request) -> Response {
    let mut headers = request.headers().clone();
    for name in ["upgrade", "connection", "host"] {
        headers.remove(name);
    }
    if matches!(spoils, Spoils::Upgrade) {
        // The server does not know that it is called by this name.
        headers.remove("origin");
    }
    if matches!(spoils, Spoils::Range) {
        headers.remove("range");
    }
    let client = reqwest::Client::new();
    let asked = client.request(request.method().clone(), format!("{to}{}", request.uri())).headers(headers);
    let Ok(answer) = asked.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    if matches!(spoils, Spoils::Encoding) {
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    }
    let body = answer.bytes_stream();
    let body = match spoils {
        Spoils::Flow if headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") => {
            Body::from_stream(body.then(|chunk| async {
                tokio::time::sleep(Duration::from_secs(8)).await;
                chunk
            }))
        }
        _ => Body::from_stream(body),
    };
    let mut answer = (status, body).into_response();
    *answer.headers_mut() = headers;
    answer
}

#[tokio::test]
async fn a_proxy_that_swallows_upgrade_is_told_with_the_lines_of_nginx() {
    let (bench, process) = running().await;
    let (url, _proxy) = proxy(&bench.url, Spoils::Upgrade).await;
    let said =
        Doctor::of(&bench).with("PUBLIC_URL", &url).with("ALLOWED_ORIGINS", &format!("[\"{url}\"]")).json().await;
    assert_eq!(said.status, 1);
    said.holds("websocket", "fail", &["swallows Upgrade", "proxy_set_header Upgrade $http_upgrade", "Connection"]);
    for name in ["public_url", "range", "buffering"] {
        said.holds(name, "ok", &[]);
    }
    process.kill().await;
}

#[tokio::test]
async fn a_proxy_that_drops_ranges_or_compresses_fails_the_range_test() {
    let (bench, process) = running().await;
    for (spoils, words) in [(Spoils::Range, "drops Range"), (Spoils::Encoding, "compressed (gzip)")] {
        let (url, _proxy) = proxy(&bench.url, spoils).await;
        let said = Doctor::of(&bench).with("PUBLIC_URL", &url).json().await;
        said.holds("range", "fail", &[words, "proxy_set_header Range $http_range", "gzip off"]);
        said.holds("websocket", "fail", &["are refused", "allowed_origins = "]);
    }
    process.kill().await;
}

#[tokio::test]
async fn a_proxy_that_collects_answers_fails_the_test_of_events() {
    let (bench, process) = running().await;
    let (url, _proxy) = proxy(&bench.url, Spoils::Flow).await;
    let said = Doctor::of(&bench).with("PUBLIC_URL", &url).json().await;
    said.holds("buffering", "fail", &["a proxy collects answers", "proxy_buffering off"]);
    said.holds("range", "ok", &[]);
    process.kill().await;
}

#[tokio::test]
async fn a_page_of_another_origin_list_is_told_with_the_line_to_add() {
    let (bench, process) = running().await;
    let said = Doctor::of(&bench).with("PUBLIC_URL", &bench.url.replace("127.0.0.1", "localhost"));
    let said = said.with("ALLOWED_ORIGINS", r#"["https://app.example"]"#).json().await;
    said.holds("origins", "warn", &["allowed_origins = ", "https://app.example"]);
    process.kill().await;
}

#[tokio::test]
async fn a_public_url_that_leads_elsewhere_or_nowhere_fails_while_the_server_runs() {
    let (bench, process) = running().await;
    let said = Doctor::of(&bench).with("PUBLIC_URL", "http://127.0.0.1:1").json().await;
    assert_eq!(said.status, 1);
    said.holds("public_url", "fail", &["not where others look for it", "curl -v"]);
    let (url, _other) = answering(404, ("x-test", "1".into())).await;
    let said = Doctor::of(&bench).with("PUBLIC_URL", &url).json().await;
    said.holds("public_url", "fail", &["something else", "proxy_pass"]);
    process.kill().await;
}

#[tokio::test]
async fn a_server_with_other_keys_fails_the_range_test_and_the_socket() {
    let (bench, process) = running().await;
    let said = Doctor::of(&bench).with("AUTH__JWT_SECRET", "another secret of these tests, long enough").json().await;
    said.holds("range", "fail", &["our own token is refused"]);
    said.holds("websocket", "fail", &["4401"]);
    process.kill().await;
}

#[tokio::test]
async fn where_no_token_can_be_signed_a_link_opens_the_recording() {
    let (bench, process) = running().await;
    let mut doctor = Doctor::of(&bench);
    doctor.vars.retain(|(name, _)| name != "LANDFALL_AUTH__JWT_SECRET");
    let said = doctor.with("AUTH__JWKS_URL", "http://127.0.0.1:1/keys").json().await;
    said.holds("range", "ok", &[]);
    said.holds("websocket", "ok", &["101"]);
    process.kill().await;
}
