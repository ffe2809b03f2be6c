//! Lists, resources, deletion and credentials, as Twilio documents them.

use loadtest::twilio::{Account, NewRecording, Options, Simulator, Status};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Bench;

#[tokio::test]
async fn the_resource_has_twilios_fields() {
    let bench = Bench::start().await;
    let started_at = "2026-01-31T12:34:56Z".parse().expect("a time");
    let recording =
        bench.simulator.add(NewRecording { seconds: 42.0, started_at: Some(started_at), ..Default::default() });
    let resource = bench.json(&format!("Recordings/{}.json", recording.recording_sid)).await;
    assert_eq!(resource["sid"], recording.recording_sid);
    assert_eq!(resource["call_sid"], recording.call_sid);
    assert_eq!(resource["account_sid"], recording.account_sid);
    assert_eq!(resource["date_created"], "Sat, 31 Jan 2026 12:34:56 +0000");
    assert_eq!(resource["duration"], "42");
    assert_eq!(resource["channels"], 2);
    assert_eq!(resource["status"], "completed");
    assert_eq!(resource["error_code"], Value::Null);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).resource_requests, 1);
}

#[tokio::test]
async fn the_length_is_unknown_until_the_recording_is_completed() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording { status: Status::InProgress, ..Default::default() });
    let resource = format!("Recordings/{}.json", recording.recording_sid);
    for (status, text, duration) in [
        (Status::InProgress, "in-progress", "-1"),
        (Status::Processing, "processing", "-1"),
        (Status::Completed, "completed", "30"),
    ] {
        bench.simulator.set_status(&recording.recording_sid, status);
        let found = bench.json(&resource).await;
        assert_eq!((&found["status"], &found["duration"]), (&json!(text), &json!(duration)));
    }
    bench.simulator.set_status(&recording.recording_sid, Status::Absent);
    assert_eq!(bench.json(&resource).await["error_code"], 16101);
}

#[tokio::test]
async fn token_and_api_key_open_their_own_account_only() {
    let accounts = vec![Account::example(1), Account::example(2)];
    let simulator =
        Simulator::start(Options { accounts: accounts.clone(), ..Default::default() }).await.expect("a free port");
    let recording = simulator.add(NewRecording::default());
    let base = format!("{}/2010-04-01/Accounts/{}", simulator.base_url(), accounts[0].sid);
    let (own, other) = (&accounts[0], &accounts[1]);
    let key = (own.api_key.as_deref().expect("a key"), own.api_secret.as_deref());
    let client = reqwest::Client::new();
    for file in [
        "Recordings.json".to_owned(),
        format!("Recordings/{}.json", recording.recording_sid),
        format!("Recordings/{}.mp3", recording.recording_sid),
    ] {
        for ((user, password), expected) in [
            ((own.sid.as_str(), Some(own.auth_token.as_str())), 200),
            (key, 200),
            ((own.sid.as_str(), Some("wrong")), 401),
            ((other.sid.as_str(), Some(other.auth_token.as_str())), 401),
            ((key.0, Some(own.auth_token.as_str())), 401),
        ] {
            let answer =
                client.get(format!("{base}/{file}")).basic_auth(user, password).send().await.expect("an answer");
            assert_eq!(answer.status(), expected, "{file} with {user}");
        }
    }
    let answer = client.get(format!("{base}/Recordings.json")).send().await.expect("an answer");
    assert!(answer.headers().contains_key("www-authenticate"));
    let error: Value = answer.json().await.expect("JSON");
    assert_eq!((&error["code"], &error["status"]), (&json!(20003), &json!(401)));
    assert_eq!(simulator.stats(&recording.recording_sid).unauthorized, 6);
}

#[tokio::test]
async fn what_does_not_exist_is_twilios_404() {
    let bench = Bench::start().await;
    let sid = format!("RE{}", "0".repeat(32));
    for path in [format!("Recordings/{sid}.json"), format!("Recordings/{sid}.mp3"), "Nothing.json".to_owned()] {
        let answer = bench.get(&path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let error: Value = answer.json().await.expect("JSON");
        assert_eq!(
            (&error["code"], &error["more_info"]),
            (&json!(20404), &json!("https://www.twilio.com/docs/errors/20404"))
        );
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_new_recordings_shift_nothing() {
    let bench = Bench::start().await;
    let added: Vec<String> = (0..7).map(|_| bench.add().recording_sid).collect();
    let mut listed = Vec::new();
    let mut next = Some(format!("/2010-04-01/Accounts/{}/Recordings.json?PageSize=3", bench.simulator.account().sid));
    while let Some(path) = next {
        let account = bench.simulator.account();
        let url = format!("{}{path}", bench.simulator.base_url());
        let answer =
            bench.client.get(url).basic_auth(&account.sid, Some(&account.auth_token)).send().await.expect("an answer");
        let page: Value = answer.json().await.expect("JSON");
        let sids = page["recordings"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["sid"].as_str().expect("a SID").to_owned());
        listed.extend(sids);
        next = page["next_page_uri"].as_str().map(str::to_owned);
        bench.add();
    }
    assert_eq!(listed, added.into_iter().rev().collect::<Vec<_>>(), "newest first, each once");
}

#[tokio::test]
async fn a_call_lists_all_its_recordings_and_no_others() {
    let bench = Bench::start().await;
    let first = bench.add();
    bench.add();
    let second = bench.simulator.add(NewRecording { call_sid: Some(first.call_sid.clone()), ..Default::default() });
    for path in
        [format!("Calls/{}/Recordings.json", first.call_sid), format!("Recordings.json?CallSid={}", first.call_sid)]
    {
        let page = bench.json(&path).await;
        let sids: Vec<&Value> = page["recordings"].as_array().expect("a list").iter().map(|one| &one["sid"]).collect();
        assert_eq!(sids, [&json!(second.recording_sid), &json!(first.recording_sid)]);
    }
    assert_eq!(bench.simulator.stats(&first.recording_sid).list_requests, 2);
    let unknown = format!("CA{}", "0".repeat(32));
    assert_eq!(bench.json(&format!("Calls/{unknown}/Recordings.json")).await["recordings"], json!([]));
    assert_eq!(bench.simulator.list_requests(&unknown), 1);
}

#[tokio::test]
async fn lists_can_be_narrowed_to_a_period() {
    let bench = Bench::start().await;
    for day in ["2026-01-30T10:00:00Z", "2026-01-31T10:00:00Z", "2026-02-01T10:00:00Z"] {
        bench.simulator.add(NewRecording { started_at: Some(day.parse().expect("a time")), ..Default::default() });
    }
    for (query, expected) in [
        ("DateCreated=2026-01-31", 1),
        ("DateCreated>=2026-01-31", 2),
        ("DateCreated<=2026-01-31", 2),
        ("DateCreated>=2026-01-31&DateCreated<=2026-01-31", 1),
        ("DateCreated>=2026-01-31T11:00:00Z", 1),
        ("DateCreated=%E2%82%AC%E2%82%AC%E2%82%AC%E2%82%AC", 0),
    ] {
        let page = bench.json(&format!("Recordings.json?{query}")).await;
        assert_eq!(page["recordings"].as_array().expect("a list").len(), expected, "{query}");
    }
}

#[tokio::test]
async fn a_deleted_recording_leaves_only_its_metadata() {
    let bench = Bench::start().await;
    let recording = bench.add();
    let resource = format!("Recordings/{}.json", recording.recording_sid);
    let delete = || bench.request(Method::DELETE, &resource).send();
    assert_eq!(delete().await.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(delete().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    assert_eq!(bench.mp3(&recording).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(bench.get(&resource).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(bench.json(&format!("{resource}?IncludeSoftDeleted=true")).await["status"], "deleted");
    let list = format!("Calls/{}/Recordings.json", recording.call_sid);
    assert_eq!(bench.json(&list).await["recordings"], json!([]));
    assert_eq!(bench.simulator.status(&recording.recording_sid), Status::Deleted);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).delete_requests, 2);
}
