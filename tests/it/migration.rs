//! From the system that is to be replaced to this one, as docs/migrate.md goes: its nginx, its table of calls, its volume.

mod call_log;
mod nginx;
mod volume;
