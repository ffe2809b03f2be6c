//! The console's files, compiled in. Without them, a page says how to build it.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use include_dir::{Dir, include_dir};

use super::problem::Problem;

static FILES: Dir<'static> = include_dir!("$OUT_DIR/console");

/// Nothing but our own files and connections: a script that got into a call's title could do nothing.
const POLICY: &str = "default-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; \
     connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The names of built files hold the hash of their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// `/`, `/gallery`, and the files of the pages.
pub async fn file(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = match path {
        "" => "index.html",
        "gallery" => "gallery.html",
        other => other,
    };
    let Some(file) = FILES.get_file(path) else { return Problem::no_route().into_response() };
    let kind = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
    let kind = if kind == "text/html" { "text/html; charset=utf-8" } else { kind };
    let mut response = file.contents().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    let cached = if path.starts_with("assets/") { FOR_EVER } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    response
}
