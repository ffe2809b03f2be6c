//! Jobs in this process. Nothing is kept over a restart: the catalog knows what was pending.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::{DEAD_KEPT, Depth, Job, Jobs, Lease, MOST_DEAD, Priority, QueueError};
use crate::recording::{Code, Sid, Tenant};

/// The queue; clones share it.
#[derive(Clone)]
pub struct EmbeddedJobs(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
    per_tenant: usize,
}

#[derive(Default)]
struct State {
    jobs: HashMap<Sid, Entry>,
    play: Turns,
    prefetch: Turns,
    /// By time, then by order of arrival.
    delayed: BTreeMap<(Instant, u64), Sid>,
    arrivals: u64,
    running: HashMap<Tenant, usize>,
    leased: u64,
    /// When jobs were given up, the oldest first.
    dead: VecDeque<Instant>,
}

struct Entry {
    job: Job,
    tries: u32,
    begun: Option<Instant>,
    place: Place,
    withdrawn: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Delayed,
    Leased,
}

/// Tenants take turns; each tenant's jobs keep their order.
#[derive(Default)]
struct Turns {
    tenants: VecDeque<Tenant>,
    waiting: HashMap<Tenant, VecDeque<Sid>>,
    length: u64,
}

impl Turns {
    fn push(&mut self, tenant: &Tenant, sid: Sid) {
        let queue = self.waiting.entry(tenant.clone()).or_default();
        if queue.is_empty() {
            self.tenants.push_back(tenant.clone());
        }
        queue.push_back(sid);
        self.length += 1;
    }

    /// The next job of the first tenant in turn that may have one.
    fn pop(&mut self, may: impl Fn(&Tenant) -> bool) -> Option<Sid> {
        // Only tenants at their limit are passed over: fewer than there are jobs in hand.
        let at = self.tenants.iter().position(may)?;
        let tenant = self.tenants.remove(at)?;
        let queue = self.waiting.get_mut(&tenant)?;
        let sid = queue.pop_front();
        self.length -= 1;
        if queue.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.tenants.push_back(tenant);
        }
        sid
    }
}

impl EmbeddedJobs {
    /// An empty queue that gives out at most `per_tenant` jobs of one tenant at once.
    pub fn new(per_tenant: usize) -> Self {
        let inner = Inner { state: Mutex::default(), changed: Notify::new(), per_tenant: per_tenant.max(1) };
        Self(Arc::new(inner))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method panics half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job that may be done now, or when to look again.
    fn take(&self) -> Result<EmbeddedLease, Option<Instant>> {
        let mut state = self.state();
        state.wake_due(Instant::now());
        let sid = loop {
            let State { play, prefetch, running, jobs, .. } = &mut *state;
            let may = |tenant: &Tenant| running.get(tenant).is_none_or(|n| *n < self.0.per_tenant);
            let Some(sid) = play.pop(may).or_else(|| prefetch.pop(may)) else {
                return Err(state.delayed.keys().next().map(|(at, _)| *at));
            };
            // A prefetch that became a play stands in both lines; the first place it reached counts.
            if jobs.get(&sid).is_some_and(|entry| entry.place == Place::Ready) {
                break sid;
            }
        };
        let Some(entry) = state.jobs.get_mut(&sid) else { return Err(None) };
        entry.place = Place::Leased;
        let begun = *entry.begun.get_or_insert_with(Instant::now);
        let (job, tries, withdrawn) = (entry.job.clone(), entry.tries, entry.withdrawn.clone());
        *state.running.entry(job.tenant.clone()).or_default() += 1;
        state.leased += 1;
        Ok(EmbeddedLease { jobs: self.clone(), job, tries, begun, withdrawn, over: false })
    }

    /// Ends a lease: `None` forgets the job, a span puts it back.
    fn give_back(&self, job: &Job, again: Option<Duration>) {
        {
            let mut state = self.state();
            state.leased -= 1;
            if let Some(running) = state.running.get_mut(&job.tenant) {
                *running -= 1;
                if *running == 0 {
                    state.running.remove(&job.tenant);
                }
            }
            match again {
                None => drop(state.jobs.remove(&job.sid)),
                Some(after) => state.put_back(job.sid, after),
            }
        }
        self.0.changed.notify_waiters();
    }
}

impl State {
    fn put_back(&mut self, sid: Sid, after: Duration) {
        self.arrivals += 1;
        let at = Instant::now() + after;
        let Some(entry) = self.jobs.get_mut(&sid) else { return };
        entry.tries += 1;
        entry.place = Place::Delayed;
        self.delayed.insert((at, self.arrivals), sid);
    }

    fn wake_due(&mut self, now: Instant) {
        while let Some(first) = self.delayed.first_entry() {
            if first.key().0 > now {
                return;
            }
            let sid = first.remove();
            if let Some(entry) = self.jobs.get_mut(&sid) {
                entry.place = Place::Ready;
                let job = entry.job.clone();
                self.line(job.priority).push(&job.tenant, sid);
            }
        }
    }

    fn line(&mut self, priority: Priority) -> &mut Turns {
        match priority {
            Priority::Play => &mut self.play,
            Priority::Prefetch => &mut self.prefetch,
        }
    }
}

#[async_trait]
impl Jobs for EmbeddedJobs {
    async fn ensure(&self, job: Job) -> Result<bool, QueueError> {
        let new = {
            let mut state = self.state();
            match state.jobs.get_mut(&job.sid) {
                None => {
                    let (place, withdrawn) = (Place::Ready, CancellationToken::new());
                    let entry = Entry { job: job.clone(), tries: 0, begun: None, place, withdrawn };
                    state.jobs.insert(job.sid, entry);
                    state.line(job.priority).push(&job.tenant, job.sid);
                    true
                }
                Some(entry) => {
                    let overtakes = job.priority > entry.job.priority;
                    entry.job.priority = entry.job.priority.max(job.priority);
                    if overtakes && entry.place == Place::Ready {
                        state.play.push(&job.tenant, job.sid);
                    }
                    false
                }
            }
        };
        self.0.changed.notify_waiters();
        Ok(new)
    }

    async fn withdraw(&self, sid: Sid) -> Result<(), QueueError> {
        let mut state = self.state();
        let Some(entry) = state.jobs.get(&sid) else { return Ok(()) };
        if entry.place == Place::Leased {
            // Its worker gives it back.
            entry.withdrawn.cancel();
            return Ok(());
        }
        // A place in line without a job is void.
        state.jobs.remove(&sid);
        state.delayed.retain(|_, delayed| *delayed != sid);
        Ok(())
    }

    async fn lease(&self) -> Box<dyn Lease> {
        loop {
            // Registered before looking: a change between the look and the wait wakes us all the same.
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.take() {
                Ok(lease) => return Box::new(lease),
                Err(Some(due)) => {
                    let _ = tokio::time::timeout_at(due, changed).await;
                }
                Err(None) => changed.await,
            }
        }
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let mut state = self.state();
        while state.dead.front().is_some_and(|at| at.elapsed() > DEAD_KEPT) {
            state.dead.pop_front();
        }
        let (delayed, leased, dead) = (state.delayed.len() as u64, state.leased, state.dead.len() as u64);
        Ok(Depth { ready: state.jobs.len() as u64 - delayed - leased, delayed, leased, dead })
    }

    async fn check(&self) -> Result<(), QueueError> {
        Ok(())
    }
}

struct EmbeddedLease {
    jobs: EmbeddedJobs,
    job: Job,
    tries: u32,
    begun: Instant,
    withdrawn: CancellationToken,
    over: bool,
}

#[async_trait]
impl Lease for EmbeddedLease {
    fn job(&self) -> &Job {
        &self.job
    }

    fn tries(&self) -> u32 {
        self.tries
    }

    fn begun(&self) -> Instant {
        self.begun
    }

    fn deaths(&self) -> u32 {
        // A worker in this process dies with the queue.
        0
    }

    fn withdrawn(&self) -> CancellationToken {
        self.withdrawn.clone()
    }

    async fn is_held(&self) -> bool {
        true
    }

    async fn finish(mut self: Box<Self>) {
        self.over = true;
        self.jobs.give_back(&self.job, None);
    }

    async fn give_up(mut self: Box<Self>, _: Code) {
        self.over = true;
        {
            let mut state = self.jobs.state();
            if state.dead.len() == MOST_DEAD {
                state.dead.pop_front();
            }
            state.dead.push_back(Instant::now());
        }
        self.jobs.give_back(&self.job, None);
    }

    async fn retry(mut self: Box<Self>, after: Duration) {
        self.over = true;
        self.jobs.give_back(&self.job, Some(after));
    }
}

impl Drop for EmbeddedLease {
    fn drop(&mut self) {
        if !self.over {
            self.jobs.give_back(&self.job, Some(Duration::ZERO));
        }
    }
}
