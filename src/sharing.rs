//! Proves, again and again, that all processes share one volume: each leaves marks there, and says which of the others'
//! it sees. Knows no listener and no job.

mod judgement;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::peers::{Peer, Peers, Role};
use crate::telemetry;
use crate::volume::{Volume, blocking};

use judgement::Watch;
pub use judgement::{Judgement, Sight};

/// From one beat to the next.
const BEAT: Duration = Duration::from_secs(1);
/// The same while something is not known yet: a worker that has just come lands nothing before that.
const FIRST_BEATS: Duration = Duration::from_millis(250);
/// Marks that may be missing on a volume whose clients keep what they have read: network file systems do so for a minute.
const SLACK_ON_A_NETWORK: u64 = 60;

/// One process's part in the proof.
pub struct Sharing {
    me: Peer,
    volume: Volume,
    peers: Arc<dyn Peers>,
    judgement: watch::Sender<Judgement>,
}

impl Sharing {
    /// Nothing is proven yet.
    pub fn new(role: Role, volume: Volume, peers: Arc<dyn Peers>) -> Self {
        let me = Peer {
            id: uuid::Uuid::new_v4().simple().to_string(),
            role,
            host: host(),
            volume: volume.root().display().to_string(),
            beat: 0,
            sees: Vec::new(),
        };
        Self { me, volume, peers, judgement: watch::Sender::default() }
    }

    /// What is known at each moment.
    pub fn judgement(&self) -> watch::Receiver<Judgement> {
        self.judgement.subscribe()
    }

    /// Goes on until told to stop, and then takes leave.
    pub async fn run(mut self, stop: CancellationToken) {
        let slack = if self.volume.is_on_network() { SLACK_ON_A_NETWORK } else { 0 };
        let mut watch = Watch::new(slack);
        loop {
            self.beat(&mut watch).await;
            let pause = if self.judgement.borrow().is_settled() { BEAT } else { FIRST_BEATS };
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                break;
            }
        }
        let _ = self.peers.leave(&self.me.id).await;
        let (volume, id) = (self.volume, self.me.id);
        blocking(move || volume.remove_mark(&id)).await;
    }

    /// Leaves a mark, then says so: who hears of a beat can find its mark, if it looks at the same volume.
    async fn beat(&mut self, watch: &mut Watch) {
        self.me.beat += 1;
        let (volume, id, beat) = (self.volume.clone(), self.me.id.clone(), self.me.beat);
        if let Err(error) = blocking(move || volume.leave_mark(&id, beat)).await {
            // The check of the volume tells this; nobody is to take our silence for another volume.
            warn!(%error, "no mark could be left in the volume");
            self.me.beat -= 1;
        }
        let present = match self.peers.present().await {
            Ok(present) => present,
            Err(error) => return warn!(%error, "the other processes cannot be asked what they see"),
        };
        let others: Vec<Peer> = present.into_iter().filter(|peer| peer.id != self.me.id).collect();
        let volume = self.volume.clone();
        let looked = blocking(move || {
            let look = |peer: Peer| volume.mark_of(&peer.id).map(|mark| (peer, mark));
            others.into_iter().map(look).collect::<Result<Vec<_>, _>>()
        });
        let looked = match looked.await {
            Ok(looked) => looked,
            Err(error) => return warn!(%error, "the others' marks cannot be read"),
        };
        let judgement = watch.judge(&self.me, looked);
        self.me.sees = judgement.sees();
        if let Err(error) = self.peers.announce(&self.me).await {
            warn!(%error, "the other processes cannot be told what we see");
        }
        // A mount that was missing at the start may have come since, and is then another directory than at the start.
        if judgement.0.iter().any(|sight| sight.is_shared() == Some(true)) {
            let volume = self.volume.clone();
            if let Err(error) = blocking(move || volume.adopt()).await {
                warn!(%error, "the volume has no identity");
            }
        }
        telemetry::volume_shared(judgement.is_shared());
        let role = self.me.role;
        let was_mismatch = self.judgement.send_replace(judgement.clone()).is_mismatch(role);
        match (was_mismatch, judgement.is_mismatch(role)) {
            (false, true) => warn!("{}", judgement.explanation(&self.me)),
            (true, false) => info!("the volume is shared again"),
            _ => {}
        }
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
