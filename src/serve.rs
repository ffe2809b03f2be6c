//! The role that listeners meet: composes the parts, on the embedded default a download worker among them; owns every
//! task, and stops them in order.

mod background;
mod call_log;
mod engine;
mod pending;
mod recover;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::audit::Audit;
use crate::auth::{Auth, AuthError, AuthOptions, Links};
use crate::broker::BrokerError;
use crate::catalog::{self, CallLog, CallLogOptions, CatalogError, Database};
use crate::delivery::Delivery;
use crate::fetch::{FetchOptions, Fetcher};
use crate::http::app::{App, HttpOptions, Parts};
use crate::http::lanes::Lanes;
use crate::http::layer::Layer;
use crate::peers::Role;
use crate::registry::Registry;
use crate::retention::{Deletions, Retention, RetentionOptions};
use crate::secret::Secret;
use crate::sharing::Sharing;
use crate::source::{Source, SourceError, TwilioOptions, TwilioSource};
use crate::volume::{Volume, VolumeError, blocking};

use background::Beside;
use engine::Engine;
pub use recover::RecoverOptions;
use recover::Recovery;

/// How long background tasks may take to notice that they are to stop.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// Everything a server needs to know.
#[derive(Clone)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where `/metrics` is, if not there.
    pub metrics_listen: Option<SocketAddr>,
    /// The shared directory.
    pub volume: PathBuf,
    /// Where the catalog is.
    pub database: Database,
    /// The table of another system that calls are taken over from.
    pub call_log: Option<CallLogOptions>,
    /// The Redis that jobs and signals go through: then others do the downloads.
    pub redis: Option<Secret>,
    /// Who may ask.
    pub auth: AuthOptions,
    /// How to answer.
    pub http: HttpOptions,
    /// Where recordings come from.
    pub twilio: TwilioOptions,
    /// How to fetch them.
    pub fetch: FetchOptions,
    /// When recordings expire.
    pub retention: RetentionOptions,
    /// Downloads of one tenant at once.
    pub per_tenant: usize,
    /// How to find recordings whose callback was lost.
    pub recover: RecoverOptions,
    /// Threads that serve connections.
    pub lanes: usize,
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The volume cannot be used.
    Volume(VolumeError),
    /// The catalog cannot be opened.
    Catalog(CatalogError),
    /// The way to the table of calls cannot be made.
    CallLog(CatalogError),
    /// No key can be used.
    Auth(AuthError),
    /// The client for the source cannot be made.
    Source(SourceError),
    /// Redis cannot be asked. That it does not answer is no reason not to start.
    Redis(BrokerError),
    /// The address is taken, or not ours.
    Listen(SocketAddr, io::Error),
    /// The system gives no thread.
    Threads(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(error) => write!(f, "volume: {error}"),
            Self::Catalog(error) => write!(f, "database_url: {error}"),
            Self::CallLog(error) => write!(f, "call_log.database_url: {error}"),
            Self::Auth(error) => write!(f, "auth: {error}"),
            Self::Source(error) => write!(f, "twilio: {error}"),
            Self::Redis(error) => write!(f, "redis_url: {error}"),
            Self::Listen(address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "listen: {address} is in use by another process; stop it or choose another address")
            }
            Self::Listen(address, error) => write!(f, "listen: {address}: {error}"),
            Self::Threads(error) => write!(f, "no thread could be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A running server. [`stop`](Self::stop) it: dropping it only lets go of the handle.
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    lanes: Vec<Lanes>,
    /// Acceptor, worker and everything in the background.
    tasks: TaskTracker,
    /// No more connections.
    close: CancellationToken,
    /// No more work.
    stop: CancellationToken,
    grace: Duration,
}

impl Server {
    /// Opens volume and catalog, starts worker and background tasks, and listens.
    pub async fn start(options: ServeOptions, metrics: PrometheusHandle) -> Result<Self, StartError> {
        // Bound first: who finds the port taken must not touch the volume of the one who has it.
        let listener = bind(options.listen).await?;
        let address = listener.local_addr().map_err(|error| StartError::Listen(options.listen, error))?;
        let root = options.volume.clone();
        let volume = blocking(move || Volume::open(&root)).await.map_err(StartError::Volume)?;
        let catalog = catalog::open(&options.database).await.map_err(StartError::Catalog)?;
        let (tasks, close, stop) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
        let engine = match &options.redis {
            None => Engine::embedded(options.per_tenant),
            Some(url) => Engine::remote(url, options.per_tenant, &tasks, &stop).await.map_err(StartError::Redis)?,
        };
        let Engine { jobs, signals, hints, resumed, leader, peers, works } = engine;
        let registry = Registry::default();
        let call_log = options.call_log.map(|options| CallLog::new(catalog.clone(), options)).transpose();
        let call_log = call_log.map_err(StartError::CallLog)?.map(Arc::new);
        let delivery = Delivery::new(catalog.clone(), call_log.clone(), jobs.clone(), registry.clone(), volume.clone());
        if let Some(call_log) = call_log.clone() {
            let pull = call_log::Pull::new(call_log, catalog.clone(), delivery.clone(), leader.clone());
            tasks.spawn(stop.clone().run_until_cancelled_owned(pull.run()));
        }
        let source: Arc<dyn Source> = Arc::new(TwilioSource::new(options.twilio).map_err(StartError::Source)?);
        let auth = Auth::new(options.auth).map_err(StartError::Auth)?;
        let links = Links::new(catalog.clone(), options.http.link_ttl);

        let beside = Beside { delivery: &delivery, volume: &volume, catalog: &catalog, metrics: metrics.clone() };
        background::start(&tasks, &stop, beside, hints, resumed);
        if works {
            pending::resume(&*catalog, &*jobs).await.map_err(StartError::Catalog)?;
        } else {
            let sweep = pending::sweep(catalog.clone(), jobs.clone(), leader.clone());
            tasks.spawn(stop.clone().run_until_cancelled_owned(sweep));
        }
        // Where callbacks cannot be checked, none are in use, and none can be missed.
        for account in options.http.accounts.iter().filter(|account| !account.auth_token.is_empty()) {
            let recovery = Recovery {
                account: account.sid.clone(),
                delivery: delivery.clone(),
                catalog: catalog.clone(),
                source: source.clone(),
                leader: leader.clone(),
                options: options.recover,
            };
            tasks.spawn(stop.clone().run_until_cancelled_owned(recovery.run()));
        }
        let retention = Retention::new(catalog.clone(), volume.clone(), signals.clone(), options.retention);
        let deletes = options.retention.delete_at_source;
        let deletions = deletes.then(|| Deletions::new(catalog.clone(), source.clone()));
        background::retain(&tasks, &stop, retention, deletions, leader);
        if !works {
            let sharing = Sharing::new(Role::Server, volume.clone(), peers);
            let heeding = background::heed_sharing(delivery.clone(), sharing.judgement());
            tasks.spawn(stop.clone().run_until_cancelled_owned(heeding));
            tasks.spawn(sharing.run(stop.clone()));
        }
        if works {
            let (_, may_land) = watch::channel(true);
            Fetcher::new(catalog.clone(), jobs.clone(), source, volume.clone(), signals.clone(), options.fetch)
                .start(&tasks, &stop, &stop, &may_land);
        }

        let (audit, keeper) = Audit::channel();
        tasks.spawn(keeper.run(catalog.clone(), stop.clone()));

        let grace = options.http.shutdown_grace;
        let parts = Parts {
            delivery,
            catalog,
            call_log,
            jobs,
            registry,
            volume,
            signals,
            auth,
            links,
            audit,
            metrics,
            deletes_at_source: deletes,
        };
        let app = App::new(parts, options.http, address);
        let mut server = Self { address, app, lanes: Vec::new(), tasks, close, stop, grace };
        let app = server.app.clone();
        server.open(listener, options.lanes, Layer::new(&app))?;
        if let Some(address) = options.metrics_listen {
            server.open(bind(address).await?, 1, Layer::operators(&app))?;
        }
        info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");
        Ok(server)
    }

    /// What its URLs begin with.
    pub fn url(&self) -> &str {
        &self.app.base.0
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn open(&mut self, listener: TcpListener, count: usize, layer: Layer) -> Result<(), StartError> {
        let lanes = Lanes::start(count, &self.app, &layer, &self.close).map_err(StartError::Threads)?;
        // Operators are let in however many others there are.
        let seats = layer.media().is_some().then(|| self.app.clone());
        self.tasks.spawn(Lanes::accept(lanes.doors(), listener, seats, self.close.clone()));
        self.lanes.push(lanes);
        Ok(())
    }

    /// Stops in order: sockets are told and leave one by one, and connections finish what is in flight, while whoever
    /// asks anew is still answered, that we are not ready above all; then the port is closed, then work stops. A
    /// download under way leaves no part behind.
    pub async fn stop(self) {
        let deadline = Instant::now() + self.grace;
        info!("stopping: sockets are asked to reconnect elsewhere");
        self.app.draining.cancel();
        self.app.tasks.close();
        let _ = tokio::time::timeout_at(deadline, self.app.tasks.wait()).await;
        self.close.cancel();
        for lanes in self.lanes {
            if tokio::time::timeout_at(deadline.max(Instant::now() + Duration::from_secs(1)), lanes.join())
                .await
                .is_err()
            {
                warn!("requests in flight are cut: shutdown_grace is over");
            }
        }
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(LAST_GRACE, self.tasks.wait()).await;
        if let Ok(Err(error)) = tokio::time::timeout(LAST_GRACE, self.app.parts.catalog.tend()).await {
            warn!(%error, "the catalog was left as it was");
        }
        info!("stopped");
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen(address, error))
}
