//! What all sessions of a run share; knows no scenario.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::findings::Findings;
use super::http;
use super::landings::Landings;
use super::library::Library;
use super::meter::Meter;
use super::plan::Plan;
use super::simulator::SimulatorApi;
use super::spawned::Spawned;
use super::target::{Credentials, Target, resolve};
use crate::random::Random;

/// One run.
pub(super) struct Context {
    pub(super) plan: Plan,
    pub(super) target: Target,
    pub(super) library: Library,
    pub(super) meter: Arc<Meter>,
    pub(super) findings: Findings,
    pub(super) landings: Arc<Landings>,
    pub(super) client: reqwest::Client,
    pub(super) spawned: Option<Spawned>,
    /// Cancelled when the time for arrivals is over: who stays only to stay, leaves.
    pub(super) over: CancellationToken,
    began: OnceLock<Instant>,
}

impl Context {
    /// Starts or finds the server and has its recordings landed.
    pub(super) async fn prepare(plan: Plan) -> Result<Arc<Self>, Failure> {
        plan.check()?;
        let client = http::client()?;
        let aim = &plan.aim;
        let spawned = match &aim.spawn {
            Some(program) => Some(Spawned::start(program, aim.workers).await?),
            None => None,
        };
        let (url, credentials, simulator, volume) = match &spawned {
            Some(spawned) => {
                let credentials = Credentials::Secret(spawned.secret().to_owned());
                (spawned.url(), credentials, Some(spawned.simulator_url()), Some(spawned.volume()))
            }
            None => {
                let credentials = match (&aim.secret, &aim.token) {
                    (Some(secret), _) => Credentials::Secret(secret.clone()),
                    (None, Some(own)) => Credentials::Tokens { own: own.clone(), foreign: aim.foreign_token.clone() },
                    (None, None) => return Err("--url needs --secret or --token".into()),
                };
                (aim.url.clone().unwrap_or_default(), credentials, aim.simulator.clone(), aim.volume.clone())
            }
        };
        let target = Target::new(&url, credentials, aim.allow_remote).await?;
        let simulator = match simulator {
            Some(url) => {
                resolve(&url, aim.allow_remote).await?;
                Some(SimulatorApi::connect(&url, client.clone()).await?)
            }
            None => None,
        };
        let mut library = Library::new(&plan.load, simulator);
        library.fill(&plan.load, &target, &client).await?;
        let meter = Arc::new(Meter::new());
        let landings = Landings::watch(volume.as_deref(), &meter)?;
        Ok(Arc::new(Self {
            plan,
            target,
            library,
            meter,
            findings: Findings::default(),
            landings,
            client,
            spawned,
            over: CancellationToken::new(),
            began: OnceLock::new(),
        }))
    }

    /// When the first arrival could have come; the first call decides.
    pub(super) fn began(&self) -> Instant {
        *self.began.get_or_init(Instant::now)
    }

    /// Whether the server is disturbed on purpose: connections may break then, and clients come back.
    pub(super) fn forgiving(&self) -> bool {
        !self.plan.faults.is_empty()
    }

    /// The choices of one session; the same in each run of the same seed.
    pub(super) fn random(&self, session: u64) -> Random {
        Random::seeded(self.plan.load.seed ^ (session + 1).wrapping_mul(0x9e37_79b9))
    }

    /// Ends what was started.
    pub(super) async fn finish(&self) -> Result<(), Failure> {
        match &self.spawned {
            Some(spawned) => spawned.stop().await,
            None => Ok(()),
        }
    }
}
