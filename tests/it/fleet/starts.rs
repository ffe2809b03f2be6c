//! Processes that start while what they need is away: they start, say so, and need nobody when it comes.

use std::time::Duration;

use loadtest::postgres::Database;
use loadtest::twilio::Recording;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::forgetful::unready;
use super::partition::{sids, some, to_the_database, until_ready};
use super::{bench, held};
use crate::support::{Bench, Crowd, Knobs, Process, Socket, TOLD_WITHIN, Way, free, token, toll};

/// Time in which a process that is going to end would have ended.
const A_WHILE: Duration = Duration::from_secs(3);

async fn on(database: Option<String>, remote: bool) -> Bench {
    Bench::with(Knobs { remote, database, ..Default::default() }).await
}

/// Waits until it answers, and says that this is wrong.
async fn is_up_but(bench: &Bench, code: &str) {
    let begun = Instant::now();
    while reqwest::get(format!("{}/healthz", bench.url)).await.map_or(0, |answer| answer.status().as_u16()) != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it answers");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(unready(bench).await.contains(code));
}

#[tokio::test]
async fn server_and_worker_start_while_the_database_is_away_say_so_and_need_nobody_when_it_comes() {
    // One that no Landfall has ever seen.
    let database = Database::create().unwrap();
    let (proxy, url) = to_the_database(&database).await;
    proxy.set(Way::Cut);
    let mut bench = on(Some(url), true).await;
    bench.stop().await;
    let (at, operators) = (free(), free());
    let mut server = Process::server_at(&bench, at, &[]);
    let mut worker = Process::worker_at(&bench, operators, &[]);
    bench.url = format!("http://{at}");
    is_up_but(&bench, "catalog_unavailable").await;
    let (recording, file) = (bench.simulator.add(Default::default()), "/api/recordings/file/");
    let refused = bench.get(&format!("{file}{}", recording.call_sid)).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "catalog_unavailable");
    let events = bench.get(&format!("/api/recordings/events?sid={}", recording.call_sid)).await;
    assert_eq!(events.status(), 503);
    let bearer = format!("landfall.bearer.{}", token("t", "agent"));
    assert_eq!(Socket::open(&bench.url, &["landfall.v1", &bearer]).await.closed().await, 4500, "it is to come again");
    assert_eq!(bench.register(&recording, json!({"tenant": "t"})).await.status(), 503);
    sleep(A_WHILE).await;
    is_up_but(&bench, "catalog_unavailable").await;

    let crowd = Crowd::of(&[&bench.url], [&recording.call_sid]);
    proxy.set(Way::Open);
    let healed = Instant::now();
    server.ready(at).await;
    worker.ready(operators).await;
    assert_eq!(bench.register(&recording, json!({"tenant": "t"})).await.status(), 201);
    let told = crowd.told(TOLD_WITHIN).await - healed;
    toll(&bench, "PostgreSQL away while all start", &[&recording], told).await;
    assert!(server.terminate().await.success());
    assert!(worker.terminate().await.success());
}

#[tokio::test]
async fn downloads_of_the_last_run_are_taken_up_when_a_database_that_was_away_at_the_start_comes() {
    let database = Database::create().unwrap();
    let (proxy, url) = to_the_database(&database).await;
    let mut bench = on(Some(url), false).await;
    let recording = bench.registered("t", held()).await;
    bench.socket().await.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    bench.stop().await;
    bench.simulator.release(&recording.recording_sid);
    proxy.set(Way::Cut);
    bench.boot().await;
    is_up_but(&bench, "catalog_unavailable").await;
    proxy.set(Way::Open);
    // Nobody plays it.
    let (file, begun) = (bench.volume().join(format!("{}.mp3", recording.call_sid)), Instant::now());
    while !file.exists() {
        assert!(begun.elapsed() < TOLD_WITHIN);
        sleep(Duration::from_millis(50)).await;
    }
    until_ready(&bench).await;
}

#[tokio::test]
async fn a_database_that_refuses_us_is_no_database_that_is_away() {
    let database = Database::create().unwrap();
    let mut bench = on(Some(database.url()), false).await;
    bench.stop().await;
    let wrong_password = database.url().replace("hunter2", "hunter3");
    let no_such_database = database.direct_url().replace("/test_", "/no_such_");
    for url in [wrong_password, no_such_database] {
        let ended = Process::server_at(&bench, free(), &[("LANDFALL_DATABASE_URL", url)]).ended().await;
        assert_eq!(ended.code(), Some(1), "an operator must mend it");
    }
}

#[tokio::test]
async fn server_and_worker_start_while_redis_is_away_say_so_and_need_nobody_when_it_comes() {
    let mut bench = bench().await;
    let worker = bench.worker().await;
    let landed = bench.landed(Default::default()).await;
    let recordings = some(&bench, 3, Default::default).await;
    worker.stop().await;
    bench.stop().await;
    bench.redis().kill().unwrap();
    let (at, operators) = (free(), free());
    let mut server = Process::server_at(&bench, at, &[]);
    let mut worker = Process::worker_at(&bench, operators, &[]);
    bench.url = format!("http://{at}");
    is_up_but(&bench, "queue_unavailable").await;
    let served = bench.get(&format!("/api/recordings/file/{}", landed.call_sid)).await;
    assert!(served.bytes().await.unwrap() == bench.bytes_of(&landed));
    let mut crowd = Crowd::of(&[&bench.url], sids(&recordings));
    sleep(A_WHILE).await;
    assert_eq!(crowd.waiting(), recordings.len());

    bench.redis().restart().unwrap();
    let healed = Instant::now();
    server.ready(at).await;
    worker.ready(operators).await;
    let told = crowd.told(TOLD_WITHIN).await - healed;
    let all: Vec<&Recording> = recordings.iter().chain([&landed]).collect();
    toll(&bench, "Redis away while all start", &all, told).await;
    assert!(server.terminate().await.success());
    assert!(worker.terminate().await.success());
}

/// A request has five seconds of patience; signing in takes seven.
#[tokio::test]
async fn a_database_that_lets_in_slower_than_requests_have_patience_is_used_all_the_same() {
    let database = Database::create().unwrap();
    let (proxy, url) = to_the_database(&database).await;
    let bench = on(Some(url), false).await;
    let recording = bench.registered("t", Default::default()).await;
    proxy.set(Way::Cut);
    while !unready(&bench).await.contains("catalog_unavailable") {}
    proxy.set(Way::Slow(Duration::from_secs(7)));
    let begun = Instant::now();
    let state = format!("/api/recordings/{}", recording.call_sid);
    let agent = token("t", "agent");
    while bench.request(Method::GET, &state, &agent).send().await.unwrap().status() != 200 {
        assert!(begun.elapsed() < TOLD_WITHIN, "it never fills");
    }
}
