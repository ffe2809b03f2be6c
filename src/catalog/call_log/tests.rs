//! The table of another system as a specification, in a real PostgreSQL, through a transaction pooler.

use loadtest::postgres::Database;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::catalog::{self, PostgresOptions};
use crate::recording::{Scope, State, Tenant, Timestamp};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TABLE: &str = "CREATE TABLE call_log (id serial, call_sid varchar(64), parent_call_sid varchar(64),
    business_id integer, recording_url varchar(512), recording_sid varchar(64), created_at timestamp, duration integer,
    status varchar(32), from_number varchar(64), to_number varchar(64), direction varchar(32))";

/// Another system's database, and our catalog apart from it.
struct Neighbours {
    client: Client,
    options: CallLogOptions,
    own: Arc<dyn Catalog>,
    log: CallLog,
    _database: Database,
    _directory: tempfile::TempDir,
    _alive: AbortOnDropHandle<()>,
}

async fn neighbours(table: &str) -> Neighbours {
    neighbours_with(table, |_| {}).await
}

async fn neighbours_with(table: &str, change: impl FnOnce(&mut CallLogOptions)) -> Neighbours {
    let database = Database::create().unwrap();
    let (client, connection) = tokio_postgres::connect(&database.direct_url(), NoTls).await.unwrap();
    let alive = tokio::runtime::Handle::current().spawn(async move { drop(connection.await) });
    client.batch_execute(table).await.unwrap();
    let mut options = CallLogOptions {
        database: PostgresOptions::parse(&database.url()).unwrap(),
        table: TableName::parse("call_log").unwrap(),
        columns: Columns::default(),
        default_account: Some(ACCOUNT.into()),
    };
    change(&mut options);
    let directory = tempfile::tempdir().unwrap();
    let own = catalog::open(&catalog::Database::Sqlite(directory.path().join("landfall.db"))).await.unwrap();
    let log = CallLog::new(own.clone(), options.clone()).unwrap();
    Neighbours {
        client,
        options,
        own,
        log,
        _database: database,
        _directory: directory,
        _alive: AbortOnDropHandle::new(alive),
    }
}

impl Neighbours {
    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// What that call stands for, after a look into the table.
    async fn adopted(&self, n: u32) -> Option<Row> {
        self.log.adopt(&[call(n)], Legs::AsParents).await.unwrap().rows.remove(&call(n))
    }
}

fn call(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

fn recording(n: u32) -> Sid {
    format!("RE{n:032x}").parse().unwrap()
}

/// A row with that call and tenant, and a time of that many seconds.
fn row(n: u32, tenant: &str, at: u32) -> String {
    format!(
        "INSERT INTO call_log (call_sid, business_id, created_at) VALUES ('{}', {tenant}, to_timestamp({at}));",
        call(n)
    )
}

#[tokio::test]
async fn an_unknown_call_is_found_in_the_table_and_registered() {
    let them = neighbours(TABLE).await;
    them.run(&format!(
        "INSERT INTO call_log VALUES (1, '{}', NULL, 7, 'https://api.twilio.com/Accounts/AC{:032x}/Recordings/{}', NULL,
         '2026-01-31 12:00:00.5', 61, 'completed', '+9721', '+9722', 'inbound')",
        call(1),
        9,
        recording(1)
    ))
    .await;
    let (known, status) = them.adopted(1).await.unwrap();
    assert_eq!((known.tenant.as_str(), &*known.account_sid), ("7", &*format!("AC{:032x}", 9)));
    assert_eq!((known.recording_sid, status.state), (Some(recording(1)), State::Unknown));
    assert_eq!(known.about.started_at, Timestamp::parse("2026-01-31T12:00:00.5Z"));
    assert_eq!((known.about.duration_s, known.about.from.as_deref()), (Some(61), Some("+9721")));
    assert!(them.own.find(&[call(1)]).await.unwrap()[0].is_some(), "it is known from then on");
}

#[tokio::test]
async fn other_names_types_and_schemas_do_and_times_with_a_zone_are_read_as_such() {
    let table = "CREATE SCHEMA app; CREATE TABLE app.\"Call Log\" (\"SID\" text PRIMARY KEY, tenant text,
                 began timestamptz, length text, \"from\" text, title text)";
    let them = neighbours_with(table, |options| {
        options.table = TableName::parse("app.Call Log").unwrap();
        let columns = &mut options.columns;
        (columns.call_sid, columns.tenant, columns.started_at) = ("SID".into(), "tenant".into(), "began".into());
        (columns.duration_s, columns.from) = ("length".into(), "from".into());
    })
    .await;
    them.run(&format!(
        "INSERT INTO app.\"Call Log\" VALUES ('{}', 'acme', '2026-01-31 14:00:00+02', '61.4', 'Dana', 'Support')",
        call(1)
    ))
    .await;
    let (known, _) = them.adopted(1).await.unwrap();
    assert_eq!((known.tenant.as_str(), &*known.account_sid), ("acme", ACCOUNT));
    assert_eq!(known.about.started_at, Timestamp::parse("2026-01-31T12:00:00Z"));
    assert_eq!((known.about.duration_s, known.about.title.as_deref()), (Some(61), Some("Support")));
    let page = them.log.after(&Place { at: 0, call_sid: String::new() }).await.unwrap();
    assert_eq!(page.len(), 1);
}

#[tokio::test]
async fn rows_that_are_no_calls_are_skipped_with_a_reason_and_stop_nothing() {
    let them = neighbours(TABLE).await;
    them.run(&row(1, "NULL", 10)).await;
    them.run(
        "INSERT INTO call_log (call_sid, business_id, created_at) VALUES
        (NULL, 7, to_timestamp(11)), ('garbage', 7, to_timestamp(11)), (NULL, 7, to_timestamp(11)), (NULL, 7, NULL)",
    )
    .await;
    them.run(&format!(
        "INSERT INTO call_log (call_sid, business_id, created_at) VALUES ('{}', 7, 'infinity'), ('{}', 7, NULL)",
        call(8),
        call(9)
    ))
    .await;
    them.run(&row(2, "7", 12)).await;
    let page = them.log.after(&Place { at: 0, call_sid: String::new() }).await.unwrap();
    let adopted = them.log.take(page, Legs::AsParents).await.unwrap();
    assert_eq!(adopted.rows.keys().copied().collect::<Vec<_>>(), [call(2)]);
    let mut why = adopted.skipped;
    why.sort_by_key(|why| why.why());
    assert_eq!(why, [Skipped::BadSid, Skipped::BadSid, Skipped::BadSid, Skipped::NoTenant]);
    for n in [8, 9] {
        assert!(them.adopted(n).await.is_some_and(|(known, _)| known.about.started_at.is_none()), "found by its SID");
    }
}

#[tokio::test]
async fn pages_follow_each_other_in_both_directions_and_many_rows_of_one_moment_are_no_trap() {
    let them = neighbours(TABLE).await;
    them.run(
        "INSERT INTO call_log (call_sid, business_id, created_at)
              SELECT 'CA' || lpad(to_hex(n), 32, '0'), 7, to_timestamp(1000) + (n / 1200) * interval '1 microsecond'
              FROM generate_series(1, 1201) n; INSERT INTO call_log (created_at) VALUES (to_timestamp(1000))",
    )
    .await;
    let sids = |page: &[Entry]| {
        page.iter().filter_map(|entry| entry.leg.as_ref().ok()).map(|leg| leg.call.call_sid).collect::<Vec<_>>()
    };
    let mut forwards = Vec::new();
    let mut place = Place { at: 0, call_sid: String::new() };
    loop {
        let page = them.log.after(&place).await.unwrap();
        forwards.extend(sids(&page));
        let Some(end) = page.last().and_then(|entry| entry.place.clone()) else { break };
        place = end;
    }
    assert_eq!(forwards, (1..=1201).map(call).collect::<Vec<_>>());
    let (mut backwards, mut place) = (Vec::new(), Place::end());
    loop {
        let page = them.log.before(&place).await.unwrap();
        backwards.extend(sids(&page));
        let Some(end) = page.last().and_then(|entry| entry.place.clone()) else { break };
        place = end;
    }
    backwards.reverse();
    assert_eq!(backwards, forwards);
}

#[tokio::test]
async fn a_leg_without_a_recording_of_its_own_stands_for_its_parent() {
    let them = neighbours(TABLE).await;
    them.run(&row(1, "7", 10)).await;
    them.run(&row(2, "7", 11)).await;
    them.run(&format!("UPDATE call_log SET parent_call_sid = '{}' WHERE call_sid = '{}'", call(1), call(2))).await;
    let (stands_for, _) = them.adopted(2).await.unwrap();
    assert_eq!(stands_for.sid, call(1));
    assert!(them.own.find(&[call(2)]).await.unwrap()[0].is_none(), "and is none of its own");
    assert_eq!(them.adopted(2).await.unwrap().0.sid, call(1), "also from memory");

    // The provider says that the leg has one.
    let itself = them.log.adopt(&[call(2)], Legs::AsThemselves).await.unwrap().rows.remove(&call(2)).unwrap();
    assert_eq!(itself.0.sid, call(2));
}

#[tokio::test]
async fn a_leg_is_a_call_of_its_own_when_it_was_recorded_or_its_parent_is_not_known_or_another_tenants() {
    let them = neighbours(TABLE).await;
    for (n, tenant) in [(1, "7"), (2, "7"), (3, "8"), (4, "7"), (5, "7")] {
        them.run(&row(n, tenant, 10 + n)).await;
    }
    for (leg, parent) in [(2, 1), (3, 1), (4, 99), (5, 1)] {
        them.run(&format!("UPDATE call_log SET parent_call_sid = '{}' WHERE call_sid = '{}'", call(parent), call(leg)))
            .await;
    }
    for (n, name) in [(1, 1), (2, 2), (5, 1)] {
        them.run(&format!("UPDATE call_log SET recording_sid = '{}' WHERE call_sid = '{}'", recording(name), call(n)))
            .await;
    }
    assert_eq!(them.adopted(2).await.unwrap().0.sid, call(2), "it has another recording");
    assert_eq!(them.adopted(3).await.unwrap().0.sid, call(3), "its parent is another tenant's");
    assert_eq!(them.adopted(4).await.unwrap().0.sid, call(4), "its parent is nowhere");
    assert_eq!(them.adopted(5).await.unwrap().0.sid, call(1), "it is the same recording");
}

#[tokio::test]
async fn ours_stays_where_the_table_says_otherwise_and_what_was_erased_stays_erased() {
    let them = neighbours(TABLE).await;
    them.run(&row(1, "7", 10)).await;
    them.run(&row(2, "7", 11)).await;
    them.adopted(1).await.unwrap();
    them.run("UPDATE call_log SET business_id = 8").await;
    them.own.erase(&Scope::Every, call(2), false).await.unwrap();
    let page = them.log.after(&Place { at: 0, call_sid: String::new() }).await.unwrap();
    let adopted = them.log.take(page, Legs::AsParents).await.unwrap();
    assert_eq!(adopted.rows[&call(1)].0.tenant, Tenant::new("7").unwrap());
    assert!(adopted.rows[&call(2)].1.is_erased());
}

#[tokio::test]
async fn a_name_that_another_recording_has_is_left_out() {
    let them = neighbours(TABLE).await;
    for n in [1, 2] {
        them.run(&row(n, "7", 10 + n)).await;
    }
    them.run(&format!("UPDATE call_log SET recording_sid = '{}'", recording(1))).await;
    assert_eq!(them.adopted(1).await.unwrap().0.recording_sid, Some(recording(1)));
    assert_eq!(them.adopted(2).await.unwrap().0.recording_sid, None);
}

#[tokio::test]
async fn guessing_costs_one_statement_a_batch_and_none_for_what_was_just_asked() {
    let them = neighbours(TABLE).await;
    them.run("CREATE EXTENSION pg_stat_statements").await;
    let count = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
                 WHERE datname = current_database() AND s.query LIKE '%FROM \"call_log\"%'";
    let guessed: Vec<Sid> = (100..300).map(call).collect();
    for _ in 0..5 {
        assert!(them.log.adopt(&guessed, Legs::AsParents).await.unwrap().rows.is_empty());
    }
    let statements: i64 = them.client.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(statements, 1);
}

#[tokio::test]
async fn reading_needs_no_other_right_than_to_read_and_only_the_columns_that_are_used() {
    let them = neighbours(TABLE).await;
    them.run(&row(1, "7", 10)).await;
    let user = format!("reader_{}", std::process::id());
    them.run(&format!("DROP ROLE IF EXISTS {user}")).await;
    them.run(&format!(
        "CREATE ROLE {user} LOGIN PASSWORD 'x'; GRANT SELECT (call_sid, business_id) ON call_log TO {user}"
    ))
    .await;
    let url = them._database.direct_url();
    let (_, place) = url.split_once('@').unwrap();
    let options = CallLogOptions {
        database: PostgresOptions::parse(&format!("postgres://{user}:x@{place}")).unwrap(),
        ..them.options.clone()
    };
    let error = CallLog::inspect(&options).await.err().unwrap();
    assert!(matches!(&error, TableError::Forbidden(names) if names.contains(&"created_at".into())), "{error}");
    them.run(&format!("GRANT SELECT ON call_log TO {user}")).await;
    assert_eq!(CallLog::inspect(&options).await.unwrap().rows, 1);
    let log = CallLog::new(them.own.clone(), options).unwrap();
    log.check().await.unwrap();
    assert_eq!(log.adopt(&[call(1)], Legs::AsParents).await.unwrap().rows.len(), 1);
    them.run(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).await;
}

#[tokio::test]
async fn a_look_at_the_table_tells_what_is_wrong_with_it() {
    let them = neighbours(TABLE).await;
    them.run(&row(1, "7", 10)).await;
    them.run(&row(2, "NULL", 11)).await;
    let found = CallLog::inspect(&them.options).await.unwrap();
    assert_eq!((found.rows, found.good, found.bad), (2, 1, vec![(Skipped::NoTenant, 1)]));
    assert_eq!(found.missing, ["account_sid", "title"]);
    assert_eq!((found.unindexed, found.is_zoned), (vec!["call_sid".into(), "created_at".into()], false));
    them.run("CREATE INDEX ON call_log (call_sid); CREATE INDEX ON call_log (created_at, call_sid)").await;
    assert!(CallLog::inspect(&them.options).await.unwrap().unindexed.is_empty());

    let look = async |sql: &str| {
        them.run(sql).await;
        CallLog::inspect(&them.options).await.err().unwrap()
    };
    let bad = look("ALTER TABLE call_log ALTER created_at TYPE text").await;
    assert!(matches!(bad, TableError::BadType("started_at", ..)), "{bad}");
    let bad = look("ALTER TABLE call_log RENAME business_id TO owner").await;
    assert!(matches!(bad, TableError::NoColumn("tenant", _)), "{bad}");
    let bad = look("DROP TABLE call_log").await;
    assert!(matches!(bad, TableError::NoTable(_)), "{bad}");
}

#[tokio::test]
async fn a_table_that_is_changed_under_us_is_looked_at_again() {
    let them = neighbours(TABLE).await;
    them.run(&row(1, "7", 10)).await;
    them.log.check().await.unwrap();
    them.run("ALTER TABLE call_log DROP recording_url").await;
    assert!(them.log.check().await.is_err());
    assert!(them.adopted(1).await.is_some());
}

#[tokio::test]
async fn a_large_table_is_read_by_its_indexes() {
    let them = neighbours(TABLE).await;
    them.run(
        "INSERT INTO call_log (call_sid, business_id, created_at)
         SELECT 'CA' || lpad(to_hex(n), 32, '0'), 7, to_timestamp(n) FROM generate_series(1, 50000) n;
         CREATE INDEX ON call_log (call_sid); CREATE INDEX ON call_log (created_at); ANALYZE call_log",
    )
    .await;
    let shape = Shape::learn(&them.log.connections, &them.options).await.unwrap();
    for page in [shape.after(), shape.before()] {
        let sql = page.replace("$1", "25000000000").replace("$2", "''").replace("$3", "500");
        let plan = them.client.query(&format!("EXPLAIN {sql}"), &[]).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains("Index Scan")), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("Seq Scan")), "{plan:#?}");
    }
}
