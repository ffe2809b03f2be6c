//! Faults of the disk. What has landed is served as long as it can be read; the rest fails with the right code, and
//! heals without a restart.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Recording};
use serde_json::{Value, json};

use crate::support::{Bench, Knobs, Mount};

async fn impatient() -> Bench {
    Bench::with(Knobs { give_up_after: Duration::from_secs(3), ..Default::default() }).await
}

/// A server whose volume is a small disk.
async fn on_a_small_disk() -> Option<(Bench, Mount)> {
    let mut bench = impatient().await;
    bench.stop().await;
    let mount = Mount::over(&bench.volume(), 8)?;
    bench.boot().await;
    Some((bench, mount))
}

fn file(recording: &Recording) -> String {
    format!("/api/recordings/file/{}", recording.call_sid)
}

async fn serves(bench: &Bench, recording: &Recording) {
    let answer = bench.get(&file(recording)).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.unwrap() == bench.bytes_of(recording));
}

/// The status and the code of a problem.
async fn problem(bench: &Bench, path: &str) -> (u16, String) {
    let answer = bench.get(path).await;
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{status}");
    (status, answer.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned())
}

async fn readiness(bench: &Bench) -> (u16, String) {
    let answer = bench.get("/readyz").await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn fails(bench: &Bench, recording: &Recording, code: &str) {
    let mut socket = bench.socket().await;
    let mut state = socket.subscribe(&recording.call_sid, "play").await;
    while state["state"] != "failed" {
        state = socket.next().await;
    }
    assert_eq!((&state["code"], &state["temporary"]), (&json!(code), &json!(true)));
    assert_eq!(problem(bench, &file(recording)).await, (503, code.to_owned()));
}

async fn lands(bench: &Bench, recording: &Recording) {
    let answer = bench.get(&format!("{}?wait=20", file(recording))).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    serves(bench, recording).await;
    bench.no_parts().await;
}

#[tokio::test]
async fn a_full_disk_fails_what_is_to_land_serves_what_has_and_heals() {
    let Some((bench, mount)) = on_a_small_disk().await else { return };
    let landed = bench.landed(Default::default()).await;
    let filler = mount.0.join("filler");
    let room = 1_500_000;
    let used = bench.bytes_of(&landed).len();
    std::fs::write(&filler, vec![0; 8 * 1024 * 1024 - used - room]).unwrap();
    // The one is known to be too long before its first byte; the other when the disk is full.
    let known = bench.registered("t", NewRecording { seconds: 600.0, ..Default::default() }).await;
    let faults = Some(Faults { no_content_length: true, ..Default::default() });
    let unknown = bench.registered("t", NewRecording { seconds: 600.0, faults, ..Default::default() }).await;
    assert!(bench.bytes_of(&known).len() > room);
    tokio::join!(fails(&bench, &known, "disk_full"), fails(&bench, &unknown, "disk_full"));
    serves(&bench, &landed).await;
    let small = bench.landed(Default::default()).await;
    serves(&bench, &small).await;
    // To the last byte: not even a note about progress finds room.
    let mut rest = std::fs::File::create(mount.0.join("rest")).unwrap();
    while std::io::Write::write(&mut rest, &[0; 4096]).is_ok() {}
    let (status, checks) = readiness(&bench).await;
    assert_eq!(status, 503);
    assert!(checks.contains("disk_full"), "{checks}");
    let third = bench.registered("t", Default::default()).await;
    fails(&bench, &third, "disk_full").await;
    serves(&bench, &landed).await;
    std::fs::remove_file(mount.0.join("rest")).unwrap();
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(readiness(&bench).await.0, 200);
    lands(&bench, &third).await;
    lands(&bench, &known).await;
}

#[tokio::test]
async fn a_read_only_volume_fails_what_is_to_land_serves_what_has_and_heals() {
    let Some((bench, mount)) = on_a_small_disk().await else { return };
    let (landed, open) = (bench.landed(Default::default()).await, bench.landed(Default::default()).await);
    serves(&bench, &open).await;
    let fresh = bench.registered("t", Default::default()).await;
    mount.remount("ro");
    let (status, checks) = readiness(&bench).await;
    assert_eq!(status, 503);
    assert!(checks.contains("volume_unavailable"), "{checks}");
    fails(&bench, &fresh, "volume_unavailable").await;
    serves(&bench, &open).await;
    serves(&bench, &landed).await;
    mount.remount("rw");
    assert_eq!(readiness(&bench).await.0, 200);
    lands(&bench, &fresh).await;
}

#[tokio::test]
async fn a_vanished_volume_is_told_from_an_empty_one_and_heals_when_it_is_back() {
    let bench = impatient().await;
    let (open, closed) = (bench.landed(Default::default()).await, bench.registered("t", Default::default()).await);
    std::fs::write(bench.volume().join(format!("{}.mp3", closed.call_sid)), bench.bytes_of(&closed)).unwrap();
    let fresh = bench.registered("t", Default::default()).await;
    serves(&bench, &open).await;
    let mut watcher = bench.socket().await;
    watcher.subscribe(&fresh.call_sid, "watch").await;
    let away = bench.directory.path().join("away");
    std::fs::rename(bench.volume(), &away).unwrap();
    for another in [false, true] {
        if another {
            std::fs::create_dir(bench.volume()).unwrap();
        }
        assert_eq!(problem(&bench, &file(&closed)).await, (503, "volume_unavailable".into()), "{another}");
        assert_eq!(problem(&bench, &file(&fresh)).await, (503, "volume_unavailable".into()), "{another}");
        let mut socket = bench.socket().await;
        let refused = socket.subscribe(&fresh.call_sid, "play").await;
        assert_eq!(refused["error"], json!({"code": "volume_unavailable", "temporary": true}));
        assert_eq!(socket.subscribe(&fresh.call_sid, "watch").await["state"], "unknown", "who only asks is told");
        assert_eq!(readiness(&bench).await.0, 503);
        serves(&bench, &open).await;
    }
    assert!(std::fs::read_dir(bench.volume()).unwrap().next().is_none(), "nothing was put into the other directory");
    std::fs::remove_dir(bench.volume()).unwrap();
    std::fs::rename(&away, bench.volume()).unwrap();
    assert_eq!(readiness(&bench).await.0, 200);
    serves(&bench, &closed).await;
    lands(&bench, &fresh).await;
    watcher.until("ready").await;
}

#[tokio::test]
async fn a_volume_that_vanishes_during_a_download_fails_it_and_nothing_is_lost() {
    let bench = impatient().await;
    let fresh = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&fresh.call_sid, "play").await;
    bench.simulator.until(&fresh.recording_sid, |stats| stats.media_in_flight == 1).await;
    let away = bench.directory.path().join("away");
    std::fs::rename(bench.volume(), &away).unwrap();
    bench.simulator.release(&fresh.recording_sid);
    assert_eq!(socket.until("failed").await["code"], "volume_unavailable");
    std::fs::rename(&away, bench.volume()).unwrap();
    lands(&bench, &fresh).await;
}

#[tokio::test]
async fn a_landed_file_that_was_emptied_or_removed_is_fetched_anew() {
    let bench = Bench::start().await;
    for remove in [false, true] {
        let recording = bench.landed(Default::default()).await;
        let path = bench.volume().join(format!("{}.mp3", recording.call_sid));
        // Waiters are told before the catalog has noted it.
        while bench.json("/api/recordings?state=ready").await["items"].as_array().unwrap().len()
            < 1 + usize::from(remove)
        {}
        let before = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
        if remove {
            std::fs::remove_file(&path).unwrap();
        } else {
            std::fs::File::create(&path).unwrap();
        }
        lands(&bench, &recording).await;
        let after = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
        assert_eq!(after["etag"], before["etag"], "the same bytes, the same validator");
        assert!(after["v"].as_u64() > before["v"].as_u64());
    }
}

#[tokio::test]
async fn what_only_has_the_name_of_a_recording_has_not_landed() {
    let bench = impatient().await;
    let outside = bench.directory.path().join("outside.mp3");
    let fifo = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let link = |path: &Path| std::os::unix::fs::symlink(&outside, path).unwrap();
    let junk = |path: &Path| std::fs::write(path, vec![b'?'; 50_000]).unwrap();
    let cut = |path: &Path| std::fs::write(path, b"RIFF\xff\xff\xff\x00WAVEfmt ").unwrap();
    let makers: [&dyn Fn(&Path); 4] = [&fifo, &link, &junk, &cut];
    for make in makers {
        let recording = bench.registered("t", Default::default()).await;
        std::fs::write(&outside, bench.bytes_of(&recording)).unwrap();
        make(&bench.volume().join(format!("{}.mp3", recording.call_sid)));
        assert_eq!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await["state"], "unknown");
        lands(&bench, &recording).await;
        assert!(std::fs::read(&outside).unwrap() == bench.bytes_of(&recording), "what lies outside is left alone");
    }
    let blocked = bench.registered("t", Default::default()).await;
    std::fs::create_dir(bench.volume().join(format!("{}.mp3", blocked.call_sid))).unwrap();
    fails(&bench, &blocked, "volume_unavailable").await;
}
