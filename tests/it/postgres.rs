//! The whole way over PostgreSQL, behind a transaction pooler; and what becomes of listeners while it is away.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use loadtest::postgres::{Cluster, Database};
use loadtest::twilio::NewRecording;
use reqwest::Method;
use serde_json::json;
use tokio_postgres::NoTls;

use crate::support::{Bench, Knobs, token, toll};

fn held() -> NewRecording {
    NewRecording { held: true, ..Default::default() }
}

async fn bench(database: &Database) -> Bench {
    Bench::with(Knobs { database: Some(database.url()), ..Default::default() }).await
}

/// The epoch that a new socket is welcomed with.
async fn epoch(bench: &Bench) -> serde_json::Value {
    let bearer = format!("landfall.bearer.{}", token("t", "agent"));
    crate::support::Socket::open(&bench.url, &["landfall.v1", &bearer]).await.next().await["epoch"].clone()
}

#[tokio::test]
async fn from_registration_to_sound_and_audit_and_over_a_restart() {
    let database = Database::create().unwrap();
    let mut bench = bench(&database).await;
    let recording = bench.registered("t", held()).await;
    let mut socket = bench.socket().await;
    assert_eq!(socket.subscribe(&recording.call_sid, "watch").await["state"], "unknown");
    let playing = socket.subscribe(&recording.call_sid, "play").await;
    assert!(["queued", "downloading"].contains(&playing["state"].as_str().unwrap()), "{playing}");
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
    bench.simulator.release(&recording.recording_sid);
    let ready = socket.until("ready").await;
    let file = format!("/api/recordings/file/{}", recording.call_sid);
    assert!(bench.get(&file).await.bytes().await.unwrap() == bench.bytes_of(&recording));
    let link = format!("/api/recordings/{}/link", recording.call_sid);
    let link = bench.request(Method::POST, &link, &token("t", "agent")).json(&json!({"purpose": "play"}));
    assert_eq!(link.send().await.unwrap().status(), 200);
    let before = epoch(&bench).await;
    drop(socket);

    bench.stop().await;
    bench.boot().await;
    assert_eq!(epoch(&bench).await, before, "versions go on counting where they were");
    let noted = bench.json("/api/recordings?state=ready").await["items"][0].clone();
    assert_eq!((&noted["sid"], &noted["v"]), (&json!(recording.call_sid), &ready["v"]));
    assert!(bench.get(&file).await.bytes().await.unwrap() == bench.bytes_of(&recording));
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    bench.stop().await;
    bench.boot().await;
    let audit = format!("/api/recordings/{}/audit", recording.call_sid);
    let audit = bench.request(Method::GET, &audit, &token("t", "admin")).send().await.unwrap();
    let audit: serde_json::Value = audit.json().await.unwrap();
    let actions: Vec<_> = audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["played", "linked", "played"]);
    bench.stop().await;
}

#[tokio::test]
async fn two_servers_on_one_database_agree_on_calls_states_and_links() {
    let database = Database::create().unwrap();
    let (one, two) = (bench(&database).await, bench(&database).await);
    let recording = one.registered("t", NewRecording::default()).await;
    assert_eq!(epoch(&one).await, epoch(&two).await);
    assert_eq!(two.json(&format!("/api/recordings/{}", recording.call_sid)).await["state"], "unknown");
    let again = two.register(&recording, json!({"tenant": "t"})).await;
    assert_eq!(again.status(), 200, "it is not created twice");
    let stolen = two.register(&recording, json!({"tenant": "other"})).await;
    assert_eq!(stolen.status(), 409);
    let erased = two.request(Method::DELETE, &format!("/api/recordings/{}", recording.call_sid), &token("t", "admin"));
    assert_eq!(erased.send().await.unwrap().status(), 204);
    let gone = one.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    assert_eq!((&gone["state"], &gone["code"]), (&json!("gone"), &json!("erased")));
}

#[tokio::test]
async fn while_the_database_is_away_what_has_landed_is_served_and_waiters_stay_until_it_is_back() {
    let home = tempfile::tempdir().unwrap();
    // The server runs as another user.
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let cluster = Stopped(Cluster::start(home.path()).unwrap());
    let database = Database::on(cluster.0.clone()).unwrap();
    let bench = bench(&database).await;
    let (landed, held) = (bench.landed(Default::default()).await, bench.registered("t", held()).await);
    let (watched, fresh) =
        (bench.registered("t", Default::default()).await, bench.registered("t", Default::default()).await);
    let mut socket = bench.socket().await;
    socket.subscribe(&held.call_sid, "play").await;
    socket.subscribe(&watched.call_sid, "watch").await;
    bench.simulator.until(&held.recording_sid, |stats| stats.media_in_flight == 1).await;

    cluster.0.stop_server().unwrap();
    let file = |sid: &str| format!("/api/recordings/file/{sid}");
    assert_eq!(bench.get(&file(&landed.call_sid)).await.status(), 200);
    let refused = bench.get(&file(&fresh.call_sid)).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["code"], "catalog_unavailable");
    let ready = bench.get("/readyz").await;
    assert_eq!(ready.status(), 503);
    let ready: serde_json::Value = ready.json().await.unwrap();
    let catalog = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "catalog").unwrap();
    assert_eq!(catalog["code"], "catalog_unavailable");
    // A landing needs no catalog to be told.
    bench.simulator.release(&held.recording_sid);
    assert_eq!(socket.until("ready").await["sid"], held.call_sid);

    cluster.0.start_server().unwrap();
    let back = tokio::time::Instant::now();
    while bench.get("/readyz").await.status() != 200 {
        assert!(back.elapsed() < Duration::from_secs(15), "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(bench.get(&format!("{}?wait=20", file(&watched.call_sid))).await.status(), 200);
    socket.until_state(&watched.call_sid, "ready").await;
    let told = back.elapsed();
    while bench.json("/api/recordings?state=ready").await["items"].as_array().unwrap().len() < 3 {
        assert!(back.elapsed() < Duration::from_secs(30), "the landing is not noted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    toll(&bench, "PostgreSQL stopped and started again", &[&landed, &held, &watched], told).await;
}

#[tokio::test]
async fn a_database_that_hangs_is_told_in_time_and_used_again_when_it_goes_on() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let cluster = Stopped(Cluster::start(home.path()).unwrap());
    let database = Database::on(cluster.0.clone()).unwrap();
    let bench = bench(&database).await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let state = format!("/api/recordings/{}", recording.call_sid);
    cluster.0.signal_pooler("STOP").unwrap();
    let begun = tokio::time::Instant::now();
    let (known, unready) = tokio::join!(bench.get(&state), bench.get("/readyz"));
    assert_eq!((known.status().as_u16(), unready.status().as_u16()), (503, 503));
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    cluster.0.signal_pooler("CONT").unwrap();
    assert_eq!(bench.get(&state).await.status(), 200);
}

/// A server that ends with the test.
struct Stopped(Cluster);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[tokio::test]
async fn a_storm_of_subscriptions_costs_one_query_a_batch() {
    let database = Database::create().unwrap();
    let bench = bench(&database).await;
    let (client, connection) = tokio_postgres::connect(&database.direct_url(), NoTls).await.unwrap();
    let alive = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    client.batch_execute("CREATE EXTENSION pg_stat_statements").await.unwrap();
    let count = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements s
                 JOIN pg_database d ON d.oid = s.dbid WHERE datname = current_database() AND s.query LIKE '%FROM recordings%ANY($1)%'";
    let mut sids = Vec::new();
    for _ in 0..3 {
        sids.push(bench.registered("t", NewRecording::default()).await.call_sid);
    }
    sids.extend((0..197).map(|n| format!("CA{n:032x}")));
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(bench.socket().await);
    }
    let before: i64 = client.query_one(count, &[]).await.unwrap().get(0);
    let subscribe = json!({"type": "subscribe", "id": 1, "sids": sids, "intent": "watch"});
    let storm = sockets.iter_mut().map(|socket| async {
        socket.say(subscribe.clone()).await;
        let answer = socket.until("subscribed").await;
        let (known, unknown) = answer["recordings"].as_array().unwrap().split_at(3);
        assert!(known.iter().all(|recording| recording["state"] == "unknown"), "{known:?}");
        assert!(unknown.iter().all(|recording| recording["error"]["code"] == "not_found") && unknown.len() == 197);
    });
    futures_util::future::join_all(storm).await;
    let after: i64 = client.query_one(count, &[]).await.unwrap().get(0);
    // A sweep may fall into it.
    assert!((20..=20 + 2).contains(&(after - before)), "{} statements", after - before);
    drop(alive);
}
