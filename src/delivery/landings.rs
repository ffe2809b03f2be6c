//! What becomes of a landing: waiters are told first; the catalog is left to `noting`. And the sweep, for landings that nobody
//! told.

use tokio::time::Duration;

use super::Delivery;
use crate::jobs::{Job, Priority};
use crate::recording::{Code, Media, Sid, State, Status};
use crate::registry::Fanout;
use crate::signals::Signal;
use crate::telemetry;
use crate::volume::blocking;

/// Recordings looked at in one go by the sweep.
const SWEPT_AT_ONCE: usize = 256;
/// Of a file that somebody else put there the threads that serve its waiters know by themselves. Who looks after what is left
/// does so when they have told them, and must not take a core from them.
const NOTICED_FIRST: Duration = Duration::from_millis(3);

impl Delivery {
    /// Acts on a signal.
    pub async fn heed(&self, signal: Signal) {
        match signal {
            Signal::Landed(sid, media) => self.hear(sid, media).await,
            // What nobody here waits for is looked up when somebody asks.
            Signal::LandedElsewhere(sid, media) => {
                if self.0.registry.state(sid).is_some_and(|state| state != State::Ready) {
                    self.hear(sid, media).await;
                }
            }
            Signal::ChangedElsewhere(sid) => {
                if self.0.registry.holds(sid) || self.0.shelf.get(sid).is_some() {
                    self.refresh(sid).await;
                }
            }
            Signal::Changed(row) => self.changed(row.0, row.1).await,
            Signal::GivenUp(sid, code) => self.given_up(sid, code).await,
            Signal::Progress(sid, progress) => {
                if self.0.registry.holds(sid) {
                    let _ = self.0.registry.pin(sid).progress(progress).send().await;
                }
            }
        }
    }

    /// A landing that somebody tells of. Whoever waits is told; the catalog can wait.
    async fn hear(&self, sid: Sid, media: Option<Media>) {
        // Where others may land elsewhere, only what lies here has landed.
        let mut media = media.filter(|_| !self.is_elsewhere());
        match self.0.registry.state(sid) {
            Some(State::Gone) => return self.landed(sid, media).await,
            Some(State::Ready) | None => {}
            Some(_) => {
                let pin = self.0.registry.pin(sid);
                let Some(found) = self.look_unless_known(sid, media).await else { return };
                pin.advance(|now| ready(now, found)).send().await;
                media = Some(found);
            }
        }
        self.0.ledger.add((sid, media));
    }

    /// The same of a file that this machine has noticed, when those who serve its waiters have had the time to tell them.
    pub async fn hear_soon(self, sid: Sid) {
        tokio::time::sleep(NOTICED_FIRST).await;
        self.hear(sid, None).await;
    }

    /// Whether somebody watches it, or works on it, and it has not landed as far as is known.
    pub fn is_open(&self, sid: Sid) -> bool {
        self.0.registry.state(sid).is_some_and(|state| !matches!(state, State::Ready | State::Gone))
    }

    /// A file has just got its final name (`is_named`), or has been written under it: inotify has told this thread. As
    /// [`tell_here`](Self::tell_here).
    pub fn notice(&self, sid: Sid, is_named: bool) -> Option<Fanout> {
        self.0.volume.noticed(sid, is_named);
        self.tell_here(sid)
    }

    /// Looks at a file that is said to have landed, if this thread serves anybody who waits for it, and tells them, with no hop
    /// to another thread in between. Blocks for as long as the header of a file that was just written takes to read. The catalog
    /// is left to others. Of a crowd, the first have been told; the rest is to be sent on this thread.
    pub fn tell_here(&self, sid: Sid) -> Option<Fanout> {
        self.doubt(sid);
        if !self.0.registry.waits_here(sid) {
            return None;
        }
        let landed = self.0.volume.find(sid).ok().flatten()?;
        self.0.registry.advance(sid, |now| ready(now, landed.media)).send_from_here()
    }

    /// What lies under that name is no longer believed to be what it was.
    pub fn doubt(&self, sid: Sid) {
        self.0.shelf.doubt(sid);
    }

    /// A file has its final name. Waiters are told before the catalog is written: its disk must not delay them.
    pub async fn landed(&self, sid: Sid, media: Option<Media>) {
        let pin = self.0.registry.pin(sid);
        if let Some((recording, status)) = pin.get().filter(|(_, status)| status.state == State::Gone) {
            if status.is_removed() {
                self.clear(&((*recording).clone(), status)).await;
            }
            return;
        }
        let Some(media) = self.look_unless_known(sid, media).await else { return };
        pin.advance(|now| ready(now, media)).send().await;
        if let Err(error) = self.note(&[(sid, media)]).await {
            // The volume keeps the truth: whoever looks next notes it.
            telemetry::landing_not_noted(sid, &error.0);
        }
    }

    /// The shape of a file, by a look at it where nobody has told it. `None` where nothing has landed: it is no recording, or gone
    /// again.
    async fn look_unless_known(&self, sid: Sid, media: Option<Media>) -> Option<Media> {
        match media {
            Some(media) => Some(media),
            None => Some(self.0.volume.find_off_thread(sid).await.ok()??.media),
        }
    }

    /// The same of many, none of them known.
    pub(super) async fn look_at_all(&self, sids: Vec<Sid>) -> Vec<(Sid, Option<Media>)> {
        if sids.is_empty() {
            return Vec::new();
        }
        let volume = self.0.volume.clone();
        let look = move |sid: Sid| (sid, volume.find(sid).ok().flatten().map(|landed| landed.media));
        blocking(move || sids.into_iter().map(look).collect()).await
    }

    /// A worker gave up and could not write it down. Whoever waits is told all the same.
    pub(super) async fn given_up(&self, sid: Sid, code: Code) {
        if self.0.registry.holds(sid) {
            let failed = |now: &Status| {
                let v = now.v + 1;
                now.state.is_pending().then(|| Status {
                    v,
                    state: State::Failed,
                    code: Some(code),
                    ..Status::unknown()
                })
            };
            self.0.registry.pin(sid).advance(failed).send().await;
        }
    }

    /// Takes over what the catalog says. What does not answer now is asked by the next sweep.
    async fn refresh(&self, sid: Sid) {
        if let Ok(mut rows) = self.0.catalog.find(&[sid]).await
            && let Some((recording, status)) = rows.pop().flatten()
        {
            self.changed(recording, status).await;
        }
    }

    /// Looks at everything that somebody waits for and that has not settled: what landed without a signal, what
    /// the catalog knows better, and what lost its job.
    pub async fn sweep(&self) {
        self.0.shelf.release_unused();
        let waited_for = self.0.registry.waited_for();
        for sids in waited_for.chunks(SWEPT_AT_ONCE) {
            let mut absent = Vec::new();
            for (sid, media) in self.look_at_all(sids.to_vec()).await {
                match media {
                    Some(_) if self.has_settled(sid) => {}
                    Some(media) => {
                        telemetry::missed_signal_recovered(sid);
                        self.landed(sid, Some(media)).await;
                    }
                    None => absent.push(sid),
                }
            }
            self.reconcile(&absent).await;
        }
    }

    fn has_settled(&self, sid: Sid) -> bool {
        let settled = |status: Status| status.state.is_settled() && !status.awaits_mount();
        self.0.registry.pin(sid).get().is_some_and(|(_, status)| settled(status))
    }

    /// Takes over what the catalog says, and sees to it that whoever waits has a job.
    async fn reconcile(&self, sids: &[Sid]) {
        // What does not answer now will be asked by the next sweep.
        let Ok(rows) = self.0.catalog.find(sids).await else { return };
        for (recording, status) in rows.into_iter().flatten() {
            let job = Job { sid: recording.sid, tenant: recording.tenant.clone(), priority: Priority::Play };
            let _ = match status.state {
                State::Queued => self.0.jobs.ensure(job).await,
                State::Downloading => self.0.jobs.restore(job).await,
                _ => Ok(false),
            };
            if status.state != State::Ready || !self.is_elsewhere() {
                self.changed(recording, status).await;
            }
        }
    }
}

/// What a landing makes of a status; a gone recording stays gone, and a second word of the same landing says nothing.
pub(super) fn ready(now: &Status, media: Media) -> Option<Status> {
    let open = !matches!(now.state, State::Ready | State::Gone);
    open.then(|| Status { v: now.v + 1, state: State::Ready, media: Some(media), ..Status::unknown() })
}
