//! Links for whoever sends neither header nor cookie: an `<audio>` of another site, a download. Knows no key.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::caller::Known;
use super::problem::Problem;
use crate::auth::{LinkError, MOST_USER, Opens, Purpose};
use crate::recording::{Code, Sid, State, Timestamp};

/// What a link shall be for.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WirePurpose {
    /// To listen.
    Play,
    /// To save the recording as a file.
    Download,
}

/// A link that is wanted.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct LinkOrder {
    /// What for.
    purpose: WirePurpose,
}

/// A link.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Link {
    /// Opens the recording for whoever holds it, until it expires.
    url: String,
    /// When it expires.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Playing time, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    /// Opens its waveform, as long as that: of a link to listen.
    #[serde(skip_serializing_if = "Option::is_none")]
    peaks_url: Option<String>,
}

/// Signs a link that opens one recording for one purpose, for `media.link_ttl`.
#[utoipa::path(post, path = "/api/recordings/{sid}/link", tag = "media", request_body = LinkOrder,
    params(("sid" = String, Path, description = "CA… or RE…")),
    responses((status = 200, body = Link), (status = 400, description = "bad_sid, bad_body, bad_user"),
        (status = 404, description = "No such recording"), (status = 410, description = "Gone"),
        (status = 503, description = "catalog_unavailable")))]
pub async fn link(
    Known(caller): Known,
    Shared(app): Shared<Arc<App>>,
    Path(sid): Path<String>,
    order: Result<Json<LinkOrder>, JsonRejection>,
) -> Result<Json<Link>, Problem> {
    let sid: Sid = sid.parse().map_err(|_| Problem::bad_sid())?;
    let Json(LinkOrder { purpose }) = order?;
    let seen = app.parts.delivery.look_at(&caller.scope, sid).await?;
    if seen.status.state == State::Gone {
        return Err(Problem::because(seen.status.code.unwrap_or(Code::DeletedAtSource)));
    }
    if caller.user.len() > MOST_USER {
        let detail = format!("the token's sub is longer than {MOST_USER} bytes: no link can carry it");
        return Err(Problem::bad_request("bad_user", detail));
    }
    let (purpose, path, peaks) = match purpose {
        WirePurpose::Play => {
            let peaks = format!("/api/recordings/{sid}/peaks");
            (Purpose::Play, format!("/api/recordings/file/{sid}"), Some(peaks))
        }
        WirePurpose::Download => (Purpose::Download, format!("/api/calls/{sid}/download"), None),
    };
    let opens = Opens { purpose, tenant: &seen.recording.tenant, sid };
    let signed = app.parts.links.sign(opens, &caller.user).await?;
    Ok(Json(Link {
        url: format!("{}{path}?{}", app.base.0, signed.query),
        peaks_url: peaks.map(|path| format!("{}{path}?{}", app.base.0, signed.query)),
        expires_at: signed.expires,
        duration_ms: seen.duration_ms(),
    }))
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Catalog(error) => error.into(),
            LinkError::NoKey => {
                tracing::error!(%error, "no link was signed");
                Self::internal()
            }
        }
    }
}
