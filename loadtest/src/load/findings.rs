//! What was wrong, counted by kind and with a few examples; knows not how it was found.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Examples that are kept of each kind.
const EXAMPLES: usize = 5;
/// Different errors that are told apart; the rest is `other`.
const ERRORS: usize = 50;

/// What must never happen: one of these fails a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Violation {
    /// Bytes, length, `Content-Range` or ETag differ from the known file's.
    Corrupt,
    /// A recording that has landed was never pushed to somebody who waited for it.
    Missed,
    /// The same version was pushed twice to one socket, or an older one after it.
    Doubled,
    /// Another tenant's recording could be seen, or one that was not subscribed was pushed.
    Leaked,
    /// `ready` was told, and the bytes were not there.
    Unready,
    /// One landing took more than one fetch from the provider.
    Refetched,
}

impl Violation {
    /// All there are, in the order of reports.
    pub(super) const ALL: [Self; 6] =
        [Self::Corrupt, Self::Missed, Self::Doubled, Self::Leaked, Self::Unready, Self::Refetched];

    /// Its name in reports and thresholds.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Missed => "missed",
            Self::Doubled => "doubled",
            Self::Leaked => "leaked",
            Self::Unready => "unready",
            Self::Refetched => "refetched",
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    violations: BTreeMap<Violation, u64>,
    examples: BTreeMap<Violation, Vec<String>>,
    errors: BTreeMap<String, u64>,
}

/// Shared by all sessions.
#[derive(Debug, Default)]
pub(super) struct Findings(Mutex<Inner>);

impl Findings {
    /// Notes a violation.
    pub(super) fn violation(&self, kind: Violation, what: impl Into<String>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *inner.violations.entry(kind).or_default() += 1;
        let examples = inner.examples.entry(kind).or_default();
        if examples.len() < EXAMPLES {
            examples.push(what.into());
        }
    }

    /// Notes that something did not succeed, by a text with few variants.
    pub(super) fn error(&self, what: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = inner.errors.contains_key(what) || inner.errors.len() < ERRORS;
        *inner.errors.entry(if known { what } else { "other" }.to_owned()).or_default() += 1;
    }

    /// Violations by name, each kind of them.
    pub(super) fn violations(&self) -> BTreeMap<String, u64> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |kind| inner.violations.get(&kind).copied().unwrap_or_default();
        Violation::ALL.into_iter().map(|kind| (kind.name().to_owned(), count(kind))).collect()
    }

    /// Examples, each with its kind.
    pub(super) fn examples(&self) -> Vec<String> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |(kind, examples): (&Violation, &Vec<String>)| {
            examples.iter().map(|example| format!("{}: {example}", kind.name())).collect::<Vec<_>>()
        };
        inner.examples.iter().flat_map(told).collect()
    }

    /// Errors by their text.
    pub(super) fn errors(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).errors.clone()
    }
}
