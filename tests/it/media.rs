//! A recording's bytes over real HTTP: RFC 9110 to the byte, and what is said until they are there.

mod conditions;
mod connections;
mod following;
mod landing;
mod large;
mod names;
mod ranges;
mod truth;

use loadtest::twilio::Recording;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};

use crate::support::{Bench, token, wav};

/// An answer with its bytes.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.expect("a whole body").into() }
    }

    /// A header field as text; empty when there is none.
    fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// A server with one landed recording whose bytes are known.
struct Landed {
    bench: Bench,
    recording: Recording,
    bytes: Vec<u8>,
}

impl Landed {
    async fn of(size: usize) -> Self {
        let (bench, bytes) = (Bench::start().await, wav(size));
        let recording = bench.placed("wav", &bytes).await;
        Self { bench, recording, bytes }
    }

    fn path(&self) -> String {
        format!("/api/recordings/file/{}", self.recording.call_sid)
    }

    async fn ask(&self, method: Method, fields: &[(&str, &str)]) -> Answer {
        ask(&self.bench, method, &self.path(), fields).await
    }

    async fn get(&self, fields: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, fields).await
    }

    /// A GET of that range.
    async fn range(&self, range: &str) -> Answer {
        self.get(&[("range", range)]).await
    }

    fn is_whole(&self, answer: &Answer) -> bool {
        answer.status == StatusCode::OK && answer.body == self.bytes && !answer.headers.contains_key("content-range")
    }
}

/// Asks as an agent of the tenant `t`.
async fn ask(bench: &Bench, method: Method, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut request = bench.request(method, path, &token("t", "agent"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await.expect("an answer")).await
}
