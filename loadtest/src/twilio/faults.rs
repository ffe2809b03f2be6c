//! What can go wrong with a recording, as a script; knows nothing of how it is acted out.

use serde::{Deserialize, Serialize};

/// What goes wrong. The default is: nothing. The numbers count requests for one recording, in the order of the fields; each request uses
/// up one of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Milliseconds before the headers of the media.
    pub latency_ms: u64,
    /// Milliseconds before the answer of the API (resource, list, deletion).
    pub api_latency_ms: u64,
    /// Speed of the body, bytes a second; 0 is as fast as it goes.
    pub bytes_per_second: u64,

    /// So many media requests are answered 404, as before the media has propagated.
    pub not_found: u32,
    /// So many media requests are answered 429.
    pub too_many: u32,
    /// `Retry-After` of those, seconds; none is sent without it.
    pub retry_after_s: Option<u64>,
    /// So many media requests are answered 503.
    pub server_error: u32,
    /// More media requests of one account at once are answered 429; 0 is no limit.
    pub concurrency: u32,

    /// The connection is closed after so many bytes of the body.
    pub cut_after: Option<u64>,
    /// How many bodies are cut; 0 is all of them.
    pub cuts: u32,
    /// The body stops after so many bytes until the recording is released.
    pub hold_after: Option<u64>,
    /// No `Content-Length`: the body is chunked.
    pub no_content_length: bool,
    /// `Content-Length` is wrong by so much: more, and the connection ends early; less, and the file is cut at the wrong length.
    pub wrong_length: Option<i64>,
    /// 200 with an HTML page.
    pub html: bool,
    /// 200 with an empty body.
    pub empty: bool,
    /// 200 with the right length and type, but bytes that are no audio.
    pub garbage: bool,
    /// WAV where MP3 was asked for, and the other way round; the type and the name still say what was asked.
    pub other_format: bool,
    /// 302 to another place.
    pub redirect: Redirect,
    /// Every request about the recording is answered 401, as with credentials that were revoked.
    pub unauthorized: bool,
    /// Every request about the recording is answered 403.
    pub forbidden: bool,
    /// Media requests are never answered.
    pub hang: bool,

    /// So many lists of the call are answered 500.
    pub list_server_error: u32,
    /// So many requests for the resource are answered 500.
    pub resource_server_error: u32,
    /// So many deletions are answered 500.
    pub delete_server_error: u32,
}

/// Where a media request is sent on to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirect {
    /// Nowhere.
    #[default]
    None,
    /// To another origin, which needs no credentials and records whether it got some.
    Foreign,
    /// To another path of the same origin, which needs the credentials.
    SameOrigin,
    /// To itself, for ever.
    Loop,
    /// To a host name that does not exist.
    Nowhere,
}

/// How many of each kind have been used up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    not_found: u32,
    too_many: u32,
    server_error: u32,
    cuts: u32,
    pub(super) lists: u32,
    pub(super) resources: u32,
    pub(super) deletions: u32,
}

/// How a media request is answered before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    TooMany,
    ServerError,
}

impl Used {
    /// What the next media request meets.
    pub(super) fn refusal(&mut self, faults: &Faults) -> Option<Refusal> {
        if take(&mut self.not_found, faults.not_found) {
            Some(Refusal::NotFound)
        } else if take(&mut self.too_many, faults.too_many) {
            Some(Refusal::TooMany)
        } else if take(&mut self.server_error, faults.server_error) {
            Some(Refusal::ServerError)
        } else {
            None
        }
    }

    /// Where the next body ends too early, if it does.
    pub(super) fn cut(&mut self, faults: &Faults) -> Option<u64> {
        let after = faults.cut_after?;
        (faults.cuts == 0 || take(&mut self.cuts, faults.cuts)).then_some(after)
    }
}

/// One more of `limit`, if there is one left.
pub(super) fn take(used: &mut u32, limit: u32) -> bool {
    let left = *used < limit;
    *used += u32::from(left);
    left
}
