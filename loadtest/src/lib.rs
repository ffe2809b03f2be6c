//! A Twilio simulator and the telephone speech that it serves; knows nothing of Landfall itself.
//!
//! Landfall's demo, its tests, the compose files and the load test all talk to this one simulator, so that a fault which one of them
//! can provoke can be provoked by all.

pub mod random;
pub mod speech;
pub mod twilio;
