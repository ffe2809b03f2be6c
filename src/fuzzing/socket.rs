//! A socket's conversation: frames of any kind on a real connection, held against what the protocol says must come back.

mod model;
mod wire;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::bench::{Bench, with_bench};
use super::{bounded, choice};
use model::Model;
use wire::{Frame, HANDSHAKE, frame, frames, receive};

/// Longest that a socket may live once its client has said all.
const MOST: Duration = Duration::from_secs(15);

/// By the first byte: bytes as they come behind the handshake, or a frame for each line. A line that begins with a
/// control character is a frame of that kind, all others are text. `{T}` stands for a good token.
pub fn socket(data: &[u8]) {
    let Some((how, data)) = bounded(data, 8 * 1024).and_then(choice) else { return };
    with_bench(|bench| {
        let has_token = how & 1 == 1;
        if how & 2 == 0 {
            bench.run(raw(bench, has_token, data));
        } else {
            bench.run(conversation(bench, has_token, &lines(bench, data)));
        }
    });
}

/// Whatever comes, the server ends the socket with a code of the protocol, or drops it.
async fn raw(bench: &Bench, has_token: bool, bytes: &[u8]) {
    let said = talk(bench, has_token, bytes).await;
    for frame in frames(&said) {
        if let Frame::Close(code) = frame {
            assert!(model::is_ours(code), "{code} is no close code of the protocol");
        }
    }
}

async fn conversation(bench: &Bench, has_token: bool, lines: &[Frame]) {
    let sent: Vec<u8> = lines.iter().flat_map(frame).chain(frame(&Frame::Close(1000))).collect();
    let said = frames(&talk(bench, has_token, &sent).await);
    let mut model = Model::new(bench, has_token);
    for line in lines {
        model.hear(line).await;
    }
    model.check(&said);
}

/// All that the server says to this until it closes.
async fn talk(bench: &Bench, has_token: bool, bytes: &[u8]) -> Vec<u8> {
    let (mut client, served) = bench.dial().await;
    let credentials = if has_token { format!(", landfall.bearer.{}", bench.token) } else { String::new() };
    client.write_all(HANDSHAKE.replace("{C}", &credentials).as_bytes()).await.unwrap();
    // The server may have closed already: that is an answer too.
    let _ = client.write_all(bytes).await;
    let _ = client.shutdown().await;
    let said = timeout(MOST, receive(&mut client)).await.expect("the socket of a client that has gone ends");
    drop(client);
    timeout(MOST, served).await.expect("a connection's task ends").expect("a connection's task does not panic");
    let tasks = &bench.app.tasks;
    tasks.close();
    timeout(MOST, tasks.wait()).await.expect("a socket's task ends");
    tasks.reopen();
    said
}

fn lines(bench: &Bench, data: &[u8]) -> Vec<Frame> {
    let of = |line: &[u8]| match line {
        [2, rest @ ..] => Frame::Binary(rest.to_vec()),
        [9, rest @ ..] => Frame::Ping(rest[..rest.len().min(125)].to_vec()),
        _ => match std::str::from_utf8(line) {
            Ok(text) => Frame::Text(text.replace("{T}", &bench.token)),
            Err(_) => Frame::Binary(line.to_vec()),
        },
    };
    data.split(|byte| *byte == b'\n').map(of).collect()
}
