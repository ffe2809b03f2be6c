//! What only a queue for many machines can suffer: dead and stopped workers, and a Redis that forgets.

use futures_util::StreamExt;

use super::*;
use crate::jobs::tests::{Remote, depth, ensure, job, nothing_to_do};
use crate::recording::Code;
use Priority::{Play, Prefetch};

#[tokio::test]
async fn workers_share_the_jobs_and_the_limit_of_a_tenant() {
    let remote = Remote::new();
    let (one, other) = (remote.worker().await, remote.worker().await);
    ensure(&one, &[job(1, "a", Play), job(2, "a", Play), job(3, "a", Play)]).await;
    let (first, second) = (one.lease().await, other.lease().await);
    assert_ne!(first.job().sid, second.job().sid);
    assert!(nothing_to_do(&one).await && nothing_to_do(&other).await);
    first.finish().await;
    let third = tokio::time::timeout(Duration::from_secs(1), other.lease()).await.expect("it is told");
    assert_eq!(third.job(), &job(3, "a", Play));
}

/// As after `kill -9`: the lease is neither ended nor renewed.
async fn dies_over_it(remote: &Remote, queue: &RedisJobs) {
    let lease = queue.lease().await;
    let sid = lease.job().sid;
    std::mem::forget(lease);
    queue.0.in_hand().clear();
    // Another's token: what the heartbeat says counts for nothing. And its time is over.
    remote.redis.say(&format!("HSET landfall:job:{sid} token dead until 1")).unwrap();
    remote.redis.say(&format!("ZADD landfall:leased 1 {sid}")).unwrap();
}

#[tokio::test]
async fn the_job_of_a_dead_worker_is_given_to_another_and_the_death_is_counted() {
    let remote = Remote::new();
    let (one, other) = (remote.worker().await, remote.worker().await);
    ensure(&one, &[job(1, "t", Play)]).await;
    for _ in 0..3 {
        dies_over_it(&remote, &one).await;
    }
    let lease = other.lease().await;
    assert_eq!((lease.deaths(), lease.tries()), (3, 3));
}

#[tokio::test]
async fn a_worker_that_lost_its_job_notices_and_changes_nothing() {
    let remote = Remote::new();
    let (one, other) = (remote.worker().await, remote.worker().await);
    ensure(&one, &[job(1, "t", Play)]).await;
    let [lost, lost_too] = {
        let lease = one.lease().await;
        // The same lease twice: what it says in either way must change nothing.
        let sid = lease.job().sid;
        remote.redis.say(&format!("ZADD landfall:leased 1 {sid}")).unwrap();
        let again = other.lease().await;
        remote.redis.say(&format!("ZADD landfall:leased 1 {sid}")).unwrap();
        [lease, again]
    };
    let held = one.lease().await;
    assert!(!lost.is_held().await && !lost_too.is_held().await && held.is_held().await);
    lost.finish().await;
    lost_too.retry(Duration::ZERO).await;
    assert_eq!(depth(&one).await, Depth { leased: 1, ..Depth::default() });
    assert!(held.is_held().await);
    held.finish().await;
    assert_eq!(depth(&one).await, Depth::default());
}

#[tokio::test]
async fn whatever_key_is_evicted_who_asks_again_gets_the_job_done() {
    for victim in ["job:CA", "line:", "turns:", "ready", "delayed", "leased", "running:", "claim:", ""] {
        for place in ["ready", "delayed", "dead worker's"] {
            let remote = Remote::new();
            let queue = remote.worker().await;
            ensure(&queue, &[job(1, "t", Play)]).await;
            match place {
                "delayed" => queue.lease().await.retry(Duration::from_millis(300)).await,
                "dead worker's" => dies_over_it(&remote, &queue).await,
                _ => {}
            }
            let script = format!(
                "EVAL \"for _, key in ipairs(redis.call('KEYS', 'landfall:{victim}*')) do redis.call('DEL', key) end\" 0"
            );
            remote.redis.say(&script).unwrap();
            ensure(&queue, &[job(1, "t", Play)]).await;
            let lease = tokio::time::timeout(Duration::from_secs(4), queue.lease()).await;
            let lease = lease.unwrap_or_else(|_| panic!("{place} without {victim}*: {:?}", remote.redis.say("KEYS *")));
            assert_eq!(lease.job(), &job(1, "t", Play));
            lease.finish().await;
            assert_eq!(depth(&queue).await, Depth::default(), "{place} without {victim}*");
        }
    }
}

#[tokio::test]
async fn a_worker_at_work_keeps_its_job_when_redis_is_emptied() {
    let remote = Remote::new();
    let (one, other) = (remote.worker().await, remote.worker().await);
    ensure(&one, &[job(1, "t", Play)]).await;
    let lease = one.lease().await;
    remote.redis.say("FLUSHALL").unwrap();
    assert!(lease.is_held().await, "its heartbeat brings the job back");
    assert!(!other.ensure(job(1, "t", Play)).await.unwrap());
    assert!(nothing_to_do(&other).await, "nobody does it a second time");
    lease.finish().await;
    assert_eq!(depth(&one).await, Depth::default());
}

#[tokio::test]
async fn a_job_that_was_asked_for_again_meanwhile_is_its_worker_s_still() {
    let remote = Remote::new();
    let (one, other) = (remote.worker().await, remote.worker().await);
    ensure(&one, &[job(1, "t", Prefetch)]).await;
    let lease = one.lease().await;
    remote.redis.say("FLUSHALL").unwrap();
    assert!(other.restore(job(1, "t", Play)).await.unwrap());
    assert!(nothing_to_do(&other).await, "its worker has time to speak");
    assert!(lease.is_held().await);
    assert_eq!(depth(&one).await, Depth { leased: 1, ..Depth::default() });
    lease.finish().await;
    assert_eq!(depth(&one).await, Depth::default());
}

#[tokio::test]
async fn a_lost_job_of_a_dead_worker_is_given_out_after_a_moment() {
    let remote = Remote::new();
    let queue = remote.worker().await;
    queue.restore(job(1, "t", Play)).await.unwrap();
    let begun = Instant::now();
    queue.lease().await;
    assert!((3..6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn scripts_that_redis_has_forgotten_are_sent_again() {
    let remote = Remote::new();
    let queue = remote.worker().await;
    ensure(&queue, &[job(1, "t", Play)]).await;
    remote.redis.say("SCRIPT FLUSH").unwrap();
    ensure(&queue, &[job(2, "t", Play)]).await;
    assert_eq!(depth(&queue).await.ready, 2);
}

#[tokio::test]
async fn while_redis_is_away_questions_fail_fast_and_workers_come_back_by_themselves() {
    let mut remote = Remote::new();
    let queue = remote.worker().await;
    remote.redis.kill().unwrap();
    let begun = Instant::now();
    for n in 0..200 {
        assert!(queue.ensure(job(n, "t", Play)).await.is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?} for 200 questions", begun.elapsed());
    let (lease, _) = tokio::join!(queue.lease(), async {
        remote.redis.restart().unwrap();
        while queue.ensure(job(1, "t", Play)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(lease.job(), &job(1, "t", Play));
}

#[tokio::test]
async fn a_paused_redis_costs_a_second_once_and_no_job() {
    let remote = Remote::new();
    let (queue, other) = (remote.worker().await, remote.worker().await);
    let waits = async { queue.lease().await };
    let pause = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ensure(&other, &[job(1, "u", Prefetch)]).await;
        remote.redis.pause().unwrap();
        let begun = Instant::now();
        for n in 2..100 {
            assert!(other.ensure(job(n, "t", Play)).await.is_err());
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_secs(3)).await;
        remote.redis.resume().unwrap();
    };
    let (lease, ()) = tokio::join!(waits, pause);
    assert_eq!((lease.deaths(), lease.tries()), (0, 0), "an answer that was not heard is asked for again");
}

#[tokio::test]
async fn the_queue_and_its_dead_letters_are_bounded() {
    let remote = Remote::new();
    let queue = remote.worker().await;
    ensure(&queue, &[job(1, "t", Play)]).await;
    let second = scripts::ensure(&queue.0, &job(2, "t", Play), 1, Duration::ZERO).await.unwrap();
    assert_eq!(second, Value::Int(-1), "there is room for one");
    queue.lease().await.finish().await;
    for n in 0..1010 {
        ensure(&queue, &[job(n, "t", Play)]).await;
        queue.lease().await.give_up(Code::SourceFailed).await;
    }
    assert_eq!(depth(&queue).await, Depth { dead: 1000, ..Depth::default() });
}

/// Microseconds of Redis that a job costs from its enqueueing to its end, with so many others in line.
async fn cost_of_a_job(others: u32) -> f64 {
    const MEASURED: u32 = 500;
    let remote = Remote::new();
    let queue = remote.worker().await;
    let tenant = |n: u32| format!("tenant {}", n % 50);
    let fill = futures_util::stream::iter(0..others).map(|n| queue.ensure(job(n, &tenant(n), Prefetch)));
    fill.buffer_unordered(64).for_each(async |new| assert!(new.unwrap())).await;
    remote.redis.say("CONFIG RESETSTAT").unwrap();
    for n in others..others + MEASURED {
        queue.ensure(job(n, &tenant(n), Prefetch)).await.unwrap();
        queue.lease().await.finish().await;
    }
    let stats = remote.redis.say("INFO commandstats").unwrap();
    let usec =
        stats.split("cmdstat_evalsha:").nth(1).and_then(|of| of.split("usec=").nth(1)?.split(',').next()?.parse().ok());
    usec.map(|usec: f64| usec / f64::from(MEASURED)).expect("scripts were run")
}

#[tokio::test]
async fn a_job_costs_the_same_with_20_and_with_20_000_in_line() {
    let (few, many) = (cost_of_a_job(20).await, cost_of_a_job(20_000).await);
    println!("{few:.0} µs of Redis with 20 others, {many:.0} µs with 20,000");
    assert!(many < 3.0 * few, "{many} µs, not {few} µs");
}

/// Redis' clock is three hours behind what it was: what is leased or waits until then moves with it.
#[tokio::test]
async fn a_clock_that_is_put_back_keeps_nobody_waiting() {
    let remote = Remote::new();
    let (one, other) = (remote.worker().await, remote.worker().await);
    ensure(&one, &[job(1, "t", Play), job(2, "t", Play)]).await;
    let (dead, again) = (one.lease().await, one.lease().await);
    let (leased, delayed) = (dead.job().sid, again.job().sid);
    again.retry(Duration::from_millis(100)).await;
    std::mem::forget(dead);
    one.0.in_hand().clear();
    let put_back = format!(
        "EVAL \"local t = redis.call('TIME') local was = t[1] * 1000 + 10800000 redis.call('SET', 'landfall:clock', was) \
         redis.call('HSET', 'landfall:job:{leased}', 'token', 'dead') redis.call('ZADD', 'landfall:leased', was - 1, '{leased}') \
         redis.call('ZADD', 'landfall:delayed', was + 100, '{delayed}') return 1\" 0"
    );
    assert_eq!(remote.redis.say(&put_back).unwrap().trim(), ":1");
    let soon = tokio::time::timeout(Duration::from_secs(5), async { [other.lease().await, other.lease().await] });
    let given: std::collections::BTreeSet<_> =
        soon.await.expect("in time").iter().map(|lease| lease.job().sid).collect();
    assert_eq!(given, [leased, delayed].into());
}
