//! One server, one simulator, one directory.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use landfall::auth::{AuthOptions, JwtOptions};
use landfall::catalog::{CallLogOptions, Database, PostgresOptions};
use landfall::fetch::FetchOptions;
use landfall::http::app::{CallbackAccount, HttpOptions};
use landfall::http::limits::LimitOptions;
use landfall::recording::{Container, Tenant};
use landfall::retention::RetentionOptions;
use landfall::secret::Secret;
use landfall::serve::{RecoverOptions, ServeOptions, Server, StartError};
use landfall::source::{Account, Redirects, TwilioOptions};
use landfall::telemetry;
use landfall::work::{WorkOptions, Worker};
use loadtest::redis::Redis;
use loadtest::twilio::{Format, NewRecording, Options, Recording, Simulator};
use metrics_exporter_prometheus::PrometheusHandle;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{SECRET, Socket, token};

/// What a test turns away from the defaults.
#[derive(Clone)]
pub struct Knobs {
    pub give_up_after: Duration,
    pub limits: LimitOptions,
    pub head_prepares: bool,
    pub link_ttl: Duration,
    pub account_tenant: Option<&'static str>,
    /// Whether the provider may redirect to its other origin.
    pub foreign_redirects: bool,
    pub recover: RecoverOptions,
    pub shutdown_grace: Duration,
    pub retention: RetentionOptions,
    /// Who may ask, if not whoever has a token of the tests.
    pub auth: Option<AuthOptions>,
    /// The URL of a database of PostgreSQL, where the catalog is no file of SQLite.
    pub database: Option<String>,
    /// What browsers call, where a proxy stands before the server.
    pub public_url: Option<String>,
    /// A table of another system that calls are taken over from.
    pub call_log: Option<CallLogOptions>,
    /// Whether jobs and signals go through a Redis; workers are then started apart.
    pub remote: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_secs(20),
            limits: LimitOptions {
                connections: 10_000,
                connections_per_address: 1024,
                sockets_per_user: 64,
                sockets_per_address: 1024,
                sids_per_socket: 256,
                message_bytes: 16_384,
                waiting_requests: 4096,
                requests_at_once: 8192,
                requests_per_minute: 30_000,
                requests_per_minute_per_address: 120_000,
                prepares_per_minute: 600,
                prepares_per_minute_per_address: 6000,
                failed_logins_per_minute: 600,
                jobs_waiting: 100_000,
            },
            head_prepares: false,
            link_ttl: Duration::from_secs(600),
            account_tenant: None,
            foreign_redirects: false,
            recover: RecoverOptions::default(),
            shutdown_grace: Duration::from_secs(5),
            retention: RetentionOptions::default(),
            auth: None,
            database: None,
            public_url: None,
            call_log: None,
            remote: false,
        }
    }
}

/// The whole set-up. The server is stopped by [`Bench::stop`] or with the test's process.
pub struct Bench {
    pub simulator: Simulator,
    pub client: Client,
    pub directory: tempfile::TempDir,
    pub server: Option<Server>,
    pub url: String,
    pub redis: Option<Redis>,
    knobs: Knobs,
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(Knobs::default()).await
    }

    pub async fn with(knobs: Knobs) -> Self {
        let simulator = Simulator::start(Options::default()).await.expect("a free port");
        let directory = tempfile::tempdir().expect("a directory");
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let redis = knobs.remote.then(|| Redis::start().expect("redis-server"));
        let mut bench = Self { simulator, client, directory, server: None, url: String::new(), redis, knobs };
        bench.boot().await;
        bench
    }

    /// Starts the server over what lies in the directory.
    pub async fn boot(&mut self) {
        self.try_boot().await.expect("the server starts");
    }

    /// The same, where it may be refused.
    pub async fn try_boot(&mut self) -> Result<(), StartError> {
        let server = Server::start(self.options(), metrics()).await?;
        self.url = server.url().to_owned();
        self.server = Some(server);
        Ok(())
    }

    /// Stops it, as SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// One more server over the same volume, catalog and Redis.
    pub async fn another(&self) -> Server {
        Server::start(self.options(), metrics()).await.expect("the server starts")
    }

    /// A worker in this process.
    pub async fn worker(&self) -> Worker {
        let ServeOptions { redis, volume, database, twilio, fetch, per_tenant, .. } = self.options();
        let redis = redis.expect("a bench with a Redis");
        let (metrics_listen, shutdown_grace) = (None, self.knobs.shutdown_grace);
        let options =
            WorkOptions { redis, metrics_listen, volume, database, twilio, fetch, per_tenant, shutdown_grace };
        Worker::start(options, metrics()).await.expect("the worker starts")
    }

    /// The Redis of a bench that has one.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("a bench with a Redis")
    }

    fn options(&self) -> ServeOptions {
        let account = self.simulator.account();
        let user = account.sid.clone();
        let foreign = Redirects::parse(self.simulator.foreign_url()).expect("an origin");
        ServeOptions {
            listen: "127.0.0.1:0".parse().expect("an address"),
            metrics_listen: None,
            volume: self.volume(),
            database: self.database(),
            call_log: self.knobs.call_log.clone(),
            redis: self.redis.as_ref().map(|redis| Secret::new(&redis.url())),
            auth: self.knobs.auth.clone().unwrap_or_else(|| AuthOptions::Jwt(jwt_options())),
            http: HttpOptions {
                public_url: self.knobs.public_url.clone(),
                allowed_origins: Some(vec!["https://app.example".into()]),
                cookie: "landfall_session".into(),
                cache_control: "no-store".into(),
                head_prepares: self.knobs.head_prepares,
                link_ttl: self.knobs.link_ttl,
                accounts: vec![CallbackAccount {
                    sid: account.sid.clone(),
                    auth_token: account.auth_token.clone(),
                    tenant: self.knobs.account_tenant.and_then(Tenant::new),
                }],
                limits: self.knobs.limits,
                metrics: true,
                shutdown_grace: self.knobs.shutdown_grace,
            },
            twilio: TwilioOptions {
                api_base: self.simulator.base_url().parse().expect("a URL"),
                accounts: vec![Account { sid: account.sid.clone(), user, password: account.auth_token.clone() }],
                redirects: if self.knobs.foreign_redirects { vec![foreign] } else { Vec::new() },
                allow_private: false,
                format: Container::Mp3,
                channels: 2,
            },
            fetch: FetchOptions { concurrency: 8, give_up_after: self.knobs.give_up_after },
            retention: self.knobs.retention,
            per_tenant: 3,
            recover: self.knobs.recover,
            lanes: 2,
        }
    }

    fn database(&self) -> Database {
        match &self.knobs.database {
            Some(url) => Database::Postgres(Box::new(PostgresOptions::parse(url).expect("a URL"))),
            None => Database::Sqlite(self.directory.path().join("landfall.db")),
        }
    }

    pub fn volume(&self) -> PathBuf {
        self.directory.path().join("recordings")
    }

    /// A recording at the provider whose call belongs to that tenant.
    pub async fn registered(&self, tenant: &str, new: NewRecording) -> Recording {
        let recording = self.simulator.add(new);
        let answer = self.register(&recording, json!({"tenant": tenant})).await;
        assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
        recording
    }

    pub async fn register(&self, recording: &Recording, more: Value) -> Response {
        let mut body = json!({"account_sid": recording.account_sid});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let path = format!("/api/calls/{}", recording.call_sid);
        self.request(Method::PUT, &path, &token("-", "service")).json(&body).send().await.expect("an answer")
    }

    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    /// A GET as an agent of the tenant `t`.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path, &token("t", "agent")).send().await.expect("an answer")
    }

    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect("JSON")
    }

    /// A socket of an agent of the tenant `t`, welcomed.
    pub async fn socket(&self) -> Socket {
        self.socket_of(&token("t", "agent")).await
    }

    /// A socket of whoever holds that token, welcomed.
    pub async fn socket_of(&self, token: &str) -> Socket {
        Self::socket_at(&self.url, token).await
    }

    /// The same at another server.
    pub async fn socket_at(url: &str, token: &str) -> Socket {
        let mut socket = Socket::open(url, &["landfall.v1", &format!("landfall.bearer.{token}")]).await;
        assert_eq!(socket.next().await["type"], "welcome");
        socket
    }

    /// What the provider sends for that recording when nothing goes wrong.
    pub fn bytes_of(&self, recording: &Recording) -> bytes::Bytes {
        self.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2)
    }

    /// What a counter or gauge stands at; its labels as they are written, or none. 0 for one that was never touched.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.metrics().await;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |number| number.parse().expect("a number"))
    }

    /// All that is counted.
    pub async fn metrics(&self) -> String {
        self.get("/metrics").await.text().await.expect("text")
    }

    /// Waits until nobody writes into the volume, or has left a file half written: a waiter may hear of a landing a
    /// moment before its last trace is removed.
    pub async fn no_parts(&self) {
        let begun = tokio::time::Instant::now();
        loop {
            let parts = std::fs::read_dir(self.volume().join(".landfall/parts")).expect("the volume's own directory");
            let parts: Vec<PathBuf> = parts.map(|part| part.expect("an entry").path()).collect();
            if parts.is_empty() {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(2), "{parts:?}");
            tokio::task::yield_now().await;
        }
    }

    /// A recording of the tenant `t` whose file a foreign worker has placed in the volume, under that extension.
    pub async fn placed(&self, extension: &str, bytes: &[u8]) -> Recording {
        let recording = self.registered("t", NewRecording::default()).await;
        self.place(&format!("{}.{extension}", recording.call_sid), bytes);
        recording
    }

    /// Lands a file as any worker does: in one rename.
    pub fn place(&self, name: &str, bytes: &[u8]) {
        let part = self.volume().join(format!("{name}.part"));
        std::fs::write(&part, bytes).expect("a volume that can be written");
        std::fs::rename(&part, self.volume().join(name)).expect("a rename");
    }

    /// Tells the server of a file, as `landfall signal` does.
    pub async fn signal(&self, sid: &str) {
        let request = self.request(Method::POST, "/internal/landed", &token("-", "service"));
        let answer = request.json(&json!({"sids": [sid]})).send().await.expect("an answer");
        assert_eq!(answer.status(), 204);
    }

    /// A recording of the tenant `t` that has landed.
    pub async fn landed(&self, new: NewRecording) -> Recording {
        let recording = self.registered("t", new).await;
        let answer = self.get(&format!("/api/recordings/file/{}?wait=30", recording.call_sid)).await;
        assert_eq!(answer.status(), 200);
        recording
    }
}

/// The secret of the tests opens.
pub fn jwt_options() -> JwtOptions {
    let secret = Some(Secret::new(SECRET));
    JwtOptions { secret, tenant_claim: "business_id".into(), ..Default::default() }
}

fn metrics() -> PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| telemetry::install().expect("nobody else has installed one")).clone()
}
