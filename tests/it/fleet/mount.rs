//! The fault that all this began with: a worker that writes to a private directory at the volume's path.

use std::time::Duration;

use loadtest::twilio::NewRecording;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{bench, ready};
use crate::support::{Bench, Process, toll};

/// Until everybody knows.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);

async fn readiness(url: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("{url}/readyz")).await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn code_of_volume(readiness: &Value) -> &str {
    let checks = readiness["checks"].as_array().expect("checks");
    let volume = checks.iter().find(|check| check["name"] == "volume").expect("a check of the volume");
    volume["code"].as_str().unwrap_or("")
}

async fn until_shared(bench: &Bench, value: f64) {
    let begun = Instant::now();
    while !bench.metrics().await.contains(&format!("landfall_volume_shared {value}\n")) {
        assert!(begun.elapsed() < KNOWN_WITHIN, "{value} was to be told");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_worker_on_a_private_directory_lands_nothing_everybody_says_so_and_all_heals_when_the_mount_is_mended() {
    let bench = bench().await;
    let told = bench.metrics().await.lines().any(|line| line.starts_with("landfall_volume_shared "));
    assert!(!told, "nobody is there to compare with");
    let recording = bench.registered("t", NewRecording::default()).await;
    let Some((worker, address)) = Process::worker_without_the_volume(&bench).await else {
        eprintln!("not tested: nobody may mount here");
        return;
    };
    let mut socket = bench.socket().await;
    // Somebody waits before anybody knows, and is told as soon as it is known.
    socket.subscribe(&recording.call_sid, "play").await;
    let failed = socket.until("failed").await;
    assert_eq!((&failed["code"], &failed["temporary"]), (&"volume_mismatch".into(), &true.into()));
    until_shared(&bench, 0.0).await;
    let (status, told) = readiness(&bench.url).await;
    assert_eq!((status, code_of_volume(&told)), (503, "volume_mismatch"));
    let (status, told) = readiness(&format!("http://{address}")).await;
    assert_eq!((status, code_of_volume(&told)), (503, "volume_mismatch"));
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert_eq!(
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["code"].as_str()),
        (503, Some("volume_mismatch"))
    );
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0, "nothing was fetched for nobody");
    worker.mend_the_mount(&bench).await;
    let mended = Instant::now();
    // The listener has done nothing, and hears of it.
    socket.until("ready").await;
    let told = mended.elapsed();
    until_shared(&bench, 1.0).await;
    assert_eq!(readiness(&bench.url).await.0, 200);
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert!(answer.bytes().await.unwrap() == bench.bytes_of(&recording));
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    toll(&bench, "worker without the volume, until the mount was mended", &[&recording], told).await;
    assert!(worker.terminate().await.success());
}

#[tokio::test]
async fn one_worker_on_a_private_directory_beside_a_good_one_costs_nobody_anything() {
    let bench = bench().await;
    let good = bench.worker().await;
    let Some((bad, _)) = Process::worker_without_the_volume(&bench).await else {
        eprintln!("not tested: nobody may mount here");
        return;
    };
    until_shared(&bench, 0.0).await;
    assert_eq!(readiness(&bench.url).await.0, 200, "a good worker is there");
    for _ in 0..10 {
        let recording = bench.registered("t", NewRecording::default()).await;
        ready(&mut bench.socket().await, &recording.call_sid).await;
        assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    }
    drop(bad);
    good.stop().await;
}
