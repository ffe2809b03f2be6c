//! Each fault does what its field says, and nothing else.

use std::time::{Duration, Instant};

use loadtest::twilio::{Faults, Format, Recording, Redirect};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::support::{Bench, drain};

fn whole(bench: &Bench, recording: &Recording) -> Vec<u8> {
    bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2).to_vec()
}

async fn statuses(bench: &Bench, recording: &Recording, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(bench.mp3(recording).await.status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn refusals_are_used_up_in_order() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { not_found: 2, too_many: 1, server_error: 1, ..Default::default() });
    assert_eq!(statuses(&bench, &recording, 6).await, [404, 404, 429, 503, 200, 200]);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 6);
}

#[tokio::test]
async fn global_faults_count_for_each_recording_until_it_has_its_own() {
    let bench = Bench::start().await;
    let [one, two, three] = [bench.add(), bench.add(), bench.add()];
    bench.simulator.set_global_faults(Faults { not_found: 1, ..Default::default() });
    bench.simulator.set_faults(&three.recording_sid, Faults::default());
    assert_eq!(statuses(&bench, &one, 2).await, [404, 200]);
    assert_eq!(statuses(&bench, &two, 2).await, [404, 200]);
    assert_eq!(statuses(&bench, &three, 1).await, [200]);
    bench.simulator.clear_faults(&three.recording_sid);
    assert_eq!(statuses(&bench, &three, 2).await, [404, 200]);
}

#[tokio::test]
async fn retry_after_is_sent_only_when_scripted() {
    let bench = Bench::start().await;
    let silent = bench.mp3(&bench.add_with(Faults { too_many: 1, ..Default::default() })).await;
    assert!(!silent.headers().contains_key("retry-after"));
    let telling =
        bench.mp3(&bench.add_with(Faults { too_many: 1, retry_after_s: Some(7), ..Default::default() })).await;
    assert_eq!(telling.headers()["retry-after"], "7");
    assert_eq!(telling.json::<Value>().await.expect("JSON")["code"], 20429);
}

#[tokio::test]
async fn too_many_at_once_are_refused() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { concurrency: 1, hold_after: Some(0), ..Default::default() });
    let sid = &recording.recording_sid;
    let first = bench.mp3(&recording).await;
    assert_eq!(statuses(&bench, &recording, 1).await, [429]);
    bench.simulator.release(sid);
    assert!(drain(first).await.1);
    bench.simulator.until(sid, |stats| stats.media_in_flight == 0).await;
    assert_eq!(statuses(&bench, &recording, 1).await, [200]);
}

#[tokio::test]
async fn latency_comes_before_the_headers() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { latency_ms: 150, ..Default::default() });
    let started = Instant::now();
    assert_eq!(bench.mp3(&recording).await.status(), StatusCode::OK);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn the_rate_holds() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { bytes_per_second: 80_000, ..Default::default() });
    let started = Instant::now();
    let (body, ended_well) = bench.body(&recording).await;
    assert!(ended_well && body == whole(&bench, &recording));
    // 20 kB at 80 kB/s.
    assert!(started.elapsed() >= Duration::from_millis(230), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_cut_body_ends_at_the_byte_and_the_next_one_is_whole() {
    let bench = Bench::start().await;
    for no_content_length in [false, true] {
        let recording =
            bench.add_with(Faults { cut_after: Some(7_777), cuts: 1, no_content_length, ..Default::default() });
        let whole = whole(&bench, &recording);
        let (cut, ended_well) = bench.body(&recording).await;
        assert!(!ended_well && cut == whole[..7_777], "{} bytes", cut.len());
        assert_eq!(bench.body(&recording).await, (whole, true));
        assert_eq!(bench.simulator.stats(&recording.recording_sid).media_completed, 1);
    }
}

#[tokio::test]
async fn a_body_cut_every_time_never_comes_whole() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { cut_after: Some(0), ..Default::default() });
    for _ in 0..3 {
        assert_eq!(bench.body(&recording).await, (Vec::new(), false));
    }
}

#[tokio::test]
async fn a_body_held_in_the_middle_goes_on_when_released() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { hold_after: Some(5_000), ..Default::default() });
    let mut answer = bench.mp3(&recording).await;
    let mut body = Vec::new();
    while body.len() < 5_000 {
        body.extend_from_slice(&answer.chunk().await.expect("a part").expect("not the end"));
    }
    assert_eq!(body.len(), 5_000);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_bytes, 5_000);
    bench.simulator.release(&recording.recording_sid);
    let (rest, ended_well) = drain(answer).await;
    body.extend(rest);
    assert!(ended_well && body == whole(&bench, &recording));
}

#[tokio::test]
async fn without_content_length_the_body_is_chunked_and_whole() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { no_content_length: true, ..Default::default() });
    let answer = bench.mp3(&recording).await;
    assert_eq!(answer.headers()["transfer-encoding"], "chunked");
    assert!(!answer.headers().contains_key("content-length"));
    assert_eq!(drain(answer).await, (whole(&bench, &recording), true));
}

#[tokio::test]
async fn a_wrong_length_is_told() {
    let bench = Bench::start().await;
    let longer = bench.add_with(Faults { wrong_length: Some(1_000), ..Default::default() });
    let expected = whole(&bench, &longer);
    let answer = bench.mp3(&longer).await;
    assert_eq!(answer.content_length(), Some(expected.len() as u64 + 1_000));
    assert_eq!(drain(answer).await, (expected, false));

    let shorter = bench.add_with(Faults { wrong_length: Some(-1_000), ..Default::default() });
    let mut expected = whole(&bench, &shorter);
    expected.truncate(expected.len() - 1_000);
    assert_eq!(bench.body(&shorter).await, (expected, true));
}

#[tokio::test]
async fn bodies_that_are_no_recording() {
    let bench = Bench::start().await;
    let answer = bench.mp3(&bench.add_with(Faults { html: true, ..Default::default() })).await;
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"text/html; charset=utf-8".parse().expect("a value"))
    );

    let answer = bench.mp3(&bench.add_with(Faults { empty: true, ..Default::default() })).await;
    assert_eq!((answer.status(), answer.content_length()), (StatusCode::OK, Some(0)));

    let recording = bench.add_with(Faults { garbage: true, ..Default::default() });
    let (body, ended_well) = bench.body(&recording).await;
    assert!(ended_well && body.len() == whole(&bench, &recording).len() && body.iter().all(|byte| *byte == b'?'));

    let recording = bench.add_with(Faults { other_format: true, ..Default::default() });
    let answer = bench.mp3(&recording).await;
    assert_eq!(answer.headers()["content-type"], "audio/mpeg");
    assert!(
        answer.bytes().await.expect("a body") == bench.simulator.media_bytes(&recording.recording_sid, Format::Wav, 2)
    );
}

fn location(answer: &Response) -> &str {
    assert_eq!(answer.status(), StatusCode::FOUND);
    answer.headers()["location"].to_str().expect("text")
}

#[tokio::test]
async fn a_redirect_to_another_origin_tells_on_leaked_credentials() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { redirect: Redirect::Foreign, ..Default::default() });
    let answer = bench.get(&format!("Recordings/{}.mp3?RequestedChannels=1", recording.recording_sid)).await;
    let target = location(&answer);
    assert!(
        target.starts_with(bench.simulator.foreign_url())
            && bench.simulator.foreign_url() != bench.simulator.base_url()
    );
    let body = bench.client.get(target).send().await.expect("an answer").bytes().await.expect("a body");
    assert!(body == bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 1));
    let stats = bench.simulator.stats(&recording.recording_sid);
    assert_eq!((stats.media_requests, stats.foreign_requests, stats.foreign_authorization), (1, 1, 0));

    bench.client.get(target).bearer_auth("leaked").send().await.expect("an answer");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).foreign_authorization, 1);
}

#[tokio::test]
async fn a_redirect_within_the_origin_leads_to_the_media_and_a_loop_nowhere() {
    let bench = Bench::start().await;
    let account = bench.simulator.account();
    let recording = bench.add_with(Faults { redirect: Redirect::SameOrigin, ..Default::default() });
    let answer = bench.mp3(&recording).await;
    let again = bench.client.get(location(&answer)).basic_auth(&account.sid, Some(&account.auth_token));
    assert_eq!(drain(again.send().await.expect("an answer")).await, (whole(&bench, &recording), true));

    let recording = bench.add_with(Faults { redirect: Redirect::Loop, ..Default::default() });
    let answer = bench.mp3(&recording).await;
    let again = bench.client.get(location(&answer)).basic_auth(&account.sid, Some(&account.auth_token));
    assert_eq!(again.send().await.expect("an answer").status(), StatusCode::FOUND);
}

#[tokio::test]
async fn revoked_credentials_close_media_resource_and_deletion() {
    let bench = Bench::start().await;
    for (faults, expected) in [
        (Faults { unauthorized: true, ..Default::default() }, StatusCode::UNAUTHORIZED),
        (Faults { forbidden: true, ..Default::default() }, StatusCode::FORBIDDEN),
    ] {
        let recording = bench.add_with(faults);
        let resource = format!("Recordings/{}.json", recording.recording_sid);
        assert_eq!(bench.mp3(&recording).await.status(), expected);
        assert_eq!(bench.get(&resource).await.status(), expected);
        assert_eq!(bench.get(&format!("Calls/{}/Recordings.json", recording.call_sid)).await.status(), expected);
        assert_eq!(bench.request(Method::DELETE, &resource).send().await.expect("an answer").status(), expected);
    }
}

#[tokio::test]
async fn a_request_that_hangs_is_never_answered() {
    let bench = Bench::start().await;
    let recording = bench.add_with(Faults { hang: true, ..Default::default() });
    let answer = tokio::time::timeout(Duration::from_millis(200), bench.mp3(&recording)).await;
    assert!(answer.is_err());
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn lists_resources_and_deletions_fail_as_often_as_scripted() {
    let bench = Bench::start().await;
    let faults =
        Faults { list_server_error: 1, resource_server_error: 2, delete_server_error: 1, ..Default::default() };
    let recording = bench.add_with(faults);
    let resource = format!("Recordings/{}.json", recording.recording_sid);
    let list = format!("Recordings.json?CallSid={}", recording.call_sid);
    for (path, expected) in [(&list, 500), (&list, 200), (&resource, 500), (&resource, 500), (&resource, 200)] {
        assert_eq!(bench.get(path).await.status(), expected, "{path}");
    }
    for expected in [500, 204] {
        assert_eq!(bench.request(Method::DELETE, &resource).send().await.expect("an answer").status(), expected);
    }
}

#[tokio::test]
async fn the_list_of_an_account_fails_by_global_faults() {
    let bench = Bench::start().await;
    bench.simulator.set_global_faults(Faults { list_server_error: 1, ..Default::default() });
    assert_eq!(bench.get("Recordings.json").await.status(), 500);
    assert_eq!(bench.get("Recordings.json").await.status(), 200);
}
