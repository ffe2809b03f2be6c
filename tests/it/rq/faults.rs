//! What can go wrong between a server and RQ's workers: every wait ends, and nothing is fetched twice that need not be.

use loadtest::twilio::NewRecording;
use tokio::time::{Duration, Instant};

use super::{RqWorker, Version, bench, held, in_line, is_whole, options, plays, until_in_line};
use crate::support::{Bench, Knobs};
use landfall::jobs::rq::Serializer;

/// No waiter waits longer after the fault is over.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// A download that RQ's worker has begun, and that does not come on.
async fn begun(bench: &mut Bench, version: Version) -> (RqWorker, loadtest::twilio::Recording, crate::support::Socket) {
    let recording = bench.registered("t", held()).await;
    let mut socket = plays(bench, &recording).await;
    let worker = RqWorker::start(bench, version).await;
    socket.until_state(&recording.call_sid, "downloading").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    (worker, recording, socket)
}

async fn a_killed_job_is_told(version: Version) {
    let mut bench = bench(version).await;
    let (worker, recording, mut socket) = begun(&mut bench, version).await;
    worker.kill_horse();
    let begun = Instant::now();
    assert_eq!(socket.until("failed").await["code"], "source_failed");
    assert!(begun.elapsed() < TOLD_WITHIN, "{:?}", begun.elapsed());
    bench.simulator.release(&recording.recording_sid);
    socket.subscribe(&recording.call_sid, "play").await;
    let ready = socket.until("ready").await;
    is_whole(&bench, &recording, &ready).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_job_that_is_killed_in_rq_1_16_is_told() {
    a_killed_job_is_told(Version::V1).await;
}

#[tokio::test]
async fn a_job_that_is_killed_in_rq_2_is_told() {
    a_killed_job_is_told(Version::V2).await;
}

#[tokio::test]
async fn a_job_that_is_killed_in_rq_3_is_told() {
    a_killed_job_is_told(Version::V3).await;
}

async fn a_killed_worker_s_job_is_in_line_again(version: Version) {
    let mut bench = bench(version).await;
    let (worker, recording, mut socket) = begun(&mut bench, version).await;
    worker.kill().await;
    assert_eq!(in_line(&mut bench), ":0\r\n");
    // A minute and a half later.
    let job = format!("rq:job:landfall-{}", recording.call_sid);
    bench.redis().say(&format!("HSET {job} last_heartbeat 2020-01-01T00:00:00.000000Z")).unwrap();
    let past = "EVAL \"for _, m in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 1, m) end\" 1 rq:wip:recordings";
    bench.redis().say(past).unwrap();
    until_in_line(&mut bench, 1).await;
    bench.simulator.release(&recording.recording_sid);
    // What a new worker clears away first does not take the new job for the old one.
    let other = RqWorker::start(&mut bench, version).await;
    let ready = socket.until("ready").await;
    is_whole(&bench, &recording, &ready).await;
    other.stop().await;
}

#[tokio::test]
async fn the_job_of_a_worker_of_rq_1_16_that_was_killed_is_in_line_again() {
    a_killed_worker_s_job_is_in_line_again(Version::V1).await;
}

#[tokio::test]
async fn the_job_of_a_worker_of_rq_2_that_was_killed_is_in_line_again() {
    a_killed_worker_s_job_is_in_line_again(Version::V2).await;
}

#[tokio::test]
async fn the_job_of_a_worker_of_rq_3_that_was_killed_is_in_line_again() {
    a_killed_worker_s_job_is_in_line_again(Version::V3).await;
}

#[tokio::test]
async fn whatever_is_evicted_from_the_line_the_download_is_done_once() {
    Version::V3.installed().await;
    for victim in ["rq:job:*", "rq:queue:*", "*"] {
        let mut bench = bench(Version::V3).await;
        let recording = bench.registered("t", NewRecording::default()).await;
        let mut socket = plays(&bench, &recording).await;
        until_in_line(&mut bench, 1).await;
        let evict =
            format!("EVAL \"for _, key in ipairs(redis.call('KEYS', '{victim}')) do redis.call('DEL', key) end\" 0");
        bench.redis().say(&evict).unwrap();
        let worker = RqWorker::start(&mut bench, Version::V3).await;
        let ready = socket.until("ready").await;
        is_whole(&bench, &recording, &ready).await;
        assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1, "without {victim}");
        worker.stop().await;
    }
}

async fn emptied_in_the_middle(version: Version) {
    let mut bench = bench(version).await;
    let (worker, recording, mut socket) = begun(&mut bench, version).await;
    bench.redis().say("FLUSHALL").unwrap();
    // Long enough for two sweeps.
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(in_line(&mut bench), ":0\r\n");
    bench.simulator.release(&recording.recording_sid);
    let ready = socket.until("ready").await;
    is_whole(&bench, &recording, &ready).await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1, "nobody else began it");
    drop(worker);
}

#[tokio::test]
async fn a_redis_that_is_emptied_in_the_middle_costs_no_second_download() {
    emptied_in_the_middle(Version::V1).await;
    emptied_in_the_middle(Version::V3).await;
}

#[tokio::test]
async fn a_redis_that_is_killed_while_a_job_was_in_line_costs_no_listener() {
    let mut bench = bench(Version::V2).await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let mut socket = plays(&bench, &recording).await;
    bench.redis().kill().unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    bench.redis().restart().unwrap();
    let begun = Instant::now();
    let worker = RqWorker::start(&mut bench, Version::V2).await;
    socket.until("ready").await;
    assert!(begun.elapsed() < TOLD_WITHIN, "{:?}", begun.elapsed());
    worker.stop().await;
}

#[tokio::test]
async fn what_no_worker_begins_has_failed_after_a_while_and_is_ready_when_one_comes() {
    let give_up_after = Duration::from_secs(2);
    let knobs = Knobs { remote: true, rq: Some(options("in_place")), give_up_after, ..Default::default() };
    Version::V3.installed().await;
    let mut bench = Bench::with(knobs).await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let mut socket = plays(&bench, &recording).await;
    let failed = socket.until("failed").await;
    assert_eq!((&failed["code"], &failed["temporary"]), (&"queue_unavailable".into(), &true.into()));
    // The job stays where it is, and another play makes no second one.
    socket.subscribe(&recording.call_sid, "play").await;
    assert_eq!(in_line(&mut bench), ":1\r\n");
    socket.until("failed").await;
    let worker = RqWorker::start(&mut bench, Version::V3).await;
    let ready = socket.until("ready").await;
    is_whole(&bench, &recording, &ready).await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_lands_elsewhere_is_found_out() {
    let mut bench = bench(Version::V3).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let recording = bench.registered("t", NewRecording::default()).await;
    let mut socket = plays(&bench, &recording).await;
    let worker = RqWorker::start_on(&mut bench, Version::V3, Serializer::Pickle, elsewhere.path()).await;
    assert_eq!(socket.until("failed").await["code"], "volume_mismatch");
    worker.stop().await;
    // The mount is mended, and the next play is a new job.
    let worker = RqWorker::start(&mut bench, Version::V3).await;
    socket.subscribe(&recording.call_sid, "play").await;
    socket.until("ready").await;
    worker.stop().await;
}
