//! A mixed day: listeners, jumps, open lists, small herds and slow readers, along an office's day.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::super::Failure;
use super::super::arrivals::unit;
use super::super::context::Context;
use super::super::day::{Deed, deed};
use super::super::generator::drive;
use super::super::listener::listen;
use super::super::meter::bump;
use super::super::session::{Failed, again};
use super::super::slow::read_slowly;
use super::super::socket::Socket;

/// Listeners of a small herd.
const HERD: usize = 10;
/// Recordings of an open list.
const LISTED: usize = 20;
/// How long a list stays open.
const LOOKED_AT: Duration = Duration::from_secs(5);

pub(super) async fn run(context: &Arc<Context>) -> Result<(), Failure> {
    let times = super::times(context);
    let chosen = super::choices(context, times.len()).await?;
    drive(context, times, |context, number, intended| {
        let recording = Arc::clone(&chosen[number as usize]);
        async move {
            let mut random = context.random(number);
            match deed(unit(&mut random)) {
                Deed::Listen => listen(&context, &recording, number, intended, &mut random).await,
                Deed::Seek => super::seek(&context, number, intended).await,
                Deed::Watch => look(&context, number, intended).await,
                Deed::Slow => read_slowly(&context, context.library.popular(&mut random), number).await,
                Deed::Herd if context.library.can_make() => small_herd(&context, number, intended).await,
                Deed::Herd => super::seek(&context, number, intended).await,
            }
        }
    })
    .await;
    Ok(())
}

/// A list of one tenant's calls, open for a while; lost with the server, it comes back.
async fn look(context: &Context, number: u64, intended: Instant) -> Result<(), Failed> {
    let mut random = context.random(number);
    let tenant = context.library.popular(&mut random).tenant;
    let mut listed: Vec<_> = (0..LISTED).map(|_| Arc::clone(context.library.popular(&mut random))).collect();
    listed.retain(|recording| recording.tenant == tenant);
    let sids: Vec<&str> = listed.iter().map(|recording| recording.sid.as_str()).collect();
    let token = context.target.token(tenant, number);
    let (leaves, mut begins) = (intended + LOOKED_AT, intended);
    loop {
        let looked = async {
            let mut socket = Socket::open(context, &token, begins).await?;
            socket.subscribe(context, &sids, "watch").await?;
            socket.linger(context, leaves.saturating_duration_since(Instant::now())).await;
            Ok::<_, super::super::socket::Lost>(socket)
        };
        match looked.await {
            Ok(socket) => {
                socket.leave().await;
                return Ok(());
            }
            Err(_) if context.forgiving() && Instant::now() < leaves + context.plan.load.patience => {
                bump(&context.meter.counts.reconnects);
                again(&mut random).await;
                begins = Instant::now();
            }
            Err(lost) => return Err(lost.text()),
        }
    }
}

/// Ten that play one new recording; each is a listener as any other.
async fn small_herd(context: &Context, number: u64, intended: Instant) -> Result<(), Failed> {
    let made =
        timeout(context.plan.load.patience, context.library.fresh(&context.target, &context.client, false)).await;
    let Ok(Ok(recording)) = made else {
        return if context.forgiving() { Ok(()) } else { Err("a call could not be registered".to_owned()) };
    };
    // Registering is not the listeners' doing: they come when it is done.
    let begins = intended.max(Instant::now());
    let members = (0..HERD as u64).map(|member| {
        let recording = Arc::clone(&recording);
        async move {
            let user = number * HERD as u64 + member;
            listen(context, &recording, user, begins, &mut context.random(user)).await
        }
    });
    super::all(members).await
}
