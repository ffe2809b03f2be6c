//! What a request was, for the audit: told from its route and its answer, so that no handler has to think of it.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::http::{Method, Request, StatusCode};
use axum::response::Response;

use super::app::App;
use super::caller::{Peer, client_address};
use super::problem::Problem;
use crate::audit::Done;
use crate::auth::Caller;
use crate::catalog::Action;
use crate::recording::Sid;

/// Who sends a request, once that has been found out.
#[derive(Clone, Default)]
pub struct Asker(Arc<OnceLock<Arc<Caller>>>);

impl Asker {
    /// It is this one.
    pub fn is(&self, caller: &Arc<Caller>) {
        let _ = self.0.set(caller.clone());
    }
}

/// A request for one recording, as it came.
pub struct Attempt {
    sid: Sid,
    method: Method,
    address: IpAddr,
    asker: Asker,
}

impl Attempt {
    /// The one that a request is, if its path names a recording. Handlers say who it is.
    pub fn begin<B>(peer: Peer, request: &mut Request<B>) -> Option<Self> {
        let asker = Asker::default();
        request.extensions_mut().insert(asker.clone());
        let sid = request.uri().path().split('/').find_map(|part| part.parse().ok())?;
        let address = client_address(peer, request.headers());
        Some(Self { sid, method: request.method().clone(), address, asker })
    }

    /// Notes what has come of it. Whether the note must be kept before anybody hears of the answer: of what was decided
    /// about a recording's end, none may be missing.
    pub fn end(&self, app: &App, route: &str, response: &Response) -> bool {
        let Some((action, outcome)) = deed(route, &self.method, response) else { return false };
        let who = self.asker.0.get().map(|caller| (&*caller.user, &caller.scope));
        app.parts.audit.note(Done { action, outcome, sid: self.sid, who, address: self.address });
        matches!(action, Action::Erased | Action::Held | Action::Released)
    }
}

/// Notes that somebody was refused a recording among others.
pub fn unknown(app: &App, caller: &Caller, sid: Sid, address: IpAddr) {
    let who = Some((&*caller.user, &caller.scope));
    app.parts.audit.note(Done { action: Action::Denied, outcome: "not_found", sid, who, address });
}

fn deed(route: &str, method: &Method, response: &Response) -> Option<(Action, &'static str)> {
    use StatusCode as Status;
    let status = response.status();
    if matches!(status, Status::UNAUTHORIZED | Status::FORBIDDEN | Status::NOT_FOUND | Status::CONFLICT) {
        return Some((Action::Denied, response.extensions().get::<Problem>()?.code()));
    }
    let action = match (route, method.as_str()) {
        ("/api/recordings/file/{sid}", "GET") => Action::Played,
        ("/api/calls/{sid}/download" | "/api/calls/download/{sid}", "GET") => Action::Downloaded,
        ("/api/recordings/{sid}/link", "POST") => Action::Linked,
        ("/api/recordings/{sid}", "DELETE") => Action::Erased,
        ("/api/recordings/{sid}/hold", "PUT") => Action::Held,
        ("/api/recordings/{sid}/hold", "DELETE") => Action::Released,
        _ => return None,
    };
    // Whoever is told that nothing has changed listens to what a browser has kept.
    let is_done = match action {
        Action::Played | Action::Downloaded => {
            matches!(status, Status::OK | Status::PARTIAL_CONTENT | Status::NOT_MODIFIED)
        }
        _ => status.is_success(),
    };
    is_done.then_some((action, "ok"))
}
