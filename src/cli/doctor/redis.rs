//! Redis, where jobs and signals go through it.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::check::Check;
use crate::broker::Broker;
use crate::config::{Config, JobsBy};
use crate::jobs::{Jobs, RedisJobs};

const NAME: &str = "redis";

/// Whether it is there and answers; and what it says of downloads that were given up.
pub(super) async fn redis(config: &Config) -> Check {
    let Some(url) = &config.redis_url else {
        return Check::skip(NAME, "redis_url is not set: jobs and signals stay in the one process");
    };
    let mend =
        "check that it runs, and host, password and database of redis_url: redis-cli -u \"$LANDFALL_REDIS_URL\" PING";
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let broker = match Broker::new(url) {
        Ok(broker) => broker,
        Err(error) => return Check::fail(NAME, error.to_string(), mend),
    };
    broker.start(&tasks, &stop).await;
    let check = match config.jobs {
        JobsBy::Landfall => downloads(broker, config, mend).await,
        JobsBy::Rq => match broker.check().await {
            Ok(()) => Check::ok(NAME, "answers; the check of rq tells of downloads"),
            Err(error) => Check::fail(NAME, error.to_string(), mend),
        },
    };
    stop.cancel();
    check
}

async fn downloads(broker: Broker, config: &Config, mend: &str) -> Check {
    match RedisJobs::new(broker, config.worker.per_tenant as usize).depth().await {
        Ok(depth) if depth.dead > 0 => Check::warn(
            NAME,
            format!("answers; {} downloads were given up, {} wait", depth.dead, depth.ready + depth.delayed),
            "look why: redis-cli -u \"$LANDFALL_REDIS_URL\" XREVRANGE landfall:dead + - COUNT 10",
        ),
        Ok(depth) => Check::ok(NAME, format!("answers; {} downloads wait", depth.ready + depth.delayed)),
        Err(error) => Check::fail(NAME, error.to_string(), mend),
    }
}
