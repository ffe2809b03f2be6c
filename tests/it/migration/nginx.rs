//! The nginx of docs/examples, with a real nginx before a real server and a stand-in for the old API.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use futures_util::StreamExt as _;
use landfall::auth::Standing;
use loadtest::twilio::NewRecording;
use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::call_log::App;
use crate::support::{Bench, Knobs, Login, Socket, token, wav};

/// What the examples are written for, and what stands there in a test.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/nginx");
/// The line that is the way back.
const INCLUDE: &str = "    include ";
const OUTSIDE: &str = "    #include ";

/// nginx over the files of the examples. Dropping it stops it.
struct Nginx {
    master: std::process::Child,
    home: tempfile::TempDir,
    address: SocketAddr,
}

impl Nginx {
    async fn start(address: SocketAddr, landfall: SocketAddr, old: SocketAddr) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("landfall")).unwrap();
        let at = |name: &str| home.path().join(name);
        let here = |text: String| text.replace("/etc/nginx/landfall/", &format!("{}/", at("landfall").display()));
        for name in ["locations.conf", "proxy.conf", "upstream.conf"] {
            let text =
                here(read(&format!("landfall/{name}"))).replace("server landfall:8080", &format!("server {landfall}"));
            std::fs::write(at("landfall").join(name), text).unwrap();
        }
        let site = here(read("site.conf")).replace("listen 80;", &format!("listen {address};"));
        let site = site.replace("prosaas-api:5000", &old.to_string()).replace("prosaas-calls:5050", &old.to_string());
        std::fs::write(at("site.conf"), site).unwrap();
        let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};", home.path().display()))
            .concat();
        let text = format!(
            "daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/error.log;
             events {{ worker_connections 256; }}
             http {{ access_log off; {temp} include {home}/site.conf; }}",
            home = home.path().display()
        );
        std::fs::write(at("nginx.conf"), text).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(home.path()).arg("-c").arg(at("nginx.conf")).arg("-e").arg(at("error.log"));
        let master = command.stdin(Stdio::null()).spawn().expect("nginx; scripts/need.sh installs it");
        let mut nginx = Self { master, home, address };
        for _ in 0..500 {
            // Refused by a worker itself: before there is one, the master takes no notice of a signal to read its files again.
            if let Ok(mut stream) = tokio::net::TcpStream::connect(address).await
                && stream.write_all(b"?\r\n\r\n").await.is_ok()
                && stream.read_u8().await.is_ok()
            {
                return nginx;
            }
            assert!(nginx.master.try_wait().unwrap().is_none(), "{}", nginx.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nginx does not listen: {}", nginx.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("error.log")).unwrap_or_default()
    }

    /// Changes the site, and has it read again, as `nginx -s reload` does; returns when it answers by the new one.
    async fn change(&self, from: &str, to: &str, client: &Client, path: &str, status: u16) {
        self.rewrite("site.conf", from, to);
        for _ in 0..500 {
            let asked = client.get(format!("http://{}{path}", self.address)).header("connection", "close").send().await;
            if asked.is_ok_and(|answer| answer.status() == status) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not change: {}", self.log());
    }

    fn rewrite(&self, file: &str, from: &str, to: &str) {
        let site = self.home.path().join(file);
        let text = std::fs::read_to_string(&site).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&site, text.replace(from, to)).unwrap();
        kill_process(Pid::from_child(&self.master), Signal::HUP).unwrap();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master stops its workers, which killing it would not.
        let _ = kill_process(Pid::from_child(&self.master), Signal::TERM);
        let _ = self.master.wait();
    }
}

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(EXAMPLES).join(name)).unwrap()
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap()
}

/// The system that is to be replaced: says that it was asked, and for what.
struct Old {
    address: SocketAddr,
    /// What was posted to it.
    posted: mpsc::Receiver<String>,
    _server: JoinSet<()>,
}

impl Old {
    async fn start() -> Self {
        let (tell, posted) = mpsc::channel(64);
        let app = Router::new().fallback(move |request: Request| {
            let tell = tell.clone();
            async move {
                let (method, uri) = (request.method().clone(), request.uri().clone());
                if method == Method::POST {
                    let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
                    tell.try_send(format!("{uri} {}", String::from_utf8_lossy(&body))).unwrap();
                }
                format!("old {method} {uri}")
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, posted, _server: server }
    }
}

/// A server whose public URL is nginx's; all that the bench asks goes through it.
async fn behind_nginx() -> (Bench, Nginx, Old) {
    behind_nginx_with(Knobs::default()).await
}

async fn behind_nginx_with(more: Knobs) -> (Bench, Nginx, Old) {
    let address = free();
    let bench = Bench::with(Knobs { public_url: Some(format!("http://{address}")), ..more }).await;
    let old = Old::start().await;
    let landfall = bench.server.as_ref().unwrap().address();
    let nginx = Nginx::start(address, landfall, old.address).await;
    assert_eq!(bench.url, format!("http://{address}"));
    (bench, nginx, old)
}

/// Puts a call there as back ends do: past nginx, which leads that route to the old API.
async fn registered(bench: &Bench, new: NewRecording) -> loadtest::twilio::Recording {
    let recording = bench.simulator.add(new);
    let direct = format!("http://{}/api/calls/{}", bench.server.as_ref().unwrap().address(), recording.call_sid);
    let body = serde_json::json!({"tenant": "t", "account_sid": recording.account_sid});
    let answer = bench.client.put(direct).bearer_auth(token("-", "service")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    recording
}

#[tokio::test]
async fn a_user_of_the_old_login_hears_a_call_of_the_old_table_from_the_old_volume_in_the_old_player() {
    let (app, login) = (App::start().await, Login::start().await);
    login.admit("al_sess=ann", "7");
    let auth = Some(login.options(Duration::from_secs(5), Standing::default()));
    let knobs = Knobs { auth, call_log: Some(app.options()), head_prepares: true, ..Default::default() };
    let (bench, _nginx, _old) = behind_nginx_with(knobs).await;
    let ask = async |method: Method, path: &str, cookie: &str| {
        let request = bench.client.request(method, format!("{}{path}", bench.url)).header("cookie", cookie);
        request.send().await.unwrap()
    };
    let (there, fresh) = (format!("CA{:032x}", 3), bench.simulator.add(NewRecording::default()));
    app.write(&there, 7, None).await;
    app.write(&fresh.call_sid, 7, None).await;
    // As the old worker left it.
    bench.place(&format!("{there}.mp3"), &wav(20_000));
    let file = format!("/api/recordings/file/{there}");
    assert_eq!(ask(Method::GET, &file, "al_sess=nobody").await.status(), 401);
    assert_eq!(ask(Method::GET, &file, "s=other").await.status(), 404, "another business");
    let head = ask(Method::HEAD, &file, "al_sess=ann").await;
    assert_eq!((head.status().as_u16(), &head.headers()["content-type"]), (200, &"audio/wav".parse().unwrap()));
    assert_eq!(ask(Method::GET, &file, "al_sess=ann").await.bytes().await.unwrap(), wav(20_000));
    // The old player asks by HEAD until it is there.
    let file = format!("/api/recordings/file/{}", fresh.call_sid);
    let first = ask(Method::HEAD, &file, "al_sess=ann").await;
    assert_eq!((first.status().as_u16(), first.headers().contains_key("retry-after")), (202, true));
    let landed = async {
        while ask(Method::HEAD, &file, "al_sess=ann").await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), landed).await.expect("it lands");
    assert_eq!(ask(Method::GET, &file, "al_sess=ann").await.bytes().await.unwrap(), bench.bytes_of(&fresh));
}

#[tokio::test]
async fn parts_downloads_and_held_requests_go_through_the_proxy() {
    let (bench, _nginx, _old) = behind_nginx().await;
    let recording = registered(&bench, NewRecording::default()).await;
    let (sid, bytes) = (&recording.call_sid, bench.bytes_of(&recording));
    let file = format!("/api/recordings/file/{sid}");
    // Held until it has landed.
    let whole = bench.get(&format!("{file}?wait=30")).await;
    assert_eq!((whole.status().as_u16(), whole.bytes().await.unwrap()), (200, bytes.clone()));
    let part =
        bench.request(Method::GET, &file, &token("t", "agent")).header("range", "bytes=100-299").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 100-299/{}", bytes.len()));
    let etag = part.headers()["etag"].clone();
    assert_eq!(part.bytes().await.unwrap(), bytes.slice(100..300));
    let beyond = bench.request(Method::GET, &file, &token("t", "agent")).header("range", "bytes=99999999-");
    let beyond = beyond.send().await.unwrap();
    assert_eq!(
        (beyond.status().as_u16(), &beyond.headers()["content-range"]),
        (416, &format!("bytes */{}", bytes.len()).parse().unwrap())
    );
    let same =
        bench.request(Method::GET, &file, &token("t", "agent")).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(same.status(), 304);
    let head = bench.request(Method::HEAD, &file, &token("t", "agent")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &bytes.len().into()));
    for download in [format!("/api/calls/{sid}/download"), format!("/api/calls/download/{sid}")] {
        let answer = bench.get(&download).await;
        let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(disposition.contains(&format!("recording_{sid}.mp3")), "{disposition}");
        assert_eq!(answer.bytes().await.unwrap(), bytes);
    }
    assert_eq!(bench.json("/api/recordings").await["items"][0]["sid"], sid.as_str());
}

#[tokio::test]
async fn sockets_and_events_come_through_as_they_are_sent() {
    let (bench, _nginx, _old) = behind_nginx().await;
    let recording = registered(&bench, NewRecording { held: true, ..Default::default() }).await;
    let path = format!("{}/api/recordings/events?sid={}", bench.url, recording.call_sid);
    let events = bench.client.get(path).bearer_auth(token("t", "agent")).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut events = events.bytes_stream();
    let first = tokio::time::timeout(Duration::from_secs(5), events.next()).await.expect("at once").unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("event:"), "{first:?}");
    let mut socket: Socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    bench.simulator.release(&recording.recording_sid);
    assert_eq!(socket.until("ready").await["sid"], recording.call_sid);
}

#[tokio::test]
async fn the_providers_signature_for_the_public_url_holds_behind_the_proxy() {
    let (bench, _nginx, _old) = behind_nginx().await;
    let recording = registered(&bench, NewRecording::default()).await;
    // With a query too: path and query must come through as they were signed.
    for path in ["/webhook/recording_status", "/webhook/recording_status?source=app%2Fx&b=1"] {
        let url = format!("{}{path}", bench.url);
        let told = bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap();
        assert_eq!(told.status, 204, "{path}");
    }
    let inside = format!("http://{}/webhook/recording_status", bench.server.as_ref().unwrap().address());
    let told = bench.simulator.callback(&inside, &recording.recording_sid, "completed").await.unwrap();
    assert_eq!(told.status, 403, "signed for another URL");
}

#[tokio::test]
async fn both_systems_hear_of_callbacks_where_that_is_wished() {
    let (bench, nginx, mut old) = behind_nginx().await;
    nginx.rewrite("landfall/locations.conf", "# mirror ", "mirror ");
    let url = format!("{}/webhook/recording_status?source=app%2Fx", bench.url);
    let told = async {
        // Until the workers with the new configuration are there.
        loop {
            let recording = registered(&bench, NewRecording::default()).await;
            let told = bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap();
            assert_eq!(told.status, 204);
            bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
            if let Ok(Some(posted)) = tokio::time::timeout(Duration::from_millis(100), old.posted.recv()).await {
                return (posted, recording);
            }
        }
    };
    let (posted, recording) = tokio::time::timeout(Duration::from_secs(10), told).await.expect("both hear of it");
    assert!(posted.starts_with("/webhook/recording_status?source=app%2Fx "), "{posted}");
    assert!(posted.contains(&recording.recording_sid), "{posted}");
}

#[tokio::test]
async fn the_address_that_the_proxy_has_seen_counts_and_not_one_that_a_client_claims() {
    let (bench, _nginx, _old) = behind_nginx().await;
    let recording = registered(&bench, NewRecording::default()).await;
    let file = format!("{}/api/recordings/file/{}?wait=30", bench.url, recording.call_sid);
    let elsewhere = Client::builder().local_address("127.0.0.9".parse::<std::net::IpAddr>().unwrap()).build().unwrap();
    let claimed = elsewhere.get(file).bearer_auth(token("t", "agent")).header("x-forwarded-for", "203.0.113.7");
    assert_eq!(claimed.send().await.unwrap().status(), 200);
    let audit = format!("/api/recordings/{}/audit", recording.call_sid);
    for _ in 0..200 {
        let audit = bench.request(Method::GET, &audit, &token("t", "admin")).send().await.unwrap();
        let audit: serde_json::Value = audit.json().await.unwrap();
        if let Some(entry) = audit["items"].as_array().and_then(|items| items.first()) {
            assert_eq!(entry["address"], "127.0.0.9", "{entry}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no entry of the audit");
}

#[tokio::test]
async fn all_else_goes_where_it_went_and_one_line_is_the_way_back() {
    let (bench, nginx, _old) = behind_nginx().await;
    let sid = format!("CA{:032x}", 1);
    let old = [
        "/".into(),
        "/api/auth/me".into(),
        "/api/calls".into(),
        format!("/api/calls/{sid}"),
        format!("/api/calls/{sid}/downloads"),
        "/api/calls/download/7".into(),
        "/webhook/incoming_call".into(),
        "/webhook/recording_status_other".into(),
        "/ws/twilio-media".into(),
        "/api/recordings_report".into(),
    ];
    for path in &old {
        assert_eq!(bench.get(path).await.text().await.unwrap(), format!("old GET {path}"));
    }
    let new = [
        format!("/api/recordings/file/{sid}"),
        format!("/api/recordings/{sid}"),
        "/api/recordings".into(),
        format!("/api/calls/{sid}/download"),
        format!("/api/calls/download/{sid}"),
        "/webhook/recording_status".into(),
        "/ws/recordings".into(),
    ];
    for path in &new {
        assert!(!bench.get(path).await.text().await.unwrap().starts_with("old"), "{path}");
    }
    nginx.change(INCLUDE, OUTSIDE, &bench.client, &new[0], 200).await;
    // A worker of before outlives the change by a moment, and closes the connections that it keeps.
    for path in &new {
        let begun = tokio::time::Instant::now();
        loop {
            let asked =
                bench.request(Method::GET, path, &token("t", "agent")).header("connection", "close").send().await;
            let told = match asked {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if told == format!("old GET {path}") {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{path}: {told}");
        }
    }
    nginx.change(OUTSIDE, INCLUDE, &bench.client, &new[0], 401).await;
}
