//! The role that downloads: takes jobs from Redis, lands recordings in the shared volume and tells the servers. Owns
//! every task, and stops them in order. Knows no listener.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Duration, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::broker::{Broker, BrokerError};
use crate::catalog::{self, Catalog, CatalogError, Database};
use crate::fetch::{FetchOptions, Fetcher};
use crate::http::app::WorkerParts;
use crate::http::operators;
use crate::jobs::{Jobs, RedisJobs};
use crate::peers::{RedisPeers, Role};
use crate::secret::Secret;
use crate::sharing::{Judgement, Sharing};
use crate::signals::{RedisSignals, Signals};
use crate::source::{Source, SourceError, TwilioOptions, TwilioSource};
use crate::volume::{Volume, VolumeError, blocking};
use crate::waveforms::Waveforms;

/// How long each step may take after the downloads have ended.
const LAST_GRACE: Duration = Duration::from_secs(5);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Everything a worker needs to know.
#[derive(Clone)]
pub struct WorkOptions {
    /// Where jobs come from.
    pub redis: Secret,
    /// Where `/healthz`, `/readyz` and `/metrics` are, if anywhere; port 0 takes a free one.
    pub metrics_listen: Option<SocketAddr>,
    /// The shared directory.
    pub volume: PathBuf,
    /// Where the catalog is.
    pub database: Database,
    /// Where recordings come from.
    pub twilio: TwilioOptions,
    /// How to fetch them.
    pub fetch: FetchOptions,
    /// Downloads of one tenant at once, over all workers.
    pub per_tenant: usize,
    /// How long downloads in hand may take at a shutdown.
    pub shutdown_grace: Duration,
}

/// Why a worker did not start.
#[derive(Debug)]
pub enum WorkError {
    /// The volume cannot be used.
    Volume(VolumeError),
    /// The catalog cannot be opened. That its database is away is no reason not to start.
    Catalog(CatalogError),
    /// The client for the source cannot be made.
    Source(SourceError),
    /// Redis cannot be asked. That it does not answer is no reason not to start.
    Redis(BrokerError),
    /// The address is taken, or not ours.
    Listen(SocketAddr, io::Error),
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(error) => write!(f, "volume: {error}"),
            Self::Catalog(error) => write!(f, "database_url: {error}"),
            Self::Source(error) => write!(f, "twilio: {error}"),
            Self::Redis(error) => write!(f, "redis_url: {error}"),
            Self::Listen(address, error) => write!(f, "metrics_listen: {address}: {error}"),
        }
    }
}

impl std::error::Error for WorkError {}

/// A running worker. [`stop`](Self::stop) it: dropping it only lets go of the handle.
pub struct Worker {
    jobs: RedisJobs,
    catalog: Arc<dyn Catalog>,
    /// The downloads.
    work: TaskTracker,
    /// Everything that the downloads need, and who looks after the worker.
    tasks: TaskTracker,
    /// No more jobs.
    drain: CancellationToken,
    /// No more work.
    cut: CancellationToken,
    /// No more of anything.
    stop: CancellationToken,
    grace: Duration,
}

impl Worker {
    /// Opens volume and catalog, and takes jobs.
    pub async fn start(options: WorkOptions, metrics: PrometheusHandle) -> Result<Self, WorkError> {
        let listener = match options.metrics_listen {
            Some(address) => Some(TcpListener::bind(address).await.map_err(|error| WorkError::Listen(address, error))?),
            None => None,
        };
        let root = options.volume.clone();
        let volume = blocking(move || Volume::open(&root)).await.map_err(WorkError::Volume)?;
        let catalog = catalog::open(&options.database).await.map_err(WorkError::Catalog)?;
        let source: Arc<dyn Source> = Arc::new(TwilioSource::new(options.twilio).map_err(WorkError::Source)?);
        let broker = Broker::new(&options.redis).map_err(WorkError::Redis)?;

        let (work, tasks) = (TaskTracker::new(), TaskTracker::new());
        let (drain, cut, stop) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        broker.start(&tasks, &stop).await;
        let (signals, publisher) = RedisSignals::new(broker.clone(), None);
        let signals: Arc<dyn Signals> = Arc::new(signals);
        tasks.spawn(publisher.run(stop.clone()));
        let sharing = Sharing::new(Role::Worker, volume.clone(), Arc::new(RedisPeers::new(broker.clone())));
        // Nothing is landed before it is known who would see it.
        let (gate, may_land) = watch::channel(false);
        tasks.spawn(stop.clone().run_until_cancelled_owned(guard(sharing.judgement(), gate)));
        tasks.spawn(sharing.run(stop.clone()));
        let jobs = RedisJobs::new(broker, options.per_tenant);
        let listens = jobs.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move { listens.listen().await }));
        tasks.spawn(stop.clone().run_until_cancelled_owned(upkeep(metrics.clone())));
        if let Some(listener) = listener {
            let (catalog, jobs, volume) = (catalog.clone(), Arc::new(jobs.clone()), volume.clone());
            let (may_land, draining) = (may_land.clone(), drain.clone());
            let parts = WorkerParts { catalog, jobs, volume, metrics, may_land, draining };
            tasks.spawn(operators::serve(listener, Arc::new(parts), stop.clone()));
        }
        let queue: Arc<dyn Jobs> = Arc::new(jobs.clone());
        let (waveforms, drawer) = Waveforms::new(volume.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(drawer.run()));
        Fetcher::new(catalog.clone(), queue, source, volume, signals, options.fetch, waveforms.landings())
            .start(&work, &drain, &cut, &may_land);
        info!(version = env!("CARGO_PKG_VERSION"), "working");
        Ok(Self { jobs, catalog, work, tasks, drain, cut, stop, grace: options.shutdown_grace })
    }

    /// Stops in order: no job is begun, downloads in hand are finished while there is time, and what is left is handed
    /// back, for other workers to do at once.
    pub async fn stop(self) {
        info!("stopping: downloads in hand are finished");
        self.drain.cancel();
        self.work.close();
        if tokio::time::timeout(self.grace, self.work.wait()).await.is_err() {
            warn!("downloads in hand are handed back: shutdown_grace is over");
        }
        self.cut.cancel();
        let _ = tokio::time::timeout(LAST_GRACE, self.work.wait()).await;
        if tokio::time::timeout(LAST_GRACE, self.jobs.close()).await.is_err() {
            warn!("Redis does not answer: jobs in hand are free when their leases have ended");
        }
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(LAST_GRACE, self.tasks.wait()).await;
        if let Ok(Err(error)) = tokio::time::timeout(LAST_GRACE, self.catalog.tend()).await {
            warn!(%error, "the catalog was left as it was");
        }
        info!("stopped");
    }
}

/// Lets jobs be taken while what is landed here is seen by a server, or nobody is there who could say.
async fn guard(mut judgement: watch::Receiver<Judgement>, gate: watch::Sender<bool>) {
    // The first word is that of the first beat, and not what was assumed before.
    while judgement.changed().await.is_ok() {
        gate.send_replace(judgement.borrow_and_update().may_land());
    }
}

async fn upkeep(metrics: PrometheusHandle) {
    let mut ticks = interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}
