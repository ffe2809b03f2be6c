//! What nearly every request for media is: bytes of a recording that lies open, for a caller who is known already.
//! Answered as text, without a header map; all else is answered the usual way. Both say the same.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};

use super::headers;
use crate::auth::Caller;
use crate::delivery::Shelved;
use crate::http::app::App;
use crate::http::caller::recognise_for;
use crate::http::cors;
use crate::http::fields::Fields;
use crate::http::media::Disposition;
use crate::http::request_id::REQUEST_ID;
use crate::range::{Outcome, Plan};
use crate::recording::Sid;
use crate::volume::{Backed, SMALL};

/// An answer of 200 or 206 with bytes that are in memory.
pub struct AtHand {
    shelved: Arc<Shelved>,
    range: Range<u64>,
    is_part: bool,
}

impl AtHand {
    /// The answer to a GET for that SID, with a link behind it or not, and who gets it; `None` where it takes more than a look at what
    /// lies ready.
    pub fn look(app: &App, target: &str, request: &impl Fields) -> Option<(Arc<Caller>, Self)> {
        let (sid, query) = target.split_once('?').map_or((target, None), |(sid, query)| (sid, Some(query)));
        let (caller, shelved) = recognise_for(app, sid.parse().ok()?, query, request)?;
        let outcome = headers::preconditions(request, shelved.validators());
        if !matches!(outcome, Outcome::Proceed | Outcome::IgnoreRange) {
            return None;
        }
        let (range, is_part) = match headers::plan(request, outcome, shelved.media.size) {
            Plan::Whole => (0..shelved.media.size, false),
            Plan::One(range) => (range, true),
            Plan::Many(_) | Plan::Unsatisfiable => return None,
        };
        let answer = Self { shelved, range, is_part };
        let is_at_hand = answer.length() <= SMALL && answer.shelved.bytes.is_warm(&answer.range);
        is_at_hand.then_some((caller, answer))
    }

    /// The name it was asked for by.
    pub fn sid(&self) -> Sid {
        self.shelved.asked
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        if self.is_part { 206 } else { 200 }
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// They themselves, not to be touched.
    pub fn bytes(&self) -> Backed<'_> {
        self.shelved.bytes.part(&self.range)
    }

    /// Writes its head, from the first line to the empty one.
    pub fn write_head(&self, to: &mut Vec<u8>, app: &App, request: &impl Fields, id: &str, date: &str) {
        let line = if self.is_part { "HTTP/1.1 206 Partial Content\r\n" } else { "HTTP/1.1 200 OK\r\n" };
        to.extend_from_slice(line.as_bytes());
        to.extend_from_slice(self.shelved.lines.get_or_init(|| lines(app, &self.shelved)));
        let Range { start, end } = self.range;
        // Piece by piece: putting numbers into formats takes longer than the rest of the head.
        let mut line = |texts: &[&str]| texts.iter().for_each(|text| to.extend_from_slice(text.as_bytes()));
        line(&["vary: Origin\r\ndate: ", date, "\r\n", REQUEST_ID.as_str(), ": ", id, "\r\ncontent-length: "]);
        line(&[itoa::Buffer::new().format(self.length()), "\r\n"]);
        if self.is_part {
            let [mut first, mut last, mut size] = [itoa::Buffer::new(); 3];
            let (first, last) = (first.format(start), last.format(end - 1));
            line(&["content-range: bytes ", first, "-", last, "/", size.format(self.shelved.media.size), "\r\n"]);
        }
        if let Some(origin) = cors::allowed(app, request) {
            // Writing to memory cannot fail.
            let _ = write!(to, "{ACCESS_CONTROL_ALLOW_ORIGIN}: {origin}\r\n");
            for (name, value) in cors::GRANTS {
                let _ = write!(to, "{name}: {value}\r\n");
            }
        }
        to.extend_from_slice(b"\r\n");
    }
}

/// The lines that are the same in every answer with bytes of this recording.
fn lines(app: &App, shelved: &Shelved) -> Box<[u8]> {
    let mut fields = HeaderMap::new();
    headers::describe(&mut fields, app, shelved.asked, &shelved.into(), Disposition::Inline);
    headers::keep_secret(&mut fields);
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(shelved.media.container.content_type()));
    let mut lines = Vec::new();
    for (name, value) in &fields {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    lines.into()
}
