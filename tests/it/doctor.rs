//! `landfall doctor` as operators run it: the built binary beside a real server, with one thing wrong at a time.

mod catalog;
mod proxies;
mod volume;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use axum::Router;
use axum::routing::any;
use loadtest::twilio::NewRecording;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::support::{Bench, Process, SECRET};

/// An id that owns nothing.
const NOBODY: u32 = 65_534;

/// A directory with a configuration for it, and what `doctor` says there.
pub struct Doctor {
    vars: Vec<(String, String)>,
    as_nobody: bool,
}

pub struct Said {
    pub status: i32,
    pub text: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    /// The check of that name, with its status, detail and mend.
    pub fn check(&self, name: &str) -> Value {
        let said = self.json();
        let checks = said["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {said}")).clone()
    }

    /// Holds that this check has that status, and its words hold all of those.
    pub fn holds(&self, name: &str, status: &str, words: &[&str]) {
        let check = self.check(name);
        assert_eq!(check["status"], status, "{check}");
        for word in words {
            assert!(check.to_string().contains(word), "{word} in {check}");
        }
        assert!(status != "fail" || check["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{check}");
    }
}

impl Doctor {
    /// The configuration with which a process of that bench runs.
    pub fn of(bench: &Bench) -> Self {
        let account = bench.simulator.account();
        let directory = bench.directory.path();
        let accounts = json!([{"account_sid": account.sid, "auth_token": account.auth_token}]);
        let listen = bench.url.strip_prefix("http://").expect("a URL");
        Self { vars: Vec::new(), as_nobody: false }
            .with("LISTEN", listen)
            .with("VOLUME", &directory.join("recordings").display().to_string())
            .with("DATABASE_URL", &format!("sqlite://{}", directory.join("landfall.db").display()))
            .with("AUTH__JWT_SECRET", SECRET)
            .with("TWILIO__API_BASE", bench.simulator.base_url())
            .with("TWILIO__ACCOUNTS", &accounts.to_string())
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.vars.push((format!("LANDFALL_{key}"), value.to_owned()));
        self
    }

    /// As a user whom files do not obey; `open` is what that user must get to.
    pub fn run_by_nobody(mut self, open: &Path) -> Self {
        std::fs::set_permissions(open, PermissionsExt::from_mode(0o755)).expect("a directory of ours");
        self.as_nobody = true;
        self
    }

    pub async fn json(&self) -> Said {
        self.run(&["--json"]).await
    }

    pub async fn run(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
        command.arg("doctor").args(args).env_clear().envs(self.vars.iter().map(|(name, value)| (name, value)));
        if self.as_nobody && rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(std::time::Duration::from_secs(20), command.output()).await;
        let output = output.expect("it ends").expect("the binary starts");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
        Said { status: output.status.code().expect("an exit status"), text }
    }
}

/// A bench whose server is a process, with a landed recording.
pub async fn running() -> (Bench, Process) {
    let mut bench = Bench::start().await;
    bench.stop().await;
    let process = Process::start(&mut bench).await;
    bench.landed(NewRecording::default()).await;
    (bench, process)
}

/// A bench whose server has been stopped; what it left is there.
pub async fn stopped() -> Bench {
    let mut bench = Bench::start().await;
    bench.landed(NewRecording::default()).await;
    bench.stop().await;
    bench
}

/// A server that answers everything alike, with that header.
async fn answering(status: u16, header: (&'static str, String)) -> (String, JoinSet<()>) {
    let status = axum::http::StatusCode::from_u16(status).expect("a status");
    let app = Router::new().fallback(any(move || {
        let header = header.clone();
        async move { (status, [header], "{}") }
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.expect("it serves") });
    (url, server)
}

#[tokio::test]
async fn beside_a_healthy_server_nothing_fails_and_everything_was_asked() {
    let (bench, process) = running().await;
    let said = Doctor::of(&bench).json().await;
    assert_eq!((said.status, said.json()["ok"].as_bool()), (0, Some(true)), "{}", said.text);
    let asked = [
        "configuration",
        "files",
        "disk",
        "catalog",
        "auth",
        "provider",
        "clock",
        "server",
        "public_url",
        "origins",
        "range",
        "buffering",
        "websocket",
    ];
    for name in asked {
        said.holds(name, "ok", &[]);
    }
    said.holds("catalog", "ok", &["1 ready"]);
    for name in ["redis", "sharing"] {
        said.holds(name, "skip", &["redis_url is not set"]);
    }
    let text = Doctor::of(&bench).run(&[]).await;
    assert!(text.status == 0 && text.text.contains("✓ ok    websocket"), "{}", text.text);
    assert!(!text.text.contains('\x1b') && !text.text.contains(SECRET), "{}", text.text);
    process.kill().await;
}

#[tokio::test]
async fn before_the_first_start_what_is_not_there_yet_is_skipped() {
    let mut bench = Bench::start().await;
    bench.stop().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let doctor = Doctor::of(&bench)
        .with("VOLUME", &elsewhere.path().join("new/recordings").display().to_string())
        .with("DATABASE_URL", &format!("sqlite://{}", elsewhere.path().join("new/landfall.db").display()));
    let said = doctor.json().await;
    assert_eq!(said.status, 0, "{}", said.text);
    for name in ["volume", "files", "catalog", "server", "public_url", "range", "buffering", "websocket"] {
        said.holds(name, "skip", &[]);
    }
    for name in ["configuration", "disk", "auth", "provider", "clock"] {
        said.holds(name, "ok", &[]);
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "it makes nothing");
}

#[tokio::test]
async fn an_invalid_configuration_is_78_with_every_fault() {
    let bench = stopped().await;
    let doctor = Doctor::of(&bench).with("AUTH__JWT_SECRET", "short").with("LISTEN", "x");
    let said = doctor.json().await;
    assert_eq!((said.status, said.json()["ok"].as_bool()), (78, Some(false)), "{}", said.text);
    let faults = said.json()["checks"].as_array().unwrap().clone();
    for key in ["auth.jwt_secret", "listen"] {
        let of = |check: &&Value| check["detail"].as_str().unwrap().starts_with(key);
        let fault = faults.iter().find(of).unwrap_or_else(|| panic!("{key} in {}", said.text));
        assert_eq!((&fault["name"], &fault["status"]), (&json!("configuration"), &json!("fail")));
        assert!(fault["mend"].is_string());
    }
    let said = doctor.run(&[]).await;
    assert!(said.status == 78 && said.text.contains("has 5 bytes"), "{}", said.text);
}

#[tokio::test]
async fn a_wrong_password_of_the_provider_is_told_from_a_provider_that_is_away() {
    let bench = stopped().await;
    let sid = &bench.simulator.account().sid;
    let wrong = json!([{"account_sid": sid, "auth_token": "not-this-one"}]).to_string();
    let said = Doctor::of(&bench).with("TWILIO__ACCOUNTS", &wrong).json().await;
    assert_eq!(said.status, 1);
    said.holds("provider", "fail", &[sid, "401", "auth_token"]);
    assert!(!said.text.contains("not-this-one"));
    let said = Doctor::of(&bench).with("TWILIO__API_BASE", "http://127.0.0.1:1").json().await;
    assert_eq!(said.status, 1);
    said.holds("provider", "fail", &["127.0.0.1:1", "the source failed", "curl"]);
}

#[tokio::test]
async fn a_token_that_checks_callbacks_is_tried_although_a_key_opens_recordings() {
    let bench = stopped().await;
    let account = bench.simulator.account();
    let (Some(key), Some(secret)) = (&account.api_key, &account.api_secret) else { panic!("the account has a key") };
    let accounts = json!([{"account_sid": account.sid, "auth_token": "old", "api_key": key, "api_secret": secret}]);
    let said = Doctor::of(&bench).with("TWILIO__ACCOUNTS", &accounts.to_string()).json().await;
    said.holds("provider", "fail", &["auth_token"]);
}

#[tokio::test]
async fn a_clock_that_is_off_warns_and_far_off_fails() {
    let bench = stopped().await;
    for (seconds, status) in [(10, "warn"), (120, "fail")] {
        let now = landfall::recording::Timestamp::now().seconds().unsigned_abs() + seconds;
        let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(now);
        let (url, _server) = answering(200, ("date", httpdate::fmt_http_date(date))).await;
        let said = Doctor::of(&bench).with("TWILIO__API_BASE", &url).json().await;
        said.holds("clock", status, &["behind the provider's", "timedatectl"]);
        assert_eq!(said.status, i32::from(status == "fail"), "{}", said.text);
    }
}

#[tokio::test]
async fn a_login_that_lets_everybody_in_or_is_away_fails() {
    let bench = stopped().await;
    let asking = |url: &str| {
        let doctor = Doctor::of(&bench).with("AUTH__MODE", "forward").with("AUTH__FORWARD_TENANT_POINTER", "/tenant");
        doctor.with("AUTH__FORWARD_URL", url)
    };
    for (status, verdict) in [(401, "ok"), (302, "warn"), (200, "warn")] {
        let (url, _server) = answering(status, ("x-test", "1".into())).await;
        asking(&url).json().await.holds("auth", verdict, &[]);
    }
    asking("http://127.0.0.1:1/me").json().await.holds("auth", "fail", &["does not answer"]);
    let keys = Doctor::of(&bench).with("AUTH__JWKS_URL", "http://127.0.0.1:1/keys?secret=hidden").json().await;
    keys.holds("auth", "fail", &["auth.jwks_url"]);
    assert!(!keys.text.contains("hidden"));
}
