//! Clocks that are hours off, and clocks that jump while work is in hand. Tokens and links end by the clock, and nothing
//! else does.

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Recording};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::partition::{sids, some};
use super::{bench, held};
use crate::support::{Bench, Clock, Crowd, Process, TOLD_WITHIN, token, toll};

async fn shared(bench: &Bench) {
    let begun = Instant::now();
    while !bench.metrics().await.contains("landfall_volume_shared 1\n") {
        assert!(begun.elapsed() < TOLD_WITHIN, "the volume is one, whatever the clocks say");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn servers_and_workers_whose_clocks_are_hours_apart_work_together() {
    let mut bench = bench().await;
    bench.stop().await;
    let directory = bench.directory.path().to_owned();
    let [ahead, behind] = [("ahead", 30), ("behind", -30)].map(|(name, hours)| Clock::off_by(&directory, name, hours));
    let right = Process::start(&mut bench).await;
    let (early, early_url) = Process::server(&bench, &ahead.settings()).await;
    let (late, late_url) = Process::server(&bench, &behind.settings()).await;
    let workers =
        [Process::worker_with(&bench, &ahead.settings()).await, Process::worker_with(&bench, &behind.settings()).await];
    shared(&bench).await;
    // Some come only at the third try, as fresh media does: a clock that is ahead must not take them for deleted.
    let fresh = || NewRecording { faults: Some(Faults { not_found: 3, ..Default::default() }), ..Default::default() };
    let recordings = [some(&bench, 8, Default::default).await, some(&bench, 4, fresh).await].concat();
    for recording in &recordings {
        let about = json!({"tenant": "t", "started_at": landfall::recording::Timestamp::now().to_string()});
        assert_eq!(bench.register(recording, about).await.status(), 200);
    }
    let begun = Instant::now();
    let told = Crowd::of(&[&bench.url, &early_url, &late_url], sids(&recordings)).told(TOLD_WITHIN).await - begun;
    let all: Vec<&Recording> = recordings.iter().collect();
    toll(&bench, "clocks 30 h ahead and behind", &all, told).await;
    assert_eq!(bench.metric("landfall_leases_lost_total").await, 0.0);
    shared(&bench).await;

    // A link that one signs opens at the others, as long as it is good by their clocks.
    let link = |url: &str| {
        let path = format!("{url}/api/recordings/{}/link", recordings[0].call_sid);
        let request = bench.client.request(Method::POST, path).bearer_auth(token("t", "agent"));
        async move {
            let answer = request.json(&json!({"purpose": "play"})).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let link: Value = answer.json().await.unwrap();
            link["url"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned()
        }
    };
    let (now, later) = (link(&bench.url).await, link(&early_url).await);
    let open = async |url: &str, link: &str| {
        bench.client.get(format!("{url}/api/{link}")).send().await.unwrap().status().as_u16()
    };
    assert_eq!((open(&bench.url, &now).await, open(&late_url, &now).await), (200, 200));
    assert_eq!((open(&bench.url, &later).await, open(&late_url, &later).await), (200, 200));
    for process in [right, early, late].into_iter().chain(workers) {
        assert!(process.terminate().await.success());
    }
}

#[tokio::test]
async fn clocks_that_jump_while_downloads_are_in_hand_cost_no_lease_and_no_second_download() {
    let mut bench = bench().await;
    bench.stop().await;
    let directory = bench.directory.path().to_owned();
    let [of_server, of_worker] = ["server", "worker"].map(|name| Clock::off_by(&directory, name, 0));
    let (server, url) = Process::server(&bench, &of_server.settings()).await;
    bench.url = url;
    let worker = Process::worker_with(&bench, &of_worker.settings()).await;
    let recordings = some(&bench, 3, held).await;
    let crowd = Crowd::of(&[&bench.url], sids(&recordings));
    for recording in &recordings {
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    }
    // Longer than a lease lasts, between one jump and the next.
    for (server, worker) in [(20, -20), (-20, 20), (0, 0)] {
        of_server.set(server);
        of_worker.set(worker);
        sleep(Duration::from_secs(4)).await;
    }
    shared(&bench).await;
    let released = Instant::now();
    for recording in &recordings {
        bench.simulator.release(&recording.recording_sid);
    }
    let told = crowd.told(TOLD_WITHIN).await - released;
    for recording in &recordings {
        assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    }
    let all: Vec<&Recording> = recordings.iter().collect();
    toll(&bench, "clocks of server and worker jump 20 h back and forth", &all, told).await;
    assert_eq!(bench.metric("landfall_missed_signals_recovered_total").await, 0.0);
    assert!(server.terminate().await.success());
    assert!(worker.terminate().await.success());
}

/// Redis goes by its own clock, and everybody goes by Redis'.
#[tokio::test]
async fn a_worker_that_dies_when_redis_clock_is_put_back_is_replaced_in_time() {
    let mut bench = bench().await;
    let killed = Process::worker(&bench).await;
    let recording = bench.registered("t", held()).await;
    let crowd = Crowd::of(&[&bench.url], [&recording.call_sid]);
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    killed.kill().await;
    // Everything in it is three hours later than its clock, which is the same as a clock that was put back.
    let put_back = "EVAL \"local t = redis.call('TIME') redis.call('SET', 'landfall:clock', t[1] * 1000 + 10800000) \
                    for _, key in ipairs({'landfall:leased', 'landfall:peers'}) do \
                    for _, name in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, 10800000, name) end \
                    end return 1\" 0";
    assert_eq!(bench.redis().say(put_back).unwrap().trim(), ":1");
    let begun = Instant::now();
    bench.simulator.release(&recording.recording_sid);
    let worker = Process::worker(&bench).await;
    let told = crowd.told(TOLD_WITHIN).await - begun;
    toll(&bench, "Redis' clock put back 3 h, and a worker killed", &[&recording], told).await;
    assert!(worker.terminate().await.success());
}
