//! What the handlers share: the use cases, the options, the bounds, and the two tokens of a shutdown.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::http::HeaderValue;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::{LimitOptions, Limits};
use super::problem::Problem;
use super::protocol::PublicUrl;
use crate::audit::Audit;
use crate::auth::{Auth, Caller, Links};
use crate::catalog::{CallLog, Catalog};
use crate::delivery::Delivery;
use crate::jobs::Jobs;
use crate::recording::Tenant;
use crate::registry::Registry;
use crate::signals::Signals;
use crate::volume::Volume;

/// An account whose callbacks are believed.
#[derive(Clone)]
pub struct CallbackAccount {
    /// `AC…`
    pub sid: String,
    /// The key of its signatures.
    pub auth_token: String,
    /// Whose calls these are, where all of them are one tenant's.
    pub tenant: Option<Tenant>,
}

/// How the server speaks.
#[derive(Clone)]
pub struct HttpOptions {
    /// Scheme, host and port that browsers and the provider use; the address listened on, if there is none.
    pub public_url: Option<String>,
    /// Origins that may read answers and open sockets; the public URL's alone, if there are none.
    pub allowed_origins: Option<Vec<String>>,
    /// The cookie that may carry a token.
    pub cookie: String,
    /// `Cache-Control` of media.
    pub cache_control: String,
    /// How long a signed link is good.
    pub link_ttl: Duration,
    /// A HEAD of a recording that has not landed starts its download, for players that send nothing else.
    pub head_prepares: bool,
    /// Who may send callbacks.
    pub accounts: Vec<CallbackAccount>,
    /// The bounds.
    pub limits: LimitOptions,
    /// Whether this listener also answers `/metrics`.
    pub metrics: bool,
    /// How long sockets are given at a shutdown.
    pub shutdown_grace: Duration,
}

/// The parts behind the routes.
pub struct Parts {
    /// Watch, play, open.
    pub delivery: Delivery,
    /// Calls.
    pub catalog: Arc<dyn Catalog>,
    /// Where calls may be found that the catalog does not know.
    pub call_log: Option<Arc<CallLog>>,
    /// Downloads.
    pub jobs: Arc<dyn Jobs>,
    /// Who waits.
    pub registry: Registry,
    /// Files.
    pub volume: Volume,
    /// Hints.
    pub signals: Arc<dyn Signals>,
    /// Who asks.
    pub auth: Auth,
    /// What opens a recording without a token.
    pub links: Links,
    /// Who did what.
    pub audit: Audit,
    /// What is counted.
    pub metrics: PrometheusHandle,
    /// Erasure also deletes the provider's copy.
    pub deletes_at_source: bool,
}

/// The parts of a worker, for those who look after it.
pub struct WorkerParts {
    /// Calls.
    pub catalog: Arc<dyn Catalog>,
    /// Downloads.
    pub jobs: Arc<dyn Jobs>,
    /// Files.
    pub volume: Volume,
    /// What is counted.
    pub metrics: PrometheusHandle,
    /// Whether what it lands is where the servers look.
    pub may_land: watch::Receiver<bool>,
    /// It takes no more jobs.
    pub draining: CancellationToken,
}

/// The server's state.
pub struct App {
    /// The parts.
    pub parts: Parts,
    /// The options.
    pub options: HttpOptions,
    /// Where URLs begin.
    pub base: PublicUrl,
    /// `Cache-Control` of media.
    pub cache_control: HeaderValue,
    origins: Vec<String>,
    /// Who has how much.
    pub limits: Limits,
    /// Open sockets.
    pub sockets: AtomicU64,
    /// Sockets and streams are to leave.
    pub draining: CancellationToken,
    /// Owns every task that outlives its request, and the connections: a shutdown waits for them before it closes the
    /// port.
    pub tasks: TaskTracker,
}

impl App {
    /// The state of a server that listens on that address.
    pub fn new(parts: Parts, options: HttpOptions, address: SocketAddr) -> Arc<Self> {
        let base = options.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let base = PublicUrl(base.trim_end_matches('/').into());
        let origins = options.allowed_origins.clone().unwrap_or_else(|| own_origins(&base.0));
        // What is no field value was refused with the configuration.
        let cache_control = options.cache_control.parse().unwrap_or(HeaderValue::from_static("no-store"));
        let limits = Limits::new(options.limits);
        Arc::new(Self {
            parts,
            options,
            base,
            cache_control,
            origins,
            limits,
            sockets: AtomicU64::new(0),
            draining: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Counts a download that the caller asks for, and sees whether the queue has room for it.
    pub async fn admit_play(&self, caller: &Caller, from: Option<IpAddr>) -> Result<(), Problem> {
        self.limits.prepare(caller, from)?;
        if self.has_room().await { Ok(()) } else { Err(Problem::overloaded("jobs_waiting")) }
    }

    /// Whether the queue has room for a download. One that does not answer says so itself when it is asked for it.
    pub async fn has_room(&self) -> bool {
        self.parts.jobs.depth().await.map_or(true, |depth| self.limits.has_room(depth))
    }

    /// Whether a browser's page of that origin may read our answers.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }
}

/// The public URL as an origin. On a developer's machine it has two names, and a browser may be given either.
fn own_origins(base: &str) -> Vec<String> {
    let other = base.strip_prefix("http://127.0.0.1").map(|port| format!("http://localhost{port}"));
    std::iter::once(base.to_owned()).chain(other).collect()
}
