//! What can be wrong with the catalog.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Doctor, stopped};
use crate::support::Bench;

fn file(bench: &Bench) -> std::path::PathBuf {
    bench.directory.path().join("landfall.db")
}

async fn run(bench: &Bench, sql: &'static str) -> sqlx::SqliteConnection {
    let mut connection = SqliteConnectOptions::new().filename(file(bench)).connect().await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn a_catalog_that_another_process_holds_locked_fails_and_hides_no_other_check() {
    let bench = stopped().await;
    let _lock = run(&bench, "BEGIN IMMEDIATE").await;
    let said = Doctor::of(&bench).json().await;
    assert_eq!(said.status, 1);
    said.holds("catalog", "fail", &["locked", "fuser"]);
    said.holds("provider", "ok", &[]);
}

#[tokio::test]
async fn a_catalog_that_is_no_database_fails() {
    let bench = stopped().await;
    std::fs::write(file(&bench), "not a database, and longer than the hundred bytes of a header ".repeat(20)).unwrap();
    let said = Doctor::of(&bench).json().await;
    assert_eq!(said.status, 1);
    said.holds("catalog", "fail", &["not a database", ".recover"]);
}

#[tokio::test]
async fn a_damaged_page_is_found_although_the_file_opens() {
    let bench = stopped().await;
    let mut bytes = std::fs::read(file(&bench)).unwrap();
    // The schema's page stays; the trees that it names are gone.
    bytes[4096..].fill(0xFF);
    std::fs::write(file(&bench), bytes).unwrap();
    Doctor::of(&bench).json().await.holds("catalog", "fail", &["backup", ".recover"]);
}

#[tokio::test]
async fn a_catalog_of_a_newer_version_fails_and_one_of_an_older_warns() {
    let bench = stopped().await;
    run(&bench, "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 5").await.close().await.unwrap();
    Doctor::of(&bench).json().await.holds("catalog", "fail", &["newer Landfall"]);
    run(&bench, "DELETE FROM _sqlx_migrations WHERE version = 9999").await.close().await.unwrap();
    Doctor::of(&bench).json().await.holds("catalog", "warn", &["1 steps of the schema", "landfall serve"]);
}

#[tokio::test]
async fn a_catalog_that_is_gone_while_the_volume_is_there_warns() {
    let bench = stopped().await;
    std::fs::remove_file(file(&bench)).unwrap();
    Doctor::of(&bench).json().await.holds("catalog", "warn", &["every call would be unknown"]);
    assert!(!file(&bench).exists(), "it makes none");
}

#[tokio::test]
async fn failed_downloads_are_counted_with_their_reasons() {
    let bench = stopped().await;
    let sql = "UPDATE recordings SET state = 'failed', code = 'source_unauthorized'";
    run(&bench, sql).await.close().await.unwrap();
    Doctor::of(&bench).json().await.holds("catalog", "ok", &["1 failed (source_unauthorized)"]);
}
