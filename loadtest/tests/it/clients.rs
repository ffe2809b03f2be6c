//! The measuring clients, against servers that say what the test tells them to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use loadtest::client::{Amount, File, Heard, Listeners, Ranges, Transfer};
use loadtest::random::Random;

/// Serves one connection.
fn server<T: Send + 'static>(serve: impl FnOnce(&mut TcpStream) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, std::thread::spawn(move || serve(&mut listener.accept().unwrap().0)))
}

fn request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

/// What a lone listener hears, until something breaks off or it is silent.
fn hear(listeners: &mut Listeners) -> Vec<String> {
    let mut heard = Vec::new();
    listeners
        .listen(Instant::now() + Duration::from_secs(5), |_, _, what| {
            heard.push(match what {
                Heard::Message(message) => format!("{} {}", message.kind, message.sid.unwrap_or("-")),
                Heard::Status(status) => status.to_string(),
                Heard::Closed(code) => format!("closed {code:?}"),
            });
            if heard.last().is_some_and(|last| last.starts_with("closed")) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    heard
}

#[test]
fn a_socket_hears_messages_however_they_are_cut_and_answers_pings() {
    let (address, served) = server(|stream| {
        let asked = request(stream);
        assert!(asked.contains("Sec-WebSocket-Protocol: landfall.v1, landfall.bearer.secret\r\n"), "{asked}");
        let ready = br#"{"type":"ready","sid":"CA1"}"#;
        let mut bytes = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x12{\"type\":\"welcome\"}".to_vec();
        bytes.extend_from_slice(b"\x81\x0f{\"type\":\"ping\"}\x81");
        bytes.push(ready.len() as u8);
        bytes.extend_from_slice(ready);
        bytes.extend_from_slice(b"\x88\x02\x11\x95");
        for part in bytes.chunks(7) {
            stream.write_all(part).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut pong = [0; 6 + 15];
        stream.read_exact(&mut pong).unwrap();
        pong
    });
    let mut listeners = Listeners::new().unwrap();
    listeners.web_socket(address, "secret").unwrap();
    assert_eq!(hear(&mut listeners), ["welcome -", "ready CA1", "closed Some(4501)"]);
    assert_eq!(served.join().unwrap()[..], *b"\x81\x8f\0\0\0\0{\"type\":\"pong\"}");
}

#[test]
fn an_event_stream_is_heard_line_by_line_in_chunks() {
    let (address, served) = server(|stream| {
        request(stream);
        let event = "event: ready\ndata: {\"type\":\"ready\",\"sid\":\"CA1\"}\n\n";
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        write!(stream, "{head}{:x}\r\n{event}\r\n", event.len()).unwrap();
    });
    let mut listeners = Listeners::new().unwrap();
    listeners.events(address, "secret", "/events").unwrap();
    assert_eq!(hear(&mut listeners), ["ready CA1", "closed None"]);
    served.join().unwrap();
}

#[test]
fn a_held_request_is_heard_by_its_status() {
    let (address, served) = server(|stream| {
        assert!(request(stream).contains("Range: bytes=0-1\r\n"));
        stream.write_all(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nID").unwrap();
    });
    let mut listeners = Listeners::new().unwrap();
    listeners.held(address, "secret", "/file", "Range: bytes=0-1\r\n").unwrap();
    // Nothing that comes after matters, not even the end.
    let silent = Instant::now() + Duration::from_millis(200);
    let mut heard = Vec::new();
    let note = |_: usize, _: Instant, what: Heard<'_>| {
        heard.push(format!("{what:?}"));
        ControlFlow::Continue(())
    };
    listeners.listen(silent, note).unwrap();
    assert_eq!(heard, ["Status(206)"]);
    served.join().unwrap();
}

/// Fetches one range of 100 bytes from a server whose answer is made by `answer` from start, end and the right bytes.
fn fetch(answer: fn(u64, u64, &[u8]) -> Vec<u8>) -> std::io::Result<Transfer> {
    ask(Amount::Range(100), move |asked, content| {
        let range = asked.split_once("bytes=").unwrap().1.split_once("\r\n").unwrap().0.split_once('-').unwrap();
        let (start, last): (u64, u64) = (range.0.parse().unwrap(), range.1.parse().unwrap());
        answer(start, last, &content[start as usize..=last as usize])
    })
}

/// Asks for `amount` of a file of 256 bytes, once; `answer` is made of the request and the file.
fn ask(amount: Amount, answer: impl FnOnce(&str, &[u8]) -> Vec<u8> + Send + 'static) -> std::io::Result<Transfer> {
    let content: Vec<u8> = (0..=255).collect();
    let path = std::env::temp_dir().join(format!("landfall-ranges-{}-{:?}", std::process::id(), Instant::now()));
    std::fs::write(&path, &content).unwrap();
    let file = File { target: "/f".to_owned(), content: std::fs::File::open(&path).unwrap(), size: 256 };
    std::fs::remove_file(path).unwrap();
    let (address, served) = server(move |stream| {
        let asked = request(stream);
        stream.write_all(&answer(&asked, &content)).unwrap();
    });
    let files = [file];
    let ranges = Ranges { address, token: None, files: &files, amount, connections: 1, compare_every: 1 };
    let found = ranges.fetch(100, &mut Random::seeded(1));
    served.join().unwrap();
    found
}

fn answer(start: u64, last: u64, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 206 OK\r\nContent-Length: 100\r\nContent-Range: bytes {start}-{last}/256\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn a_right_range_counts() {
    let transfer = fetch(answer).unwrap();
    assert_eq!((transfer.requests, transfer.bytes, transfer.compared), (1, 100, 1));
}

#[test]
fn a_whole_file_is_asked_for_without_a_range() {
    let whole = |asked: &str, content: &[u8]| {
        assert!(!asked.contains("Range"), "{asked}");
        [&b"HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n"[..], content].concat()
    };
    let transfer = ask(Amount::Whole, whole).unwrap();
    assert_eq!((transfer.requests, transfer.bytes, transfer.compared), (1, 256, 1));
}

#[test]
fn another_range_than_was_asked_for_is_an_error() {
    let error = fetch(|start, last, body| answer(start + 1, last + 1, body)).unwrap_err();
    assert!(error.to_string().starts_with("not the answer that was asked for"), "{error}");
}

#[test]
fn one_wrong_byte_is_an_error() {
    let wrong = |start, last, body: &[u8]| {
        let mut body = body.to_vec();
        body[57] ^= 1;
        answer(start, last, &body)
    };
    let error = fetch(wrong).unwrap_err();
    assert!(error.to_string().contains("wrong bytes"), "{error}");
}
