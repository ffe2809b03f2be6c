//! Media without faults: formats, channels, holding, counting.

use loadtest::twilio::{Format, NewRecording, Status};
use reqwest::StatusCode;

use crate::support::{Bench, drain};

#[tokio::test]
async fn each_format_and_channel_count_is_served_whole_with_its_length() {
    let bench = Bench::start().await;
    let recording = bench.add();
    let sid = &recording.recording_sid;
    for (file, format, channels, kind) in [
        (format!("{sid}.mp3"), Format::Mp3, 2, "audio/mpeg"),
        (format!("{sid}.mp3?RequestedChannels=1"), Format::Mp3, 1, "audio/mpeg"),
        (format!("{sid}.mp3?RequestedChannels=2"), Format::Mp3, 2, "audio/mpeg"),
        (format!("{sid}.wav?RequestedChannels=1"), Format::Wav, 1, "audio/x-wav"),
        (format!("{sid}.wav?RequestedChannels=2"), Format::Wav, 2, "audio/x-wav"),
        (sid.clone(), Format::Wav, 2, "audio/x-wav"),
    ] {
        let answer = bench.get(&format!("Recordings/{file}")).await;
        assert_eq!(
            (answer.status(), &answer.headers()["content-type"]),
            (StatusCode::OK, &kind.parse().expect("a value"))
        );
        let expected = bench.simulator.media_bytes(sid, format, channels);
        assert_eq!(answer.content_length(), Some(expected.len() as u64), "{file}");
        assert!(answer.bytes().await.expect("a body") == expected, "{file}");
    }
    let stats = bench.simulator.until(sid, |stats| stats.media_in_flight == 0).await;
    assert_eq!((stats.media_requests, stats.media_completed, stats.media_max_in_flight), (6, 6, 1));
}

#[tokio::test]
async fn two_channels_of_a_mono_recording_are_a_bad_request() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording { channels: 1, ..Default::default() });
    let sid = &recording.recording_sid;
    assert_eq!(bench.get(&format!("Recordings/{sid}.mp3?RequestedChannels=2")).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(bench.get(&format!("Recordings/{sid}.mp3?RequestedChannels=3")).await.status(), StatusCode::BAD_REQUEST);
    let mono = bench.get(&format!("Recordings/{sid}.mp3?RequestedChannels=1")).await.bytes().await.expect("a body");
    assert_eq!(mono, bench.simulator.media_bytes(sid, Format::Mp3, 1));
}

#[tokio::test]
async fn there_is_no_media_before_the_recording_is_completed_nor_when_it_is_absent() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording { status: Status::Processing, ..Default::default() });
    for (status, expected) in
        [(Status::Processing, 404), (Status::Absent, 404), (Status::Deleted, 404), (Status::Completed, 200)]
    {
        bench.simulator.set_status(&recording.recording_sid, status);
        assert_eq!(bench.mp3(&recording).await.status(), expected, "{status:?}");
    }
}

#[tokio::test]
async fn a_held_recording_answers_when_it_is_released() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording { held: true, ..Default::default() });
    let sid = &recording.recording_sid;
    let release = async {
        let waiting = bench.simulator.until(sid, |stats| stats.media_in_flight == 2).await;
        assert_eq!(waiting.media_completed, 0);
        bench.simulator.release(sid);
    };
    let (first, second, ()) = tokio::join!(bench.body(&recording), bench.body(&recording), release);
    assert!(first.1 && second.1);
    assert_eq!(bench.simulator.stats(sid).media_max_in_flight, 2);
}

#[tokio::test]
async fn a_client_that_gives_up_is_no_longer_in_flight() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording { held: true, ..Default::default() });
    let sid = &recording.recording_sid;
    tokio::select! {
        _ = bench.mp3(&recording) => panic!("it is held"),
        _ = bench.simulator.until(sid, |stats| stats.media_in_flight == 1) => {}
    }
    let stats = bench.simulator.until(sid, |stats| stats.media_in_flight == 0).await;
    assert_eq!((stats.media_requests, stats.media_completed), (1, 0));
}

#[tokio::test]
async fn recordings_share_audio() {
    let bench = Bench::start().await;
    let audio = bench.simulator.speech().call(1, 3_600.0);
    let [one, two] =
        [(); 2].map(|()| bench.simulator.add(NewRecording { audio: Some(audio.clone()), ..Default::default() }));
    assert_ne!(one.recording_sid, two.recording_sid);
    assert_eq!((one.duration_s, one.duration_ms), (3_600, 3_600_000));
    let answer = bench.mp3(&one).await;
    assert_eq!(answer.content_length(), Some(14_400_000));
    assert_eq!(drain(answer).await.0.len(), 14_400_000);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_requests_that_hang() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording { held: true, ..Default::default() });
    let sid = recording.recording_sid.clone();
    let Bench { simulator, client } = bench;
    let account = simulator.account().clone();
    let url = format!("{}/2010-04-01/Accounts/{}/Recordings/{sid}.mp3", simulator.base_url(), account.sid);
    let asked = async { client.get(url).basic_auth(account.sid, Some(account.auth_token)).send().await };
    let stop = async {
        simulator.until(&sid, |stats| stats.media_in_flight == 1).await;
        simulator.shutdown().await;
    };
    let (answer, ()) = tokio::join!(asked, stop);
    assert!(answer.map_or(true, |answer| !answer.status().is_success()));
}
