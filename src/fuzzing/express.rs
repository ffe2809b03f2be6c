//! Requests as bytes, by both ways that there are: each is sent alone, so that the express way may answer it, and behind
//! another request, so that the HTTP library must. Both must say the same, and nothing that is not in the file.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::bench::{Bench, LANDED, with_bench};
use super::bounded;
use super::reply::Reply;

/// Put before a request, so that it does not come alone.
const BEFORE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
/// Sent behind a request, so that the connection comes to its end.
const AFTER: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
/// Longest that a connection may live once its client has said all.
const MOST: Duration = Duration::from_secs(10);

/// Bytes from a client. `{S}`, `{T}` and `{L}` stand for the recording's name, a good token and a good link.
pub fn express(data: &[u8]) {
    let Some(data) = bounded(data, 2048) else { return };
    // A head that does not end waits for its minute, on both ways.
    if !data.windows(4).any(|four| four == b"\r\n\r\n") && !data.windows(2).any(|two| two == b"\n\n") {
        return;
    }
    with_bench(|bench| {
        let request = fill_in(bench, data);
        // What was not answered in time on a busy machine is given more of it before anybody is blamed.
        let agrees = [5, 50, 1000].into_iter().any(|patience| bench.run(agree(bench, &request, patience)).is_ok());
        if !agrees && let Err(why) = bench.run(agree(bench, &request, 3000)) {
            panic!("{why}");
        }
    });
}

fn fill_in(bench: &Bench, data: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(data.len() + 512);
    let mut rest = data;
    while let [first, after @ ..] = rest {
        let value = match rest {
            [b'{', b'S', b'}', ..] => LANDED,
            [b'{', b'T', b'}', ..] => &bench.token,
            [b'{', b'L', b'}', ..] => &bench.link,
            _ => "",
        };
        filled.extend_from_slice(value.as_bytes());
        rest = if value.is_empty() { after } else { &rest[3..] };
        filled.extend(value.is_empty().then_some(*first));
    }
    filled
}

/// Sends the request both ways and compares the first answers.
async fn agree(bench: &Bench, request: &[u8], patience: u64) -> Result<(), String> {
    let patience = Duration::from_millis(patience);
    let alone = talk(bench, request, patience).await;
    let behind = talk(bench, &[BEFORE, request].concat(), patience).await;
    let behind = Reply::first(&behind).ok_or("the request in front was not answered")?.after();
    let (one, two) = (Reply::first(&alone), Reply::first(behind));
    let is_get = request.starts_with(b"GET ");
    if let Some(one) = one.as_ref().filter(|_| is_get) {
        one.check_bytes(&bench.wav);
    }
    match (one, two) {
        (Some(one), Some(two)) if one.essence() != two.essence() => {
            Err(format!("{:#?}\nand {:#?}", one.essence(), two.essence()))
        }
        // The boundary of several parts is another each time.
        (Some(one), Some(two)) if is_get && one.body().len() != two.body().len() => Err("bodies differ".into()),
        (Some(_), Some(_)) | (None, None) => Ok(()),
        (one, two) => Err(format!("{one:?}\nand {two:?}")),
    }
}

/// All that the server says to this until it closes.
async fn talk(bench: &Bench, bytes: &[u8], patience: Duration) -> Vec<u8> {
    let (mut client, served) = bench.dial().await;
    let mut heard = Vec::with_capacity(16 * 1024);
    // The server may have closed already: that is an answer too.
    let _ = client.write_all(bytes).await;
    let _ = timeout(patience, client.read_buf(&mut heard)).await;
    let _ = client.write_all(AFTER).await;
    let _ = timeout(patience * 4, hear(&mut client, &mut heard)).await;
    // A body that was announced and never came ends here.
    let _ = client.shutdown().await;
    timeout(MOST, hear(&mut client, &mut heard)).await.expect("the connection of a client that has gone ends");
    drop(client);
    timeout(MOST, served).await.expect("a connection's task ends").expect("a connection's task does not panic");
    heard
}

async fn hear(client: &mut TcpStream, heard: &mut Vec<u8>) {
    while client.read_buf(heard).await.is_ok_and(|bytes| bytes > 0) {}
}
