//! Calls of which another system keeps a table: nobody registers them here.

use std::time::Duration;

use landfall::catalog::{CallLogOptions, Columns, PostgresOptions, TableName};
use loadtest::postgres::Database;
use loadtest::twilio::{NewRecording, Recording};
use reqwest::Method;
use serde_json::json;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::AbortOnDropHandle;

use crate::doctor::Doctor;
use crate::support::{Bench, Knobs, token};

const TABLE: &str = "CREATE TABLE call_log (id serial PRIMARY KEY, call_sid varchar(64), parent_call_sid varchar(64),
    business_id integer, recording_url varchar(512), recording_sid varchar(64), created_at timestamp DEFAULT now(),
    duration integer, status varchar(32)); CREATE INDEX ON call_log (call_sid); CREATE INDEX ON call_log (created_at)";
const SOON: Duration = Duration::from_secs(60);

/// The other system's database.
pub(super) struct App {
    client: Client,
    database: Database,
    _alive: AbortOnDropHandle<()>,
}

impl App {
    pub(super) async fn start() -> Self {
        let database = Database::create().unwrap();
        let (client, connection) = tokio_postgres::connect(&database.direct_url(), NoTls).await.unwrap();
        let alive = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
        client.batch_execute(TABLE).await.unwrap();
        Self { client, database, _alive: alive }
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// Writes down a call of that business, as it happens.
    pub(super) async fn write(&self, call_sid: &str, business: u32, parent: Option<&str>) {
        let parent = parent.map_or("NULL".into(), |sid| format!("'{sid}'"));
        let sql = "INSERT INTO call_log (call_sid, business_id, parent_call_sid, duration, status)";
        self.run(&format!("{sql} VALUES ('{call_sid}', {business}, {parent}, 61, 'completed')")).await;
    }

    /// The table, for a server.
    pub(super) fn options(&self) -> CallLogOptions {
        CallLogOptions {
            database: PostgresOptions::parse(&self.database.url()).unwrap(),
            table: TableName::parse("public.call_log").unwrap(),
            columns: Columns::default(),
            default_account: Some(account()),
        }
    }

    /// A server that takes its calls from here.
    async fn bench(&self, more: Knobs) -> Bench {
        Bench::with(Knobs { call_log: Some(self.options()), ..more }).await
    }
}

/// The simulator's own.
fn account() -> String {
    loadtest::twilio::Options::default().accounts[0].sid.clone()
}

fn file(recording: &Recording) -> String {
    format!("/api/recordings/file/{}?wait=20", recording.call_sid)
}

/// Waits until the list of the tenant 7 has so many items.
async fn listed(bench: &Bench, least: usize) -> Vec<serde_json::Value> {
    let begun = tokio::time::Instant::now();
    loop {
        let list = bench.request(Method::GET, "/api/recordings?limit=100", &token("7", "agent")).send().await.unwrap();
        let list: serde_json::Value = list.json().await.unwrap();
        let items = list["items"].as_array().unwrap().clone();
        if items.len() >= least {
            return items;
        }
        assert!(begun.elapsed() < SOON, "{list}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn get(bench: &Bench, path: &str, tenant: &str) -> reqwest::Response {
    bench.request(Method::GET, path, &token(tenant, "agent")).send().await.unwrap()
}

#[tokio::test]
async fn a_call_that_only_the_table_knows_is_played_by_its_tenant_and_by_no_other() {
    let app = App::start().await;
    let bench = app.bench(Knobs { database: Some(app.database.url()), ..Default::default() }).await;
    let recording = bench.simulator.add(NewRecording::default());
    app.write(&recording.call_sid, 7, None).await;
    assert_eq!(get(&bench, &file(&recording), "8").await.status(), 404);
    let played = get(&bench, &file(&recording), "7").await;
    assert_eq!((played.status().as_u16(), played.bytes().await.unwrap()), (200, bench.bytes_of(&recording)));
    let mut socket = bench.socket_of(&token("7", "agent")).await;
    assert_eq!(socket.subscribe(&recording.call_sid, "watch").await["state"], "ready");
    assert_eq!(get(&bench, &format!("/api/recordings/file/CA{:032x}", 9), "7").await.status(), 404);
}

#[tokio::test]
async fn lists_show_what_was_there_before_what_is_new_and_what_has_changed() {
    let app = App::start().await;
    app.run(
        "INSERT INTO call_log (call_sid, business_id, created_at)
         SELECT 'CA' || lpad(to_hex(n), 32, '0'), 7, now() - n * interval '1 minute' FROM generate_series(1, 600) n;
         INSERT INTO call_log (call_sid, business_id) VALUES ('garbage', 7), (NULL, 7), ('CA' || repeat('e', 32), NULL)",
    )
    .await;
    let bench = app.bench(Knobs { database: Some(app.database.url()), ..Default::default() }).await;
    let items = listed(&bench, 100).await;
    assert_eq!(items[0]["sid"], format!("CA{:032x}", 1), "the newest first");
    let begun = tokio::time::Instant::now();
    while get(&bench, &format!("/api/recordings?q=CA{:032x}", 600), "7").await.text().await.unwrap().len() < 60 {
        assert!(begun.elapsed() < SOON, "the oldest is not there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let fresh = bench.simulator.add(NewRecording::default());
    app.write(&fresh.call_sid, 7, None).await;
    while listed(&bench, 1).await[0]["sid"] != fresh.call_sid.as_str() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    app.run(&format!(
        "UPDATE call_log SET duration = 99, recording_sid = '{}' WHERE call_sid = '{}'",
        fresh.recording_sid, fresh.call_sid
    ))
    .await;
    let begun = tokio::time::Instant::now();
    while listed(&bench, 1).await[0]["recording_sid"] != fresh.recording_sid.as_str() {
        assert!(begun.elapsed() < SOON, "it has not changed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(listed(&bench, 1).await[0]["duration_ms"], 99_000);
    assert!(bench.metric("landfall_call_log_rows_total{outcome=\"skipped\"}").await >= 3.0);
}

#[tokio::test]
async fn a_leg_plays_what_was_recorded_of_its_call_and_goes_with_it() {
    let app = App::start().await;
    let bench = app.bench(Knobs::default()).await;
    let recording = bench.simulator.add(NewRecording::default());
    let leg = format!("CA{:032x}", 5);
    app.write(&recording.call_sid, 7, None).await;
    app.write(&leg, 7, Some(&recording.call_sid)).await;
    let path = format!("/api/recordings/file/{leg}?wait=20");
    for _ in 0..2 {
        let played = get(&bench, &path, "7").await;
        assert_eq!((played.status().as_u16(), played.bytes().await.unwrap()), (200, bench.bytes_of(&recording)));
    }
    let mut socket = bench.socket_of(&token("7", "agent")).await;
    assert_eq!(socket.subscribe(&leg, "watch").await["state"], "ready");
    let erase = bench.request(Method::DELETE, &format!("/api/recordings/{leg}"), &token("7", "admin"));
    assert_eq!(erase.send().await.unwrap().status(), 204);
    for sid in [&leg, &recording.call_sid] {
        assert_eq!(get(&bench, &format!("/api/recordings/file/{sid}"), "7").await.status(), 410, "{sid}");
    }
    assert!(!bench.volume().join(format!("{}.mp3", recording.call_sid)).exists());
}

#[tokio::test]
async fn a_callback_of_a_call_that_only_the_table_knows_fetches_the_recording() {
    let app = App::start().await;
    // The account's unknown calls would be another tenant's: the table knows better.
    let bench = app.bench(Knobs { account_tenant: Some("t"), ..Default::default() }).await;
    let recording = bench.simulator.add(NewRecording::default());
    app.write(&recording.call_sid, 7, None).await;
    let url = format!("{}/webhook/recording_status", bench.url);
    assert_eq!(bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap().status, 204);
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
    assert_eq!(get(&bench, &file(&recording), "7").await.status(), 200);
    assert_eq!(get(&bench, &file(&recording), "t").await.status(), 404);
}

#[tokio::test]
async fn while_the_table_is_away_known_calls_are_as_ever_and_unknown_ones_are_not_called_unknown() {
    let app = App::start().await;
    let bench = app.bench(Knobs::default()).await;
    let (known, unknown) = (bench.landed(NewRecording::default()).await, bench.simulator.add(NewRecording::default()));
    let fresh = bench.registered("t", NewRecording::default()).await;
    app.write(&unknown.call_sid, 7, None).await;
    app.run("ALTER TABLE call_log RENAME TO elsewhere").await;
    assert_eq!(bench.get(&file(&known)).await.status(), 200);
    assert_eq!(bench.get(&file(&fresh)).await.status(), 200, "also one that has not landed");
    let answer = get(&bench, &file(&unknown), "7").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "catalog_unavailable");
    let mut socket = bench.socket().await;
    let both = json!({"type": "subscribe", "id": 1, "sids": [known.call_sid, unknown.call_sid], "intent": "watch"});
    socket.say(both).await;
    let told = socket.until("subscribed").await;
    assert_eq!(told["recordings"][0]["state"], "ready");
    assert_eq!(told["recordings"][1]["error"]["code"], "catalog_unavailable");
    let ready = bench.get("/readyz").await;
    assert_eq!(ready.status(), 503);
    let ready: serde_json::Value = ready.json().await.unwrap();
    let failed = |check: &&serde_json::Value| check["ok"] == false;
    let failed: Vec<_> = ready["checks"].as_array().unwrap().iter().filter(failed).map(|c| c["name"].clone()).collect();
    assert_eq!(failed, ["call_log"]);
    // A callback is kept, whoever's call it is.
    let url = format!("{}/webhook/recording_status", bench.url);
    assert_eq!(bench.simulator.callback(&url, &unknown.recording_sid, "completed").await.unwrap().status, 204);
    app.run("ALTER TABLE elsewhere RENAME TO call_log").await;
    // Nobody asks: it is announced already, and becomes known by itself.
    bench.simulator.until(&unknown.recording_sid, |stats| stats.media_requests == 1).await;
    assert_eq!(bench.get("/readyz").await.status(), 200);
    assert_eq!(get(&bench, &file(&unknown), "7").await.status(), 200);
}

#[tokio::test]
async fn doctor_says_what_the_table_holds_and_how_to_mend_what_is_wrong() {
    let app = App::start().await;
    let bench = app.bench(Knobs::default()).await;
    app.write(&format!("CA{:032x}", 1), 7, None).await;
    let doctor = || Doctor::of(&bench).with("CALL_LOG__DATABASE_URL", &app.database.url());
    doctor().json().await.holds("call_log", "ok", &["1 rows", "1 are calls"]);
    doctor().with("CALL_LOG__TENANT", "tenant_id").json().await.holds(
        "call_log",
        "fail",
        &["tenant_id", "\\\\d call_log"],
    );
    doctor().with("CALL_LOG__TABLE", "app.calls").json().await.holds("call_log", "fail", &["app.calls"]);
    app.run("DROP INDEX call_log_call_sid_idx").await;
    doctor().json().await.holds("call_log", "warn", &["CREATE INDEX CONCURRENTLY ON call_log (call_sid)"]);
    app.run("UPDATE call_log SET created_at = now() + interval '3 hours'").await;
    doctor().json().await.holds("call_log", "warn", &["in the future", "AT TIME ZONE"]);
    Doctor::of(&bench).json().await.holds("call_log", "skip", &["not configured"]);
}
