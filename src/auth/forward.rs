//! The mode `forward`: an endpoint that knows its own callers is asked who has sent these credentials. What it says is
//! remembered for seconds; whoever it cannot tell of is nobody. Knows no requests of ours.

mod credentials;
mod endpoint;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Duration, Instant, timeout};
use tokio_util::task::TaskTracker;
use url::Url;

use super::jwt::Verifier;
use super::{AuthError, Caller, Denied, JwtOptions, LEEWAY, Role};
use crate::recording::Timestamp;
use crate::telemetry;

pub use credentials::Credentials;
use endpoint::{Endpoint, PATIENCE, Said};

/// Decisions that are remembered.
const REMEMBERED: usize = 16 * 1024;
/// Questions that are put to the endpoint at once; it serves others than us.
const ASKED_AT_ONCE: usize = 64;
/// Credentials whose question waits for its turn, or for the answer. Beyond, nobody is known.
const MOST_WAITING: usize = 4096;
/// A refusal is remembered no longer than this: somebody who has just logged in is not to be turned away.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// An endpoint that is down is told of that often.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// Whom to ask, and how to read the answer. Pointers are JSON pointers (RFC 6901).
#[derive(Clone, Debug)]
pub struct ForwardOptions {
    /// The endpoint.
    pub url: Url,
    /// Where the tenant stands: a text or a whole number.
    pub tenant: String,
    /// Where the user's name stands, alike; whoever has none is called by the role.
    pub user: String,
    /// Where the role stands; where it is not given, everybody is an agent.
    pub role: Option<String>,
    /// Whether the role `service` is believed; else such a caller is an agent.
    pub allow_service: bool,
    /// How long a caller is believed without another question.
    pub cache: Duration,
    /// Our own back ends' tokens: good for the role `service` alone, without a question.
    pub services: JwtOptions,
    /// How those are treated who stay.
    pub standing: Standing,
}

/// How a caller is treated who stays, on a socket or an event stream.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// From question to question.
    pub again: Duration,
    /// How long somebody is still believed while the endpoint cannot tell.
    pub grace: Duration,
}

impl Default for Standing {
    fn default() -> Self {
        Self { again: Duration::from_secs(60), grace: Duration::from_secs(300) }
    }
}

/// Asks, and remembers. Cheap where the answer is known.
pub struct Forward(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    services: Verifier,
    decided: Cache<[u8; 32], Decision>,
    /// The questions under way: whoever brings the same credentials meanwhile waits for the same answer.
    asking: Mutex<HashMap<[u8; 32], watch::Receiver<Option<Answer>>>>,
    turns: Semaphore,
    tasks: TaskTracker,
    complained: Mutex<Option<Instant>>,
}

type Answer = Result<Arc<Caller>, Denied>;

#[derive(Clone)]
struct Decision {
    answer: Answer,
    until: Instant,
}

impl Forward {
    pub(super) fn new(options: ForwardOptions) -> Result<Self, AuthError> {
        Ok(Self(Arc::new(Inner {
            services: Verifier::new(options.services.clone())?,
            endpoint: Endpoint::new(options)?,
            decided: Cache::new(REMEMBERED),
            asking: Mutex::default(),
            turns: Semaphore::new(ASKED_AT_ONCE),
            tasks: TaskTracker::new(),
            complained: Mutex::default(),
        })))
    }

    /// How those are treated who stay.
    pub fn standing(&self) -> Standing {
        self.0.endpoint.options().standing
    }

    /// Who has sent these credentials, if that has been found out a moment ago.
    pub fn recall(&self, credentials: &Credentials) -> Option<Arc<Caller>> {
        self.0.recall(credentials)?.ok()
    }

    /// Who has sent these credentials. May wait for the endpoint, for six seconds at most.
    pub async fn ask(&self, credentials: &Credentials) -> Answer {
        let mut answer = match self.0.recall(credentials) {
            Some(answer) => return answer,
            None => match self.begin(credentials) {
                Ok(answer) => answer,
                Err(known) => return known,
            },
        };
        let answer = answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        answer.unwrap_or(Err(Denied::LoginUnavailable))
    }

    /// The question about these credentials that is under way, or a new one; else the answer.
    fn begin(&self, credentials: &Credentials) -> Result<watch::Receiver<Option<Answer>>, Answer> {
        let mut asking = self.0.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = asking.get(&credentials.digest()) {
            return Ok(answer.clone());
        }
        // The answer may have come since we looked: it is remembered before its question is crossed out.
        if let Some(answer) = self.0.recall(credentials) {
            return Err(answer);
        }
        if asking.len() >= MOST_WAITING {
            telemetry::limited("forward_waiting");
            return Err(Err(Denied::LoginUnavailable));
        }
        let (tell, answer) = watch::channel(None);
        asking.insert(credentials.digest(), answer.clone());
        let (inner, credentials) = (self.0.clone(), credentials.clone());
        // A task of its own: a caller who hangs up must not end what others wait for.
        self.0.tasks.spawn(async move {
            let _crossed_out = CrossOut(&inner, credentials.digest());
            let answer = inner.find_out(&credentials).await;
            inner.remember(&credentials, &answer);
            tell.send_replace(Some(answer));
        });
        Ok(answer)
    }
}

impl Inner {
    fn recall(&self, credentials: &Credentials) -> Option<Answer> {
        let decision = self.decided.get(&credentials.digest())?;
        (Instant::now() < decision.until).then_some(decision.answer)
    }

    fn remember(&self, credentials: &Credentials, answer: &Answer) {
        let cache = self.endpoint.options().cache;
        let (answer, life) = match answer {
            // Only a service's token tells its own end.
            Ok(caller) => (Ok(caller.clone()), cache.min(caller.expires.plus(LEEWAY).since(Timestamp::now()))),
            Err(Denied::Refused) => (Err(Denied::Refused), cache.min(REFUSED_FOR)),
            // What cannot be told now may be told at the next question.
            Err(_) => return,
        };
        self.decided.insert(credentials.digest(), Decision { answer, until: Instant::now() + life });
    }

    async fn find_out(&self, credentials: &Credentials) -> Answer {
        if let Some(service) = self.service(credentials).await {
            return Ok(Arc::new(service));
        }
        let Ok(Ok(_turn)) = timeout(PATIENCE, self.turns.acquire()).await else {
            telemetry::limited("forward_lookups");
            return Err(Denied::LoginUnavailable);
        };
        match self.endpoint.ask(credentials).await {
            Ok(Said::Known(caller)) => {
                telemetry::login_asked("known");
                Ok(Arc::new(caller))
            }
            Ok(Said::Refused) => {
                telemetry::login_asked("refused");
                Err(Denied::Refused)
            }
            Err(trouble) => {
                telemetry::login_asked("trouble");
                if self.may_complain() {
                    tracing::warn!(%trouble, "auth.forward_url does not tell who is asking; nobody new is let in");
                }
                Err(Denied::LoginUnavailable)
            }
        }
    }

    /// A back end of our own, known by a token that our own secret has signed.
    async fn service(&self, credentials: &Credentials) -> Option<Caller> {
        let caller = self.services.verify(credentials.token()?, Timestamp::now()).await.ok()?;
        (caller.role == Role::Service).then_some(caller)
    }

    fn may_complain(&self) -> bool {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        let may = complained.is_none_or(|at| at.elapsed() >= COMPLAINTS);
        if may {
            *complained = Some(Instant::now());
        }
        may
    }
}

/// Crosses a question out, whatever becomes of its task.
struct CrossOut<'a>(&'a Inner, [u8; 32]);

impl Drop for CrossOut<'_> {
    fn drop(&mut self) {
        self.0.asking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}
