//! Downloads by the workers of a real RQ, of each version that is in use: what a listener is told, whatever becomes of the
//! worker, the job or Redis.

mod faults;
mod staff;

use landfall::jobs::RqOptions;
use landfall::jobs::rq::{Call, Serializer};
use loadtest::twilio::{Faults, NewRecording, Recording, Status};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Duration, Instant};

use crate::support::{Bench, Knobs, SECRET, Socket, token};
use staff::{RqWorker, Version};

/// How the workers of the old system are asked.
fn options(function: &str) -> RqOptions {
    let second = Duration::from_secs(1);
    let args = vec![json!("{call_sid}"), json!("{recording_url}")];
    RqOptions {
        queue: "recordings".into(),
        call: Call { function: format!("recordings.{function}"), args, kwargs: Vec::new() },
        serializer: Serializer::Pickle,
        job_timeout: 60 * second,
        result_ttl: 60 * second,
        failure_ttl: 600 * second,
    }
}

async fn bench_with(options: RqOptions) -> Bench {
    Bench::with(Knobs { remote: true, rq: Some(options), ..Default::default() }).await
}

/// A server whose downloads are done as in the old system, by workers of that version.
async fn bench(version: Version) -> Bench {
    version.installed().await;
    bench_with(options("in_place")).await
}

fn held() -> NewRecording {
    NewRecording { held: true, ..Default::default() }
}

/// Plays it, and does not wait.
async fn plays(bench: &Bench, recording: &Recording) -> Socket {
    let mut socket = bench.socket().await;
    assert_eq!(socket.subscribe(&recording.call_sid, "play").await["state"], "queued");
    socket
}

async fn is_whole(bench: &Bench, recording: &Recording, ready: &Value) {
    let bytes = bench.bytes_of(recording);
    assert_eq!(ready["size"], bytes.len());
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert!(answer.bytes().await.unwrap() == bytes);
}

/// Jobs in line, as Redis counts them.
fn in_line(bench: &mut Bench) -> String {
    bench.redis().say("LLEN rq:queue:recordings").unwrap()
}

/// Waits until so many jobs are in line: one may have to be looked up first.
async fn until_in_line(bench: &mut Bench, jobs: usize) {
    let begun = Instant::now();
    while in_line(bench) != format!(":{jobs}\r\n") {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} in line", in_line(bench));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The old system's way: a pickled job, a file that is written in place; many listeners, one download; and one that fails.
async fn a_play_is_downloaded_and_a_failure_is_told(version: Version) {
    let mut bench = bench(version).await;
    let other = bench.another().await;
    let recording = bench.registered("t", held()).await;
    let mut socket = plays(&bench, &recording).await;
    let mut there = Bench::socket_at(other.url(), &token("t", "agent")).await;
    there.subscribe(&recording.call_sid, "play").await;
    let worker = RqWorker::start(&mut bench, version).await;
    socket.until_state(&recording.call_sid, "downloading").await;
    there.until_state(&recording.call_sid, "downloading").await;
    bench.simulator.release(&recording.recording_sid);
    let ready = socket.until("ready").await;
    assert_eq!(there.until("ready").await["etag"], ready["etag"]);
    is_whole(&bench, &recording, &ready).await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);

    let refused = Faults { server_error: 1000, ..Default::default() };
    let failing = bench.registered("t", NewRecording { faults: Some(refused), ..Default::default() }).await;
    let mut socket = plays(&bench, &failing).await;
    let begun = Instant::now();
    let failed = socket.until("failed").await;
    assert_eq!((&failed["code"], &failed["temporary"]), (&"source_failed".into(), &true.into()));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    // It is for a person to try again: neither RQ nor we do.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(bench.simulator.stats(&failing.recording_sid).media_requests, 1);
    bench.simulator.clear_faults(&failing.recording_sid);
    socket.subscribe(&failing.call_sid, "play").await;
    socket.until("ready").await;
    worker.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_play_is_downloaded_by_rq_1_16_and_a_failure_is_told() {
    a_play_is_downloaded_and_a_failure_is_told(Version::V1).await;
}

#[tokio::test]
async fn a_play_is_downloaded_by_rq_2_and_a_failure_is_told() {
    a_play_is_downloaded_and_a_failure_is_told(Version::V2).await;
}

#[tokio::test]
async fn a_play_is_downloaded_by_rq_3_and_a_failure_is_told() {
    a_play_is_downloaded_and_a_failure_is_told(Version::V3).await;
}

/// Jobs as JSON, arguments of every kind, and a file that is renamed; prefetched, and played meanwhile.
async fn json_and_all_kinds_of_arguments(version: Version) {
    version.installed().await;
    let mut options = options("by_rename");
    options.serializer = Serializer::Json;
    options.call.args = vec![json!([{"deep": true}, "{recording_url}"])];
    let kwargs =
        [("sid", "{sid}"), ("recording", "{recording_sid}"), ("tenant", "{tenant:int}"), ("account", "{account_sid}")];
    options.call.kwargs = kwargs.map(|(name, value)| (name.to_owned(), json!(value))).to_vec();
    let pickled = RqOptions { serializer: Serializer::Pickle, ..options.clone() };
    for options in [options, pickled] {
        let serializer = options.serializer;
        let mut bench = bench_with(options).await;
        let recording = bench.registered("7", NewRecording::default()).await;
        let url = format!("{}/webhooks/twilio/recording-status", bench.url);
        bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap();
        let worker = RqWorker::start_with(&mut bench, version, serializer).await;
        let mut socket = bench.socket_of(&token("7", "agent")).await;
        if socket.subscribe(&recording.call_sid, "play").await["state"] != "ready" {
            socket.until("ready").await;
        }
        let file = bench.volume().join(format!("{}.mp3", recording.call_sid));
        assert!(std::fs::read(file).unwrap() == bench.bytes_of(&recording));
        assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
        worker.stop().await;
    }
}

#[tokio::test]
async fn rq_1_16_takes_json_and_all_kinds_of_arguments() {
    json_and_all_kinds_of_arguments(Version::V1).await;
}

#[tokio::test]
async fn rq_2_takes_json_and_all_kinds_of_arguments() {
    json_and_all_kinds_of_arguments(Version::V2).await;
}

#[tokio::test]
async fn rq_3_takes_json_and_all_kinds_of_arguments() {
    json_and_all_kinds_of_arguments(Version::V3).await;
}

#[tokio::test]
async fn a_play_overtakes_what_is_prefetched() {
    let mut bench = bench_with(options("in_place")).await;
    let url = format!("{}/webhooks/twilio/recording-status", bench.url);
    let mut recordings = Vec::new();
    for _ in 0..4 {
        let recording = bench.registered("t", NewRecording::default()).await;
        bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap();
        recordings.push(recording);
    }
    until_in_line(&mut bench, 4).await;
    let last = &recordings[3];
    let _socket = plays(&bench, last).await;
    let first = bench.redis().say("LINDEX rq:queue:recordings 0").unwrap();
    assert!(first.contains(&format!("landfall-{}", last.call_sid)), "{first}");
    assert_eq!(in_line(&mut bench), ":4\r\n");
}

#[tokio::test]
async fn of_a_call_that_was_not_recorded_no_job_is_made() {
    let mut bench = bench_with(options("in_place")).await;
    let recording = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    let mut socket = plays(&bench, &recording).await;
    assert_eq!(socket.until("gone").await["code"], "absent");
    assert_eq!(in_line(&mut bench), ":0\r\n");
}

#[tokio::test]
async fn an_erasure_takes_the_job_out_of_the_line() {
    let mut bench = bench_with(options("in_place")).await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let mut socket = plays(&bench, &recording).await;
    until_in_line(&mut bench, 1).await;
    let path = format!("/api/recordings/{}", recording.call_sid);
    let erased = bench.request(Method::DELETE, &path, &token("t", "admin")).send().await.unwrap();
    assert_eq!(erased.status(), 204);
    socket.until("gone").await;
    assert_eq!(in_line(&mut bench), ":0\r\n");
}

/// What `landfall doctor` says of RQ. It gives Redis two seconds, which may be too few beside other tests.
async fn doctor(bench: &mut Bench) -> Value {
    loop {
        let check = ask_doctor(bench).await;
        if !check["detail"].as_str().unwrap().contains("no connection") {
            return check;
        }
    }
}

async fn ask_doctor(bench: &mut Bench) -> Value {
    let said = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(["doctor", "--json"])
        .current_dir(bench.directory.path())
        .env("LANDFALL_AUTH__JWT_SECRET", SECRET)
        .env("LANDFALL_REDIS_URL", bench.redis().url())
        .env("LANDFALL_JOBS", "rq")
        .env("LANDFALL_RQ__FUNCTION", "recordings.in_place")
        .output()
        .await
        .unwrap();
    let report: Value = serde_json::from_slice(&said.stdout).unwrap();
    report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "rq").unwrap().clone()
}

#[tokio::test]
async fn doctor_tells_whether_there_are_workers() {
    let versions = [Version::V1, Version::V2, Version::V3];
    for version in versions {
        version.installed().await;
    }
    let mut bench = bench_with(options("in_place")).await;
    let recording = bench.registered("t", NewRecording::default()).await;
    plays(&bench, &recording).await;
    until_in_line(&mut bench, 1).await;
    let check = doctor(&mut bench).await;
    assert_eq!(
        (&check["status"], &check["detail"]),
        (&"fail".into(), &"queue recordings: 1 jobs in line, 0 at work, 0 workers".into())
    );
    for version in versions {
        let worker = RqWorker::start(&mut bench, version).await;
        while bench.json(&format!("/api/recordings/{}", recording.call_sid)).await["state"] != "ready" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let check = doctor(&mut bench).await;
        assert_eq!(check["status"], "ok", "{version:?}: {check}");
        assert!(check["detail"].as_str().unwrap().ends_with("1 workers"), "{version:?}: {check}");
        worker.stop().await;
    }
}
