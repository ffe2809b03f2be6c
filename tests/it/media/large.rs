//! Long recordings: sent in windows, byte for byte, without becoming memory.

use std::fs::File;
use std::io::Write;

use loadtest::twilio::{Format, NewRecording};
use reqwest::Method;

use super::{Landed, ask};
use crate::support::{Bench, token, wav_header};

/// What the server makes resident at a time.
const WINDOW: usize = 2 * 1024 * 1024;

#[tokio::test]
async fn what_is_longer_than_a_window_arrives_byte_for_byte() {
    let size = 3 * WINDOW + 12_345;
    let landed = Landed::of(size).await;
    assert!(landed.is_whole(&landed.get(&[]).await));
    let edges = [
        (0, WINDOW),
        (0, WINDOW + 1),
        (1, WINDOW + 1),
        (WINDOW - 1, WINDOW + 1),
        (WINDOW, 2 * WINDOW),
        (WINDOW - 5, 3 * WINDOW + 5),
        (4095, size - 4097),
        (2 * WINDOW + 1, size),
        (size - 1, size),
    ];
    for (from, to) in edges {
        let answer = landed.range(&format!("bytes={from}-{}", to - 1)).await;
        assert_eq!((answer.status, answer.body.len()), (206, to - from));
        assert!(answer.body == landed.bytes[from..to], "{from}..{to}");
    }
    let several = landed.range(&format!("bytes=0-{},{}-", WINDOW + 99, 2 * WINDOW)).await;
    assert_eq!(several.status, 206);
    assert_eq!(several.field("content-length"), several.body.len().to_string());
    let has = |range: &[u8]| several.body.windows(range.len()).any(|window| window == range);
    assert!(has(&landed.bytes[WINDOW - 50..WINDOW + 100]) && has(&landed.bytes[size - 50..]));
}

#[tokio::test]
async fn an_hour_fetched_from_the_provider_is_what_it_sent() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording { seconds: 3600.0, ..Default::default() }).await;
    let expected = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    assert!(expected.len() > 3 * WINDOW);
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    let whole = ask(&bench, Method::GET, &path, &[]).await;
    assert!(whole.status == 200 && whole.body == expected);
    // As a browser seeks: from somewhere to the end, joined to what it has.
    let from = expected.len() / 5 * 4;
    let seek = [("range", &*format!("bytes={from}-")), ("if-range", whole.field("etag"))];
    let seek = ask(&bench, Method::GET, &path, &seek).await;
    assert!(seek.status == 206 && seek.body == expected[from..]);
    let state = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    let duration = state["duration_ms"].as_i64().unwrap();
    assert!((duration - recording.duration_ms as i64).abs() < 200, "{duration}");
}

#[tokio::test]
async fn a_client_that_hangs_up_harms_nobody() {
    let landed = Landed::of(8 * WINDOW).await;
    for _ in 0..20 {
        let url = format!("{}{}", landed.bench.url, landed.path());
        let mut answer = landed.bench.client.get(url).bearer_auth(token("t", "agent")).send().await.unwrap();
        assert!(answer.chunk().await.unwrap().is_some());
        drop(answer);
    }
    assert!(landed.is_whole(&landed.get(&[]).await));
}

/// More than any window or buffer; the process may grow by less than a tenth of it.
const HUGE: u64 = 600_000_000;
const MOST_MB: u64 = 48;

/// A server with a recording of 600 MB, and its path.
async fn huge() -> (Bench, String) {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let part = bench.volume().join("sparse.part");
    let mut file = File::create(&part).unwrap();
    file.write_all(&wav_header(HUGE)).unwrap();
    file.set_len(HUGE).unwrap();
    std::fs::rename(part, bench.volume().join(format!("{}.wav", recording.call_sid))).unwrap();
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    assert_eq!(ask(&bench, Method::HEAD, &path, &[]).await.field("content-length"), HUGE.to_string());
    (bench, path)
}

#[tokio::test]
async fn memory_does_not_grow_while_several_read_a_whole_recording() {
    const CLIENTS: usize = 3;
    let (bench, path) = huge().await;
    let before = resident_mb();
    let clients = (0..CLIENTS).map(async |_| {
        let mut answer = bench.get(&path).await;
        let (mut came, mut most, mut look_at) = (0, 0, 0);
        while let Some(chunk) = answer.chunk().await.unwrap() {
            came += chunk.len() as u64;
            if came >= look_at {
                most = most.max(resident_mb());
                look_at = came + HUGE / 20;
            }
        }
        (came, most)
    });
    let ends = futures_util::future::join_all(clients).await;
    assert!(ends.iter().all(|(came, _)| *came == HUGE));
    let most = ends.iter().map(|(_, most)| *most).max().unwrap();
    assert!(most < before + MOST_MB, "{before} MB before, {most} MB while {CLIENTS} clients read");
    assert!(resident_mb() < before + MOST_MB, "{before} MB before, {} MB after", resident_mb());
}

#[tokio::test]
async fn memory_does_not_grow_while_somebody_seeks_all_over_a_recording() {
    const STEP: u64 = 1_000_000;
    let (bench, path) = huge().await;
    let before = resident_mb();
    for at in (0..HUGE).step_by(2 * STEP as usize) {
        let range = format!("bytes={at}-{}", at + STEP - 1);
        assert_eq!(ask(&bench, Method::GET, &path, &[("range", &range)]).await.body.len() as u64, STEP);
    }
    assert!(resident_mb() < before + MOST_MB, "{before} MB before, {} MB after", resident_mb());
}

/// What this process holds in memory, files that it maps included.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
