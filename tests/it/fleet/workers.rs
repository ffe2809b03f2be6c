//! Workers that die, hang, leave, or want the same: each recording lands once, and whoever waits is told.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Recording};
use tokio::time::Instant;

use super::{bench, held, ready};
use crate::support::{Bench, Process, toll};

/// Where most of a long recording still is to come.
const HALF_WAY: u64 = 600_000;
/// Until a dead worker's job is in other hands.
const TAKEN_OVER: Duration = Duration::from_secs(15);

/// A long recording whose download stops half-way, in the hands of the one worker there is.
async fn half_way(bench: &Bench) -> Recording {
    let faults = Faults { hold_after: Some(HALF_WAY), ..Default::default() };
    let recording =
        bench.registered("t", NewRecording { seconds: 300.0, faults: Some(faults), ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    while socket.until("progress").await["received"] != HALF_WAY {}
    recording
}

async fn jobs(bench: &Bench, state: &str) -> f64 {
    bench.metric(&format!("landfall_jobs{{state=\"{state}\"}}")).await
}

#[tokio::test]
async fn a_killed_worker_s_download_is_in_other_hands_within_15_s() {
    let bench = bench().await;
    let (killed, other) = (Process::worker(&bench).await, bench.worker());
    let recording = half_way(&bench).await;
    killed.kill().await;
    bench.simulator.clear_faults(&recording.recording_sid);
    let other = other.await;
    let begun = Instant::now();
    ready(&mut bench.socket().await, &recording.call_sid).await;
    assert!(begun.elapsed() < TAKEN_OVER, "{:?}", begun.elapsed());
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 2);
    toll(&bench, "worker killed in the middle of a download", &[&recording], begun.elapsed()).await;
    // Listeners are told before the job ends.
    while jobs(&bench, "leased").await + jobs(&bench, "ready").await > 0.0 {
        assert!(begun.elapsed() < TAKEN_OVER);
    }
    other.stop().await;
}

/// Nobody is left to say that its lease is over: who reads the metrics must see it all the same.
#[tokio::test]
async fn when_all_workers_are_dead_their_jobs_count_as_waiting_once_their_leases_have_ended() {
    let bench = bench().await;
    let killed = Process::worker(&bench).await;
    half_way(&bench).await;
    assert_eq!((jobs(&bench, "ready").await, jobs(&bench, "leased").await), (0.0, 1.0));
    killed.kill().await;
    let begun = Instant::now();
    while (jobs(&bench, "ready").await, jobs(&bench, "leased").await) != (1.0, 0.0) {
        assert!(begun.elapsed() < TAKEN_OVER);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_worker_that_hangs_loses_its_job_and_does_no_harm_when_it_goes_on() {
    let bench = bench().await;
    let hangs = Process::worker(&bench).await;
    let recording = half_way(&bench).await;
    hangs.pause();
    let other = bench.worker().await;
    bench.simulator.clear_faults(&recording.recording_sid);
    let mut socket = bench.socket().await;
    let told = ready(&mut socket, &recording.call_sid).await;
    assert!(told < TAKEN_OVER, "{told:?}");
    let name = bench.volume().join(format!("{}.mp3", recording.call_sid));
    let landed = std::fs::metadata(&name).unwrap().ino();
    hangs.resume();
    bench.simulator.release(&recording.recording_sid);
    // The first part goes: it was its writer's, which lives.
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 0).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(std::fs::metadata(&name).unwrap().ino(), landed, "it is not landed a second time");
    assert_eq!(socket.pushed().await, Vec::<serde_json::Value>::new(), "and nobody is told anything else");
    toll(&bench, "worker hangs (SIGSTOP), and goes on later", &[&recording], told).await;
    assert_eq!(hangs.terminate().await.code(), Some(0));
    other.stop().await;
}

#[tokio::test]
async fn two_workers_and_many_listeners_of_one_recording_are_one_download() {
    let bench = bench().await;
    let workers = [bench.worker().await, bench.worker().await];
    let other = bench.another().await;
    let recording = bench.registered("t", held()).await;
    let agent = crate::support::token("t", "agent");
    let mut sockets = Vec::new();
    for n in 0..10 {
        let url = if n % 2 == 0 { &bench.url } else { other.url() };
        sockets.push(Bench::socket_at(url, &agent).await);
    }
    for socket in &mut sockets {
        socket.subscribe(&recording.call_sid, "play").await;
    }
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    bench.simulator.release(&recording.recording_sid);
    let released = Instant::now();
    for socket in &mut sockets {
        socket.until("ready").await;
    }
    toll(&bench, "two workers want one recording", &[&recording], released.elapsed()).await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    for worker in workers {
        worker.stop().await;
    }
    other.stop().await;
}

#[tokio::test]
async fn a_job_that_kills_its_workers_ends_as_a_dead_letter_and_its_listeners_are_told() {
    let mut bench = bench().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.redis().say(&format!("HSET landfall:job:{} deaths 5", recording.call_sid)).unwrap();
    let worker = bench.worker().await;
    let failed = socket.until("failed").await;
    assert_eq!((&failed["code"], &failed["temporary"]), (&"source_failed".into(), &true.into()));
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
    while jobs(&bench, "dead").await < 1.0 {}
    // The next play begins anew.
    ready(&mut socket, &recording.call_sid).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_killed_server_costs_no_download() {
    let mut bench = bench().await;
    bench.stop().await;
    let server = Process::start(&mut bench).await;
    let worker = bench.worker().await;
    let recording = bench.registered("t", held()).await;
    bench.socket().await.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    server.kill().await;
    let _server = Process::start(&mut bench).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    let released = Instant::now();
    bench.simulator.release(&recording.recording_sid);
    socket.until("ready").await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    toll(&bench, "server killed in the middle of a download", &[&recording], released.elapsed()).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_finishes_what_it_can_and_hands_back_the_rest_at_once() {
    let bench = bench().await;
    let leaves = Process::worker(&bench).await;
    let (short, long) = (bench.registered("t", held()).await, half_way(&bench).await);
    let mut socket = bench.socket().await;
    socket.subscribe(&short.call_sid, "play").await;
    bench.simulator.until(&short.recording_sid, |stats| stats.media_in_flight == 1).await;
    let stays = bench.worker().await;
    bench.simulator.clear_faults(&long.recording_sid);
    let leaving = async {
        let ended = leaves.terminate().await;
        (ended.code(), Instant::now())
    };
    let finishes = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        bench.simulator.release(&short.recording_sid);
        socket.until_state(&short.call_sid, "ready").await;
    };
    let ((code, left), ()) = tokio::join!(leaving, finishes);
    assert_eq!(code, Some(0));
    assert_eq!(bench.simulator.stats(&short.recording_sid).media_requests, 1, "it was finished where it was begun");
    ready(&mut socket, &long.call_sid).await;
    toll(&bench, "worker told to stop with two downloads in hand", &[&short, &long], left.elapsed()).await;
    assert!(left.elapsed() < Duration::from_secs(5), "{:?}: no lease had to end", left.elapsed());
    let metric = "landfall_leases_lost_total";
    assert_eq!(bench.metric(metric).await, 0.0);
    stays.stop().await;
}
