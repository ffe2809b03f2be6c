//! A reader that takes its time: a small receive window and a pause after each part, so that the server has to wait for it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{Instant, interval_at};

use super::context::Context;
use super::findings::Violation;
use super::library::Recording;
use super::meter::bump;
use super::session::Failed;

/// Bytes of the kernel's receive buffer, which doubles it. With its default, it would read for the reader.
const WINDOW: u32 = 8192;
/// The longest head of an answer.
const LONGEST_HEAD: usize = 8192;
/// Parts that a second of reading is made of.
const PARTS_A_SECOND: u32 = 10;

/// Reads the whole recording at the plan's slow rate, or until the time is over; every byte is compared.
pub(super) async fn read_slowly(context: &Context, recording: &Recording, user: u64) -> Result<(), Failed> {
    bump(&context.meter.counts.requests);
    let token = context.target.token(recording.tenant, user);
    match read(context, recording, &token).await {
        Ok(Some(problem)) => Err(problem),
        Ok(None) => Ok(()),
        Err(_) if context.forgiving() => Ok(()),
        Err(_) => Err("a slow reader's connection broke".to_owned()),
    }
}

async fn read(context: &Context, recording: &Recording, token: &str) -> io::Result<Option<Failed>> {
    let address = context.target.address;
    let socket = if matches!(address, SocketAddr::V4(_)) { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(WINDOW)?;
    let mut stream = socket.connect(address).await?;
    let (path, host) = (recording.path(), context.target.host());
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD {
            return Ok(Some("a slow reader got no head".to_owned()));
        }
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 200") {
        return Ok(Some("a slow reader was not answered 200".to_owned()));
    }
    let part = (context.plan.load.slow_rate / PARTS_A_SECOND).max(1) as usize;
    let (size, mut at, mut buffer) = (recording.content.size(), 0_u64, vec![0; part]);
    let mut pace = interval_at(Instant::now(), Duration::from_secs(1) / PARTS_A_SECOND);
    while at < size {
        tokio::select! {
            _ = pace.tick() => {}
            () = context.over.cancelled() => return Ok(None),
        }
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !recording.content.holds(at, &buffer[..length]) {
            let what = format!("{}: wrong bytes from {at}, read slowly", recording.sid);
            context.findings.violation(Violation::Corrupt, what);
            return Ok(None);
        }
        at += length as u64;
        context.meter.counts.bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
    Ok(None)
}
