//! What the simulator saw, per recording and in total; plain numbers.

use serde::Serialize;

/// Requests since the recording was added (or, for the totals, since the start).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests for the media, refused ones included.
    pub media_requests: u64,
    /// Of these, not finished yet.
    pub media_in_flight: u64,
    /// The most that were in flight at once.
    pub media_max_in_flight: u64,
    /// Bodies that were sent to their end.
    pub media_completed: u64,
    /// Bytes of bodies handed to the connection.
    pub media_bytes: u64,
    /// Requests for the resource (`RE….json`).
    pub resource_requests: u64,
    /// Lists that asked for the recording's call (totals: all lists).
    pub list_requests: u64,
    /// Deletions.
    pub delete_requests: u64,
    /// Requests refused for wrong credentials.
    pub unauthorized: u64,
    /// Requests that followed a redirect to the foreign origin.
    pub foreign_requests: u64,
    /// Of these, with an `Authorization` header: credentials that leaked.
    pub foreign_authorization: u64,
    /// Status callbacks that were sent, repetitions included.
    pub callbacks: u64,
}
