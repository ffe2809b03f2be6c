//! PostgreSQL behind PgBouncer in transaction mode, from the distribution's packages, for tests. Knows nothing of Landfall.

mod cluster;
mod shared;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

pub use cluster::Cluster;

/// The one user, who may do everything.
const USER: &str = "landfall";

/// A database of one test, dropped with it.
#[derive(Debug)]
pub struct Database {
    cluster: Cluster,
    name: String,
}

impl Database {
    /// A fresh one on the server that all tests of a run share. That is started by whoever needs it first, and ends some
    /// seconds after the last one.
    ///
    /// # Errors
    /// When PostgreSQL or PgBouncer is not installed or does not start.
    pub fn create() -> io::Result<Self> {
        Self::on(shared::cluster()?)
    }

    /// A fresh one on that server.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn on(cluster: Cluster) -> io::Result<Self> {
        static CREATED: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), CREATED.fetch_add(1, Ordering::Relaxed));
        // What a process of the same number has left behind.
        cluster.sql(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        cluster.sql(&format!("CREATE DATABASE {name}"))?;
        Ok(Self { cluster, name })
    }

    /// Its URL through the pooler.
    pub fn url(&self) -> String {
        self.cluster.url(self.cluster.pooler, &self.name)
    }

    /// The authority of the certificate that its server has for `localhost`.
    pub fn authority(&self) -> PathBuf {
        self.cluster.certificate()
    }

    /// Its URL past the pooler: for whoever needs a session.
    pub fn direct_url(&self) -> String {
        self.cluster.url(self.cluster.port, &self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server may be gone already, and the database with it.
        let _ = self.cluster.sql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
