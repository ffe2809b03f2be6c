//! The messages of sockets as text: what is understood is JSON that says so, and what is said back can be read.

use serde_json::Value;

use super::bounded;
use crate::http::protocol::{ClientMessage, Refusal, ServerMessage, Subscribed};

/// One message of a client.
pub fn frames(data: &[u8]) {
    let Some(Ok(text)) = bounded(data, 16 * 1024).map(std::str::from_utf8) else { return };
    let Some(message) = ClientMessage::read(text) else { return };
    // Read once more without knowing the protocol.
    let value: Value = serde_json::from_str(text).expect("what is understood is JSON");
    let member = |name: &str| value.get(name).cloned().unwrap_or_default();
    match message {
        ClientMessage::Hello { token } | ClientMessage::Refresh { token } => {
            assert_eq!(member("token"), token.as_str())
        }
        ClientMessage::Subscribe { id, sids, .. } => {
            assert_eq!((member("id"), member("sids")), (id.into(), sids.clone().into()));
            reply(id, &sids);
        }
        ClientMessage::Unsubscribe { id, sids } => assert_eq!((member("id"), member("sids")), (id.into(), sids.into())),
        ClientMessage::Ping {} | ClientMessage::Pong {} => {}
    }
}

/// Names that are none come back in the answer, whatever letters they have.
fn reply(id: u64, sids: &[String]) {
    let error = Refusal { code: "bad_sid", temporary: false };
    let recordings = sids.iter().map(|sid| Subscribed::Refused { sid, error }).collect();
    let text = ServerMessage::Subscribed { id, recordings }.encode();
    let value: Value = serde_json::from_str(&text).expect("what is said is JSON");
    assert_eq!(value["id"], id);
    let told: Vec<&Value> = value["recordings"].as_array().expect("a list").iter().map(|one| &one["sid"]).collect();
    assert_eq!(told, sids.iter().collect::<Vec<_>>());
}
