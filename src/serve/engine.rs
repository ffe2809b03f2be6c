//! What ties a server to its workers and to other servers: jobs and signals, in this process or in Redis. Knows no
//! listener.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::foreman::Briefing;
use crate::broker::{Broker, BrokerError, Leader};
use crate::catalog::Catalog;
use crate::jobs::{EmbeddedJobs, Jobs, RedisJobs, RqJobs, RqOptions};
use crate::peers::{Alone, Peers, RedisPeers};
use crate::secret::Secret;
use crate::signals::{self, LocalSignals, RedisSignals, Resumed, Signal, Signals};
use crate::source::{Source, TwilioOptions};

/// The parts that the two ways differ in.
pub(super) struct Engine {
    pub jobs: Arc<dyn Jobs>,
    /// The same, where RQ's workers do them: they need looking after.
    pub rq: Option<RqJobs>,
    pub signals: Arc<dyn Signals>,
    /// What there is to look at.
    pub hints: mpsc::Receiver<Signal>,
    /// Hints may have been lost.
    pub resumed: Resumed,
    /// Whether this server does what one of all should do.
    pub leader: Leader,
    /// The other processes.
    pub peers: Arc<dyn Peers>,
    /// Downloads are this process's, and nobody else does them.
    pub works: bool,
}

/// RQ's workers, and what they are told from.
pub(super) struct Others {
    pub options: RqOptions,
    pub catalog: Arc<dyn Catalog>,
    pub source: Arc<dyn Source>,
    pub twilio: TwilioOptions,
}

impl Engine {
    /// Everything in this process.
    pub fn embedded(per_tenant: usize) -> Self {
        let (signals, hints) = LocalSignals::channel();
        Self {
            jobs: Arc::new(EmbeddedJobs::new(per_tenant)),
            rq: None,
            signals: Arc::new(signals),
            hints,
            resumed: Arc::new(Notify::new()),
            leader: Leader::alone(),
            peers: Arc::new(Alone),
            works: true,
        }
    }

    /// Through Redis; also while it is away. Downloads are done by our workers, or by RQ's. Ends with `stop`.
    pub async fn remote(
        url: &Secret,
        per_tenant: usize,
        rq: Option<Others>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, BrokerError> {
        let broker = Broker::new(url)?;
        broker.start(tasks, stop).await;
        let (here, hints, to) = LocalSignals::shared();
        let (signals, publisher) = RedisSignals::new(broker.clone(), Some(here));
        let resumed = Resumed::default();
        let listening = signals::listen(broker.clone(), publisher.name(), to, resumed.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(listening));
        tasks.spawn(publisher.run(stop.clone()));
        let leader = Leader::elect(&broker, tasks, stop);
        let peers = Arc::new(RedisPeers::new(broker.clone()));
        let signals: Arc<dyn Signals> = Arc::new(signals);
        let rq = rq.map(|Others { options, catalog, source, twilio }| {
            let briefing = Briefing { catalog, source, signals: signals.clone(), twilio };
            RqJobs::new(broker.clone(), options, Arc::new(briefing), tasks, stop)
        });
        let jobs: Arc<dyn Jobs> = match &rq {
            Some(rq) => Arc::new(rq.clone()),
            None => Arc::new(RedisJobs::new(broker, per_tenant)),
        };
        Ok(Self { jobs, rq, signals, hints, resumed, leader, peers, works: false })
    }
}
