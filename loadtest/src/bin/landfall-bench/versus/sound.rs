//! From play to sound: told when a recording has landed, or asking for it by a schedule, as the player did that Landfall replaces.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use loadtest::client::{Http, Listeners};
use loadtest::measure::arrivals::Arrivals;
use loadtest::measure::{Measure, Report, clock};
use loadtest::speech::Speech;
use serde_json::json;

use crate::bench::Bench;
use crate::calls;
use crate::listen::until_ready;
use crate::provider::Provider;

/// Seconds that the old player waited after each time that the file was not there.
const SCHEDULE: [u64; 5] = [3, 5, 8, 12, 20];
/// Longer than the schedule, and than any recording is held back.
const PATIENCE: Duration = Duration::from_secs(120);
/// All begin at once, so long after the last of them is prepared.
const LEAD: Duration = Duration::from_millis(500);
/// Length of the recordings: 240 KB.
const SECONDS: f64 = 60.0;
/// What is asked for first.
const FIRST: usize = 64 * 1024;
/// All recordings are fetched side by side, and none waits for another.
const SETTINGS: [(&str, &str); 2] = [("LANDFALL_WORKER__CONCURRENCY", "64"), ("LANDFALL_WORKER__PER_TENANT", "64")];

#[derive(clap::Args)]
pub(crate) struct Sound {
    /// Seconds after play, in rising order, for which the provider holds recordings back
    #[arg(long, value_delimiter = ',', default_value = "0.3,1,2,5,10,30")]
    delays: Vec<f64>,
}

#[derive(Clone, Copy)]
enum Player {
    /// A socket, then one request.
    Landfall,
    /// One request after the other, by the schedule.
    Polling,
}

/// What a player went through.
struct Outcome {
    played: Instant,
    /// Its first bytes of audio; `None` when it gave up.
    heard: Option<Instant>,
    requests: u32,
}

/// Of one player and one delay, a value of each round.
#[derive(Default)]
struct Found {
    sound: Vec<f64>,
    late: Vec<f64>,
    requests: Vec<f64>,
    gave_up: Vec<f64>,
}

pub(crate) fn run(bench: &Bench, options: &Sound, home: &Path) -> Result<Report, Box<dyn Error>> {
    if options.delays.iter().any(|delay| !(0.0..=55.0).contains(delay)) || !options.delays.is_sorted() {
        return Err("--delays takes seconds up to 55, in rising order".into());
    }
    let provider = Provider::start()?;
    let server = provider.serve(&bench.server()?, home, &SETTINGS)?;
    let players = [(Player::Landfall, "landfall"), (Player::Polling, "polling player")];
    let mut found: Vec<[Found; 2]> = options.delays.iter().map(|_| Default::default()).collect();
    // A round takes most of a minute, and most of it is waiting.
    for round in 0..bench.rounds().min(3) as u64 {
        let sids = calls::sids(round, 2 * options.delays.len());
        let outcomes = play(&provider, &server, &options.delays, &players.map(|(player, _)| player), &sids)?;
        for (number, (outcome, landed)) in outcomes.into_iter().enumerate() {
            let found = &mut found[number / 2][number % 2];
            found.requests.push(f64::from(outcome.requests));
            match outcome.heard {
                None => found.gave_up.push(1.0),
                Some(heard) => {
                    found.sound.push((heard - outcome.played).as_secs_f64());
                    found.late.push(heard.saturating_duration_since(landed).as_secs_f64());
                }
            }
        }
    }

    let mut report = Report::new("versus-sound", json!({"delays_s": options.delays, "schedule_s": SCHEDULE}));
    for (delay, found) in options.delays.iter().zip(found) {
        for ((_, name), Found { sound, late, requests, gave_up }) in players.into_iter().zip(found) {
            let measure = |what, unit, values: Vec<f64>| {
                let name = format!("landing after {delay} s, {name}: {what}");
                (!values.is_empty()).then(|| Measure::new(name, unit, values))
            };
            report.measures.extend(
                [
                    measure("time to sound", "s", sound),
                    measure("late after landing", "s", late),
                    measure("requests", "requests", requests),
                    measure("gave up", "times", gave_up),
                ]
                .into_iter()
                .flatten(),
            );
        }
    }
    report.remarks.push(
        "by the protocol, in real time, without a browser: from play until the first 64 KiB of the file are there and right. landfall: subscribes \
         on an open socket and asks for the file once it is ready; its message is no request here. polling player: asks for the file at once \
         and, as long as the answer is 202, again after 3, 5, 8, 12 and 20 s, then gives up; it asks Landfall itself, which answers as the \
         API did that it replaces. The provider holds the recording back for the time told; landing is that and the worker's download"
            .to_owned(),
    );
    Ok(report)
}

/// Each player plays a recording of its own for each delay, all at once; what became of it, and when its recording landed.
fn play(
    provider: &Provider,
    server: &loadtest::server::Server,
    delays: &[f64],
    players: &[Player; 2],
    sids: &[String],
) -> Result<Vec<(Outcome, Instant)>, Box<dyn Error>> {
    let audio = Speech::shipped().call(0, SECONDS);
    let file = audio.mp3(2);
    let recordings = provider.hold(sids, &audio);
    let named: Vec<_> = sids.iter().cloned().zip(recordings.iter().cloned().map(Some)).collect();
    server.register(&named)?;
    let arrivals = Arrivals::of(&server.volume())?;
    let (address, token) = (server.address(), server.token("agent"));
    let at = clock::now() + LEAD;
    let (outcomes, landed) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| arrivals.collect(sids.len(), PATIENCE));
        let playing: Vec<_> = sids
            .iter()
            .zip(players.iter().cycle())
            .map(|(sid, player)| {
                let (token, file) = (&token, &file);
                scope.spawn(move || match player {
                    Player::Landfall => listen(address, token, sid, file, at),
                    Player::Polling => poll(address, token, sid, file, at),
                })
            })
            .collect();
        for (recordings, delay) in recordings.chunks(2).zip(delays) {
            clock::sleep_until(at + Duration::from_secs_f64(*delay));
            recordings.iter().for_each(|recording| provider.release(recording));
        }
        let outcomes: io::Result<Vec<Outcome>> = playing
            .into_iter()
            .map(|player| player.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        let landed = watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        io::Result::Ok((outcomes?, landed?))
    })?;
    let landed = |sid: &String| landed.get(sid).copied().ok_or_else(|| format!("{sid} did not land"));
    outcomes.into_iter().zip(sids).map(|(outcome, sid)| Ok((outcome, landed(sid)?))).collect()
}

fn listen(address: SocketAddr, token: &str, sid: &str, file: &Bytes, at: Instant) -> io::Result<Outcome> {
    let mut listeners = Listeners::new()?;
    listeners.web_socket(address, token)?;
    clock::sleep_until(at);
    let played = clock::now();
    listeners.send(0, &format!(r#"{{"type":"subscribe","id":1,"sids":["{sid}"],"intent":"play"}}"#))?;
    if until_ready(&mut listeners, &[sid.to_owned()])? == [None] {
        return Err(io::Error::other(format!("{sid} never became ready")));
    }
    match first(address, token, sid, file)? {
        Some(heard) => Ok(Outcome { played, heard: Some(heard), requests: 1 }),
        None => Err(io::Error::other(format!("{sid} was ready, and is not there"))),
    }
}

fn poll(address: SocketAddr, token: &str, sid: &str, file: &Bytes, at: Instant) -> io::Result<Outcome> {
    clock::sleep_until(at);
    let played = clock::now();
    let mut requests = 0;
    for wait in SCHEDULE.map(Some).into_iter().chain([None]) {
        requests += 1;
        if let Some(heard) = first(address, token, sid, file)? {
            return Ok(Outcome { played, heard: Some(heard), requests });
        }
        if let Some(seconds) = wait {
            clock::pause(Duration::from_secs(seconds));
        }
    }
    Ok(Outcome { played, heard: None, requests })
}

/// Asks for the first bytes of a recording, as a browser's audio element does; when they were there, if they are.
fn first(address: SocketAddr, token: &str, sid: &str, file: &Bytes) -> io::Result<Option<Instant>> {
    let range = format!("Range: bytes=0-{}\r\n", FIRST - 1);
    let reply =
        Http::connect(address, Some(token))?.send("GET", &format!("/api/recordings/file/{sid}"), &range, b"")?;
    let heard = clock::now();
    if reply.status == 202 {
        return Ok(None);
    }
    let content_range = reply.content_range.clone();
    let body = reply.expect(206)?;
    if content_range != Some(format!("bytes 0-{}/{}", FIRST - 1, file.len())) || body != file[..FIRST] {
        return Err(io::Error::other(format!("{sid}: these are not its first bytes ({content_range:?})")));
    }
    Ok(Some(heard))
}
