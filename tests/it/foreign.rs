//! Workers of others: what they write in place, and what old volumes are full of.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use loadtest::twilio::{Format, NewRecording};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Bench, token, wav};

/// A file that some process writes in place, and has not closed yet.
fn begun(bench: &Bench, name: &str, bytes: &[u8]) -> std::fs::File {
    let mut file = std::fs::File::create(bench.volume().join(name)).unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[tokio::test]
async fn a_file_that_is_written_in_place_is_neither_announced_nor_served_before_it_is_closed() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    // An MP3's header tells no length: half of one looks like one.
    let bytes = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    let mut socket = bench.socket().await;
    assert_eq!(socket.subscribe(&recording.call_sid, "watch").await["state"], "unknown");
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let mut file = begun(&bench, &format!("{}.mp3", recording.call_sid), first);
    // A worker that signals too early is not believed either.
    bench.signal(&recording.call_sid).await;
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    let head = bench.request(Method::HEAD, &path, &token("t", "agent")).send().await.unwrap();
    assert_eq!(head.status(), 202);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(socket.pushed().await, [serde_json::Value::Null; 0]);
    file.write_all(rest).unwrap();
    drop(file);
    let ready = socket.until("ready").await;
    assert_eq!((&ready["sid"], &ready["size"]), (&recording.call_sid.as_str().into(), &bytes.len().into()));
    assert_eq!(bench.get(&path).await.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn an_old_volume_is_served_as_it_is() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let sid = &recording.call_sid;
    let bytes = wav(20_000);
    // WAV under the other name, and what a worker that died has left beside it.
    let path = bench.volume().join(format!("{sid}.mp3"));
    std::fs::write(&path, &bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    for leftover in [format!("{sid}.mp3.lock"), format!("{sid}.lock"), format!("{sid}.mp3.tmp"), "lost+found".into()] {
        std::fs::write(bench.volume().join(leftover), b"1234").unwrap();
    }
    let answer = bench.get(&format!("/api/recordings/file/{sid}")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"audio/wav".parse().unwrap()));
    assert_eq!(answer.bytes().await.unwrap(), bytes);
    assert_eq!(bench.json(&format!("/api/recordings/{sid}")).await["state"], "ready");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0, "nothing is fetched again");
}

/// Sends a word of a landing as a worker that keeps its connection: head and body in one piece. The status of the answer.
async fn say(stream: &mut TcpStream, kind: &str, token: &str, sid: &str) -> u16 {
    let body = format!(r#"{{"sids":["{sid}"]}}"#);
    let head = format!(
        "POST /internal/landed HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n"
    );
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    std::str::from_utf8(&answer[9..read.min(12)]).unwrap().parse().unwrap()
}

/// The first word of a worker makes its token known; what its later words say is looked at before they are judged. That a word is
/// refused for its form tells the two apart: what it said was true, and has been told.
#[tokio::test]
async fn what_a_known_worker_says_has_landed_is_told_before_the_request_is_answered() {
    let bench = Bench::start().await;
    let (json, service, agent) = ("application/json", token("-", "service"), token("t", "agent"));
    // One on each of the two lanes, so that one is the stream's.
    let mut sockets = [bench.socket().await, bench.socket().await];
    let mut stream = TcpStream::connect(bench.server.as_ref().unwrap().address()).await.unwrap();
    for (kind, token, status, is_told) in [
        (json, &service, 204, true),
        ("text/plain", &service, 400, true),
        // Known by the same head.
        ("text/plain", &service, 400, true),
        (json, &agent, 403, false),
        // A page of a browser is never taken at its word.
        ("text/plain\r\norigin: https://elsewhere.example", &service, 400, false),
        ("text/plain", &service, 400, true),
    ] {
        let recording = bench.registered("t", NewRecording::default()).await;
        let sid = &recording.call_sid;
        for socket in &mut sockets {
            assert_eq!(socket.subscribe(sid, "watch").await["state"], "unknown");
        }
        // By a link, which inotify does not show: nobody knows but who says it.
        std::fs::write(bench.volume().join("part"), wav(2_000)).unwrap();
        std::fs::hard_link(bench.volume().join("part"), bench.volume().join(format!("{sid}.mp3"))).unwrap();
        std::fs::remove_file(bench.volume().join("part")).unwrap();
        assert_eq!(say(&mut stream, kind, token, sid).await, status);
        for socket in &mut sockets {
            if is_told {
                assert_eq!(&socket.until("ready").await["sid"], sid.as_str());
            } else {
                assert_eq!(socket.pushed().await, [serde_json::Value::Null; 0]);
            }
        }
    }
}
