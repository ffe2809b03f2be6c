//! What is SQLite's alone: its plans, and its files of before.

use super::*;

#[tokio::test]
async fn a_page_of_a_list_reads_the_calls_from_the_index_alone() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    let sql = format!("EXPLAIN QUERY PLAN {}", page_of(OF_TENANT));
    let plan = sqlx::query(AssertSqlSafe(sql)).fetch_all(&catalog.readers).await.unwrap();
    let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
    assert!(steps[0].contains("COVERING INDEX calls_of_tenant"), "{steps:?}");
    assert!(steps[1].contains("INTEGER PRIMARY KEY"), "states lie in the order of the list: {steps:?}");
    assert_eq!(steps.len(), 2, "and there is nothing to sort: {steps:?}");
}

#[tokio::test]
async fn nobody_goes_about_closing_connections_to_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    for pool in [&catalog.readers, &catalog.writer] {
        assert_eq!((pool.options().get_idle_timeout(), pool.options().get_max_lifetime()), (None, None));
    }
}

#[tokio::test]
async fn each_connection_has_a_page_cache_to_itself() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    let compiled = sqlx::query("PRAGMA compile_options").fetch_all(&catalog.readers).await.unwrap();
    let options: Vec<String> = compiled.iter().map(|option| option.get(0)).collect();
    assert!(options.iter().any(|option| option == "ENABLE_STAT4"), "it is the bundled one: {options:?}");
    assert!(!options.iter().any(|option| option == "ENABLE_MEMORY_MANAGEMENT"), "see .cargo/config.toml");
}

#[tokio::test]
async fn a_file_of_the_first_version_opens_and_lists_its_calls() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("landfall.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let first = sqlx::migrate!("src/catalog/migrations/sqlite").iter().take(1).cloned().collect();
    sqlx::migrate::Migrator::with_migrations(first).run(&pool).await.unwrap();
    let rows = format!(
        "INSERT INTO calls (call_sid, tenant, account_sid, title, listed_at) VALUES ('{0}', 't', 'AC1', 'Call 1', 1);
         INSERT INTO recordings (sid, call_sid, state, container, size) VALUES ('{0}', '{0}', 'ready', 'mp3', 5)",
        "CA00000000000000000000000000000001"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&pool).await.unwrap();
    pool.close().await;

    let catalog = SqliteCatalog::open(&path).await.unwrap();
    let every = ListQuery { after: None, limit: 10, state: None, text: None };
    let page = catalog.list(&Scope::Tenant(Tenant::new("t").unwrap()), &every).await.unwrap();
    assert_eq!(page.items[0].0.about.title.as_deref(), Some("Call 1"));
    let aged = catalog.oldest(None, 10).await.unwrap().remove(0);
    assert!(aged.since >= Timestamp(Timestamp::now().0 - 60_000), "what has landed ages from now on");
}
