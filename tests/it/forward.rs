//! The mode `forward`: a customer's own login says who is asking.

use std::sync::Arc;
use std::time::Duration;

use landfall::auth::Standing;
use loadtest::twilio::NewRecording;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Bench, Knobs, Login, Socket, token, wav};

const PROTOCOL: &str = "landfall.v1";
const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(200);

async fn set_up(cache: Duration, standing: Standing) -> (Bench, Arc<Login>) {
    let login = Login::start().await;
    let bench = Bench::with(Knobs { auth: Some(login.options(cache, standing)), ..Default::default() }).await;
    (bench, login)
}

/// A server that asks those who stay every moment.
async fn impatient(grace: Duration) -> (Bench, Arc<Login>) {
    set_up(Duration::ZERO, Standing { again: MOMENT, grace }).await
}

async fn ask(bench: &Bench, method: Method, path: &str, fields: &[(&str, &str)]) -> Response {
    let request = bench.client.request(method, format!("{}{path}", bench.url));
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("an answer")
}

async fn get(bench: &Bench, path: &str, cookie: &str) -> Response {
    ask(bench, Method::GET, path, &[("cookie", cookie)]).await
}

async fn socket(bench: &Bench, cookie: &str) -> Socket {
    Socket::open_with(&bench.url, &[PROTOCOL], &[("cookie", cookie)]).await
}

async fn welcomed(bench: &Bench, cookie: &str) -> Socket {
    let mut socket = socket(bench, cookie).await;
    assert_eq!(socket.next().await["type"], "welcome");
    socket
}

/// Waits until the login has been asked so often again.
async fn asked_again(login: &Login, times: usize) {
    let before = login.asked();
    while login.asked() < before + times {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn whom_the_login_knows_hears_its_tenants_recordings_and_no_others() {
    let (bench, login) = set_up(MINUTE, Standing::default()).await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    assert_eq!(get(&bench, &path, "s=agent").await.status(), 200);
    assert_eq!(ask(&bench, Method::GET, &path, &[("authorization", "Bearer agent")]).await.status(), 200);
    assert_eq!(get(&bench, &path, "s=other").await.status(), 404);
    let refused = get(&bench, &path, "s=nobody").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    let before = login.asked();
    assert_eq!(ask(&bench, Method::GET, &path, &[]).await.status(), 401);
    assert_eq!(login.asked(), before, "there is nothing to ask about");
    let hold = format!("/api/recordings/{}/hold", recording.call_sid);
    assert_eq!(ask(&bench, Method::PUT, &hold, &[("cookie", "s=agent")]).await.status(), 403);
}

#[tokio::test]
async fn while_the_login_cannot_tell_it_is_503_and_says_when_to_ask_again() {
    let (bench, login) = set_up(MINUTE, Standing::default()).await;
    login.is_down(true);
    let answer = get(&bench, "/api/recordings", "s=agent").await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"2".parse().unwrap()));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "login_unavailable");
    assert_eq!(socket(&bench, "s=agent").await.closed().await, 4500, "a new token would not help");
    login.is_down(false);
    assert_eq!(get(&bench, "/api/recordings", "s=agent").await.status(), 200);
}

#[tokio::test]
async fn media_at_hand_are_for_those_who_are_remembered_and_for_nobody_else() {
    let (bench, login) = set_up(MINUTE, Standing::default()).await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    assert_eq!(get(&bench, &path, "s=agent").await.status(), 200);
    login.is_down(true);
    let before = login.asked();
    for _ in 0..5 {
        assert_eq!(get(&bench, &path, "s=agent").await.status(), 200);
    }
    assert_eq!(login.asked(), before);
    for (other, times) in [("s=agent; x=1", 1), ("s=nobody", 2), ("s=other", 3)] {
        assert_eq!(get(&bench, &path, other).await.status(), 503, "{other}");
        assert_eq!(login.asked(), before + times);
    }
}

#[tokio::test]
async fn where_nothing_is_remembered_each_request_for_media_asks() {
    let (bench, login) = set_up(Duration::ZERO, Standing::default()).await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    for n in 1..4 {
        assert_eq!(get(&bench, &path, "s=agent").await.status(), 200);
        assert_eq!(login.asked(), n);
    }
    login.log_out("s=agent");
    assert_eq!(get(&bench, &path, "s=agent").await.status(), 401, "at once");
}

#[tokio::test]
async fn a_foreign_page_cannot_use_what_a_browser_adds_by_itself() {
    let (bench, login) = set_up(Duration::ZERO, Standing::default()).await;
    let recording = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let path = format!("/api/recordings/{}/prepare", recording.call_sid);
    let post = async |brought: (&str, &str), origin: &str| {
        ask(&bench, Method::POST, &path, &[brought, ("origin", origin)]).await.status().as_u16()
    };
    for ambient in [("cookie", "s=agent"), ("authorization", "Basic agent")] {
        for foreign in ["https://evil.example", "null", "https://app.example.evil.example"] {
            assert_eq!(post(ambient, foreign).await, 403, "{ambient:?} {foreign}");
        }
        assert_eq!(login.asked(), 0, "the login hears nothing of it");
    }
    assert_eq!(post(("authorization", "Bearer agent"), "https://evil.example").await, 202);
    for ambient in [("cookie", "s=agent"), ("authorization", "Basic agent")] {
        assert_eq!(post(ambient, "https://app.example").await, 202);
    }
}

#[tokio::test]
async fn a_socket_is_closed_soon_after_a_log_out_and_not_before() {
    let (bench, login) = impatient(MINUTE).await;
    let mut socket = welcomed(&bench, "s=agent").await;
    asked_again(&login, 3).await;
    assert!(socket.pushed().await.is_empty(), "the client has nothing to do with it");
    login.log_out("s=agent");
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test]
async fn a_socket_whose_holder_is_another_tenants_now_closes_with_4403() {
    let (bench, login) = impatient(MINUTE).await;
    let socket = welcomed(&bench, "s=agent").await;
    login.admit("s=agent", "other");
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn a_socket_outlives_a_login_that_is_down_for_a_while_and_is_told_what_lands_meanwhile() {
    let (bench, login) = impatient(MINUTE).await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let mut socket = welcomed(&bench, "s=agent").await;
    socket.subscribe(&recording.call_sid, "watch").await;
    login.is_down(true);
    asked_again(&login, 3).await;
    bench.place(&format!("{}.wav", recording.call_sid), &wav(2_000));
    socket.until_state(&recording.call_sid, "ready").await;
    login.is_down(false);
    asked_again(&login, 3).await;
    assert!(socket.pushed().await.is_empty());
}

#[tokio::test]
async fn a_login_that_stays_down_ends_a_socket_with_4500_when_the_grace_is_over() {
    let grace = Duration::from_secs(1);
    let (bench, login) = impatient(grace).await;
    let socket = welcomed(&bench, "s=agent").await;
    login.is_down(true);
    let begun = tokio::time::Instant::now();
    assert_eq!(socket.closed().await, 4500);
    let took = begun.elapsed();
    assert!(took > grace / 2 && took < grace + Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_token_comes_by_subprotocol_or_hello_and_a_refresh_takes_the_place_of_the_cookie() {
    let (bench, login) = impatient(MINUTE).await;
    let bearer = Socket::open(&bench.url, &[PROTOCOL, "landfall.bearer.agent"]).await.next().await;
    assert_eq!(bearer["type"], "welcome");
    let mut by_hello = Socket::open(&bench.url, &[PROTOCOL]).await;
    by_hello.say(json!({"type": "hello", "token": "agent"})).await;
    assert_eq!(by_hello.next().await["type"], "welcome");

    let mut socket = welcomed(&bench, "s=agent").await;
    socket.say(json!({"type": "refresh", "token": "agent"})).await;
    assert_eq!(socket.next().await["type"], "refreshed");
    login.log_out("s=agent");
    asked_again(&login, 6).await;
    assert!(socket.pushed().await.is_empty(), "the cookie counts no more");
    login.admit("Bearer another", "other");
    socket.say(json!({"type": "refresh", "token": "another"})).await;
    assert_eq!(socket.closed().await, 4403);
    by_hello.say(json!({"type": "refresh", "token": "nobody"})).await;
    assert_eq!(by_hello.closed().await, 4401);
}

#[tokio::test]
async fn an_event_stream_ends_soon_after_a_log_out() {
    let (bench, login) = impatient(MINUTE).await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let path = format!("/api/recordings/events?sid={}", recording.call_sid);
    let stream = get(&bench, &path, "s=agent").await;
    assert_eq!(stream.status(), 200);
    asked_again(&login, 3).await;
    login.log_out("s=agent");
    let text = tokio::time::timeout(Duration::from_secs(20), stream.text()).await.expect("its end").unwrap();
    assert!(text.contains("token_expired"), "{text}");
}

#[tokio::test]
async fn links_open_and_back_ends_register_without_the_login() {
    let (bench, login) = set_up(Duration::ZERO, Standing::default()).await;
    let recording = bench.placed("wav", &wav(2_000)).await;
    let order = format!("/api/recordings/{}/link", recording.call_sid);
    let request = bench.client.post(format!("{}{order}", bench.url)).header("cookie", "s=agent");
    let link: Value = request.json(&json!({"purpose": "play"})).send().await.unwrap().json().await.unwrap();
    login.is_down(true);
    for _ in 0..2 {
        assert_eq!(bench.client.get(link["url"].as_str().unwrap()).send().await.unwrap().status(), 200);
    }
    let asked = login.asked();
    bench.registered("t", NewRecording::default()).await;
    assert_eq!(login.asked(), asked, "a service of our own secret");
    let admin = bench.request(Method::GET, "/api/recordings", &token("t", "admin")).send().await.unwrap();
    assert_eq!(admin.status(), 503, "any other token is the login's to judge");
}
