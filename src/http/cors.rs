//! Which pages of other origins may read our answers: those of the allow-list, and nothing is reflected but their name.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;

use super::app::App;
use super::fields::Fields;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, Prefer",
);
/// What a page of an allowed origin may do with an answer, beside reading it.
pub const GRANTS: [(HeaderName, &str); 2] = [
    (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
    (
        ACCESS_CONTROL_EXPOSE_HEADERS,
        "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Last-Modified, Retry-After, X-Request-Id",
    ),
];
const TEN_MINUTES: HeaderValue = HeaderValue::from_static("600");

/// The origin of the request, if it is on the list.
pub fn allowed<'a>(app: &App, request: &'a impl Fields) -> Option<&'a str> {
    request.text(&ORIGIN).filter(|origin| app.allows(origin))
}

/// Whether the request only asks what it would be allowed to do (a preflight).
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight; [`mark`] says whether it is a yes.
pub fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, TEN_MINUTES);
    response
}

/// Lets the origin's page read the answer.
pub fn mark(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    // Caches must not hand one origin's answer to another (Fetch §3.2.5).
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in GRANTS {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
