//! A herd: many play one recording that the provider holds back; it is let go when all wait. One fetch, and everybody is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::super::Failure;
use super::super::context::Context;
use super::super::findings::Violation;
use super::super::generator::drive;
use super::super::library::Recording;
use super::super::listener::missed;
use super::super::meter::Metric;
use super::super::session::{Failed, fetch, probe};
use super::super::socket::Socket;

/// How long a herd takes to gather.
const GATHERING: Duration = Duration::from_secs(1);
/// Bytes that each reads once it may.
const BEGINNING: u64 = 65_536;
/// How long each stays after the push, to see that no second one comes.
const LINGER: Duration = Duration::from_millis(100);

pub(super) async fn run(context: &Arc<Context>) -> Result<(), Failure> {
    loop {
        round(context, context.plan.load.sockets).await?;
        if context.began().elapsed() + GATHERING >= context.plan.load.duration {
            return Ok(());
        }
    }
}

struct Herd {
    recording: Arc<Recording>,
    waiting: AtomicUsize,
    gathered: watch::Sender<usize>,
    /// When it was let go.
    released: watch::Sender<Option<Instant>>,
}

/// One herd of `count`.
pub(super) async fn round(context: &Arc<Context>, count: usize) -> Result<(), Failure> {
    let recording = context.library.fresh(&context.target, &context.client, true).await?;
    let source = recording.source_sid.clone().unwrap_or_default();
    let herd = Arc::new(Herd {
        recording,
        waiting: AtomicUsize::new(0),
        gathered: watch::Sender::new(0),
        released: watch::Sender::new(None),
    });
    let now = context.began().elapsed();
    let times = super::evenly(count, GATHERING).into_iter().map(|at| now + at).collect();
    let members = drive(context, times, |context, number, intended| {
        let herd = Arc::clone(&herd);
        async move { member(&context, &herd, number, intended).await }
    });
    let conduct = async {
        let mut gathered = herd.gathered.subscribe();
        // Whoever could not come is not waited for longer than this.
        let _ = timeout(GATHERING + context.plan.load.patience / 2, gathered.wait_for(|here| *here >= count)).await;
        context.library.simulator()?.release(&source).await?;
        herd.released.send_replace(Some(Instant::now()));
        Ok::<_, Failure>(())
    };
    let ((), conducted) = tokio::join!(members, conduct);
    conducted?;
    let fetches = context.library.simulator()?.fetches(&source).await?;
    if fetches > 1 && !context.forgiving() {
        let what = format!("{} was fetched {fetches} times for {count} listeners", herd.recording.sid);
        context.findings.violation(Violation::Refetched, what);
    }
    Ok(())
}

async fn member(context: &Context, herd: &Herd, number: u64, intended: Instant) -> Result<(), Failed> {
    let (recording, mut random) = (&herd.recording, context.random(number));
    let token = context.target.token(recording.tenant, number);
    let opened = join(context, herd, &token, intended).await;
    herd.gathered.send_replace(herd.waiting.fetch_add(1, Ordering::Relaxed) + 1);
    let mut socket = opened?;
    let mut released = herd.released.subscribe();
    let late = Instant::now() + GATHERING + context.plan.load.patience * 2;
    loop {
        match timeout_at(late, socket.next(context)).await {
            Ok(Ok(state)) if state.ready() => break,
            Ok(Ok(state)) if state.ended() => return Err("a recording ended in failed or gone".to_owned()),
            Ok(Ok(_)) => {}
            Ok(Err(lost)) => return Err(lost.text()),
            Err(_) => return Err(missed(context, recording, &token).await),
        }
    }
    let heard = Instant::now();
    // The order to let go may still be on its way back when the recording has landed.
    let at = *released.wait_for(Option::is_some).await.map_err(|_| "a herd was given up".to_owned())?;
    context.meter.record(Metric::Wait, heard.saturating_duration_since(at.unwrap_or(heard)));
    let asked = Instant::now();
    let (first, _) =
        fetch(context, recording, &token, 0, Some(BEGINNING.min(recording.content.size())), &mut random).await?;
    context.meter.record(Metric::FirstByte, first - asked);
    probe(context, recording, number, &mut random).await;
    socket.linger(context, LINGER).await;
    socket.leave().await;
    Ok(())
}

async fn join(context: &Context, herd: &Herd, token: &str, intended: Instant) -> Result<Socket, Failed> {
    let mut socket = Socket::open(context, token, intended).await.map_err(|lost| lost.text())?;
    let states = socket.subscribe(context, &[&herd.recording.sid], "play").await.map_err(|lost| lost.text())?;
    if states.iter().any(|state| state.refused() || state.ended()) {
        return Err("a recording could not be played".to_owned());
    }
    Ok(socket)
}
