//! What one check has found. Knows neither what was checked nor how it is shown.

use serde::Serialize;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// It does not work.
    Fail,
    /// It could not be asked: not configured, or not started yet.
    Skip,
}

/// A check's outcome. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was checked, one word; several accounts are several checks of one name.
    pub name: &'static str,
    pub status: Status,
    /// What was found, and where.
    pub detail: String,
    /// How to mend it: a command or the line of a configuration. Always there with a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), mend: None }
    }

    pub fn skip(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Skip, detail: detail.into(), mend: None }
    }

    pub fn warn(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, status: Status::Warn, detail: detail.into(), mend: Some(mend.into()) }
    }

    pub fn fail(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, status: Status::Fail, detail: detail.into(), mend: Some(mend.into()) }
    }
}
