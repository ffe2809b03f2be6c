//! Faults of the catalog: nobody waits for ever, nobody is told a lie, and the process lives.

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tokio::time::Instant;

use crate::support::{Bench, Knobs, token};

/// A connection of somebody else, who writes and does not come to an end.
async fn lock(bench: &Bench) -> SqliteConnection {
    let url = format!("sqlite://{}", bench.directory.path().join("landfall.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

async fn unlock(connection: SqliteConnection) {
    connection.close().await.unwrap();
}

async fn code(answer: reqwest::Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["code"].clone())
}

async fn state(bench: &Bench, sid: &str) -> Value {
    bench.json(&format!("/api/recordings/{sid}")).await["state"].clone()
}

#[tokio::test]
async fn a_locked_catalog_is_told_and_what_needs_no_writing_goes_on() {
    let bench = Bench::start().await;
    let (landed, fresh) = (bench.landed(Default::default()).await, bench.registered("t", Default::default()).await);
    let new = bench.simulator.add(NewRecording::default());
    let lock = lock(&bench).await;
    let unavailable = (503, json!("catalog_unavailable"));
    let begun = Instant::now();
    let file = format!("/api/recordings/file/{}", fresh.call_sid);
    let (registered, played) = tokio::join!(bench.register(&new, json!({"tenant": "t"})), bench.get(&file));
    assert_eq!(code(registered).await, unavailable);
    assert_eq!(code(played).await, unavailable);
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    let mut socket = bench.socket().await;
    let refused = socket.subscribe(&fresh.call_sid, "play").await;
    assert_eq!(refused["error"], json!({"code": "catalog_unavailable", "temporary": true}));
    assert_eq!(state(&bench, &fresh.call_sid).await, "unknown");
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", landed.call_sid)).await.status(), 200);
    assert_eq!(bench.get("/healthz").await.status(), 200);
    unlock(lock).await;
    assert_eq!(bench.get(&format!("{file}?wait=20")).await.status(), 200);
    assert_eq!(bench.register(&new, json!({"tenant": "t"})).await.status(), 201);
}

#[tokio::test]
async fn a_callback_that_cannot_be_kept_is_not_acknowledged() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let url = format!("{}/webhooks/twilio/recording-status", bench.url);
    let lock = lock(&bench).await;
    let delivery = bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap();
    assert_eq!((delivery.status, delivery.tries), (503, 2), "so that the provider sends it again");
    unlock(lock).await;
}

#[tokio::test]
async fn a_landing_is_told_before_the_catalog_can_note_it_and_noted_when_it_can() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    let lock = lock(&bench).await;
    bench.simulator.release(&recording.recording_sid);
    let begun = Instant::now();
    let ready = socket.until("ready").await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let url = ready["url"].as_str().unwrap().strip_prefix(&bench.url).unwrap();
    assert!(bench.get(url).await.bytes().await.unwrap() == bench.bytes_of(&recording), "it can be heard");
    unlock(lock).await;
    while bench.json("/api/recordings?state=ready").await["items"].as_array().unwrap().is_empty() {}
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    let noted = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    assert!(noted["v"].as_u64() >= ready["v"].as_u64(), "no version is taken back: {noted} after {ready}");
}

/// A hard link makes no event that means a landing: the signal is the only word of it.
#[tokio::test]
async fn a_locked_catalog_keeps_no_landing_from_its_listener_and_notes_it_when_it_can_again() {
    let bench = Bench::start().await;
    let (landed, fresh) = (bench.landed(Default::default()).await, bench.registered("t", Default::default()).await);
    let tell = async |sids: Vec<&String>| {
        let request = bench.request(Method::POST, "/internal/landed", &token("-", "service"));
        assert_eq!(request.json(&json!({"sids": sids})).send().await.unwrap().status(), 204);
    };
    let mut socket = bench.socket().await;
    socket.subscribe(&fresh.call_sid, "watch").await;
    let lock = lock(&bench).await;
    let draft = bench.directory.path().join("draft");
    std::fs::write(&draft, bench.bytes_of(&fresh)).unwrap();
    std::fs::hard_link(&draft, bench.volume().join(format!("{}.mp3", fresh.call_sid))).unwrap();
    tell(vec![&fresh.call_sid]).await;
    socket.until("ready").await;
    // Others wait too, until there is no room for more.
    let refused = "landfall_limits_total{limit=\"landings_to_note\"}";
    assert_eq!(bench.metric(refused).await, 0.0);
    while bench.metric(refused).await == 0.0 {
        tell(vec![&landed.call_sid; 1000]).await;
    }
    unlock(lock).await;
    while bench.json("/api/recordings?state=ready").await["items"].as_array().unwrap().len() < 2 {}
}

#[tokio::test]
async fn a_failure_is_told_before_the_catalog_can_note_it_and_a_later_play_succeeds() {
    let bench = Bench::with(Knobs { give_up_after: Duration::from_secs(60), ..Default::default() }).await;
    let faults = Some(Faults { unauthorized: true, ..Default::default() });
    let recording = bench.registered("t", NewRecording { held: true, faults, ..Default::default() }).await;
    let about = json!({"tenant": "t", "recording_sid": recording.recording_sid});
    assert_eq!(bench.register(&recording, about).await.status(), 200);
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    let lock = lock(&bench).await;
    bench.simulator.release(&recording.recording_sid);
    let failed = socket.until("failed").await;
    assert_eq!(failed["code"], "source_unauthorized");
    unlock(lock).await;
    bench.simulator.clear_faults(&recording.recording_sid);
    // Somebody else plays it, while the first still shows the failure.
    let answer = bench.get(&format!("/api/recordings/file/{}?wait=20", recording.call_sid)).await;
    assert_eq!(answer.status(), 200);
    let ready = socket.until("ready").await;
    assert!(ready["v"].as_u64() > failed["v"].as_u64());
}

#[tokio::test]
async fn a_catalog_that_is_garbage_is_told_and_the_process_lives() {
    let mut bench = Bench::start().await;
    let (landed, fresh) = (bench.landed(Default::default()).await, bench.registered("t", Default::default()).await);
    for file in ["landfall.db", "landfall.db-wal"] {
        let path = bench.directory.path().join(file);
        let length = std::fs::metadata(&path).unwrap().len() as usize;
        let mut file = std::fs::File::options().write(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, &vec![0x5a; length]).unwrap();
    }
    // Pages that a connection has in its cache may still be right; what is read anew is not. Many at once make the server
    // read anew.
    let unknown = format!("/api/recordings/CA{:032x}", 1);
    let known = format!("/api/recordings/{}", fresh.call_sid);
    let paths = [&unknown, &known, "/api/recordings", "/readyz"];
    let answers = futures_util::future::join_all(paths.iter().cycle().take(60).map(|path| bench.get(path))).await;
    for answer in answers {
        let status = answer.status().as_u16();
        assert!([200, 404, 503].contains(&status), "{}: {status}", answer.url());
    }
    let new = bench.simulator.add(NewRecording::default());
    let status = bench.register(&new, json!({"tenant": "t"})).await.status().as_u16();
    assert!([201, 503].contains(&status), "{status}");
    assert_eq!(bench.get("/healthz").await.status(), 200);
    let media = bench.get(&format!("/api/recordings/file/{}", landed.call_sid)).await;
    assert!(media.bytes().await.unwrap() == bench.bytes_of(&landed), "what is open needs no catalog");
    bench.stop().await;
    let why = bench.try_boot().await.expect_err("a server does not start on garbage").to_string();
    assert!(why.starts_with("database_url: "), "{why}");
}
