//! What one request costs a server that has nothing else to do: time for the client, CPU for the server.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use loadtest::client::{Heard, Http, Listeners};
use loadtest::measure::{Samples, clock, process};
use loadtest::server::Server;

/// An answer that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kind of request.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    File,
    State,
    List,
    Subscribe,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::File, Self::State, Self::List, Self::Subscribe];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::State => "state",
            Self::List => "list",
            Self::Subscribe => "subscribe",
        }
    }
}

/// What a number of requests cost.
pub(crate) struct Cost {
    pub(crate) latency: Samples,
    /// Of the server for one request, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Sends `count` requests, one after the other on one connection, about one SID after the other.
pub(crate) fn measure(server: &Server, kind: Kind, sids: &[String], count: usize) -> io::Result<Cost> {
    let token = server.token("agent");
    let sids = sids.iter().cycle().take(count);
    let mut latency = Samples::default();
    // Connections are made beforehand, and are not part of what is measured.
    let cpu = match kind {
        Kind::Subscribe => {
            let mut listeners = Listeners::new()?;
            listeners.web_socket(server.address(), &token)?;
            let before = process::cpu_time(server.pid())?;
            for sid in sids {
                let began = clock::now();
                let subscribe = format!(r#"{{"type":"subscribe","id":1,"sids":["{sid}"],"intent":"watch"}}"#);
                exchange(&mut listeners, &subscribe, "subscribed")?;
                latency.push(clock::now() - began);
                let unsubscribe = format!(r#"{{"type":"unsubscribe","id":2,"sids":["{sid}"]}}"#);
                exchange(&mut listeners, &unsubscribe, "unsubscribed")?;
            }
            process::cpu_time(server.pid())? - before
        }
        Kind::File | Kind::State | Kind::List => {
            let mut http = Http::connect(server.address(), Some(&token))?;
            http.send("GET", "/healthz", "", b"")?;
            let before = process::cpu_time(server.pid())?;
            for sid in sids {
                let (target, headers, status) = match kind {
                    Kind::File => (format!("/api/recordings/file/{sid}"), "Range: bytes=0-\r\n", 206),
                    Kind::List => ("/api/recordings?limit=50".to_owned(), "", 200),
                    Kind::State | Kind::Subscribe => (format!("/api/recordings/{sid}"), "", 200),
                };
                let began = clock::now();
                http.send("GET", &target, headers, b"")?.expect(status)?;
                latency.push(clock::now() - began);
            }
            process::cpu_time(server.pid())? - before
        }
    };
    Ok(Cost { latency, cpu_us: cpu.as_secs_f64() * 1e6 / count as f64 })
}

fn exchange(listeners: &mut Listeners, text: &str, answer: &str) -> io::Result<()> {
    listeners.send(0, text)?;
    let answered = listeners.listen(clock::now() + PATIENCE, |_, _, heard| match heard {
        Heard::Message(message) if message.kind == answer => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })?;
    if answered { Ok(()) } else { Err(io::Error::other(format!("no {answer} came"))) }
}
