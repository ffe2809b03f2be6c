//! What sessions do alike: ranges that are asked for again where that is allowed, and probes for what they must not see.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::arrivals::unit;
use super::context::Context;
use super::findings::Violation;
use super::http::{Got, range};
use super::library::Recording;
use super::meter::bump;
use super::socket::Socket;
use crate::random::Random;

/// How long to wait before trying again, on average: as the player does, with jitter.
const AGAIN: Duration = Duration::from_millis(500);

/// Why a session failed, as a text with few variants.
pub(super) type Failed = String;

/// The bytes of a range. Where the server is disturbed on purpose, broken connections and 5xx are tried again in time.
pub(super) async fn fetch(
    context: &Context,
    recording: &Recording,
    token: &str,
    from: u64,
    to: Option<u64>,
    random: &mut Random,
) -> Result<(Instant, Instant), Failed> {
    let late = Instant::now() + context.plan.load.patience;
    loop {
        let failed = match range(context, recording, token, from, to).await {
            Got::Whole { first, last } => return Ok((first, last)),
            Got::Status(status @ (202 | 404)) => {
                let what = format!("{} is ready, and its bytes are answered {status}", recording.sid);
                context.findings.violation(Violation::Unready, what);
                return Err(format!("a range answered {status}"));
            }
            Got::Status(status) if status < 500 => return Err(format!("a range answered {status}")),
            Got::Status(status) => format!("a range answered {status}"),
            Got::Broken(what) => what.to_owned(),
        };
        if !context.forgiving() || Instant::now() > late {
            return Err(failed);
        }
        bump(&context.meter.counts.retries);
        again(random).await;
    }
}

/// Waits a moment, before something is tried again.
pub(super) async fn again(random: &mut Random) {
    sleep(AGAIN.mul_f64(0.5 + unit(random))).await;
}

/// A share of sessions tries another tenant's recording: its bytes, its state, and over a socket. It must not exist for them.
pub(super) async fn probe(context: &Context, recording: &Recording, user: u64, random: &mut Random) {
    if unit(random) >= context.plan.load.probes {
        return;
    }
    let Some(token) = context.target.foreign_token(recording.tenant, user) else { return };
    bump(&context.meter.counts.probes);
    let leaked = |what: String| context.findings.violation(Violation::Leaked, format!("{}: {what}", recording.sid));
    for path in [recording.path(), format!("/api/recordings/{}", recording.sid)] {
        let Ok(answer) = context.client.get(context.target.url(&path)).bearer_auth(&token).send().await else {
            continue;
        };
        // A server that has too much to do tells nothing.
        if !matches!(answer.status().as_u16(), 404 | 429 | 500..) {
            leaked(format!("{} for another tenant", answer.status()));
        }
    }
    let Ok(mut socket) = Socket::open(context, &token, Instant::now()).await else { return };
    if let Ok(states) = socket.subscribe(context, &[&recording.sid], "watch").await
        && !states.iter().all(super::socket::State::refused)
    {
        leaked("another tenant could subscribe".to_owned());
    }
    socket.leave().await;
}
