//! Errors as clients see them (RFC 9457): the one place where a failure becomes a status code.

use axum::extract::rejection::JsonRejection;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Duration;

use super::caller::Refused;
use super::limits::Reached;
use crate::auth::{Denied, LinkDenied};
use crate::delivery::DeliveryError;
use crate::recording::{BadSid, Code};

/// How long a client should leave us alone when we are full or half gone.
const LATER: Duration = Duration::from_secs(2);

/// A problem answer. Rendered by the outermost layer, which knows the request's id.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    message_he: &'static str,
    detail: String,
    retry_after: Option<Duration>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// The document.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct Document<'a> {
    /// Always `about:blank`: the code says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status code's phrase.
    title: &'static str,
    /// The HTTP status code.
    status: u16,
    /// What happened here, for developers.
    detail: &'a str,
    /// A stable name.
    code: &'static str,
    /// What an agent reads, in English.
    message: &'static str,
    /// What an agent reads, in Hebrew.
    message_he: &'static str,
    /// The request's id, as in `X-Request-Id`.
    request_id: &'a str,
    /// When trying again may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: &'static str, message_he: &'static str) -> Self {
        let (detail, retry_after, header) = (String::new(), None, None);
        Self(Box::new(Inner { status, code, message, message_he, detail, retry_after, header }))
    }

    /// Says what, where, and how to mend it.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Says when trying again may help.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// What the client sent makes no sense: 400.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "The request is not valid.", "הבקשה אינה תקינה.").detail(detail)
    }

    /// A head that is no HTTP, or too large a one: 400, 414 or 431.
    pub fn unreadable(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::URI_TOO_LONG => ("uri_too_long", "the request's target is longer than any route takes"),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                ("headers_too_large", "the request has more or longer header fields than are read")
            }
            _ => ("bad_request", "the request's head is not valid HTTP/1.1 (RFC 9112)"),
        };
        Self::new(status, code, "The request is not valid.", "הבקשה אינה תקינה.").detail(detail)
    }

    /// A SID that is none: 400 `bad_sid`.
    pub fn bad_sid() -> Self {
        Self::bad_request("bad_sid", BadSid.to_string())
    }

    /// No such thing, or another tenant's: 404.
    pub fn not_found() -> Self {
        let (message, message_he) = ("The recording was not found.", "ההקלטה לא נמצאה.");
        Self::new(StatusCode::NOT_FOUND, "not_found", message, message_he).detail("no such recording")
    }

    /// No such route: 404.
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_route", "The page was not found.", "הדף לא נמצא.")
            .detail("no such route; GET /openapi.json lists them")
    }

    /// The route does not know the method: 405.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "The request is not valid.",
            "הבקשה אינה תקינה.",
        )
        .detail("the route does not know this method; GET /openapi.json lists those it knows")
    }

    /// Who is asking? 401; or 503 when we cannot tell.
    pub fn denied(denied: &Denied) -> Self {
        if denied.is_temporary() {
            let code = if *denied == Denied::KeysUnavailable { "keys_unavailable" } else { "login_unavailable" };
            let (message, message_he) = ("Signing in is not possible right now.", "לא ניתן להתחבר כרגע.");
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message, message_he)
                .detail(denied.to_string())
                .retry_after(LATER);
        }
        let (message, message_he) = ("Please sign in again.", "יש להתחבר מחדש.");
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message, message_he);
        problem.0.header = Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        problem.detail(denied.to_string())
    }

    /// Known, but not allowed: 403.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "You are not allowed to do this.", "אין לך הרשאה לפעולה זו.")
            .detail(detail)
    }

    /// A link that opens nothing: 403 `link_invalid` or `link_expired`.
    pub fn link(denied: LinkDenied) -> Self {
        let (code, message, message_he) = match denied {
            LinkDenied::Invalid => ("link_invalid", "This link is not valid.", "הקישור אינו תקין."),
            LinkDenied::Expired => ("link_expired", "This link has expired.", "תוקף הקישור פג."),
        };
        Self::new(StatusCode::FORBIDDEN, code, message, message_he).detail(denied.to_string())
    }

    /// Another's already: 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        let (message, message_he) = ("It already belongs to somebody else.", "הפריט כבר שייך לגורם אחר.");
        Self::new(StatusCode::CONFLICT, "conflict", message, message_he).detail(detail)
    }

    /// A legal hold protects it: 409.
    pub fn on_hold() -> Self {
        let (message, message_he) =
            ("The recording is on hold and cannot be erased.", "ההקלטה מוקפאת ולא ניתן למחוק אותה.");
        Self::new(StatusCode::CONFLICT, "on_hold", message, message_he)
            .detail("the call is held; DELETE /api/recordings/{sid}/hold lets go of it")
    }

    /// The client holds another representation: 412.
    pub fn precondition_failed() -> Self {
        let (message, message_he) = ("The recording is not the one you hold.", "ההקלטה אינה זו שבידך.");
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message, message_he)
            .detail("If-Match or If-Unmodified-Since does not hold")
    }

    /// No byte of the range exists: 416, with the length there is.
    pub fn range_not_satisfiable(length: u64) -> Self {
        let (message, message_he) = ("That part of the recording does not exist.", "קטע זה של ההקלטה אינו קיים.");
        let mut problem = Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", message, message_he);
        problem.0.header = HeaderValue::from_str(&format!("bytes */{length}")).ok().map(|value| (CONTENT_RANGE, value));
        problem.detail(format!("the recording has {length} bytes"))
    }

    /// The route is for WebSockets: 426.
    pub fn not_websocket(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, "not_websocket", "The request is not valid.", "הבקשה אינה תקינה.")
            .detail(detail)
    }

    /// The body is larger than anything this route takes: 413.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request is too large.", "הבקשה גדולה מדי.")
            .detail("the body is larger than this route takes")
    }

    /// The body does not come: 408.
    pub fn too_slow() -> Self {
        let (message, message_he) = ("The request took too long.", "הבקשה נמשכה זמן רב מדי.");
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message, message_he).detail("the body did not come in time")
    }

    /// Too many of this caller's: 429.
    pub fn too_many(limit: &'static str, after: Duration) -> Self {
        let (message, message_he) = ("Too many requests; please wait a moment.", "יותר מדי בקשות; נא להמתין רגע.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message, message_he)
            .detail(format!("{limit} is reached"))
            .retry_after(after)
    }

    /// More in one request than this route takes: 429. To ask for as many again does not help.
    pub fn too_many_at_once(limit: &'static str) -> Self {
        let (message, message_he) = ("Too many recordings at once.", "יותר מדי הקלטות בבת אחת.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message, message_he)
            .detail(format!("{limit} is reached: ask for fewer, or for the others on another connection"))
    }

    /// Too many of everybody's: 503.
    pub fn overloaded(limit: &'static str) -> Self {
        let (message, message_he) = ("The server is busy; please try again.", "השרת עמוס; נא לנסות שוב.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message, message_he)
            .detail(format!("{limit} is reached"))
            .retry_after(LATER)
    }

    /// The recording can be heard as it is, but not be drawn: 422 `undecodable`.
    pub fn undecodable() -> Self {
        let (message, message_he) = ("This recording has no waveform.", "להקלטה זו אין צורת גל.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "undecodable", message, message_he)
            .detail("nothing in the file can be decoded as MP3, PCM, µ-law or A-law; asking again does not help")
    }

    /// Our fault: 500. The log knows more.
    pub fn internal() -> Self {
        let (message, message_he) = ("Something went wrong on the server.", "אירעה שגיאה בשרת.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, message_he)
            .detail("an error of the server; its log has the request id")
    }

    /// A recording that cannot be heard, for this reason.
    pub fn because(code: Code) -> Self {
        let status = match code {
            Code::Erased | Code::Expired | Code::Absent | Code::DeletedAtSource => StatusCode::GONE,
            Code::SourceUnauthorized | Code::SourceFailed | Code::NotYetAtSource | Code::SourceBusy => {
                StatusCode::BAD_GATEWAY
            }
            Code::VolumeMismatch
            | Code::VolumeUnavailable
            | Code::DiskFull
            | Code::CatalogUnavailable
            | Code::QueueUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let (message, message_he) = code.messages();
        let problem = Self::new(status, code.as_str(), message, message_he).detail(message);
        if code.is_temporary() { problem.retry_after(LATER) } else { problem }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The answer's body, for the request of that id.
    pub fn document<'a>(&'a self, request_id: &'a str) -> Document<'a> {
        let Inner { status, code, message, message_he, detail, retry_after, .. } = &*self.0;
        Document {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            message,
            message_he,
            request_id,
            retry_after_ms: retry_after.map(|after| after.as_millis() as u64),
        }
    }

    /// Its header fields.
    fn headers(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = &self.0.header {
            headers.insert(name, value.clone());
        }
        if let Some(after) = self.0.retry_after {
            headers.insert(RETRY_AFTER, after.as_millis().div_ceil(1000).max(1).to_string().parse().unwrap_or(ONE));
        }
    }
}

const ONE: HeaderValue = HeaderValue::from_static("1");

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        match error.code() {
            // The system's own words may name paths: they go to the log, not to the client.
            Some(code) => {
                tracing::warn!(code = code.as_str(), %error, "a recording could not be looked after");
                Self::because(code)
            }
            None => Self::not_found(),
        }
    }
}

impl From<Reached> for Problem {
    fn from(Reached { limit, after }: Reached) -> Self {
        Self::too_many(limit, after)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied(denied) => Self::denied(&denied),
            Refused::TooOften(reached) => reached.into(),
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::bad_request("bad_body", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        self.headers(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}
