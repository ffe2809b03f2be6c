//! The simulator as its clients see it: one binary, one module per part.

mod api;
mod callbacks;
mod faults;
mod media;
mod script;
mod speech;
mod support;
