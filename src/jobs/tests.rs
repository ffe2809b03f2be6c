//! What holds of every queue, asked of each: the one in this process, and the one in a real Redis.

use std::sync::Arc;

use loadtest::redis::Redis;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::broker::Broker;
use crate::secret::Secret;
use Priority::{Play, Prefetch};

pub(super) fn job(n: u32, tenant: &str, priority: Priority) -> Job {
    Job { sid: format!("CA{n:032x}").parse().unwrap(), tenant: Tenant::new(tenant).unwrap(), priority }
}

/// A Redis, and a worker's queue in it.
pub(super) struct Remote {
    pub redis: Redis,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Remote {
    pub fn new() -> Self {
        Self { redis: Redis::start().unwrap(), tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// The queue as one more process sees it.
    pub async fn worker(&self) -> RedisJobs {
        let broker = Broker::new(&Secret::new(&self.redis.url())).unwrap();
        broker.start(&self.tasks, &self.stop).await;
        let jobs = RedisJobs::new(broker, 2);
        let listens = jobs.clone();
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(async move { listens.listen().await }));
        jobs
    }
}

/// Runs a test on each adapter, with two jobs of a tenant at once.
async fn on_each(test: impl AsyncFn(Arc<dyn Jobs>)) {
    test(Arc::new(EmbeddedJobs::new(2))).await;
    let remote = Remote::new();
    test(Arc::new(remote.worker().await)).await;
}

pub(super) async fn ensure(queue: &dyn Jobs, jobs: &[Job]) {
    for job in jobs {
        queue.ensure(job.clone()).await.unwrap();
    }
}

pub(super) async fn nothing_to_do(queue: &dyn Jobs) -> bool {
    tokio::time::timeout(Duration::from_millis(100), queue.lease()).await.is_err()
}

pub(super) async fn depth(queue: &dyn Jobs) -> Depth {
    queue.depth().await.unwrap()
}

#[tokio::test]
async fn a_recording_has_one_job_however_many_ask() {
    on_each(async |queue| {
        assert!(queue.ensure(job(1, "t", Prefetch)).await.unwrap());
        assert!(!queue.ensure(job(1, "t", Play)).await.unwrap());
        assert_eq!(depth(&*queue).await, Depth { ready: 1, ..Depth::default() });
        let lease = queue.lease().await;
        assert!(!queue.ensure(job(1, "t", Play)).await.unwrap(), "in hand counts too");
        lease.finish().await;
        assert_eq!(depth(&*queue).await, Depth::default());
        assert!(nothing_to_do(&*queue).await);
    })
    .await;
}

#[tokio::test]
async fn plays_overtake_prefetches_and_tenants_take_turns() {
    on_each(async |queue| {
        ensure(&*queue, &[job(1, "a", Prefetch), job(2, "a", Play), job(3, "a", Play), job(4, "b", Play)]).await;
        queue.ensure(job(1, "a", Play)).await.unwrap();
        let mut order = Vec::new();
        for _ in 0..4 {
            let lease = queue.lease().await;
            order.push(lease.job().clone());
            lease.finish().await;
        }
        assert_eq!(order, [job(2, "a", Play), job(4, "b", Play), job(3, "a", Play), job(1, "a", Play)]);
    })
    .await;
}

#[tokio::test]
async fn a_play_does_not_become_a_prefetch_again() {
    on_each(async |queue| {
        ensure(&*queue, &[job(1, "t", Prefetch), job(2, "t", Play), job(2, "t", Prefetch)]).await;
        assert_eq!(queue.lease().await.job(), &job(2, "t", Play));
    })
    .await;
}

#[tokio::test]
async fn a_tenant_at_its_limit_waits_and_others_pass() {
    on_each(async |queue| {
        ensure(&*queue, &[job(1, "a", Play), job(2, "a", Play), job(3, "a", Play), job(4, "b", Play)]).await;
        let first = queue.lease().await;
        let others = [queue.lease().await, queue.lease().await];
        assert_eq!(others[0].job().tenant.as_str(), "b");
        assert!(nothing_to_do(&*queue).await);
        first.finish().await;
        assert_eq!(queue.lease().await.job(), &job(3, "a", Play));
    })
    .await;
}

#[tokio::test]
async fn a_retry_comes_when_it_is_due_and_counts() {
    on_each(async |queue| {
        ensure(&*queue, &[job(1, "t", Play)]).await;
        let first = queue.lease().await;
        let (begun, before) = (first.begun(), Instant::now());
        first.retry(Duration::from_millis(400)).await;
        assert_eq!(depth(&*queue).await, Depth { delayed: 1, ..Depth::default() });
        let again = queue.lease().await;
        let waited = before.elapsed().as_millis();
        assert!(again.tries() == 1 && (399..1000).contains(&waited), "after {waited} ms");
        assert!(again.begun().max(begun) - again.begun().min(begun) < Duration::from_millis(50));
    })
    .await;
}

#[tokio::test]
async fn a_withdrawn_job_is_forgotten_wherever_it_stands() {
    on_each(async |queue| {
        ensure(&*queue, &[job(1, "t", Play), job(2, "t", Play), job(3, "t", Play)]).await;
        queue.lease().await.retry(Duration::from_secs(9)).await;
        let lease = queue.lease().await;
        for n in 1..=4 {
            queue.withdraw(job(n, "t", Play).sid).await.unwrap();
        }
        assert_eq!(depth(&*queue).await, Depth { leased: 1, ..Depth::default() });
        tokio::time::timeout(Duration::from_secs(1), lease.withdrawn().cancelled()).await.expect("its worker is told");
        lease.finish().await;
        assert!(nothing_to_do(&*queue).await);
        assert_eq!(depth(&*queue).await, Depth::default());
    })
    .await;
}

#[tokio::test]
async fn a_lease_dropped_by_a_worker_that_leaves_is_given_out_again() {
    on_each(async |queue| {
        ensure(&*queue, &[job(1, "t", Play)]).await;
        drop(queue.lease().await);
        let again = tokio::time::timeout(Duration::from_secs(1), queue.lease()).await.expect("at once");
        assert_eq!((again.tries(), again.deaths()), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_is_a_dead_letter_and_can_be_wanted_again() {
    on_each(async |queue| {
        ensure(&*queue, &[job(1, "t", Play)]).await;
        queue.lease().await.give_up(Code::SourceFailed).await;
        assert_eq!(depth(&*queue).await, Depth { dead: 1, ..Depth::default() });
        assert!(queue.ensure(job(1, "t", Play)).await.unwrap());
        assert_eq!(queue.lease().await.tries(), 0);
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_a_job_is_woken_by_it() {
    on_each(async |queue| {
        let (lease, _) = tokio::join!(queue.lease(), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let before = Instant::now();
            queue.ensure(job(1, "t", Prefetch)).await.unwrap();
            before
        });
        assert_eq!(lease.job(), &job(1, "t", Prefetch));
    })
    .await;
}
