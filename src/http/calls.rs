//! Registration: back ends say which calls there are and whose they are.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::app::App;
use super::caller::Service;
use super::problem::Problem;
use super::protocol::StateObject;
use crate::catalog::{NewCall, RegisterError};
use crate::recording::{About, Code, Sid, Tenant, Timestamp};

/// Longest text of a call's details, in bytes.
const MOST_TEXT: usize = 1000;

/// A call. What is left out leaves what is known.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Whose it is: text or a number.
    #[schema(value_type = String)]
    tenant: Value,
    /// The provider's account: `AC…`
    account_sid: String,
    /// The recording that the call's SID shall name.
    recording_sid: Option<String>,
    /// When it began, RFC 3339.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// Its length in seconds.
    duration_s: Option<f64>,
    /// The caller.
    from: Option<String>,
    /// The called party.
    to: Option<String>,
    /// `inbound`, `outbound` or whatever you call it.
    direction: Option<String>,
    /// For lists and file names.
    title: Option<String>,
}

/// Registers a call, or updates what is known about it. Downloads nothing.
#[utoipa::path(put, path = "/api/calls/{call_sid}", tag = "back ends", request_body = Registration,
    params(("call_sid" = String, Path, description = "CA…")),
    responses((status = 201, description = "New", body = StateObject), (status = 200, description = "Known", body = StateObject),
        (status = 400, description = "bad_sid, bad_body"), (status = 403, description = "The role is not service"),
        (status = 409, description = "It is another tenant's, or the recording another call's"),
        (status = 410, description = "erased: nothing brings it back")))]
pub async fn register(
    _: Service,
    Shared(app): Shared<Arc<App>>,
    Path(call_sid): Path<String>,
    body: Result<Json<Registration>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(registration) = body?;
    let call = registration.call(&call_sid)?;
    let delivery = &app.parts.delivery;
    let registered = match app.parts.catalog.register(&call).await {
        Ok(registered) => registered,
        Err(RegisterError::Taken) => {
            let why = "the call is another tenant's or account's, or the recording belongs to another call";
            return Err(Problem::conflict(why));
        }
        Err(RegisterError::Erased) => {
            // It may have been made known just now: what waits or lies here for it goes.
            for row in app.parts.catalog.find(&[call.call_sid]).await?.into_iter().flatten() {
                delivery.changed(row.0, row.1).await;
            }
            return Err(Problem::because(Code::Erased));
        }
        Err(RegisterError::Catalog(error)) => return Err(error.into()),
    };
    // Whoever holds the old details, learns the new ones.
    delivery.changed(registered.primary.0.clone(), registered.primary.1.clone()).await;
    for row in registered.announced {
        // A callback came before the registration: what it announced is fetched now.
        delivery.prefetch(row).await?;
    }
    let (recording, status) = &registered.primary;
    let code = if registered.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((code, Json(StateObject::new(recording.sid, recording, status, &app.base))).into_response())
}

impl Registration {
    fn call(self, call_sid: &str) -> Result<NewCall, Problem> {
        let bad = |detail: &str| Problem::bad_request("bad_body", detail);
        let call_sid: Sid = call_sid.parse().map_err(|_| Problem::bad_sid())?;
        if !call_sid.is_call() {
            return Err(Problem::bad_request("bad_sid", "a call's SID begins with CA"));
        }
        let tenant = match &self.tenant {
            Value::String(name) => Tenant::new(name),
            Value::Number(number) => Tenant::new(&number.to_string()),
            _ => None,
        };
        let account = self.account_sid;
        if account.len() != 34 || !account.starts_with("AC") || !account.bytes().skip(2).all(|b| b.is_ascii_hexdigit())
        {
            return Err(bad("account_sid is AC and 32 hexadecimal digits"));
        }
        let recording_sid = match self.recording_sid.as_deref() {
            None | Some("") => None,
            Some(text) => Some(text.parse::<Sid>().ok().filter(|sid| !sid.is_call())),
        };
        let texts = [&self.from, &self.to, &self.direction, &self.title];
        if texts.into_iter().flatten().any(|text| text.len() > MOST_TEXT) {
            return Err(bad("from, to, direction and title have at most 1000 bytes each"));
        }
        let started_at = self.started_at.as_deref().map(Timestamp::parse);
        let duration = self.duration_s.map(|seconds| (0.0..=f64::from(u32::MAX)).contains(&seconds).then_some(seconds));
        Ok(NewCall {
            call_sid,
            tenant: tenant.ok_or_else(|| bad("tenant is a text of 1 to 128 bytes, or a number"))?,
            account_sid: account,
            recording_sid: recording_sid
                .map(|sid| sid.ok_or_else(|| bad("recording_sid is RE and 32 hexadecimal digits")))
                .transpose()?,
            about: About {
                started_at: started_at
                    .map(|at| at.ok_or_else(|| bad("started_at is an RFC 3339 time, such as 2026-01-31T12:00:00Z")))
                    .transpose()?,
                duration_s: duration
                    .map(|s| s.map(|s| s.round() as u32).ok_or_else(|| bad("duration_s is a number of seconds")))
                    .transpose()?,
                from: self.from.map(Into::into),
                to: self.to.map(Into::into),
                direction: self.direction.map(Into::into),
                title: self.title.map(Into::into),
            },
        })
    }
}
