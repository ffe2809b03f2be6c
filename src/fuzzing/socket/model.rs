//! What a socket must answer: the protocol once more, in a few lines and without time.

use std::collections::HashSet;

use serde_json::Value;

use super::wire::Frame;
use crate::fuzzing::bench::{Bench, MOST_MESSAGE, MOST_SIDS};
use crate::http::protocol::ClientMessage;
use crate::recording::Sid;

/// Changes of state may come at any time.
const PUSHED: [&str; 5] = ["state", "progress", "ready", "failed", "gone"];

/// Whether the protocol has such a close code.
pub(super) fn is_ours(code: u16) -> bool {
    matches!(code, 1000..=1009 | 4400 | 4401 | 4403 | 4406 | 4408 | 4429 | 4500..=4503)
}

enum Expected {
    Welcome,
    Subscribed {
        id: u64,
        names: Vec<String>,
    },
    Unsubscribed {
        id: u64,
        names: Vec<String>,
    },
    Refreshed,
    Pong,
    /// The last one: no frame behind it is heard.
    Close(u16),
}

pub(super) struct Model<'a> {
    bench: &'a Bench,
    is_known: bool,
    expected: Vec<Expected>,
}

impl<'a> Model<'a> {
    pub fn new(bench: &'a Bench, is_known: bool) -> Self {
        let expected = if is_known { vec![Expected::Welcome] } else { Vec::new() };
        Self { bench, is_known, expected }
    }

    /// Foresees what a frame leads to.
    pub async fn hear(&mut self, frame: &Frame) {
        if matches!(self.expected.last(), Some(Expected::Close(_))) {
            return;
        }
        let expected = match frame {
            Frame::Text(text) if text.len() > MOST_MESSAGE => Some(Expected::Close(1009)),
            Frame::Binary(bytes) if bytes.len() > MOST_MESSAGE => Some(Expected::Close(1009)),
            Frame::Text(text) => self.answer(ClientMessage::read(text)).await,
            Frame::Binary(_) => Some(Expected::Close(4400)),
            Frame::Ping(_) | Frame::Close(_) | Frame::Other => None,
        };
        self.expected.extend(expected);
    }

    async fn answer(&mut self, message: Option<ClientMessage>) -> Option<Expected> {
        let auth = &self.bench.app.parts.auth;
        let is_first = !std::mem::replace(&mut self.is_known, true);
        Some(match message {
            Some(ClientMessage::Hello { token }) if is_first => match auth.verify(&token).await {
                Ok(_) => Expected::Welcome,
                Err(_) => Expected::Close(4401),
            },
            _ if is_first => Expected::Close(4400),
            Some(ClientMessage::Subscribe { id, sids, .. }) => Expected::Subscribed { id, names: sids },
            Some(ClientMessage::Unsubscribe { id, sids }) => Expected::Unsubscribed { id, names: sids },
            Some(ClientMessage::Refresh { token }) => match auth.verify(&token).await {
                Ok(_) => Expected::Refreshed,
                Err(_) => Expected::Close(4401),
            },
            Some(ClientMessage::Ping {}) => Expected::Pong,
            Some(ClientMessage::Pong {}) => return None,
            Some(ClientMessage::Hello { .. }) | None => Expected::Close(4400),
        })
    }

    /// Holds what was said against what was foreseen.
    pub fn check(self, said: &[Frame]) {
        let messages = said.iter().filter_map(|frame| match frame {
            Frame::Text(text) => Some(serde_json::from_str::<Value>(text).expect("a message is JSON")),
            _ => None,
        });
        let name = |message: &Value| message["type"].as_str().expect("a message has a name").to_owned();
        let mut messages =
            messages.map(|message| (name(&message), message)).filter(|(name, _)| !PUSHED.contains(&&**name));
        let mut watched: HashSet<Sid> = HashSet::new();
        let mut close = 1000;
        for expected in self.expected {
            let names = match &expected {
                Expected::Subscribed { names, .. } | Expected::Unsubscribed { names, .. } => names.as_slice(),
                _ => &[],
            };
            let sids: HashSet<Sid> = names.iter().filter_map(|name| name.parse().ok()).collect();
            match &expected {
                Expected::Close(code) => {
                    close = *code;
                    break;
                }
                Expected::Subscribed { .. } if sids.union(&watched).count() > MOST_SIDS => {
                    close = 4429;
                    break;
                }
                _ => {}
            }
            let (name, message) = messages.next().expect("an answer");
            match expected {
                Expected::Welcome => assert_eq!(name, "welcome"),
                Expected::Refreshed => assert_eq!(name, "refreshed"),
                Expected::Pong => assert_eq!(name, "pong"),
                Expected::Unsubscribed { id, .. } => {
                    assert_eq!((&*name, &message["id"]), ("unsubscribed", &id.into()));
                    watched.retain(|sid| !sids.contains(sid));
                }
                Expected::Subscribed { id, names } => {
                    assert_eq!((&*name, &message["id"]), ("subscribed", &id.into()));
                    watched.extend(check_subscribed(&message, &names, &sids));
                }
                Expected::Close(_) => {}
            }
        }
        let more: Vec<(String, Value)> = messages.collect();
        assert!(more.is_empty(), "nobody asked for {more:?}");
        let codes: Vec<&Frame> = said.iter().filter(|frame| matches!(frame, Frame::Close(_))).collect();
        assert_eq!(codes, [&Frame::Close(close)]);
    }
}

/// Every name is answered, and no other; tells which are watched from then on.
fn check_subscribed(message: &Value, names: &[String], sids: &HashSet<Sid>) -> Vec<Sid> {
    let told = message["recordings"].as_array().expect("a list");
    let bad = names.iter().filter(|name| name.parse::<Sid>().is_err()).count();
    assert!((sids.len() + bad..=names.len()).contains(&told.len()), "{} answers to {names:?}", told.len());
    let name = |one: &Value| one["sid"].as_str().expect("a name").to_owned();
    assert!(told.iter().all(|one| names.contains(&name(one))), "nobody asked for one of {told:?}");
    told.iter().filter(|one| one["state"].is_string()).filter_map(|one| name(one).parse().ok()).collect()
}
