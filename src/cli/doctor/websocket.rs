//! A WebSocket through `public_url`: the handshake (RFC 6455 §4), and the first message.

use std::future::poll_fn;
use std::pin::Pin;

use futures_util::Stream;
use reqwest::header::{CONNECTION, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Method, Response, StatusCode};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::server::{Server, refusal};
use super::check::Check;
use super::door::knock;
use super::origins::line;
use crate::config::Config;

const NAME: &str = "websocket";
const PATH: &str = "/ws/recordings";
const SUBPROTOCOL: &str = "landfall.v1";
const LINES: &str = "in nginx, where it passes /ws/ on:\n\
    proxy_http_version 1.1;\n\
    proxy_set_header Upgrade $http_upgrade;\n\
    proxy_set_header Connection \"upgrade\";\n\
    proxy_read_timeout 90s;";

/// Whether listeners can be told.
pub(super) async fn websocket(config: &Config) -> Check {
    let server = match knock(NAME, config).await {
        Ok(server) => server,
        Err(check) => return check,
    };
    let base = server.base();
    let request = server
        .request_as_service(Method::GET, PATH)
        .unwrap_or_else(|_| server.request(Method::GET, PATH))
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key())
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        // As the console's page sends it.
        .header(ORIGIN, base);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Check::fail(NAME, server.unreachable(&error), LINES),
    };
    let status = answer.status();
    match status {
        StatusCode::SWITCHING_PROTOCOLS => {}
        StatusCode::UPGRADE_REQUIRED | StatusCode::BAD_REQUEST => {
            let detail =
                format!("a proxy before {base} swallows Upgrade: the server was asked as for a page ({status})");
            return Check::fail(NAME, detail, LINES);
        }
        StatusCode::FORBIDDEN => {
            let mend = line(config, base);
            return Check::fail(NAME, format!("pages of {base} are refused: {}", refusal(answer).await), mend);
        }
        _ => return Check::fail(NAME, format!("{base}{PATH} gives {} and no socket", refusal(answer).await), LINES),
    }
    if answer.headers().get(SEC_WEBSOCKET_PROTOCOL).is_none_or(|said| said != SUBPROTOCOL) {
        return Check::fail(NAME, format!("the subprotocol {SUBPROTOCOL} is lost on the way through {base}"), LINES);
    }
    // Without a token, the server waits for one and says nothing.
    if server.request_as_service(Method::GET, PATH).is_err() {
        return Check::ok(NAME, format!("a socket opens through {base} (101, {SUBPROTOCOL})"));
    }
    match first(answer).await {
        Some(text) if text.contains("\"welcome\"") => {
            Check::ok(NAME, format!("a socket opens through {base} (101, {SUBPROTOCOL}) and messages come"))
        }
        Some(text) => {
            Check::fail(NAME, format!("a socket opens through {base}, and is closed: {text}"), mend_of(&server))
        }
        None => Check::fail(NAME, format!("a socket opens through {base}, and nothing comes on it"), LINES),
    }
}

fn mend_of(server: &Server) -> String {
    format!("the token is refused: is {} served with this configuration's keys?", server.base())
}

/// The first text on the socket, or why it was closed.
async fn first(answer: Response) -> Option<String> {
    let stream = answer.upgrade().await.ok()?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let message = poll_fn(|context| Pin::new(&mut socket).poll_next(context)).await?.ok()?;
    let text = match message {
        Message::Text(text) => text.to_string(),
        Message::Close(Some(frame)) => format!("{} {}", frame.code, frame.reason),
        _ => return None,
    };
    let _ = socket.close(None).await;
    Some(text)
}
