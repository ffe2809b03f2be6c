//! Words of foreign workers that something has landed. What they say is a reason to look, and never believed unseen.

use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, ORIGIN};
use serde::Deserialize;

use super::app::App;
use super::caller::{Service, may_serve, recognise_until};
use super::fields::{Fields, Parsed};
use super::problem::Problem;
use crate::auth::digest;
use crate::recording::{Sid, Timestamp};
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
    tell_here(&app, sids.iter().copied());
    for sid in sids {
        app.parts.signals.send(Signal::Landed(sid, None));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The head of a request that told of landings, and until when whoever sent it is known by it. A worker says the same one each time on
/// its connection, and to compare it is much less than to read it and to judge its token. Kept as a digest: there is a token in it.
pub struct Familiar {
    digest: [u8; 32],
    body: Range<usize>,
    until: Timestamp,
}

/// Tells this thread's listeners what a request says, where it has come in one piece from somebody who is known: the way to its handler
/// takes longer than all the rest. Whether it is one to be answered, and who else is to know, is left to the handler, which looks once
/// more at what was not there yet. A worker is no page of a browser: what comes from one is left to the handler whole.
pub fn tell_ahead(app: &App, read: &[u8], familiar: &mut Option<Box<Familiar>>) {
    // Before anything is parsed: most requests are others.
    if !read.strip_prefix(b"POST ").is_some_and(|target| target.starts_with(LANDED.as_bytes())) {
        return;
    }
    let known = familiar.as_ref().filter(|known| known.says(read, Timestamp::now()));
    let body = match known {
        Some(known) => known.body.clone(),
        None => {
            let introduced = introduced(app, read);
            let known =
                |(body, until): &(Range<usize>, Option<Timestamp>)| Some(Familiar::new(read, body, (*until)?).into());
            *familiar = introduced.as_ref().and_then(known);
            let Some((body, _)) = introduced else { return };
            body
        }
    };
    // Neither a part of it, nor what somebody else has sent behind it.
    if body.end == read.len() {
        tell_here(app, named(&read[body]));
    }
}

impl Familiar {
    fn new(read: &[u8], body: &Range<usize>, until: Timestamp) -> Self {
        Self { digest: digest(&read[..body.start]), body: body.clone(), until }
    }

    fn says(&self, read: &[u8], now: Timestamp) -> bool {
        now < self.until && read.get(..self.body.start).is_some_and(|head| digest(head) == self.digest)
    }
}

/// Where the body of a request that tells of landings lies, and until when whoever sends it is known by its head; if that is somebody
/// who is known and may.
fn introduced(app: &App, read: &[u8]) -> Option<(Range<usize>, Option<Timestamp>)> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(head)) = request.parse(read) else { return None };
    let fields = Parsed::new(request.headers);
    let is_of_a_page = fields.values(&ORIGIN).next().is_some();
    let (caller, until) = recognise_until(app, &fields).filter(|_| !is_of_a_page)?;
    let may_tell = request.path? == LANDED && may_serve(app, &caller);
    let length: usize = fields.text(&CONTENT_LENGTH).filter(|_| may_tell)?.parse().ok()?;
    Some((head..head.checked_add(length)?, until))
}

/// Whatever a body names. What else it says does not matter to who only looks; a name with escapes is left to the handler.
fn named(body: &[u8]) -> impl Iterator<Item = Sid> {
    body.split(|byte| *byte == b'"').filter_map(|part| std::str::from_utf8(part).ok()?.parse().ok())
}

/// Listeners of this thread are told at once: waking another thread first would double what they wait. Not where a look may
/// take long.
fn tell_here(app: &App, sids: impl Iterator<Item = Sid>) {
    if app.parts.volume.is_on_network() {
        return;
    }
    for sid in sids.take(MOST_LOOKED_AT) {
        if let Some(rest) = app.parts.delivery.tell_here(sid) {
            app.tasks.spawn(rest.send());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_known_by_the_whole_of_its_head_and_for_as_long_as_its_token_is_believed() {
        let known = Familiar::new(b"POST /x\r\na: b\r\n\r\nbody", &(17..21), Timestamp(1000));
        assert!(known.says(b"POST /x\r\na: b\r\n\r\nmore", Timestamp(999)));
        assert!(!known.says(b"POST /x\r\na: b\r\n\r\nmore", Timestamp(1000)));
        assert!(!known.says(b"POST /x\r\na: c\r\n\r\nmore", Timestamp(0)));
        assert!(!known.says(b"POST /x\r\na: b\r\n", Timestamp(0)), "the rest may be anything");
    }

    #[test]
    fn what_a_body_names_is_found_however_it_is_laid_out_and_nothing_else_is() {
        let (one, other) = ("CA00000000000000000000000000000001", "RE0000000000000000000000000000000a");
        let found = |body: &str| named(body.as_bytes()).map(|sid| sid.to_string()).collect::<Vec<_>>();
        assert_eq!(found(&format!(r#"{{"sids":["{one}","{other}"]}}"#)), [one, other]);
        assert_eq!(found(&format!("{{ \"sids\" : [\n\"{one}\" , \"x\"] }}")), [one]);
        assert!(found(&one[1..]).is_empty() && found(r#"{"sids":[]}"#).is_empty() && found("").is_empty());
        assert!(named(&[b'"', 0xff, b'"']).next().is_none());
    }
}
