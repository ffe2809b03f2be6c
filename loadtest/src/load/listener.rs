//! Somebody who listens: connects, plays, waits for `ready`, reads the details and the sound, jumps about, and leaves.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::arrivals::unit;
use super::context::Context;
use super::findings::Violation;
use super::library::Recording;
use super::meter::{Metric, bump};
use super::session::{Failed, again, fetch, probe};
use super::socket::{Lost, Socket};
use crate::random::Random;

/// Bytes that a player asks for after a jump.
const JUMP: u64 = 65_536;
/// How long a socket stays after the push that it waited for, to see that no second one comes.
const LINGER: Duration = Duration::from_millis(50);

/// A whole visit, meant to begin at `intended`.
pub(super) async fn listen(
    context: &Context,
    recording: &Recording,
    user: u64,
    intended: Instant,
    random: &mut Random,
) -> Result<(), Failed> {
    let token = context.target.token(recording.tenant, user);
    let mut socket = until_ready(context, recording, &token, intended, intended, random).await?;
    details(context, recording, &token).await;
    let asked = Instant::now();
    let (first, last) = fetch(context, recording, &token, 0, None, random).await?;
    context.meter.record(Metric::FirstByte, first - asked);
    context.meter.record(Metric::Body, last - asked);
    context.meter.record(Metric::Sound, first.saturating_duration_since(intended));
    jumps(context, recording, user, last, random).await?;
    probe(context, recording, user, random).await;
    socket.linger(context, LINGER).await;
    socket.leave().await;
    Ok(())
}

/// Plays, and waits until it is ready; comes back where the socket is lost on purpose. `asked` is when the wait begins to count.
pub(super) async fn until_ready(
    context: &Context,
    recording: &Recording,
    token: &str,
    intended: Instant,
    asked: Instant,
    random: &mut Random,
) -> Result<Socket, Failed> {
    let late = Instant::now().max(asked) + context.plan.load.patience;
    let mut begins = intended;
    loop {
        let waited = timeout_at(late, wait(context, recording, token, begins)).await;
        match waited {
            Ok(Ok(Some(socket))) => {
                context.meter.record(Metric::Wait, asked.elapsed());
                return Ok(socket);
            }
            Ok(Ok(None)) => return Err("a recording ended in failed or gone".to_owned()),
            Ok(Err(lost)) if context.forgiving() && lost != Lost::Late && Instant::now() < late => {
                bump(&context.meter.counts.reconnects);
                again(random).await;
                begins = Instant::now();
            }
            Ok(Err(lost)) => return Err(lost.text()),
            Err(_) => {
                return Err(missed(context, recording, token).await);
            }
        }
    }
}

/// One socket's part of it: none when there will be nothing to hear.
async fn wait(context: &Context, recording: &Recording, token: &str, begins: Instant) -> Result<Option<Socket>, Lost> {
    let mut socket = Socket::open(context, token, begins).await?;
    let states = socket.subscribe(context, &[&recording.sid], "play").await?;
    let mut state = states.into_iter().next().ok_or(Lost::Late)?;
    loop {
        if state.ready() {
            return Ok(Some(socket));
        }
        if state.ended() || state.refused() {
            return Ok(None);
        }
        state = socket.next(context).await?;
    }
}

/// Nothing was pushed in time: was there something to push?
pub(super) async fn missed(context: &Context, recording: &Recording, token: &str) -> Failed {
    let url = context.target.url(&recording.path());
    let answer = context.client.head(url).bearer_auth(token).send().await;
    if answer.is_ok_and(|answer| answer.status().is_success() && answer.status() != 202) {
        let what = format!("{} has landed, and a socket that waited was not told", recording.sid);
        context.findings.violation(Violation::Missed, what);
        return "ready was never pushed".to_owned();
    }
    "a recording did not land in time".to_owned()
}

/// What a page shows beside the player. It may fail: the recording can be heard without.
async fn details(context: &Context, recording: &Recording, token: &str) {
    bump(&context.meter.counts.requests);
    let url = context.target.url(&format!("/api/recordings/{}", recording.sid));
    match context.client.get(url).bearer_auth(token).send().await {
        Ok(answer) if answer.status() == 200 => {}
        Ok(answer) => context.findings.error(&format!("details answered {}", answer.status().as_u16())),
        Err(_) if context.forgiving() => {}
        Err(_) => context.findings.error("no answer to details"),
    }
}

/// Jumps at moments that are fixed beforehand: each is timed from its own, not from when the last one was through.
async fn jumps(
    context: &Context,
    recording: &Recording,
    user: u64,
    began: Instant,
    random: &mut Random,
) -> Result<(), Failed> {
    let mut at = began;
    for _ in 0..context.plan.load.seeks {
        at += context.plan.load.think.mul_f64(2.0 * unit(random));
        sleep_until(at).await;
        jump(context, recording, user, at, random).await?;
    }
    Ok(())
}

/// One jump to anywhere.
pub(super) async fn jump(
    context: &Context,
    recording: &Recording,
    user: u64,
    intended: Instant,
    random: &mut Random,
) -> Result<(), Failed> {
    let token = context.target.token(recording.tenant, user);
    let size = recording.content.size();
    let from = random.below(size.max(1));
    let (_, last) = fetch(context, recording, &token, from, Some((from + JUMP).min(size)), random).await?;
    context.meter.record(Metric::Seek, last.saturating_duration_since(intended));
    Ok(())
}
