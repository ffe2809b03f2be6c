//! The port to the catalog: which calls there are, whose they are, and the states of their recordings. It counts
//! the versions, so that all servers on one catalog agree on them. Knows neither files nor jobs.

mod audit;
mod call_log;
mod listing;
mod postgres;
mod rows;
mod sqlite;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Duration;

use crate::recording::{About, Code, Media, Recording, Scope, Sid, State, Status, Tenant, Timestamp};
use crate::secret::Secret;

pub use audit::{Action, AuditOrder, AuditQuery, Deed, Entry};
pub use call_log::{
    Adopted, CallLog, CallLogOptions, Columns, Entry as LogEntry, Findings as LogFindings, Legs, PAGE as LOG_PAGE,
    Place, Skipped, TableError, TableName, is_identifier,
};
pub use postgres::{BadUrl, PostgresCatalog, PostgresOptions};
pub use sqlite::{Findings, Inspection, InspectionError, SqliteCatalog};

/// How long a key of links is kept when its last link has run out: a server whose clock is ahead must not forget a key
/// that others still sign with.
const LINK_KEYS_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Which engine holds the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file of SQLite, for one server.
    Sqlite(PathBuf),
    /// A database of PostgreSQL, for any number of them.
    Postgres(Box<PostgresOptions>),
}

impl Database {
    /// Its file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

/// Opens the catalog there, and makes it where it is missing. One that is away may come later; whatever else is wrong
/// with it is an error.
pub async fn open(database: &Database) -> Result<Arc<dyn Catalog>, CatalogError> {
    Ok(match database {
        Database::Sqlite(path) => Arc::new(SqliteCatalog::open(path).await?),
        Database::Postgres(options) => Arc::new(PostgresCatalog::open(options).await?),
    })
}

/// The catalog did not answer, or not as it should.
#[derive(Clone, Debug)]
pub struct CatalogError(pub String);

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CatalogError {}

/// A recording with its state of the moment.
pub type Row = (Recording, Status);

/// A call as a back end registers it.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The call.
    pub call_sid: Sid,
    /// Whose it is.
    pub tenant: Tenant,
    /// The provider's account.
    pub account_sid: String,
    /// Its primary recording, if known.
    pub recording_sid: Option<Sid>,
    /// What people know about it; what is absent leaves what is there.
    pub about: About,
}

/// What became of a registration.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Whether the call is new.
    pub created: bool,
    /// Its primary recording.
    pub primary: Row,
    /// Recordings that a callback had announced before anybody knew whose they are.
    pub announced: Vec<Row>,
}

/// Why a call was not registered.
#[derive(Debug)]
pub enum RegisterError {
    /// The call, or the recording, is another tenant's or another call's.
    Taken,
    /// It was erased, before or after it was first registered. Nothing is known of it but whose it was.
    Erased,
    /// The catalog failed.
    Catalog(CatalogError),
}

/// Why nothing was erased.
#[derive(Debug)]
pub enum EraseError {
    /// There is nothing of that name in the caller's scope.
    Unknown,
    /// The call is held.
    OnHold,
    /// The catalog failed.
    Catalog(CatalogError),
}

/// A landed recording, as retention sees it.
#[derive(Clone, Debug)]
pub struct Aged {
    /// Its storage name.
    pub sid: Sid,
    /// From when it ages: the start of its call, else its landing.
    pub since: Timestamp,
    /// Its bytes.
    pub size: u64,
    /// Its call is held: it is exempt.
    pub held: bool,
}

/// A copy at the provider that is still to be deleted.
#[derive(Clone, Debug)]
pub struct SourceDeletion {
    /// The recording, or a call for all its recordings.
    pub sid: Sid,
    /// The provider's account.
    pub account_sid: String,
    /// Tries before this one.
    pub tries: u32,
}

/// A provider's word that a recording exists.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The recording.
    pub recording_sid: Sid,
    /// Its call.
    pub call_sid: Sid,
    /// The account that signed.
    pub account_sid: String,
    /// `completed`, `absent`, `in-progress`, …
    pub status: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// What became of a callback.
#[derive(Clone, Debug)]
pub enum Kept {
    /// Seen before.
    Repeated,
    /// Nobody has registered the call yet.
    Waiting,
    /// It is about this recording.
    Attached(Box<Row>),
}

/// A new state for a recording; version and media are the catalog's business.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The state to go to.
    pub state: State,
    /// Why.
    pub code: Option<Code>,
    /// When the next try begins.
    pub retry_at: Option<Timestamp>,
}

impl Change {
    /// A change that needs no reason.
    pub const fn to(state: State) -> Self {
        Self { state, code: None, retry_at: None }
    }

    /// A change with a reason.
    pub const fn because(state: State, code: Code) -> Self {
        Self { state, code: Some(code), retry_at: None }
    }
}

/// Which calls to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Only those after this one.
    pub after: Option<Cursor>,
    /// How many at the most.
    pub limit: usize,
    /// Only those whose primary recording is in this state.
    pub state: Option<State>,
    /// Only those with this text in number, title or SID; ASCII letters in either case.
    pub text: Option<String>,
}

/// A place in a list, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The call's time in lists.
    pub listed_at: Timestamp,
    /// The call.
    pub call_sid: Sid,
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The calls' primary recordings, newest first.
    pub items: Vec<Row>,
    /// Where the next page begins. A search looks at a bounded number of calls, so that a page may be short and
    /// still not the last.
    pub next: Option<Cursor>,
}

/// A key that signs links. All servers on one catalog share it.
#[derive(Clone, Debug)]
pub struct LinkKey {
    /// Its name, which stands in every link that it signs.
    pub kid: String,
    /// 32 random bytes, as text.
    pub secret: Secret,
    /// No link is signed with it from then on.
    pub signs_until: Timestamp,
    /// No link that it signed is good from then on.
    pub good_until: Timestamp,
}

/// What the product needs of a catalog. Every method answers or fails within seconds.
#[async_trait]
pub trait Catalog: Send + Sync + 'static {
    /// Who counts the versions: two versions compare only under the same epoch. Unknown while a catalog that was away at
    /// the start has not come.
    fn epoch(&self) -> Option<&str>;

    /// Whether it answers.
    async fn check(&self) -> Result<(), CatalogError>;

    /// The recordings of these names (a call's SID names its primary recording), in their order.
    async fn find(&self, sids: &[Sid]) -> Result<Vec<Option<Row>>, CatalogError>;

    /// A page of the calls in that scope.
    async fn list(&self, scope: &Scope, query: &ListQuery) -> Result<Page, CatalogError>;

    /// Registers a call, or updates what is known about it. Idempotent.
    async fn register(&self, call: &NewCall) -> Result<Registered, RegisterError>;

    /// Keeps a callback, durably, and attaches it when the call is known. `owner` is the tenant of the account,
    /// where every call of the account is that tenant's: then the call is registered at once.
    async fn keep(&self, callback: &Callback, owner: Option<&Tenant>) -> Result<Kept, CatalogError>;

    /// Notes the provider's name of a primary recording that was registered without.
    async fn name(&self, sid: Sid, recording_sid: Sid) -> Result<Option<Row>, CatalogError>;

    /// The account's calls listed between these times of whose recording nothing is known, newest first, with their
    /// times in lists.
    async fn unheard(
        &self,
        account_sid: &str,
        between: (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<(Row, Timestamp)>, CatalogError>;

    /// Changes the state if it is one of `from` and differs; the new status, or `None` where nothing changed.
    async fn change(&self, sid: Sid, from: &[State], change: Change) -> Result<Option<Status>, CatalogError>;

    /// Notes what landed, each recording once, unless it is gone or noted already. The new statuses, in the order of the landings.
    async fn landed(&self, landings: &[(Sid, Media)]) -> Result<Vec<Option<Status>>, CatalogError>;

    /// The keys that sign links, the newest first.
    async fn link_keys(&self) -> Result<Vec<LinkKey>, CatalogError>;

    /// Sees to it that there is a key which signs now, and whose links may be good for as long as those of `fresh`;
    /// where there is none, `fresh` becomes it. All keys, the newest first.
    async fn renew_link_keys(&self, fresh: &LinkKey, now: Timestamp) -> Result<Vec<LinkKey>, CatalogError>;

    /// Erases the recording of that name, or all recordings of a call: the rows of all that the name stands for. A
    /// tombstone stays, which what becomes known later falls under too; where nothing of that name is known, only who
    /// may see every tenant's can leave one. With `at_source`, the provider's copies are noted to be deleted.
    async fn erase(&self, scope: &Scope, sid: Sid, at_source: bool) -> Result<Vec<Row>, EraseError>;

    /// Holds a call, or lets go of it: it neither expires nor can it be erased meanwhile.
    async fn hold(&self, call_sid: Sid, held: bool) -> Result<(), CatalogError>;

    /// The landed recordings after that one, oldest first.
    async fn oldest(&self, after: Option<&Aged>, most: usize) -> Result<Vec<Aged>, CatalogError>;

    /// The bytes of all landed recordings.
    async fn landed_bytes(&self) -> Result<u64, CatalogError>;

    /// Lets a landed recording expire, unless it is held: its row after that. `at_source` as in [`erase`](Self::erase).
    async fn expire(&self, sid: Sid, at_source: bool) -> Result<Option<Row>, CatalogError>;

    /// Copies at the provider whose turn to be deleted has come.
    async fn source_deletions(&self, now: Timestamp, most: usize) -> Result<Vec<SourceDeletion>, CatalogError>;

    /// The provider has no copy of that any more.
    async fn source_deleted(&self, sid: Sid) -> Result<(), CatalogError>;

    /// The provider could not delete it; to be tried again then.
    async fn source_deletion_failed(&self, sid: Sid, again: Timestamp) -> Result<(), CatalogError>;

    /// Adds to the audit, all or nothing. A refusal about what is no recording is left out.
    async fn audit(&self, deeds: &[Deed]) -> Result<(), CatalogError>;

    /// Entries of the audit about recordings in that scope.
    async fn audited(&self, scope: &Scope, query: &AuditQuery) -> Result<Vec<Entry>, CatalogError>;

    /// How far a reader of that name has come, in its own words.
    async fn bookmark(&self, name: &str) -> Result<Option<String>, CatalogError>;

    /// Notes how far it has come.
    async fn set_bookmark(&self, name: &str, place: &str) -> Result<(), CatalogError>;

    /// Housekeeping, now and then and at the end: what the engine has put off.
    async fn tend(&self) -> Result<(), CatalogError>;

    /// The recordings that ought to have a job: what a restart begins with.
    async fn pending(&self) -> Result<Vec<Row>, CatalogError>;
}
