//! `ready` as text, put together from its parts: whoever listens waits for this message, and the first after a pause finds nothing of
//! the code in the processor's caches. So this is much less code than what writes any message. Says what
//! [`ServerMessage`](super::ServerMessage) says, byte for byte.

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

use super::{PublicUrl, USUAL};
use crate::recording::{Recording, Sid, State, Status, etag};

/// That a recording can be heard, for somebody who asked for it as `asked`. `None` where there is more to say than that.
pub(super) fn text(asked: Sid, recording: &Recording, status: &Status, base: &PublicUrl) -> Option<Utf8Bytes> {
    let is_plain = status.state == State::Ready && status.code.is_none() && status.retry_at.is_none();
    let media = status.media.filter(|_| is_plain)?;
    let (sid, base, about) = (asked.as_str(), &*base.0, &recording.about);
    let mut text = Text(String::with_capacity(USUAL));
    text.add(&[r#"{"type":"ready","sid":""#, sid, r#"","call_sid":""#, recording.call_sid.as_str()]);
    if let Some(sid) = &recording.recording_sid {
        text.add(&[r#"","recording_sid":""#, sid.as_str()]);
    }
    text.number(r#"","v":"#, status.v);
    text.add(&[r#","state":"ready","url":""#, base, "/api/recordings/file/", sid]);
    text.number(r#"","size":"#, media.size);
    text.add(&[r#","etag":"\""#, etag(recording.sid, &media).trim_matches('"')]);
    text.add(&[r#"\"","content_type":""#, media.container.content_type()]);
    text.number(r#"","duration_ms":"#, media.duration_ms);
    text.number(r#","channels":"#, media.channels.into());
    text.add(&[r#","peaks_url":""#, base, "/api/recordings/", sid, r#"/peaks""#]);
    text.told(r#","started_at":"#, about.started_at.as_ref())?;
    text.told(r#","from":"#, about.from.as_ref())?;
    text.told(r#","to":"#, about.to.as_ref())?;
    text.told(r#","direction":"#, about.direction.as_ref())?;
    text.told(r#","title":"#, about.title.as_ref())?;
    text.add(&["}"]);
    Some(text.0.into())
}

/// A message that grows. One copy of each part of the code, so that the places that call it are small.
struct Text(String);

impl Text {
    #[inline(never)]
    fn add(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.0.push_str(part));
    }

    #[inline(never)]
    fn number(&mut self, name: &str, value: u64) {
        self.add(&[name, itoa::Buffer::new().format(value)]);
    }

    /// What a back end told: any text.
    fn told(&mut self, name: &str, value: Option<&impl Serialize>) -> Option<()> {
        if let Some(value) = value {
            self.add(&[name, &serde_json::to_string(value).ok()?]);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ServerMessage, StateObject};
    use super::*;
    use crate::recording::{About, Code, Container, Media, Tenant, Timestamp};
    use proptest::prelude::*;

    fn sid(n: u128) -> Sid {
        format!("CA{n:032x}").parse().unwrap()
    }

    fn recording(call: u128, named: Option<u128>, about: About) -> Recording {
        let (call_sid, recording_sid, tenant) = (sid(call), named.map(sid), Tenant::new("acme").unwrap());
        Recording { sid: call_sid, call_sid, recording_sid, account_sid: "AC1".into(), tenant, about }
    }

    fn about() -> impl Strategy<Value = About> {
        let word = || proptest::option::of(any::<String>().prop_map(String::into_boxed_str));
        let moment = proptest::option::of((0..4_000_000_000_000_i64).prop_map(Timestamp));
        (moment, proptest::option::of(any::<u32>()), word(), word(), word(), word()).prop_map(
            |(started_at, duration_s, from, to, direction, title)| About {
                started_at,
                duration_s,
                from,
                to,
                direction,
                title,
            },
        )
    }

    fn media() -> impl Strategy<Value = Media> {
        let container = prop_oneof![Just(Container::Mp3), Just(Container::Wav)];
        (container, any::<u64>(), 1..=2_u8, any::<u64>()).prop_map(|(container, size, channels, duration_ms)| Media {
            container,
            size,
            channels,
            duration_ms,
        })
    }

    proptest! {
        #[test]
        fn is_what_the_message_would_be_written_as(
            (asked, call, named) in (any::<u128>(), any::<u128>(), proptest::option::of(any::<u128>())),
            (about, media, v) in (about(), media(), any::<u64>()),
        ) {
            let recording = recording(call, named, about);
            let status = Status { v, state: State::Ready, media: Some(media), ..Status::unknown() };
            let base = PublicUrl("https://listen.example:8443".into());
            let object = StateObject::new(sid(asked), &recording, &status, &base);
            let text = text(sid(asked), &recording, &status, &base);
            prop_assert_eq!(text, Some(ServerMessage::Ready(&object).encode()));
        }
    }

    #[test]
    fn what_says_more_is_left_to_the_whole_encoding() {
        let media = Media { container: Container::Wav, size: 1, channels: 1, duration_ms: 1 };
        let ready = Status { state: State::Ready, media: Some(media), ..Status::unknown() };
        let base = PublicUrl("http://x".into());
        let recording = recording(1, None, About::default());
        let is_written = |status: &Status| text(sid(1), &recording, status, &base).is_some();
        assert!(is_written(&ready));
        assert!(!is_written(&Status { code: Some(Code::Expired), ..ready.clone() }));
        assert!(!is_written(&Status { retry_at: Some(Timestamp(0)), ..ready.clone() }));
        assert!(!is_written(&Status { media: None, ..ready.clone() }));
        assert!(!is_written(&Status { state: State::Failed, ..ready }));
    }
}
