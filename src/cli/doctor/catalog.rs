//! The catalog: that it opens, is whole, takes writes and has this build's schema; and what it says of downloads.

use std::path::Path;

use super::check::Check;
use super::place::{absolute, owner, shell};
use crate::catalog::{Database, Findings, Inspection, InspectionError, PostgresCatalog, PostgresOptions};
use crate::config::Config;
use crate::volume::{blocking, identity_at};

const NAME: &str = "catalog";

/// The catalog as it is now.
pub(super) async fn catalog(config: &Config) -> Check {
    let path = match &config.database_url {
        Database::Sqlite(path) => absolute(path),
        Database::Postgres(options) => return postgres(options).await,
    };
    let found = look(&path).await;
    match found {
        Ok(findings) => judge(&path, &findings),
        Err(InspectionError::Missing) => missing(config, &path).await,
        Err(error) => broken(&path, &error),
    }
}

/// Where it is, in words.
pub(super) fn place(config: &Config) -> String {
    config.database_url.file().map_or("in PostgreSQL".into(), |file| absolute(file).display().to_string())
}

async fn postgres(options: &PostgresOptions) -> Check {
    match PostgresCatalog::inspect(options).await {
        Ok(true) => Check::ok(NAME, "PostgreSQL answers, and has a catalog"),
        Ok(false) => Check::skip(NAME, "not started yet: PostgreSQL answers, and the first start makes the catalog"),
        Err(error) => Check::fail(
            NAME,
            format!("PostgreSQL: {error}"),
            "check that it runs, and host, user, password and sslmode of database_url: psql \"$LANDFALL_DATABASE_URL\" -c 'SELECT 1'",
        ),
    }
}

async fn look(path: &Path) -> Result<Findings, InspectionError> {
    let mut inspection = Inspection::open(path).await?;
    let findings = inspection.findings().await?;
    inspection.check_writable().await?;
    inspection.close().await;
    Ok(findings)
}

async fn missing(config: &Config, path: &Path) -> Check {
    let root = absolute(&config.volume);
    let was_used = blocking(move || identity_at(&root).is_ok_and(|identity| identity.is_some())).await;
    if was_used {
        let detail =
            format!("{} is not there, although the volume has been used: every call would be unknown", path.display());
        return Check::warn(
            NAME,
            detail,
            "set database_url to where the catalog is, or put a backup back, before the next start",
        );
    }
    Check::skip(NAME, format!("not started yet: the first start makes {}", path.display()))
}

fn broken(path: &Path, error: &InspectionError) -> Check {
    let at = shell(path);
    let mend = match error {
        InspectionError::Locked => format!("find who holds it and let it finish, or stop it: fuser -v {at}"),
        InspectionError::Forbidden(_) => {
            let directory = path.parent().unwrap_or(path);
            format!("chown -R {} {} (the file, and the directory: its log lies beside it)", owner(), shell(directory))
        }
        InspectionError::Damaged(_) => recovery(&at),
        InspectionError::Missing | InspectionError::Failed(_) => {
            format!("look at the file and its disk: ls -l {at}*; dmesg | tail")
        }
    };
    Check::fail(NAME, format!("{}: {error}", path.display()), mend)
}

fn recovery(at: &str) -> String {
    format!(
        "stop the server and put a backup back, or save what can be read: sqlite3 {at} .recover | sqlite3 {at}.new\n\
         (the recordings in the volume are whole; calls are registered again by `landfall import`)"
    )
}

fn judge(path: &Path, findings: &Findings) -> Check {
    let at = path.display();
    if let Some(damage) = findings.damage.as_ref().filter(|damage| !damage.is_empty()) {
        return Check::fail(NAME, format!("{at} is damaged: {}", damage.join("; ")), recovery(&shell(path)));
    }
    if findings.unknown_migrations > 0 {
        let detail = format!(
            "{at} was written by a newer Landfall ({} steps of its schema are unknown here)",
            findings.unknown_migrations
        );
        return Check::fail(NAME, detail, "run that version again, or put back a backup from before it");
    }
    let whole = if findings.damage.is_some() { "is whole" } else { "was not read to its end (large)" };
    let detail = format!("{at} answers, {whole} and takes writes; recordings: {}", counted(findings));
    if findings.pending_migrations > 0 {
        let detail = format!("{detail}; {} steps of the schema are to be taken", findings.pending_migrations);
        return Check::warn(
            NAME,
            detail,
            "restart `landfall serve` with this version: it takes them (make a copy of the file before)",
        );
    }
    Check::ok(NAME, detail)
}

fn counted(findings: &Findings) -> String {
    let Some(states) = &findings.states else { return "too many to be counted in a second".into() };
    if states.is_empty() {
        return "none".into();
    }
    let words = states.iter().map(|(state, code, count)| match code {
        Some(code) => format!("{count} {state} ({code})"),
        None => format!("{count} {state}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
