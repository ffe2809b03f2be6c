//! What the handlers share: the use cases, the options, the bounds, and the two tokens of a shutdown.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::{Limits, LimitOptions};
use super::protocol::PublicUrl;
use crate::auth::Auth;
use crate::catalog::Catalog;
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
    /// Scheme, host and port that browsers and the provider use, without a slash at the end.
    pub public_url: String,
    /// Origins that may read answers and open sockets.
    pub allowed_origins: Vec<String>,
    /// The cookie that may carry a token.
    pub cookie: String,
    /// `Cache-Control` of media.
    pub cache_control: String,
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
    /// What is counted.
    pub metrics: PrometheusHandle,
}

/// The server's state.
pub struct App {
    /// The parts.
    pub parts: Parts,
    /// The options.
    pub options: HttpOptions,
    /// Where URLs begin.
    pub base: PublicUrl,
    /// Who has how much.
    pub limits: Limits,
    /// Open sockets.
    pub sockets: AtomicU64,
    /// Sockets and streams are to leave.
    pub draining: CancellationToken,
    /// Owns every task that outlives its request.
    pub tasks: TaskTracker,
}

impl App {
    /// The state of a server that is not draining.
    pub fn new(parts: Parts, options: HttpOptions, tasks: TaskTracker) -> Arc<Self> {
        let base = PublicUrl(options.public_url.trim_end_matches('/').into());
        let limits = Limits::new(options.limits);
        Arc::new(Self {
            parts,
            options,
            base,
            limits,
            sockets: AtomicU64::new(0),
            draining: CancellationToken::new(),
            tasks,
        })
    }

    /// Whether a browser's page of that origin may read our answers.
    pub fn allows(&self, origin: &str) -> bool {
        self.options.allowed_origins.iter().any(|allowed| allowed == origin)
    }
}
