//! The end of recordings, and what keeps them from it: erasure and hold, for admins.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

use super::app::App;
use super::caller::Admin;
use super::problem::Problem;
use crate::auth::Caller;
use crate::delivery::ErasureError;
use crate::recording::{Code, Sid};
use crate::signals::Signal;

/// Erases a recording for good; a call's SID erases all its recordings.
///
/// The file goes, and the provider's copy where `retention.delete_at_source` is set. Neither a late callback, nor a file
/// landed later, nor another registration undoes it. It may be repeated, and come before anything has landed.
#[utoipa::path(delete, path = "/api/recordings/{sid}", tag = "admins",
    params(("sid" = String, Path, description = "CA… or RE…")),
    responses((status = 204, description = "Erased, now or before"), (status = 400, description = "bad_sid"),
        (status = 403, description = "The role is neither admin nor service"), (status = 404, description = "No such recording"),
        (status = 409, description = "on_hold: the call is held"),
        (status = 503, description = "The tombstone stands, but the file could not be removed: repeat it")))]
pub async fn erase(
    Admin(caller): Admin,
    Shared(app): Shared<Arc<App>>,
    Path(sid): Path<String>,
) -> Result<StatusCode, Problem> {
    let sid: Sid = sid.parse().map_err(|_| Problem::bad_sid())?;
    match app.parts.delivery.erase(&caller.scope, sid, app.parts.deletes_at_source).await {
        Ok(rows) => {
            rows.into_iter().for_each(|row| app.parts.signals.send(Signal::Changed(Box::new(row))));
            Ok(StatusCode::NO_CONTENT)
        }
        Err(ErasureError::OnHold) => Err(Problem::on_hold()),
        Err(ErasureError::Delivery(error)) => Err(error.into()),
    }
}

/// Holds a call: its recordings neither expire nor can they be erased.
#[utoipa::path(put, path = "/api/recordings/{sid}/hold", tag = "admins",
    params(("sid" = String, Path, description = "CA… or RE…: its call is held")),
    responses((status = 204, description = "Held"), (status = 403, description = "The role is neither admin nor service"),
        (status = 404, description = "No such recording"), (status = 410, description = "erased: there is nothing to hold")))]
pub async fn hold(
    Admin(caller): Admin,
    Shared(app): Shared<Arc<App>>,
    Path(sid): Path<String>,
) -> Result<StatusCode, Problem> {
    set(&app, &caller, &sid, true).await
}

/// Lets go of a held call.
#[utoipa::path(delete, path = "/api/recordings/{sid}/hold", tag = "admins",
    params(("sid" = String, Path, description = "CA… or RE…")),
    responses((status = 204, description = "Not held"), (status = 403, description = "The role is neither admin nor service"),
        (status = 404, description = "No such recording"), (status = 410, description = "erased")))]
pub async fn release(
    Admin(caller): Admin,
    Shared(app): Shared<Arc<App>>,
    Path(sid): Path<String>,
) -> Result<StatusCode, Problem> {
    set(&app, &caller, &sid, false).await
}

async fn set(app: &App, caller: &Caller, sid: &str, held: bool) -> Result<StatusCode, Problem> {
    let sid: Sid = sid.parse().map_err(|_| Problem::bad_sid())?;
    let status = app.parts.delivery.hold(&caller.scope, sid, held).await?;
    if status.is_erased() { Err(Problem::because(Code::Erased)) } else { Ok(StatusCode::NO_CONTENT) }
}
