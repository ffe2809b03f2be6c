//! Around every request: its id, CORS, problems rendered, panics caught, counts and logs. Nothing here knows a route,
//! but for the one that must be fast.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use metrics::SharedString;
use tokio::time::Instant;
use tower::ServiceExt;
use tracing::{Instrument, debug, error, info_span};

use super::app::App;
use super::caller::Peer;
use super::cors;
use super::intake;
use super::media::{self, Disposition};
use super::problem::Problem;
use crate::telemetry;

/// Where the proxy in front, or nobody, has written the request's id.
const REQUEST_ID: &str = "x-request-id";
/// Longest id taken over from a proxy.
const MOST_ID: usize = 64;

/// The server as a function of a request.
#[derive(Clone)]
pub struct Layer {
    app: Arc<App>,
    routes: Router,
}

impl Layer {
    /// Around these routes.
    pub fn new(app: Arc<App>, routes: Router) -> Self {
        Self { app, routes }
    }

    /// Answers. Never fails, never panics.
    pub async fn answer<B>(&self, peer: Peer, request: Request<B>) -> Response
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    {
        let begun = Instant::now();
        let id = request_id(&request);
        let method = request.method().clone();
        let origin = cors::allowed(&self.app, request.headers());
        let (route, answer) = if cors::is_preflight(&method, request.headers()) {
            (Some(SharedString::const_str("preflight")), Ok(cors::preflight()))
        } else if hot(&method, request.uri()).is_some() {
            // The router's work for one request would be a good part of what the bytes of a small range cost.
            let (head, _) = request.into_parts();
            let sid = hot(&method, &head.uri).unwrap_or_default();
            let answer = media::answer(&self.app, sid, &method, &head.uri, &head.headers, Disposition::Inline);
            (None, AssertUnwindSafe(answer).catch_unwind().await)
        } else {
            let span = info_span!("request", id = %id.to_str().unwrap_or_default(), path = request.uri().path());
            let answer = self.routed(peer, request).instrument(span);
            let answer = AssertUnwindSafe(answer).catch_unwind().await;
            let route = answer.as_ref().ok().and_then(|response| response.extensions().get::<MatchedPath>());
            // Paths that nobody serves are no labels: there is no end of them.
            let route = route.map_or(SharedString::const_str("other"), |path| path.as_str().to_owned().into());
            (Some(route), answer)
        };
        let mut response = answer.unwrap_or_else(|_| {
            error!(request_id = ?id, "a handler panicked");
            Problem::internal().into_response()
        });
        render_problem(&mut response, &id);
        cors::mark(response.headers_mut(), origin);
        // Nothing here is worth keeping unless it says so; 404 and 410 would be kept by heuristics (RFC 9111 §4.2.2).
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let status = response.status();
        let (label, status, took) = (method_label(&method), status.as_u16(), begun.elapsed());
        debug!(request_id = ?id, method = label, route = route.as_deref(), status, "answered");
        match route {
            Some(route) => telemetry::http_request(route, label, status, took),
            None => telemetry::hot_request(Disposition::Inline.route(), label, status, took),
        }
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }

    async fn routed<B: http_body::Body<Data = bytes::Bytes>>(&self, peer: Peer, request: Request<B>) -> Response {
        let (head, body) = request.into_parts();
        let mut request = match intake::take(body).await {
            Ok(body) => Request::from_parts(head, Body::from(body)),
            Err(problem) => return problem.into_response(),
        };
        request.extensions_mut().insert(peer);
        let Ok(response) = self.routes.clone().oneshot(request).await;
        response
    }
}

/// The SID of a request for media that needs no routing.
fn hot<'a>(method: &Method, uri: &'a Uri) -> Option<&'a str> {
    let sid = uri.path().strip_prefix(media::FILE)?;
    let known = matches!(*method, Method::GET | Method::HEAD);
    (known && !sid.is_empty() && !sid.contains('/')).then_some(sid)
}

/// Writes the body of a problem, now that the request's id is known; and makes one of what is no problem yet.
fn render_problem(response: &mut Response, id: &HeaderValue) {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Problem::wrong_method(),
        // The router refuses a path whose one variable, a SID, is no UTF-8.
        None if response.status() == StatusCode::BAD_REQUEST => Problem::bad_sid(),
        None => return,
    };
    let document = problem.document(id.to_str().unwrap_or_default());
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    // The router counted the body that was there before.
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(serde_json::to_vec(&document).unwrap_or_default());
}

/// The id that a proxy gave the request, if it is harmless; else a new one.
fn request_id<B>(request: &Request<B>) -> HeaderValue {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let given = request.headers().get(REQUEST_ID);
    let given = given.filter(|id| (1..=MOST_ID).contains(&id.len()) && id.as_bytes().iter().all(harmless));
    given.cloned().unwrap_or_else(|| {
        let id = format!("{:016x}", rand::random::<u64>());
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// Methods are whatever a client writes; labels are not.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
