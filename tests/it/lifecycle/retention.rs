//! What is too old or too much goes, oldest first; what is held, served or nobody's stays.

use landfall::recording::Timestamp;
use loadtest::twilio::{NewRecording, Recording};
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

use super::{deleted_at_source, files, hold, is_gone};
use crate::support::{Bench, Knobs, SECRET};

const DAY_MS: i64 = 86_400_000;

/// `landfall prune` beside the running server; the lines it prints.
async fn prune(bench: &Bench, args: &[&str], retention: &str) -> Vec<String> {
    let directory = bench.directory.path();
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .arg("prune")
        .args(args)
        .current_dir(directory)
        .env("LANDFALL_VOLUME", bench.volume())
        .env("LANDFALL_DATABASE_URL", format!("sqlite://{}", directory.join("landfall.db").display()))
        .env("LANDFALL_AUTH__JWT_SECRET", SECRET)
        .env("LANDFALL_RETENTION", retention)
        .output()
        .await
        .expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A recording of a call so many days ago, whose file a foreign worker has placed.
async fn placed(bench: &Bench, days: i64) -> Recording {
    let recording = bench.simulator.add(NewRecording { seconds: 5.0, ..Default::default() });
    let started_at = Timestamp(Timestamp::now().0 - days * DAY_MS).to_string();
    bench.register(&recording, json!({"tenant": "t", "started_at": started_at})).await;
    bench.place(&file(&recording), &bench.bytes_of(&recording));
    recording
}

fn file(recording: &Recording) -> String {
    format!("{}.mp3", recording.call_sid)
}

/// Looks at it once, so that it is known to have landed, and not as a listener.
async fn known(bench: &Bench, recording: &Recording) {
    assert_eq!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await["state"], "ready");
}

#[tokio::test]
async fn what_is_too_old_expires_and_the_rest_stays() {
    let bench = Bench::start().await;
    let [old, held, young] = [placed(&bench, 40).await, placed(&bench, 41).await, placed(&bench, 20).await];
    let undated = bench.landed(NewRecording { seconds: 5.0, ..Default::default() }).await;
    bench.place(&format!("CA{:032x}.mp3", 99), &bench.bytes_of(&old));
    bench.place("notes.txt", b"not ours");
    hold(&bench, Method::PUT, &held.call_sid).await;
    known(&bench, &old).await;
    let before = files(&bench);
    let says = prune(&bench, &["--dry-run"], r#"{"days": 30}"#).await;
    assert!(says[0].starts_with(&format!("{} days (", old.call_sid)), "{says:?}");
    assert_eq!(says.len(), 2, "{says:?}");
    assert_eq!(files(&bench), before, "a trial removes nothing");

    assert_eq!(prune(&bench, &[], r#"{"days": 30}"#).await[0], says[0]);
    let mut left = [file(&held), file(&young), file(&undated), format!("CA{:032x}.mp3", 99), "notes.txt".into()];
    left.sort();
    assert_eq!(files(&bench), left);
    is_gone(&bench, &old.call_sid, "expired").await;
    assert_eq!(bench.simulator.stats(&old.recording_sid).media_requests, 0, "a play does not bring it back");

    hold(&bench, Method::DELETE, &held.call_sid).await;
    assert_eq!(prune(&bench, &[], r#"{"days": 30}"#).await.len(), 2);
    is_gone(&bench, &held.call_sid, "expired").await;
    assert_eq!(
        prune(&bench, &[], "{}").await,
        ["nothing expires: neither retention.days nor retention.max_bytes is set"]
    );
}

#[tokio::test]
async fn what_is_too_much_goes_from_the_oldest_on() {
    let bench = Bench::start().await;
    let mut recordings = Vec::new();
    for days in [3, 5, 1, 4, 2] {
        recordings.push((days, placed(&bench, days).await));
    }
    recordings.sort_by_key(|(days, _)| -days);
    let recordings: Vec<Recording> = recordings.into_iter().map(|(_, recording)| recording).collect();
    let size = |recording: &Recording| bench.bytes_of(recording).len();
    let room: usize = recordings[2..].iter().map(size).sum();
    hold(&bench, Method::PUT, &recordings[0].call_sid).await;
    // The held one counts, and two others make room for it.
    let says = prune(&bench, &[], &json!({"max_bytes": room}).to_string()).await;
    let removed: Vec<&str> = says[..says.len() - 1].iter().map(|line| &line[..34]).collect();
    assert_eq!(removed[0], recordings[1].call_sid);
    assert!(says[0].contains(" bytes ("), "{says:?}");
    assert!(!removed.contains(&&*recordings[0].call_sid), "{says:?}");
    let lying: usize = recordings.iter().filter(|r| bench.volume().join(file(r)).exists()).map(size).sum();
    assert!(lying <= room, "{lying} of {room}");
    assert!(!removed.contains(&&*recordings[4].call_sid), "the youngest stays: {says:?}");
}

#[tokio::test]
async fn what_somebody_listens_to_does_not_expire_meanwhile() {
    let bench = Bench::start().await;
    let [heard, unheard] = [placed(&bench, 40).await, placed(&bench, 40).await];
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", heard.call_sid)).await.status(), 200);
    known(&bench, &unheard).await;
    prune(&bench, &[], r#"{"days": 30}"#).await;
    assert_eq!(files(&bench), [file(&heard)]);
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", heard.call_sid)).await.status(), 200);
}

#[tokio::test]
async fn what_lands_again_after_it_has_expired_is_removed_again() {
    let bench = Bench::start().await;
    let old = placed(&bench, 40).await;
    prune(&bench, &[], r#"{"days": 30}"#).await;
    bench.place(&file(&old), &bench.bytes_of(&old));
    super::emptied(&bench).await;
    is_gone(&bench, &old.call_sid, "expired").await;
}

#[tokio::test]
async fn expiry_takes_the_providers_copy_along_where_that_is_wished() {
    let retention = landfall::retention::RetentionOptions { delete_at_source: true, ..Default::default() };
    let bench = Bench::with(Knobs { retention, ..Default::default() }).await;
    let old = placed(&bench, 40).await;
    prune(&bench, &[], r#"{"days": 30, "delete_at_source": true}"#).await;
    deleted_at_source(&bench, &old).await;
}
