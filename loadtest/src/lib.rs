//! A Twilio simulator with the telephone speech that it serves, and the tools of measuring.
//!
//! Landfall's demo, its tests, the compose files and the load test all talk to this one simulator, so that a fault which one of them
//! can provoke can be provoked by all. [`twilio`] and [`speech`] know nothing of Landfall itself; [`client`] knows its protocol and
//! [`server`] its command line, both from the outside. [`postgres`] is the database that its tests run against.

pub mod client;
#[cfg(feature = "load")]
pub mod load;
pub mod measure;
pub mod postgres;
pub mod random;
pub mod redis;
pub mod server;
pub mod speech;
pub mod twilio;
