//! Landfall: a push-based server for call recordings. ARCHITECTURE.md is the map.

pub mod audio;
pub mod range;
pub mod recording;
pub mod registry;
pub mod volume;
pub mod catalog;
