//! The way between two processes is closed and opened again: to Redis from a server, to Redis from a worker, to the
//! database from all.

use std::time::Duration;

use loadtest::postgres::Database;
use loadtest::twilio::{NewRecording, Recording};
use tokio::time::{Instant, sleep};

use super::forgetful::{lives_without, unready};
use super::{bench, held};
use crate::support::{Bench, Crowd, Knobs, Process, Proxy, TOLD_WITHIN, Way, toll};

/// Longer than a lease lasts.
const LONG: Duration = Duration::from_secs(12);

pub(super) async fn some(bench: &Bench, count: usize, new: fn() -> NewRecording) -> Vec<Recording> {
    let mut recordings = Vec::new();
    for _ in 0..count {
        recordings.push(bench.registered("t", new()).await);
    }
    recordings
}

pub(super) fn sids(recordings: &[Recording]) -> impl Iterator<Item = &String> {
    recordings.iter().map(|recording| &recording.call_sid)
}

pub(super) async fn until_ready(bench: &Bench) {
    let begun = Instant::now();
    while !unready(bench).await.is_empty() {
        assert!(begun.elapsed() < TOLD_WITHIN, "{}", unready(bench).await);
        sleep(Duration::from_millis(50)).await;
    }
}

/// Nothing is in line, in hand or given up.
async fn until_idle(bench: &Bench) {
    let begun = Instant::now();
    for state in ["ready", "leased", "delayed", "dead"] {
        while bench.metric(&format!("landfall_jobs{{state=\"{state}\"}}")).await != 0.0 {
            assert!(begun.elapsed() < TOLD_WITHIN, "{state}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn between_a_server_and_redis(way: Way, fault: &str) {
    let mut bench = bench().await;
    bench.stop().await;
    let worker = Process::worker(&bench).await;
    let proxy = Proxy::before(bench.redis().port()).await;
    bench.detour = Some(proxy.address());
    let server = Process::start(&mut bench).await;
    let landed = bench.landed(Default::default()).await;
    let (in_hand, fresh) = (some(&bench, 3, held).await, some(&bench, 5, Default::default).await);
    let before = Crowd::of(&[&bench.url], sids(&in_hand));
    for recording in &in_hand {
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    }

    proxy.set(way);
    lives_without(&bench, &landed.call_sid, &fresh[0].call_sid).await;
    // Those come while nothing can be queued, and stay.
    let mut during = Crowd::of(&[&bench.url], sids(&fresh));
    let released = Instant::now();
    for recording in &in_hand {
        bench.simulator.release(&recording.recording_sid);
    }
    // No signal passes: the volume tells it.
    before.told(TOLD_WITHIN).await;
    assert!(released.elapsed() < Duration::from_secs(10), "{:?}", released.elapsed());
    sleep(LONG).await;
    assert_eq!(during.waiting(), fresh.len());

    proxy.set(Way::Open);
    let healed = Instant::now();
    let told = during.told(TOLD_WITHIN).await - healed;
    until_ready(&bench).await;
    until_idle(&bench).await;
    let all: Vec<&Recording> = in_hand.iter().chain(&fresh).chain([&landed]).collect();
    for recording in &all {
        assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    }
    toll(&bench, fault, &all, told).await;
    assert!(server.terminate().await.success());
    assert!(worker.terminate().await.success());
}

#[tokio::test]
async fn a_server_that_is_cut_off_from_redis_serves_tells_and_queues_when_the_way_is_open_again() {
    between_a_server_and_redis(Way::Cut, "server cut off from Redis, 12 s").await;
}

#[tokio::test]
async fn a_server_whose_packets_to_redis_vanish_serves_tells_and_queues_when_the_way_is_open_again() {
    between_a_server_and_redis(Way::Hole, "server's packets to Redis vanish, 12 s").await;
}

async fn between_a_worker_and_redis(way: Way, fault: &str) {
    let mut bench = bench().await;
    let proxy = Proxy::before(bench.redis().port()).await;
    let through = [("LANDFALL_REDIS_URL", format!("redis://{}", proxy.address()))];
    let cut_off = Process::worker_with(&bench, &through).await;
    // Three are in hand, which is all that one tenant may have; three are in line.
    let (in_hand, in_line) = (some(&bench, 3, held).await, some(&bench, 3, Default::default).await);
    let first = Crowd::of(&[&bench.url], sids(&in_hand));
    for recording in &in_hand {
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    }
    let mut second = Crowd::of(&[&bench.url], sids(&in_line));

    proxy.set(way);
    sleep(LONG).await;
    assert_eq!(second.waiting(), in_line.len(), "its leases are over, and nobody else is there");
    // Meanwhile somebody else comes, and takes all of it over.
    let other = Process::worker(&bench).await;
    second.told(TOLD_WITHIN).await;
    for recording in &in_hand {
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests >= 2).await;
        bench.simulator.release(&recording.recording_sid);
    }
    first.told(TOLD_WITHIN).await;

    let (fresh, healed) = (some(&bench, 3, Default::default).await, Instant::now());
    proxy.set(Way::Open);
    let told = Crowd::of(&[&bench.url], sids(&fresh)).told(TOLD_WITHIN).await - healed;
    until_idle(&bench).await;
    let all: Vec<&Recording> = in_hand.iter().chain(&in_line).chain(&fresh).collect();
    toll(&bench, fault, &all, told).await;
    assert!(cut_off.terminate().await.success());
    assert!(other.terminate().await.success());
}

#[tokio::test]
async fn a_worker_that_is_cut_off_from_redis_loses_its_jobs_and_does_no_harm_when_it_is_back() {
    between_a_worker_and_redis(Way::Cut, "worker cut off from Redis, 12 s").await;
}

#[tokio::test]
async fn a_worker_whose_packets_to_redis_vanish_loses_its_jobs_and_does_no_harm_when_it_is_back() {
    between_a_worker_and_redis(Way::Hole, "worker's packets to Redis vanish, 12 s").await;
}

/// A way to the database's pooler, and the URL that leads through it.
pub(super) async fn to_the_database(database: &Database) -> (Proxy, String) {
    let url = url::Url::parse(&database.url()).unwrap();
    let proxy = Proxy::before(url.port().unwrap()).await;
    let mut through = url;
    through.set_port(Some(proxy.address().port())).unwrap();
    (proxy, through.into())
}

async fn between_all_and_the_database(way: Way, fault: &str) {
    let database = Database::create().unwrap();
    let (proxy, url) = to_the_database(&database).await;
    let mut bench = Bench::with(Knobs { remote: true, database: Some(url), ..Default::default() }).await;
    bench.stop().await;
    let (server, worker) = (Process::start(&mut bench).await, Process::worker(&bench).await);
    let landed = bench.landed(Default::default()).await;
    let (in_hand, fresh) = (some(&bench, 3, held).await, some(&bench, 5, Default::default).await);
    let first = Crowd::of(&[&bench.url], sids(&in_hand));
    for recording in &in_hand {
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    }

    proxy.set(way);
    let begun = Instant::now();
    while !unready(&bench).await.contains("catalog_unavailable") {
        assert!(begun.elapsed() < Duration::from_secs(5), "it is told");
    }
    let answer = bench.get(&format!("/api/recordings/file/{}", landed.call_sid)).await;
    assert!(answer.bytes().await.unwrap() == bench.bytes_of(&landed), "what is open needs no catalog");
    let mut during = Crowd::of(&[&bench.url], sids(&fresh));
    for recording in &in_hand {
        bench.simulator.release(&recording.recording_sid);
    }
    // A landing is told before the catalog can note it.
    first.told(TOLD_WITHIN).await;
    sleep(LONG).await;
    assert_eq!(during.waiting(), fresh.len());

    proxy.set(Way::Open);
    let healed = Instant::now();
    let told = during.told(TOLD_WITHIN).await - healed;
    until_ready(&bench).await;
    while bench.json("/api/recordings?state=ready").await["items"].as_array().unwrap().len() < 9 {
        assert!(healed.elapsed() < TOLD_WITHIN, "what landed meanwhile is not noted");
        sleep(Duration::from_millis(50)).await;
    }
    until_idle(&bench).await;
    let all: Vec<&Recording> = in_hand.iter().chain(&fresh).chain([&landed]).collect();
    toll(&bench, fault, &all, told).await;
    assert!(server.terminate().await.success());
    assert!(worker.terminate().await.success());
}

#[tokio::test]
async fn all_that_are_cut_off_from_the_database_serve_tell_and_note_it_when_the_way_is_open_again() {
    between_all_and_the_database(Way::Cut, "all cut off from PostgreSQL, 12 s").await;
}

#[tokio::test]
async fn all_whose_packets_to_the_database_vanish_serve_tell_and_note_it_when_the_way_is_open_again() {
    between_all_and_the_database(Way::Hole, "all packets to PostgreSQL vanish, 12 s").await;
}
