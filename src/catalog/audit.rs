//! The words of the audit: who did what with which recording. Knows no engine, and not how a deed comes about.

use std::net::IpAddr;

use crate::recording::{Sid, Tenant, Timestamp};

/// What somebody did, or tried to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Was given bytes of it to listen to.
    Played,
    /// Was given it as a file.
    Downloaded,
    /// Was given a link to it.
    Linked,
    /// Erased it.
    Erased,
    /// Exempted it from retention.
    Held,
    /// Ended that.
    Released,
    /// Was refused.
    Denied,
}

impl Action {
    /// Its name on the wire and in the catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Played => "played",
            Self::Downloaded => "downloaded",
            Self::Linked => "linked",
            Self::Erased => "erased",
            Self::Held => "held",
            Self::Released => "released",
            Self::Denied => "denied",
        }
    }
}

/// One thing that somebody did.
#[derive(Clone, Debug)]
pub struct Deed {
    /// When; of a series, when it began.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// `ok`, or the code of the refusal.
    pub outcome: &'static str,
    /// The name that was asked for.
    pub sid: Sid,
    /// Who, where that is known.
    pub who: Option<String>,
    /// The tenant of who did it; a back end has none.
    pub who_tenant: Option<Tenant>,
    /// From where.
    pub address: IpAddr,
}

/// A deed as the catalog has kept it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Grows with each entry of one catalog.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Whose recording it was.
    pub tenant: Option<String>,
    /// The name that was asked for.
    pub sid: String,
    /// [`Action::as_str`]
    pub action: String,
    /// `ok`, or the code of the refusal.
    pub outcome: String,
    /// Who. Users of a tenant other than the recording's are shown only to who may see every tenant.
    pub who: Option<String>,
    /// From where.
    pub address: String,
}

/// Which entries to read.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// Those of this recording, by either name; of all, if absent.
    pub of: Option<Sid>,
    /// From then on.
    pub since: Timestamp,
    /// Before then.
    pub until: Timestamp,
    /// Which way, and from where.
    pub order: AuditOrder,
    /// How many at the most.
    pub limit: usize,
}

/// The order of entries.
#[derive(Clone, Copy, Debug)]
pub enum AuditOrder {
    /// Newest first, those older than this entry.
    Before(i64),
    /// Oldest first, those younger than this entry.
    After(i64),
}
