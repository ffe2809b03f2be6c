//! Landfall: a push-based server for call recordings. ARCHITECTURE.md is the map.

pub mod audio;
pub mod audit;
pub mod auth;
pub mod broker;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod jobs;
pub mod peers;
pub mod range;
pub mod recording;
pub mod registry;
pub mod retention;
pub mod secret;
pub mod serve;
pub mod sharing;
pub mod signals;
pub mod source;
pub mod telemetry;
pub mod volume;
pub mod waveforms;
pub mod work;
