//! What many servers on one database need beyond the port's own tests: through the pooler, and past it where a test
//! holds somebody up.

mod costs;
mod races;

use loadtest::postgres::Database;
use tokio::time::Duration;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::recording::About;

/// Long past what a query takes.
const SOON: Duration = Duration::from_secs(10);

fn call(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

fn recording(n: u32) -> Sid {
    format!("RE{n:032x}").parse().unwrap()
}

fn new(n: u32, recording_sid: Option<Sid>, started_at: Option<i64>) -> NewCall {
    let about = About { started_at: started_at.map(Timestamp), ..About::default() };
    let tenant = Tenant::new("t").unwrap();
    NewCall { call_sid: call(n), tenant, account_sid: "AC1".into(), recording_sid, about }
}

async fn server(database: &Database) -> PostgresCatalog {
    PostgresCatalog::open(&PostgresOptions::parse(&database.url()).unwrap()).await.unwrap()
}

/// A session of its own in the database of a test.
struct Somebody {
    client: Client,
    _alive: AbortOnDropHandle<()>,
}

impl Somebody {
    async fn at(database: &Database) -> Self {
        let (client, connection) = tokio_postgres::connect(&database.direct_url(), NoTls).await.unwrap();
        let alive = tokio::runtime::Handle::current().spawn(async move { drop(connection.await) });
        Self { client, _alive: AbortOnDropHandle::new(alive) }
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// Returns when so many sessions of the database wait for a lock.
    async fn until_waiting(&self, sessions: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let all = async {
            // Within a transaction, what others do is looked up once.
            while self.client.batch_execute("SELECT pg_stat_clear_snapshot()").await.is_ok()
                && self.client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < sessions
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(SOON, all).await.expect("they wait for a lock");
    }
}

#[tokio::test]
async fn servers_that_start_at_the_same_moment_share_one_epoch_and_a_restart_keeps_it() {
    let database = Database::create().unwrap();
    let servers = futures_util::future::join_all((0..4).map(|_| server(&database))).await;
    let epoch = servers[0].epoch().unwrap().to_owned();
    assert!(!epoch.is_empty() && servers.iter().all(|server| server.epoch() == Some(&*epoch)));
    drop(servers);
    assert_eq!(server(&database).await.epoch(), Some(&*epoch));
    let other = Database::create().unwrap();
    assert_ne!(server(&other).await.epoch(), Some(&*epoch), "another database counts for itself");
}

#[tokio::test]
async fn a_database_of_another_version_is_refused_by_name() {
    let database = Database::create().unwrap();
    server(&database).await;
    let somebody = Somebody::at(&database).await;
    somebody.run("INSERT INTO landfall_migrations VALUES (9999, '')").await;
    let options = PostgresOptions::parse(&database.url()).unwrap();
    let error = PostgresCatalog::open(&options).await.err().unwrap();
    assert!(error.0.contains("migration 9999"), "{error}");
}

#[tokio::test]
async fn the_audit_cannot_be_changed_or_shortened() {
    let database = Database::create().unwrap();
    server(&database).await;
    let somebody = Somebody::at(&database).await;
    for sql in ["UPDATE audit SET who = NULL", "DELETE FROM audit", "TRUNCATE audit"] {
        let error = somebody.client.batch_execute(sql).await.unwrap_err();
        assert!(CatalogError::from(error).0.contains("append-only"), "{sql}");
    }
}

#[tokio::test]
async fn what_the_database_says_is_told_and_the_password_is_not() {
    let database = Database::create().unwrap();
    let wrong = database.url().replace("/test_", "/no_such_");
    let error = PostgresCatalog::open(&PostgresOptions::parse(&wrong).unwrap()).await.err().unwrap().0;
    assert!(error.contains("no_such_") && !error.contains("hunter2"), "{error}");
    let wrong = database.url().replace("hunter2", "hunter3");
    let error = PostgresCatalog::open(&PostgresOptions::parse(&wrong).unwrap()).await.err().unwrap().0;
    assert!(error.contains("authentication failed") && !error.contains("hunter3"), "{error}");
    let nobody = PostgresOptions::parse("postgres://u:hunter2@127.0.0.1:1/x").unwrap();
    let error = PostgresCatalog::inspect(&nobody).await.err().unwrap().0;
    assert!(error.contains("refused") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn the_way_to_the_database_is_encrypted_and_its_name_is_proven_where_that_is_asked() {
    let database = Database::create().unwrap();
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let by_name = database.direct_url().replace("127.0.0.1", "localhost");
    let authority = database.authority().display().to_string();
    for (url, secret) in [
        (database.direct_url(), true),
        (format!("{by_name}?sslmode=require"), true),
        (format!("{by_name}?sslmode=verify-full&sslrootcert={authority}"), true),
        (format!("{by_name}?sslmode=disable"), false),
    ] {
        let catalog = PostgresCatalog::open(&PostgresOptions::parse(&url).unwrap()).await.unwrap();
        let rows = catalog.connections.query(encrypted, &[]).await.unwrap();
        assert_eq!(rows[0].get::<_, bool>(0), secret, "{url}");
    }
    for url in [
        format!("{by_name}?sslmode=verify-full"),
        format!("{}?sslmode=verify-full&sslrootcert={authority}", database.direct_url()),
    ] {
        let error = PostgresCatalog::open(&PostgresOptions::parse(&url).unwrap()).await.err().unwrap().0;
        assert!(error.contains("certificate") && !error.contains("hunter2"), "{url}: {error}");
    }
    let nothing = format!("{by_name}?sslmode=verify-full&sslrootcert=/nowhere.pem");
    let error = PostgresCatalog::open(&PostgresOptions::parse(&nothing).unwrap()).await.err().unwrap().0;
    assert!(error.contains("/nowhere.pem"), "{error}");
}

#[tokio::test]
async fn who_gives_up_leaves_no_lock_behind_and_no_connection_is_lost() {
    let database = Database::create().unwrap();
    let catalog = server(&database).await;
    let call = new(1, None, None);
    catalog.register(&call).await.unwrap();
    let somebody = Somebody::at(&database).await;
    somebody.run("BEGIN; LOCK TABLE calls").await;
    let begun = tokio::time::Instant::now();
    // More than there are connections, of which some have given up before their turn.
    let stuck = futures_util::future::join_all((0..20).map(|_| catalog.register(&call))).await;
    let busy = |outcome: &Result<_, _>| matches!(outcome, Err(RegisterError::Catalog(why)) if why.0.contains("busy"));
    assert!(stuck.iter().all(Result::is_err) && stuck.iter().any(busy), "{stuck:?}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    somebody.run("COMMIT").await;
    catalog.register(&call).await.unwrap();
}
