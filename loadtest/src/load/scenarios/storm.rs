//! Reconnect storms: all sockets are lost at one moment and come back at that moment, while the recording lands that they wait for.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::Failure;
use super::super::context::Context;
use super::super::generator::drive;
use super::super::library::Recording;
use super::super::listener::until_ready;
use super::super::session::Failed;
use super::super::socket::Socket;

/// Storms of a run, evenly spread over it.
const STORMS: u32 = 3;

pub(super) async fn run(context: &Arc<Context>) -> Result<(), Failure> {
    let mut recordings = Vec::new();
    for _ in 0..STORMS {
        let one = context.library.fresh(&context.target, &context.client, true).await?;
        recordings.push(one);
    }
    let recordings = Arc::new(recordings);
    let step = context.plan.load.duration / (STORMS + 1);
    let sockets = drive(context, super::evenly(context.plan.load.sockets, step / 2), |context, number, intended| {
        let recordings = Arc::clone(&recordings);
        async move { weather(&context, &recordings, step, number, intended).await }
    });
    let conduct = async {
        for (storm, recording) in (1..).zip(recordings.iter()) {
            sleep_until(context.began() + step * storm).await;
            context.library.simulator()?.release(recording.source_sid.as_deref().unwrap_or_default()).await?;
        }
        Ok::<_, Failure>(())
    };
    let ((), conducted) = tokio::join!(sockets, conduct);
    conducted
}

/// One socket's day: it plays the recording of each storm, is lost with the storm, comes back, and must hear of it.
async fn weather(
    context: &Context,
    recordings: &[Arc<Recording>],
    step: Duration,
    number: u64,
    intended: Instant,
) -> Result<(), Failed> {
    let mut random = context.random(number);
    let mut begins = intended;
    for (storm, recording) in (1..).zip(recordings) {
        let token = context.target.token(recording.tenant, number);
        let at = context.began() + step * storm;
        // Tenants alternate, so that this is a socket of its own; what it measures is the calm.
        let mut socket = Socket::open(context, &token, begins).await.map_err(|lost| lost.text())?;
        socket.subscribe(context, &[&recording.sid], "play").await.map_err(|lost| lost.text())?;
        let calm = async {
            loop {
                if let Err(lost) = socket.next(context).await {
                    return lost;
                }
            }
        };
        if let Ok(lost) = timeout_at(at, calm).await {
            return Err(lost.text());
        }
        // No close handshake: as when a network goes away.
        drop(socket);
        let socket = until_ready(context, recording, &token, at, at, &mut random).await?;
        socket.leave().await;
        begins = Instant::now();
    }
    Ok(())
}
