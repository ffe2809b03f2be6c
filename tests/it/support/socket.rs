//! A WebSocket client that waits, but not for ever.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response as Answer;
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(40);

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn open(url: &str, protocols: &[&str]) -> Self {
        Self::open_with(url, protocols, &[]).await
    }

    pub async fn open_with(url: &str, protocols: &[&str], headers: &[(&'static str, &str)]) -> Self {
        Self::connect(url, protocols, headers).await.expect("an upgrade").0
    }

    /// A socket and the fields of the answer, or the status that was answered instead of an upgrade.
    pub async fn connect(
        url: &str,
        protocols: &[&str],
        headers: &[(&'static str, &str)],
    ) -> Result<(Self, HeaderMap), Answer> {
        Self::connect_to(&format!("{url}/ws/recordings"), protocols, headers).await
    }

    /// The same at any URL of the server.
    pub async fn connect_to(
        url: &str,
        protocols: &[&str],
        headers: &[(&'static str, &str)],
    ) -> Result<(Self, HeaderMap), Answer> {
        let mut request = url.replace("http", "ws").into_client_request().expect("a request");
        if !protocols.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocols.join(", ").parse().expect("a value"));
        }
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        match connect_async(request).await {
            Ok((socket, answer)) => Ok((Self(socket), answer.headers().clone())),
            Err(Error::Http(answer)) => Err(*answer),
            Err(error) => panic!("neither an upgrade nor an answer: {error}"),
        }
    }

    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub async fn send(&mut self, message: Message) {
        self.try_send(message).await.expect("an open socket");
    }

    pub async fn try_send(&mut self, message: Message) -> Result<(), Error> {
        self.0.send(message).await
    }

    /// The next message. Pings are answered and passed over.
    pub async fn next(&mut self) -> Value {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time");
            match frame.expect("an open socket").expect("a frame") {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "ping" {
                        return message;
                    }
                    self.say(json!({"type": "pong"})).await;
                }
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next message of that type.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Subscribes to one recording; the entry of the answer.
    pub async fn subscribe(&mut self, sid: &str, intent: &str) -> Value {
        self.say(json!({"type": "subscribe", "id": 1, "sids": [sid], "intent": intent})).await;
        self.until("subscribed").await["recordings"][0].clone()
    }

    /// The next message about that recording that says so.
    pub async fn until_state(&mut self, sid: &str, state: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["sid"] == sid && message["state"] == state {
                return message;
            }
        }
    }

    /// Everything that has been pushed until now: what a ping sent now is answered after.
    pub async fn pushed(&mut self) -> Vec<Value> {
        self.say(json!({"type": "ping"})).await;
        let mut pushed = Vec::new();
        loop {
            match self.next().await {
                message if message["type"] == "pong" => return pushed,
                message => pushed.push(message),
            }
        }
    }

    /// The next frame, whatever it is.
    pub async fn frame(&mut self) -> Message {
        let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame in time");
        frame.expect("an open socket").expect("a frame")
    }

    /// The code the server closes with.
    pub async fn closed(mut self) -> u16 {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a close in time") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 1006,
            }
        }
    }
}
