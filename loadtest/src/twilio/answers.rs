//! What all answers of the API share: credentials, Twilio's error shape, its dates; knows no routes.

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use base64::prelude::{BASE64_STANDARD, Engine};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use serde_json::json;

use super::faults::Faults;
use super::options::Account;
use super::state::State;

/// Credentials that are right, but are scripted not to do.
pub(super) fn refused_by(faults: &Faults) -> Option<Response> {
    if faults.unauthorized {
        Some(unauthorized())
    } else if faults.forbidden {
        Some(error(StatusCode::FORBIDDEN, 20403, "Forbidden"))
    } else {
        None
    }
}

/// 401, unless the request carries the SID and token of the account, or its API key and secret, by Basic authentication.
pub(super) fn refused_credentials(state: &State, account: &str, headers: &HeaderMap) -> Option<Response> {
    let given = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        let basic = scheme.eq_ignore_ascii_case("basic");
        let pair = BASE64_STANDARD.decode(encoded.trim()).ok().filter(|_| basic)?;
        let (user, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    });
    let opens = |account: &Account| {
        given.as_ref().is_some_and(|(user, password)| {
            let by_token = *user == account.sid && *password == account.auth_token;
            let by_key = account.api_key.as_ref() == Some(user) && account.api_secret.as_ref() == Some(password);
            by_token || by_key
        })
    };
    if state.account(account).is_some_and(opens) { None } else { Some(unauthorized()) }
}

fn unauthorized() -> Response {
    let body = error(StatusCode::UNAUTHORIZED, 20003, "Authenticate");
    ([(WWW_AUTHENTICATE, "Basic realm=\"Twilio API\"")], body).into_response()
}

pub(super) fn not_found(path: &str) -> Response {
    error(StatusCode::NOT_FOUND, 20404, &format!("The requested resource {path} was not found"))
}

/// Twilio's error shape.
pub(super) fn error(status: StatusCode, code: u32, message: &str) -> Response {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    (status, Json(json!({"code": code, "message": message, "more_info": more_info, "status": status.as_u16()})))
        .into_response()
}

/// RFC 2822 in UTC, with the offset that Twilio writes: a bare timestamp would get `-0000`.
pub(super) fn date(time: &Timestamp) -> String {
    let printed = rfc2822::DateTimePrinter::new().zoned_datetime_to_string(&time.to_zoned_datetime(TimeZone::UTC));
    printed.expect("a call of our time can be printed")
}
