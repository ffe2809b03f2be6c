//! Ten thousand sockets come back at once, each with a page of recordings: what does that cost PostgreSQL?

use std::error::Error;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use loadtest::client::{Heard, Listeners};
use loadtest::measure::{Measure, Report, clock, process};
use loadtest::server::Server;
use serde_json::json;

use super::bench::Bench;
use super::calls::{self, unnamed};
use super::deployment::{Deployment, said};
use super::provider::Provider;

/// A storm that lasts longer does not end.
const PATIENCE: Duration = Duration::from_secs(120);
/// Registered calls, out of which each socket watches a page.
const CALLS: usize = 1_000;
/// Queries of the catalog for recordings by name, whoever asks.
const COUNT: &str = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements s
    JOIN pg_database d ON d.oid = s.dbid WHERE datname = current_database() AND s.query LIKE '%recordings%'";

#[derive(clap::Args)]
pub(crate) struct Storm {
    /// Sockets that come back
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sockets: u32,
    /// Recordings that each watches, in one message
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=256))]
    page: u32,
}

pub(crate) fn run(bench: &Bench, options: &Storm, home: &Path) -> Result<Report, Box<dyn Error>> {
    process::raise_open_files(u64::from(options.sockets) + 2048)?;
    let provider = Provider::start()?;
    let deployment = Deployment::start(bench.server()?, home)?;
    let server = deployment.server(&provider, "server")?;
    let sids = calls::sids(1, CALLS);
    server.register(&unnamed(&sids))?;
    let sql =
        |sql: &str| said(Command::new("psql").args(["-qXAt", "-d", &deployment.database.direct_url(), "-c", sql]));
    sql("CREATE EXTENSION pg_stat_statements")?;
    let asked = || -> Result<f64, Box<dyn Error>> { Ok(sql(COUNT)?.trim().parse::<f64>()?) };
    let (mut per_batch, mut seconds, mut slowest) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds().min(3) {
        let mut listeners = connect(&server, options.sockets)?;
        let (before, began) = (asked()?, clock::now());
        let answered = subscribe(&mut listeners, &sids, options.page as usize)?;
        seconds.push((clock::now() - began).as_secs_f64());
        per_batch.push((asked()? - before) / f64::from(options.sockets));
        slowest.push(answered.as_secs_f64());
        drop(listeners);
        // The server notices what was closed.
        clock::pause(Duration::from_secs(3));
    }
    let mut report = Report::new("storm", json!({"sockets": options.sockets, "page": options.page}));
    report.measures.extend([
        // A sweep may fall into it, or two.
        Measure::new("queries of PostgreSQL for each batch", "queries", per_batch).at_most(1.001),
        Measure::new("until the last socket had its states", "s", slowest),
        Measure::new("the whole storm", "s", seconds),
    ]);
    report.remarks.push(
        "counted by pg_stat_statements: every statement about recordings, the server's own sweeps included".into(),
    );
    Ok(report)
}

fn connect(server: &Server, sockets: u32) -> io::Result<Listeners> {
    let mut listeners = Listeners::new()?;
    let token = server.token("agent");
    for index in 0..sockets {
        listeners.web_socket(server.address(), &token)?;
        if index % 500 == 0 {
            // Pings are answered.
            listeners.listen(clock::now(), |_, _, _| ControlFlow::Continue(()))?;
        }
    }
    Ok(listeners)
}

/// Each socket watches a page; from the first message sent to the last answer.
fn subscribe(listeners: &mut Listeners, sids: &[String], page: usize) -> io::Result<Duration> {
    let began = clock::now();
    for index in 0..listeners.len() {
        let sids: Vec<&String> = sids.iter().cycle().skip(index * page % sids.len()).take(page).collect();
        listeners.send(index, &json!({"type": "subscribe", "id": 1, "sids": sids, "intent": "watch"}).to_string())?;
    }
    let (mut missing, mut broken) = (listeners.len(), None);
    listeners.listen(began + PATIENCE, |index, _, heard| {
        match heard {
            Heard::Message(message) if message.kind == "subscribed" => missing -= 1,
            Heard::Message(message) if message.kind == "error" => broken = Some(format!("{index} heard an error")),
            Heard::Closed(code) => broken = Some(format!("{index} was closed ({code:?})")),
            Heard::Message(_) | Heard::Status(_) => {}
        }
        if missing == 0 || broken.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    match broken {
        None if missing == 0 => Ok(clock::now() - began),
        None => Err(io::Error::other(format!("{missing} sockets have no answer"))),
        Some(broken) => Err(io::Error::other(broken)),
    }
}
