//! The server as its users meet it: real sockets, real files, a real SQLite or PostgreSQL, and the
//! simulator as the provider.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks by awaiting them, and measure real time")]

mod access;
mod audit;
mod callbacks;
mod crash;
mod doctor;
mod drain;
mod events;
mod faults;
mod fleet;
mod foreign;
mod forward;
mod lifecycle;
mod limits;
mod links;
mod media;
mod migration;
mod origins;
mod postgres;
mod registration;
mod sockets;
mod support;
mod the_way;
mod tokens;
