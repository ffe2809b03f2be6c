//! Whether somebody who stays is still who they were: asked again while a socket or a stream is open. A token tells its
//! own end; only what an endpoint says can change without notice. Knows neither sockets nor streams.

use std::future::{Future, pending};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::HeaderMap;
use tokio::time::{Duration, Instant, sleep};

use super::{Credential, Refused, ask, credential, credentials, sign_in};
use crate::auth::{Caller, Credentials, Denied};
use crate::http::app::App;

/// From one question that could not be answered to the next.
const ONCE_MORE: Duration = Duration::from_secs(10);

/// What somebody brings who is to stay.
pub enum Brought {
    /// A token by itself.
    Token(String),
    /// Cookie and Authorization as they came, where an endpoint is asked.
    Fields(Credentials),
}

impl Brought {
    /// What the fields of a handshake or a request bring, if they bring anything.
    pub fn by(app: &App, headers: &HeaderMap) -> Option<Self> {
        if app.parts.auth.forward().is_some() {
            return credentials(headers).ok().map(Self::Fields);
        }
        match credential(headers, &app.options.cookie)? {
            Credential::Header(token) | Credential::Cookie(token) => Some(Self::Token(token.to_owned())),
        }
    }

    /// Who it is, that comes from there.
    pub async fn verify(&self, app: &App, from: Option<IpAddr>) -> Result<Arc<Caller>, Refused> {
        match (self, app.parts.auth.forward()) {
            (Self::Token(token), _) => sign_in(app, token, from).await,
            (Self::Fields(credentials), Some(forward)) => ask(app, forward, credentials, from).await,
            (Self::Fields(_), None) => Err(Refused::Denied(Denied::Missing)),
        }
    }
}

/// The next question about somebody who stays. Without an endpoint to ask there is none, and it takes no room.
pub struct Standing {
    app: Arc<App>,
    credentials: Option<Credentials>,
    next: Option<Asking>,
}

type Verdict = Result<Arc<Caller>, Denied>;
type Asking = Pin<Box<dyn Future<Output = Verdict> + Send + Sync>>;

impl Standing {
    /// Counts from now on: somebody has just been let in with this.
    pub fn new(app: Arc<App>, brought: Option<Brought>) -> Self {
        let credentials = app.parts.auth.forward().and(brought).and_then(|brought| match brought {
            Brought::Token(token) => Credentials::bearer(&token).ok(),
            Brought::Fields(credentials) => Some(credentials),
        });
        let next = credentials.clone().map(|credentials| ask_again(app.clone(), credentials));
        Self { app, credentials, next }
    }

    /// What the next question says, when its time has come. One that is dropped goes on where it was.
    pub async fn verdict(&mut self) -> Verdict {
        let Some(next) = &mut self.next else { return pending().await };
        let verdict = next.as_mut().await;
        self.next = self.credentials.clone().map(|credentials| ask_again(self.app.clone(), credentials));
        verdict
    }
}

fn ask_again(app: Arc<App>, credentials: Credentials) -> Asking {
    Box::pin(async move {
        let Some(forward) = app.parts.auth.forward() else { return pending().await };
        let standing = forward.standing();
        let until = Instant::now() + standing.again.max(standing.grace);
        // Those who came together do not ask together.
        sleep(standing.again.mul_f64(rand::random_range(0.75..1.0))).await;
        loop {
            match forward.ask(&credentials).await {
                Err(denied) if denied.is_temporary() && Instant::now() < until => {
                    sleep(ONCE_MORE.min(standing.again)).await;
                }
                verdict => return verdict,
            }
        }
    })
}
