//! The load test against the real server: each scenario runs and passes, and whatever a server does wrong is caught.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks by awaiting them")]

mod faulty;
mod reports;
mod scenarios;
mod support;
mod wrong;
