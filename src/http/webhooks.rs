//! The provider's word that a recording is there. Kept durably before it is answered; duplicates and disorder change
//! nothing.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tracing::info;

use super::app::{App, CallbackAccount};
use super::problem::Problem;
use crate::catalog::{Callback, Kept};
use crate::recording::{Sid, State, Timestamp};
use crate::source::twilio::signature::{Signed, is_valid};
use crate::telemetry;

const SIGNATURE: &str = "x-twilio-signature";

/// The provider's recording status callback.
#[utoipa::path(post, path = "/webhooks/twilio/recording-status", tag = "provider",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 204, description = "Kept"), (status = 400, description = "bad_callback"),
        (status = 403, description = "bad_signature, unknown_account"), (status = 503, description = "catalog_unavailable")))]
pub async fn recording_status(
    Shared(app): Shared<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let result = match body {
        Ok(body) => receive(&app, &uri, &headers, &body).await,
        Err(_) => Err(Problem::too_large()),
    };
    telemetry::webhook(match &result {
        Ok(outcome) => outcome,
        Err(problem) => problem.code(),
    });
    result.map(|_| StatusCode::NO_CONTENT)
}

async fn receive(app: &App, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<&'static str, Problem> {
    let form = is_form(headers);
    let fields = if form { form_fields(body) } else { json_fields(body)? };
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let account = account(app, field("AccountSid").unwrap_or_default())?;
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = if form { Signed::Form(&fields) } else { Signed::Body(body) };
    if !is_valid(&account.auth_token, &public_url(app, uri), &signed, signature) {
        let mend = "X-Twilio-Signature does not fit: check public_url and the account's auth_token";
        return Err(Problem::forbidden("bad_signature", mend));
    }
    let sid = |name: &str, is_call: bool| {
        let sid = field(name).and_then(|text| text.parse::<Sid>().ok()).filter(|sid| sid.is_call() == is_call);
        sid.ok_or_else(|| Problem::bad_request("bad_callback", format!("{name} is missing or malformed")))
    };
    let callback = Callback {
        recording_sid: sid("RecordingSid", false)?,
        call_sid: sid("CallSid", true)?,
        account_sid: account.sid.clone(),
        status: field("RecordingStatus").filter(|status| status.len() <= 32).unwrap_or("completed").to_owned(),
        received_at: Timestamp::now(),
    };
    keep(app, account, &callback).await
}

async fn keep(app: &App, account: &CallbackAccount, callback: &Callback) -> Result<&'static str, Problem> {
    app.parts.delivery.adopt_announced(callback.call_sid).await;
    let kept = app.parts.catalog.keep(callback, account.tenant.as_ref()).await?;
    info!(sid = %callback.call_sid, recording_sid = %callback.recording_sid, status = callback.status, "callback kept");
    let row = match kept {
        Kept::Repeated => return Ok("repeated"),
        Kept::Waiting => return Ok("waiting"),
        Kept::Attached(row) => *row,
    };
    if callback.status == "completed" {
        if row.1.state != State::Ready
            && let Err(error) = app.parts.delivery.prefetch(row).await
        {
            // It is kept; the provider need not send it again. Whoever plays it starts it.
            tracing::warn!(sid = %callback.call_sid, %error, "an announced recording could not be queued");
        }
    } else {
        app.parts.delivery.changed(row.0, row.1).await;
    }
    Ok("accepted")
}

fn account<'a>(app: &'a App, sid: &str) -> Result<&'a CallbackAccount, Problem> {
    let known = app.options.accounts.iter().find(|account| account.sid == sid);
    known.ok_or_else(|| Problem::forbidden("unknown_account", "AccountSid is none of twilio.accounts"))
}

/// The URL that the provider called, as it spelled it: scheme and host from the configuration, never from the request.
fn public_url(app: &App, uri: &Uri) -> String {
    let tail = uri.path_and_query().map_or("/", |tail| tail.as_str());
    format!("{}{tail}", app.base.0)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    !kind.trim_start().to_ascii_lowercase().starts_with("application/json")
}

fn form_fields(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn json_fields(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let bad = || Problem::bad_request("bad_callback", "the body is no JSON object");
    let Value::Object(members) = serde_json::from_slice(body).map_err(|_| bad())? else { return Err(bad()) };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(members.into_iter().map(|(name, value)| (name, text(value))).collect())
}
