//! The port as a specification: each test is written once, and run against every engine.

mod audit;
mod calls;
mod lifecycle;

use super::{Catalog, Database, PostgresOptions, open};

/// Makes a test for each engine of functions that take a catalog.
macro_rules! on_every_engine {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                crate::catalog::tests::on_sqlite(async |catalog| super::$name(catalog).await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                crate::catalog::tests::on_postgres(async |catalog| super::$name(catalog).await).await;
            })+
        }
    };
}
use on_every_engine;

async fn on_sqlite(test: impl AsyncFnOnce(&dyn Catalog)) {
    let directory = tempfile::tempdir().unwrap();
    test(&*open(&Database::Sqlite(directory.path().join("landfall.db"))).await.unwrap()).await;
}

async fn on_postgres(test: impl AsyncFnOnce(&dyn Catalog)) {
    let database = loadtest::postgres::Database::create().unwrap();
    let options = PostgresOptions::parse(&database.url()).unwrap();
    test(&*open(&Database::Postgres(Box::new(options))).await.unwrap()).await;
}
