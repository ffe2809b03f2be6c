//! Listeners as browsers are: each waits for one recording, and comes back, to whichever server there is, when its
//! socket is gone.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::token;

/// From a socket that is gone to the next.
const COMES_BACK_AFTER: Duration = Duration::from_millis(100);
/// A server that says nothing for so long is not there: it pings more often.
const SILENT: Duration = Duration::from_secs(35);

/// Many listeners, who all play.
#[derive(Default)]
pub struct Crowd(JoinSet<Instant>);

impl Crowd {
    /// One for each recording and server.
    pub fn of<'a>(urls: &[&str], sids: impl IntoIterator<Item = &'a String>) -> Self {
        let mut crowd = Self::default();
        for sid in sids {
            for first in 0..urls.len() {
                let urls: Vec<String> =
                    urls.iter().cycle().skip(first).take(urls.len()).map(|&url| url.into()).collect();
                crowd.0.spawn(listen(urls, sid.clone()));
            }
        }
        crowd
    }

    /// How many have not been told yet.
    pub fn waiting(&mut self) -> usize {
        while self.0.try_join_next().is_some() {}
        self.0.len()
    }

    /// When the last of them was told. Each must be before the patience is over.
    pub async fn told(mut self, patience: Duration) -> Instant {
        let deadline = Instant::now() + patience;
        let mut last = Instant::now();
        while !self.0.is_empty() {
            let told = tokio::time::timeout_at(deadline, self.0.join_next()).await;
            let Ok(told) = told else { panic!("{} listeners still wait after {patience:?}", self.0.len()) };
            last = last.max(told.expect("one is left").expect("a listener"));
        }
        last
    }
}

async fn listen(urls: Vec<String>, sid: String) -> Instant {
    for url in urls.iter().cycle() {
        if hears_ready(url, &sid).await.is_some() {
            return Instant::now();
        }
        sleep(COMES_BACK_AFTER).await;
    }
    unreachable!("there is a server")
}

/// `None` when the socket is gone, or the play is refused for the moment.
async fn hears_ready(url: &str, sid: &str) -> Option<()> {
    let mut request = format!("{url}/ws/recordings").replace("http", "ws").into_client_request().ok()?;
    let protocols = format!("landfall.v1, landfall.bearer.{}", token("t", "agent"));
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().ok()?);
    let (mut socket, _) = timeout(SILENT, connect_async(request)).await.ok()?.ok()?;
    let play = json!({"type": "subscribe", "id": 1, "sids": [sid], "intent": "play"});
    socket.send(Message::text(play.to_string())).await.ok()?;
    loop {
        let Message::Text(text) = timeout(SILENT, socket.next()).await.ok()??.ok()? else { continue };
        let message: Value = serde_json::from_str(&text).ok()?;
        let entry = if message["type"] == "subscribed" { &message["recordings"][0] } else { &message };
        if !entry["error"].is_null() || entry["state"] == "failed" {
            return None;
        }
        match (message["type"].as_str(), entry["state"].as_str()) {
            (Some("ping"), _) => socket.send(Message::text(r#"{"type":"pong"}"#)).await.ok()?,
            (_, Some("ready")) => return Some(()),
            _ => {}
        }
    }
}
