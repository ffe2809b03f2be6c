//! Who listened: the audit as admins read it, of one recording and as a whole.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::caller::Admin;
use super::problem::Problem;
use crate::catalog::{AuditOrder, AuditQuery, CatalogError, Entry};
use crate::delivery::DeliveryError;
use crate::recording::{Scope, Sid, Timestamp};

/// Entries of a page, when nothing is asked for, and at the most.
const PAGE: usize = 100;
const MOST_PAGE: usize = 1000;
/// Entries of an export that are in memory at once.
const EXPORTED_AT_ONCE: usize = 1000;

/// One thing that somebody did with a recording, or was refused.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AuditItem {
    /// When; of a series of requests, when it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The user; `null` where nobody was signed in, and for users of another tenant.
    who: Option<String>,
    /// `played`, `downloaded`, `linked`, `erased`, `held`, `released` or `denied`.
    action: String,
    /// The name it was asked for by.
    sid: String,
    /// From where.
    address: String,
    /// `ok`, or the code of the refusal.
    outcome: String,
}

/// Entries about one recording, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AuditList {
    /// What happened.
    items: Vec<AuditItem>,
    /// Where the next page begins; `null` after the last.
    next_cursor: Option<String>,
}

/// A line of the export.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AuditLine {
    /// Grows from line to line: `after` it, the next export goes on.
    id: i64,
    /// Whose recording it is; `null` where nobody had registered it.
    tenant: Option<String>,
    /// What happened.
    #[serde(flatten)]
    item: AuditItem,
}

/// Which page of a recording's entries.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// `next_cursor` of the page before.
    cursor: Option<i64>,
    /// Entries of a page: 1 to 1000, 100 if absent.
    limit: Option<usize>,
}

/// Which entries to export.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportParams {
    /// From then on; RFC 3339.
    since: Option<String>,
    /// Before then; RFC 3339.
    until: Option<String>,
    /// Only those with a greater `id`.
    after: Option<i64>,
}

/// Who listened to a recording, downloaded, linked, held or erased it, or was refused; newest first.
///
/// Like requests of one user from one address are one entry for half an hour.
#[utoipa::path(get, path = "/api/recordings/{sid}/audit", tag = "admins",
    params(("sid" = String, Path, description = "CA… or RE…"), PageParams),
    responses((status = 200, body = AuditList), (status = 400, description = "bad_sid, bad_limit, bad_query"),
        (status = 403, description = "The role is neither admin nor service"), (status = 404, description = "No such recording"),
        (status = 503, description = "catalog_unavailable")))]
pub async fn of_recording(
    Admin(caller): Admin,
    Shared(app): Shared<Arc<App>>,
    Path(sid): Path<String>,
    params: Result<Query<PageParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let sid: Sid = sid.parse().map_err(|_| Problem::bad_sid())?;
    let Query(params) = params.map_err(|error| Problem::bad_request("bad_query", error.body_text()))?;
    let limit = params.limit.unwrap_or(PAGE);
    if !(1..=MOST_PAGE).contains(&limit) {
        return Err(Problem::bad_request("bad_limit", format!("limit is 1 to {MOST_PAGE}")));
    }
    let is_known = match app.parts.delivery.look_at(&caller.scope, sid).await {
        Ok(_) => true,
        // Of what was erased before anybody registered it, only the entry is left.
        Err(DeliveryError::Unknown) => false,
        Err(error) => return Err(error.into()),
    };
    // What this very admin has just done is to be among them.
    app.parts.audit.settled().await;
    let (since, until) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let order = AuditOrder::Before(params.cursor.unwrap_or(i64::MAX));
    let query = AuditQuery { of: Some(sid), since, until, order, limit: limit + 1 };
    let mut entries = app.parts.catalog.audited(&caller.scope, &query).await?;
    if entries.is_empty() && !is_known {
        return Err(Problem::not_found());
    }
    let is_more = entries.len() > limit;
    entries.truncate(limit);
    let next_cursor = entries.last().filter(|_| is_more).map(|last| last.id.to_string());
    Ok(Json(AuditList { items: entries.into_iter().map(AuditItem::from).collect(), next_cursor }).into_response())
}

/// The audit as JSON lines, oldest first.
#[utoipa::path(get, path = "/api/audit", tag = "admins", params(ExportParams),
    responses((status = 200, body = AuditLine, content_type = "application/x-ndjson"), (status = 400, description = "bad_query"),
        (status = 403, description = "The role is neither admin nor service"),
        (status = 503, description = "catalog_unavailable")))]
pub async fn export(
    Admin(caller): Admin,
    Shared(app): Shared<Arc<App>>,
    params: Result<Query<ExportParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|error| Problem::bad_request("bad_query", error.body_text()))?;
    app.parts.audit.settled().await;
    let query = AuditQuery {
        of: None,
        since: moment("since", params.since.as_deref())?.unwrap_or(Timestamp(i64::MIN)),
        until: moment("until", params.until.as_deref())?.unwrap_or(Timestamp(i64::MAX)),
        order: AuditOrder::After(params.after.unwrap_or(0)),
        limit: EXPORTED_AT_ONCE,
    };
    let mut export = Export { app, scope: caller.scope.clone(), query, page: VecDeque::new(), is_over: false };
    // A catalog that does not answer is told by a status, as long as none has been sent.
    export.turn().await?;
    // After that, an export that breaks off must not look like one that has ended.
    let lines = stream::try_unfold(export, |mut export| async move {
        Ok::<_, CatalogError>(export.next().await?.map(|piece| (piece, export)))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

struct Export {
    app: Arc<App>,
    scope: Scope,
    query: AuditQuery,
    page: VecDeque<Entry>,
    is_over: bool,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Bytes>, CatalogError> {
        if self.page.is_empty() && !self.is_over {
            self.turn().await?;
        }
        let mut piece = Vec::new();
        for entry in self.page.drain(..) {
            let (id, tenant) = (entry.id, entry.tenant.clone());
            // Writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut piece, &AuditLine { id, tenant, item: entry.into() });
            piece.push(b'\n');
        }
        Ok((!piece.is_empty()).then(|| piece.into()))
    }

    async fn turn(&mut self) -> Result<(), CatalogError> {
        self.page = self.app.parts.catalog.audited(&self.scope, &self.query).await?.into();
        self.is_over = self.page.len() < EXPORTED_AT_ONCE;
        if let Some(last) = self.page.back() {
            self.query.order = AuditOrder::After(last.id);
        }
        Ok(())
    }
}

fn moment(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let bad = || Problem::bad_request("bad_query", format!("{name} is no time like 2026-01-31T12:00:00Z"));
    text.map(|text| Timestamp::parse(text).ok_or_else(bad)).transpose()
}

impl From<Entry> for AuditItem {
    fn from(entry: Entry) -> Self {
        let Entry { at, sid, action, outcome, who, address, .. } = entry;
        Self { at, who, action, sid, address, outcome }
    }
}
