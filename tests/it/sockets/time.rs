//! What happens because time passes. The clock's own rules are tested where it is, with paused time.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Bench, sign};

fn expiring_in(seconds: i64) -> String {
    let exp = landfall::recording::Timestamp::now().seconds() + seconds;
    sign(&json!({"sub": "tester", "business_id": "t", "exp": exp}))
}

#[tokio::test]
async fn a_token_that_runs_out_is_told_of_and_then_closes_with_4401() {
    let bench = Bench::start().await;
    // Past its end, within the leeway of 30 seconds.
    let mut socket = bench.socket_of(&expiring_in(-28)).await;
    let expiring = socket.next().await;
    assert_eq!(expiring["type"], "expiring");
    assert!(expiring["in_ms"].as_u64().unwrap() <= 30_000);
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test]
async fn a_token_renewed_in_time_keeps_the_socket() {
    let bench = Bench::start().await;
    let mut socket = bench.socket_of(&expiring_in(-28)).await;
    assert_eq!(socket.next().await["type"], "expiring");
    socket.say(json!({"type": "refresh", "token": expiring_in(31)})).await;
    assert_eq!(socket.until("refreshed").await["type"], "refreshed");
    let warned = socket.until("expiring").await["in_ms"].as_u64().unwrap();
    assert!((28_000..=30_000).contains(&warned), "{warned}");
}

/// Takes 35 seconds, for real: the ping comes after 25, and the pong is waited for 10 more.
#[tokio::test]
async fn a_ping_that_nobody_answers_closes_with_4502() {
    let bench = Bench::start().await;
    let (mut alive, mut dead) = (bench.socket().await, bench.socket().await);
    let begun = tokio::time::Instant::now();
    assert_eq!(dead.frame().await, Message::text(r#"{"type":"ping"}"#));
    let asked = begun.elapsed().as_secs_f64();
    assert!((24.0..27.0).contains(&asked), "{asked}");
    let answering = async {
        loop {
            alive.next().await;
        }
    };
    let code = tokio::select! {
        code = dead.closed() => code,
        () = answering => unreachable!(),
    };
    assert_eq!(code, 4502);
    let took = begun.elapsed().as_secs_f64() - asked;
    assert!((9.5..12.0).contains(&took), "{took}");
    assert!(alive.pushed().await.is_empty(), "who answers stays");
}
