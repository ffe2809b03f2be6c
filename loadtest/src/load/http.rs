//! Ranges over HTTP, each byte held against the known file; knows no scenario.

use std::sync::atomic::Ordering;

use reqwest::header::{CONTENT_RANGE, ETAG, RANGE};
use reqwest::redirect;
use tokio::time::{Instant, timeout_at};

use super::context::Context;
use super::findings::Violation;
use super::library::Recording;
use super::meter::bump;

/// A client that follows nothing and uses no proxy of the environment.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(1024)
        .tcp_nodelay(true)
        .build()
}

/// What became of a request for a range.
#[derive(Debug)]
pub(super) enum Got {
    /// All of it came. It may have been wrong: that is among the findings then.
    Whole { first: Instant, last: Instant },
    /// Another status than 206.
    Status(u16),
    /// The connection broke, or it took too long.
    Broken(&'static str),
}

/// Asks once for the bytes from `from` up to and without `to`, or to the end.
pub(super) async fn range(context: &Context, recording: &Recording, token: &str, from: u64, to: Option<u64>) -> Got {
    let late = Instant::now() + context.plan.load.patience;
    timeout_at(late, ask(context, recording, token, from, to)).await.unwrap_or(Got::Broken("a range took too long"))
}

async fn ask(context: &Context, recording: &Recording, token: &str, from: u64, to: Option<u64>) -> Got {
    let size = recording.content.size();
    let end = to.unwrap_or(size).min(size);
    let asked = to.map_or_else(|| format!("bytes={from}-"), |to| format!("bytes={from}-{}", to - 1));
    bump(&context.meter.counts.requests);
    let url = context.target.url(&recording.path());
    let Ok(mut answer) = context.client.get(url).bearer_auth(token).header(RANGE, &asked).send().await else {
        return Got::Broken("no answer to a range");
    };
    if answer.status() != 206 {
        return Got::Status(answer.status().as_u16());
    }
    let field = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let corrupt =
        |what: String| context.findings.violation(Violation::Corrupt, format!("{} {asked}: {what}", recording.sid));
    let (told, etag) = (field(CONTENT_RANGE), field(ETAG));
    let mut right = told == format!("bytes {from}-{}/{size}", end - 1);
    if !right {
        corrupt(format!("Content-Range is {told:?}, of {size} bytes"));
    }
    if !recording.keeps_etag(&etag) {
        corrupt(format!("the ETag is {etag} now"));
    }
    let (mut at, mut first) = (from, None);
    loop {
        match answer.chunk().await {
            Ok(Some(part)) => {
                first.get_or_insert_with(Instant::now);
                if right && !recording.content.holds(at, &part) {
                    // One finding for an answer, however much of it is wrong.
                    right = false;
                    corrupt(format!("wrong bytes from {at}"));
                }
                at += part.len() as u64;
                context.meter.counts.bytes.fetch_add(part.len() as u64, Ordering::Relaxed);
            }
            Ok(None) => break,
            Err(_) => return Got::Broken("a body broke off"),
        }
    }
    if right && at != end {
        corrupt(format!("{} bytes came instead of {}", at - from, end - from));
    }
    let last = Instant::now();
    Got::Whole { first: first.unwrap_or(last), last }
}
