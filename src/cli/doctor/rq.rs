//! RQ's workers, where these do the downloads: whether any are there for the queue, and what lies in it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::check::Check;
use crate::broker::Broker;
use crate::config::Config;
use crate::jobs::QueueError;
use crate::jobs::rq::{RqJobs, Staff, Teller, Told};
use crate::recording::Sid;
use crate::secret::Secret;

const NAME: &str = "rq";

/// No job is made here.
struct NothingToTell;

#[async_trait]
impl Teller for NothingToTell {
    async fn told(&self, _: Sid) -> Result<Option<Told>, QueueError> {
        Ok(None)
    }

    async fn looked_up(&self, _: Sid) -> Result<Option<Told>, QueueError> {
        Ok(None)
    }
}

/// Whether somebody does the downloads.
pub(super) async fn rq(config: &Config) -> Check {
    let (Some(options), Some(url)) = (config.rq_options(), &config.redis_url) else {
        return Check::skip(NAME, "jobs is not rq: downloads are done by landfall");
    };
    let queue = options.queue.clone();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let broker = match Broker::new(url) {
        Ok(broker) => broker,
        Err(error) => return Check::fail(NAME, error.to_string(), "see the check of redis"),
    };
    broker.start(&tasks, &stop).await;
    let staff = RqJobs::new(broker, options, Arc::new(NothingToTell), &tasks, &stop).staff().await;
    stop.cancel();
    match staff {
        Ok(staff) => judge(&queue, &staff, url),
        Err(error) => Check::fail(NAME, error.to_string(), "see the check of redis"),
    }
}

fn judge(queue: &str, staff: &Staff, url: &Secret) -> Check {
    // Where a password stands in the URL, it is not for a terminal.
    let url = if url.reveal().contains('@') { "\"$LANDFALL_REDIS_URL\"" } else { url.reveal() };
    let depth = staff.depth;
    let found =
        format!("queue {queue}: {} jobs in line, {} at work, {} workers", depth.ready, depth.leased, staff.workers);
    if staff.is_suspended {
        return Check::fail(NAME, format!("{found}; all workers are suspended"), format!("rq resume --url {url}"));
    }
    if staff.workers == 0 {
        let mend = format!(
            "start one that mounts the same volume: rq worker {queue} --url {url}; where some run, rq.queue or the database \
             in redis_url is not theirs (rq info --url {url})"
        );
        return Check::fail(NAME, found, mend);
    }
    if depth.dead > 0 {
        let mend = format!(
            "look why: rq info --url {url} --raw; rq requeue --all --queue {queue} --url {url} tries them again"
        );
        return Check::warn(NAME, format!("{found}; {} jobs failed within the last day", depth.dead), mend);
    }
    Check::ok(NAME, found)
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;
    use crate::jobs::Depth;

    fn judged(workers: u64, dead: u64, is_suspended: bool, url: &str) -> Check {
        let depth = Depth { ready: 4, leased: 1, dead, delayed: 0 };
        judge("recordings", &Staff { depth, workers, is_suspended }, &Secret::new(url))
    }

    #[test]
    fn a_queue_without_a_worker_fails_and_says_how_to_start_one() {
        let check = judged(0, 0, false, "redis://redis:6379/0");
        assert_eq!(
            (check.status, &*check.detail),
            (Status::Fail, "queue recordings: 4 jobs in line, 1 at work, 0 workers")
        );
        assert!(check.mend.unwrap().contains("rq worker recordings --url redis://redis:6379/0;"));
    }

    #[test]
    fn suspended_workers_and_failed_jobs_are_told() {
        assert!(judged(2, 0, true, "redis://redis").mend.unwrap().starts_with("rq resume"));
        assert_eq!(judged(2, 3, false, "redis://redis").status, Status::Warn);
        assert_eq!(judged(2, 0, false, "redis://redis").status, Status::Ok);
    }

    #[test]
    fn no_password_is_shown() {
        let mend = judged(0, 0, false, "redis://:hunter2@redis").mend.unwrap();
        assert!(mend.contains("--url \"$LANDFALL_REDIS_URL\"") && !mend.contains("hunter2"), "{mend}");
    }
}
