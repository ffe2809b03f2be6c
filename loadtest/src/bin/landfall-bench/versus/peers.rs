//! Servers of others, each started as a process of this one; they know not what is measured.

pub(crate) mod broker;
mod nchan;
mod node;
