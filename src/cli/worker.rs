//! `landfall worker`: downloads what servers queue in Redis, until it is told to stop.

use std::process::ExitCode;

use super::serve::{raise_file_limit, runtime, until_told, work_options};
use super::{BAD_CONFIG, complain, failed, logging};
use crate::config::{Config, Fault, Faults, JobsBy, Wrong};
use crate::telemetry;
use crate::work::{WorkOptions, Worker};

pub(super) fn run(config: Config) -> ExitCode {
    if config.jobs == JobsBy::Rq {
        let what = "is rq: RQ's workers download, and there is nothing for this one to do";
        return refused(
            "jobs",
            what,
            "Run `rq worker` for rq.queue; or set jobs = \"landfall\" for server and workers alike",
        );
    }
    let Some(options) = work_options(&config) else {
        let what = "is not set, and a worker takes its jobs from Redis";
        let mend = "Set redis_url for server and workers alike; without it, `landfall serve` downloads by itself";
        return refused("redis_url", what, mend);
    };
    logging::init(&config);
    raise_file_limit();
    match runtime().map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(work(options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why),
    }
}

fn refused(key: &str, what: &str, mend: &str) -> ExitCode {
    let wrong = Wrong { what: what.into(), mend: mend.into() };
    complain(Faults(vec![Fault { key: key.into(), variable: None, wrong }]));
    ExitCode::from(BAD_CONFIG)
}

async fn work(options: WorkOptions) -> Result<(), String> {
    let metrics = telemetry::install().map_err(|error| error.to_string())?;
    let worker = Worker::start(options, metrics).await.map_err(|error| error.to_string())?;
    until_told().await.map_err(|error| error.to_string())?;
    worker.stop().await;
    Ok(())
}
