//! The simulator as its clients see it, and the clients that measure: one binary, one module per part.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks by awaiting them, and measure real time")]

mod api;
mod callbacks;
mod clients;
mod faults;
mod media;
mod script;
mod speech;
mod support;
