//! Makes connections that live on one runtime, and tells a database that is away from one that refuses us. Knows no
//! statement of the catalog.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};
use tokio_postgres::{Client, Config, Error};
use tokio_util::task::AbortOnDropHandle;

use super::options::PostgresOptions;
use super::tls::Tls;
use crate::catalog::CatalogError;

/// How long signing in may take. Longer than anybody who asks has patience.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(60);
/// How long a database may take to say that it is there.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Makes connections.
pub(super) struct Connector {
    config: Config,
    tls: Tls,
    runtime: Handle,
    /// Connections for which nobody waited long enough: signing in may take longer than a request has patience, and
    /// would otherwise never come to an end.
    late: Arc<Mutex<Vec<Connection>>>,
    /// Sign-ins under way; so many at once.
    signing_in: Mutex<JoinSet<()>>,
    places: Arc<Semaphore>,
}

/// A connection that is signed in.
pub(super) struct Connection {
    pub(super) client: Client,
    /// Reads and writes for the client, and ends with it.
    _alive: AbortOnDropHandle<()>,
}

impl Connector {
    /// Connects to nothing yet. Connections live on the runtime that this is called on.
    pub(super) fn new(options: &PostgresOptions, most: usize) -> Result<Self, CatalogError> {
        let (config, tls) = (options.config.clone(), Tls::new(&options.trust)?);
        let places = Arc::new(Semaphore::new(most));
        Ok(Self { config, tls, runtime: Handle::current(), late: Arc::default(), signing_in: Mutex::default(), places })
    }

    fn late(&self) -> Option<Connection> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| late.pop()).find(|connection| !connection.client.is_closed())
    }
}

async fn sign_in(config: &Config, tls: Tls) -> Result<Connection, Error> {
    let (client, connection) = config.connect(tls).await?;
    // What has failed is told to whoever uses the client.
    let alive = Handle::current().spawn(async move { drop(connection.await) });
    Ok(Connection { client, _alive: AbortOnDropHandle::new(alive) })
}

/// An error when the database is away, which may pass. One that refuses us has answered: whoever asks it for more is
/// told why.
pub(super) async fn reach(options: &PostgresOptions) -> Result<(), CatalogError> {
    let tls = Tls::new(&options.trust)?;
    let asked = async {
        // A pooler lets us in by itself, and asks the server only now.
        sign_in(&options.config, tls).await?.client.simple_query("SELECT 1").await.map(drop)
    };
    match timeout(ANSWER_WITHIN, asked).await {
        Ok(Err(error)) if is_away(&error) => Err(error.into()),
        Ok(_) => Ok(()),
        Err(_) => Err(CatalogError("the database does not answer in time".into())),
    }
}

/// Whether it is the way, or the server's own state, that is at fault, and not what we ask for.
fn is_away(error: &Error) -> bool {
    if let Some(refusal) = error.as_db_error() {
        // PostgreSQL's appendix A: connection exceptions, insufficient resources, operator intervention (it starts or stops),
        // system errors. A pooler tells under the first what the server told it, also that there is no such database.
        let text = refusal.message();
        let is_told_on = text.contains("does not exist") || text.contains("authentication failed");
        return !is_told_on && matches!(refusal.code().code().get(..2), Some("08" | "53" | "57" | "58"));
    }
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        if let Some(io) = deeper.downcast_ref::<io::Error>() {
            // What is wrong with a certificate comes as this kind.
            return io.kind() != io::ErrorKind::InvalidData;
        }
        cause = deeper.source();
    }
    error.is_closed()
}

impl Manager for Connector {
    type Type = Connection;
    type Error = CatalogError;

    async fn create(&self) -> Result<Connection, CatalogError> {
        let stopping = || CatalogError("the server is stopping".into());
        if let Some(connection) = self.late() {
            return Ok(connection);
        }
        let place = self.places.clone().acquire_owned().await.map_err(|_| stopping())?;
        if let Some(connection) = self.late() {
            return Ok(connection);
        }
        let (config, tls, late) = (self.config.clone(), self.tls.clone(), self.late.clone());
        let (tell, told) = oneshot::channel();
        // Goes on when nobody waits for it any more.
        let signing_in = async move {
            let _place = place;
            let signed_in = timeout(SIGN_IN_WITHIN, sign_in(&config, tls)).await;
            let signed_in = signed_in.map_err(|_| CatalogError("the database lets nobody in".into()));
            if let Err(Ok(connection)) = tell.send(signed_in.and_then(|done| done.map_err(CatalogError::from))) {
                late.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
        };
        {
            let mut all = self.signing_in.lock().unwrap_or_else(PoisonError::into_inner);
            while all.try_join_next().is_some() {}
            // The socket belongs to the runtime that it is opened on.
            all.spawn_on(signing_in, &self.runtime);
        }
        told.await.map_err(|_| stopping())?
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<CatalogError> {
        if connection.client.is_closed() { Err(RecycleError::message("closed")) } else { Ok(()) }
    }
}
