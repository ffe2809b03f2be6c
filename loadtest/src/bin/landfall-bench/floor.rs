//! The least that pushing costs on this machine: one thread that watches a directory and writes to sockets, and does nothing else.
//!
//! What it takes is two wake-ups and the network stack. On a virtual machine with idle cores that alone can be most of a latency.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use loadtest::measure::arrivals::Arrivals;

/// A file that arrives so much later than the one before it does not arrive. The first is late: all are written before.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes one WebSocket for each SID, in their order, and tells each when its file arrives; returns when all have been told.
pub(crate) fn serve(listener: &TcpListener, directory: &Path, sids: &[String]) -> io::Result<()> {
    let arrivals = Arrivals::of(directory)?;
    let accept = |sid| io::Result::Ok((sid, accept(listener)?));
    let mut sockets: HashMap<&str, TcpStream> =
        sids.iter().map(String::as_str).map(accept).collect::<io::Result<_>>()?;
    arrivals.each(sids.len(), PATIENCE, |sid| {
        let message = format!(r#"{{"type":"ready","sid":"{sid}"}}"#);
        let frame = [&[0x81, message.len() as u8], message.as_bytes()].concat();
        sockets.get_mut(sid).map_or(Ok(()), |socket| socket.write_all(&frame))
    })
}

fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let mut socket = listener.accept()?.0;
    socket.set_nodelay(true)?;
    // The client sends nothing but its handshake before it has an answer.
    let mut request = [0; 1024];
    let _ = socket.read(&mut request)?;
    socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
    Ok(socket)
}
