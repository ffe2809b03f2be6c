//! Calls of which another system keeps a table in PostgreSQL: read there, never written, and registered in our own catalog,
//! whose word counts from then on. Knows no listener.

mod entry;
mod inspection;
mod options;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use quick_cache::sync::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant, timeout};
use tokio_postgres::types::Type;

use super::postgres::{Connections, Value, within};
use super::{Catalog, CatalogError, NewCall, RegisterError, Row};
use crate::recording::Sid;
use crate::telemetry;

pub use entry::{Entry, Leg, Place, Skipped};
pub use inspection::Findings;
pub use options::{CallLogOptions, Columns, TableName, is_identifier};
use shape::Shape;
pub use shape::TableError;

/// Connections of one server process to the other system's database: it has work of its own.
const MOST_CONNECTIONS: usize = 4;
/// Look-ups at once; others wait for their turn, and not for long.
const MOST_LOOKUPS: usize = 2;
const TURN_WITHIN: Duration = Duration::from_secs(3);
/// SIDs in one statement.
const MOST_SIDS: usize = 256;
/// Rows in one statement.
pub const PAGE: usize = 500;
/// SIDs remembered to be in neither place, so that guessing costs no statement.
const MOST_UNKNOWN: usize = 65_536;
/// And for how long: a call that is written down meanwhile is found that much later.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// Legs whose parents are remembered, and for how long.
const MOST_LEGS: usize = 16_384;
const LEG_FOR: Duration = Duration::from_secs(60);
/// Registrations at once.
const REGISTERED_AT_ONCE: usize = 4;

/// The table, and our own catalog.
pub struct CallLog {
    own: Arc<dyn Catalog>,
    options: CallLogOptions,
    connections: Connections,
    /// As it was when it was last looked at; learned anew after every failure.
    shape: Mutex<Option<Arc<Shape>>>,
    turns: Semaphore,
    unknown: Cache<Sid, Instant>,
    parents: Cache<Sid, (Sid, Instant)>,
}

/// What a leg that has no recording of its own stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legs {
    /// The call that it is a leg of, where that one is known and the same tenant's: that is what was recorded.
    AsParents,
    /// Itself: the provider says that it has a recording.
    AsThemselves,
}

/// What was taken over.
#[derive(Default)]
pub struct Adopted {
    /// What the calls asked for stand for, under the SIDs asked for.
    pub rows: HashMap<Sid, Row>,
    /// Recordings that a callback had announced before anybody knew whose they are.
    pub announced: Vec<Row>,
    /// Rows that are no calls.
    pub skipped: Vec<Skipped>,
}

impl CallLog {
    /// Connects to nothing yet. Must be called within the runtime that connections are to live in.
    pub fn new(own: Arc<dyn Catalog>, options: CallLogOptions) -> Result<Self, CatalogError> {
        Ok(Self {
            own,
            connections: Connections::new(&options.database, MOST_CONNECTIONS)?,
            options,
            shape: Mutex::new(None),
            turns: Semaphore::new(MOST_LOOKUPS),
            unknown: Cache::new(MOST_UNKNOWN),
            parents: Cache::new(MOST_LEGS),
        })
    }

    /// The table's name: who has read how far in which table is noted under it.
    pub fn name(&self) -> String {
        format!("call_log {}", self.options.table)
    }

    /// Whether the table can be read.
    pub async fn check(&self) -> Result<(), CatalogError> {
        self.page(Shape::after, &Place::end(), 0).await?;
        Ok(())
    }

    /// What calls of these SIDs, which our own catalog does not know, stand for by the table; they are registered on the
    /// way. Names of recordings are not looked for: they are known with their calls.
    pub async fn adopt(&self, sids: &[Sid], legs: Legs) -> Result<Adopted, CatalogError> {
        let mut adopted = Adopted::default();
        let mut asked = self.unheard_of(sids);
        if legs == Legs::AsParents {
            asked = self.remembered(asked, &mut adopted).await?;
        }
        if asked.is_empty() {
            return Ok(adopted);
        }
        let found = self.look_up(&asked, legs, &mut adopted).await;
        telemetry::call_log_lookup(match &found {
            Ok(()) if adopted.rows.is_empty() => "unknown",
            Ok(()) => "found",
            Err(_) => "failed",
        });
        found?;
        let now = Instant::now();
        for sid in asked.into_iter().filter(|sid| !adopted.rows.contains_key(sid)) {
            self.unknown.insert(sid, now);
        }
        Ok(adopted)
    }

    async fn look_up(&self, asked: &[Sid], legs: Legs, adopted: &mut Adopted) -> Result<(), CatalogError> {
        let _turn = self.turn().await?;
        // While we waited, others may have asked for the same ones.
        for sids in self.unheard_of(asked).chunks(MOST_SIDS) {
            let taken = self.take(self.of_sids(sids).await?, legs).await?;
            adopted.rows.extend(taken.rows);
            adopted.announced.extend(taken.announced);
        }
        Ok(())
    }

    /// The calls among them that were not looked for a moment ago.
    fn unheard_of(&self, sids: &[Sid]) -> Vec<Sid> {
        let is_fresh = |sid: &&Sid| self.unknown.get(*sid).is_none_or(|at| at.elapsed() >= UNKNOWN_FOR);
        sids.iter().filter(|sid| sid.is_call()).filter(is_fresh).copied().collect()
    }

    /// Legs whose parents are remembered are answered; the others are left.
    async fn remembered(&self, asked: Vec<Sid>, adopted: &mut Adopted) -> Result<Vec<Sid>, CatalogError> {
        let parent =
            |sid: &Sid| self.parents.get(sid).filter(|(_, at)| at.elapsed() < LEG_FOR).map(|(parent, _)| parent);
        let (legs, mut rest): (Vec<Sid>, Vec<Sid>) = asked.into_iter().partition(|sid| parent(sid).is_some());
        let parents: Vec<Sid> = legs.iter().filter_map(parent).collect();
        if parents.len() != legs.len() {
            // One was forgotten just now.
            rest.extend(legs);
            return Ok(rest);
        }
        for (leg, row) in legs.into_iter().zip(self.own.find(&parents).await?) {
            match row {
                Some(row) => drop(adopted.rows.insert(leg, row)),
                None => rest.push(leg),
            }
        }
        Ok(rest)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, CatalogError> {
        match timeout(TURN_WITHIN, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => {
                telemetry::limited("call_log_lookups");
                Err(CatalogError("call_log: too many look for calls that are not known here".into()))
            }
        }
    }

    /// Registers the calls of these rows.
    pub async fn take(&self, entries: Vec<Entry>, legs: Legs) -> Result<Adopted, CatalogError> {
        let mut adopted = Adopted::default();
        let (mut calls, mut children) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry.leg {
                Ok(Leg { call, parent: Some(parent) }) if legs == Legs::AsParents => children.push((call, parent)),
                Ok(Leg { call, .. }) => calls.push(call),
                Err(why) => {
                    telemetry::call_log_row("skipped");
                    adopted.skipped.push(why);
                }
            }
        }
        let stand_ins = self.stand_ins(children, &mut calls, &mut adopted).await?;
        let mut registrations =
            stream::iter(calls).map(|call| self.register(call)).buffer_unordered(REGISTERED_AT_ONCE);
        while let Some(done) = registrations.next().await {
            let Some((sid, primary, announced)) = done? else { continue };
            adopted.rows.insert(sid, primary);
            adopted.announced.extend(announced);
        }
        let now = Instant::now();
        for (leg, parent) in stand_ins {
            if let Some(row) = adopted.rows.get(&parent).cloned() {
                self.parents.insert(leg, (parent, now));
                adopted.rows.insert(leg, row);
            }
        }
        Ok(adopted)
    }

    /// Legs that stand for the call that they belong to, with that call; all others are calls of their own. What was
    /// recorded of a call is the first leg's as a rule, and players ask for it under either SID.
    async fn stand_ins(
        &self,
        children: Vec<(NewCall, Sid)>,
        calls: &mut Vec<NewCall>,
        adopted: &mut Adopted,
    ) -> Result<Vec<(Sid, Sid)>, CatalogError> {
        let parents: Vec<Sid> = children.iter().map(|(_, parent)| *parent).collect();
        let mut known = HashMap::new();
        for (sid, row) in parents.iter().zip(self.own.find(&parents).await?) {
            known.extend(row.map(|row| (*sid, row)));
        }
        let mut missing: Vec<Sid> = parents.into_iter().filter(|sid| !known.contains_key(sid)).collect();
        missing.sort_unstable();
        missing.dedup();
        let mut written = HashMap::new();
        for sids in missing.chunks(MOST_SIDS) {
            let legs = self.of_sids(sids).await?.into_iter().filter_map(|entry| entry.leg.ok());
            written.extend(legs.map(|leg| (leg.call.call_sid, leg.call)));
        }
        let mut stand_ins = Vec::new();
        for (call, parent) in children {
            let whose = match (known.get(&parent), written.get(&parent)) {
                (Some((recording, _)), _) => Some((&recording.tenant, recording.recording_sid)),
                (None, Some(call)) => Some((&call.tenant, call.recording_sid)),
                (None, None) => None,
            };
            // A recording of its own is another one than the parent's.
            let is_same = |name: Option<Sid>| call.recording_sid.is_none() || call.recording_sid == name;
            if whose.is_none_or(|(tenant, name)| *tenant != call.tenant || !is_same(name)) {
                calls.push(call);
                continue;
            }
            match (known.get(&parent), written.get(&parent)) {
                (Some(row), _) => drop(adopted.rows.insert(parent, row.clone())),
                (None, Some(call)) if calls.iter().all(|other| other.call_sid != parent) => calls.push(call.clone()),
                _ => {}
            }
            stand_ins.push((call.call_sid, parent));
        }
        Ok(stand_ins)
    }

    /// Registers one call: its SID, its recording, and what a callback had announced of it. `None` for one that our own
    /// catalog does not have after that: another one has its recording's name.
    async fn register(&self, mut call: NewCall) -> Result<Option<(Sid, Row, Vec<Row>)>, CatalogError> {
        let sid = call.call_sid;
        let mut outcome = self.own.register(&call).await;
        if matches!(outcome, Err(RegisterError::Taken)) && call.recording_sid.take().is_some() {
            // Ours has another name for it, or the name is another call's: the provider knows which recordings there are.
            outcome = self.own.register(&call).await;
        }
        match outcome {
            Ok(registered) => {
                telemetry::call_log_row(if registered.created { "registered" } else { "known" });
                return Ok(Some((sid, registered.primary, registered.announced)));
            }
            Err(RegisterError::Taken) => telemetry::call_log_conflict(sid),
            Err(RegisterError::Erased) => telemetry::call_log_row("erased"),
            Err(RegisterError::Catalog(error)) => return Err(error),
        }
        let ours = self.own.find(&[sid]).await?.pop().flatten();
        Ok(ours.map(|row| (sid, row, Vec::new())))
    }

    /// At most a page of rows after that place, in the order of their times.
    pub async fn after(&self, place: &Place) -> Result<Vec<Entry>, CatalogError> {
        self.page(Shape::after, place, PAGE as i64).await
    }

    /// At most a page of rows before that place, the newest first.
    pub async fn before(&self, place: &Place) -> Result<Vec<Entry>, CatalogError> {
        self.page(Shape::before, place, PAGE as i64).await
    }

    async fn page(&self, sql: fn(&Shape) -> String, place: &Place, most: i64) -> Result<Vec<Entry>, CatalogError> {
        let values: &[Value<'_>] = &[(&place.at, Type::INT8), (&place.call_sid, Type::TEXT), (&most, Type::INT8)];
        self.rows(sql, values).await
    }

    async fn of_sids(&self, sids: &[Sid]) -> Result<Vec<Entry>, CatalogError> {
        let names: Vec<&str> = sids.iter().map(Sid::as_str).collect();
        self.rows(Shape::by_sids, &[(&names, Type::TEXT_ARRAY)]).await
    }

    async fn rows(&self, sql: fn(&Shape) -> String, values: &[Value<'_>]) -> Result<Vec<Entry>, CatalogError> {
        let shape = self.shape().await?;
        let rows = within(self.connections.read(&sql(&shape), values)).await;
        // The table may have changed under us: it is looked at again.
        let rows = rows.inspect_err(|_| *self.shape.lock().unwrap_or_else(PoisonError::into_inner) = None);
        let rows = rows.map_err(|failure| CatalogError(format!("call_log: {}", CatalogError::from(failure))))?;
        Ok(rows.iter().map(|row| Entry::read(row, self.options.default_account.as_deref())).collect())
    }

    async fn shape(&self) -> Result<Arc<Shape>, TableError> {
        if let Some(shape) = self.shape.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(shape);
        }
        let shape = Arc::new(Shape::learn(&self.connections, &self.options).await?);
        *self.shape.lock().unwrap_or_else(PoisonError::into_inner) = Some(shape.clone());
        Ok(shape)
    }
}
