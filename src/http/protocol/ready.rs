//! `ready` as text, put together from its parts: whoever listens waits for this message, and the first after a pause finds nothing of
//! the code in the processor's caches. So this is a tenth of the code that writes any message. Says what
//! [`ServerMessage`](super::ServerMessage) says, byte for byte.

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

use super::{PublicUrl, USUAL};
use crate::recording::{Media, Recording, Sid, State, Status, etag};

/// That a recording can be heard, for somebody who asked for it as `asked`. `None` where there is more to say than that.
pub(super) fn text(asked: Sid, recording: &Recording, status: &Status, base: &PublicUrl) -> Option<Utf8Bytes> {
    let is_plain = status.state == State::Ready && status.code.is_none() && status.retry_at.is_none();
    let media = status.media.filter(|_| is_plain)?;
    let mut text = String::with_capacity(USUAL);
    add(&mut text, &[r#"{"type":"ready","sid":""#, asked.as_str(), r#"","call_sid":""#, recording.call_sid.as_str()]);
    if let Some(sid) = &recording.recording_sid {
        add(&mut text, &[r#"","recording_sid":""#, sid.as_str()]);
    }
    add_media(&mut text, asked, recording.sid, status.v, &media, &base.0);
    let about = &recording.about;
    add_told(&mut text, r#","started_at":"#, about.started_at.as_ref())?;
    for (name, value) in [
        (r#","from":"#, &about.from),
        (r#","to":"#, &about.to),
        (r#","direction":"#, &about.direction),
        (r#","title":"#, &about.title),
    ] {
        add_told(&mut text, name, value.as_ref())?;
    }
    text.push('}');
    Some(text.into())
}

fn add_media(text: &mut String, asked: Sid, sid: Sid, v: u64, media: &Media, base: &str) {
    let [mut version, mut size, mut duration, mut channels] = [itoa::Buffer::new(); 4];
    let asked = asked.as_str();
    let etag = etag(sid, media);
    let parts = [
        r#"","v":"#,
        version.format(v),
        r#","state":"ready","url":""#,
        base,
        "/api/recordings/file/",
        asked,
        r#"","size":"#,
        size.format(media.size),
        r#","etag":"\""#,
        etag.trim_matches('"'),
        r#"\"","content_type":""#,
        media.container.content_type(),
        r#"","duration_ms":"#,
        duration.format(media.duration_ms),
        r#","channels":"#,
        channels.format(media.channels),
        r#","peaks_url":""#,
        base,
        "/api/recordings/",
        asked,
        r#"/peaks""#,
    ];
    add(text, &parts);
}

/// What a back end told: any text.
fn add_told(text: &mut String, name: &str, value: Option<&impl Serialize>) -> Option<()> {
    if let Some(value) = value {
        add(text, &[name, &serde_json::to_string(value).ok()?]);
    }
    Some(())
}

/// One copy of it: each place where it is called is small.
#[inline(never)]
fn add(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
}

#[cfg(test)]
mod tests {
    use super::super::{ServerMessage, StateObject};
    use super::*;
    use crate::recording::{About, Code, Container, Tenant, Timestamp};
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
