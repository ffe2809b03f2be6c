//! Idle sockets: they come at the plan's rate, watch a recording each, and stay. At the end all hear of one landing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::super::Failure;
use super::super::context::Context;
use super::super::generator::drive;
use super::super::library::Recording;
use super::super::listener::missed;
use super::super::session::Failed;
use super::super::socket::Socket;

/// How long each stays after the push, to see that no second one comes.
const LINGER: Duration = Duration::from_millis(100);

pub(super) async fn run(context: &Arc<Context>) -> Result<(), Failure> {
    let shared = match context.library.can_make() {
        true => Some(context.library.fresh(&context.target, &context.client, true).await?),
        false => None,
    };
    let mut times = super::times(context);
    times.truncate(context.plan.load.sockets);
    let sockets = drive(context, times, |context, number, intended| {
        let shared = shared.clone();
        async move { stay(&context, shared.as_deref(), number, intended).await }
    });
    let ((), landed) = tokio::join!(sockets, land(context, shared.as_deref()));
    landed
}

/// Lets the shared recording land when no more sockets come.
async fn land(context: &Context, shared: Option<&Recording>) -> Result<(), Failure> {
    let Some(recording) = shared else { return Ok(()) };
    context.over.cancelled().await;
    let url = context.target.url(&format!("/api/recordings/{}/prepare", recording.sid));
    let request = context.client.post(url).bearer_auth(context.target.token(recording.tenant, 0));
    request.send().await?.error_for_status()?;
    context.library.simulator()?.release(recording.source_sid.as_deref().unwrap_or_default()).await
}

async fn stay(context: &Context, shared: Option<&Recording>, number: u64, intended: Instant) -> Result<(), Failed> {
    let mut random = context.random(number);
    let own = Arc::clone(context.library.popular(&mut random));
    let recording = shared.unwrap_or(&own);
    let token = context.target.token(recording.tenant, number);
    let mut socket = Socket::open(context, &token, intended).await.map_err(|lost| lost.text())?;
    let states = socket.subscribe(context, &[&recording.sid], "watch").await.map_err(|lost| lost.text())?;
    if states.iter().any(|state| state.refused()) {
        return Err("a recording could not be watched".to_owned());
    }
    if shared.is_none() {
        let staying = async { while socket.next(context).await.is_ok() {} };
        tokio::select! {
            () = staying => return Err("an idle socket was lost".to_owned()),
            () = context.over.cancelled() => {}
        }
        socket.leave().await;
        return Ok(());
    }
    let late = context.began() + context.plan.load.duration + context.plan.load.patience;
    loop {
        match timeout_at(late, socket.next(context)).await {
            Ok(Ok(state)) if state.ready() => break,
            Ok(Ok(state)) if state.ended() => return Err("a recording ended in failed or gone".to_owned()),
            Ok(Ok(_)) => {}
            Ok(Err(lost)) => return Err(lost.text()),
            Err(_) => return Err(missed(context, recording, &token).await),
        }
    }
    socket.linger(context, LINGER).await;
    socket.leave().await;
    Ok(())
}
