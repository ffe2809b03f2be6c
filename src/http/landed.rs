//! Words of foreign workers that something has landed. What they say is a reason to look, and never believed unseen.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::http::header::ORIGIN;
use serde::Deserialize;

use super::app::App;
use super::caller::{Service, may_serve, recognise};
use super::fields::{Fields, Parsed};
use super::problem::Problem;
use crate::recording::Sid;
use crate::signals::Signal;

/// Where they are said.
const LANDED: &str = "/internal/landed";
/// Files told of in one message.
const MOST_LANDED: usize = 1000;
/// Of these, so many are looked at before the request is answered: the connections of this thread wait meanwhile.
const MOST_LOOKED_AT: usize = 32;
/// More header fields than a worker sends.
const MOST_FIELDS: usize = 32;

/// Files that have landed.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct LandedSids {
    /// Their storage names.
    sids: Vec<String>,
}

/// Tells the servers of files that a foreign worker has landed.
#[utoipa::path(post, path = "/internal/landed", tag = "back ends", request_body = LandedSids,
    responses((status = 204, description = "They are being looked at"), (status = 400, description = "bad_body, bad_sid")))]
pub async fn landed(
    _: Service,
    Shared(app): Shared<Arc<App>>,
    body: Result<Json<LandedSids>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(LandedSids { sids }) = body?;
    if sids.len() > MOST_LANDED {
        return Err(Problem::bad_request("bad_body", format!("at most {MOST_LANDED} sids at once")));
    }
    let sids: Result<Vec<Sid>, _> = sids.iter().map(|sid| sid.parse()).collect();
    let sids = sids.map_err(|_| Problem::bad_sid())?;
    tell_here(&app, &sids);
    for sid in sids {
        app.parts.signals.send(Signal::Landed(sid, None));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Tells this thread's listeners what a request says, where it has come in one piece from somebody who is known: the way to its handler
/// takes longer than all the rest. Whether it is one to be answered, and who else is to know, is left to the handler, which looks once
/// more at what was not there yet. A worker is no page of a browser: what comes from one is left to the handler whole.
pub fn tell_ahead(app: &App, read: &[u8]) {
    if let Some(sids) = look_ahead(app, read) {
        tell_here(app, &sids);
    }
}

fn look_ahead(app: &App, read: &[u8]) -> Option<Vec<Sid>> {
    // Before anything is parsed: most requests are others.
    read.strip_prefix(b"POST ")?.strip_prefix(LANDED.as_bytes())?;
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(head)) = request.parse(read) else { return None };
    let fields = Parsed::new(request.headers);
    let is_of_a_page = fields.values(&ORIGIN).next().is_some();
    let caller = recognise(app, &fields).filter(|_| !is_of_a_page)?;
    if request.path? != LANDED || !may_serve(app, &caller) {
        return None;
    }
    let LandedSids { sids } = serde_json::from_slice(&read[head..]).ok()?;
    sids.iter().take(MOST_LOOKED_AT).map(|sid| sid.parse().ok()).collect()
}

/// Listeners of this thread are told at once: waking another thread first would double what they wait. Not where a look may
/// take long.
fn tell_here(app: &App, sids: &[Sid]) {
    if app.parts.volume.is_on_network() {
        return;
    }
    for sid in sids.iter().take(MOST_LOOKED_AT) {
        if let Some(rest) = app.parts.delivery.tell_here(*sid) {
            app.tasks.spawn(rest.send());
        }
    }
}
