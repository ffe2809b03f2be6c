//! A proxy that stands for a server with a fault: what the real one says goes through, but for one thing.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// One bit of each body of bytes is another.
    Corrupts,
    /// `ready` is never pushed: its name is one that no client knows.
    Misses,
    /// `ready` is pushed twice.
    Doubles,
    /// What another tenant must not see is answered 200.
    Leaks,
    /// The state is `ready` and the bytes are not there.
    Forgets,
}

/// Stands before a server until the runtime ends; its address.
pub async fn before(server: SocketAddr, fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(server).await else { return };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                tokio::select! {
                    () = pass(near_read, far_write, Fault::None) => {}
                    () = pass(far_read, near_write, fault) => {}
                }
            });
        }
    });
    address
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let mut part = buffer[..length].to_vec();
        break_it(&mut part, fault);
        if to.write_all(&part).await.is_err() {
            return;
        }
    }
}

/// Over the loopback, a message comes in one read; an answer's head does, too.
fn break_it(part: &mut Vec<u8>, fault: Fault) {
    match fault {
        Fault::None => {}
        Fault::Corrupts => {
            let body = find(part, b"\r\n\r\n").map(|at| at + 4);
            if part.starts_with(b"HTTP/1.1 206")
                && body.is_some_and(|at| at < part.len())
                && let Some(last) = part.last_mut()
            {
                *last ^= 1;
            }
        }
        Fault::Misses => replace(part, br#""type":"ready""#, br#""type":"later""#),
        Fault::Doubles => {
            // A frame of text whose length stands in two bytes (RFC 6455, section 5.2): 126 to 65,535.
            if part.len() > 4 && part[..2] == [0x81, 126] && find(part, br#""type":"ready""#).is_some() {
                let length = 4 + usize::from(u16::from_be_bytes([part[2], part[3]]));
                let frame = part[..length.min(part.len())].to_vec();
                part.splice(0..0, frame);
            }
        }
        Fault::Leaks => replace(part, b"HTTP/1.1 404", b"HTTP/1.1 200"),
        Fault::Forgets => replace(part, b"HTTP/1.1 206", b"HTTP/1.1 404"),
    }
}

fn find(part: &[u8], what: &[u8]) -> Option<usize> {
    part.windows(what.len()).position(|window| window == what)
}

/// Every one of them, by as many bytes.
fn replace(part: &mut [u8], what: &[u8], by: &[u8]) {
    while let Some(at) = find(part, what) {
        part[at..at + by.len()].copy_from_slice(by);
    }
}
