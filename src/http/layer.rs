//! Around every request: its id, CORS, problems rendered, panics caught, counts and logs. Nothing here knows a route.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use metrics::SharedString;
use tokio::time::Instant;
use tower::ServiceExt;
use tracing::{Instrument, debug, error, info_span};

use super::app::App;
use super::caller::Peer;
use super::cors;
use super::deeds::Attempt;
use super::intake;
use super::problem::Problem;
use super::request_id::{REQUEST_ID, request_id};
use crate::telemetry;

/// The server as a function of a request.
#[derive(Clone)]
pub struct Layer {
    app: Arc<App>,
    routes: Router,
    media: bool,
}

impl Layer {
    /// Around every route of the API.
    pub fn new(app: &Arc<App>) -> Self {
        Self { app: app.clone(), routes: super::routes(app), media: true }
    }

    /// Around the routes of a listener that only operators reach.
    pub fn operators(app: &Arc<App>) -> Self {
        Self { app: app.clone(), routes: super::operator_routes(app), media: false }
    }

    /// Around what a connection beyond the bound can ask.
    pub fn spare(app: &Arc<App>) -> Self {
        Self { app: app.clone(), routes: super::spare_routes(app), media: false }
    }

    /// The state of the server, where media are served.
    pub fn media(&self) -> Option<&App> {
        self.media.then_some(&self.app)
    }

    /// Answers. Never fails, never panics.
    pub async fn answer<B>(&self, peer: Peer, mut request: Request<B>) -> Response
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    {
        let begun = Instant::now();
        let id = request_id(request.headers());
        let method = request.method().clone();
        let origin = cors::allowed(&self.app, request.headers()).and_then(|origin| origin.parse().ok());
        let (route, answer) = if cors::is_preflight(&method, request.headers()) {
            (SharedString::const_str("preflight"), Ok(cors::preflight()))
        } else {
            let attempt = Attempt::begin(peer, &mut request);
            let span = info_span!("request", id, path = request.uri().path());
            let answer = self.routed(peer, request).instrument(span);
            let answer = AssertUnwindSafe(answer).catch_unwind().await;
            let route = answer.as_ref().ok().and_then(|response| response.extensions().get::<MatchedPath>());
            // Paths that nobody serves are no labels: there is no end of them.
            let route = route.map_or(SharedString::const_str("other"), |path| path.as_str().to_owned().into());
            let ended = |response| attempt.is_some_and(|attempt| attempt.end(&self.app, &route, response));
            if answer.as_ref().is_ok_and(ended) {
                self.app.parts.audit.settled().await;
            }
            (route, answer)
        };
        let mut response = answer.unwrap_or_else(|_| {
            error!(request_id = id, "a handler panicked");
            Problem::internal().into_response()
        });
        render_problem(&mut response, &id);
        cors::mark(response.headers_mut(), origin);
        // Nothing here is worth keeping unless it says so; 404 and 410 would be kept by heuristics (RFC 9111 §4.2.2).
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let status = response.status();
        let (label, status, took) = (method_label(&method), status.as_u16(), begun.elapsed());
        debug!(request_id = id, method = label, route = &*route, status, "answered");
        telemetry::http_request(route, label, status, took);
        if let Ok(id) = id.try_into() {
            response.headers_mut().insert(REQUEST_ID, id);
        }
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

/// Writes the body of a problem, now that the request's id is known; and makes one of what is no problem yet.
fn render_problem(response: &mut Response, id: &str) {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Problem::wrong_method(),
        // The router refuses a path whose one variable, a SID, is no UTF-8.
        None if response.status() == StatusCode::BAD_REQUEST => Problem::bad_sid(),
        None => return,
    };
    let document = problem.document(id);
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    // The router counted the body that was there before.
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(serde_json::to_vec(&document).unwrap_or_default());
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
