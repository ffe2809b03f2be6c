//! A server in one thread, for targets that need one: a catalog, a volume with one recording, and connections over the
//! loopback interface. One for each thread that fuzzes; an input may leave traces in it, but none that an answer shows.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Audit;
use crate::auth::{Auth, AuthOptions, Grant, JwtOptions, Links, Opens, Purpose, Role};
use crate::catalog::{Catalog, NewCall, SqliteCatalog};
use crate::delivery::Delivery;
use crate::http::app::{App, CallbackAccount, HttpOptions, Parts};
use crate::http::caller::Peer;
use crate::http::connection;
use crate::http::layer::Layer;
use crate::http::limits::LimitOptions;
use crate::jobs::EmbeddedJobs;
use crate::recording::{About, Scope, Sid, Tenant, Timestamp};
use crate::registry::Registry;
use crate::secret::Secret;
use crate::signals::LocalSignals;
use crate::volume::Volume;

/// A recording that has landed, and one that has not.
pub(super) const LANDED: &str = "CA00000000000000000000000000000001";
pub(super) const ABSENT: &str = "CA00000000000000000000000000000002";
/// Whose callbacks are believed, and the key of their signatures.
pub(super) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(super) const AUTH_TOKEN: &str = "the key of the callbacks";
/// What URLs begin with.
pub(super) const BASE: &str = "https://calls.example";
/// Few and short, so that they are reached.
pub(super) const MOST_SIDS: usize = 8;
pub(super) const MOST_MESSAGE: usize = 2048;

const DAY: Duration = Duration::from_secs(86_400);

pub(super) struct Bench {
    runtime: Runtime,
    listener: TcpListener,
    layer: Layer,
    tasks: TaskTracker,
    pub app: Arc<App>,
    /// The landed file.
    pub wav: Vec<u8>,
    /// A good token, and the query of a good link to the landed recording.
    pub token: String,
    pub link: String,
    _directory: tempfile::TempDir,
}

/// Runs with this thread's server.
pub(super) fn with_bench<T>(run: impl FnOnce(&Bench) -> T) -> T {
    thread_local! { static BENCH: OnceCell<Bench> = const { OnceCell::new() } }
    BENCH.with(|bench| run(bench.get_or_init(Bench::new)))
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (app, listener, wav) = runtime.block_on(start(directory.path()));
        let (token, link) = runtime.block_on(credentials(&app));
        let layer = Layer::new(&app);
        Self { runtime, listener, layer, tasks: TaskTracker::new(), app, wav, token, link, _directory: directory }
    }

    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Answers a request without a connection.
    pub async fn answer(&self, request: axum::http::Request<axum::body::Body>) -> axum::response::Response {
        self.layer.answer(Peer([127, 0, 0, 1].into()), request).await
    }

    /// A connection, and the task that serves it.
    pub async fn dial(&self) -> (TcpStream, JoinHandle<()>) {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).await.unwrap();
        // Thousands a second would else use up the ports.
        client.set_zero_linger().unwrap();
        client.set_nodelay(true).unwrap();
        let (stream, peer) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let serve = connection::serve(stream, None, Peer(peer.ip()), self.layer.clone(), CancellationToken::new());
        (client, self.tasks.spawn(serve))
    }
}

async fn start(directory: &std::path::Path) -> (Arc<App>, TcpListener, Vec<u8>) {
    let volume = Volume::open(&directory.join("recordings")).unwrap();
    let catalog: Arc<dyn Catalog> = Arc::new(SqliteCatalog::open(&directory.join("landfall.db")).await.unwrap());
    let wav = wav();
    std::fs::write(directory.join(format!("recordings/{LANDED}.wav")), &wav).unwrap();
    for sid in [LANDED, ABSENT] {
        let about = About { title: Some("a title".into()), ..About::default() };
        let (call_sid, account_sid) = (sid.parse().unwrap(), ACCOUNT.into());
        catalog
            .register(&NewCall { call_sid, tenant: tenant(), account_sid, recording_sid: None, about })
            .await
            .unwrap();
    }
    let (registry, jobs) = (Registry::default(), Arc::new(EmbeddedJobs::new(3)));
    let delivery = Delivery::new(catalog.clone(), None, jobs.clone(), registry.clone(), volume.clone());
    delivery.open(&Scope::Every, LANDED.parse().unwrap()).await.unwrap();
    let parts = Parts {
        delivery,
        jobs,
        registry,
        volume,
        audit: Audit::channel().0,
        signals: Arc::new(LocalSignals::channel().0),
        auth: Auth::new(AuthOptions::Jwt(jwt_options())).unwrap(),
        links: Links::new(catalog.clone(), DAY),
        catalog,
        call_log: None,
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        deletes_at_source: false,
    };
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let app = App::new(parts, http_options(), listener.local_addr().unwrap());
    (app, listener, wav)
}

/// A token and a link. The token is known from then on, so that the express way knows its holder.
async fn credentials(app: &App) -> (String, String) {
    let expires = Timestamp::now().plus(DAY);
    let grant = Grant { user: "dana", tenant: Some(&tenant()), role: Role::Agent, expires };
    let token = jwt_options().sign(&grant).unwrap();
    app.parts.auth.verify(&token).await.unwrap();
    let sid: Sid = LANDED.parse().unwrap();
    let opens = Opens { purpose: Purpose::Play, tenant: &tenant(), sid };
    (token, app.parts.links.sign(opens, "dana").await.unwrap().query)
}

pub(super) fn tenant() -> Tenant {
    Tenant::new("t").unwrap()
}

pub(super) fn jwt_options() -> JwtOptions {
    let secret = Some(Secret::new("a secret of the fuzzers, long enough to be one"));
    JwtOptions { secret, secrets: Vec::new(), jwks_url: None, jwks_file: None, tenant_claim: "business_id".into() }
}

fn http_options() -> HttpOptions {
    HttpOptions {
        public_url: Some(BASE.into()),
        allowed_origins: None,
        cookie: "landfall_session".into(),
        cache_control: "no-store".into(),
        link_ttl: DAY,
        head_prepares: false,
        accounts: vec![CallbackAccount { sid: ACCOUNT.into(), auth_token: AUTH_TOKEN.into(), tenant: Some(tenant()) }],
        // What counts requests by the minute would end a run.
        limits: LimitOptions {
            connections: 1024,
            connections_per_address: 1024,
            requests_at_once: 1024,
            requests_per_minute: u32::MAX,
            requests_per_minute_per_address: u32::MAX,
            prepares_per_minute_per_address: u32::MAX,
            failed_logins_per_minute: u32::MAX,
            jobs_waiting: u64::MAX,
            sockets_per_user: 64,
            sockets_per_address: 1024,
            sids_per_socket: MOST_SIDS,
            message_bytes: MOST_MESSAGE,
            waiting_requests: 16,
            prepares_per_minute: 60,
        },
        metrics: false,
        shutdown_grace: Duration::ZERO,
    }
}

/// Eight thousand bytes, no two stretches of which are alike.
fn wav() -> Vec<u8> {
    let mut file =
        b"RIFF\x38\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x08\0data\x14\x1f\0\0".to_vec();
    let mut state = 1u32;
    file.resize_with(8000, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    file
}
